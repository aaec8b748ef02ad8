"""Projections through a glass brain, with the brain's outline, the colour bar and the readout."""

from __future__ import annotations

import numpy as np

from ..draw import ImageView, Rect, SlicePlane, Target
from ..glass import GlassFrame, glass_frame
from ..map_range import range_of, threshold_of
from ..planes import normal_axis, pixel_of
from ..scene import Scene
from ..theme import fade
from . import ortho, readout, slice_marks
from .map_ink import MISSING_ALPHA
from .pen import Pen

FROM = (("from the left", "from the right"), ("from behind", "from the front"), ("from below", "from above"))
"""From where one looks: from smaller and from larger millimetres along the world's axes x, y, z."""

NOTHING = 1e38
"""Threshold above all values: the silhouette alone is drawn."""


def draw(pen: Pen, inner: Rect, scene: Scene) -> None:
    """Draw into the panel's inside."""
    assert scene.grid is not None
    shown = scene.map
    at = shown.crosshair if shown else scene.grid.bounds.centre
    planes = ortho.planes_in(pen, inner, scene.grid, at, scene.view.map.radiological)
    vmax, threshold = 1.0, NOTHING
    data: tuple[int, ...] = ()
    if shown is not None:
        vmax = range_of(scene.view.map, shown)
        least = max(0.0, threshold_of(vmax, scene.view.map.threshold))
        readout.draw(pen, _column(pen, inner), scene, shown, vmax, least)
        if shown.glass:
            threshold, data = least, (shown.tr, shown.index, *shown.mean_of)
    frame = glass_frame(scene.grid)
    for n, plane in enumerate(planes):
        if shown is not None:
            slice_marks.crosshair(pen, plane, at)
        slice_marks.letters(pen, plane, at=at if shown else None)
        pen.images.append(_image(pen, scene, plane, frame, n, (vmax, threshold, data)))
        pen.targets.append(Target(plane.rect, "crosshair", plane, keep=normal_axis(plane)))
    _captions(pen, planes)
    if shown is not None and not shown.glass:
        _say_that_it_comes(pen, planes)


def viewpoint(plane: SlicePlane) -> str:
    """Return from where one looks at a plane."""
    towards = np.cross(plane.right, np.negative(plane.down))
    axis = int(np.argmax(np.abs(towards)))
    return FROM[axis][int(towards[axis] > 0)]


def _image(
    pen: Pen, scene: Scene, plane: SlicePlane, frame: GlassFrame, n: int, how: tuple[float, float, tuple[int, ...]]
) -> ImageView:
    """Return a projection at the place of its lattice."""
    theme, (vmax, threshold, data) = pen.theme, how
    x0, y0 = pixel_of(plane, frame.low)
    x1, y1 = pixel_of(plane, frame.high)
    return ImageView(
        ("glass", 0, n),
        Rect(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0)),
        vmax,
        data,
        threshold,
        x1 < x0,
        theme.panel,
        theme.brain,
        theme.outline,
        fade(theme.warn, MISSING_ALPHA if threshold < NOTHING else 0.0),
        scene.view.map.opacity,
        1.5 * pen.style.layout.scale,
    )


def _column(pen: Pen, inner: Rect) -> Rect:
    """Return the room of bar and figures."""
    width = readout.width(pen)
    return Rect(inner.right - width, inner.y, width, inner.h)


def _captions(pen: Pen, planes: tuple[SlicePlane, ...]) -> None:
    """Write from where one looks: under each projection if they stand in a row, otherwise into their corners."""
    for plane in planes:
        if len({one.rect.bottom for one in planes}) == 1:
            x = round(plane.rect.x + plane.rect.w / 2)
            y = plane.rect.bottom + slice_marks.caption_height(pen) * 0.75
            pen.text(x, y, viewpoint(plane), 15, "text2", anchor="center", max_width=plane.rect.w)
        else:
            slice_marks.place(pen, plane, viewpoint(plane), False)


def _say_that_it_comes(pen: Pen, planes: tuple[SlicePlane, ...]) -> None:
    """Write into the middle of the projections that they are not there yet."""
    for plane in planes[1:2]:
        x, y = round(plane.rect.x + plane.rect.w / 2), round(plane.rect.y + plane.rect.h / 2 - pen.dp(14))
        pen.text(x, y, "projecting …", 15, "text2", anchor="center", max_width=plane.rect.w)
