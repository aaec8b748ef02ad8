"""The colour bar beside a map, and the figures under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..draw import RampView, Rect, Target
from ..ticks import nice_step, signed, tick_label
from .pen import Pen

SIZES = (24, 17, 15, 13, 11)
"""Type sizes that a line which is too wide goes down through: a number that is cut short is another number."""

BESIDE = 2
"""Largest rank of the lines for which a place beside the bar is sought."""

LINE_HEIGHT = 1.35
"""Of a line, in sizes of its type."""

NAME_PART = 0.6
"""Part of the room that a line's name has at least, before the line is too wide."""

REACH = 12
"""How far beside the bar the mouse still has it, in the design's pixels."""


class Line(NamedTuple):
    """One line of the figures under the bar."""

    string: str
    tone: str = "text2"
    """A name of the theme."""

    bold: bool = False
    size: float = 13
    rank: int = 0
    """Lines of the largest rank are left out first where there is no room for all."""

    name: str = ""
    """What the string is of; stands before it and is shortened where it must be."""


def digits(vmax: float) -> int:
    """Return the decimals that suit values of a range."""
    return 1 if vmax >= 10 else 2


def draw(
    pen: Pen,
    box: Rect,
    vmax: float,
    threshold: float,
    lines: Sequence[Line],
    indent: float = 34,
    *,
    unit: str = "",
    moves: bool = True,
) -> None:
    """Draw the bar with its ticks, and figures under it, or beside it where there is room for both.

    Parameters
    ----------
    pen : Pen
        Draws.
    box : Rect
        Room for bar and figures.
    vmax, threshold : float
        Ends of the colours, > 0, and the smallest size that is drawn.
    lines : sequence of Line
        Figures, from the top down; they stand at the bottom, to the right.
    indent : float
        Room left of the bar where the figures stand beside it, in the design's pixels.
    unit : str
        Of the values; written over the bar.
    moves : bool
        Whether the mouse moves the threshold here.
    """
    label = pen.px(13)
    above = max(pen.dp(10), label * 0.6) + (label * 1.3 if unit else 0.0)
    bar_w = max(bar_width(pen, string) for string in _ends(pen, vmax, threshold, box.w))
    lines_w = width(pen, [line for line in lines if line.rank <= BESIDE])
    beside = bool(lines) and pen.dp(indent) + bar_w + pen.dp(12) + lines_w <= box.w
    room = Rect(box.x, box.y, box.w, box.h)
    if beside:
        left = pen.dp(indent) + bar_w + pen.dp(12)
        room = Rect(box.x + left, box.y, box.w - left, box.h)
    else:
        # The bar needs some height, and a little will do where there would be no figures at all.
        least = [above + label * times for times in (6.6, 2.9)]
        rows = [_row(pen, line) for line in lines if line.string]
        high = box.h - (least[0] if rows and box.h - least[0] >= min(rows) else least[1])
        room = Rect(box.x, box.bottom - high, box.w, max(0.0, high))
    kept = _fitting(pen, lines, room)
    figures = sum(_row(pen, line) for line in kept)
    under = label * 0.6 if beside or not kept else figures + label * 0.9
    x = box.x + pen.dp(indent) if beside else max(box.x, box.right - bar_w)
    ramp = Rect(round(x), round(box.y + above), pen.dp(18), max(4.0, float(int(box.h - above - under))))
    if unit:
        pen.text(ramp.x, round(box.y + label * 0.85), unit, 13, "text2", bold=True, max_width=box.right - ramp.x)
    _ticks(pen, ramp, vmax, threshold, box.right - ramp.right - pen.dp(14))
    _write_all(pen, room, kept)
    pen.ramps.append(RampView(ramp, vmax, max(0.0, threshold), pen.theme.cut))
    if moves:
        left, right = max(box.x, ramp.x - pen.dp(REACH)), min(box.right, ramp.right + pen.dp(REACH))
        pen.targets.append(Target(Rect(left, ramp.y, right - left, ramp.h), "threshold"))


def write(pen: Pen, box: Rect, lines: Sequence[Line]) -> None:
    """Write figures into the lower right corner of a box, as many as fit."""
    _write_all(pen, box, _fitting(pen, lines, box))


def _write_all(pen: Pen, box: Rect, lines: Sequence[Line]) -> None:
    """Write lines that fit into the lower right corner of a box."""
    rows = [_row(pen, line) for line in lines]
    y = box.bottom - sum(rows)
    for line, row in zip(lines, rows, strict=True):
        _write(pen, line, box.right, round(y + row * 0.8), box.w)
        y += row


