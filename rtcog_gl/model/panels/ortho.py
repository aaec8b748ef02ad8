"""Three planes through the crosshair, side by side, with the colour bar and the readout."""

from __future__ import annotations

from ..draw import Rect
from ..map_range import range_of, threshold_of
from ..planes import slice_planes
from ..scene import Scene
from . import colour_bar, map_ink, readout, slice_marks
from .pen import Pen

WIDEST = "−00, −000, −00"
"""As wide as a position gets."""


def draw(pen: Pen, inner: Rect, scene: Scene) -> None:
    """Draw into the panel's inside."""
    assert scene.grid is not None
    bar_w = max(pen.dp(128), pen.width(f"peak {WIDEST}", 13) + pen.dp(10))
    room = Rect(inner.x, inner.y, inner.w - bar_w, inner.h - pen.dp(30))
    at = scene.map.crosshair if scene.map else scene.grid.bounds.centre
    planes = slice_planes(room, scene.grid.bounds, at, scene.view.map.radiological, pen.dp(14), 5.0)
    for plane in planes:
        slice_marks.letters(pen, plane)
        slice_marks.caption(pen, plane, at)
        if scene.map is not None:
            slice_marks.crosshair(pen, plane, at)
    if scene.map is None:
        map_ink.slices(pen, scene, planes, "map", (), 1.0, 0.0, has_map=False)
        return
    vmax = range_of(scene.view.map, scene.map)
    threshold = max(0.0, threshold_of(vmax, scene.view.map.threshold))
    box = Rect(inner.right - bar_w, room.y, bar_w, inner.h)
    colour_bar.draw(pen, box, vmax, threshold, readout.lines(scene, scene.map, vmax))
    map_ink.slices(pen, scene, planes, "map", (scene.map.tr, *scene.map.mean_of), vmax, threshold)
