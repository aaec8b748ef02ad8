"""Footer: what the operator has to know first, otherwise the most useful keys; renderer on the right."""

from __future__ import annotations

from collections.abc import Hashable

from ..draw import Drawing
from ..scene import Scene, Style
from .pen import Pen

TURN_NS = 5_000_000_000
"""How long each of several messages is shown."""

APART = "   "
"""Between two hints."""


def key(scene: Scene) -> Hashable:
    """Return what the picture depends on."""
    return _message(scene), _hints(scene), scene.hardware, scene.corner_px


def draw(scene: Scene, style: Style) -> Drawing:
    """Draw the footer."""
    rect = style.layout.footer
    pen = Pen(style, rect)
    y = round(rect.y + rect.h * 0.5 + pen.px(14) * 0.36)
    hardware = pen.style.ruler.elide(scene.hardware, rect.w * 0.3, pen.px(14))
    edge = rect.right - max(pen.dp(24), scene.corner_px + pen.dp(12) if scene.corner_px else 0)
    right = pen.text(edge, y, hardware, 14, "text3", anchor="right")
    most = edge - right - pen.dp(72)
    message = _message(scene)
    string, colour = message if message is not None else (_fitting(pen, _hints(scene), most), "text3")
    pen.text(rect.x + pen.dp(24), y, string, 14, colour, bold=message is not None, max_width=most)
    return pen.drawing()


def _message(scene: Scene) -> tuple[str, str] | None:
    """Return what has to be said and its colour, the gravest first; None while there is nothing."""
    if scene.keeper_lost:
        return scene.keeper_lost, "bad"
    if scene.live.lost:
        return scene.live.lost, "bad"
    if scene.note:
        return scene.note, "text"
    if scene.live.messages:
        n = len(scene.live.messages)
        i = scene.now_ns // TURN_NS % n
        return scene.live.messages[i] + (f"   ({i + 1} of {n})" if n > 1 else ""), "warn"
    return None


def _hints(scene: Scene) -> tuple[str, ...]:
    """Return keys that are of use now, those that matter most first."""
    hints = ["? all keys", "← → look back", "End live", "[ ] hits"]
    if scene.grid is not None:
        hints += ["V map's view", "C crosshair back", ", . threshold"]
    if scene.session.slots:
        hints.append("M every volume or hits")
    if scene.session.has_templates:
        hints.append("X explain")
    return (*hints, "Tab panels", "F full screen", "+ − zoom", "S picture")


def _fitting(pen: Pen, hints: tuple[str, ...], most: float) -> str:
    """Return as many whole hints as fit, one at least."""
    line = hints[0]
    for hint in hints[1:]:
        longer = line + APART + hint
        if pen.width(longer, 14) > most:
            break
        line = longer
    return line
