"""What the map panel says that it shows: never more than is true."""

from __future__ import annotations

from typing import NamedTuple

from ..actions import hit_marker
from ..scene import Scene, ShownMap
from ..shown import Choice, chosen
from ..status import status
from .pen import Pen

CONVENTIONS = ("neurological · left is left", "radiological · left is right")
"""What is written on the panel, always: without and with the left of the head at the right."""


class Piece(NamedTuple):
    """Some words of the title."""

    string: str
    tone: str
    """A name of the theme."""

    bold: bool = False


class Title(NamedTuple):
    """The title's words, and the disc before them."""

    lead: Piece
    rest: tuple[Piece, ...] = ()
    dot: str | int | None = None
    """A name of the theme, or a template; None draws none."""


def title(scene: Scene) -> Title:
    """Return what there is to say of the map on the screen."""
    shown, choice = scene.map, chosen(scene.view, scene.session, scene.live)
    if shown is None:
        missing = scene.map_note
        return Title(Piece(missing, "warn") if missing else Piece(_nothing(scene, choice), "text2"))
    told = _hit(scene, shown, choice) if shown.is_hit else _volume(scene, shown, choice)
    return told._replace(rest=(*told.rest, *_also(scene, shown)))


def draw(pen: Pen, scene: Scene) -> None:
    """Write the title and, at the right, which side is left."""
    told = title(scene)
    x, y = pen.rect.x + pen.dp(18), pen.rect.y + pen.dp(30)
    convention = CONVENTIONS[scene.view.map.radiological].upper()
    if scene.map_unchecked:
        convention += " · NOT CHECKED"
    convention_w = pen.width(convention, 13, True, 1.6)
    end = pen.rect.right - convention_w - pen.dp(60) + pen.dp(18)
    if told.dot is not None:
        radius = pen.dp(8)
        colour = pen.theme.template(told.dot) if isinstance(told.dot, int) else getattr(pen.theme, told.dot)
        pen.over.disc(x + radius, y - pen.px(19) * 0.36, radius, colour)
        x += 2 * radius + pen.dp(10)
        end -= pen.dp(18)
    gap, least = pen.dp(14), pen.dp(60)
    after = sum(pen.width(piece.string, 17, piece.bold) + gap for piece in told.rest)
    bold, most = told.lead.bold, max(least, end - x - after)
    used = pen.text(x, y, told.lead.string, 19, told.lead.tone, bold=bold, max_width=most)
    x += min(used, most) + gap
    for piece in told.rest:
        most = end - x
        if most < least:
            break
        used = pen.text(x, y, piece.string, 17, piece.tone, bold=piece.bold, max_width=most)
        x += min(used, most) + gap
    right = pen.rect.right - pen.dp(18) - convention_w
    pen.text(right, y - pen.dp(2), convention, 13, "warn" if scene.map_unchecked else "text2", bold=True, spacing=1.6)


def _nothing(scene: Scene, choice: Choice) -> str:
    """Say why there is no map."""
    live = scene.live
    if choice.following or choice.volume is not None:
        return "no volume in this run" if live.ended else "no volume yet"
    if not live.onsets:
        return "no hit in this run" if live.ended else "no hit yet"
    tr = live.onsets[-1]
    return f"TR {tr}: no map" if scene.grid is None or live.ended else f"TR {tr}: the map is not there yet"


def _also(scene: Scene, shown: ShownMap) -> tuple[Piece, ...]:
    """Say what else there is on the panel, and what was asked for and is not there."""
    how, said = scene.view.map, []
    if how.mean and not shown.mean_of:
        said.append("the mean of its template's hits is not there yet")
    if scene.view.explain and scene.explained is None:
        said.append(_unexplained(scene))
    if scene.explained is None and scene.beside is not None:
        said.append(f"beside TR {scene.beside.tr}, pinned")
    elif scene.explained is None and how.beside is not None and how.beside in scene.live.maps:
        said.append(f"TR {how.beside}, pinned, {'cannot be read' if scene.beside_refused else 'is not there yet'}")
    return tuple(Piece(words, "text2") for words in said)


