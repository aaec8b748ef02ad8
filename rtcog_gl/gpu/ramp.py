"""The colour bar beside the map."""

from __future__ import annotations

import math

import numpy as np
from vispy import gloo

from rtcog_gl.gpu import shaders
from rtcog_gl.model.draw import RampView

_STRIP = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], np.float32)


class RampLayer:
    """Draws a `RampView` with one program and one draw call; only uniform values change."""

    def __init__(self) -> None:
        self._program = shaders.program("ramp")
        self._program["a_corner"] = gloo.VertexBuffer(_STRIP)
        self._shown: tuple[RampView, tuple[int, int]] | None = None
        self._lut: gloo.Texture2D | None = None

    def draw(self, view: RampView, lut: gloo.Texture2D, framebuffer_size: tuple[int, int]) -> None:
        """Paint the bar into the bound framebuffer; its rectangle is taken to whole pixels.

        Parameters
        ----------
        view
            What to draw.
        lut
            Colours from -vmax to +vmax, as `rtcog_gl.gpu.colormaps.lut_texture` makes them.
        framebuffer_size
            Width and height in pixels; the viewport covers all of it.

        Raises
        ------
        ValueError
            If `view.vmax` is not a finite number above 0.
        """
        if not (math.isfinite(view.vmax) and view.vmax > 0):
            raise ValueError(f"colour bar: got vmax {view.vmax}, expected a finite number above 0")
        if (view, framebuffer_size) != self._shown:
            self._shown = (view, framebuffer_size)
            rect = view.rect
            left, top, right, bottom = (math.floor(v + 0.5) for v in (rect.x, rect.y, rect.right, rect.bottom))
            self._program["u_framebuffer"] = framebuffer_size
            self._program["u_rect"] = (left, top, max(0, right - left), max(0, bottom - top))
            self._program["u_threshold"] = abs(view.threshold) / view.vmax
            self._program["u_cut"] = view.cut
        if lut is not self._lut:
            self._lut = lut
            self._program["u_lut"] = lut
        self._program.draw("triangle_strip")
