"""Motion and processing time of each volume, under the scores and on their time axis."""

from __future__ import annotations

from collections.abc import Hashable

from ..draw import Drawing, Rect
from ..scene import Scene, Style
from .pen import Pen


def key(scene: Scene) -> Hashable:
    """Return what the picture depends on."""
    return scene.live.n_final, scene.live.n_volumes, scene.view


def draw(scene: Scene, style: Style, rect: Rect) -> Drawing:
    """Draw the panel."""
    pen = Pen(style, rect)
    pen.panel()
    pen.title("Motion")
    return pen.drawing()
