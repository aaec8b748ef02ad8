"""Voxels within a radius of a position."""

from __future__ import annotations

import numpy as np

from .volume import IntArray, MaskGrid, Point, voxel_coordinates

ROUNDING = 1e-9
"""Part of the radius by which a centre may be farther away, so that rounding decides nothing."""


def sphere(grid: MaskGrid, at: Point, radius_mm: float) -> IntArray:
    """Return the voxels of a map column, ascending, whose centres are within a radius of a position (RAS+ mm).

    The voxel that holds the position is always among them, if it is in the mask. Only the voxels of the sphere's own
    box are looked at, however many the mask has.
    """
    linear = grid.affine[:3, :3]
    centre = voxel_coordinates(grid.affine, at)
    # A row of the inverse is how fast an index grows in space: times the radius, how far the sphere reaches.
    reach = max(0.0, radius_mm) * (1 + ROUNDING) * np.linalg.norm(np.linalg.inv(linear), axis=1)
    low = np.maximum(np.ceil(centre - reach), grid.corner).astype(np.int64)
    high = np.minimum(np.floor(centre + reach), np.add(grid.corner, grid.box_shape) - 1).astype(np.int64)
    ijk = np.indices(np.maximum(0, high - low + 1)).reshape(3, -1).T + low
    offset = (ijk - centre) @ linear.T
    near = (offset**2).sum(axis=1) <= (radius_mm * (1 + ROUNDING)) ** 2
    voxel = grid.voxel_at(at)
    found = np.append(grid.voxels_of(ijk[near]), -1 if voxel is None else voxel)
    return np.unique(found[found >= 0])