def bar_width(pen: Pen, label: str) -> float:
    """Return the width of a bar whose widest label that is."""
    return pen.dp(18) + pen.dp(14) + pen.width(label, 13)


def fits(pen: Pen, line: Line, room: float) -> bool:
    """Return whether a line fits into a width, in some type."""
    return _sized(pen, line, room) is not None


def width(pen: Pen, lines: Sequence[Line]) -> float:
    """Return the room that lines need to stand whole under the bar."""
    return max((pen.width(_whole(line), line.size, line.bold) for line in lines), default=0.0)


def _whole(line: Line) -> str:
    return f"{line.name} {line.string}" if line.name else line.string


def _row(pen: Pen, line: Line) -> float:
    return pen.px(line.size) * (LINE_HEIGHT if line.string else 0.4)


def _fitting(pen: Pen, lines: Sequence[Line], box: Rect) -> list[Line]:
    """Return the lines that fit, in their order and in the type that fits; those of low rank are taken first."""
    kept: dict[int, Line] = {}
    room = box.h
    for n in sorted(range(len(lines)), key=lambda n: lines[n].rank):
        line = _sized(pen, lines[n], box.w)
        if line is None:
            continue
        row = _row(pen, line)
        if row > room:
            break
        room -= row
        kept[n] = line
    return [kept[n] for n in sorted(kept)]


def _sized(pen: Pen, line: Line, room: float) -> Line | None:
    """Return the line in the largest type in which it fits; None where it fits in none."""
    for size in (line.size, *SIZES):
        if size > line.size:
            continue
        name = min(pen.width(line.name + " ", size, line.bold), room * NAME_PART) if line.name else 0.0
        if pen.width(line.string, size, line.bold) + name <= room:
            return line if size == line.size else line._replace(size=size)
    return None


def _write(pen: Pen, line: Line, right: float, y: float, room: float) -> None:
    used = pen.text(right, y, line.string, line.size, line.tone, bold=line.bold, anchor="right")
    if line.name:
        left = room - used - pen.width(" ", line.size, line.bold)
        name = pen.style.ruler.shorten(line.name, left, pen.px(line.size), line.bold)
        pen.text(right - room + left, y, name, line.size, line.tone, bold=line.bold, anchor="right")


def _ends(pen: Pen, vmax: float, threshold: float, room: float) -> tuple[str, ...]:
    """Return the labels of the ends and of the threshold, with fewer decimals where there is little room."""
    values = (vmax, -vmax, threshold, -threshold)
    most = room - pen.dp(18) - pen.dp(14)
    labels: tuple[str, ...] = ()
    for decimals in range(digits(vmax), -1, -1):
        labels = tuple(signed(value, decimals) for value in values)
        if max(pen.width(label, 13) for label in labels) <= most:
            break
    return labels


def _ticks(pen: Pen, ramp: Rect, vmax: float, threshold: float, room: float) -> None:
    """Draw ticks at round numbers, at the ends and at the threshold; the latter two win where it is tight."""
    tight = pen.px(13) * 1.15
    pixel = ramp.h / (2 * vmax)
    ends = _ends(pen, vmax, threshold, room + pen.dp(18) + pen.dp(14))
    fixed = {vmax: ends[0], -vmax: ends[1]} if ramp.h > tight else {vmax: ends[0]}
    if 0 < threshold < vmax and threshold * pixel > tight / 2 and (vmax - threshold) * pixel > tight:
        fixed |= {threshold: ends[2], -threshold: ends[3]}
    step = nice_step(2 * vmax, 6)
    round_values = [i * step for i in range(-int(vmax / step), int(vmax / step) + 1)]
    free = [v for v in round_values if all(abs(v - f) * pixel > tight for f in fixed)]
    line = max(1.0, round(pen.style.layout.scale))
    for value in (*free, *fixed):
        y = ramp.y + (vmax - value) * pixel
        strong = value in fixed
        label = fixed[value] if strong else ("+" if value > 0 else "") + tick_label(value, step)
        width = pen.dp(9) if strong else pen.dp(5)
        tone = pen.theme.text if strong else pen.theme.text3
        pen.over.box(Rect(ramp.right, min(round(y), ramp.bottom - line), width, line), tone)
        colour = "text" if strong else "text2"
        pen.text(ramp.right + pen.dp(14), round(y + pen.px(13) * 0.36), label, 13, colour, max_width=room)
