"""The window and its loop: the only user of `glfw` and `vispy.app`."""
