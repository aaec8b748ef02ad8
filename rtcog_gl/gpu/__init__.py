"""Textures, programs and layers: the only user of `vispy.gloo`. Imports `rtcog_gl.model` only."""
