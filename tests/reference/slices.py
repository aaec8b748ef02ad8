"""The slices layer's picture in numpy, float64: each pixel by itself, straight from the affines."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
CLOSE = 2e-4
"""Voxels: pixels nearer than this to the border of a voxel may fall to either side of it."""

CLOSE_VALUE = 5e-3
"""Weighted values nearer than this to the threshold may fall to either side of it."""


class Reference(NamedTuple):
    """What should be seen."""

    picture: Array
    """(h, w, 3), float64, 0..1; zero outside the planes."""

    sure: npt.NDArray[np.bool_]
    """(h, w): pixels whose colour is no close call: not on the border of a voxel, not on the rim of an anatomy that is
    not as dark as its background, and, with linear sampling, not where a value is about to be drawn or not."""

    in_planes: npt.NDArray[np.bool_]
    """(h, w): pixels of planes."""


def _world(plane: Any) -> tuple[slice, slice, Array]:
    x, y, w, h = (int(n) for n in plane.rect)
    across, along = np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5)
    mm = np.array(plane.origin) + across[..., None] * np.array(plane.right) + along[..., None] * np.array(plane.down)
    return slice(y, y + h), slice(x, x + w), mm


def _voxels(affine: Array, mm: Array) -> Array:
    flat = (mm - affine[:3, 3]).reshape(-1, 3).T
    return np.linalg.solve(affine[:3, :3], flat).T.reshape(mm.shape)


def _lookup(volume: Array, p: Array) -> Array:
    """Value at the nearest voxel of an (nx, ny, nz) volume; zero off the grid."""
    ijk = np.floor(p + 0.5).astype(int)
    ok = ((ijk >= 0) & (ijk < volume.shape)).all(axis=-1)
    i, j, k = np.moveaxis(np.where(ok[..., None], ijk, 0), -1, 0)
    return np.where(ok, volume[i, j, k], 0)


def _linear(volume: Array, p: Array) -> Array:
    """Trilinear value of an (nx, ny, nz) volume, its outer voxels continued to their faces; zero beyond those."""
    top = np.array(volume.shape) - 1
    inside = ((p >= -0.5) & (p < top + 0.5)).all(axis=-1)
    q = np.clip(p, 0, top)
    low = np.minimum(np.floor(q).astype(int), np.maximum(top - 1, 0))
    part = q - low
    total = np.zeros(p.shape[:-1])
    for corner in np.ndindex(2, 2, 2):
        i, j, k = np.moveaxis(np.minimum(low + corner, top), -1, 0)
        total += volume[i, j, k] * np.where(corner, part, 1 - part).prod(axis=-1)
    return np.where(inside, total, 0)


def _on_border(p: Array) -> Array:
    return (np.abs(p - np.floor(p) - 0.5) < CLOSE).any(axis=-1)


def _weighted(values: Array, p: Array) -> tuple[Array, Array]:
    """Mean of the finite values around p, weighted trilinearly, and the sum of their weights; zero where that is 0."""
    low = np.floor(p).astype(int)
    total, weights = np.zeros(p.shape[:-1]), np.zeros(p.shape[:-1])
    for corner in np.ndindex(2, 2, 2):
        weight = np.where(corner, p - low, 1 - (p - low)).prod(axis=-1)
        weight = weight * _lookup(np.isfinite(values), (low + corner).astype(float))
        total += weight * _lookup(np.where(np.isfinite(values), values, 0), (low + corner).astype(float))
        weights += weight
    return total / np.where(weights > 0, weights, 1), weights


def _over(below: Array, above: tuple[float, ...]) -> Array:
    return below * (1 - above[3]) + np.array(above[:3]) * above[3]


def _colours(lut: Array, place: Array) -> Array:
    at = np.clip(place, 0, 1) * 255
    return np.stack([np.interp(at, np.arange(256), lut[:, c] / 255) for c in range(3)], axis=-1)


def picture(
    view: Any,
    size: tuple[int, int],
    shape: tuple[int, int, int],
    affine: Array,
    inside: Array,
    column: Array | None,
    lut: Array,
    anatomy: tuple[Array, Array, tuple[float, ...], tuple[float, ...]] | None = None,
) -> Reference:
    """Return what a view should look like; `anatomy` is (volume (nx, ny, nz) uint8, affine, dark, light)."""
    width, height = size
    out, sure = np.zeros((height, width, 3)), np.ones((height, width), bool)
    in_planes = np.zeros((height, width), bool)
    mask = inside.reshape(shape, order="F")
    values = np.full(shape, np.nan)
    if column is not None:
        values[mask] = 0
        flat = np.full(mask.size, np.nan)
        flat[np.flatnonzero(inside)] = column
        values = flat.reshape(shape, order="F")
    background = np.array(view.background[:3])
    for plane in view.planes:
        rows, columns, mm = _world(plane)
        p = _voxels(affine, mm)
        here = _lookup(mask, p).astype(bool)
        border = _on_border(p)
        if anatomy is not None:
            grey = _linear(anatomy[0] / 255, _voxels(anatomy[1], mm))[..., None]
            level, width_of_window = view.grey
            light = np.clip((grey - level) / width_of_window + 0.5, 0, 1)
            tone = np.array(anatomy[2][:3]) * (1 - light) + np.array(anatomy[3][:3]) * light
            share = np.clip(grey / 0.06, 0, 1)
            ground = background * (1 - share) + tone * share
            if anatomy[2] != view.background or level < width_of_window / 2:
                # The rim is steep: one step of the filter's eight bits is many steps of the picture's.
                border |= (grey[..., 0] > 0) & (grey[..., 0] < 0.06 + 2 / 255)
        else:
            surrounded = np.ones(here.shape, bool)
            for step in (plane.right, plane.down):
                for sign in (1, -1):
                    q = _voxels(affine, mm + sign * np.array(step))
                    surrounded &= _lookup(mask, q).astype(bool)
                    border |= _on_border(q)
            ground = np.where(surrounded[..., None], _over(background, view.fill), _over(background, view.outline))
            ground = np.where(here[..., None], ground, background)
        there = here & _lookup(np.isfinite(values), p).astype(bool)
        missing = here & ~there & view.has_map
        ground = np.where(missing[..., None], _over(ground, view.missing), ground)
        value = _lookup(np.where(np.isfinite(values), values, 0), p)
        if view.linear:
            value, weight = _weighted(values, p)
            there = (weight >= 0.5) & ~missing
            border |= np.abs(weight - 0.5) < 1e-3
            if view.threshold > 0:
                border |= np.abs(np.abs(value) - view.threshold) < CLOSE_VALUE
        shown = view.has_map & there & (np.abs(value) >= np.float32(view.threshold))
        share = view.opacity * shown[..., None]
        out[rows, columns] = ground * (1 - share) + _colours(lut, 0.5 + 0.5 * value / view.vmax) * share
        sure[rows, columns] = ~border
        in_planes[rows, columns] = True
    return Reference(out, sure, in_planes)
