"""Spatial smoothing inside a mask, as rtcog's own preprocessing has it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.session import FloatArray

FWHM_TO_SD = 1 / 2.354820045
"""Standard deviation of a Gaussian for each unit of its full width at half maximum: 1 / sqrt(8 ln 2)."""


class MaskedSmoother:
    """Smooths volumes with a Gaussian that takes nothing from outside the mask.

    Both the masked volume and the mask are smoothed, and the one divided by the other.

    Parameters
    ----------
    inside : (nx, ny, nz) bool array
        The mask.
    voxel_mm : tuple of float
        Size of a voxel along each axis (mm).
    fwhm_mm : float
        Full width at half maximum of the Gaussian (mm).
    """

    def __init__(self, inside: npt.NDArray[np.bool_], voxel_mm: tuple[float, float, float], fwhm_mm: float) -> None:
        self._inside = inside.astype(np.float32)
        self._weights = [_gaussian(fwhm_mm * FWHM_TO_SD / mm) for mm in voxel_mm]
        self._norm = np.maximum(self._spread(self._inside), np.float32(1e-6))

    def __call__(self, volume: npt.NDArray[np.generic]) -> FloatArray:
        """Return the smoothed volume, (nx, ny, nz) float32; zero outside the mask."""
        masked: FloatArray = np.asarray(volume, np.float32) * self._inside
        return np.asarray(self._spread(masked) / self._norm * self._inside, np.float32)

    def _spread(self, volume: FloatArray) -> FloatArray:
        for axis, weights in enumerate(self._weights):
            source = np.moveaxis(volume, axis, 0)
            result = np.asarray(source * weights[0], np.float32)
            for step, weight in enumerate(weights[1:], start=1):
                if step < len(source):
                    result[step:] += weight * source[:-step]
                    result[:-step] += weight * source[step:]
            volume = np.asarray(np.moveaxis(result, 0, axis), np.float32)
        return volume


def _gaussian(sd: float) -> FloatArray:
    """Return the weights at 0, 1, 2, ... voxels from the centre, as far as three standard deviations."""
    distance = np.arange(int(3 * sd) + 1)
    weights = np.exp(-0.5 * (distance / sd) ** 2)
    return np.asarray(weights / (2 * weights.sum() - weights[0]), np.float32)
