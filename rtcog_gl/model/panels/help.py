"""The list of keys and of what the mouse does, over everything else; made from the tables of both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..draw import Drawing, Rect
from ..keys import BINDINGS, GROUPS, MOUSE
from ..layout import SMALLEST_TYPE
from ..ruler import Ruler
from ..scene import Style
from .pen import Pen

SIZE = 17.5
"""Type size in the design's pixels, where there is room."""

MOST_COLUMNS = 4
LOOSE, TIGHT = 1.42, 1.16
"""Height of a line in type sizes: where there is room, and in a window too small for the list."""

HEADING, APART = 1.4, 0.7
"""Heights of a heading, and of the gap above all but a column's first, in type sizes."""

BETWEEN, INDENT = 0.8, 1.0
"""Space between a key and what it does where that follows at once, and before its further lines, in type sizes."""

FEWEST = 2
"""Entries of a group that must follow its heading, and that are not left alone in the next column."""


class Entry(NamedTuple):
    """A key, or a gesture."""

    label: str
    lines: tuple[str, ...]
    """What it does."""

    runs_in: bool = False
    """Whether that follows at once, not in a column of its own."""


class Block(NamedTuple):
    """Entries under a heading; an empty heading goes on with the column before."""

    heading: str
    entries: tuple[Entry, ...]

    def height(self, row: float) -> float:
        """Return the height in type sizes; `row` is a line's."""
        return sum(len(entry.lines) for entry in self.entries) * row + (HEADING if self.heading else 0.0)


Column = tuple[Block, ...]


@dataclass(frozen=True)
class Arranged:
    """How the list is set."""

    px: int
    row: float
    """Height of a line in type sizes."""

    columns: tuple[Column, ...]
    label_w: float
    """Width of the keys' column; 0: what they do follows at once."""

    column_w: float

    @property
    def height(self) -> float:
        """Height of the highest column, in pixels."""
        return max(_height(column, self.row) for column in self.columns) * self.px


def draw(style: Style) -> Drawing:
    """Draw the list in the middle of the window."""
    width, height = style.layout.size
    dp = style.layout.dp
    edge, side, gap = min(dp(40), width * 0.012), dp(22), dp(30)
    head, foot = max(dp(46), style.layout.px(13) * 2.4), dp(16)
    room = Rect(edge, edge, width - 2 * edge, height - 2 * edge)
    made = arrange(style, room.w - 2 * side, room.h - head - foot, gap)
    w = min(room.w, (made.column_w + gap) * len(made.columns) - gap + 2 * side)
    h = min(room.h, made.height + head + foot)
    pen = Pen(style, Rect(math.ceil((width - w) / 2), math.ceil((height - h) / 2), math.floor(w), math.floor(h)))
    box = pen.rect
    pen.panel()
    pen.under.box(box, style.theme.text3, border=max(1.0, round(style.layout.scale)))
    pen.title("Keys and mouse")
    for n, column in enumerate(made.columns):
        _draw_column(pen, made, column, round(box.x + side + n * (made.column_w + gap)), box.y + head)
    return pen.drawing()


def arrange(style: Style, width: float, height: float, gap: float) -> Arranged:
    """Return the list in the largest type, up to the design's, and the fewest columns in which it fits a room.

    Parameters
    ----------
    style : Style
        Measures the type.
    width, height, gap : float
        The room, and the space between columns, in pixels.
    """
    for px in range(max(SMALLEST_TYPE, round(SIZE * style.layout.scale)), SMALLEST_TYPE - 1, -1):
        label_w = max(style.ruler.width(binding.label, px, True) for binding in BINDINGS) + px
        column_w = max(_width(style.ruler, entry, px, label_w) for block in _blocks() for entry in block.entries)
        for columns in range(1, MOST_COLUMNS + 1):
            if columns * (column_w + gap) - gap > width:
                break
            flowed = _flow(_blocks(), height / px, columns, LOOSE)
            if flowed is not None:
                return Arranged(px, LOOSE, flowed, label_w, column_w)
    return _squeezed(style, width, height, gap)


def _squeezed(style: Style, width: float, height: float, gap: float) -> Arranged:
    """Return the list for a window too small for it: tighter, in broken lines, as much of it as there is room for."""
    px = SMALLEST_TYPE
    for columns in range(1, MOST_COLUMNS + 1):
        column_w = (width - (columns - 1) * gap) / columns
        blocks = tuple(
            Block(block.heading, tuple(_broken(style.ruler, entry, px, column_w) for entry in block.entries))
            for block in _blocks()
        )
        flowed = _flow(blocks, height / px, columns, TIGHT)
        if flowed is not None:
            return Arranged(px, TIGHT, flowed, 0.0, column_w)
    return Arranged(px, TIGHT, _filled(blocks, height / px, TIGHT)[:columns], 0.0, column_w)


