"""Seven resting-state networks as smooth blobs at published coordinates (MNI152, mm).

Sources: the network seeds that the CONN toolbox publishes (Whitfield-Gabrieli and Nieto-Castanon 2012; from an
independent component analysis of 497 subjects of the Human Connectome Project) for VPol (Visual.Occipital, .Medial),
DMN (DefaultMode), SMot (SensoriMotor), ExCn (Salience: anterior cingulate and anterior insulae, the core of the
medial-frontal executive map of Smith et al. 2009), rFPa and lFPa (FrontoParietal, one side each), and what DMN is
opposed to (DorsalAttention); the auditory regions of Power et al. 2011 for Audi. The labels are those of template sets
in use for real-time experience sampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.session import FloatArray


@dataclass(frozen=True)
class Blob:
    """A Gaussian bump."""

    x: float
    y: float
    z: float
    """Centre in MNI mm (RAS+)."""

    height: float = 1.0
    sigma: float = 8.0
    """Standard deviation in mm."""


@dataclass(frozen=True)
class Network:
    """A named pattern."""

    label: str
    blobs: tuple[Blob, ...]


NETWORKS = (
    Network("VPol", (Blob(0, -93, -4, 1.0, 11), Blob(2, -79, 12, 0.45, 9))),
    Network(
        "DMN",
        (
            Blob(1, -61, 38, 1.0, 10),
            Blob(1, 55, -3, 0.9, 9),
            Blob(-39, -77, 33, 0.8),
            Blob(47, -67, 29, 0.8),
            Blob(-39, -43, 52, -0.45, 7),
            Blob(39, -42, 54, -0.45, 7),
            Blob(-27, -9, 64, -0.4, 7),
            Blob(30, -6, 64, -0.4, 7),
        ),
    ),
    Network("SMot", (Blob(-55, -12, 29, 0.9), Blob(56, -10, 29, 0.9), Blob(0, -31, 67, 1.0, 10))),
    Network(
        "Audi",
        (
            Blob(-49, -26, 5, 1.0),
            Blob(-60, -25, 14, 0.8, 7),
            Blob(-38, -33, 17, 0.6, 7),
            Blob(58, -16, 7, 1.0),
            Blob(65, -33, 20, 0.7, 7),
            Blob(43, -23, 20, 0.6, 7),
        ),
    ),
    Network("ExCn", (Blob(0, 22, 35, 1.0, 10), Blob(-44, 13, 1, 0.75, 7), Blob(47, 14, 0, 0.75, 7))),
    Network("rFPa", (Blob(41, 38, 30, 0.9, 9), Blob(52, -52, 45, 1.0, 9))),
    Network("lFPa", (Blob(-43, 33, 28, 0.9, 9), Blob(-46, -58, 49, 1.0, 9))),
)


def patterns(
    networks: Sequence[Network], mask: npt.NDArray[np.bool_], affine: npt.NDArray[np.float64]
) -> list[FloatArray]:
    """Return each network's pattern inside the mask, (Nv,) float32, Fortran order, largest value 1.

    Parameters
    ----------
    mask : ndarray, 3-D, bool
    affine : ndarray, (4, 4)
        Voxel indices to mm; its axes must be those of the world (no rotation), as in MNI grids.
    """
    inside = np.flatnonzero(mask.ravel(order="F"))
    centres = [affine[k, 3] + affine[k, k] * np.arange(mask.shape[k]) for k in range(3)]
    result = []
    for network in networks:
        grid = np.zeros(mask.shape[::-1], np.float32)
        for blob in network.blobs:
            _add(grid, blob, centres)
        values = grid.reshape(-1)[inside]
        result.append(values / max(float(values.max()), 1e-6))
    return result


def _add(grid: FloatArray, blob: Blob, centres: Sequence[npt.NDArray[np.float64]]) -> None:
    """Add a blob to a grid of (z, y, x), within four standard deviations."""
    bumps, parts = [], []
    for centre, mm in zip(centres, (blob.x, blob.y, blob.z), strict=True):
        near = np.flatnonzero(np.abs(centre - mm) <= 4 * blob.sigma)
        if not len(near):
            return
        parts.append(slice(near[0], near[-1] + 1))
        bumps.append(np.exp(-0.5 * ((centre[parts[-1]] - mm) / blob.sigma) ** 2).astype(np.float32))
    x, y, z = bumps
    grid[parts[2], parts[1], parts[0]] += blob.height * z[:, None, None] * y[None, :, None] * x[None, None, :]
