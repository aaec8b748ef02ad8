"""The panels of the console: pure functions from a `Scene` to a `Drawing`."""
