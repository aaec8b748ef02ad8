"""What the operator's actions on the map change. Pure: an action makes a new `View` out of the old one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from .draw import Target
from .map_view import MODES, OPACITIES, RANGES, MapView
from .peaks import largest, next_peak
from .planes import mm_at, normal_axis
from .ticks import nice_step
from .view import Extent, View, apply, show_hit
from .volume import FloatArray, MaskGrid, Point, nearest_voxel, voxel_axis

COLORMAPS = ("", "crameri:vik", "cmocean:balance", "colorbrewer:RdBu_r", "crameri:berlin", "seaborn:icefire")
"""Colour maps that a key goes through: the theme's, then others from blue to red."""

THRESHOLD_STEPS = 20
"""Steps of the threshold from 0 to the end of the colours, about."""

THRESHOLD_PLACES = 200
"""Thresholds that a click on the colour bar tells apart, about."""

STEPS = {
    "step_left": (0, -1),
    "step_right": (0, 1),
    "step_back": (1, -1),
    "step_front": (1, 1),
    "step_down": (2, -1),
    "step_up": (2, 1),
}
"""World axis and direction of each step of the crosshair, where left is left."""

GREY_STEP = 0.05
"""By how much the middle of the anatomy's grey window moves, as a part of its automatic window."""

GREY_FACTOR = 1.25
"""By how much its width changes."""

DARKEST, BRIGHTEST = 1.5, -0.5
FLATTEST, HARDEST = 8, -8
"""Powers of `GREY_FACTOR`."""

MOST_STEPS = 20
"""Steps that one turn of the wheel can make."""


_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class MapState:
    """What there is to act on."""

    grid: MaskGrid | None = None
    at: Point | None = None
    """Where the crosshair is (RAS+ mm); None while there is no map."""

    column: FloatArray | None = None
    """The map on the screen, (n_voxels,)."""

    vmax: float = 1.0
    """Present end of the colours."""

    threshold: float = 0.0
    """Present threshold, automatic or not."""

    hit: int | None = None
    """Index of the hit on the screen, or else of the newest; None while there is none."""

    maps: tuple[int, ...] = ()
    """The TRs of the hits, in the order in which their maps came."""

    extent: Extent | None = None
    """What there is to look at; None: the hits alone."""

    @property
    def reach(self) -> Extent:
        """What there is to look at."""
        nt = max(self.maps, default=-1) + 1
        return self.extent or Extent(nt, nt, len(self.maps), maps=self.maps)

    @property
    def shows_volume(self) -> bool:
        """Whether a volume is on the screen that is not shown as a hit."""
        return self.reach.live_maps and self.reach.hit is None


def apply_to_map(view: View, action: str, state: MapState) -> View:
    """Return the view after an action on the map; actions that do not concern it leave it as it is.

    Parameters
    ----------
    view : View
        The view before.
    action : str
        A name from `rtcog_gl.model.keys.BINDINGS`, or ``hit:TR`` of a thumbnail.
    state : MapState
        What there is to act on.
    """
    if action.startswith("hit:"):
        return show_hit(view, int(action.removeprefix("hit:")), state.reach)
    if action == "beside":
        return _pin(view, state)
    change = _CHANGES.get(action)
    how = view.map if change is None else change(view.map, action, state)
    return view if how is view.map else replace(view, map=how)


def point_at(view: View, target: Target, x: float, y: float, state: MapState) -> View:
    """Return the view after a click at, or a drag to, a pixel of a target; pixels beyond it count as its edge."""
    rect = target.rect
    x, y = min(max(x, rect.x), rect.right), min(max(y, rect.y), rect.bottom)
    if target.action == "crosshair" and target.plane is not None:
        if state.column is None:
            # Nothing would show where it is, and the first map is to open at its peak.
            return view
        at = list(mm_at(target.plane, x, y))
        if target.keep is not None and state.at is not None:
            at[target.keep] = state.at[target.keep]
        return replace(view, map=replace(view.map, at=(at[0], at[1], at[2])))
    if target.action == "threshold":
        value = abs(1 - 2 * (y - rect.y) / rect.h) * state.vmax if rect.h > 0 else 0.0
        step = nice_step(state.vmax, THRESHOLD_PLACES)
        value = min(_rounded(round(value / step) * step), state.vmax)
        return replace(view, map=replace(view.map, threshold=value))
    return apply_to_map(view, target.action, state)


def scroll_at(view: View, target: Target, steps: float, state: MapState) -> View:
    """Return the view after the mouse wheel turned by `steps` (away from the user is positive) over a target."""
    n = max(-MOST_STEPS, min(round(steps), MOST_STEPS))
    if target.action == "crosshair" and target.plane is not None:
        # Projections have no depth.
        return view if target.keep is not None else _through(view, normal_axis(target.plane), n, state)
    for _ in range(abs(n)):
        if target.action == "threshold":
            action = "threshold_higher" if n > 0 else "threshold_lower"
            view = apply_to_map(view, action, state)
            state = replace(state, threshold=max(0.0, view.map.threshold))
        elif target.action.startswith("hit:"):
            view = apply(view, "next_hit" if n > 0 else "previous_hit", state.reach)
            state = replace(state, extent=replace(state.reach, hit=view.hit))
    return view


