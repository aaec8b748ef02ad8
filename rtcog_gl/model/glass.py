"""A glass brain: for each ray through the head, the value that is farthest from zero, with its sign."""

from __future__ import annotations

from dataclasses import dataclass

from .volume import FloatArray, Point


@dataclass(frozen=True)
class GlassFrame:
    """The lattice of world space along whose axes the rays run; the same for every map of a grid."""

    low: Point
    """Outer corner of its first cell (RAS+ mm)."""

    step: float
    """Edge of a cell, in mm."""

    counts: tuple[int, int, int]
    """Cells along x, y and z."""


@dataclass(frozen=True, eq=False)
class Glass:
    """Three projections of one map, seen from behind, from the left and from above (left is left).

    Coronal (z rows, x columns), sagittal (z rows, y columns) and axial (y rows, x columns), float32, top row first,
    one pixel a cell of the lattice: `OUTSIDE` where the ray misses the mask, `NO_VALUE` where it meets no finite value.
    """

    images: tuple[FloatArray, FloatArray, FloatArray]
