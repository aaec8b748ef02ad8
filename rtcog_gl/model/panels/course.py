"""The time course at the crosshair: of the voxel, and of a sphere around it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..actions import hit_markers
from ..course import Course, runs, thinned
from ..draw import Axes, Colour, Rect
from ..scene import Scene
from ..session import FloatArray
from ..theme import fade
from ..ticks import integer_ticks, nice_step, tick_label, ticks
from ..view import time_window
from .pen import Pen
from .scores import now_line, washes
from .spread import spread

COLUMN = 3
"""Width of the pixel columns into which many values are thinned, in the design's pixels."""

MARGIN = 0.07
"""Room above and below the values, as a part of their range."""

STALE = 0.35
"""How strongly the lines of the voxel before are drawn while those of the present one are being read."""


TIMES_FROM = 130
"""Height of a plot that has its own TRs written under it; a lower one goes with the scores' axis above it."""


class _Series(NamedTuple):
    values: FloatArray
    """Those in view."""

    name: str
    tone: Colour
    width: float
    """In the design's pixels."""


def key(scene: Scene) -> Hashable:
    """Return what the picture depends on beside the map's own state."""
    if not is_shown(scene):
        return None
    live, course = scene.live, scene.course
    window = time_window(scene.view, scene.extent)
    known = None if course is None else (course.request, len(course.trs), *course.trs[:1], *course.trs[-1:])
    # Not of the newest TR: the map would be painted with each column of scores, which must not wait for it. The course
    # itself comes a moment later, and with it the mark of the newest.
    return window, scene.view.cursor, live.onsets, live.offsets, known


def is_shown(scene: Scene) -> bool:
    """Return whether there is a plot: the session publishes volumes, and the operator did not put it away."""
    return bool(scene.session.slots) and scene.view.map.course and scene.map is not None


def height(pen: Pen, inner: Rect) -> float:
    """Return the height of the plot; 0 where there is no room for one."""
    high = min(pen.dp(88), inner.h * 0.2)
    return float(round(high)) if high >= 3.6 * pen.px(13) else 0.0


def draw(pen: Pen, rect: Rect, scene: Scene) -> None:
    """Draw the plot."""
    if rect.h < 1 or rect.w < pen.dp(120):
        return
    course = scene.course
    t0, t1 = time_window(scene.view, scene.extent)
    inside = np.zeros(0, np.bool_) if course is None else (course.trs >= t0) & (course.trs <= t1)
    series = () if course is None else _series(pen, scene, course, inside)
    ax = _axes(pen, rect, series, t0, t1)
    washes(pen, scene, ax, words=False)
    _grid(pen, ax, scene.session.unit)
    if rect.h >= pen.dp(TIMES_FROM):
        _time(pen, ax)
    _hits(pen, scene, ax)
    now_line(pen, scene, ax)
    note = _note(scene, inside)
    if note:
        x, y = round(ax.plot.x + ax.plot.w / 2), round(ax.plot.y + ax.plot.h / 2 + pen.px(15) * 0.36)
        pen.text(x, y, note, 15, "text2", anchor="center", max_width=ax.plot.w)
    if course is None or not inside.any():
        return
    trs = course.trs[inside]
    stale = _is_stale(scene, course)
    for each in series:
        tone = fade(each.tone, STALE) if stale else each.tone
        _line(pen, ax, trs, each.values, max(1.0, each.width * pen.style.layout.scale), tone)
    _names(pen, scene, ax, trs, series)
    _known_from(pen, scene, ax, int(course.trs[0]))


def _series(pen: Pen, scene: Scene, course: Course, inside: npt.NDArray[np.bool_]) -> tuple[_Series, ...]:
    request, theme = course.request, pen.theme
    n = len(request.sphere)
    sphere = f"sphere {request.radius_mm:g} mm, {n} voxel" + ("" if n == 1 else "s")
    voxel = _Series(course.voxel[inside], "voxel", theme.text2, 1.25)
    return voxel, _Series(course.sphere[inside], sphere, theme.text, 2.25)