def _unexplained(scene: Scene) -> str:
    shown = scene.map
    if scene.view.map.mean:
        return "a mean is not explained"
    if shown is not None and shown.tr < scene.session.match_start:
        return "not scored, so there is nothing to explain"
    return "its template cannot be shown"


def _hit(scene: Scene, shown: ShownMap, choice: Choice) -> Title:
    best = hit_marker(scene.scores[:, shown.tr]) if shown.tr < scene.scores.shape[1] else None
    if shown.tr >= scene.live.n_final:
        best = None
    lead, which = _names(scene, shown, None if best is None else scene.session.labels[best.template])
    newest = scene.live.onsets[-1] if scene.live.onsets else shown.tr
    rest: tuple[Piece, ...] = (which,)
    if choice.held and choice.tr == shown.tr:
        # A session that is over or stands still has no survey running.
        rest += (Piece("held while the survey runs", "action"),) if status(scene).word == "ACTION" else ()
    elif scene.view.hit is None and scene.view.cursor == shown.tr and choice.hit == shown.index:
        back = scene.session.slots and scene.view.maps == "auto"
        rest += (Piece("(looking back)", "warn", True),) if back else ()
    elif newest != shown.tr:
        rest = (which._replace(tone="warn", bold=True), Piece(_older(scene, newest), "warn", True))
    elif scene.view.hit is not None:
        rest += (Piece(f"(End: {_back(scene)})", "text3"),)
    elif scene.view.cursor is not None:
        rest += (Piece(f"the newest hit; TR {scene.view.cursor} has no map of its own", "text2"),)
    elif not (choice.held or scene.live.ended or scene.live.lost or scene.keeper_lost):
        rest += (Piece("following newest", "text3"),)
    return Title(lead, rest, "text2" if best is None else best.template)


def _names(scene: Scene, shown: ShownMap, label: str | None) -> tuple[Piece, Piece]:
    """Return what the map is, and of which TRs."""
    n = len(shown.mean_of)
    if n:
        of = "" if label is None else f" of {label}"
        trs = ", ".join(str(tr) for tr in shown.mean_of)
        empty = f" ({shown.n_empty} without a value)" if shown.n_empty else ""
        return Piece(f"mean of {n} hit{'s' * (n > 1)}{of}", "text", True), Piece(f"TR {trs}{empty}", "text2")
    which = f"TR {shown.tr}   hit {shown.index + 1} of {len(scene.live.onsets)}"
    return Piece("hit" if label is None else label, "text", True), Piece(which, "text2")


def _older(scene: Scene, newest: int) -> str:
    return f"OLDER, newest is TR {newest}   (End: {_back(scene)})"


def _back(scene: Scene) -> str:
    """Return what the key End leads to."""
    live = scene.session.slots and scene.view.maps != "hits" and not scene.live.ended
    return "live" if live else "newest"


def _volume(scene: Scene, shown: ShownMap, choice: Choice) -> Title:
    name = f"TR {shown.tr}"
    if not choice.following:
        return Title(Piece(name, "text", True), (Piece("(looking back)", "warn", True),))
    # The next volume's scores come a moment before its record, and that before the volume itself.
    newest = max(scene.live.n_volumes, scene.live.n_final) - 1
    if shown.tr < newest - 1:
        return Title(Piece(name, "text", True), (Piece(f"OLDER, newest is TR {newest}", "warn", True),))
    now = status(scene)
    if now.word == "STALLED":
        return Title(Piece(name, "text", True), (Piece("NOT LIVE", "bad", True),))
    if now.freshness in ("fresh", "late"):
        return Title(Piece("LIVE", "matching", True), (Piece(name, "text", True),), "matching")
    last = scene.live.ended or scene.live.n_final >= scene.session.nt
    return Title(Piece(name, "text", True), (Piece("the last volume", "text2"),) if last else ())
