"""Projections and thumbnails in numpy, float64: every lattice point by itself, straight from the affine."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.draw import NO_VALUE, OUTSIDE

Array = npt.NDArray[Any]
CLOSE = 1e-9
"""Voxels: points nearer than this to the border of a voxel may fall to either side of it."""


class Reference(NamedTuple):
    """What should come out."""

    images: tuple[Array, ...]
    sure: tuple[Array, ...]
    """Pixels none of whose points lies on the border of a voxel."""


def _volume(grid: Any, column: Array) -> tuple[Array, Array]:
    """Return the map (nx, ny, nz), `NO_VALUE` where it is not finite and `OUTSIDE`, and the voxels (n, 3) in order."""
    flat = np.full(int(np.prod(grid.shape)), OUTSIDE, np.float32)
    places = np.flatnonzero(grid.inside)
    flat[places] = np.where(np.isfinite(column), column, NO_VALUE)
    voxels = np.array(np.unravel_index(places, grid.shape, order="F")).T
    return flat.reshape(grid.shape, order="F"), voxels


def _at(volume: Array, affine: Array, mm: Array) -> tuple[Array, Array, Array]:
    """Return the values at positions (..., 3), which are unsure, and the voxels (..., 3)."""
    p = np.linalg.solve(affine[:3, :3], (mm - affine[:3, 3]).reshape(-1, 3).T).T.reshape(mm.shape)
    ijk = np.floor(p + 0.5).astype(int)
    there = ((ijk >= 0) & (ijk < volume.shape)).all(axis=-1)
    i, j, k = np.moveaxis(np.where(there[..., None], ijk, 0), -1, 0)
    unsure = (np.abs(p - np.floor(p) - 0.5) < CLOSE).any(axis=-1)
    return np.where(there, volume[i, j, k], OUTSIDE), unsure, np.where(there[..., None], ijk, -1)


def _farther(values: Array) -> float:
    """Return the value of a ray that meets these."""
    known = [float(v) for v in values if v not in (OUTSIDE, NO_VALUE)]
    if known:
        return max(known, key=lambda v: (abs(v), v))
    return float(NO_VALUE if (values == NO_VALUE).any() else OUTSIDE)


def project(grid: Any, frame: Any, column: Array) -> Reference:
    """Return the coronal, sagittal and axial projection."""
    volume, voxels = _volume(grid, column)
    cells = np.stack(np.indices(frame.counts), axis=-1)
    values, unsure, ijk = _at(volume, grid.affine, np.array(frame.low) + (cells + 0.5) * frame.step)
    seen = {tuple(voxel) for voxel in ijk.reshape(-1, 3).tolist()}
    left = np.array([voxel for voxel in voxels.tolist() if tuple(voxel) not in seen], int).reshape(-1, 3)
    at = (left @ grid.affine[:3, :3].T + grid.affine[:3, 3] - frame.low) / frame.step
    home = np.clip(np.floor(at).astype(int), 0, np.array(frame.counts) - 1)
    images, sure = [], []
    for ray, up, right in ((1, 2, 0), (0, 2, 1), (2, 1, 0)):
        rays = np.moveaxis(values, (up, right, ray), (0, 1, 2))
        found = np.empty(rays.shape[:2], np.float32)
        for row, col in np.ndindex(*found.shape):
            late = left[(home[:, up] == row) & (home[:, right] == col)]
            found[row, col] = _farther(np.concatenate([rays[row, col], volume[tuple(late.T)]]))
        images.append(found[::-1])
        on_border = np.moveaxis(unsure, (up, right, ray), (0, 1, 2)).any(axis=2)
        sure.append(~on_border[::-1])
    return Reference(tuple(images), tuple(sure))


def axial(grid: Any, column: Array, z: float, most: int) -> tuple[Array, Array]:
    """Return the axial slice at `z` (mm) and which of its pixels are sure."""
    volume, _ = _volume(grid, column)
    corners = np.array(np.meshgrid(*[(-0.5, 0.5)] * 3)).reshape(3, -1).T
    _, voxels = _volume(grid, column)
    reach = (voxels[:, None] + corners).reshape(-1, 3) @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    low, high = reach.min(axis=0), reach.max(axis=0)
    cell = max(np.linalg.norm(grid.affine[:3, :3], axis=0).min(), (high - low)[:2].max() / most)
    n = np.maximum(1, np.ceil((high - low)[:2] / cell - 1e-4).astype(int))
    first = (high + low)[:2] / 2 - (n - 1) / 2 * cell
    x, y = np.meshgrid(first[0] + np.arange(n[0]) * cell, first[1] + np.arange(n[1])[::-1] * cell)
    values, unsure, _ = _at(volume, grid.affine, np.stack([x, y, np.full(x.shape, z)], axis=-1))
    return values, ~unsure