def _is_stale(scene: Scene, course: Course) -> bool:
    """Return whether the course is still that of where the crosshair was before."""
    if scene.grid is None or scene.map is None:
        return False
    at = scene.map.crosshair if scene.readout is None else scene.readout.at
    now = scene.grid.voxel_at(at), scene.view.map.sphere_mm
    return now != (course.request.voxel, course.request.radius_mm)


def _note(scene: Scene, inside: npt.NDArray[np.bool_]) -> str:
    """Return what stands in the plot's place where there are no values."""
    if scene.course is None:
        outside = scene.readout is not None and not scene.readout.in_mask
        return "the crosshair is outside the mask" if outside else "reading"
    if not len(scene.course.trs):
        return "no volume is in memory"
    return "" if inside.any() else "no volume in view is in memory"


def _axes(pen: Pen, rect: Rect, series: tuple[_Series, ...], t0: float, t1: float) -> Axes:
    foot = float(round(pen.px(13) * 1.5)) if rect.h >= pen.dp(TIMES_FROM) else pen.dp(4)
    high = rect.h - foot - pen.dp(6)
    values = np.concatenate([each.values for each in series]) if series else np.zeros(0, np.float32)
    lo, hi = _limits(values)
    right = min(max([pen.dp(60), *(pen.width(each.name, 13) for each in series)]), rect.w * 0.28) + pen.dp(14)
    left = max(pen.dp(44), *(pen.width(label, 13) + pen.dp(12) for label in _labels(pen, lo, hi, high)))
    plot = Rect(round(rect.x + left), round(rect.y + pen.dp(6)), round(rect.w - left - right), high)
    return Axes(plot, t0, t1, lo, hi)


def _limits(values: FloatArray) -> tuple[float, float]:
    """Return the ends of the axis: those of the values with a margin. In so low a plot, round ends cost too much."""
    finite = values[np.isfinite(values)].astype(np.float64)
    lo, hi = (float(finite.min()), float(finite.max())) if len(finite) else (-1.0, 1.0)
    least = 1e-6 * max(abs(lo), abs(hi))
    margin = (hi - lo) * MARGIN if hi - lo > least else abs(hi) * 0.5 or 1.0
    return lo - margin, hi + margin


def _steps(pen: Pen, high: float) -> int:
    return max(2, min(4, int(high / (pen.px(13) * 1.6))))


def _labels(pen: Pen, lo: float, hi: float, high: float) -> list[str]:
    step = nice_step(hi - lo, _steps(pen, high))
    return [tick_label(float(value), step) for value in ticks(lo, hi, _steps(pen, high))]


def _grid(pen: Pen, ax: Axes, unit: str) -> None:
    """Draw lines at round values; zero a little stronger. The uppermost label carries the unit."""
    line = max(1.0, round(pen.style.layout.scale))
    values = ticks(ax.lo, ax.hi, _steps(pen, ax.plot.h))
    names = _labels(pen, ax.lo, ax.hi, ax.plot.h)
    free = np.inf
    for value, y, name in zip(values, ax.y(values), names, strict=True):
        tone = pen.theme.hairline if value == 0 else pen.theme.grid
        pen.under.box(Rect(ax.plot.x, round(y), ax.plot.w, line), tone)
        base = round(min(max(y, ax.plot.y + pen.px(13) * 0.3), ax.plot.bottom - pen.px(13) * 0.4) + pen.px(13) * 0.36)
        if base <= free:
            pen.text(ax.plot.x - pen.dp(8), base, name, 13, "text2", anchor="right")
            free = base - pen.px(13) * 1.1
    if unit:
        most = ax.plot.w * 0.3
        pen.text(ax.plot.x + pen.dp(6), round(ax.plot.y + pen.px(13)), unit, 13, "text3", max_width=most)


