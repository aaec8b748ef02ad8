"""Boxes, discs and lines: any number of them in one draw call, antialiased by their distance to each pixel."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtcog_gl.gpu import shaders
from rtcog_gl.gpu.quads import CORNERS, QuadBuffer
from rtcog_gl.model.draw import SHAPE, Shapes

VERTEX = np.dtype([("geom", "f4", 4), ("colour", "f4", 4), ("style", "f4", 4), ("corner", "f4", 3)])


def vertices(shapes: Shapes) -> npt.NDArray[np.void]:
    """Return four vertices a shape, (4 n,) of `VERTEX`."""
    out = np.empty((len(shapes), 4), VERTEX)
    for name in ("geom", "colour", "style"):
        out[name] = shapes[name][:, None]
    out["corner"][..., :2] = CORNERS
    out["corner"][..., 2] = shapes["kind"][:, None]
    return out.ravel()


@dataclass
class _Slot:
    shapes: Shapes
    quads: QuadBuffer


class ShapesLayer:
    """Draws `Shapes` in painting order, with one program and one draw call.

    Each panel has its own slot on the GPU, named by a key: a panel whose shapes did not change uploads nothing.
    """

    def __init__(self) -> None:
        self._program = shaders.program("shapes")
        self._slots: dict[Hashable, _Slot] = {}
        self._size = (0, 0)
        self.bytes_uploaded = 0
        """Vertex and index bytes handed to OpenGL so far."""

    def draw(self, key: Hashable, shapes: Shapes, framebuffer_size: tuple[int, int]) -> None:
        """Paint `shapes` into the bound framebuffer.

        Parameters
        ----------
        key
            Names the slot, for example the panel's name.
        shapes
            (n,) of `SHAPE`; must not be changed afterwards.
        framebuffer_size
            Width and height in pixels; the viewport covers all of it.

        Raises
        ------
        TypeError
            If `shapes` has another dtype.
        """
        if shapes.dtype != SHAPE:
            raise TypeError(f"shapes of {key!r}: got dtype {shapes.dtype}, expected {SHAPE}")
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = _Slot(np.zeros(0, SHAPE), QuadBuffer(VERTEX))
        if shapes is not slot.shapes:
            if shapes.tobytes() != slot.shapes.tobytes():
                self.bytes_uploaded += slot.quads.upload(vertices(shapes))
            slot.shapes = shapes
        if framebuffer_size != self._size:
            self._size = framebuffer_size
            self._program["u_framebuffer"] = framebuffer_size
        slot.quads.draw(self._program)