def _step(how: MapView, action: str, state: MapState) -> MapView:
    """Move the crosshair to the centre of the next voxel; it stays on the mask's grid."""
    grid = state.grid
    if grid is None or state.at is None:
        return how
    axis, sign = STEPS[action]
    along, same = voxel_axis(grid.affine, axis)
    last = np.array(grid.shape) - 1
    ijk = np.clip(nearest_voxel(grid.affine, state.at), 0, last)
    ijk[along] += same * (-sign if axis == 0 and how.radiological else sign)
    x, y, z = (grid.affine[:3, :3] @ np.clip(ijk, 0, last) + grid.affine[:3, 3]).tolist()
    return replace(how, at=(x, y, z))


def _through(view: View, axis: int, n: int, state: MapState) -> View:
    """Move the crosshair along a world axis by the length of `n` voxels, as far as the mask goes."""
    if state.grid is None or state.at is None or n == 0:
        return view
    affine, bounds = state.grid.affine, state.grid.bounds
    length = float(np.linalg.norm(affine[:3, voxel_axis(affine, axis)[0]]))
    at = list(state.at)
    at[axis] = min(max(at[axis] + n * length, bounds.low[axis] + length / 2), bounds.high[axis] - length / 2)
    return replace(view, map=replace(view.map, at=(at[0], at[1], at[2])))


def _peak(how: MapView, action: str, state: MapState) -> MapView:
    grid, column = state.grid, state.column
    if grid is None or column is None:
        return how
    if action == "peak_next":
        at = next_peak(grid, column, state.threshold, state.at)
    else:
        at = largest(grid, column, 1 if action == "peak_positive" else -1)
    return how if at is None else replace(how, at=at)


def _threshold(how: MapView, action: str, state: MapState) -> MapView:
    """Move the threshold to the next round value."""
    step = nice_step(state.vmax, THRESHOLD_STEPS)
    place = state.threshold / step
    # A value that is round already is not taken for one just beside it.
    n = math.floor(place + 1e-6) + 1 if action == "threshold_higher" else math.ceil(place - 1e-6) - 1
    return replace(how, threshold=_rounded(min(max(0.0, n * step), state.vmax)))


def _range(how: MapView, _action: str, state: MapState) -> MapView:
    kind = _after(RANGES, how.range)
    return replace(how, range=kind, fixed=state.vmax if kind == "fixed" else how.fixed)


def _opacity(how: MapView, _action: str, _state: MapState) -> MapView:
    return replace(how, opacity=next((less for less in OPACITIES if less < how.opacity - 1e-6), OPACITIES[0]))


def _grey(how: MapView, action: str, _state: MapState) -> MapView:
    if action == "grey_auto":
        return replace(how, level=MapView.level, width=MapView.width)
    if action in ("grey_darker", "grey_brighter"):
        level = how.level + (GREY_STEP if action == "grey_darker" else -GREY_STEP)
        return replace(how, level=round(min(max(BRIGHTEST, level), DARKEST), 6))
    power = round(math.log(how.width) / math.log(GREY_FACTOR)) + (1 if action == "grey_flatter" else -1)
    return replace(how, width=GREY_FACTOR ** min(max(HARDEST, power), FLATTEST))


def _pin(view: View, state: MapState) -> View:
    """Pin the hit on the screen, or the newest, and show another map beside it; or unpin."""
    if view.map.beside is not None:
        unpinned = replace(view, map=replace(view.map, beside=None))
        return unpinned if view.cursor is not None else replace(unpinned, hit=None)
    if state.hit is None or not state.hit < len(state.maps):
        return view
    pinned = replace(view, map=replace(view.map, beside=state.maps[state.hit]))
    if state.shows_volume or view.map.mean:
        return pinned
    newest = len(state.maps) - 1
    other = state.hit - 1 if state.hit == newest else newest
    return pinned if other < 0 else show_hit(pinned, state.maps[other], state.reach)


def _mean(how: MapView, _action: str, state: MapState) -> MapView:
    return replace(how, mean=not how.mean) if state.maps or how.mean else how


def _after(all_of_them: tuple[_T, ...], now: _T) -> _T:
    return all_of_them[(all_of_them.index(now) + 1) % len(all_of_them)] if now in all_of_them else all_of_them[0]


def _rounded(value: float) -> float:
    """Return a value without the digits that floating point put at its end."""
    return float(f"{value:.12g}")


_Change = Callable[[MapView, str, MapState], MapView]

_CHANGES: dict[str, _Change] = {
    "map_view": lambda how, _action, _state: replace(how, mode=_after(MODES, how.mode)),
    "map_axis": lambda how, _action, _state: replace(how, axis=(how.axis - 1) % 3),
    "sampling": lambda how, _action, _state: replace(
        how, sampling="linear" if how.sampling == "nearest" else "nearest"
    ),
    "convention": lambda how, _action, _state: replace(how, radiological=not how.radiological),
    "crosshair_auto": lambda how, _action, _state: how if how.at is None else replace(how, at=None),
    "threshold_auto": lambda how, _action, _state: replace(how, threshold=-1.0),
    "colormap": lambda how, _action, _state: replace(how, colormap=_after(COLORMAPS, how.colormap)),
    "course": lambda how, _action, _state: replace(how, course=not how.course),
    "map_range": _range,
    "opacity": _opacity,
    "mean": _mean,
    **dict.fromkeys(STEPS, _step),
    **dict.fromkeys(("peak_positive", "peak_negative", "peak_next"), _peak),
    **dict.fromkeys(("threshold_lower", "threshold_higher"), _threshold),
    **dict.fromkeys(("grey_darker", "grey_brighter", "grey_flatter", "grey_harder", "grey_auto"), _grey),
}
"""What changes nothing but how the map is shown."""
