"""A map column on the GPU: packed row by row into a 2-D float texture, rewritten whole for each hit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from vispy import gloo
from vispy.gloo.context import get_current_canvas

from rtcog_gl.model.draw import LARGEST

MISSING = np.float32(3e38)
"""What stands for a value that is not finite; GLSL 1.20 cannot ask for NaN."""

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
    """The values of one map column, as a texture and nowhere else; needs a current OpenGL context throughout.

    Parameters
    ----------
    n_voxels : int
        Length of a column.
    max_size : int
        GL_MAX_TEXTURE_SIZE.
    """

    def __init__(self, n_voxels: int, max_size: int) -> None:
        self._n_voxels = n_voxels
        self._shape = packed_shape(n_voxels, max_size)
        self.texture = gloo.Texture2D(
            np.full((*self._shape, 1), MISSING, np.float32),
            format="red",
            internalformat="r32f",
            interpolation="nearest",
            wrapping="clamp_to_edge",
        )
        # Without it, vispy would keep every column that is written until the texture is first drawn with.
        get_current_canvas().context.glir.associate(self.texture.glir)

    @property
    def texel(self) -> tuple[float, float]:
        """One texel as a part of the texture's width (exact) and height."""
        rows, width = self._shape
        return (1 / width, 1 / rows)

    def write(self, column: npt.NDArray[np.float32]) -> int:
        """Upload a column (n_voxels,) and return the number of bytes: 4 a voxel, the last row filled up.

        Raises
        ------
        ValueError
            If the column has another length.
        """
        if column.shape != (self._n_voxels,):
            raise ValueError(f"map: got a column of shape {column.shape}, expected ({self._n_voxels},) for this mask")
        # vispy uploads from this very memory at its next flush, and gives it up then: it is nobody else's.
        packed = np.empty((*self._shape, 1), np.float32)
        values, rest = np.split(packed.reshape(-1), [self._n_voxels])
        np.clip(column, -LARGEST, LARGEST, out=values)
        np.copyto(values, MISSING, where=~np.isfinite(column))
        rest[:] = MISSING
        self.texture.set_data(packed, offset=(0, 0))
        return packed.nbytes
