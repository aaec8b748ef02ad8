"""The brain mask in space: voxels in Fortran order, their millimetres, and where a map has its peak.

World space is RAS+ in millimetres: x grows to the right of the head, y to the front, z to the top.
Voxel (i, j, k) has its centre at ``affine @ (i, j, k, 1)`` and reaches half a voxel to each side.
`shaders/common/volume.glsl` is the GLSL twin of `nearest_voxel`.
"""

from __future__ import annotations

import math
from functools import cached_property
from itertools import permutations
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.hull import Hull, hull_of, row_ends

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]
FloatArray = npt.NDArray[np.float32]
Point = tuple[float, float, float]
"""A position in RAS+ mm."""

LARGEST_MASK = 2**24 - 1
"""Voxels that a float32 can number without a gap."""


class Bounds(NamedTuple):
    """A box of world space, in mm, whose faces follow the world's axes."""

    low: Point
    high: Point

    @property
    def size(self) -> Point:
        """Extent along x, y and z, in mm."""
        return (self.high[0] - self.low[0], self.high[1] - self.low[1], self.high[2] - self.low[2])

    @property
    def centre(self) -> Point:
        """Middle of the box, in mm."""
        return (
            (self.high[0] + self.low[0]) / 2,
            (self.high[1] + self.low[1]) / 2,
            (self.high[2] + self.low[2]) / 2,
        )

    def grown(self, mm: float) -> Bounds:
        """Return the box with `mm` more on every side."""
        x0, y0, z0 = self.low
        x1, y1, z1 = self.high
        return Bounds((x0 - mm, y0 - mm, z0 - mm), (x1 + mm, y1 + mm, z1 + mm))


def checked_affine(affine: npt.ArrayLike, what: str) -> Float64Array:
    """Return an owned (4, 4) float64 affine.

    Raises
    ------
    ValueError
        If it is no (4, 4) matrix, not finite, its last row is not 0 0 0 1, or it maps space onto a plane.
    """
    matrix = np.array(affine, np.float64)
    if matrix.shape != (4, 4):
        raise ValueError(f"{what}: the affine has shape {matrix.shape}, expected (4, 4)")
    if not np.isfinite(matrix).all():
        raise ValueError(f"{what}: the affine has values that are not finite, expected finite numbers")
    if not np.allclose(matrix[3], (0, 0, 0, 1)):
        raise ValueError(f"{what}: the affine's last row is {matrix[3].tolist()}, expected [0, 0, 0, 1]")
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    # Relative to the box that the voxel edges would span if they were perpendicular, so that units do not matter.
    if not abs(np.linalg.det(matrix[:3, :3])) > 1e-6 * np.prod(lengths):
        sizes = ", ".join(f"{length:g}" for length in lengths)
        raise ValueError(
            f"{what}: the affine is singular (voxel edges {sizes} mm), expected three independent directions"
        )
    return matrix


def voxel_coordinates(affine: Float64Array, mm: npt.ArrayLike) -> Float64Array:
    """Return fractional voxel indices (..., 3) of positions `mm` (..., 3)."""
    inverse = np.linalg.inv(affine)
    coordinates: Float64Array = np.asarray(mm, np.float64) @ inverse[:3, :3].T + inverse[:3, 3]
    return coordinates


def nearest_voxel(affine: Float64Array, mm: npt.ArrayLike) -> IntArray:
    """Return the indices (..., 3), int64, of the voxels that hold positions `mm` (..., 3), on the grid or off it."""
    return np.floor(voxel_coordinates(affine, mm) + 0.5).astype(np.int64)


def centre_of_voxel(affine: Float64Array, mm: Point) -> Point:
    """Return the centre of the voxel that holds a position, on the grid or off it (RAS+ mm)."""
    x, y, z = (affine[:3, :3] @ nearest_voxel(affine, mm) + affine[:3, 3]).tolist()
    return (x, y, z)


