"""Planes cut through world space: where they lie on the screen, and which way is left."""

from __future__ import annotations

import math
from typing import NamedTuple

from rtcog_gl.model.draw import Rect, SlicePlane
from rtcog_gl.model.volume import Bounds, Point

CORONAL, SAGITTAL, AXIAL = 0, 1, 2
"""Order of the planes that `slice_planes` returns."""

LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))
"""Ends of the world's axes x, y, z: towards smaller and towards larger millimetres."""

_SIDE = ((0, 2), (1, 2), (0, 1))
"""World axes that run to the right and upwards in each plane."""

_PLANE_OF = (SAGITTAL, CORONAL, AXIAL)
"""Plane that is perpendicular to each world axis."""


FEWEST_SLICES, MOST_SLICES = 8, 40
"""Slices of a mosaic, where the voxels allow it."""

COARSEST = 12.0
"""Most millimetres between two slices of a mosaic: a cluster of the usual size cannot lie unseen between them."""

LARGE_ENOUGH = 0.88
"""Slices of this part of the largest possible size are taken where more of them then fill the panel."""

WHOLE_FROM = 4.0
"""Spacing (mm) from which a mosaic's slices lie at whole millimetres; finer ones may lie at halves."""


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
    x = float(math.floor(panel.x + (panel.w - sum(columns) - 2 * gap) / 2))
    bottom = float(math.floor(panel.y + (panel.h + max(rows)) / 2))
    planes = []
    for (across, up), w, h in zip(_SIDE, columns, rows, strict=True):
        rect = Rect(x, bottom - h, float(w), float(h))
        mirrored = radiological and across == 0
        planes.append(_plane(rect, box.centre, cursor_mm, across, up, -scale if mirrored else scale, -scale))
        x = float(math.floor(rect.right + gap))
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
    left = float(math.floor(panel.x + (panel.w - x_px - y_px - gap) / 2))
    top = float(math.floor(panel.y))
    places = (
        Rect(left, top, x_px, z_px),
        Rect(float(math.floor(left + x_px + gap)), top, y_px, z_px),
        Rect(left, float(math.floor(top + z_px + gap)), x_px, y_px),
    )
    planes = tuple(
        _plane(place, box.centre, cursor_mm, across, up, -scale if radiological and across == 0 else scale, -scale)
        for place, (across, up) in zip(places, _SIDE, strict=True)
    )
    free = Rect(places[1].x, places[2].y, panel.right - places[1].x, places[2].h)
    return planes, free


class Lightbox(NamedTuple):
    """How a mosaic is laid out."""

    n: int
    """Slices."""

    spacing: float
    """mm from one slice to the next."""

    columns: int
    rows: int
    scale: float
    """mm a pixel."""


