"""The brain mask in space: voxels in Fortran order, their millimetres, and where a map has its peak.

World space is RAS+ in millimetres: x grows to the right of the head, y to the front, z to the top.
Voxel (i, j, k) has its centre at ``affine @ (i, j, k, 1)`` and reaches half a voxel to each side.
`shaders/common/volume.glsl` is the GLSL twin of `nearest_voxel`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

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


class Peak(NamedTuple):
    """The voxel of a map that lies farthest from zero."""

    voxel: int
    """Index into the map column."""

    mm: Point
    """Centre of that voxel."""

    value: float
    """Its value, with its sign."""


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


@dataclass(frozen=True, eq=False)
class MaskGrid:
    """The grid of a mask image, and which of its voxels are in the mask.

    Raises
    ------
    ValueError
        If shape, affine and mask do not fit together, the affine is singular, or no voxel is in the mask.
    """

    shape: tuple[int, int, int]
    """Voxels along the first, second and third axis (nx, ny, nz)."""

    affine: Float64Array
    """(4, 4), float64, from voxel indices to RAS+ mm."""

    inside: BoolArray
    """(nx * ny * nz,), bool, Fortran order (first axis fastest)."""

    def __post_init__(self) -> None:
        """Check, and own the arrays."""
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"mask: the grid is {self.shape}, expected three positive numbers of voxels")
        inside = np.array(self.inside, np.bool_)
        if inside.shape != (int(np.prod(self.shape)),):
            raise ValueError(
                f"mask: got voxels of shape {inside.shape}, expected ({int(np.prod(self.shape))},) "
                f"for a grid of {self.shape}"
            )
        count = int(np.count_nonzero(inside))
        if not 0 < count <= LARGEST_MASK:
            raise ValueError(f"mask: {count} voxels are in the mask, expected 1 to {LARGEST_MASK}")
        affine = checked_affine(self.affine, "mask")
        affine.setflags(write=False)
        inside.setflags(write=False)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "inside", inside)

    @property
    def n_voxels(self) -> int:
        """Number of voxels in the mask, which is the length of a map column."""
        return len(self.flat)

    @cached_property
    def flat(self) -> IntArray:
        """(n_voxels,), int64: place of each mask voxel in the Fortran-order grid, ascending."""
        return np.flatnonzero(self.inside)

    def index_volume(self) -> npt.NDArray[np.float32]:
        """Return (nz, ny, nx), float32, C order: 0 outside the mask, i + 1 at the i-th voxel of a map column."""
        nx, ny, nz = self.shape
        volume = np.zeros(nx * ny * nz, np.float32)
        volume[self.flat] = np.arange(1, self.n_voxels + 1, dtype=np.float32)
        return volume.reshape(nz, ny, nx)

    def ijk_of(self, voxel: int | IntArray) -> IntArray:
        """Return the grid indices (..., 3) of voxels of a map column."""
        nx, ny, _ = self.shape
        place = self.flat[voxel]
        return np.stack([place % nx, place // nx % ny, place // (nx * ny)], axis=-1)

    def mm_of(self, voxel: int) -> Point:
        """Return the centre of a voxel of a map column, in mm."""
        x, y, z = (self.affine[:3, :3] @ self.ijk_of(voxel) + self.affine[:3, 3]).tolist()
        return (x, y, z)

    @cached_property
    def bounds(self) -> Bounds:
        """World box of the voxels in the mask, corners of the outermost voxels included."""
        nx, ny, nz = self.shape
        rows = self.inside.reshape(nz * ny, nx)
        row = np.flatnonzero(rows.any(axis=1))
        # A linear function has its extremes at the ends of each row of voxels.
        first, last = rows[row].argmax(axis=1), nx - 1 - rows[row, ::-1].argmax(axis=1)
        ends = np.concatenate([np.stack([i, row % ny, row // ny], axis=1) for i in (first, last)])
        linear = self.affine[:3, :3]
        centres = ends @ linear.T + self.affine[:3, 3]
        half = np.abs(linear).sum(axis=1) / 2
        low, high = (centres.min(axis=0) - half).tolist(), (centres.max(axis=0) + half).tolist()
        return Bounds((low[0], low[1], low[2]), (high[0], high[1], high[2]))

    def voxel_at(self, mm: Point) -> int | None:
        """Return the voxel of a map column that holds the position `mm`, or None outside the mask."""
        i, j, k = nearest_voxel(self.affine, mm).tolist()
        nx, ny, nz = self.shape
        if not (0 <= i < nx and 0 <= j < ny and 0 <= k < nz):
            return None
        place = i + nx * (j + ny * k)
        return int(np.searchsorted(self.flat, place)) if self.inside[place] else None

    def peak(self, column: npt.NDArray[np.float32]) -> Peak | None:
        """Return the finite value of a map column (n_voxels,) that is largest without its sign; ties go to the first.

        Returns None where no value is finite.

        Raises
        ------
        ValueError
            If the column's length is not the mask's.
        """
        if column.shape != (self.n_voxels,):
            raise ValueError(f"map: got a column of shape {column.shape}, expected ({self.n_voxels},) for this mask")
        size = np.where(np.isfinite(column), np.abs(column), -1)
        voxel = int(np.argmax(size))
        return Peak(voxel, self.mm_of(voxel), float(column[voxel])) if size[voxel] >= 0 else None
