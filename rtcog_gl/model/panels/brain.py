"""Map panel: the newest hit's map (or the one chosen) in three planes of world space through its peak."""

from __future__ import annotations

from collections.abc import Hashable

from ..actions import hit_marker
from ..draw import Drawing, RampView, Rect, SlicePlane, SlicesView
from ..planes import edge_letters, normal_axis, pixel_of, slice_planes
from ..scene import Scene, ShownMap, Style
from ..theme import fade
from ..ticks import mm, nice_step, signed, tick_label
from ..view import shown_hit
from .pen import Pen

AUTOMATIC = 1 / 3
"""Threshold as a part of the largest absolute value, where none is asked for: enough to leave the anatomy in sight."""

WIDEST = "−00, −000, −00"
"""As wide as a position gets."""

CONVENTION = "neurological · left is left"


def key(scene: Scene) -> Hashable:
    """Return what the picture depends on."""
    named = scene.map is not None and scene.map.tr < scene.live.n_final
    onsets = scene.live.onsets[-1:], len(scene.live.onsets), scene.live.ended
    return (
        scene.map,
        named,
        onsets,
        len(scene.live.maps),
        shown_hit(scene.view, len(scene.live.maps)),
        scene.grid is None,
    )


def threshold_of(vmax: float, wanted: float) -> float:
    """Return the threshold that was asked for, or where that is negative a round one that suits the range."""
    if wanted >= 0:
        return wanted
    step = nice_step(vmax * AUTOMATIC, 20)
    return round(vmax * AUTOMATIC / step) * step


def draw(scene: Scene, style: Style, threshold: float = -1.0) -> Drawing:
    """Draw the panel; `threshold` hides smaller values (see `threshold_of`)."""
    pen = Pen(style, style.layout.map)
    pen.panel()
    _title(pen, scene)
    if scene.grid is None:
        reason = "no map: this session's mask cannot be used (see the message below)"
        centre = pen.rect.x + pen.rect.w / 2
        pen.text(centre, pen.rect.y + pen.rect.h / 2, reason, 15, "text2", anchor="center", max_width=pen.rect.w * 0.9)
        return pen.drawing()
    inner = pen.rect.inset(pen.dp(18), pen.dp(46), pen.dp(18), pen.dp(14))
    bar_w = max(pen.dp(128), pen.width(f"peak {WIDEST}", 13) + pen.dp(10))
    room = Rect(inner.x, inner.y, inner.w - bar_w, inner.h - pen.dp(30))
    here = scene.map.peak_mm if scene.map else scene.grid.bounds.centre
    planes = slice_planes(room, scene.grid.bounds, here, gap=pen.dp(14), margin_mm=5.0)
    for plane in planes:
        _annotate(pen, plane, here, scene.map is not None)
    ramp = None
    vmax = 1.0
    if scene.map is not None:
        vmax = scene.map.vmax if scene.map.vmax > 0 else 1.0
        threshold = threshold_of(vmax, threshold)
        ramp = _colour_bar(pen, Rect(inner.right - bar_w, room.y, bar_w, inner.h), scene.map, vmax, threshold)
    slices = SlicesView(
        planes,
        vmax,
        -1 if scene.map is None else scene.map.tr,
        max(0.0, threshold),
        scene.map is not None,
        style.theme.panel,
        style.theme.outline,
        style.theme.brain,
    )
    return pen.drawing(slices=slices, ramp=ramp)


def _title(pen: Pen, scene: Scene) -> None:
    x, y = pen.rect.x + pen.dp(18), pen.rect.y + pen.dp(30)
    convention_w = pen.width(CONVENTION.upper(), 13, True, 1.6)
    if scene.map is None:
        pen.text(x, y, _nothing(scene), 19, "text2", max_width=pen.rect.w - convention_w - pen.dp(60))
    else:
        best = hit_marker(scene.scores[:, scene.map.tr]) if scene.map.tr < scene.scores.shape[1] else None
        colour = pen.theme.text2 if best is None else pen.theme.template(best.template)
        label = "hit" if best is None else scene.session.labels[best.template]
        radius = pen.dp(8)
        pen.over.disc(x + radius, y - pen.px(19) * 0.36, radius, colour)
        x += 2 * radius + pen.dp(10)
        room = pen.rect.right - x - convention_w - pen.dp(60)
        newest = scene.live.onsets[-1] if scene.live.onsets else scene.map.tr
        older = newest != scene.map.tr
        which = f"TR {scene.map.tr}   hit {scene.map.index + 1} of {len(scene.live.onsets)}"
        which += f"   OLDER, newest is TR {newest}   (End: newest)" if older else ""
        which_w = pen.width(which, 17)
        used = pen.text(x, y, label, 19, "text", bold=True, max_width=max(pen.dp(60), room - which_w))
        used = min(used, max(pen.dp(60), room - which_w))
        tone = "warn" if older else "text2"
        pen.text(x + used + pen.dp(14), y, which, 17, tone, bold=older, max_width=max(pen.dp(60), room - used))
    right = pen.rect.right - pen.dp(18) - convention_w
    pen.text(right, y - pen.dp(2), CONVENTION.upper(), 13, "text3", bold=True, spacing=1.6)