def lightbox(panel: Rect, bounds: Bounds, axis: int, finest: float, gap: float, margin_mm: float) -> Lightbox | None:
    """Return the layout of a mosaic: of those whose slices are (almost) as large as possible, the one with the most.

    Parameters
    ----------
    panel, bounds, gap, margin_mm
        See `slice_planes`.
    axis : int
        World axis to which the slices are perpendicular.
    finest : float
        Least spacing, in mm: the distance between layers of voxels.

    Returns
    -------
    Lightbox or None
        None if not even one slice has room.
    """
    box = bounds.grown(margin_mm)
    across, up = (box.size[along] for along in _SIDE[_PLANE_OF[axis]])
    extent = bounds.size[axis]
    plans = []
    for spacing in _spacings(extent, finest):
        n = _slices_in(extent, spacing)
        for rows in range(1, n + 1):
            columns = -(-n // rows)
            wide, high = panel.w - (columns - 1) * gap, panel.h - (rows - 1) * gap
            if wide >= columns and high >= rows:
                scale = max(columns * across / wide, rows * up / high)
                plans.append(Lightbox(n, spacing, columns, rows, scale))
    if not plans:
        return None
    enough = min(plan.scale for plan in plans) / LARGE_ENOUGH
    return max((plan for plan in plans if plan.scale <= enough), key=lambda plan: (plan.n, -plan.scale))


def _slices_in(extent: float, spacing: float) -> int:
    """Return how many slices cover an extent, but for a cap of a quarter of the spacing at either end."""
    return max(1, math.ceil(extent / spacing - 0.5))


def _spacings(extent: float, finest: float) -> list[float]:
    """Return the spacings that may be chosen from, ascending, in mm; at least one."""
    steps = [i / 2 for i in range(1, int(2 * COARSEST) + 1) if i % 2 == 0 or i / 2 < WHOLE_FROM]
    fewest = min(FEWEST_SLICES, max(1, int(extent / finest)))
    allowed = [step for step in steps if step >= finest and fewest <= _slices_in(extent, step) <= MOST_SLICES]
    # Heads that are no heads: a few layers, or metres.
    return allowed or [max(finest, extent / MOST_SLICES)]


def mosaic_planes(
    panel: Rect,
    bounds: Bounds,
    axis: int,
    radiological: bool = False,
    gap: float = 6.0,
    margin_mm: float = 2.0,
    finest: float = 1.0,
) -> tuple[SlicePlane, ...]:
    """Return parallel planes that fill a panel, in rows from the top left, towards larger millimetres.

    Axial slices thus read from the bottom of the head to its top, coronal ones from back to front, sagittal ones from
    left to right. They share one scale, begin on whole pixels, lie at whole millimetres (halves where they are less
    than `WHOLE_FROM` apart) and cover the bounds, but for a cap of less than a spacing at either end.

    Parameters
    ----------
    panel, bounds, radiological, gap, margin_mm
        See `slice_planes`.
    axis : int
        World axis to which the slices are perpendicular: 0, 1 or 2.
    finest : float
        Least spacing, in mm: the distance between layers of voxels.

    Returns
    -------
    tuple of SlicePlane
        From `FEWEST_SLICES` to `MOST_SLICES` planes, fewer where there are fewer layers of voxels; none if the panel
        is too small.
    """
    plan = lightbox(panel, bounds, axis, finest, gap, margin_mm)
    if plan is None:
        return ()
    box = bounds.grown(margin_mm)
    across, up = _SIDE[_PLANE_OF[axis]]
    w, h = (float(max(1, int(box.size[along] / plan.scale + 1e-6))) for along in (across, up))
    rows = -(-plan.n // plan.columns)
    step_x, step_y = w + round(gap), h + round(gap)
    left = math.floor(panel.x + (panel.w - plan.columns * step_x + round(gap)) / 2)
    top = math.floor(panel.y + (panel.h - rows * step_y + round(gap)) / 2)
    scale, places = plan.scale, _places(bounds, axis, plan)
    planes = []
    for n, along in enumerate(places):
        rect = Rect(left + n % plan.columns * step_x, top + n // plan.columns * step_y, w, h)
        at = list(box.centre)
        at[axis] = along
        mirrored = radiological and across == 0
        planes.append(_plane(rect, box.centre, _point(at), across, up, -scale if mirrored else scale, -scale))
    return tuple(planes)


def _places(bounds: Bounds, axis: int, plan: Lightbox) -> list[float]:
    """Return where a mosaic's slices lie along their axis, in mm, ascending."""
    first = bounds.centre[axis] - (plan.n - 1) / 2 * plan.spacing
    if plan.n > 1:
        first = round(first) if plan.spacing >= WHOLE_FROM else round(2 * first) / 2
    return [first + n * plan.spacing for n in range(plan.n)]


def nearest_plane(planes: tuple[SlicePlane, ...], mm: Point) -> int | None:
    """Return which of several parallel planes lies nearest to a position; None where there is none."""
    if not planes:
        return None
    axis = normal_axis(planes[0])
    return min(range(len(planes)), key=lambda n: abs(planes[n].origin[axis] - mm[axis]))


def fitted_planes(
    panel: Rect, bounds: Bounds, cursor_mm: Point, radiological: bool = False, gap: float = 8.0, margin_mm: float = 4.0
) -> tuple[SlicePlane, ...]:
    """Return the planes of `slice_planes` or of `ortho_planes`, whichever are larger (see there)."""
    row = slice_planes(panel, bounds, cursor_mm, radiological, gap, margin_mm)
    square, _ = ortho_planes(panel, bounds, cursor_mm, radiological, gap, margin_mm)
    if row and square and square[0].rect.w > row[0].rect.w:
        return square
    return row or square


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
    # Least squares by hand: for three numbers, NumPy's takes longer than all else that a crosshair costs.
    right, down = plane.right, plane.down
    offset = tuple(here - there for here, there in zip(mm, plane.origin, strict=True))
    rr, dd, rd = _dot(right, right), _dot(down, down), _dot(right, down)
    rv, dv = _dot(right, offset), _dot(down, offset)
    if rd == 0:
        return plane.rect.x + rv / rr, plane.rect.y + dv / dd
    det = rr * dd - rd * rd
    return plane.rect.x + (dd * rv - rd * dv) / det, plane.rect.y + (rr * dv - rd * rv) / det


def _dot(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def normal_axis(plane: SlicePlane) -> int:
    """Return the world axis (0, 1, 2 for x, y, z) to which the plane is most nearly perpendicular."""
    (ax, ay, az), (bx, by, bz) = plane.right, plane.down
    return _largest((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx))


def _largest(step: Point) -> int:
    """Return along which world axis a step is longest."""
    return max(range(3), key=lambda axis: abs(step[axis]))


def edge_letters(plane: SlicePlane) -> EdgeLetters:
    """Return the letters of the directions to which the edges of a slice point."""
    left, right = _ends(plane.right)
    top, bottom = _ends(plane.down)
    return EdgeLetters(left, right, top, bottom)


def _ends(step: Point) -> tuple[str, str]:
    axis = _largest(step)
    low, high = LETTERS[axis]
    return (low, high) if step[axis] > 0 else (high, low)