def voxel_axis(affine: Float64Array, axis: int) -> tuple[int, int]:
    """Return the voxel axis that belongs to a world axis, and whether it runs the same way (1) or the other (-1).

    Each world axis has one of its own: of all ways to share them out, the one with the smallest angles.
    """
    edges = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    shared = max(permutations(range(3)), key=lambda order: math.prod(abs(edges[w, order[w]]) for w in range(3)))
    return shared[axis], 1 if edges[axis, shared[axis]] > 0 else -1


class MaskGrid:
    """The grid of a mask image, and which of its voxels are in the mask.

    What is kept grows with the mask's bounding box by one bit a voxel: the mask's bits, and where each row of voxels
    begins in a map column. Everything else is worked out when it is asked for.

    Parameters
    ----------
    shape : (int, int, int)
        Voxels along the first, second and third axis (nx, ny, nz).
    affine : array_like, (4, 4)
        From voxel indices to RAS+ mm.
    inside : ndarray, (nx * ny * nz,), bool
        Which voxels are in the mask, Fortran order (first axis fastest).

    Raises
    ------
    ValueError
        If shape, affine and mask do not fit together, the affine is singular, or no voxel is in the mask.
    """

    def __init__(self, shape: tuple[int, int, int], affine: npt.ArrayLike, inside: npt.ArrayLike) -> None:
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(f"mask: the grid is {shape}, expected three positive numbers of voxels")
        self.shape: Final[tuple[int, int, int]] = (int(shape[0]), int(shape[1]), int(shape[2]))
        """Voxels along the first, second and third axis (nx, ny, nz)."""
        voxels = np.asarray(inside, np.bool_)
        if voxels.shape != (int(np.prod(self.shape)),):
            raise ValueError(
                f"mask: got voxels of shape {voxels.shape}, expected ({int(np.prod(self.shape))},) "
                f"for a grid of {self.shape}"
            )
        self.n_voxels: Final = int(np.count_nonzero(voxels))
        """Number of voxels in the mask, which is the length of a map column."""
        if not 0 < self.n_voxels <= LARGEST_MASK:
            raise ValueError(f"mask: {self.n_voxels} voxels are in the mask, expected 1 to {LARGEST_MASK}")
        self.affine: Final = checked_affine(affine, "mask")
        """(4, 4), float64, read-only, from voxel indices to RAS+ mm."""
        self.affine.setflags(write=False)
        corner, box = _cropped(voxels.reshape(self.shape[::-1]))
        self.corner: Final = corner
        """Grid indices (i, j, k) of the first voxel of the mask's bounding box."""
        self.box_shape: Final = (box.shape[2], box.shape[1], box.shape[0])
        """Voxels of the mask's bounding box along the first, second and third axis."""
        rows = box.reshape(-1, box.shape[2])
        self._bits = np.packbits(rows, axis=1)
        self._starts = np.zeros(len(rows) + 1, np.int32)
        np.cumsum(np.count_nonzero(rows, axis=1), out=self._starts[1:])

    def box(self) -> BoolArray:
        """Return which voxels of the bounding box are in the mask: (nz, ny, nx) of `box_shape`, bool, C order; new."""
        nx, ny, nz = self.box_shape
        return self._rows(slice(None)).reshape(nz, ny, nx)

    def _rows(self, which: slice | IntArray) -> BoolArray:
        """Return rows of the box, (n, nx), bool."""
        return np.unpackbits(self._bits[which], axis=1, count=self.box_shape[0]).view(np.bool_)

    @property
    def inside(self) -> BoolArray:
        """(nx * ny * nz,), bool, Fortran order: which voxels are in the mask; made anew each time."""
        volume = np.zeros(self.shape[::-1], np.bool_)
        (i, j, k), (nx, ny, nz) = self.corner, self.box_shape
        volume[k : k + nz, j : j + ny, i : i + nx] = self.box()
        return volume.reshape(-1)

    def ijk_of(self, voxel: int | IntArray) -> IntArray:
        """Return the grid indices (..., 3), int64, of voxels (...) of a map column.

        Raises
        ------
        IndexError
            If there is no such voxel.
        """
        asked = np.asarray(voxel, np.int64)
        if asked.size and not (asked.min() >= 0 and asked.max() < self.n_voxels):
            raise IndexError(
                f"mask: got voxels {asked.min()} to {asked.max()}, expected 0 to {self.n_voxels - 1} for this mask"
            )
        nx, ny, _ = self.box_shape
        row = np.searchsorted(self._starts, asked, side="right") - 1
        # Only the rows that are needed are unpacked; among their voxels, those before a row are counted by `before`.
        some, which = np.unique(row, return_inverse=True)
        length = self._starts[some + 1] - self._starts[some]
        before: IntArray = np.cumsum(length, dtype=np.int64) - length
        place = np.flatnonzero(self._rows(some)) % nx
        i = place[before[which.reshape(row.shape)] + asked - self._starts[row]]
        ijk: IntArray = np.stack([i, row % ny, row // ny], axis=-1) + np.array(self.corner)
        return ijk

    def voxels_of(self, ijk: IntArray) -> IntArray:
        """Return the voxels (...), int64, of a map column at grid indices (..., 3); -1 outside the mask."""
        i, j, k = np.moveaxis(np.asarray(ijk, np.int64) - np.array(self.corner), -1, 0)
        nx, ny, nz = self.box_shape
        there = (i >= 0) & (i < nx) & (j >= 0) & (j < ny) & (k >= 0) & (k < nz)
        i, row = np.where(there, i, 0), np.where(there, j + ny * k, 0)
        some, which = np.unique(row, return_inverse=True)
        rows, which = self._rows(some), which.reshape(row.shape)
        before = np.cumsum(rows, axis=1, dtype=np.int32) - rows
        return np.where(there & rows[which, i], self._starts[row] + before[which, i], -1)

    def mm_of(self, voxel: int) -> Point:
        """Return the centre of a voxel of a map column, in mm."""
        x, y, z = (self.affine[:3, :3] @ self.ijk_of(voxel) + self.affine[:3, 3]).tolist()
        return (x, y, z)

    @cached_property
    def hull(self) -> Hull:
        """How far the voxels in the mask reach in the world, their corners included."""
        row, first, last = row_ends(self._rows(slice(None)))
        ny = self.box_shape[1]
        ends = np.concatenate([np.stack([i, row % ny, row // ny], axis=1) for i in (first, last)])
        return hull_of(ends + np.array(self.corner), self.affine, 0.5)

    @property
    def bounds(self) -> Bounds:
        """World box of the voxels in the mask, corners of the outermost voxels included."""
        along = self.hull.along
        low = (-along(-1, 0, 0), -along(0, -1, 0), -along(0, 0, -1))
        return Bounds(low, (along(1, 0, 0), along(0, 1, 0), along(0, 0, 1)))

    def voxel_at(self, mm: Point) -> int | None:
        """Return the voxel of a map column that holds the position `mm`, or None outside the mask."""
        i, j, k = (nearest_voxel(self.affine, mm) - self.corner).tolist()
        nx, ny, nz = self.box_shape
        if not (0 <= i < nx and 0 <= j < ny and 0 <= k < nz):
            return None
        row = j + ny * k
        voxels = np.unpackbits(self._bits[row])
        return int(self._starts[row]) + int(np.count_nonzero(voxels[:i])) if voxels[i] else None


def _cropped(volume: BoolArray) -> tuple[tuple[int, int, int], BoolArray]:
    """Return the box around what is true in a volume (nz, ny, nx): its first voxel (i, j, k), and a view of it."""
    ends = []
    for axis in range(3):
        some = np.flatnonzero(volume.any(axis=tuple({0, 1, 2} - {axis})))
        ends.append((int(some[0]), int(some[-1]) + 1))
    (k, k_end), (j, j_end), (i, i_end) = ends
    return (i, j, k), volume[k:k_end, j:j_end, i:i_end]
