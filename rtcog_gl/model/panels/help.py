"""The list of keys, over everything else; made from the key table."""

from __future__ import annotations

from ..draw import Drawing, Rect
from ..keys import BINDINGS
from ..scene import Style
from .pen import Pen


def draw(style: Style) -> Drawing:
    """Draw the list of keys in the middle of the window."""
    width, height = style.layout.size
    row = style.layout.dp(32)
    rows = len(BINDINGS)
    room = height - style.layout.dp(120)
    columns = 1 if rows * row <= room else 2
    per_column = -(-rows // columns)
    row = min(row, max(12.0, room / (per_column + 2)))
    w = min(width - style.layout.dp(40), columns * style.layout.dp(560))
    h = row * per_column + style.layout.dp(84)
    pen = Pen(style, Rect(round((width - w) / 2), round((height - h) / 2), w, h))
    box = pen.rect
    pen.panel()
    pen.under.box(box, style.theme.text3, border=max(1.0, round(style.layout.scale)))
    pen.title("Keys")
    column_w = box.w / columns
    key_w = max(pen.width(binding.label, 17, True) for binding in BINDINGS) + pen.dp(24)
    for i, binding in enumerate(BINDINGS):
        x = box.x + pen.dp(18) + (i // per_column) * column_w
        y = round(box.y + pen.dp(70) + (i % per_column) * row)
        pen.text(x, y, binding.label, 17, "text", bold=True)
        pen.text(x + key_w, y, binding.help, 17, "text2", max_width=column_w - key_w - pen.dp(30))
    return pen.drawing()
