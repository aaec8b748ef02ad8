"""The filmstrip: the hits, newest first, each with a thumbnail; a click shows that hit."""

from __future__ import annotations

import math

from ..draw import ImageView, Rect, Target
from ..map_range import threshold_of
from ..scene import FilmHit, Scene
from ..theme import fade
from .map_ink import MISSING_ALPHA
from .pen import Pen


def width(pen: Pen) -> float:
    """Return the width of the strip."""
    return max(pen.dp(136), 2 * pen.width("00000", 15, True))


def draw(pen: Pen, rect: Rect, scene: Scene) -> None:
    """Draw the strip."""
    top = _head(pen, rect, scene)
    room = Rect(rect.x, top, rect.w, rect.bottom - top)
    line = float(round(pen.px(13) * 1.7))
    high = _cell_height(pen, len(scene.film), len(scene.film) == len(scene.live.maps), room.h, line)
    first, end = fitting(scene.film, len(scene.live.maps), high, line, room.h)
    if end <= first:
        return
    newer, older = len(scene.live.maps) - 1 - scene.film[first].index, scene.film[end - 1].index
    y = room.y
    if newer > 0:
        _more(pen, Rect(room.x, y, room.w, line), f"+{newer} newer", scene.live.maps[-newer])
        y += line
    words = "TR " if _fits(pen, rect, f"TR {max(hit.tr for hit in scene.film)}", high) else ""
    for hit in scene.film[first:end]:
        _cell(pen, Rect(room.x, y, room.w, high - pen.dp(4)), scene, hit, words)
        y += high
    if older > 0:
        _more(pen, Rect(room.x, y, room.w, line), f"+{older} older", scene.live.maps[older - 1])


