"""Where panels are drawn, so that a panel that did not change need not be drawn again.

Pixels count from the top left here, as everywhere outside OpenGL. Clip space y = +1 is the top row in the window and in
a texture alike, so nothing is ever flipped; only the scissor box has to be counted from the bottom.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import numpy as np
from vispy import gloo

from rtcog_gl.gpu import shaders
from rtcog_gl.model.draw import Colour, Rect

Size = tuple[int, int]

_STRIP = np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)], np.float32)


class Target(Protocol):
    """What panels are drawn into: `begin`, then any number of `panel`, then `present`."""

    def begin(self, size: Size) -> bool:
        """Make ready for a picture of `size` (width, height); return True if the last picture is lost."""

    def panel(self, rect: Rect, clear: Colour | None = None) -> AbstractContextManager[None]:
        """Confine drawing to a panel, filled with `clear` at first if that is given."""

    def present(self) -> None:
        """Put the picture into the window's framebuffer; the window swaps."""

    def forget(self) -> None:
        """Treat the last picture as lost."""


def prepare(size: Size) -> None:
    """Set what every layer relies on.

    The viewport is all of `size`; colours with straight alpha are painted over and what is opaque stays so; depth,
    culling and scissor are off.
    """
    gloo.set_viewport(0, 0, *size)
    gloo.set_state(depth_test=False, cull_face=False, scissor_test=False, blend=True)
    gloo.set_blend_func("src_alpha", "one_minus_src_alpha", "one", "one_minus_src_alpha")


def check_size(size: Size) -> None:
    """Raise ValueError unless `size` is at least 1 x 1."""
    if min(size) < 1:
        raise ValueError(f"framebuffer size: got {size[0]} x {size[1]} pixels, expected at least 1 x 1")


@contextmanager
def scissor(rect: Rect, size: Size, clear: Colour | None = None) -> Iterator[None]:
    """Confine drawing to a rectangle, taken to whole pixels; `clear` is by far the cheapest way to fill it."""
    left, top, right, bottom = (math.floor(v + 0.5) for v in (rect.x, rect.y, rect.right, rect.bottom))
    gloo.set_scissor(left, size[1] - bottom, max(0, right - left), max(0, bottom - top))
    gloo.set_state(scissor_test=True)
    try:
        if clear is not None:
            gloo.clear(color=clear, depth=False, stencil=False)
        yield
    finally:
        gloo.set_state(scissor_test=False)


class DirectTarget:
    """Draws panels straight into the bound framebuffer.

    Right only where the back buffer still holds the last picture after a swap, as with Mesa's software rasterisers.
    """

    def __init__(self) -> None:
        self._size = (0, 0)

    def begin(self, size: Size) -> bool:
        """Make ready for a picture of `size`; return True if everything has to be drawn.

        Raises
        ------
        ValueError
            If `size` is less than 1 x 1.
        """
        check_size(size)
        lost = size != self._size
        self._size = size
        prepare(size)
        return lost

    def panel(self, rect: Rect, clear: Colour | None = None) -> AbstractContextManager[None]:
        """Confine drawing to a panel."""
        return scissor(rect, self._size, clear)

    def present(self) -> None:
        """Nothing is left to do: the picture is where it belongs."""

    def forget(self) -> None:
        """Treat the last picture as lost."""
        self._size = (0, 0)


class CachedTarget:
    """Draws panels into a texture and copies that to the bound framebuffer; right everywhere."""

    def __init__(self) -> None:
        self._size = (0, 0)
        self._frame: gloo.FrameBuffer | None = None
        self._program = shaders.program("blit")
        self._program["a_corner"] = gloo.VertexBuffer(_STRIP)

    def begin(self, size: Size) -> bool:
        """Bind the texture for a picture of `size`; return True if everything has to be drawn.

        Raises
        ------
        ValueError
            If `size` is less than 1 x 1.
        """
        check_size(size)
        lost = size != self._size
        if lost:
            self._resize(size)
        self._bound().activate()
        prepare(size)
        return lost

    def _bound(self) -> gloo.FrameBuffer:
        if self._frame is None:
            raise RuntimeError("picture: got no framebuffer, expected `begin` before anything is drawn")
        return self._frame

    def _resize(self, size: Size) -> None:
        if self._frame is not None:
            self._frame.color_buffer.delete()
            self._frame.delete()
        # From zeros, because a texture made from a shape holds whatever was there before.
        blank = np.zeros((size[1], size[0], 4), np.uint8)
        picture = gloo.Texture2D(blank, format="rgba", internalformat="rgba8", interpolation="nearest")
        self._frame = gloo.FrameBuffer(color=picture)
        self._program["u_picture"] = picture
        self._size = size

    def panel(self, rect: Rect, clear: Colour | None = None) -> AbstractContextManager[None]:
        """Confine drawing to a panel."""
        return scissor(rect, self._size, clear)

    def present(self) -> None:
        """Copy the picture to the framebuffer that was bound before `begin`."""
        self._bound().deactivate()
        gloo.set_state(blend=False, scissor_test=False)
        self._program.draw("triangle_strip")
        gloo.set_state(blend=True)

    def forget(self) -> None:
        """Treat the last picture as lost."""
        self._size = (0, 0)
