"""The map beside the template that it matches, and their voxelwise product, read from left to right as an equation."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..draw import Rect, Source
from ..explained import Explained, MapFacts
from ..map_range import range_of, threshold_of
from ..planes import ortho_planes
from ..scene import Scene, ShownMap
from ..ticks import mm, signed
from . import colour_bar, map_ink, readout, slice_marks
from .colour_bar import Line, digits
from .pen import Pen

OWN_RANGE = Line("range: largest", "text3", rank=3)


class Group(NamedTuple):
    """One of the three."""

    source: Source
    heading: str
    facts: MapFacts
    data: tuple[int, ...]
    vmax: float
    """Value at the ends of the colours."""

    wanted: float = -1.0
    """Threshold asked for; negative: automatic."""

    tone: str | int = "text"
    """Of the heading: a name of the theme, or a template."""


def draw(pen: Pen, inner: Rect, scene: Scene, shown: ShownMap, told: Explained) -> None:
    """Draw the three groups into the panel's inside; the map has the operator's colours, the others their own."""
    gap = pen.dp(28)
    width = float(int((inner.w - 2 * gap) / 3))
    label, how = scene.session.labels[told.template], scene.view.map
    vmax = range_of(how, shown)
    groups = (
        Group("map", f"TR {told.tr}", told.volume, (told.tr,), vmax, how.threshold),
        Group("template", f"× {label}", told.matched, (told.template,), told.matched.vmax, tone=told.template),
        Group("product", "= product", told.product, (told.tr, told.template), told.product.vmax),
    )
    for n, group in enumerate(groups):
        box = Rect(inner.x + n * (width + gap), inner.y, width, inner.h)
        threshold = max(0.0, threshold_of(group.vmax, group.wanted))
        notes = _notes(scene, shown, vmax, threshold) if group.source == "map" else (OWN_RANGE,)
        _group(pen, box, scene, told, group, threshold, notes)


def _notes(scene: Scene, shown: ShownMap, vmax: float, threshold: float) -> tuple[Line, ...]:
    missing = (Line(readout.count(shown.n_missing), "warn", rank=1),) if shown.n_missing else ()
    return (*readout.notes(scene, vmax, threshold, shown), *missing)


def _group(
    pen: Pen, box: Rect, scene: Scene, told: Explained, group: Group, threshold: float, notes: tuple[Line, ...]
) -> None:
    head = max(pen.dp(30), pen.px(17) * 1.6)
    _heading(pen, Rect(box.x, box.y, box.w, head), told, group, scene.view.map.at is not None)
    if scene.grid is None:
        return
    room = Rect(box.x, box.y + head, box.w, box.h - head)
    radiological = scene.view.map.radiological
    planes, free = ortho_planes(room, scene.grid.bounds, told.at, radiological, pen.dp(8), 5.0)
    for plane in planes:
        slice_marks.crosshair(pen, plane, told.at)
        slice_marks.letters(pen, plane, 13, told.at)
    own = group.source == "map"
    unit = scene.session.unit if own else ""
    room = Rect(free.x, free.y, box.right - free.x, free.h)
    colour_bar.draw(pen, room, group.vmax, threshold, (*notes, *_figures(group)), 14, unit=unit, moves=own)
    map_ink.slices(pen, scene, planes, group.source, group.data, group.vmax, threshold)


def _heading(pen: Pen, box: Rect, told: Explained, group: Group, moved: bool) -> None:
    y = round(box.y + pen.px(17))
    tone = pen.theme.template(group.tone) if isinstance(group.tone, int) else group.tone
    heading = group.heading
    if group.source == "product" and pen.width(f"{heading}  {_sums(told)[0]}", 17, True) > box.w:
        # The figures matter more than the word.
        heading = "="
    used = pen.text(box.x, y, heading, 17, tone, bold=True, max_width=box.w)
    room = box.w - used - pen.dp(14)
    if group.source == "map":
        words = ("crosshair " if moved else "at ") + ", ".join(mm(along) for along in told.at)
        tone = "text" if moved else "text2"
        pen.text(box.right, y, words, 13, tone, bold=moved, anchor="right", max_width=room)
    if group.source == "product":
        lines = [Line(words, "warn" if told.differs else "text", True, 17) for words in _sums(told)]
        line = next((line for line in lines if colour_bar.fits(pen, line, room)), lines[-1])
        colour_bar.write(pen, Rect(box.right - room, y - pen.px(17) * 1.08, room, pen.px(17) * 1.35), (line,))


def _sums(told: Explained) -> tuple[str, ...]:
    """Say what the product comes to, beside the score that the session published; in ever fewer words."""
    mean, score = f"mean {signed(told.mean)}", f"score {signed(told.score)}"
    if math.isnan(told.score):
        return (mean,)
    if told.differs:
        return f"{mean}, {score}: differs", f"{mean}: differs", "differs"
    return f"{mean} = {score}", mean


def _figures(group: Group) -> tuple[Line, ...]:
    most = digits(group.vmax)
    here = Line(f"here {signed(group.facts.here, most)}", "text", True)
    return (Line(f"peak {signed(group.facts.peak, most)}", rank=1), here)