def fitting(film: tuple[FilmHit, ...], n_maps: int, cell: float, line: float, room: float) -> tuple[int, int]:
    """Return which hits of the film are drawn, from one to another (exclusive).

    They are the newest, or where the one on the screen is not among those, the ones around it.

    Parameters
    ----------
    film : tuple of FilmHit
        Newest first.
    n_maps : int
        Hits that there are, on the film or not.
    cell, line, room : float
        Heights of a hit, of the line that counts those left out at one end, and of the room for all, in pixels.
    """
    if not film or cell <= 0:
        return 0, 0
    most = int(room // cell)
    if n_maps <= most and n_maps == len(film):
        return 0, len(film)
    here = next((i for i, hit in enumerate(film) if hit.here), 0)
    most = min(len(film), max(0, int((room - line) // cell)))
    if here < most and film[0].index == n_maps - 1:
        return 0, most
    most = min(len(film), max(0, int((room - 2 * line) // cell)))
    first = max(0, min(here - most // 2, len(film) - most))
    return first, first + most


def _cell_height(pen: Pen, n: int, all_there: bool, room: float, line: float) -> float:
    """Return the height of a hit with the gap below it, so that as many of n as can be fill the room."""
    least = max(pen.dp(58), pen.px(15) * 1.2 + pen.px(13) * 1.4 + pen.dp(14))
    if not all_there or n * least > room:
        room -= line
    shown = max(1, min(n, int(room / least)))
    return float(math.floor(max(least, min(pen.dp(92), room / shown))))


def _head(pen: Pen, rect: Rect, scene: Scene) -> float:
    """Write the heading and whether new hits are followed; return where it ends."""
    y = round(rect.y + pen.px(13))
    back = "live" if scene.session.slots and scene.view.maps != "hits" else "newest"
    edge, free = rect.right - pen.dp(2), rect.w - pen.width("HITS", 13, True, 1.6) - pen.dp(10)
    back = "newest" if scene.live.ended else back
    if scene.live.ended and scene.view.hit is None:
        # Nothing new will come, so nothing is followed.
        used = 0.0
    elif scene.view.hit is None and scene.view.live:
        radius = pen.dp(4)
        pen.over.disc(edge - radius, y - pen.px(13) * 0.36, radius, pen.theme.matching)
        used = pen.text(edge - 2 * radius - pen.dp(6), y, back, 13, "text3", anchor="right")
        free -= 2 * radius + pen.dp(6)
    else:
        used = pen.text(edge, y, f"End: {back}", 13, "warn", bold=True, anchor="right", max_width=rect.w)
    if used <= free:
        pen.text(rect.x, y, "HITS", 13, "text3", bold=True, spacing=1.6)
    return float(y + pen.dp(10))


def _more(pen: Pen, rect: Rect, words: str, tr: int) -> None:
    """Write how many hits are left out; a click shows the nearest of them."""
    pen.text(rect.x + pen.dp(4), round(rect.y + pen.px(13) * 1.2), words, 13, "text3", max_width=rect.w)
    pen.targets.append(Target(rect, f"hit:{tr}"))


def _picture(pen: Pen, cell: Rect) -> Rect:
    """Return the room for a thumbnail."""
    pad = pen.dp(4)
    high = cell.h - 2 * pad
    return Rect(cell.x + pad + pen.dp(10), cell.y + pad, round(min(high * 0.9, cell.w * 0.42)), high)


def _fits(pen: Pen, rect: Rect, name: str, high: float) -> bool:
    picture = _picture(pen, Rect(rect.x, rect.y, rect.w, high - pen.dp(4)))
    return pen.width(name, 15, True) <= rect.right - picture.right - pen.dp(10)


def _cell(pen: Pen, cell: Rect, scene: Scene, hit: FilmHit, words: str) -> None:
    """Draw a hit: a bar in its template's colour, the thumbnail, and what it is."""
    theme, line = pen.theme, max(1.0, round(1.5 * pen.style.layout.scale))
    pen.targets.append(Target(cell, f"hit:{hit.tr}"))
    if hit.here:
        pen.under.box(cell, theme.grid, radius=pen.dp(4))
        pen.over.box(cell, theme.text, radius=pen.dp(4), border=line)
    tone = theme.text3 if hit.template is None else theme.template(hit.template)
    room = _picture(pen, cell)
    pen.under.box(Rect(cell.x + pen.dp(5), room.y + pen.dp(1), pen.dp(4), room.h - pen.dp(2)), tone, pen.dp(2))
    _thumbnail(pen, room, scene, hit)
    x = room.right + pen.dp(7)
    most = cell.right - pen.dp(3) - x
    rows = [(f"{words}{hit.tr}", 15, theme.text, True)]
    if hit.template is not None:
        rows.append((scene.session.labels[hit.template], 13, tone, False))
    if scene.view.map.beside == hit.tr:
        rows.append(("beside", 13, theme.text2, False))
    step = pen.px(13) * 1.4
    rows = rows[: max(1, int((cell.h - pen.px(15) * 0.4) / step))]
    y = cell.y + (cell.h - len(rows) * step) / 2 + step * 0.8
    for n, (string, size, colour, bold) in enumerate(rows):
        pen.text(x, round(y + n * step), string, size, colour, bold=bold, max_width=most)


def _thumbnail(pen: Pen, room: Rect, scene: Scene, hit: FilmHit) -> None:
    """Draw the thumbnail as large as it fits, or an empty frame while there is none."""
    theme, how = pen.theme, scene.view.map
    rows, columns = hit.shape
    if not rows or not columns:
        pen.under.box(room, theme.hairline, radius=pen.dp(3), border=max(1.0, round(pen.style.layout.scale)))
        return
    zoom = min(room.w / columns, room.h / rows)
    w, h = max(1, round(columns * zoom)), max(1, round(rows * zoom))
    rect = Rect(round(room.x + (room.w - w) / 2), round(room.y + (room.h - h) / 2), w, h)
    vmax = how.fixed if how.range == "fixed" and how.fixed > 0 else hit.vmax if hit.vmax > 0 else 1.0
    pen.images.append(
        ImageView(
            ("thumb", hit.tr, 0),
            rect,
            vmax,
            (),
            max(0.0, threshold_of(vmax, how.threshold)),
            how.radiological,
            theme.grid if hit.here else theme.panel,
            theme.brain,
            theme.outline,
            fade(theme.warn, MISSING_ALPHA),
            how.opacity,
        )
    )
