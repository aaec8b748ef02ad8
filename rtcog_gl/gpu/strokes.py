"""The few signs that Open Sans lacks (arrows, tick and cross), drawn as strokes, and the box for any other."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Point = tuple[float, float]
Sign = tuple[float, tuple[tuple[Point, ...], ...]]
"""Advance and polylines, in ems: x to the right of the origin, y up from the baseline."""

MISSING = "\ufffd"
"""Stands for a character that nothing here can draw."""

SIGNS: dict[str, Sign] = {
    "←": (0.80, (((0.72, 0.35), (0.09, 0.35)), ((0.31, 0.58), (0.08, 0.35), (0.31, 0.12)))),
    "→": (0.80, (((0.08, 0.35), (0.71, 0.35)), ((0.49, 0.58), (0.72, 0.35), (0.49, 0.12)))),
    "↑": (0.62, (((0.31, 0.00), (0.31, 0.65)), ((0.08, 0.43), (0.31, 0.66), (0.54, 0.43)))),
    "↓": (0.62, (((0.31, 0.70), (0.31, 0.05)), ((0.08, 0.27), (0.31, 0.04), (0.54, 0.27)))),
    "✓": (0.70, (((0.08, 0.32), (0.26, 0.08), (0.62, 0.64)),)),
    "✗": (0.66, (((0.10, 0.12), (0.56, 0.58)), ((0.10, 0.58), (0.56, 0.12)))),
    MISSING: (0.58, (((0.09, 0.04), (0.09, 0.68), (0.49, 0.68), (0.49, 0.04), (0.09, 0.04)),)),
}

REGULAR, BOLD = 0.080, 0.135
"""Width of the strokes in ems, about that of the letters."""


def _distance(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], a: Point, b: Point) -> npt.NDArray[np.float64]:
    """Return the distance from each place to the segment from `a` to `b`."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    along = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy), 0.0, 1.0)
    distance: npt.NDArray[np.float64] = np.hypot(x - a[0] - along * dx, y - a[1] - along * dy)
    return distance


def rasterise(name: str, px: int, bold: bool) -> tuple[npt.NDArray[np.uint8], int, int, int]:
    """Draw one of `SIGNS`.

    Parameters
    ----------
    name
        Its character.
    px
        Pixels to the em.
    bold
        Whether the strokes are heavy.

    Returns
    -------
    picture : numpy.ndarray
        Coverage, (height, width), uint8.
    advance, left, top : int
        As in `rtcog_gl.model.text.Glyph`.
    """
    advance, lines = SIGNS[name]
    half_width = max(0.5, 0.5 * px * (BOLD if bold else REGULAR))
    points = px * np.array([point for line in lines for point in line])
    left, bottom = np.floor(points.min(axis=0) - half_width).astype(int)
    right, top = np.ceil(points.max(axis=0) + half_width).astype(int)
    x, y = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom, -1) - 0.5)
    distance = np.full(x.shape, math.inf)
    for line in lines:
        for (ax, ay), (bx, by) in pairwise(line):
            distance = np.minimum(distance, _distance(x, y, (px * ax, px * ay), (px * bx, px * by)))
    picture = np.rint(255 * np.clip(0.5 + half_width - distance, 0.0, 1.0)).astype(np.uint8)
    return picture, max(1, round(px * advance)), int(left), int(top)
