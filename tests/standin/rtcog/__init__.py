"""A stand-in for rtcog: its names and its order of events, as far as a viewer sees them, and made-up volumes."""
