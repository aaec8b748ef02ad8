"""Map panel: a hit's or a volume's map in three planes of world space, or why it matches its template."""

from __future__ import annotations

from collections.abc import Hashable

from ..draw import Drawing, Rect, SlicesView
from ..planes import slice_planes
from ..scene import Scene, ShownMap, Style
from ..ticks import mm, signed
from . import colour_bar, explain, map_title, slice_marks
from .colour_bar import Line, digits, threshold_of
from .pen import Pen

WIDEST = "−00, −000, −00"
"""As wide as a position gets."""


def key(scene: Scene) -> Hashable:
    """Return what the picture depends on."""
    return scene.map, scene.explained, map_title.title(scene), scene.grid is None


def draw(scene: Scene, style: Style, threshold: float = -1.0) -> Drawing:
    """Draw the panel; `threshold` hides smaller values (see `threshold_of`)."""
    pen = Pen(style, style.layout.map)
    pen.panel()
    map_title.draw(pen, scene)
    if scene.grid is None:
        reason = "no map: this session's mask cannot be used (see the message below)"
        centre = pen.rect.x + pen.rect.w / 2
        pen.text(centre, pen.rect.y + pen.rect.h / 2, reason, 15, "text2", anchor="center", max_width=pen.rect.w * 0.9)
        return pen.drawing()
    inner = pen.rect.inset(pen.dp(18), pen.dp(46), pen.dp(18), pen.dp(14))
    if scene.explained is not None:
        return explain.draw(pen, inner, scene, scene.explained, threshold)
    bar_w = max(pen.dp(128), pen.width(f"peak {WIDEST}", 13) + pen.dp(10))
    room = Rect(inner.x, inner.y, inner.w - bar_w, inner.h - pen.dp(30))
    at = scene.map.crosshair if scene.map else scene.grid.bounds.centre
    planes = slice_planes(room, scene.grid.bounds, at, gap=pen.dp(14), margin_mm=5.0)
    for plane in planes:
        slice_marks.letters(pen, plane)
        slice_marks.caption(pen, plane, at)
        if scene.map is not None:
            slice_marks.crosshair(pen, plane, at)
    colours = (style.theme.panel, style.theme.outline, style.theme.brain)
    if scene.map is None:
        return pen.drawing(slices=(SlicesView(planes, 1.0, "map", (), 0.0, False, *colours),))
    vmax = scene.map.vmax if scene.map.vmax > 0 else 1.0
    threshold = max(0.0, threshold_of(vmax, threshold))
    beside = Rect(inner.right - bar_w, room.y, bar_w, inner.h)
    ramp = colour_bar.draw(pen, beside, vmax, threshold, _figures(scene.map, vmax))
    view = SlicesView(planes, vmax, "map", (scene.map.tr,), threshold, True, *colours)
    return pen.drawing(slices=(view,), ramps=(ramp,))


def _figures(shown: ShownMap, vmax: float) -> tuple[Line, ...]:
    place = ", ".join(mm(along) for along in shown.peak_mm)
    missing = (Line(f"{shown.n_missing} voxels missing", "warn"),) if shown.n_missing else ()
    value = signed(shown.peak_value, digits(vmax))
    if shown.at is None:
        return (*missing, Line(f"peak {place}"), Line(f"value {value}", "text", True))
    here = signed(shown.value_at, digits(vmax))
    return (*missing, Line(f"peak {value} at"), Line(place), Line(f"here {here}", "text", True))
