"""Score panel: one trace a template, threshold, shaded time, hits, and a label for each trace."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from ..actions import action_blocks, cooldown_blocks, hit_markers
from ..draw import Axes, Colour, Drawing, Rect, TraceView
from ..scene import Scene, Style
from ..status import status
from ..theme import fade, trace_styles
from ..ticks import MINUS, integer_ticks, nice_step, tick_label, ticks, value_range
from ..view import time_window
from . import labels
from .labels import shown_tr
from .pen import Pen


def key(scene: Scene) -> Hashable:
    """Return what the picture depends on."""
    live = scene.live
    now = status(scene)
    # Not of the whole view: how the map is looked at changes nothing here, and a crosshair is dragged fast.
    seen = time_window(scene.view, scene.extent), scene.view.cursor
    return live.n_final, live.onsets, live.offsets, live.ended, seen, now.freshness, now.word == "STALLED"


def axes(scene: Scene, style: Style) -> Axes:
    """Return how TRs and scores become pixels."""
    pen = Pen(style, style.layout.scores)
    plot = _plot(pen, scene)
    t0, t1 = time_window(scene.view, scene.extent)
    first, last = int(t0), min(int(np.ceil(t1)) + 1, scene.live.n_final)
    lo, hi = value_range(scene.scores[:, first:last], scene.session.hit_thr, _steps(pen, plot))
    return Axes(plot, t0, t1, lo, hi)


def draw(scene: Scene, style: Style) -> Drawing:
    """Draw the panel."""
    pen = Pen(style, style.layout.scores)
    ax = axes(scene, style)
    pen.panel()
    pen.title("Match score")
    _following(pen, scene)
    washes(pen, scene, ax)
    _grid(pen, ax)
    if style.layout.lanes is None:
        time_axis(pen, ax)
    _threshold(pen, scene, ax)
    now_line(pen, scene, ax)
    _cursor_name(pen, scene, ax)
    _hits(pen, scene, ax)
    labels.draw(pen, scene, ax)
    _waiting(pen, scene, ax)
    line = pen.style.layout.scale * 2.0
    styles = trace_styles(style.theme, scene.session.n_templates, style.layout.scale)
    return pen.drawing(traces=TraceView(ax, styles, max(1.25, line), scene.live.n_final))


def _steps(pen: Pen, plot: Rect) -> int:
    """Return about how many steps the scores' axis has: more than it needs in a low plot, so that traces fill it."""
    return max(2, int(plot.h / pen.dp(44)), min(3, int(plot.h / (1.6 * pen.px(15)))))


def axis_height(pen: Pen) -> float:
    """Return the height of the row in which the TRs stand."""
    return max(pen.dp(38), pen.px(15) * 1.8)


def _plot(pen: Pen, scene: Scene) -> Rect:
    # Lanes go on below, and the TRs stand at their foot.
    bottom = axis_height(pen) if pen.style.layout.lanes is None else max(pen.dp(10), pen.px(15) * 0.75)
    names = labels.margin(pen, scene, pen.rect.h - pen.dp(44) - bottom)
    return pen.rect.inset(pen.dp(64), pen.dp(44), names, bottom)


def _following(pen: Pen, scene: Scene) -> None:
    x, y = pen.rect.right - pen.dp(18), pen.rect.y + pen.dp(27)
    if not scene.view.live:
        behind = scene.live.n_final - 1 - shown_tr(scene)
        words = f"LOOKING BACK   {MINUS}{behind} TRs   (End: live)"
        pen.text(x, y, words, 15, "warn", bold=True, anchor="right")
        return
    now = status(scene)
    if now.word == "STALLED":
        pen.text(x, y, "NOT LIVE", 15, "bad", bold=True, anchor="right")
    if now.freshness not in ("fresh", "late"):
        return
    radius = pen.dp(5)
    pen.over.disc(x - radius, y - pen.px(15) * 0.36, radius, pen.theme.matching)
    pen.text(x - 2 * radius - pen.dp(8), y, "LIVE", 15, "matching", bold=True, anchor="right")


