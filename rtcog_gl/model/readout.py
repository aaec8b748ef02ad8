"""What is under the crosshair."""

from __future__ import annotations

import math

from .scene import Readout
from .volume import FloatArray, MaskGrid, Point, nearest_voxel


def read(
    grid: MaskGrid, column: FloatArray, at: Point, template: int | None = None, template_value: float = math.nan
) -> Readout:
    """Return what a map (n_voxels,) has at a position, and with it the value of a template there."""
    i, j, k = nearest_voxel(grid.affine, at).tolist()
    voxel = grid.voxel_at(at)
    value = math.nan if voxel is None else float(column[voxel])
    return Readout(at, (i, j, k), value, voxel is not None, template, template_value)
