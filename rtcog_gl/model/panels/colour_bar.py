"""The colour bar beside a map, and the figures under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..draw import RampView, Rect, Target
from ..ticks import nice_step, signed, tick_label
from .pen import Pen


class Line(NamedTuple):
    """One line of the figures under the bar."""

    string: str
    tone: str = "text2"
    """A name of the theme."""

    bold: bool = False


def digits(vmax: float) -> int:
    """Return the decimals that suit values of a range."""
    return 1 if vmax >= 10 else 2


def draw(pen: Pen, box: Rect, vmax: float, threshold: float, lines: Sequence[Line], indent: float = 34) -> None:
    """Draw the bar with its ticks, and figures under it, or beside it where there is room for both.

    Parameters
    ----------
    pen : Pen
        Draws.
    box : Rect
        Room for bar and figures.
    vmax, threshold : float
        Ends of the colours, > 0, and the smallest size that is drawn.
    lines : sequence of Line
        Figures, from the top down; they stand at the bottom, to the right.
    indent : float
        Room left of the bar, in the design's pixels.
    """
    above = max(pen.dp(20), pen.px(13) * 1.4)
    labels_w = max(pen.width(signed(v, digits(vmax)), 13) for v in (vmax, -vmax, threshold, -threshold))
    lines_w = max((pen.width(line.string, 13, line.bold) for line in lines), default=0.0)
    beside = pen.dp(indent) + pen.dp(18) + pen.dp(14) + labels_w + pen.dp(12) + lines_w <= box.w
    under = pen.dp(14) if beside else len(lines) * above + max(pen.dp(40), pen.px(13) * 1.6)
    ramp = Rect(box.x + pen.dp(indent), box.y + pen.dp(12), pen.dp(18), max(8.0, box.h - pen.dp(12) - under))
    _ticks(pen, ramp, vmax, threshold)
    for n, line in enumerate(reversed(lines)):
        y = box.bottom - pen.dp(4) - n * above
        pen.text(box.right, y, line.string, 13, line.tone, bold=line.bold, anchor="right")
    pen.ramps.append(RampView(ramp, vmax, max(0.0, threshold), pen.theme.cut))
    pen.targets.append(Target(ramp, "threshold"))


def _ticks(pen: Pen, ramp: Rect, vmax: float, threshold: float) -> None:
    """Draw ticks at round numbers, at the ends and at the threshold; the latter two win where it is tight."""
    tight = pen.px(13) * 1.15
    pixel = ramp.h / (2 * vmax)
    fixed = [vmax, -vmax]
    if 0 < threshold < vmax and threshold * pixel > tight / 2 and (vmax - threshold) * pixel > tight:
        fixed += [threshold, -threshold]
    step = nice_step(2 * vmax, 6)
    round_values = [i * step for i in range(-int(vmax / step), int(vmax / step) + 1)]
    free = [v for v in round_values if all(abs(v - f) * pixel > tight for f in fixed)]
    line = max(1.0, round(pen.style.layout.scale))
    for value in (*free, *fixed):
        y = ramp.y + (vmax - value) * pixel
        strong = value in fixed
        label = signed(value, digits(vmax)) if strong else ("+" if value > 0 else "") + tick_label(value, step)
        width = pen.dp(9) if strong else pen.dp(5)
        tone = pen.theme.text if strong else pen.theme.text3
        pen.over.box(Rect(ramp.right, min(round(y), ramp.bottom - line), width, line), tone)
        pen.text(ramp.right + pen.dp(14), round(y + pen.px(13) * 0.36), label, 13, "text" if strong else "text2")
