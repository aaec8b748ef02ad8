"""Planes cut through world space: where they lie on the screen, and which way is left."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rtcog_gl.model.draw import Rect, SlicePlane
from rtcog_gl.model.volume import Bounds, Point

CORONAL, SAGITTAL, AXIAL = 0, 1, 2
"""Order of the planes that `slice_planes` returns."""

LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))
"""Ends of the world's axes x, y, z: towards smaller and towards larger millimetres."""

_SIDE = ((0, 2), (1, 2), (0, 1))
"""World axes that run to the right and upwards in each plane."""


class EdgeLetters(NamedTuple):
    """What lies at each edge of a slice."""

    left: str
    right: str
    top: str
    bottom: str


def slice_planes(
    panel: Rect, bounds: Bounds, cursor_mm: Point, radiological: bool = False, gap: float = 8.0, margin_mm: float = 4.0
) -> tuple[SlicePlane, ...]:
    """Return the coronal, sagittal and axial plane through a position, side by side in a panel.

    They share one scale (mm a pixel), the finest at which all three fit, stand on one line, are centred in the panel
    and begin on whole pixels. The sagittal plane has the front at its right.

    Parameters
    ----------
    panel : Rect
        Room for the slices, in pixels.
    bounds : Bounds
        What must be seen, in mm.
    cursor_mm : tuple of float
        Where the planes cross.
    radiological : bool
        Whether the left of the head is at the right of coronal and axial slices; otherwise left is left.
    gap : float
        Pixels between two slices.
    margin_mm : float
        Room around `bounds`, in mm.

    Returns
    -------
    tuple of SlicePlane
        Three planes, or none if the panel is too small for a pixel of each.
    """
    box = bounds.grown(margin_mm)
    widths = [box.size[across] for across, _ in _SIDE]
    heights = [box.size[up] for _, up in _SIDE]
    room = panel.w - 2 * gap
    if room < 3 or panel.h < 1:
        return ()
    scale = max(sum(widths) / room, max(heights) / panel.h)
    # A hair more, so that a width which fits exactly is not cut by a pixel.
    columns = [max(1, int(width / scale + 1e-6)) for width in widths]
    rows = [max(1, int(height / scale + 1e-6)) for height in heights]
    x = float(np.floor(panel.x + (panel.w - sum(columns) - 2 * gap) / 2))
    bottom = float(np.floor(panel.y + (panel.h + max(rows)) / 2))
    planes = []
    for (across, up), w, h in zip(_SIDE, columns, rows, strict=True):
        rect = Rect(x, bottom - h, float(w), float(h))
        mirrored = radiological and across == 0
        planes.append(_plane(rect, box.centre, cursor_mm, across, up, -scale if mirrored else scale, -scale))
        x = float(np.floor(rect.right + gap))
    return tuple(planes)


def ortho_planes(
    panel: Rect, bounds: Bounds, cursor_mm: Point, radiological: bool = False, gap: float = 8.0, margin_mm: float = 4.0
) -> tuple[tuple[SlicePlane, ...], Rect]:
    """Return the planes of `slice_planes` two by two, and the quarter that stays free.

    Coronal beside sagittal, axial under coronal, so that crosshairs run on from one slice to the next. They share one
    scale and begin on whole pixels.

    Parameters
    ----------
    panel, bounds, cursor_mm, radiological, gap, margin_mm
        See `slice_planes`.

    Returns
    -------
    tuple of SlicePlane, Rect
        Three planes (none if the panel is too small for a pixel of each), and the room at the lower right, which is
        as wide as the panel allows.
    """
    box = bounds.grown(margin_mm)
    x_mm, y_mm, z_mm = box.size
    wide, high = panel.w - gap, panel.h - gap
    if wide < 2 or high < 2:
        return (), Rect(panel.x, panel.y, max(0.0, panel.w), max(0.0, panel.h))
    scale = max((x_mm + y_mm) / wide, (z_mm + y_mm) / high)
    x_px, y_px, z_px = (float(max(1, int(length / scale + 1e-6))) for length in box.size)
    left = float(np.floor(panel.x + (panel.w - x_px - y_px - gap) / 2))
    top = float(np.floor(panel.y))
    places = (
        Rect(left, top, x_px, z_px),
        Rect(float(np.floor(left + x_px + gap)), top, y_px, z_px),
        Rect(left, float(np.floor(top + z_px + gap)), x_px, y_px),
    )
    planes = tuple(
        _plane(place, box.centre, cursor_mm, across, up, -scale if radiological and across == 0 else scale, -scale)
        for place, (across, up) in zip(places, _SIDE, strict=True)
    )
    free = Rect(places[1].x, places[2].y, panel.right - places[1].x, places[2].h)
    return planes, free


def _plane(
    rect: Rect, centre: Point, cursor_mm: Point, across: int, up: int, right_mm: float, down_mm: float
) -> SlicePlane:
    right, down, origin = [0.0] * 3, [0.0] * 3, list(cursor_mm)
    right[across] = right_mm
    down[up] = down_mm
    origin[across] = centre[across] - right_mm * rect.w / 2
    origin[up] = centre[up] - down_mm * rect.h / 2
    return SlicePlane(rect, _point(origin), _point(right), _point(down))


def _point(values: list[float]) -> Point:
    return (values[0], values[1], values[2])


def mm_at(plane: SlicePlane, x: float, y: float) -> Point:
    """Return the world position (mm) shown at a pixel position; the centre of a pixel is half a pixel in."""
    dx, dy = x - plane.rect.x, y - plane.rect.y
    return _point([o + r * dx + d * dy for o, r, d in zip(plane.origin, plane.right, plane.down, strict=True)])


def pixel_of(plane: SlicePlane, mm: Point) -> tuple[float, float]:
    """Return the pixel position at which a world position (mm) is seen, projected onto the plane."""
    steps = np.array([plane.right, plane.down]).T
    dx, dy = np.linalg.lstsq(steps, np.subtract(mm, plane.origin), rcond=None)[0].tolist()
    return plane.rect.x + dx, plane.rect.y + dy


def normal_axis(plane: SlicePlane) -> int:
    """Return the world axis (0, 1, 2 for x, y, z) to which the plane is most nearly perpendicular."""
    return int(np.argmax(np.abs(np.cross(plane.right, plane.down))))


def edge_letters(plane: SlicePlane) -> EdgeLetters:
    """Return the letters of the directions to which the edges of a slice point."""
    left, right = _ends(plane.right)
    top, bottom = _ends(plane.down)
    return EdgeLetters(left, right, top, bottom)


def _ends(step: Point) -> tuple[str, str]:
    axis = int(np.argmax(np.abs(step)))
    low, high = LETTERS[axis]
    return (low, high) if step[axis] > 0 else (high, low)
