"""Shared memory, its writers and its readers. Imports `rtcog_gl.model` only."""