def _time(pen: Pen, ax: Axes) -> None:
    """Write the TRs under the plot."""
    base = round(ax.plot.bottom + pen.px(13) * 1.25)
    times = integer_ticks(ax.t0, ax.t1, max(2, int(ax.plot.w / pen.dp(150))))
    for t, x in zip(times, ax.x(times), strict=True):
        pen.text(round(x), base, f"{int(t)}", 13, "text3", anchor="center")
    half = pen.width(f"{int(times[-1])}", 13) / 2 if len(times) else 0.0
    pen.text(round(ax.plot.right + half + pen.dp(10)), base, "TR", 13, "text3")


def _hits(pen: Pen, scene: Scene, ax: Axes) -> None:
    """Mark the hits in their templates' colours; the one on the screen through the whole plot."""
    onsets = sorted({t for t in scene.live.onsets if 0 <= t < scene.live.n_final and ax.t0 <= t <= ax.t1})
    here = scene.map.tr if scene.map is not None and scene.map.is_hit and not scene.map.mean_of else None
    wide, high = pen.dp(2), min(pen.dp(9), ax.plot.h / 4)
    for onset, best in zip(onsets, hit_markers(scene.scores[:, onsets]), strict=True):
        tone = pen.theme.text3 if best is None else pen.theme.template(best.template)
        x = round(float(ax.x(onset)) - wide / 2)
        if onset == here:
            pen.under.box(Rect(x, ax.plot.y, wide, ax.plot.h), fade(tone, 0.6))
        pen.over.box(Rect(x, ax.plot.bottom - high, wide, high), tone)


def _line(pen: Pen, ax: Axes, trs: npt.NDArray[np.int64], values: FloatArray, width: float, tone: Colour) -> None:
    """Draw a line through neighbouring TRs, and a dot where a TR has no neighbour."""
    run = runs(trs, values)
    x, y = ax.x(trs), ax.y(values)
    kept = np.flatnonzero(run >= 0)
    column = pen.dp(COLUMN)
    if ax.plot.w / (ax.t1 - ax.t0) < column:
        kept = thinned(np.floor(x / column).astype(np.int64), values, run)
    a, b = kept[:-1], kept[1:]
    joined = run[a] == run[b]
    a, b = a[joined], b[joined]
    pen.over.segments(np.stack([x[a], y[a], x[b], y[b]], axis=1), width, tone)
    lone = kept[~np.isin(kept, a) & ~np.isin(kept, b)]
    pen.over.segments(np.stack([x[lone], y[lone], x[lone], y[lone]], axis=1), 1.6 * width, tone)


def _names(pen: Pen, scene: Scene, ax: Axes, trs: npt.NDArray[np.int64], series: tuple[_Series, ...]) -> None:
    """Name the lines at their ends."""
    ends = []
    for each in series:
        known = each.values[np.isfinite(each.values)]
        ends.append(float(ax.y(known[-1])) if len(known) else ax.plot.y + ax.plot.h / 2)
    beside = ax.plot.right + pen.dp(8)
    x = min(float(ax.x(int(trs[-1]))) + pen.dp(10), beside) if scene.view.live else beside
    stale = scene.course is not None and _is_stale(scene, scene.course)
    centres = spread(ends, pen.px(13) * 1.2, ax.plot.y - pen.px(13) * 0.3, ax.plot.bottom + pen.px(13) * 0.3)
    for each, centre in zip(series, centres.tolist(), strict=True):
        tone = fade(each.tone, STALE) if stale else each.tone
        most = pen.rect.right - pen.dp(14) - x
        pen.text(round(x), round(centre + pen.px(13) * 0.36), each.name, 13, tone, max_width=most)


def _known_from(pen: Pen, scene: Scene, ax: Axes, first: int) -> None:
    """Say from which TR on values are known, where earlier volumes are no longer in memory."""
    if first <= ax.t0 or not scene.volumes["has_map"][:first].any():
        return
    x = float(ax.x(first)) - pen.dp(8)
    for words in (f"in memory from TR {first}", f"from TR {first}"):
        if x - pen.width(words, 13) > ax.plot.x + pen.dp(4):
            y = round(ax.plot.y + ax.plot.h / 2 + pen.px(13) * 0.36)
            pen.text(round(x), y, words, 13, "text3", anchor="right")
            return