def _span(ax: Axes, start: float, end: float) -> Rect | None:
    """Return the part of the plot from one TR to another, in whole pixels, or None outside."""
    left, right = max(ax.t0, start), min(ax.t1, end)
    if right <= left:
        return None
    x0, x1 = round(float(ax.x(left))), round(float(ax.x(right)))
    return Rect(x0, ax.plot.y, max(1, x1 - x0), ax.plot.h)


def washes(pen: Pen, scene: Scene, ax: Axes, words: bool = True) -> None:
    """Shade the time before matching, surveys and cooldowns, and name them with `words`."""
    live, session = scene.live, scene.session
    now = max(0, live.n_final - 1)
    before = _span(ax, 0, min(session.match_start, session.nt))
    if before is not None:
        pen.under.box(before, pen.theme.before_wash)
        why = f"no matching before TR {session.match_start}"
        if words and pen.width(why, 13) + pen.dp(16) < before.w:
            pen.text(before.right - pen.dp(8), before.bottom - pen.dp(10), why, 13, "text3", anchor="right")
    for start, end in cooldown_blocks(live.onsets, live.offsets, session.vols_noaction, session.nt):
        block = _span(ax, start, end)
        if block is not None:
            pen.under.box(block, pen.theme.cooldown_wash)
    word_w = pen.width("survey", 13, True) + pen.dp(8)
    for start, end in action_blocks(live.onsets, live.offsets, now, session.nt):
        block = _span(ax, start, end)
        if block is not None:
            pen.under.box(block, pen.theme.action_wash)
            if words and block.w > word_w:
                centre = round(block.x + block.w / 2)
                base = round(block.y + max(pen.dp(18), pen.px(13) * 1.3))
                pen.text(centre, base, "survey", 13, "action", bold=True, anchor="center")


def _grid(pen: Pen, ax: Axes) -> None:
    line = max(1.0, round(pen.style.layout.scale))
    most = _steps(pen, ax.plot)
    values = ticks(ax.lo, ax.hi, most)
    step = nice_step(ax.hi - ax.lo, most)
    for value, y in zip(values, ax.y(values), strict=True):
        pen.under.box(Rect(ax.plot.x, round(y), ax.plot.w, line), pen.theme.grid)
        label = tick_label(float(value), step)
        room = ax.plot.x - pen.rect.x - pen.dp(14)
        pen.text(
            ax.plot.x - pen.dp(10), round(y + pen.px(15) * 0.36), label, 15, "text2", anchor="right", max_width=room
        )


def time_axis(pen: Pen, ax: Axes) -> None:
    """Write the TRs under a plot."""
    line = max(1.0, round(pen.style.layout.scale))
    times = integer_ticks(ax.t0, ax.t1, max(2, int(ax.plot.w / pen.dp(150))))
    base = round(ax.plot.bottom + max(pen.dp(24), pen.px(15) * 1.4))
    for t, x in zip(times, ax.x(times), strict=True):
        pen.under.box(Rect(round(x), ax.plot.bottom, line, pen.dp(5)), pen.theme.hairline)
        pen.text(round(x), base, f"{int(t)}", 15, "text2", anchor="center")
    beside = pen.width(f"{int(times[-1])}", 15) / 2 + pen.dp(10) if len(times) else 0.0
    pen.text(round(ax.plot.right + max(pen.dp(34), beside)), base, "TR", 13, "text3")


def _threshold(pen: Pen, scene: Scene, ax: Axes) -> None:
    """Draw the threshold across the plot; its number stands beside the title, where no data can be."""
    value = scene.session.hit_thr
    if not np.isfinite(value):
        return
    dash = (pen.dp(8), pen.dp(6))
    thick = max(1.0, round(1.6 * pen.style.layout.scale))
    y = round(float(ax.y(value)))
    pen.over.box(Rect(ax.plot.x, y, ax.plot.w, thick), pen.theme.threshold, dash=dash)
    x = pen.rect.x + pen.dp(52) + pen.width("MATCH SCORE", 13, True, 1.6)
    base = pen.rect.y + pen.dp(27)
    pen.over.box(Rect(round(x), round(base - pen.px(13) * 0.36), pen.dp(36), thick), pen.theme.threshold, dash=dash)
    words = f"threshold {value:.4g}".replace("-", MINUS)
    pen.text(round(x + pen.dp(46)), base, words, 13, "text", bold=True)


