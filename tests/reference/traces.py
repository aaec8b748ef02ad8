"""The traces in numpy: coverage from the distance of each pixel's centre to each segment."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.draw import Axes, TraceView
from rtcog_gl.model.fold import choose_columns

Grid = npt.NDArray[np.float64]


def _segment_distance(px: Grid, py: Grid, a: tuple[float, float], b: tuple[float, float]) -> Grid:
    along = np.array([b[0] - a[0], b[1] - a[1]])
    length2 = float(along @ along)
    ox, oy = px - a[0], py - a[1]
    h = np.clip((ox * along[0] + oy * along[1]) / length2, 0.0, 1.0) if length2 > 0 else np.zeros_like(ox)
    return np.hypot(ox - along[0] * h, oy - along[1] * h)


def line_distance(scores: npt.NDArray[np.floating], axes: Axes, size: tuple[int, int], reach: float) -> Grid:
    """Return the distance (h, w), pixels, to one trace (nt,); infinite where it exceeds `reach`."""
    distance = np.full((size[1], size[0]), np.inf)
    good = np.isfinite(scores)
    ts = np.arange(len(scores))
    shown = good & (ts > axes.t0 - 3) & (ts < axes.t1 + 3)
    for t in ts[shown]:
        a = (float(axes.x(t)), float(axes.y(scores[t])))
        last = t + 1 >= len(scores) or not good[t + 1]
        b = a if last else (float(axes.x(t + 1)), float(axes.y(scores[t + 1])))
        x0, x1 = (max(0, int(v)) for v in (min(a[0], b[0]) - reach, max(a[0], b[0]) + reach + 1))
        y0, y1 = (max(0, int(v)) for v in (min(a[1], b[1]) - reach, max(a[1], b[1]) + reach + 1))
        part = distance[y0:y1, x0:x1]
        if part.size:
            py, px = np.mgrid[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]] + 0.5
            np.minimum(part, _segment_distance(px, py, a, b), out=part)
    return distance


def line_coverage(scores: npt.NDArray[np.floating], view: TraceView, size: tuple[int, int]) -> Grid:
    """Return the coverage 0..1 (h, w) of one trace drawn as lines."""
    half = view.width / 2.0
    return clipped(np.clip(half + 0.5 - line_distance(scores, view.axes, size, half + 1.0), 0.0, 1.0), view.axes)


def extents(scores: npt.NDArray[np.floating], first: int, step: int, count: int) -> tuple[Grid, Grid]:
    """Return the lowest and highest valid score of each column; NaN where there is none."""
    lowest, highest = np.full(count, np.nan), np.full(count, np.nan)
    for c in range(count):
        part = scores[max(0, first + c * step) : max(0, first + (c + 1) * step)]
        part = part[np.isfinite(part)]
        if len(part):
            lowest[c], highest[c] = part.min(), part.max()
    return lowest, highest


def band_coverage(
    scores: npt.NDArray[np.floating], view: TraceView, size: tuple[int, int], has_blocks: bool, shift: float = 0.0
) -> Grid:
    """Return the coverage 0..1 (h, w) of one trace drawn as a band with round strokes for edges.

    `shift` moves the places (not the data) at which it is asked for, pixels.
    """
    axes, half = view.axes, view.width / 2.0
    first, step, count = choose_columns(axes, has_blocks)
    lowest, highest = extents(scores, first, step, count + 1)
    newest = max(int(np.flatnonzero(np.isfinite(scores)).max(initial=0)), first)
    centres = axes.x(np.minimum(first + np.arange(count + 1) * step + (step - 1) / 2, newest))
    borders = axes.x(np.minimum(first + np.arange(1, count + 1) * step - 0.5, newest))
    px, py = np.arange(size[0]) + 0.5 + shift, (np.arange(size[1]) + 0.5)[:, None]
    coverage = np.zeros((size[1], size[0]))
    for c in range(count):
        here, there = np.isfinite(lowest[c]), np.isfinite(lowest[c + 1])
        x0, x1 = centres[c] if here else borders[c], centres[c + 1] if there else borders[c]
        i, j = (c if here else c + 1), (c + 1 if there else c)
        within = (px >= x0) & (px < x1)
        if not within.any() or not (here or there):
            continue
        f = (px[within] - x0) / (x1 - x0)
        outside, beyond_extremes = [], []
        for ends, sign in ((axes.y(highest[[i, j]]), -1.0), (axes.y(lowest[[i, j]]), 1.0)):
            flat = 1.0 / np.hypot(1.0, (ends[1] - ends[0]) / (x1 - x0))
            outside.append(sign * (py - (ends[0] * (1 - f) + ends[1] * f)) * flat)
            beyond_extremes.append(sign * py - (sign * ends).max() + 0.0 * f)
        distance = np.hypot(np.maximum(*outside).clip(0.0), np.maximum(*beyond_extremes).clip(0.0))
        coverage[:, within] = np.clip(half + 0.5 - distance, 0.0, 1.0)
    return clipped(coverage, axes)


def clipped(coverage: Grid, axes: Axes) -> Grid:
    """Return the coverage with everything outside the plot at 0."""
    y, x = np.mgrid[: coverage.shape[0], : coverage.shape[1]] + 0.5
    plot = axes.plot
    return np.where((x >= plot.x) & (x < plot.right) & (y >= plot.y) & (y < plot.bottom), coverage, 0.0)


def dashed(coverage: Grid, axes: Axes, dash: float, gap: float) -> Grid:
    """Return the coverage of a dashed trace: dashes of `dash` pixels begin at TR 0 and every ``dash + gap`` pixels."""
    u = np.mod(np.arange(coverage.shape[1]) + 0.5 - float(axes.x(0.0)), dash + gap)
    middle = np.abs(u - dash / 2)
    return coverage * np.clip(dash / 2 + 0.5 - np.minimum(middle, dash + gap - middle), 0.0, 1.0)


def painted(coverages: list[Grid], view: TraceView, background: tuple[float, float, float, float]) -> Grid:
    """Return the picture (h, w, 4): each trace over those before it."""
    picture = np.empty((*coverages[0].shape, 4))
    picture[:] = background
    for coverage, style in zip(coverages, view.styles, strict=True):
        alpha = (coverage * style.colour[3])[..., None]
        picture[..., :3] = picture[..., :3] * (1 - alpha) + np.array(style.colour[:3]) * alpha
    return picture