def _broken(ruler: Ruler, entry: Entry, px: int, width: float) -> Entry:
    """Return an entry whose lines fit a column; all but the first are set in."""
    first, rest = "", " ".join(entry.lines).split(" ")
    free = width - ruler.width(entry.label, px, True) - BETWEEN * px
    while rest and ruler.width(f"{first} {rest[0]}" if first else rest[0], px) <= free:
        word = rest.pop(0)
        first = f"{first} {word}" if first else word
    more = ruler.wrap(" ".join(rest), width - INDENT * px, px, max_lines=3) if rest else ()
    return Entry(entry.label, (first, *more), True)


def _blocks() -> tuple[Block, ...]:
    """Return the groups of keys, and then what the mouse does."""
    keys = [
        Block(group.capitalize(), tuple(Entry(b.label, (b.help,)) for b in BINDINGS if b.group == group))
        for group in GROUPS
    ]
    return (*keys, Block("Mouse", tuple(Entry(gesture.label, (gesture.help,), True) for gesture in MOUSE)))


def _width(ruler: Ruler, entry: Entry, px: int, label_w: float) -> float:
    own = ruler.width(entry.label, px, True) + BETWEEN * px if entry.runs_in else label_w
    return own + max(ruler.width(line, px) for line in entry.lines)


def _height(column: Sequence[Block], row: float) -> float:
    """Return the height of a column in type sizes."""
    return sum(block.height(row) + APART for block in column) - APART if column else 0.0


def _flow(blocks: Sequence[Block], room: float, columns: int, row: float) -> tuple[Column, ...] | None:
    """Return the blocks in columns as even as can be, none higher than `room` (in type sizes); None: do not fit."""
    least = _height(blocks, row) / columns
    if least > room:
        return None
    steps = 12
    for n in range(steps + 1):
        made = _filled(blocks, least + (room - least) * n / steps, row)
        if len(made) <= columns:
            return made
    return None


def _filled(blocks: Sequence[Block], room: float, row: float) -> tuple[Column, ...]:
    """Return the blocks in columns, each filled up to `room`; groups are parted where they must be."""
    done: list[Column] = []
    column: list[Block] = []
    waiting = list(blocks)
    while waiting:
        block = waiting.pop(0)
        used = _height(column, row) + (APART if column else 0.0)
        heading = HEADING if block.heading else 0.0
        fit = _fit(block.entries, (room - used - heading) / row + 1e-9)
        n = len(block.entries)
        if fit >= n:
            column.append(block)
            continue
        fit = min(fit, n - FEWEST)
        if fit < FEWEST and column:
            waiting.insert(0, block)
        else:
            fit = max(1, fit)
            column.append(Block(block.heading, block.entries[:fit]))
            waiting.insert(0, Block("", block.entries[fit:]))
        done.append(tuple(column))
        column = []
    return (*done, tuple(column)) if column else tuple(done)


def _fit(entries: Sequence[Entry], lines: float) -> int:
    """Return how many of the entries, from the first, fit so many lines."""
    return next((n for n in range(len(entries), 0, -1) if sum(len(e.lines) for e in entries[:n]) <= lines), 0)


def _draw_column(pen: Pen, made: Arranged, column: Column, x: float, top: float) -> None:
    px, size = made.px, made.px / pen.style.layout.scale
    y = top
    for block in column:
        if block.heading:
            small = max(SMALLEST_TYPE, round(px * 0.85)) / pen.style.layout.scale
            pen.text(x, round(y + px * 0.9), block.heading.upper(), small, "text3", bold=True, spacing=1.2)
            y += HEADING * px
        for entry in block.entries:
            base = round(y + px)
            used = pen.text(x, base, entry.label, size, "text", bold=True, max_width=made.column_w)
            own = made.label_w if made.label_w and not entry.runs_in else used + BETWEEN * px
            for n, line in enumerate(entry.lines):
                left = INDENT * px if n else own
                most = max(0.0, made.column_w - left + 1)
                pen.text(x + left, round(base + n * made.row * px), line, size, "text2", max_width=most)
            y += made.row * px * len(entry.lines)
        y += APART * px
