"""The brain mask in space: voxels in Fortran order, their millimetres, and the planes cut through them.

World space is RAS+ in millimetres: x grows to the right of the head, y to the front, z to the top.
Voxel (i, j, k) has its centre at ``affine @ (i, j, k, 1)`` and reaches half a voxel to each side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MaskGrid:
    """The grid of a mask image, and which of its voxels are in the mask."""

    shape: tuple[int, int, int]
    """Voxels along the first, second and third axis (nx, ny, nz)."""

    affine: Float64Array
    """(4, 4), float64, from voxel indices to RAS+ mm."""

    inside: BoolArray
    """(nx * ny * nz,), bool, Fortran order (first axis fastest)."""

    @property
    def n_voxels(self) -> int:
        """Number of voxels in the mask, which is the length of a map column."""
        return int(np.count_nonzero(self.inside))
