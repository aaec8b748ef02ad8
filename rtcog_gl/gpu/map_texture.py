"""A map column on the GPU: packed row by row into a 2-D float texture, rewritten whole for each hit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from vispy import gloo

MISSING = np.float32(3e38)
"""What stands for a value that is not finite; GLSL 1.20 cannot ask for NaN."""

LARGEST = np.float32(9e37)
"""Largest size of a value; the shader takes 1e38 and above as missing."""

_NARROWEST = 1024


def packed_shape(n_voxels: int, max_size: int) -> tuple[int, int]:
    """Return (rows, width) of the texture that holds a column; the width is a power of two.

    Raises
    ------
    ValueError
        If no texture of at most `max_size` texels a side holds it.
    """
    width = _NARROWEST
    while -(-n_voxels // width) > max_size and width * 2 <= max_size:
        width *= 2
    rows = -(-n_voxels // width)
    if rows > max_size or width > max_size:
        raise ValueError(
            f"map: {n_voxels} voxels do not fit into a texture of this GPU, expected at most {max_size} x {max_size}"
        )
    return rows, width


class MapTexture:
    """The values of one map column, as a texture.

    Parameters
    ----------
    n_voxels : int
        Length of a column.
    max_size : int
        GL_MAX_TEXTURE_SIZE.
    """

    def __init__(self, n_voxels: int, max_size: int) -> None:
        self._n_voxels = n_voxels
        self._packed = np.full((*packed_shape(n_voxels, max_size), 1), MISSING, np.float32)
        self.texture = gloo.Texture2D(
            self._packed, format="red", internalformat="r32f", interpolation="nearest", wrapping="clamp_to_edge"
        )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, texels."""
        return (self._packed.shape[1], self._packed.shape[0])

    def write(self, column: npt.NDArray[np.float32]) -> int:
        """Upload a column (n_voxels,) and return the number of bytes: 4 a voxel, the last row filled up.

        Raises
        ------
        ValueError
            If the column has another length.
        """
        if column.shape != (self._n_voxels,):
            raise ValueError(f"map: got a column of shape {column.shape}, expected ({self._n_voxels},) for this mask")
        # vispy uploads later, from this very memory; it is ours and lives as long as the texture.
        values = self._packed.reshape(-1)[: self._n_voxels]
        np.clip(column, -LARGEST, LARGEST, out=values)
        np.copyto(values, MISSING, where=~np.isfinite(column))
        self.texture.set_data(self._packed, offset=(0, 0))
        return self._packed.nbytes
