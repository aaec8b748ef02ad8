"""How far the colours of a map reach, and from where on its values are drawn."""

from __future__ import annotations

from .map_view import MapView
from .scene import ShownMap
from .ticks import nice_step

AUTOMATIC = 1 / 3
"""Threshold as a part of the range, where none is asked for: enough to leave the anatomy in sight."""


def range_of(view: MapView, *shown: ShownMap) -> float:
    """Return the value at the ends of the colours, > 0: the same for all maps that are shown together."""
    if view.range == "fixed" and view.fixed > 0:
        return view.fixed
    ends = [one.robust if view.range == "robust" and one.robust > 0 else one.vmax for one in shown]
    return max([end for end in ends if end > 0], default=1.0)


def threshold_of(vmax: float, wanted: float) -> float:
    """Return the threshold that was asked for, or where that is negative a round one that suits the range."""
    if wanted >= 0:
        return wanted
    step = nice_step(vmax * AUTOMATIC, 20)
    return round(vmax * AUTOMATIC / step) * step
