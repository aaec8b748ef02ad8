"""Where a map is largest: above zero, below zero, and one local peak after the other."""

from __future__ import annotations

from itertools import product

import numpy as np

from .volume import FloatArray, IntArray, MaskGrid, Point, nearest_voxel


def largest(grid: MaskGrid, column: FloatArray, sign: int) -> Point | None:
    """Return the centre of the voxel whose value is farthest from zero on one side, in mm; ties go to the first.

    Parameters
    ----------
    grid : MaskGrid
    column : array, (n_voxels,), float32
        The map; values that are not finite are passed over.
    sign : int
        1 for values above zero, -1 for values below.

    Returns
    -------
    Point or None
        None where no value lies on that side.

    Raises
    ------
    ValueError
        If the column's length is not the mask's.
    """
    _check(grid, column)
    values = np.where(np.isfinite(column), column, np.float32(0))
    voxel = int(values.argmax() if sign > 0 else values.argmin())
    return grid.mm_of(voxel) if values[voxel] * sign > 0 else None


def peaks(grid: MaskGrid, column: FloatArray, threshold: float) -> IntArray:
    """Return the local peaks of a map, the largest first.

    A peak is a voxel of the mask whose value without its sign is not 0, reaches the threshold, and is exceeded by none
    of the 26 voxels around it; of neighbours that are equal, the first counts.

    Parameters
    ----------
    grid : MaskGrid
    column : array, (n_voxels,), float32
        The map; values that are not finite count as 0.
    threshold : float
        Least value without its sign.

    Returns
    -------
    array, (n, 3), int64
        Grid indices.

    Raises
    ------
    ValueError
        If the column's length is not the mask's.
    """
    _check(grid, column)
    nx, ny, nz = grid.box_shape
    # A voxel more on each side, so that every voxel has 26 neighbours.
    padded = np.zeros((nz + 2, ny + 2, nx + 2), np.float32)
    padded[1:-1, 1:-1, 1:-1][grid.box()] = np.where(np.isfinite(column), np.abs(column), np.float32(0))
    size = padded.reshape(-1)
    place = np.flatnonzero((size >= np.float32(threshold)) & (size > 0))
    own = size[place]
    for dz, dy, dx in sorted(product((-1, 0, 1), repeat=3), key=lambda step: sum(map(abs, step)))[1:]:
        offset = dx + (nx + 2) * (dy + (ny + 2) * dz)
        other = size[place + offset]
        # Candidates become fewer with each neighbour, so the next one is cheaper to look up.
        stay = own > other if offset < 0 else own >= other
        place, own = place[stay], own[stay]
    place = place[np.argsort(-own, kind="stable")]
    k, j, i = np.unravel_index(place, padded.shape)
    ijk: IntArray = np.stack([i, j, k], axis=-1) - 1 + np.array(grid.corner)
    return ijk


def next_peak(grid: MaskGrid, column: FloatArray, threshold: float, at: Point | None) -> Point | None:
    """Return the centre of the peak that comes after the one at a position, in mm; after the last comes the first.

    Parameters
    ----------
    grid, column, threshold
        See `peaks`.
    at : Point or None
        Position (RAS+ mm); where there is no peak, the largest peak comes next.

    Returns
    -------
    Point or None
        None where there is no peak at all.
    """
    found = peaks(grid, column, threshold)
    if not len(found):
        return None
    here = np.full(len(found), False) if at is None else (found == nearest_voxel(grid.affine, at)).all(axis=1)
    now = int(here.argmax()) if here.any() else -1
    x, y, z = (grid.affine[:3, :3] @ found[(now + 1) % len(found)] + grid.affine[:3, 3]).tolist()
    return (x, y, z)


def _check(grid: MaskGrid, column: FloatArray) -> None:
    if column.shape != (grid.n_voxels,):
        raise ValueError(f"map: got a column of shape {column.shape}, expected ({grid.n_voxels},) for this mask")
