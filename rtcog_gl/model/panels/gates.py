"""Why there is no hit: each gate of the hit rule at the TR looked at, and whether it is open."""

from __future__ import annotations

from collections.abc import Hashable

from ..draw import Drawing
from ..scene import Scene, Style
from .pen import Pen


def key(scene: Scene) -> Hashable:
    """Return what the picture depends on."""
    return scene.live.n_final, scene.live.n_volumes, scene.view


def draw(scene: Scene, style: Style) -> Drawing:
    """Draw the panel."""
    pen = Pen(style, style.layout.gates)
    pen.panel()
    pen.title("Why no hit")
    return pen.drawing()
