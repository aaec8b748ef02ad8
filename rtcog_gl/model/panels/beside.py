"""Two hits side by side, with one range, one threshold and one crosshair."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..actions import hit_marker
from ..draw import Rect, Source
from ..map_range import range_of, threshold_of
from ..planes import ortho_planes
from ..scene import Scene, ShownMap
from . import colour_bar, map_ink, readout, slice_marks
from .colour_bar import Line
from .pen import Pen


class Half(NamedTuple):
    """One of the two."""

    source: Source
    shown: ShownMap
    aside: str
    """What is said at the end of its heading."""


def draw(pen: Pen, inner: Rect, scene: Scene, shown: ShownMap, pinned: ShownMap) -> None:
    """Draw the pinned hit at the left and the map at the right."""
    how, column, gap = scene.view.map, readout.width(pen), pen.dp(28)
    vmax = range_of(how, shown, pinned)
    threshold = max(0.0, threshold_of(vmax, how.threshold))
    width = float(int((inner.w - column - 2 * gap) / 2))
    # The map's crosshair is that of both, also while the pinned map has not been told of it.
    halves = (Half("beside", pinned, "pinned"), Half("map", shown, ""))
    for n, half in enumerate(halves):
        box = Rect(inner.x + n * (width + gap), inner.y, width, inner.h)
        _half(pen, box, scene, half, vmax, threshold)
    box = Rect(inner.right - column, inner.y, column, inner.h)
    lines = (*readout.notes(scene, vmax, threshold, shown, pinned), Line("", rank=5), *_where(scene, shown))
    colour_bar.draw(pen, box, vmax, threshold, lines, unit=scene.session.unit)


def _where(scene: Scene, shown: ShownMap) -> tuple[Line, ...]:
    """Say where the crosshair is."""
    moved = scene.view.map.at is not None
    position = readout.position(shown.crosshair)
    if shown.at is None:
        return Line("peak at the right", "text3", rank=3), Line(position)
    return Line("crosshair", "text", moved, rank=3), Line(position, "text", moved)


def _half(pen: Pen, box: Rect, scene: Scene, half: Half, vmax: float, threshold: float) -> None:
    assert scene.grid is not None
    assert scene.map is not None
    at = scene.map.crosshair
    head = max(pen.dp(30), pen.px(17) * 1.6)
    room = Rect(box.x, box.y + head, box.w, box.h - head)
    planes, free = ortho_planes(room, scene.grid.bounds, at, scene.view.map.radiological, pen.dp(8), 5.0)
    for plane in planes:
        slice_marks.crosshair(pen, plane, at)
        slice_marks.letters(pen, plane, 13, at)
    title = Rect(box.x, box.y, box.w, head)
    if planes:
        # As wide as the slices: heading and figures belong to them, not to the panel's edges.
        left, right = planes[0].rect.x, planes[1].rect.right
        free = Rect(free.x, free.y, right - free.x, free.h)
        title = Rect(left, box.y, min(box.right - left, max(right - left, pen.dp(320))), head)
    _heading(pen, title, scene, half)
    colour_bar.write(pen, free, _figures(scene, half, vmax))
    data = (half.shown.tr, *half.shown.mean_of)
    map_ink.slices(pen, scene, planes, half.source, data, vmax, threshold)


def _heading(pen: Pen, box: Rect, scene: Scene, half: Half) -> None:
    """Write what the map is: its template's colour and name, and its TR."""
    shown, x, y = half.shown, box.x, round(box.y + pen.px(17))
    best = None
    if shown.is_hit and shown.tr < min(scene.scores.shape[1], scene.live.n_final):
        best = hit_marker(scene.scores[:, shown.tr])
    aside = pen.width(half.aside, 13) + pen.dp(14) if half.aside else 0.0
    right = box.right - aside
    name = "" if best is None else scene.session.labels[best.template]
    if best is not None:
        radius = pen.dp(7)
        pen.over.disc(x + radius, y - pen.px(17) * 0.36, radius, pen.theme.template(best.template))
        x += 2 * radius + pen.dp(8)
    tr = f"TR {shown.tr}" if not shown.mean_of else f"mean of {len(shown.mean_of)}"
    tr_w = pen.width(tr, 17) + pen.dp(12)
    if name and right - x - tr_w > pen.dp(20):
        x += min(pen.text(x, y, name, 17, "text", bold=True, max_width=right - x - tr_w), right - x - tr_w)
        x += pen.dp(12)
    pen.text(x, y, tr, 17, "text2", max_width=max(0.0, right - x))
    if half.aside and right > x:
        pen.text(box.right, y, half.aside, 13, "text3", anchor="right")


def _figures(scene: Scene, half: Half, vmax: float) -> tuple[Line, ...]:
    """Tell the peak and what is under the crosshair."""
    shown, at_own_peak = half.shown, half.shown.at is None
    missing = (Line(readout.count(shown.n_missing), "warn", rank=1),) if shown.n_missing else ()
    value = readout.value_here(scene, shown) if half.source == "map" else shown.value_at
    peak = (
        Line(f"peak {readout.amount(scene, shown.peak_value, vmax)}", "text3", rank=2),
        Line(readout.position(shown.peak_mm), "text3", rank=3),
        Line("", rank=4),
        Line("here", "text2", rank=2),
    )
    words = readout.amount(scene, value, vmax) if math.isfinite(value) else "no value here"
    return (
        *missing,
        *((Line("peak", "text3", rank=2),) if at_own_peak else peak),
        Line(words, "text", True, 24 if math.isfinite(value) else 15),
    )
