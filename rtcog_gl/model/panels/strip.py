"""Status strip: state, TR, last hit, age of the newest column, latency, run. Read at a glance, from three metres."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from ..actions import hit_marker
from ..draw import Colour, Drawing, Rect
from ..scene import Scene, Style
from ..status import Status, processing_ms, status
from ..ticks import seconds
from .pen import Pen

SHRINK = (1.0, 0.92, 0.84, 0.76, 0.68, 0.6, 0.52)
"""Sizes that are tried until everything fits side by side."""

PROCESSING = "processing"
"""Name of the cell that is left out first where there is no room even at the smallest size."""

DETAIL = "survey on screen since"
"""As wide as the words beside the state may be."""


@dataclass(frozen=True)
class Part:
    """A piece of a line."""

    string: str
    size: float
    colour: Colour
    bold: bool = False


@dataclass(frozen=True)
class Cell:
    """A label over a value; `sample` is the widest value, so that nothing moves when digits change."""

    label: str
    parts: tuple[Part, ...]
    sample: str
    size: float = 20
    disc: Colour | None = None


def key(scene: Scene) -> Hashable:
    """Return what the picture depends on: everything written in it."""
    now = status(scene)
    newest = scene.live.onsets[-1:], scene.live.n_final, len(scene.live.onsets)
    return now, newest, scene.clock, scene.latency, _age(scene, now), _processing_ms(scene), scene.live.tr_s


def draw(scene: Scene, style: Style) -> Drawing:
    """Draw the strip."""
    now = status(scene)
    early = now.word == "ENDED" and scene.live.n_final < scene.session.nt
    colour = style.theme.warn if early else style.theme.state(now.word)
    rect = style.layout.strip
    pen = Pen(style, rect)
    line = max(1.0, round(style.layout.scale))
    pen.under.box(Rect(rect.x, rect.bottom - line, rect.w, line), style.theme.hairline)
    pen.under.box(Rect(rect.x, rect.y, pen.dp(12), rect.h), colour)
    _edge(pen, now, colour)
    cells = _cells(scene, style, now)
    run = _run(scene)
    if _fit(pen, now, cells, run, scene.session.nt)[1] < pen.dp(16):
        cells = [cell for cell in cells if cell.label != PROCESSING]
    left = _time_left(scene, style)
    if left is not None and _needed(pen, now, [left, *cells], run, scene.session.nt, 1.0) + 7 * pen.dp(30) < rect.w:
        cells = [left, *cells]
    factor, gap = _fit(pen, now, cells, run, scene.session.nt)
    x = rect.x + pen.dp(36)
    x = _state(pen, now, colour, x, factor) + gap
    x = _tr(pen, scene, x, factor) + gap
    for cell in cells:
        x = _cell(pen, cell, x, factor) + gap
    _run_cell(pen, run, factor, rect.right - pen.dp(24) - x + 1)
    return pen.drawing()


def _edge(pen: Pen, now: Status, colour: Colour) -> None:
    """Mark the state that asks for attention by shape as well: stalled is hatched."""
    rect, width = pen.rect, pen.dp(12)
    if now.word == "STALLED":
        step = pen.dp(14)
        for i in range(int(rect.h / step) + 1):
            if i % 2:
                pen.under.box(Rect(rect.x, rect.y + i * step, width, step), pen.theme.background)


def _line(pen: Pen, fraction: float, size: float) -> float:
    """Return a baseline at a fraction of the strip's height."""
    return round(pen.rect.y + pen.rect.h * fraction + pen.px(size) * 0.36)


