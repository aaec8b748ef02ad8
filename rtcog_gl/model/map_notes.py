"""What is said to the operator after an action on the map whose effect does not show by itself."""

from __future__ import annotations

from .map_actions import STEPS, MapState
from .map_view import AXES
from .view import View

_MODE = {"ortho": "three planes", "mosaic": "lightbox", "glass": "glass brain"}
_SAMPLING = {"nearest": "voxels as measured", "linear": "smooth: voxels weighted by distance, inside the mask"}
_NO_PEAK = {
    "peak_positive": "no value above 0 in this map",
    "peak_negative": "no value below 0 in this map",
    "peak_next": "no peak above the threshold",
}


def note_of(action: str, before: View, after: View, state: MapState) -> str:
    """Return a short note, or nothing where the picture says it all.

    Parameters
    ----------
    action : str
        What was asked for.
    before, after : View
        The view before and after it.
    state : MapState
        What there was to act on.
    """
    how = after.map
    if action in STEPS or action in _NO_PEAK:
        return _of_the_crosshair(action, before is after, state)
    if action in ("beside", "mean"):
        return _of_hits(action, after, state)
    if action == "map_view":
        hidden = "X is off" if after.explain else "H is off" if how.beside is not None else ""
        return f"{_MODE[how.mode]}, once {hidden}" if hidden else ""
    if action == "map_axis":
        return "" if how.mode == "mosaic" else f"lightbox: {AXES[how.axis]} slices (V leads there)"
    if action == "map_range":
        fixed = f"colours end at {how.fixed:.3g} for all maps"
        ends = {
            "largest": "colours end at a hit's largest value, a volume's held range",
            "robust": "colours end at the 2nd or 98th percentile",
        }
        return ends.get(how.range, fixed)
    if action == "course" and not state.reach.live_maps:
        return "no time course: this session publishes maps of hits only"
    return {
        "sampling": _SAMPLING[how.sampling],
        "threshold_auto": "threshold: automatic",
        "opacity": f"opacity of the map: {how.opacity:.0%}".replace("%", " %"),
        "colormap": f"colours: {how.colormap}" if how.colormap else "colours: the theme's",
    }.get(action, "")


def _of_the_crosshair(action: str, stays: bool, state: MapState) -> str:
    if not stays:
        return ""
    if state.grid is None or (state.column is None and action in _NO_PEAK):
        return "there is no map yet" if state.grid is not None else "this session has no map"
    return _NO_PEAK.get(action, "")


def _of_hits(action: str, after: View, state: MapState) -> str:
    if not state.maps:
        return "there is no hit yet"
    if action == "mean":
        return "the mean over this template's hits; E leads back" if after.map.mean else "single maps again"
    tr = after.map.beside
    return "the map alone again" if tr is None else f"the hit of TR {tr} stays beside the map; H takes it away"
