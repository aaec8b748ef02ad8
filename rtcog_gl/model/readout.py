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
    return Readout(at, (i, j, k), _same_nan(value), voxel is not None, template, _same_nan(template_value))


def _same_nan(value: float) -> float:
    """Return a value, or the one NaN that equals itself inside a tuple: what did not change is not drawn again."""
    return math.nan if math.isnan(value) else value