def _state(pen: Pen, now: Status, colour: Colour, x: float, factor: float) -> float:
    size = 42 * factor
    pen.text(x, _line(pen, 0.5, size), now.word, size, colour, bold=True)
    x += max(pen.width(now.word, size, True), pen.width("MATCHING", size, True)) + pen.dp(18)
    size = 15 * factor
    detail_w = pen.width(DETAIL, size)
    bar = now.word == "COOLDOWN"
    lines = pen.style.ruler.wrap(now.detail, detail_w, pen.px(size), max_lines=1 if bar else 2)
    middles = (0.36,) if bar else (0.5,) if len(lines) == 1 else (0.36, 0.64)
    for string, middle in zip(lines, middles, strict=False):
        pen.text(x, _line(pen, middle, size), string, size, "text2")
    if bar:
        height = pen.dp(6)
        box = Rect(x, round(pen.rect.y + pen.rect.h * 0.6), round(detail_w), height)
        pen.under.box(box, pen.theme.hairline, radius=height / 2)
        pen.over.box(Rect(box.x, box.y, max(height, round(box.w * now.fraction)), height), colour, radius=height / 2)
    return x + detail_w


def _tr(pen: Pen, scene: Scene, x: float, factor: float) -> float:
    baseline = _line(pen, 0.5, 36 * factor)
    nt = str(scene.session.nt)
    shown = str(scene.live.n_final - 1) if scene.live.n_final else "–"
    room = pen.width("TR ", 36 * factor, True) + pen.width("0" * len(nt), 36 * factor, True)
    used = pen.text(x, baseline, f"TR {shown}", 36 * factor, "text", bold=True)
    total = f" / {nt}"
    pen.text(x + used, baseline, total, 22 * factor, "text2")
    return x + room + pen.width(total, 22 * factor)


def _cells(scene: Scene, style: Style, now: Status) -> list[Cell]:
    theme = style.theme
    hits = len(scene.live.onsets)
    cells = [_last_hit(scene, style)]
    cells.append(Cell("hits", (Part(str(hits), 20, theme.text, True),), "00"))
    age, of = _age(scene, now)
    tone = {"fresh": theme.matching, "late": theme.warn, "stalled": theme.bad}.get(now.freshness, theme.text2)
    parts = (Part(age, 20, tone, True), Part(of, 16, theme.text2))
    cells.append(Cell("newest column", parts, "00.0 s of 0.00 s"))
    if scene.session.volume_records:
        cells.append(_processing(scene, style))
    value = f"{scene.latency.p95_ms:.1f} ms" if scene.latency.n else "–"
    cells.append(Cell(f"{scene.latency.stage}, p95", (Part(value, 20, theme.text, True),), "000.0 ms"))
    return cells


def _processing_ms(scene: Scene) -> float:
    """Return how long the newest volume took, in whole ms; -1 where that is not known."""
    if scene.records_stopped:
        return -1.0
    newest = scene.live.n_volumes
    took = processing_ms(scene.volumes[max(0, newest - 1) : newest])
    return float(round(took[0])) if len(took) and np.isfinite(took[0]) else -1.0


def _processing(scene: Scene, style: Style) -> Cell:
    """Return how long the newest volume took: amber where that is longer than a TR."""
    took, tr_s = _processing_ms(scene), scene.live.tr_s or scene.session.expected_tr_s
    slow = tr_s is not None and took > 1000 * tr_s
    value = f"{took:.0f} ms" if took >= 0 else "\u2013"
    tone = style.theme.warn if slow else style.theme.text
    return Cell(PROCESSING, (Part(value, 20, tone, True),), "00000 ms")


def _time_left(scene: Scene, style: Style) -> Cell | None:
    """Return how long the rest of the run will take, where that is known."""
    tr_s = scene.live.tr_s or scene.session.expected_tr_s
    if not tr_s or scene.live.ended:
        return None
    rest = max(0, scene.session.nt - scene.live.n_final) * tr_s
    return Cell("left", (Part(f"{int(rest // 60)}:{int(rest % 60):02d}", 20, style.theme.text, True),), "00:00")


