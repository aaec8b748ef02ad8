"""The names of the traces, at the live edge: pushed apart, with the present value and a thin leader to the trace."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..draw import Axes, Rect
from ..scene import Scene
from ..theme import fade, trace_styles
from ..ticks import signed
from .pen import Pen
from .spread import spread

TIGHT, LOOSE = 1.14, 1.38
"""Height of a name in type sizes: at least, and where there is room."""

SIZE = 15
WIDEST = 150
LARGEST_SHARE = 0.36
"""Most of the panel's width that the names may take."""


def shown_tr(scene: Scene) -> int:
    """Return the TR that the labels speak of: the newest, or the one looked at; -1 before the first."""
    last = scene.live.n_final - 1
    return last if scene.view.cursor is None else min(scene.view.cursor, last)


def live_edge(pen: Pen, scene: Scene, ax: Axes) -> float:
    """Return where names begin: beside the newest TR while following live, otherwise right of the plot."""
    tr, beside = shown_tr(scene), ax.plot.right + pen.dp(22)
    return min(float(ax.x(tr)) + pen.dp(34), beside) if scene.view.live and tr >= 0 else beside


def margin(pen: Pen, scene: Scene, plot_height: float) -> float:
    """Return the room that the names need to the right of a plot."""
    width = _widths(pen, scene).column
    return min(_room(pen, width, _columns(pen, scene, width, plot_height)), LARGEST_SHARE * pen.rect.w)


def _columns(pen: Pen, scene: Scene, width: float, plot_height: float) -> int:
    """Return how many columns of names there are: two where one is too short and two fit beside the plot."""
    one_is_enough = scene.session.n_templates <= plot_height / (pen.px(SIZE) * TIGHT)
    return 1 if one_is_enough or _room(pen, width, 2) > LARGEST_SHARE * pen.rect.w else 2


def _room(pen: Pen, width: float, columns: int) -> float:
    return columns * (width + pen.dp(26)) + pen.dp(28)


def draw(pen: Pen, scene: Scene, ax: Axes) -> None:
    """Name each trace where it ends; those for which there is no room have a second column."""
    n = scene.session.n_templates
    if n == 0:
        return
    tr = shown_tr(scene)
    column = scene.scores[:, tr] if tr >= 0 else np.full(n, np.nan, np.float32)
    order = np.argsort(np.where(np.isfinite(column), -column, np.inf), kind="stable")
    at_edge = scene.view.live and bool(np.isfinite(column).any())
    x = live_edge(pen, scene, ax) if at_edge else ax.plot.right + pen.dp(22)
    row = max(pen.px(SIZE) * TIGHT, min(pen.px(SIZE) * LOOSE, ax.plot.h / n))
    room = max(1, int(ax.plot.h // row))
    widths = _widths(pen, scene)
    columns = _columns(pen, scene, widths.column, ax.plot.h)
    fits = n <= columns * room
    first = order[: room if fits or columns == 2 else max(1, room - 1)]
    second = order[room : 2 * room - (0 if fits else 1)] if columns == 2 else order[:0]
    # The last column leaves a row for what is left out.
    bottom = ax.plot.bottom - (0.0 if fits else row)
    _column(pen, scene, ax, column, first, x, row, ax.plot.bottom if columns == 2 else bottom, widths, at_edge)
    across = widths.column + pen.dp(26)
    if len(second):
        _column(pen, scene, ax, column, second, x + across, row, bottom, widths, False)
    left_out = n - len(first) - len(second)
    if left_out > 0:
        pen.text(x + (columns - 1) * across, ax.plot.bottom - pen.dp(2), f"+ {left_out} lower", 13, "text3")


class _Widths(NamedTuple):
    name: float
    column: float
    """Name, gap and value."""


def _widths(pen: Pen, scene: Scene) -> _Widths:
    """Return the widths of the widest name and the widest value, measured once a picture: there are many."""
    widest = max((pen.width(label, SIZE, True) for label in scene.session.labels), default=0.0)
    name = min(widest, pen.dp(WIDEST))
    tr = shown_tr(scene)
    values = scene.scores[:, tr].tolist() if tr >= 0 else []
    value = max(pen.width(string, SIZE) for string in ("+0.00", *(_score(scene, each) for each in values)))
    return _Widths(name, name + pen.dp(12) + value)


def _centres(
    ax: Axes, values: npt.NDArray[np.float32], row: float, bottom: float, leaders: bool
) -> npt.NDArray[np.float64]:
    """Return where the names go: near their traces, or evenly from the top where they have none."""
    n = len(values)
    even = np.asarray(ax.plot.y + (np.arange(n) + 0.5) * min(row, (bottom - ax.plot.y) / n), np.float64)
    known = np.isfinite(values)
    if not leaders and not known.all():
        return even
    return spread(np.where(known, ax.y(np.where(known, values, 0.0)), even), row, ax.plot.y, bottom)


def _column(
    pen: Pen,
    scene: Scene,
    ax: Axes,
    scores: npt.NDArray[np.float32],
    named: npt.NDArray[np.intp],
    x: float,
    row: float,
    bottom: float,
    widths: _Widths,
    leaders: bool,
) -> None:
    value_x = x + widths.column
    centres = _centres(ax, scores[named], row, bottom, leaders)
    styles = trace_styles(pen.theme, len(scores), pen.style.layout.scale * 0.6)
    for k, centre in zip(named.tolist(), centres.tolist(), strict=True):
        style, value = styles[k], float(scores[k])
        if x - pen.dp(6) < ax.plot.right:
            back = Rect(x - pen.dp(6), round(centre - row / 2), value_x - x + pen.dp(12), round(row))
            pen.over.box(back, fade(pen.theme.panel, 0.82), radius=pen.dp(3))
        baseline = round(centre + pen.px(SIZE) * 0.36)
        pen.text(x, baseline, scene.session.labels[k], SIZE, style.colour, bold=True, max_width=widths.name)
        tone = "text" if np.isfinite(value) else "text3"
        pen.text(value_x, baseline, _score(scene, value), SIZE, tone, anchor="right")
        width = max(1.0, 1.2 * pen.style.layout.scale)
        dash = (style.dash, style.gap)
        if not leaders:
            pen.over.segment(x - pen.dp(20), centre, x - pen.dp(6), centre, width, style.colour, dash)
        elif np.isfinite(value):
            start = (float(ax.x(shown_tr(scene))) + pen.dp(5), float(ax.y(value)))
            pen.over.segment(*start, x - pen.dp(7), centre, width, fade(style.colour, 0.7), dash)


def _score(scene: Scene, value: float) -> str:
    """Return a score as text; next to a threshold of ordinary size, a tiny one is 0."""
    return signed(value, smallest=abs(scene.session.hit_thr) < 0.1)
