"""Three planes through the crosshair, with the colour bar and the readout."""

from __future__ import annotations

from typing import NamedTuple

from ..draw import Rect, SlicePlane
from ..map_range import range_of, threshold_of
from ..planes import fitted_planes
from ..scene import Scene
from ..volume import MaskGrid, Point
from . import map_ink, readout, slice_marks
from .pen import Pen

MARGIN_MM = 5.0

LEAST_COLUMN = 400
"""Height that bar and figures have where the panel has it, in the design's pixels."""


class Arranged(NamedTuple):
    """What goes where."""

    planes: tuple[SlicePlane, ...]
    column: Rect
    """Room of colour bar and figures."""


def draw(pen: Pen, inner: Rect, scene: Scene) -> None:
    """Draw into the panel's inside."""
    assert scene.grid is not None
    at = scene.map.crosshair if scene.map else scene.grid.bounds.centre
    planes, column = arranged(pen, inner, scene.grid, at, scene.view.map.radiological)
    for plane in planes:
        if scene.map is not None:
            slice_marks.crosshair(pen, plane, at)
        slice_marks.letters(pen, plane, at=at if scene.map else None)
    _captions(pen, planes, at)
    if scene.map is None:
        map_ink.slices(pen, scene, planes, "map", (), 1.0, 0.0, has_map=False)
        return
    vmax = range_of(scene.view.map, scene.map)
    threshold = max(0.0, threshold_of(vmax, scene.view.map.threshold))
    readout.draw(pen, column, scene, scene.map, vmax, threshold)
    map_ink.slices(pen, scene, planes, "map", (scene.map.tr, *scene.map.mean_of), vmax, threshold)


def arranged(pen: Pen, inner: Rect, grid: MaskGrid, at: Point, radiological: bool) -> Arranged:
    """Share out a room: planes through a position as large as possible, captions, and a column with bar and figures.

    The figures stand beside the bar where the planes are no smaller for it, otherwise under it.
    """
    narrow, wide = readout.width(pen), readout.width_beside(pen)
    planes = _planes(pen, inner, grid, at, radiological, narrow)
    roomy = _planes(pen, inner, grid, at, radiological, wide)
    if planes and roomy and roomy[0].rect.w >= planes[0].rect.w:
        return Arranged(roomy, _column(pen, inner, roomy, wide))
    return Arranged(planes, _column(pen, inner, planes, narrow))


def planes_in(pen: Pen, inner: Rect, grid: MaskGrid, at: Point, radiological: bool) -> tuple[SlicePlane, ...]:
    """Return the planes of `arranged`."""
    return arranged(pen, inner, grid, at, radiological).planes


def _planes(
    pen: Pen, inner: Rect, grid: MaskGrid, at: Point, radiological: bool, column: float
) -> tuple[SlicePlane, ...]:
    room = Rect(inner.x, inner.y, inner.w - column - pen.dp(16), inner.h - slice_marks.caption_height(pen))
    return fitted_planes(room, grid.bounds, at, radiological, pen.dp(14), MARGIN_MM)


def _column(pen: Pen, inner: Rect, planes: tuple[SlicePlane, ...], width: float) -> Rect:
    """Return the room of bar and figures: as high as the slices and their captions, unless those are low."""
    top = min((plane.rect.y for plane in planes), default=inner.y)
    bottom = max((plane.rect.bottom for plane in planes), default=inner.bottom) + slice_marks.caption_height(pen)
    high = min(inner.h, max(bottom - top, pen.dp(LEAST_COLUMN)))
    y = min(max(inner.y, bottom - high), inner.bottom - high)
    return Rect(inner.right - width, y, width, high)


def _captions(pen: Pen, planes: tuple[SlicePlane, ...], at: Point) -> None:
    """Write where the slices lie: under each if they stand in a row, otherwise into their corners."""
    for plane in planes:
        if len({one.rect.bottom for one in planes}) == 1:
            slice_marks.caption(pen, plane, at)
        else:
            slice_marks.place(pen, plane, slice_marks.words(plane, at), True)
