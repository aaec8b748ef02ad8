"""Where each voxel of the mask stands in a map column, in little more than a byte a voxel of its bounding box.

Along the first axis, the box is cut into segments of `SEGMENT` voxels. A voxel's number is what its segment begins with
plus its place among the mask voxels of the segment; `shaders/common/volume.glsl` is the GLSL twin of that sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.volume import Float64Array, FloatArray, MaskGrid

SEGMENT = 128
"""Voxels of a segment; the places in one fit into a byte."""


@dataclass(frozen=True, eq=False)
class VoxelIndex:
    """The numbers of the mask's voxels, in a box with one voxel more on each side than the mask needs.

    The outermost voxels are outside the mask, so that whatever continues the box beyond its faces says so too.
    """

    offset: npt.NDArray[np.uint8]
    """(nz, ny, nx), uint8, C order: 0 outside the mask, else 1, 2, ... in the order of the segment's mask voxels."""

    base: FloatArray
    """(nz, ny, ceil(nx / SEGMENT)), float32: voxels of a map column before each segment."""

    affine: Float64Array
    """(4, 4), float64, from the box's voxel indices to RAS+ mm."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels of the box along the first, second and third axis (nx, ny, nz)."""
        nz, ny, nx = self.offset.shape
        return (nx, ny, nz)


def voxel_index(grid: MaskGrid) -> VoxelIndex:
    """Return the numbers of a mask's voxels; voxel v of a map column has number v + 1 = base + offset."""
    nx, ny, nz = (n + 2 for n in grid.box_shape)
    starts = range(0, nx, SEGMENT)
    offset = np.zeros((nz, ny, nx), np.uint8)
    offset[1:-1, 1:-1, 1:-1] = grid.box()
    counts = np.zeros((nz, ny, len(starts)), np.int64)
    for n, start in enumerate(starts):
        segment = offset[..., start : start + SEGMENT]
        places = np.cumsum(segment, axis=-1, dtype=np.uint8)
        counts[..., n] = places[..., -1]
        segment *= places
    before = np.cumsum(counts).reshape(counts.shape) - counts
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ (np.array(grid.corner) - 1)
    return VoxelIndex(offset, before.astype(np.float32), affine)
