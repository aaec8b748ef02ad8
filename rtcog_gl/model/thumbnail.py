"""A hit as a thumbnail: the axial slice through its peak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .draw import LARGEST, NO_VALUE, OUTSIDE
from .volume import Float64Array, FloatArray, MaskGrid, nearest_voxel

MOST_PIXELS = 96
"""Largest number of pixels of a side."""


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


def thumbnail(grid: MaskGrid, column: FloatArray, voxel: int, tr: int, vmax: float) -> Thumb:
    """Return the axial slice through a voxel, as wide as the whole mask; its pixels show the nearest voxels.

    Parameters
    ----------
    grid : MaskGrid
    column : ndarray, (n_voxels,), float32
        The map.
    voxel : int
        Voxel of the column through whose centre the slice goes.
    tr : int
        Of which hit it is.
    vmax : float
        Largest finite absolute value of the map.

    Raises
    ------
    ValueError
        If the column's length is not the mask's.
    """
    if column.shape != (grid.n_voxels,):
        raise ValueError(f"map: got a column of shape {column.shape}, expected ({grid.n_voxels},) for this mask")
    z = grid.mm_of(voxel)[2]
    number = grid.voxels_of(nearest_voxel(grid.affine, _pixels(grid, z)))
    value = column[np.maximum(number, 0)]
    value = np.where(np.isfinite(value), np.clip(value, -LARGEST, LARGEST), NO_VALUE)
    return Thumb(tr, np.where(number >= 0, value, OUTSIDE).astype(np.float32, copy=False), z, vmax)


def _pixels(grid: MaskGrid, z: float) -> Float64Array:
    """Return the centres (rows, columns, 3) of the pixels of an axial slice, in mm, the front on top."""
    (wide, deep, _), (x, y, _) = grid.bounds.size, grid.bounds.centre
    finest = float(np.linalg.norm(grid.affine[:3, :3], axis=0).min())
    cell = max(finest, max(wide, deep) / MOST_PIXELS)
    # A hair less, so that an extent which holds a whole number of pixels gets no more than those.
    columns, rows = (max(1, int(np.ceil(length / cell - 1e-4))) for length in (wide, deep))
    mm = np.empty((rows, columns, 3))
    mm[..., 0] = x + (np.arange(columns) - (columns - 1) / 2) * cell
    mm[..., 1] = (y + ((rows - 1) / 2 - np.arange(rows)) * cell)[:, np.newaxis]
    mm[..., 2] = z
    return mm
