"""The picture of the head under the map: eight bits of grey and where they lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.volume import Float64Array, checked_affine

_SAMPLES = 500_000
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
    data: npt.NDArray[np.floating] | npt.NDArray[np.integer],
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
    grey = np.ascontiguousarray(data.T, np.float32)
    grey = np.where(np.isfinite(grey), grey, np.float32(0))
    low, high = _window(grey, window)
    scaled = (grey - low) * np.float32(255 / (high - low))
    volume = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    volume.setflags(write=False)
    return Anatomy(volume, matrix)


def _window(grey: npt.NDArray[np.float32], window: tuple[float, float]) -> tuple[np.float32, np.float32]:
    positive = grey[grey > 0]
    if positive.size == 0:
        raise ValueError(f"anatomy: none of its {grey.size} voxels is above zero, expected an image of a head")
    low, high = np.percentile(positive[:: max(1, positive.size // _SAMPLES)], window)
    # One intensity only (a mask, say): from black to that one.
    return (np.float32(low), np.float32(high)) if high > low else (np.float32(0), np.float32(high))
