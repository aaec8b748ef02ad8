"""A hit as a thumbnail: the axial slice through its peak."""

from __future__ import annotations

from dataclasses import dataclass

from .volume import FloatArray


@dataclass(frozen=True, eq=False)
class Thumb:
    """A small picture of a hit's map."""

    tr: int
    image: FloatArray
    """(rows, columns), float32, top row first, left is left: values; `OUTSIDE` and `NO_VALUE` where there is none."""

    z_mm: float
    """Where the slice lies, in mm."""

    vmax: float
    """Largest finite absolute value of the whole map; 0 where there is none."""
