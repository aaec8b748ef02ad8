"""Motion and processing time of each volume, under the scores and on their time axis."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..draw import Axes, Drawing, Rect
from ..motion import framewise_displacement
from ..scene import Scene, Style
from ..status import processing_ms
from ..theme import fade
from ..ticks import MINUS, nice_step, tick_label
from ..view import time_window
from . import scores
from .labels import live_edge, shown_tr
from .pen import Pen

Floats = npt.NDArray[np.float64]

MOTION_SHARE = 0.58
"""Part of the lanes' height that motion has."""

OUTLIER = 6.0
"""The scale ends at so many times what 95 % of the volumes stay below, lest one of them flatten the rest."""

NEAR = 1.6
"""The length of a TR is drawn where it is within so many times the longest processing time."""


class Columns(NamedTuple):
    """Values as they are drawn: one a volume, or the highest of all volumes that share a pixel."""

    x: npt.NDArray[np.float64]
    """Left edges, in whole pixels."""

    width: float
    value: Floats
    marked: npt.NDArray[np.bool_]
    """Whether any of a column's volumes is marked."""


@dataclass(frozen=True)
class _Lane:
    """What a lane shows."""

    values: Floats
    """One a volume in view, NaN where there is none."""

    marked: npt.NDArray[np.bool_]
    """Volumes whose bar is amber."""

    top: float
    """Value at the upper end of the scale."""

    limit: float
    """Where the dashed line is; NaN for none."""

    labels: tuple[str, ...]
    """What the bars are, with the newest value; the first that fits is written."""

    notes: tuple[str, ...] = ()
    """What the dashed line is; the first that fits is written."""

    levels: Floats | None = None
    """What the line is held against, where that is not the bars."""

    nothing: str = ""
    """Why there is nothing to draw."""


def key(scene: Scene) -> Hashable:
    """Return what the picture depends on."""
    live = scene.live
    # Not of the whole view: how the map is looked at changes nothing here.
    seen = time_window(scene.view, scene.extent), scene.view.cursor
    return live.n_final, live.n_volumes, live.onsets, live.offsets, live.tr_s, seen


def draw(scene: Scene, style: Style, rect: Rect) -> Drawing:
    """Draw the panel."""
    pen = Pen(style, rect)
    pen.panel()
    places, foot = _places(pen, scores.axes(scene, style))
    first, end = _in_view(scene, foot)
    lanes = (_motion(scene, first, end), _processing(scene, first, end))
    for place, lane in zip(places, lanes, strict=False):
        ax = Axes(place, foot.t0, foot.t1, 0.0, lane.top)
        scores.washes(pen, scene, ax, words=False)
        _draw_lane(pen, scene, ax, lane, first)
    scores.time_axis(pen, foot)
    return pen.drawing()


def _places(pen: Pen, ax: Axes) -> tuple[list[Rect], Axes]:
    """Return where the lanes go, as many as there is room for, and the axes at whose foot the TRs stand."""
    gap, least = pen.dp(12), pen.px(13) * 1.25
    height = max(0.0, float(math.floor(pen.rect.h - scores.axis_height(pen) - pen.dp(4))))
    whole = Rect(ax.plot.x, pen.rect.y + pen.dp(4), ax.plot.w, height)
    places = [whole] if height >= least else []
    if height >= 2 * least + gap:
        lower = float(max(math.ceil(least), round((height - gap) * (1 - MOTION_SHARE))))
        places = [whole._replace(h=height - gap - lower), whole._replace(y=whole.bottom - lower, h=lower)]
    return places, Axes(whole, ax.t0, ax.t1, 0.0, 1.0)


def _in_view(scene: Scene, ax: Axes) -> tuple[int, int]:
    """Return the first volume in view, and the one after the last that has a record."""
    end = min(math.ceil(ax.t1) + 1, scene.live.n_volumes, scene.session.nt)
    return min(max(0, int(ax.t0)), max(0, end)), max(0, end)


