"""How much the head moved from one volume to the next."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

HEAD_RADIUS_MM = 50.0
"""Radius of the sphere on whose surface rotations are measured."""


def framewise_displacement(motion: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the framewise displacement of each volume in mm.

    The sum of the absolute changes of the six parameters since the volume before, a rotation counting as the way of a
    point on a sphere of `HEAD_RADIUS_MM` (Power, Barnes, Snyder, Schlaggar and Petersen, "Spurious but systematic
    correlations in functional connectivity MRI networks arise from subject motion", NeuroImage 59, 2012, 2142-2154).

    Parameters
    ----------
    motion : ndarray, (n, 6)
        AFNI's order: roll, pitch, yaw (degrees), dS, dL, dP (mm); NaN where it is not known.

    Returns
    -------
    ndarray, (n,), float64
        mm; NaN for the first volume, and wherever a volume or the one before it is not known.

    Raises
    ------
    ValueError
        If `motion` has another shape.
    """
    if motion.ndim != 2 or motion.shape[1] != 6:
        raise ValueError(f"motion has the shape {motion.shape}, expected (volumes, 6)")
    displacement = np.full(len(motion), np.nan)
    change = np.abs(np.diff(motion.astype(np.float64), axis=0))
    displacement[1:] = np.deg2rad(change[:, :3]).sum(axis=1) * HEAD_RADIUS_MM + change[:, 3:].sum(axis=1)
    return displacement
