"""What is written and drawn over a slice: which side is which, where it lies, and the crosshair."""

from __future__ import annotations

import math

from ..draw import Rect, SlicePlane
from ..planes import edge_letters, normal_axis, pixel_of
from ..theme import fade
from ..ticks import mm
from ..volume import Point
from .pen import Pen

EDGES = ("left", "right", "top", "bottom")

PLATE = 0.66
"""Opacity of what lies under a letter."""


def letters(
    pen: Pen, plane: SlicePlane, size: float = 15, at: Point | None = None, edges: tuple[str, ...] = EDGES
) -> None:
    """Write the letters of the sides at the middle of a slice's edges.

    Parameters
    ----------
    pen : Pen
        Writes.
    plane : SlicePlane
        The slice; where it is too small for four letters, it has the two that tell left from right, or none.
    size : float
        Of the type, in the design's pixels.
    at : tuple of float, optional
        Crosshair (RAS+ mm) that the letters make way for.
    edges : tuple of str
        Which edges have one, out of `EDGES`.
    """
    rect, px = plane.rect, pen.px(size)
    sides = edge_letters(plane)
    height = round(px * 1.2)
    wide = max(round(pen.width(letter, size, True)) for letter in sides) + 6
    if rect.w < 2.2 * wide or rect.h < 1.2 * height:
        return
    if rect.h < 3.6 * height:
        edges = tuple(edge for edge in edges if edge in ("left", "right"))
    centres = _centres(rect, wide, height)
    if at is not None:
        line = pen.dp(2)
        cross, keep = pixel_of(plane, at), (wide / 2 + line, height / 2 + line)
        centres = {edge: _clear(edge, centre, cross, keep) for edge, centre in centres.items()}
    for edge in edges:
        place_x, place_y = centres[edge]
        left, top = round(place_x - wide / 2), round(place_y - height / 2)
        pen.over.box(Rect(left, top, wide, height), fade(pen.theme.panel, PLATE), radius=pen.dp(4))
        baseline = round(top + height / 2 + 0.36 * px)
        pen.text(left + wide / 2, baseline, getattr(sides, edge), size, "text", bold=True, anchor="center")


def _centres(rect: Rect, wide: float, high: float) -> dict[str, tuple[float, float]]:
    """Return the middles of letters that touch the middles of the edges."""
    x, y = rect.x + rect.w / 2, rect.y + rect.h / 2
    return {
        "left": (rect.x + wide / 2, y),
        "right": (rect.right - wide / 2, y),
        "top": (x, rect.y + high / 2),
        "bottom": (x, rect.bottom - high / 2),
    }


def _clear(
    edge: str, centre: tuple[float, float], cross: tuple[float, float], keep: tuple[float, float]
) -> tuple[float, float]:
    """Return the place near a letter's own that keeps its distance (x, y) from the lines through `cross`."""
    along = int(edge in ("left", "right"))
    moved = list(centre)
    for axis in (0, 1):
        if abs(centre[axis] - cross[axis]) < keep[axis]:
            # Along its edge the shorter way; away from its edge only into the slice.
            back = centre[axis] < cross[axis] if axis == along else edge in ("right", "bottom")
            moved[axis] = cross[axis] + (-keep[axis] if back else keep[axis])
    return moved[0], moved[1]


def caption(pen: Pen, plane: SlicePlane, at: Point) -> None:
    """Write under a slice where it lies."""
    x = round(plane.rect.x + plane.rect.w / 2)
    pen.text(
        x, plane.rect.bottom + caption_height(pen) * 0.75, words(plane, at), 15, "text", bold=True, anchor="center"
    )


def words(plane: SlicePlane, at: Point) -> str:
    """Return where a slice through a position lies, in whole mm."""
    axis = normal_axis(plane)
    return f"{'xyz'[axis]} = {mm(at[axis])} mm"


def caption_height(pen: Pen) -> float:
    """Return the room that a caption takes under a slice."""
    return max(pen.dp(28), round(pen.px(15) * 1.3))


def crosshair(pen: Pen, plane: SlicePlane, at: Point) -> None:
    """Draw fine dots through a position, with a gap where they cross: what lies there is what one looks for."""
    rect = plane.rect
    dots = (pen.dp(2), pen.dp(6))
    tone = fade(pen.theme.text, 0.5)
    line = max(1.0, round(pen.style.layout.scale))
    # The pixel that holds the position, whose value the readout tells.
    x, y = (float(math.floor(along - (line - 1) / 2)) for along in pixel_of(plane, at))
    free = pen.dp(8)
    for begin, end in ((rect.y, y - free), (y + free, rect.bottom)):
        if rect.x <= x < rect.right and end - begin > 1:
            pen.over.box(Rect(x, begin, line, end - begin), tone, dash=dots)
    for begin, end in ((rect.x, x - free), (x + free, rect.right)):
        if rect.y <= y < rect.bottom and end - begin > 1:
            pen.over.box(Rect(begin, y, end - begin, line), tone, dash=dots)


def place(pen: Pen, plane: SlicePlane, string: str, here: bool) -> None:
    """Write small into the lower left corner of a slice where it lies; brighter where the crosshair is."""
    rect, px = plane.rect, pen.px(13)
    tone = "text" if here else "text2"
    if pen.width(string, 13, here) > rect.w - 4:
        return
    width = round(pen.width(string, 13, here)) + 6
    height = round(px * 1.2)
    top = rect.bottom - height
    pen.over.box(Rect(rect.x, top, width, height), fade(pen.theme.panel, PLATE), radius=pen.dp(4))
    pen.text(rect.x + 3, round(top + height / 2 + 0.36 * px), string, 13, tone, bold=here)