def _motion(scene: Scene, first: int, end: int) -> _Lane:
    before = max(0, first - 1)
    displacement = framewise_displacement(scene.volumes["motion"][before:end])[first - before :]
    records = scene.volumes[first:end]
    # The gate is asked in between surveys and cooldowns only; elsewhere rtcog compares nothing.
    asked = (records["action"] == 0) & (np.arange(first, end) >= records["cooldown_end"])
    asked &= np.arange(first, end) >= scene.session.match_start
    change = np.where(asked, records["norm_change"], np.nan)
    rule = scene.session.rule
    limit = math.nan if rule is None or rule.mot_thr is None else rule.mot_thr
    there = scene.volumes[: scene.live.n_volumes]
    if len(there) and not np.isfinite(there["motion"]).any():
        return _Lane(
            displacement, np.zeros(end - first, np.bool_), 1.0, math.nan, (), nothing="motion is not published"
        )
    held = np.isfinite(limit)
    above = f"> {limit:.4g}".replace("-", MINUS)
    return _Lane(
        displacement,
        change > limit,
        _top(np.concatenate([displacement, change]) if held else displacement, 1.25 * limit),
        limit,
        (f"FD {_shown(scene, displacement, first, 2, 'mm')}",),
        (f"gate: norm change {above}", f"norm change {above}", f"norm {above}") if held else (),
        change if held else None,
    )


def _processing(scene: Scene, first: int, end: int) -> _Lane:
    took = processing_ms(scene.volumes[first:end])
    tr_s = scene.live.tr_s or scene.session.expected_tr_s
    expected = 1000 * tr_s if tr_s else math.nan
    longest = float(np.nanmax(took, initial=0.0))
    near = expected <= NEAR * longest
    value = _shown(scene, took, first, 0, "ms")
    return _Lane(
        took,
        took > expected,
        _top(took, 1.1 * expected if near else math.nan),
        expected if near else math.nan,
        (f"processing {value}", f"proc. {value}", value),
        (f"TR {expected:.0f} ms", "TR") if near else (),
    )


def _shown(scene: Scene, values: Floats, first: int, digits: int, unit: str) -> str:
    """Return the value at the TR looked at, or the newest."""
    at = (scene.live.n_volumes - 1 if scene.view.live else shown_tr(scene)) - first
    stopped = scene.view.live and scene.records_stopped
    value = float(values[at]) if 0 <= at < len(values) and not stopped else math.nan
    return f"{value:.{digits}f} {unit}" if math.isfinite(value) else "\u2013"


def _top(values: Floats, least: float) -> float:
    """Return a round upper end for a scale from 0 that holds the values, but for outliers, and `least`."""
    finite = values[np.isfinite(values)]
    highest = min(float(finite.max()), OUTLIER * float(np.quantile(finite, 0.95))) if finite.size else 0.0
    highest = max(highest, least if math.isfinite(least) else 0.0)
    if highest <= 0:
        highest = float(finite.max(initial=0.0)) or 1.0
    if not highest > 0:
        return 1.0
    step = nice_step(highest, 4)
    return math.ceil(highest / step - 1e-9) * step


def columns(values: Floats, marked: npt.NDArray[np.bool_], ax: Axes, first: int) -> Columns:
    """Return what to draw of the volumes from `first` on, inside the plot.

    Parameters
    ----------
    values : ndarray, (n,)
        One a volume; those that are not finite are left out.
    marked : ndarray, (n,)
        Volumes to tell from the others.
    ax : Axes
        Where time goes.
    first : int
        TR of the first value.
    """
    pitch = ax.plot.w / (ax.t1 - ax.t0)
    width = max(1.0, math.floor(0.72 * pitch))
    known = np.flatnonzero(np.isfinite(values))
    x = np.floor(ax.x(first + known) - width / 2 + 0.5)
    inside = (x >= ax.plot.x) & (x + width <= ax.plot.right)
    known, x = known[inside], x[inside]
    if not len(x):
        return Columns(x, width, np.zeros(0), np.zeros(0, np.bool_))
    starts = np.flatnonzero(np.diff(x, prepend=-np.inf) > 0)
    return Columns(
        x[starts],
        width,
        np.maximum.reduceat(values[known], starts),
        np.logical_or.reduceat(marked[known], starts),
    )


