"""Projections through a glass brain, with the brain's outline."""

from __future__ import annotations

from ..draw import Rect
from ..scene import Scene
from .pen import Pen


def draw(pen: Pen, inner: Rect, scene: Scene) -> None:
    """Draw into the panel's inside."""
