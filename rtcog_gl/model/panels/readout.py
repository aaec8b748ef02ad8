"""The figures beside a map: its peak, and what is under the crosshair."""

from __future__ import annotations

from ..scene import Scene, ShownMap
from ..ticks import mm, signed
from .colour_bar import Line, digits


def lines(scene: Scene, shown: ShownMap, vmax: float) -> tuple[Line, ...]:
    """Return the figures, from the top down."""
    place = ", ".join(mm(along) for along in shown.peak_mm)
    missing = (Line(f"{shown.n_missing} voxels missing", "warn"),) if shown.n_missing else ()
    value = signed(shown.peak_value, digits(vmax))
    if shown.at is None:
        return (*missing, Line(f"peak {place}"), Line(f"value {value}", "text", True))
    here = signed(shown.value_at, digits(vmax))
    return (*missing, Line(f"peak {value} at"), Line(place), Line(f"here {here}", "text", True))