def now_line(pen: Pen, scene: Scene, ax: Axes) -> None:
    """Mark the newest TR, and the one looked at while looking back."""
    newest, shown = scene.live.n_final - 1, shown_tr(scene)
    line = max(1.0, round(pen.style.layout.scale))
    if newest >= 0 and ax.t0 <= newest <= ax.t1:
        tone = fade(pen.theme.text, 1.0 if scene.view.live else 0.35)
        pen.under.box(Rect(round(float(ax.x(newest))), ax.plot.y, line, ax.plot.h), tone)
    if not scene.view.live and ax.t0 <= shown <= ax.t1:
        pen.over.box(Rect(round(float(ax.x(shown))), ax.plot.y, line, ax.plot.h), pen.theme.warn)


def _cursor_name(pen: Pen, scene: Scene, ax: Axes) -> None:
    shown = shown_tr(scene)
    if not scene.view.live and ax.t0 <= shown <= ax.t1:
        x = round(float(ax.x(shown))) + pen.dp(6)
        pen.text(x, ax.plot.bottom - pen.dp(8), f"TR {shown}", 15, "warn", bold=True)


def _hits(pen: Pen, scene: Scene, ax: Axes) -> None:
    radius = pen.dp(9)
    free = -np.inf
    end = float(ax.x(scene.live.n_final - 1)) + pen.dp(22) if scene.view.live else ax.plot.right + pen.dp(10)
    onsets = sorted({t for t in scene.live.onsets if 0 <= t < scene.live.n_final and ax.t0 <= t <= ax.t1})
    for onset, best in zip(onsets, hit_markers(scene.scores[:, onsets]), strict=True):
        if best is None:
            continue
        x, y = float(ax.x(onset)), float(ax.y(best.value))
        colour = pen.theme.template(best.template)
        pen.over.disc(x, y, radius, fade(colour, 0.45))
        pen.over.disc(x, y, radius, colour, border=max(1.0, 1.5 * pen.style.layout.scale))
        label = scene.session.labels[best.template]
        half = min(pen.width(label, 13, True), pen.dp(120)) / 2
        # The names of the traces begin right of the newest TR.
        x = max(min(x, end - half), ax.plot.x + half)
        if x - half > free:
            _hit_name(pen, ax, label, colour, (x, y), half, radius)
            free = x + half + pen.dp(8)


def _hit_name(
    pen: Pen, ax: Axes, label: str, colour: Colour, at: tuple[float, float], half: float, radius: float
) -> None:
    """Write a hit's name above its disc, or below where there is no room above."""
    x, y = at
    height = round(pen.px(13) * 1.25)
    # The word over a survey stands at the top.
    survey_row = max(pen.dp(18), pen.px(13) * 1.3) + pen.dp(4)
    above = y - radius - pen.dp(5) - height > ax.plot.y + survey_row
    top = round(y - radius - pen.dp(5) - height if above else y + radius + pen.dp(5))
    back = Rect(round(x - half) - 3, top, round(2 * half) + 6, height)
    pen.over.box(back, fade(pen.theme.panel, 0.6), radius=pen.dp(3))
    base = top + round(pen.px(13) * 0.98)
    pen.text(round(x), base, label, 13, colour, bold=True, anchor="center", max_width=pen.dp(120))


def _waiting(pen: Pen, scene: Scene, ax: Axes) -> None:
    """Say what is waited for while there are no scores."""
    session, live = scene.session, scene.live
    if live.n_final > session.match_start or live.ended:
        return
    words = "no matching in this run" if session.match_start >= session.nt else "waiting for the first scored volume"
    x, y = round(ax.plot.x + ax.plot.w / 2), round(ax.plot.y + ax.plot.h / 4)
    pen.text(x, y, words, 19, "text2", anchor="center")
