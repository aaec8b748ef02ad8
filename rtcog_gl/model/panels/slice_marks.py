"""What is written and drawn over a slice: which side is which, where it lies, and the crosshair."""

from __future__ import annotations

from ..draw import Rect, SlicePlane
from ..planes import edge_letters, normal_axis, pixel_of
from ..theme import fade
from ..ticks import mm
from ..volume import Point
from .pen import Pen


def letters(pen: Pen, plane: SlicePlane, size: float = 15) -> None:
    """Write the letters of the sides into the upper corners."""
    rect = plane.rect
    sides = edge_letters(plane)
    top = rect.y + pen.px(size)
    height = round(pen.px(size) * 1.25)
    for x, letter, anchor in ((rect.x + pen.dp(6), sides.left, 0.0), (rect.right - pen.dp(6), sides.right, 1.0)):
        width = pen.width(letter, size, True)
        left = round(x - anchor * width)
        pen.over.box(Rect(left - 3, rect.y, round(width) + 6, height), fade(pen.theme.panel, 0.7), radius=pen.dp(3))
        pen.text(left, top, letter, size, "text", bold=True)


def caption(pen: Pen, plane: SlicePlane, at: Point) -> None:
    """Write under a slice where it lies."""
    axis = normal_axis(plane)
    words = f"{'xyz'[axis]} = {mm(at[axis])} mm"
    x = round(plane.rect.x + plane.rect.w / 2)
    pen.text(x, plane.rect.bottom + pen.dp(22), words, 15, "text", bold=True, anchor="center")


def crosshair(pen: Pen, plane: SlicePlane, at: Point) -> None:
    """Draw fine dots through a position."""
    rect = plane.rect
    dots = (pen.dp(2), pen.dp(6))
    tone = fade(pen.theme.text, 0.45)
    line = max(1.0, round(pen.style.layout.scale))
    x, y = pixel_of(plane, at)
    pen.over.box(Rect(round(x), rect.y, line, rect.h), tone, dash=dots)
    pen.over.box(Rect(rect.x, round(y), rect.w, line), tone, dash=dots)
