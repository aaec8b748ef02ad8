"""Why there is no hit: each gate of the hit rule at the TR looked at, and whether it is open."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from ..actions import best_template
from ..draw import Drawing
from ..gates import Decision, Gate, decide
from ..scene import Scene, Style
from .labels import shown_tr
from .pen import Pen

NAME, VALUE = 15, 14
"""Type sizes of a gate's name and of its value line."""

TIGHT, LOOSE = 1.24, 1.8
"""Height of a row in its lines' type sizes: at least, and where there is room."""


class _Rows(NamedTuple):
    """How the rows are laid out."""

    pitch: float
    values: bool
    """Whether there is room for the value lines."""

    n: int


def gates_tr(scene: Scene) -> int:
    """Return the TR that the panel speaks of; -1 before the first.

    Following live, where each volume has a record, it is the newest volume of which the record is there: until then it
    is not decided whether that volume is a hit.
    """
    shown = shown_tr(scene)
    recorded = scene.live.n_volumes - 1
    return recorded if scene.view.live and scene.session.volume_records and recorded == shown - 1 >= 0 else shown


def key(scene: Scene) -> Hashable:
    """Return what the picture depends on: everything written in it."""
    decision = _decide(scene)
    return decision, _winner(scene, decision), scene.view.live


def draw(scene: Scene, style: Style) -> Drawing:
    """Draw the panel."""
    pen = Pen(style, style.layout.gates)
    pen.panel()
    decision = _decide(scene)
    _title(pen, scene, decision)
    top = pen.rect.y + pen.dp(27) + max(pen.dp(16), pen.px(NAME) * 0.7)
    foot = pen.px(13) * 1.5 + pen.dp(8)
    rows = _rows(pen, pen.rect.bottom - foot - top, len(decision.gates))
    held = decision.reason
    gates = decision.gates if rows.n == len(decision.gates) else (_gravest(decision),)[: rows.n]
    for i, gate in enumerate(gates):
        _row(pen, gate, top + i * rows.pitch, rows.values, gate == held)
    if decision.remark and rows.n:
        base = pen.rect.bottom - pen.dp(12)
        room = pen.rect.w - 2 * pen.dp(18)
        pen.text(pen.rect.x + pen.dp(18), base, decision.remark, 13, "text3", max_width=room)
    return pen.drawing()


def _decide(scene: Scene) -> Decision:
    return decide(scene.session, scene.live, scene.scores, scene.volumes, gates_tr(scene))


def _winner(scene: Scene, decision: Decision) -> int | None:
    """Return the template that hit, where there was a hit."""
    return best_template(scene.scores[:, decision.t]) if decision.hit else None


def _title(pen: Pen, scene: Scene, decision: Decision) -> None:
    """Name the panel or the hit at the left, the TR at the right."""
    x, y, right = pen.rect.x + pen.dp(18), pen.rect.y + pen.dp(27), pen.rect.right - pen.dp(18)
    words = f"TR {decision.t}" if decision.t >= 0 else ""
    room = right - x - (pen.width(words, 13, True) + pen.dp(10) if words else 0.0)
    if decision.hit:
        template = _winner(scene, decision)
        tone = pen.theme.text if template is None else pen.theme.template(template)
        label = "HIT" if template is None else f"HIT {scene.session.labels[template]}"
        pen.text(x, y, label, 15, tone, bold=True, max_width=room)
    elif pen.width("WHY NO HIT", 13, True, 1.6) <= room:
        pen.title("Why no hit")
    else:
        pen.text(x, y, "NO HIT", 13, "text3", bold=True, max_width=room)
    tone_tr = "text3" if scene.view.live else "warn"
    pen.text(right, y, words, 13, tone_tr, bold=not scene.view.live, anchor="right")


def _rows(pen: Pen, height: float, n: int) -> _Rows:
    """Return how the rows go into a height: value lines are left out first, then all but the row that matters."""
    name, value = pen.px(NAME), pen.px(VALUE)
    for lines, values in ((name + value, True), (name, False)):
        if n * TIGHT * lines <= height:
            return _Rows(min(height / n, LOOSE * lines), values, n)
    for lines, values in ((name + value, True), (name, False)):
        if TIGHT * lines <= height:
            return _Rows(height, values, 1)
    return _Rows(height, False, 0)


def _gravest(decision: Decision) -> Gate:
    """Return the gate to show where there is room for one only."""
    unknown = (gate for gate in decision.gates if gate.verdict == "unknown")
    return decision.reason or next(unknown, decision.gates[-1])


def _row(pen: Pen, gate: Gate, top: float, values: bool, held: bool) -> None:
    """Write a gate: its sign, its name, and under it what the verdict rests on."""
    x = pen.rect.x + pen.dp(18)
    indent = max(pen.dp(30), pen.px(NAME) * 1.6)
    room = pen.rect.right - pen.dp(14) - x - indent
    base = round(top + pen.px(NAME) * 1.05)
    _sign(pen, gate, x, base)
    tone = "warn" if held else "text" if gate.verdict != "unknown" else "text2"
    pen.text(round(x + indent), base, gate.name, NAME, tone, bold=True, max_width=room)
    if values and gate.value:
        below = round(base + pen.px(VALUE) * 1.22)
        pen.text(round(x + indent), below, gate.value, VALUE, "text2", max_width=room)


def _sign(pen: Pen, gate: Gate, x: float, base: float) -> None:
    """Draw a tick, a cross or a question mark: the shape alone tells them apart."""
    size = round(pen.px(NAME) * 0.66)
    middle = base - pen.px(NAME) * 0.36
    left, top, bottom = x + 1, middle - size / 2, middle + size / 2
    right, width = left + size, max(1.5, pen.px(NAME) * 0.15)
    if gate.verdict == "open":
        knee = left + size * 0.36
        pen.over.segment(left, middle + size * 0.08, knee, bottom - size * 0.06, width, pen.theme.matching)
        pen.over.segment(knee, bottom - size * 0.06, right, top + size * 0.04, width, pen.theme.matching)
    elif gate.verdict == "closed":
        inset = size * 0.06
        for y0, y1 in ((top + inset, bottom - inset), (bottom - inset, top + inset)):
            pen.over.segment(left + inset, y0, right - inset, y1, width, pen.theme.warn)
    else:
        pen.text(round(left + size / 2), base, "?", NAME, "text3", bold=True, anchor="center")
