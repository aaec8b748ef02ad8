"""A lightbox: parallel slices that fill the panel, in rows from the top left, towards larger millimetres."""

from __future__ import annotations

import numpy as np

from ..draw import Rect, SlicePlane
from ..map_range import range_of, threshold_of
from ..map_view import AXES
from ..planes import mosaic_planes, nearest_plane
from ..scene import Scene
from ..ticks import signed
from ..volume import MaskGrid, Point, voxel_axis
from . import colour_bar, map_ink, readout, slice_marks
from .colour_bar import Line
from .pen import Pen

CLOSE_MM = 0.25
"""A crosshair this near to a slice is in it."""


def draw(pen: Pen, inner: Rect, scene: Scene) -> None:
    """Draw into the panel's inside."""
    assert scene.grid is not None
    how, column = scene.view.map, readout.width(pen)
    room = Rect(inner.x, inner.y, inner.w - column - pen.dp(16), inner.h)
    finest = layer_mm(scene.grid, how.axis)
    planes = mosaic_planes(room, scene.grid.bounds, how.axis, how.radiological, pen.dp(6), 3.0, finest)
    _marks(pen, scene, planes)
    if scene.map is None:
        map_ink.slices(pen, scene, planes, "map", (), 1.0, 0.0, has_map=False)
        return
    vmax = range_of(how, scene.map)
    threshold = max(0.0, threshold_of(vmax, how.threshold))
    lines = (*_slices(planes, how.axis, scene.map.crosshair), *readout.lines(scene, scene.map, vmax, threshold))
    box = Rect(inner.right - column, inner.y, column, inner.h)
    colour_bar.draw(pen, box, vmax, threshold, lines, unit=scene.session.unit)
    map_ink.slices(pen, scene, planes, "map", (scene.map.tr, *scene.map.mean_of), vmax, threshold)


def layer_mm(grid: MaskGrid, axis: int) -> float:
    """Return the mm between layers of voxels that lie most nearly perpendicular to a world axis."""
    return float(np.linalg.norm(grid.affine[:3, voxel_axis(grid.affine, axis)[0]]))


def _marks(pen: Pen, scene: Scene, planes: tuple[SlicePlane, ...]) -> None:
    """Mark where each slice lies, the sides at the rows' ends, and the crosshair in the slice that is nearest."""
    how, at = scene.view.map, None if scene.map is None else scene.map.crosshair
    here = None if at is None else nearest_plane(planes, at)
    for n, plane in enumerate(planes):
        if n == here and at is not None:
            slice_marks.crosshair(pen, plane, at)
        rect = plane.rect
        first = n == 0 or planes[n - 1].rect.y < rect.y
        last = n == len(planes) - 1 or planes[n + 1].rect.y > rect.y
        words = ("xyz"[how.axis] + " ") * (n == 0) + _along(plane.origin[how.axis])
        edges = ("left",) * first + ("right",) * last
        if n == 0:
            # Where it would stand on the millimetres, the letter at the bottom goes: the one at the top says the same.
            free = rect.w / 2 - pen.width(words, 13, True) - pen.px(13)
            edges += ("top", "bottom") if free > 0 else ("top",)
        slice_marks.letters(pen, plane, 13, at if n == here else None, edges)
        slice_marks.place(pen, plane, words, n == here)


def _along(mm: float) -> str:
    return signed(mm, 0 if mm == round(mm) else 1)


def _slices(planes: tuple[SlicePlane, ...], axis: int, at: Point) -> tuple[Line, ...]:
    """Say which slices these are, and how far the crosshair is from the one that shows it."""
    if len(planes) < 2:
        return ()
    spacing = planes[1].origin[axis] - planes[0].origin[axis]
    said = Line(f"{AXES[axis]}, every {spacing:g} mm", "text3", rank=5)
    here = nearest_plane(planes, at)
    off = 0.0 if here is None else abs(planes[here].origin[axis] - at[axis])
    return (said, Line(f"{off:.1f} mm off its slice", "text3", rank=5)) if off > CLOSE_MM else (said,)
