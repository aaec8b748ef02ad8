"""Footer: what the operator has to know first, otherwise the most useful keys; renderer on the right."""

from __future__ import annotations

from collections.abc import Hashable

from ..draw import Drawing
from ..scene import Scene, Style
from .pen import Pen

TURN_NS = 5_000_000_000
"""How long each of several messages is shown."""

HINTS = "? all keys   F full screen   ← → look back   End live   + − zoom   W whole run   [ ] hits"


def key(scene: Scene) -> Hashable:
    """Return what the picture depends on."""
    return _message(scene), scene.hardware, scene.corner_px


def draw(scene: Scene, style: Style) -> Drawing:
    """Draw the footer."""
    rect = style.layout.footer
    pen = Pen(style, rect)
    y = round(rect.y + rect.h * 0.5 + pen.px(14) * 0.36)
    hardware = pen.style.ruler.elide(scene.hardware, rect.w * 0.3, pen.px(14))
    edge = rect.right - max(pen.dp(24), scene.corner_px + pen.dp(12) if scene.corner_px else 0)
    right = pen.text(edge, y, hardware, 14, "text3", anchor="right")
    string, colour, bold = _message(scene)
    pen.text(rect.x + pen.dp(24), y, string, 14, colour, bold=bold, max_width=edge - right - pen.dp(72))
    return pen.drawing()


def _message(scene: Scene) -> tuple[str, str, bool]:
    if scene.keeper_lost:
        return scene.keeper_lost, "bad", True
    if scene.live.lost:
        return scene.live.lost, "bad", True
    if scene.note:
        return scene.note, "text", True
    if scene.live.messages:
        n = len(scene.live.messages)
        i = scene.now_ns // TURN_NS % n
        return scene.live.messages[i] + (f"   ({i + 1} of {n})" if n > 1 else ""), "warn", True
    hints = [HINTS]
    if scene.session.slots:
        hints.append("M every volume or hits")
    if scene.session.has_templates:
        hints.append("X explain")
    return "   ".join([*hints, "S picture"]), "text3", False
