"""Two hits side by side, with one range, one threshold and one crosshair."""

from __future__ import annotations

from ..draw import Rect
from ..scene import Scene, ShownMap
from .pen import Pen


def draw(pen: Pen, inner: Rect, scene: Scene, shown: ShownMap, pinned: ShownMap) -> None:
    """Draw the pinned hit at the left and the map at the right."""