def _last_hit(scene: Scene, style: Style) -> Cell:
    theme = style.theme
    onset = scene.live.onsets[-1] if scene.live.onsets else None
    if onset is None:
        none = "none" if scene.live.ended else "none yet"
        return Cell("last hit", (Part(none, 20, theme.text2),), "SMot0  TR 0000")
    shown = 0 <= onset < scene.live.n_final
    best = hit_marker(scene.scores[:, onset]) if shown else None
    label = "hit" if best is None else scene.session.labels[best.template]
    label = style.ruler.elide(label, style.layout.dp(150), style.layout.px(20), True)
    parts = (Part(label, 20, theme.text, True), Part(f"  TR {onset}", 16, theme.text2))
    return Cell("last hit", parts, "SMot0 TR 0000", disc=None if best is None else theme.template(best.template))


def _age(scene: Scene, now: Status) -> tuple[str, str]:
    if now.age_s is None:
        return "–", ""
    expected = scene.live.tr_s or scene.session.expected_tr_s
    return seconds(now.age_s), f" of {round(expected, 2):g} s" if expected else ""


def _run(scene: Scene) -> tuple[str, str]:
    return scene.session.out_prefix or "rtcog", scene.clock


def _cell_width(pen: Pen, cell: Cell, factor: float) -> float:
    value = sum(pen.width(p.string, p.size * factor, p.bold) for p in cell.parts)
    disc = 0.0 if cell.disc is None else pen.dp(22) * factor
    sample = pen.width(cell.sample, cell.size * factor, True) * 0.92
    return max(value + disc, sample, pen.width(cell.label, 14 * factor))


def _cell(pen: Pen, cell: Cell, x: float, factor: float) -> float:
    pen.text(x, _line(pen, 0.29, 14 * factor), cell.label, 14 * factor, "text3")
    at = x
    if cell.disc is not None:
        radius = pen.dp(7) * factor
        pen.over.disc(x + radius, pen.rect.y + pen.rect.h * 0.64, radius, cell.disc)
        at += pen.dp(22) * factor
    for part in cell.parts:
        baseline = _line(pen, 0.64, cell.size * factor)
        at += pen.text(at, baseline, part.string, part.size * factor, part.colour, bold=part.bold)
    return x + _cell_width(pen, cell, factor)


def _run_cell(pen: Pen, run: tuple[str, str], factor: float, room: float) -> None:
    right = pen.rect.right - pen.dp(24)
    name, clock = run
    pen.text(
        right, _line(pen, 0.29, 16 * factor), name, 16 * factor, "text2", bold=True, anchor="right", max_width=room
    )
    pen.text(right, _line(pen, 0.64, 16 * factor), clock, 16 * factor, "text3", anchor="right", max_width=room)


def _fit(pen: Pen, now: Status, cells: list[Cell], run: tuple[str, str], nt: int) -> tuple[float, float]:
    """Return the largest factor at which everything fits, and the gap that is left between cells."""
    room = pen.rect.w - pen.dp(36) - pen.dp(24)
    factor, gap = 1.0, 0.0
    for factor in SHRINK:
        gap = (room - _needed(pen, now, cells, run, nt, factor)) / (len(cells) + 2)
        if gap >= pen.dp(24) * factor:
            break
    return factor, min(max(2.0, gap), pen.dp(110))


def _needed(pen: Pen, now: Status, cells: list[Cell], run: tuple[str, str], nt: int, factor: float) -> float:
    """Return the width of everything in the strip without the gaps."""
    digits = "0" * len(str(nt))
    word = max(pen.width(string, 42 * factor, True) for string in (now.word, "MATCHING"))
    state = word + pen.dp(18) + pen.width(DETAIL, 15 * factor)
    tr = pen.width(f"TR {digits}", 36 * factor, True) + pen.width(f" / {digits}", 22 * factor)
    name = max(min(pen.width(run[0], 16 * factor, True), pen.dp(240)), pen.width(run[1], 16 * factor))
    return state + tr + name + sum(_cell_width(pen, cell, factor) for cell in cells)
