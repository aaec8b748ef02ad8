"""A glass brain: for each ray through the head, the value that is farthest from zero, with its sign.

The rays run along the axes of the world, through the cells of a lattice (`GlassFrame`). A cell shows the voxel that
holds its centre; a voxel that holds the centre of no cell counts in the cell that holds the voxel's own. So every voxel
of the mask is seen in all three projections.

Values become whole numbers (keys) whose order is that of "farther from zero", so that a ray's value is a maximum: 0
outside the mask, 1 where the value is not finite, else the bits of the size, and after them one for "positive".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .draw import LARGEST, NO_VALUE, OUTSIDE
from .volume import BoolArray, Float64Array, FloatArray, MaskGrid, Point, voxel_coordinates

FINEST_MM = 1.0
"""Smallest cell, in mm."""

MOST_CELLS = 256
"""Largest number of cells along an axis."""

_CHUNK = 1 << 17
"""Cells, or voxels of the grid, that are worked on at once: few enough to stay in a processor's cache."""

_OUTSIDE, _NO_VALUE, _FIRST = np.uint32(0), np.uint32(1), np.uint32(2)

_PICTURES = ((1, 2, 0), (0, 2, 1), (2, 1, 0))
"""World axes of the coronal, sagittal and axial projection: along the ray, upwards, to the right."""

_SIZE, _INFINITE, _NEGATIVE = np.uint32(0x7FFFFFFF), np.uint32(0x7F800000), np.uint32(0x80000000)
"""Bits of a float32: all but the sign's; those of infinity, above which is NaN; the sign's."""

_Keys = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class GlassFrame:
    """The lattice of world space along whose axes the rays run; the same for every map of a grid."""

    low: Point
    """Outer corner of its first cell (RAS+ mm)."""

    step: float
    """Edge of a cell, in mm."""

    counts: tuple[int, int, int]
    """Cells along x, y and z."""

    @property
    def high(self) -> Point:
        """Outer corner of its last cell (RAS+ mm)."""
        x, y, z = (low + n * self.step for low, n in zip(self.low, self.counts, strict=True))
        return (x, y, z)


@dataclass(frozen=True, eq=False)
class Glass:
    """Three projections of one map, seen from behind, from the right and from above (left is left).

    Coronal (z rows, x columns), sagittal (z rows, y columns) and axial (y rows, x columns), float32, top row first,
    one pixel a cell of the lattice: `OUTSIDE` where the ray misses the mask, `NO_VALUE` where it meets no finite value.
    """

    images: tuple[FloatArray, FloatArray, FloatArray]


def glass_frame(grid: MaskGrid) -> GlassFrame:
    """Return the lattice of a grid: cells as wide as a voxel's shortest edge, around all voxels of the mask."""
    bounds = grid.bounds
    shortest = float(np.linalg.norm(grid.affine[:3, :3], axis=0).min())
    step = max(shortest, FINEST_MM, max(bounds.size) / MOST_CELLS)
    # A hair less, so that an extent which holds a whole number of cells gets no more than those.
    x, y, z = (max(1, int(np.ceil(length / step - 1e-4))) for length in bounds.size)
    low = tuple(middle - n * step / 2 for middle, n in zip(bounds.centre, (x, y, z), strict=True))
    return GlassFrame((low[0], low[1], low[2]), step, (x, y, z))


class Projector:
    """Projects maps of one grid; to be used from one thread at a time.

    Keeps nothing but the voxels that no cell shows.

    Parameters
    ----------
    grid : MaskGrid
        Geometry of the maps.
    """

    def __init__(self, grid: MaskGrid) -> None:
        self.frame = glass_frame(grid)
        self._n_voxels = grid.n_voxels
        self._mask = _Box(grid)
        self._axes = _axes_of(grid.affine, self.frame.step)
        self._lattice = _Lattice(grid, self._mask, self.frame) if self._axes is None else None

    def project(self, column: FloatArray) -> Glass:
        """Return the projections of a map column (n_voxels,), float32.

        Raises
        ------
        ValueError
            If the column's length is not the mask's.
        """
        if column.shape != (self._n_voxels,):
            raise ValueError(f"map: got a column of shape {column.shape}, expected ({self._n_voxels},) for this mask")
        keys = _encoded(column)
        if self._axes is not None:
            return _glass(_maxima(self._mask.slabs(keys), self._mask.shape), self._axes)
        assert self._lattice is not None
        return _glass(self._lattice.project(keys), _Axes((0, 1, 2), (1, 1, 1)))


