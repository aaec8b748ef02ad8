"""The filmstrip: thumbnails of the hits, newest first; a click shows that hit."""

from __future__ import annotations

from ..draw import Rect
from ..scene import Scene
from .pen import Pen


def width(pen: Pen) -> float:
    """Return the width of the strip."""
    return pen.dp(92)


def draw(pen: Pen, rect: Rect, scene: Scene) -> None:
    """Draw the strip."""
