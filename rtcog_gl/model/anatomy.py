"""The picture of the head under the map: eight bits of grey and where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.volume import Float64Array, checked_affine

_SAMPLES = 1_000_000
"""Voxels that are enough to find a grey window."""


@dataclass(frozen=True, eq=False)
class Anatomy:
    """An anatomical image, ready for the screen."""

    volume: npt.NDArray[np.uint8]
    """(nz, ny, nx), uint8, C order: grey, 0 where there is nothing."""

    affine: Float64Array
    """(4, 4), float64, from voxel indices (first, second, third axis) to RAS+ mm."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along the first, second and third axis (nx, ny, nz)."""
        nz, ny, nx = self.volume.shape
        return (nx, ny, nz)


def anatomy_from_array(
    data: npt.NDArray[Any],
    affine: npt.ArrayLike,
    window: tuple[float, float] = (2.0, 99.5),
) -> Anatomy:
    """Return an anatomy whose greys run between two percentiles of the voxels above zero.

    Parameters
    ----------
    data : ndarray, (nx, ny, nz), real
        Intensities; values that are not finite count as zero.
    affine : array_like, (4, 4)
        From voxel indices to RAS+ mm.
    window : tuple of float
        Percentiles that become black and white.

    Raises
    ------
    ValueError
        If the image is not three-dimensional, has no voxel above zero, or its affine is singular.
    """
    if data.ndim != 3 or data.size == 0:
        raise ValueError(f"anatomy: got an image of shape {data.shape}, expected three dimensions")
    matrix = checked_affine(affine, "anatomy")
    matrix.setflags(write=False)
    low, high = _window(data, window)
    volume = np.empty(data.shape[::-1], np.uint8)
    for k, plane in enumerate(volume):
        # One slice at a time: a whole head in float32 would be several times the picture itself.
        grey = np.nan_to_num(data[:, :, k].T.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        grey -= low
        grey *= np.float32(255 / (high - low))
        plane[:] = np.clip(np.rint(grey, out=grey), 0, 255, out=grey)
    volume.setflags(write=False)
    return Anatomy(volume, matrix)


def _window(data: npt.NDArray[Any], window: tuple[float, float]) -> tuple[np.float32, np.float32]:
    values = data.ravel(order="K")
    positive = _positive(values[:: max(1, data.size // _SAMPLES)])
    if positive.size == 0:
        # So few that sampling passed them by, if there are any.
        positive = _positive(values)
    if positive.size == 0:
        raise ValueError(f"anatomy: none of its {data.size} voxels is above zero, expected an image of a head")
    low, high = np.percentile(positive, window)
    # One intensity only (a mask, say): from black to that one.
    return (np.float32(low), np.float32(high)) if high > low else (np.float32(0), np.float32(high))


def _positive(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    finite: npt.NDArray[np.float32] = values[(values > 0) & np.isfinite(values)].astype(np.float32)
    return finite