class _Axes(NamedTuple):
    """Where the axes of a grid point."""

    world: tuple[int, int, int]
    """World axis along which each runs."""

    sign: tuple[int, int, int]
    """1 where it runs the same way, else -1."""


def _axes_of(affine: Float64Array, step: float) -> _Axes | None:
    """Return where the axes of a grid point whose voxels are the cells, or None if they are not."""
    linear = affine[:3, :3] / step
    whole = np.rint(linear)
    # Over 256 voxels that is a fortieth of one.
    if np.abs(linear - whole).max() > 1e-4 or not (np.abs(whole).sum(axis=0) == 1).all():
        return None
    i, j, k = np.abs(whole).argmax(axis=0).tolist()
    along_i, along_j, along_k = whole.sum(axis=0).astype(int).tolist()
    return _Axes((i, j, k), (along_i, along_j, along_k))


class _Box:
    """The part of the grid that holds the mask, slices of it at a time."""

    def __init__(self, grid: MaskGrid) -> None:
        self._grid = grid
        self.shape = grid.box_shape
        """Voxels along each axis."""

    def masks(self) -> Iterator[BoolArray]:
        """Yield whether voxels are in the mask, (slices, ny, nx)."""
        nx, ny, nz = self.shape
        thick = max(1, _CHUNK // (nx * ny))
        box = self._grid.box()
        for k in range(0, nz, thick):
            yield box[k : k + thick]

    def slabs(self, keys: _Keys) -> Iterator[_Keys]:
        """Yield what stands in the voxels, (slices, ny, nx), 0 outside the mask."""
        first = 0
        for mask in self.masks():
            slab = np.zeros(mask.shape, np.uint32)
            stop = first + int(np.count_nonzero(mask))
            slab[mask] = keys[first:stop]
            first = stop
            yield slab


class _Lattice:
    """Which voxel each cell shows, where cells are no voxels."""

    def __init__(self, grid: MaskGrid, mask: _Box, frame: GlassFrame) -> None:
        self._mask = mask
        self._counts = frame.counts
        # From cells, counted from 0 at the centre of the first, to voxels of the box.
        inverse = np.linalg.inv(grid.affine)
        self._to_voxel = inverse[:3, :3] * frame.step
        self._origin = voxel_coordinates(grid.affine, np.array(frame.low) + frame.step / 2) - grid.corner
        self._left = self._left_out()
        mm = grid.ijk_of(self._left.astype(np.int64)) @ grid.affine[:3, :3].T + grid.affine[:3, 3]
        cells = np.floor((mm - frame.low) / frame.step).astype(np.intp)
        self._cells = np.clip(cells, 0, np.array(frame.counts) - 1).astype(np.uint8).T

    def project(self, keys: _Keys) -> tuple[_Keys, _Keys, _Keys]:
        """Return the maxima along x, y and z (see `_maxima`)."""
        volume = self._framed(self._mask.slabs(keys), np.dtype(np.uint32)).reshape(-1)
        found = _maxima((volume.take(places) for places in self._places()), self._counts)
        left, (x, y, z) = keys[self._left], self._cells
        for image, cells in zip(found, ((z, y), (z, x), (y, x)), strict=True):
            np.maximum.at(image, cells, left)
        return found

    def _framed(self, slabs: Iterable[npt.NDArray[Any]], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """Return slabs one on the other, with one voxel of nothing around them."""
        ni, nj, nk = self._mask.shape
        volume = np.zeros((nk + 2, nj + 2, ni + 2), dtype)
        k = 1
        for slab in slabs:
            volume[k : k + len(slab), 1:-1, 1:-1] = slab
            k += len(slab)
        return volume

    def _places(self) -> Iterator[npt.NDArray[np.int32]]:
        """Yield where in the framed box the cells' voxels are, (layers, ny, nx), some layers at a time."""
        nx, ny, nz = self._counts
        x, y = np.arange(nx), np.arange(ny)[:, np.newaxis]
        thick = max(1, _CHUNK // (nx * ny))
        for first in range(0, nz, thick):
            z = np.arange(first, min(nz, first + thick))[:, np.newaxis, np.newaxis]
            place = np.zeros((len(z), ny, nx), np.int32)
            for axis in (2, 1, 0):
                a, b, c = self._to_voxel[axis]
                size = self._mask.shape[axis]
                # 1/2 makes rounding down the nearest voxel, 1 is for the frame, which stands for all beyond it.
                p = a * x + (b * y + (c * z + (self._origin[axis] + 1.5)))
                np.clip(p, 0.0, size + 1.0, out=p)
                place *= size + 2
                place += p.astype(np.int32)
            yield place

    def _left_out(self) -> npt.NDArray[np.int32]:
        """Return the voxels of a map column that no cell shows."""
        seen = self._framed((), np.dtype(np.bool_))
        for places in self._places():
            seen.reshape(-1)[places] = True
        # In the mask's order: what is seen of each slab, at the places of the mask.
        inner, k, parts = seen[1:-1, 1:-1, 1:-1], 0, []
        for mask in self._mask.masks():
            parts.append(inner[k : k + len(mask)][mask])
            k += len(mask)
        return np.flatnonzero(~np.concatenate(parts)).astype(np.int32)


def _encoded(column: FloatArray) -> _Keys:
    """Return the keys of values; see the module."""
    bits = column.view(np.uint32) if column.flags.c_contiguous else np.ascontiguousarray(column).view(np.uint32)
    keys = np.empty(len(bits), np.uint32)
    for first in range(0, len(bits), _CHUNK):
        part, key = bits[first : first + _CHUNK], keys[first : first + _CHUNK]
        np.bitwise_and(part, _SIZE, out=key)
        missing = key >= _INFINITE
        np.minimum(key, LARGEST.view(np.uint32), out=key)
        key <<= 1
        key += part < _NEGATIVE
        key += _FIRST
        key[missing] = _NO_VALUE
    return keys


def _decoded(keys: _Keys) -> FloatArray:
    """Return the values that keys stand for."""
    known = np.maximum(keys, _FIRST) - _FIRST
    values = (known >> 1).view(np.float32)
    values = np.where(known & 1, values, -values)
    values[keys == _NO_VALUE] = NO_VALUE
    values[keys == _OUTSIDE] = OUTSIDE
    return values


def _maxima(slabs: Iterable[_Keys], shape: tuple[int, int, int]) -> tuple[_Keys, _Keys, _Keys]:
    """Return the maxima of a volume along its first, second and third axis: (n3, n2), (n3, n1) and (n2, n1).

    Parameters
    ----------
    slabs : iterable of arrays, (layers, n2, n1)
        The volume, in order.
    shape : (n1, n2, n3)
    """
    n1, n2, n3 = shape
    found = np.zeros((n3, n2), np.uint32), np.zeros((n3, n1), np.uint32), np.zeros((n2, n1), np.uint32)
    first = 0
    for slab in slabs:
        stop = first + len(slab)
        slab.max(axis=2, out=found[0][first:stop])
        slab.max(axis=1, out=found[1][first:stop])
        np.maximum(found[2], slab.max(axis=0), out=found[2])
        first = stop
    return found


def _glass(maxima: tuple[_Keys, _Keys, _Keys], axes: _Axes) -> Glass:
    """Turn maxima along the axes of a grid into projections along those of the world."""
    images = []
    for ray, up, right in _PICTURES:
        along, rows, columns = (axes.world.index(axis) for axis in (ray, up, right))
        keys = maxima[along] if rows > columns else maxima[along].T
        # Rows run downwards.
        keys = keys[:: -axes.sign[rows], :: axes.sign[columns]]
        images.append(np.ascontiguousarray(_decoded(keys)))
    return Glass((images[0], images[1], images[2]))
