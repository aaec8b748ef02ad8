"""Which part of a panel has to be painted again: where two drawings of it differ.

Painting a part again paints everything that touches it, clipped, so the result is the same as painting all; it only
costs what changed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from .draw import SEGMENT, Drawing, Rect, Shapes, Text, TraceView
from .ruler import Ruler

_Thing = TypeVar("_Thing", bound=Hashable)

EDGE = 2.0
"""Pixels that antialiasing may spread beyond a shape."""


def damage(old: Drawing, new: Drawing, ruler: Ruler) -> Rect | None:
    """Return the smallest rectangle of whole pixels that holds every difference, or None where there is none.

    Parameters
    ----------
    old, new : Drawing
        The panel as it is on the screen, and as it should be.
    ruler : Ruler
        Measures the texts.
    """
    if _fixed(old) != _fixed(new):
        return new.rect
    traces = _new_columns(old.traces, new.traces)
    if traces is False:
        return new.rect
    parts = [_shapes(old.under, new.under), _shapes(old.over, new.over), _texts(old.texts, new.texts, ruler)]
    if isinstance(traces, np.ndarray):
        parts.append(traces)
    boxes = np.concatenate(parts)
    return _around(boxes, new.rect) if len(boxes) else None


def _fixed(drawing: Drawing) -> tuple[object, ...]:
    """Return what has to be painted whole when it changes."""
    return drawing.rect, drawing.clear, drawing.slices, drawing.images, drawing.ramps


def _around(boxes: npt.NDArray[np.float64], limit: Rect) -> Rect | None:
    """Return the whole pixels that hold all boxes (n, 4: left, top, right, bottom), inside a limit."""
    left = max(math.floor(boxes[:, 0].min()), math.floor(limit.x))
    top = max(math.floor(boxes[:, 1].min()), math.floor(limit.y))
    right = min(math.ceil(boxes[:, 2].max()), math.ceil(limit.right))
    bottom = min(math.ceil(boxes[:, 3].max()), math.ceil(limit.bottom))
    return Rect(left, top, right - left, bottom - top) if right > left and bottom > top else None


def _shapes(old: Shapes, new: Shapes) -> npt.NDArray[np.float64]:
    """Return the boxes of shapes that are in one of the two only."""
    whole = np.dtype((np.void, new.dtype.itemsize))
    changed = _in_one_only(old.view(whole).tolist(), new.view(whole).tolist())
    if not changed:
        return np.zeros((0, 4))
    shapes = np.frombuffer(b"".join(changed), new.dtype)
    geom, radius = shapes["geom"].astype(np.float64), shapes["style"][:, 0].astype(np.float64)
    segment = shapes["kind"] == SEGMENT
    ends = geom.copy()
    ends[~segment, 2:] += ends[~segment, :2]
    grow = np.where(segment, radius, 0.0) + EDGE
    boxes = np.empty((len(shapes), 4))
    boxes[:, :2] = np.minimum(ends[:, :2], ends[:, 2:]) - grow[:, None]
    boxes[:, 2:] = np.maximum(ends[:, :2], ends[:, 2:]) + grow[:, None]
    return boxes


def _texts(old: tuple[Text, ...], new: tuple[Text, ...], ruler: Ruler) -> npt.NDArray[np.float64]:
    """Return the boxes of texts that are in one of the two only."""
    changed = _in_one_only(old, new)
    return np.array([_box(text, ruler) for text in changed]).reshape(-1, 4)


def _in_one_only(old: Sequence[_Thing], new: Sequence[_Thing]) -> list[_Thing]:
    """Return what is more often in one of the two than in the other, whatever their order."""
    # Counting is slow: most of what is in both is at the same place in both, from the start or from the end.
    n = min(len(old), len(new))
    end = 0
    while end < n and old[-1 - end] == new[-1 - end]:
        end += 1
    n -= end
    pairs = [(a, b) for a, b in zip(old[:n], new[:n], strict=True) if a != b]
    before = Counter([*(a for a, _ in pairs), *old[n : len(old) - end]])
    after = Counter([*(b for _, b in pairs), *new[n : len(new) - end]])
    return [*(before - after), *(after - before)]


def _box(text: Text, ruler: Ruler) -> tuple[float, float, float, float]:
    width = ruler.width(text.string, text.px, text.bold, text.spacing) + text.px * 0.5
    if text.angle:
        reach = width + text.px
        return text.x - reach, text.y - reach, text.x + reach, text.y + reach
    left = text.x - {"left": 0.0, "center": 0.5, "right": 1.0}[text.anchor] * width
    slack = text.px * 0.25 + EDGE
    return left - slack, text.y - text.px * 1.25, left + width + slack, text.y + text.px * 0.5


def _new_columns(old: TraceView | None, new: TraceView | None) -> npt.NDArray[np.float64] | bool:
    """Return the box of columns that came, True where none did, False where the traces differ otherwise."""
    if old is None or new is None:
        return old is new
    if replace(old, n=new.n) != new or new.n < old.n or new.axes.plot.w <= 0:
        return False
    if new.n == old.n:
        return True
    plot, axes = new.axes.plot, new.axes
    # A column drawn from several TRs changes as a whole, and its neighbours lean on it.
    slack = 3 * (axes.t1 - axes.t0) / plot.w * 8 + 2
    left = float(axes.x(old.n - 1 - slack)) - new.width - EDGE
    right = float(axes.x(new.n - 1)) + new.width + EDGE
    return np.array([[left, plot.y, max(left, right), plot.bottom]])
