"""How a head moves in the scanner.

Motion is six numbers a volume, in AFNI's order: roll, pitch, yaw (degrees), dS, dL, dP (mm).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rtcog_gl.session.synthetic.noise import ar1

Motion = Sequence[float]
"""Six numbers."""

PARAMETERS = 6
MM_A_DEGREE = 50.0 * math.pi / 180
"""Way of a point on a sphere of 50 mm, about the cortex's distance from the head's centre, for each degree."""

JITTER = 0.022
"""Standard deviation of the restlessness (mm, degrees)."""

JITTER_AR = 0.6
DRIFT = 0.0008
"""Largest steady drift (mm or degrees a volume)."""

SWAY, SWAY_VOLUMES = 0.08, (90, 240)
"""Amplitude (mm, degrees) and period of the slow sway."""

NOD_MM = (0.6, 1.3)
"""Framewise displacement of a sudden movement, least and largest."""

NOD_BACK = (1.0, 0.4, 0.15, 0.05)
"""Where the head is in the volumes after a sudden movement, relative to its first displacement."""

FIRST_NOD, NEXT_NOD = (12, 24), (35, 90)
"""Volumes until the first sudden movement, and from one to the next: least and largest."""


def head_motion(rng: np.random.Generator, n: int, first: int) -> npt.NDArray[np.float64]:
    """Return how a head moves: drift, sway, restlessness, and now and then a nod from which it comes back.

    Parameters
    ----------
    n : int
        Volumes.
    first : int
        Volume after which the first nod comes (`FIRST_NOD`).

    Returns
    -------
    ndarray, (n, 6), float64
        Degrees and mm; framewise displacement mostly 0.05 to 0.2 mm, at nods 0.5 to 1.5 mm.
    """
    t = np.arange(n)
    drift = rng.uniform(-DRIFT, DRIFT, (PARAMETERS, 1)) * t
    period, phase = rng.uniform(*SWAY_VOLUMES, (PARAMETERS, 1)), rng.uniform(0, 2 * np.pi, (PARAMETERS, 1))
    sway = SWAY * (np.sin(2 * np.pi * t / period + phase) - np.sin(phase))
    motion: npt.NDArray[np.float64] = (drift + sway + JITTER * ar1(rng, PARAMETERS, n, JITTER_AR)).T
    at = first + int(rng.integers(FIRST_NOD[0], FIRST_NOD[1] + 1))
    while at < n:
        there = _nod(rng)[None, :] * np.array(NOD_BACK)[:, None]
        motion[at : at + len(NOD_BACK)] += there[: n - at]
        at += int(rng.integers(NEXT_NOD[0], NEXT_NOD[1] + 1))
    return motion


def _nod(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return a displacement in pitch, dS and dP, the way heads move most."""
    ways = rng.dirichlet((4.0, 4.0, 4.0)) * rng.uniform(*NOD_MM) * rng.choice((-1.0, 1.0), 3)
    return np.array([0.0, ways[0] / MM_A_DEGREE, 0.0, ways[1], 0.0, ways[2]])
