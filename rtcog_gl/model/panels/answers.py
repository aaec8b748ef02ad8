"""Answers panel: a row an answered action, newest first, a column a question."""

from __future__ import annotations

import math
from collections.abc import Hashable

from ..actions import hit_marker
from ..draw import Drawing, Rect
from ..scene import Scene, Style
from ..session import Answer
from .pen import Pen

HEADER_ANGLE = 40.0
EN_DASH = "–"


def key(scene: Scene) -> Hashable:
    """Return what the picture depends on."""
    return scene.live.answers, scene.questions


def draw(scene: Scene, style: Style, rect: Rect) -> Drawing:
    """Draw the table; questions that do not fit side by side go into bands, one below the other."""
    pen = Pen(style, rect)
    pen.panel()
    pen.title("Answers")
    questions = scene.questions
    inner = rect.inset(pen.dp(18), pen.dp(44), pen.dp(18), pen.dp(12))
    first_w = max(pen.dp(84), pen.width(f"{scene.session.nt}", 17, True) + pen.dp(34))
    # The last name leans out of its column.
    inner = Rect(inner.x, inner.y, inner.w - pen.dp(24), inner.h)
    narrowest = max(pen.dp(32), pen.width("00", 17) + pen.dp(6))
    per_band = max(1, min(len(questions), int((inner.w - first_w) // narrowest)))
    lowest = pen.dp(26) + pen.px(17) * 1.3
    bands = min(math.ceil(len(questions) / per_band), max(1, int(inner.h // lowest)))
    left_out = max(0, len(questions) - bands * per_band)
    per_band = min(per_band, math.ceil(len(questions) / bands))
    if left_out:
        beside = pen.dp(36) + pen.width("ANSWERS", 13, True, 1.6) + pen.width("0000 earlier", 14) + pen.dp(10)
        words = f"+ {left_out} questions"
        words = words if rect.x + beside + pen.width(words, 14) < inner.right else f"+ {left_out}"
        pen.text(inner.right, rect.y + pen.dp(27), words, 14, "text3", anchor="right")
    band_h = inner.h / bands
    for band in range(bands):
        names = questions[band * per_band : (band + 1) * per_band]
        box = Rect(inner.x, round(inner.y + band * band_h), inner.w, band_h)
        _band(pen, scene, box, names, band * per_band, per_band, first_w)
    return pen.drawing()


def _band(pen: Pen, scene: Scene, box: Rect, names: tuple[str, ...], first: int, columns: int, first_w: float) -> None:
    row_h = min(pen.dp(42), max(pen.px(17) * 1.3, box.h - pen.dp(60)))
    slope = math.radians(HEADER_ANGLE)
    column_w = (box.w - first_w) / columns
    longest = max((pen.width(name, 14) for name in names), default=0.0)
    header_h = min(longest * math.sin(slope) + pen.dp(10) + 2, max(pen.dp(26), box.h - row_h), pen.dp(132))
    header_bottom = box.y + header_h
    most = (header_h - pen.dp(10)) / math.sin(slope)
    for i, name in enumerate(names):
        x = box.x + first_w + (i + 0.5) * column_w
        room = min(most, (pen.rect.right - pen.dp(6) - x) / math.cos(slope) + pen.dp(4))
        name = pen.style.ruler.shorten(name, room, pen.px(14))
        pen.text(x - pen.dp(4), header_bottom - pen.dp(6), name, 14, "text2", angle=HEADER_ANGLE)
    pen.text(box.x, header_bottom - pen.dp(8), "TR", 14, "text3")
    pen.under.box(Rect(box.x, round(header_bottom), box.w, max(1.0, round(pen.style.layout.scale))), pen.theme.hairline)
    rows = max(1, int((box.bottom - header_bottom + 1) // row_h))
    answers = list(reversed(scene.live.answers))
    if not answers:
        if first == 0:
            pen.text(box.x, header_bottom + pen.dp(34), "no answers yet", 15, "text3")
        return
    hidden = len(answers) - rows
    for i, answer in enumerate(answers[:rows]):
        y = header_bottom + i * row_h
        _row(pen, scene, answer, Rect(box.x, y, box.w, row_h), first, columns, first_w, len(names))
    if hidden > 0 and first == 0:
        after_title = pen.rect.x + pen.dp(36) + pen.width("ANSWERS", 13, True, 1.6)
        pen.text(after_title, pen.rect.y + pen.dp(27), f"{hidden} earlier", 14, "text3")


def _row(pen: Pen, scene: Scene, answer: Answer, row: Rect, first: int, columns: int, first_w: float, n: int) -> None:
    baseline = round(row.y + row.h * 0.5 + pen.px(17) * 0.36)
    radius = pen.dp(6)
    template = _template(scene, answer.onset)
    colour = pen.theme.text3 if template is None else pen.theme.template(template)
    pen.over.disc(row.x + radius, row.y + row.h / 2, radius, colour)
    pen.text(row.x + 2 * radius + pen.dp(8), baseline, str(answer.onset), 17, "text", bold=True)
    column_w = (row.w - first_w) / columns
    for i in range(n):
        rating = answer.ratings[first + i] if first + i < len(answer.ratings) else None
        string = EN_DASH if rating is None else _rating(rating)
        tone = "text3" if rating is None else "text"
        x = round(row.x + first_w + (i + 0.5) * column_w)
        pen.text(x, baseline, string, 17, tone, anchor="center", max_width=column_w - 2)
    line = max(1.0, round(pen.style.layout.scale))
    pen.under.box(Rect(row.x, round(row.bottom) - line, row.w, line), pen.theme.grid)


def _rating(rating: float | int | str) -> str:
    return f"{rating:g}" if isinstance(rating, float) else str(rating)


def _template(scene: Scene, tr: int) -> int | None:
    """Return the template with the highest score at a TR, or None."""
    best = hit_marker(scene.scores[:, tr]) if 0 <= tr < scene.live.n_final else None
    return None if best is None else best.template
