"""The time course at the crosshair: of the voxel, and of a sphere around it."""

from __future__ import annotations

from collections.abc import Hashable

from ..draw import Rect
from ..scene import Scene
from .pen import Pen


def key(scene: Scene) -> Hashable:
    """Return what the picture depends on beside the course itself."""
    return None


def is_shown(scene: Scene) -> bool:
    """Return whether there is a plot: the session publishes volumes, and the operator did not put it away."""
    return bool(scene.session.slots) and scene.view.map.course and scene.map is not None


def height(pen: Pen, inner: Rect) -> float:
    """Return the height of the plot."""
    return min(pen.dp(92), inner.h * 0.3)


def draw(pen: Pen, rect: Rect, scene: Scene) -> None:
    """Draw the plot."""
