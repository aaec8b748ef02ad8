"""Map panel: a hit's or a volume's map in planes of world space or as a glass brain, or why it matches its template."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from ..draw import Drawing, Rect
from ..scene import Scene, Style
from . import beside, course, explain, filmstrip, glass_brain, map_title, mosaic, ortho, slice_marks
from .pen import Pen

FILM_FROM = (520, 180)
"""Width and height of the inside, in framebuffer pixels, from which there is room for the filmstrip."""

COURSE_FROM = 190
"""Height of the inside, in framebuffer pixels, from which there is room for the time course."""

MOST_COURSE = 0.35
"""Part of the height that the time course has at most."""


class Rooms(NamedTuple):
    """How the panel's inside is shared out."""

    picture: Rect
    film: Rect | None
    """Filmstrip of the hits, at the left."""

    course: Rect | None
    """Time course, below."""


def key(scene: Scene) -> Hashable:
    """Return what the picture depends on."""
    return (
        (
            scene.map,
            scene.explained,
            map_title.title(scene),
            scene.grid is None,
            scene.map_refused,
            scene.map_unchecked,
        ),
        (scene.view.map, scene.view.explain, scene.readout, scene.beside, scene.film, scene.anatomy),
        course.key(scene),
    )


def draw(scene: Scene, style: Style) -> Drawing:
    """Draw the panel."""
    pen = Pen(style, style.layout.map)
    pen.panel()
    map_title.draw(pen, scene)
    if scene.grid is None or scene.map_refused:
        _refuse(pen, scene)
        return pen.drawing()
    rooms = rooms_of(pen, scene)
    if rooms.film is not None:
        filmstrip.draw(pen, rooms.film, scene)
    if rooms.course is not None:
        course.draw(pen, rooms.course, scene)
    if scene.map is not None and scene.explained is not None:
        explain.draw(pen, rooms.picture, scene, scene.map, scene.explained)
    elif scene.map is not None and scene.beside is not None:
        beside.draw(pen, rooms.picture, scene, scene.map, scene.beside)
    else:
        {"ortho": ortho.draw, "mosaic": mosaic.draw, "glass": glass_brain.draw}[scene.view.map.mode](
            pen, rooms.picture, scene
        )
    return pen.drawing()


def rooms_of(pen: Pen, scene: Scene) -> Rooms:
    """Share out the panel's inside; the picture comes first, and in a small panel it has all of it."""
    inner = pen.rect.inset(pen.dp(18), pen.dp(46), pen.dp(18), pen.dp(14))
    film = plot = None
    if scene.film and inner.w >= FILM_FROM[0] and inner.h >= FILM_FROM[1]:
        film = Rect(inner.x, inner.y, filmstrip.width(pen), inner.h)
        inner = inner.inset(film.w + pen.dp(14), 0.0, 0.0, 0.0)
    if course.is_shown(scene) and inner.h >= COURSE_FROM:
        high = float(round(max(course.height(pen, inner), min(_left_over(pen, scene, inner), inner.h * MOST_COURSE))))
        plot = Rect(inner.x, inner.bottom - high, inner.w, high)
        inner = inner.inset(0.0, 0.0, 0.0, high + pen.dp(8))
    return Rooms(inner, film, plot)


def _left_over(pen: Pen, scene: Scene, inner: Rect) -> float:
    """Return the height that three planes in a row leave free, since they already have all of the width."""
    if scene.grid is None or scene.explained or scene.beside or scene.view.map.mode == "mosaic":
        return 0.0
    planes = ortho.planes_in(pen, inner, scene.grid, scene.grid.bounds.centre, scene.view.map.radiological)
    if not planes:
        return 0.0
    high = max(plane.rect.bottom for plane in planes) - min(plane.rect.y for plane in planes)
    return inner.h - high - slice_marks.caption_height(pen) - pen.dp(20)


def _refuse(pen: Pen, scene: Scene) -> None:
    """Say why there is no picture, in its place."""
    reason, tone = scene.map_refused, "bad"
    if not reason:
        reason, tone = "no map: this session's mask cannot be used (see the message below)", "text2"
    centre = pen.rect.x + pen.rect.w / 2
    pen.text(centre, pen.rect.y + pen.rect.h / 2, reason, 15, tone, anchor="center", max_width=pen.rect.w * 0.9)
