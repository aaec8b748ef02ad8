"""How far the colours of a map reach, and from where on its values are drawn."""

from __future__ import annotations

from .calm import QUANTILE
from .column_facts import ROBUST
from .map_view import MapView
from .scene import ShownMap
from .ticks import nice_step

AUTOMATIC = 1 / 3
"""Threshold as a part of the range, where none is asked for: enough to leave the anatomy in sight."""


def range_of(view: MapView, *shown: ShownMap) -> float:
    """Return the value at the ends of the colours, > 0: the same for all maps that are shown together."""
    if view.range == "fixed" and view.fixed > 0:
        return view.fixed
    ends = [_end(view, one) for one in shown]
    return max([end for end in ends if end > 0], default=1.0)


def how_found(view: MapView, *shown: ShownMap) -> str:
    """Return how the range of `range_of` was found, in a word or two."""
    if view.range == "fixed" and view.fixed > 0:
        return "fixed"
    # The words are those of the map that decided.
    widest = max(shown, key=lambda one: _end(view, one), default=None)
    if widest is None or not _end(view, widest) > 0:
        return "no values"
    if view.range == "robust" and widest.robust > 0:
        return f"robust {ROBUST[0]:.0f}–{ROBUST[1]:.0f} %"
    return "largest" if widest.is_hit else f"{QUANTILE * 100:g} %, held"


def threshold_of(vmax: float, wanted: float) -> float:
    """Return the threshold that was asked for, or where that is negative a round one that suits the range."""
    if wanted >= 0:
        return wanted
    step = nice_step(vmax * AUTOMATIC, 20)
    return round(vmax * AUTOMATIC / step) * step


def _end(view: MapView, shown: ShownMap) -> float:
    return shown.robust if view.range == "robust" and shown.robust > 0 else shown.vmax