def _nothing(scene: Scene) -> str:
    """Say why there is no map."""
    if not scene.live.onsets:
        return "no hit in this run" if scene.live.ended else "no hit yet"
    tr = scene.live.onsets[-1]
    return f"TR {tr}: no map" if scene.grid is None or scene.live.ended else f"TR {tr}: the map is not there yet"


def _annotate(pen: Pen, plane: SlicePlane, here: tuple[float, float, float], crosshair: bool) -> None:
    rect = plane.rect
    letters = edge_letters(plane)
    size = 15
    top = rect.y + pen.px(size)
    height = round(pen.px(size) * 1.25)
    for x, letter, anchor in ((rect.x + pen.dp(6), letters.left, 0.0), (rect.right - pen.dp(6), letters.right, 1.0)):
        width = pen.width(letter, size, True)
        left = round(x - anchor * width)
        pen.over.box(Rect(left - 3, rect.y, round(width) + 6, height), fade(pen.theme.panel, 0.7), radius=pen.dp(3))
        pen.text(left, top, letter, size, "text", bold=True)
    axis = normal_axis(plane)
    caption = f"{'xyz'[axis]} = {mm(here[axis])} mm"
    pen.text(round(rect.x + rect.w / 2), rect.bottom + pen.dp(22), caption, 15, "text", bold=True, anchor="center")
    if not crosshair:
        return
    dots = (pen.dp(2), pen.dp(6))
    tone = fade(pen.theme.text, 0.45)
    line = max(1.0, round(pen.style.layout.scale))
    x, y = pixel_of(plane, here)
    pen.over.box(Rect(round(x), rect.y, line, rect.h), tone, dash=dots)
    pen.over.box(Rect(rect.x, round(y), rect.w, line), tone, dash=dots)


def _colour_bar(pen: Pen, box: Rect, shown: ShownMap, vmax: float, threshold: float) -> RampView:
    """Draw ticks at round numbers, at the ends and at the threshold; the latter two win where it is tight."""
    above = max(pen.dp(20), pen.px(13) * 1.4)
    lines = 3 if shown.n_missing else 2
    height = max(8.0, box.h - pen.dp(12) - lines * above - max(pen.dp(40), pen.px(13) * 1.6))
    ramp = Rect(box.x + pen.dp(34), box.y + pen.dp(12), pen.dp(18), height)
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
        label = signed(value, _digits(vmax)) if strong else ("+" if value > 0 else "") + tick_label(value, step)
        width = pen.dp(9) if strong else pen.dp(5)
        tone = pen.theme.text if strong else pen.theme.text3
        pen.over.box(Rect(ramp.right, min(round(y), ramp.bottom - line), width, line), tone)
        pen.text(ramp.right + pen.dp(14), round(y + pen.px(13) * 0.36), label, 13, "text" if strong else "text2")
    place = ", ".join(mm(along) for along in shown.peak_mm)
    pen.text(box.right, box.bottom - pen.dp(4) - above, f"peak {place}", 13, "text2", anchor="right")
    value_words = f"value {signed(shown.peak_value, _digits(vmax))}"
    pen.text(box.right, box.bottom - pen.dp(4), value_words, 13, "text", bold=True, anchor="right")
    if shown.n_missing:
        text = f"{shown.n_missing} voxels missing"
        pen.text(box.right, box.bottom - pen.dp(4) - 2 * above, text, 13, "warn", anchor="right")
    return RampView(ramp, vmax, max(0.0, threshold), pen.theme.cut)


def _digits(vmax: float) -> int:
    return 1 if vmax >= 10 else 2
