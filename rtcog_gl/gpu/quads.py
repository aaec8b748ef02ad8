"""Quads on the GPU: four vertices each, one draw call for all of them, and no upload while they stay the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from vispy import gloo

CORNERS = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32)
"""Order of a quad's vertices, (4, 2): left or right, top or bottom."""

_TRIANGLES = np.array([0, 1, 2, 0, 2, 3], np.uint32)


class QuadBuffer:
    """Vertices of quads in one vertex buffer that grows by doubling.

    Parameters
    ----------
    dtype
        Structured type of one vertex; field ``x`` is the attribute ``a_x`` of the program that draws it.
    capacity
        Quads to make room for at first.
    """

    def __init__(self, dtype: np.dtype[np.void], capacity: int = 64) -> None:
        self._dtype = dtype
        self._count = 0
        self._indices = gloo.IndexBuffer(_TRIANGLES)
        self._reserve(capacity)

    def _reserve(self, capacity: int) -> None:
        self._capacity = capacity
        self._vertices = gloo.VertexBuffer(np.zeros(4 * capacity, self._dtype))
        # Made once: looking the fields up in every draw costs more than the draw.
        self._fields = {f"a_{name}": self._vertices[name] for name in self._dtype.names or ()}

    @property
    def count(self) -> int:
        """Number of quads that `draw` draws."""
        return self._count

    def upload(self, vertices: npt.NDArray[Any]) -> int:
        """Replace the quads and return the bytes uploaded.

        Parameters
        ----------
        vertices
            (4 n,) of the buffer's dtype; the caller must not change the array afterwards.
        """
        count = len(vertices) // 4
        if count > self._capacity:
            self._reserve(max(count, 2 * self._capacity))
        sent = 0
        if count:
            self._vertices.set_subdata(vertices)
            sent += vertices.nbytes
        if count != self._count and count:
            indices = (_TRIANGLES + 4 * np.arange(count, dtype=np.uint32)[:, None]).ravel()
            self._indices.set_data(indices)
            sent += indices.nbytes
        self._count = count
        return sent

    def draw(self, program: gloo.Program) -> None:
        """Draw all quads with `program`; without any, do nothing."""
        if not self._count:
            return
        for name, field in self._fields.items():
            program[name] = field
        program.draw("triangles", self._indices)
