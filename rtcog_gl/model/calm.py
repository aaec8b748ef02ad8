"""A live map that does not flicker: its colour range is held from one volume to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CALM_VOLUMES = 20
"""Volumes that must all stay below half of the range before it shrinks."""

FAR_OFF, FAR_OFF_VOLUMES = 8.0, 3
"""So many volumes are enough where the range is this many times what they need: one wild volume set it."""

QUANTILE = 0.999
"""Part of the voxels that lie within a volume's range: a few wild ones do not set it."""

ROUND = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
"""Round ends of a range, times a power of ten."""


@dataclass(frozen=True)
class HeldRange:
    """The colour range of the live map."""

    vmax: float = 0.0
    """Value at the ends of the colours; 0 before the first volume."""

    small: tuple[float, ...] = ()
    """Largest values of the latest volumes, as far back as all of them were below half of `vmax`."""


def robust_largest(column: npt.NDArray[np.floating]) -> float:
    """Return the size within which all but a thousandth of a map's finite values stay; 0 where there is none."""
    sizes = np.abs(column[np.isfinite(column)])
    if not sizes.size:
        return 0.0
    place = min(sizes.size - 1, math.ceil(QUANTILE * sizes.size) - 1)
    return float(np.partition(sizes, place)[place])


def round_up(value: float) -> float:
    """Return the smallest round number that is not below a positive value."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((r * power for r in ROUND if r * power >= value * (1 - 1e-6)), 10 * power)


def grown(vmax: float, largest: float) -> float:
    """Return `vmax`, or the round number above `largest` where that is larger; `largest` may be 0 or not finite."""
    if not (math.isfinite(largest) and largest > max(0.0, vmax)):
        return vmax
    return max(vmax, round_up(largest))


def held(before: HeldRange, largest: float) -> HeldRange:
    """Return the range for one volume more.

    It grows at once, and shrinks only after `CALM_VOLUMES` volumes in a row stayed below half of it (`FAR_OFF_VOLUMES`
    where they stayed far below), to what the largest of these needs.

    Parameters
    ----------
    before : HeldRange
        The range up to now.
    largest : float
        The volume's `robust_largest`; one that is not above 0 changes nothing.
    """
    if not (math.isfinite(largest) and largest > 0):
        return before
    vmax = grown(before.vmax, largest)
    if vmax > before.vmax or largest >= vmax / 2:
        return HeldRange(vmax)
    small = (*before.small, largest)
    enough = FAR_OFF_VOLUMES if max(small) * FAR_OFF < vmax else CALM_VOLUMES
    return HeldRange(round_up(max(small))) if len(small) >= enough else HeldRange(vmax, small)