def _draw_lane(pen: Pen, scene: Scene, ax: Axes, lane: _Lane, first: int) -> None:
    line = max(1.0, round(pen.style.layout.scale))
    pen.under.box(Rect(ax.plot.x, ax.plot.bottom - line, ax.plot.w, line), pen.theme.hairline)
    if lane.nothing:
        scores.now_line(pen, scene, ax)
        x, base = ax.plot.x + pen.dp(10), round(ax.plot.y + ax.plot.h / 2 + pen.px(13) * 0.36)
        pen.text(x, base, lane.nothing, 13, "text3", max_width=ax.plot.w - pen.dp(20))
        return
    if len(lane.values) or math.isfinite(lane.limit):
        _scale(pen, ax)
    _bars(pen, ax, columns(lane.values, lane.marked, ax, first))
    if lane.levels is not None:
        _levels(pen, ax, columns(lane.levels, lane.marked, ax, first))
    if math.isfinite(lane.limit):
        y = round(float(ax.y(min(lane.limit, ax.hi))))
        pen.over.box(Rect(ax.plot.x, y, ax.plot.w, line), pen.theme.text2, dash=(pen.dp(6), pen.dp(5)))
    scores.now_line(pen, scene, ax)
    _label(pen, scene, ax, lane)


def _scale(pen: Pen, ax: Axes) -> None:
    """Write the ends of the scale, as far as they have room."""
    size = pen.px(13)
    x, room = ax.plot.x - pen.dp(10), ax.plot.x - pen.rect.x - pen.dp(14)
    pen.text(x, round(ax.plot.y + size * 0.74), tick_label(ax.hi, ax.hi), 13, "text3", anchor="right", max_width=room)
    if ax.plot.h > 2.1 * size:
        pen.text(x, round(ax.plot.bottom), "0", 13, "text3", anchor="right")


def _bars(pen: Pen, ax: Axes, found: Columns) -> None:
    """Draw the values as bars from zero; what is higher than the scale is broken below its end."""
    height = np.clip(found.value / ax.hi, 0.0, 1.0) * ax.plot.h
    height = np.maximum(np.round(height), 1.0)
    geom = np.stack([found.x, ax.plot.bottom - height, np.full(len(height), found.width), height], axis=1)
    colours = np.where(found.marked[:, None], pen.theme.warn, fade(pen.theme.text3, 0.85))
    pen.over.boxes(geom, colours)
    beyond = found.value > ax.hi * (1 + 1e-9)
    cut = max(2.0, round(2.0 * pen.style.layout.scale))
    pen.over.boxes(geom[beyond] * (1, 1, 1, 0) + (0, 2 * cut, 0, cut), pen.theme.panel)


def _levels(pen: Pen, ax: Axes, found: Columns) -> None:
    """Draw values as short level lines; what is no more than the foot of the scale, or falls, is left out."""
    thick = max(2.0, round(2.0 * pen.style.layout.scale))
    y = np.maximum(np.round(ax.y(np.minimum(found.value, ax.hi))), ax.plot.y)
    rising = y < ax.plot.bottom - 2 * thick
    x, y = found.x[rising], y[rising]
    geom = np.stack([x, y, np.full(len(x), found.width), np.full(len(x), thick)], axis=1)
    pen.over.boxes(geom, pen.theme.text)


def _label(pen: Pen, scene: Scene, ax: Axes, lane: _Lane) -> None:
    """Write the newest value at the live edge, and under it (beside it in a low lane) what the dashed line is."""
    x = live_edge(pen, scene, ax)
    room = pen.rect.right - pen.dp(8) - x
    label = next((words for words in lane.labels if pen.width(words, 14, True) <= room), lane.labels[-1])
    wide, dash = min(room, pen.width(label, 14, True)), pen.dp(28)
    low = ax.plot.h < 2.7 * pen.px(14)
    indent = (wide + pen.dp(16) if low else 0.0) + dash
    note = next((words for words in lane.notes if indent + pen.width(words, 13) <= room), "")
    across = max(wide, indent + pen.width(note, 13)) if note else wide
    if x - pen.dp(6) < ax.plot.right:
        back = Rect(x - pen.dp(6), ax.plot.y, across + pen.dp(12), ax.plot.h)
        pen.over.box(back, fade(pen.theme.panel, 0.88), radius=pen.dp(3))
    base = round(ax.plot.y + ax.plot.h / 2 + pen.px(14) * (0.36 if low or not note else -0.24))
    pen.text(x, base, label, 14, "text", bold=True, max_width=room)
    if note:
        base += 0 if low else round(1.25 * pen.px(14))
        thick = max(1.0, round(pen.style.layout.scale))
        place = Rect(round(x + indent - dash), round(base - pen.px(13) * 0.36), pen.dp(22), thick)
        pen.over.box(place, pen.theme.text2, dash=(pen.dp(6), pen.dp(3)))
        pen.text(round(x + indent), base, note, 13, "text2")
