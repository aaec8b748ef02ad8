"""Shapes in numpy: coverage by 16 x 16 samples a pixel, painted in order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.draw import BOX, Shapes

SAMPLES = 16
Mask = npt.NDArray[np.bool_]


def _grid(size: tuple[int, int]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    width, height = size
    x = (np.arange(width * SAMPLES) + 0.5) / SAMPLES
    y = (np.arange(height * SAMPLES) + 0.5) / SAMPLES
    return np.meshgrid(x, y)


def _in_round_box(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], box: npt.ArrayLike, radius: float) -> Mask:
    x0, y0, w, h = np.asarray(box, np.float64)
    if w <= 0 or h <= 0:
        return np.zeros(x.shape, bool)
    r = max(0.0, min(radius, w / 2, h / 2))
    nearest_x = np.clip(x, x0 + r, x0 + w - r)
    nearest_y = np.clip(y, y0 + r, y0 + h - r)
    if r == 0:
        return (x >= x0) & (x < x0 + w) & (y >= y0) & (y < y0 + h)
    return (x - nearest_x) ** 2 + (y - nearest_y) ** 2 <= r * r


def inside(shape: np.void, size: tuple[int, int]) -> Mask:
    """Which of the picture's samples a shape covers, (h * SAMPLES, w * SAMPLES)."""
    x, y = _grid(size)
    geom = shape["geom"].astype(np.float64)
    first, second, dash, gap = shape["style"].astype(np.float64)
    if shape["kind"] == BOX:
        covered = _in_round_box(x, y, geom, first)
        if second > 0:
            inner = (geom[0] + second, geom[1] + second, geom[2] - 2 * second, geom[3] - 2 * second)
            covered &= ~_in_round_box(x, y, inner, first - second)
        along = x - geom[0] if geom[2] >= geom[3] else y - geom[1]
    else:
        line = geom[2:] - geom[:2]
        length = float(np.hypot(*line))
        unit = line / length if length else np.array([1.0, 0.0])
        along = (x - geom[0]) * unit[0] + (y - geom[1]) * unit[1]
        on = np.clip(along, 0, length)
        covered = np.hypot(x - geom[0] - on * unit[0], y - geom[1] - on * unit[1]) <= first
    if dash > 0:
        covered &= np.mod(along, dash + gap) < dash
    return covered


def coverage(shape: np.void, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Share of each pixel that a shape covers, (h, w)."""
    width, height = size
    return inside(shape, size).reshape(height, SAMPLES, width, SAMPLES).mean(axis=(1, 3))


def paint(
    shapes: Shapes, size: tuple[int, int], clear: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
) -> tuple[npt.NDArray[np.float64], Mask]:
    """Return the picture (h, w, 3), floats 0..1, and where no shape has an edge (h, w)."""
    picture = np.tile(np.asarray(clear[:3]), (size[1], size[0], 1))
    sharp = np.ones(picture.shape[:2], bool)
    for shape in shapes:
        share = coverage(shape, size)
        alpha = (share * shape["colour"][3])[..., None]
        # Stored in 8 bits after every shape, as a framebuffer does.
        picture = np.rint((shape["colour"][:3] * alpha + picture * (1 - alpha)) * 255) / 255
        sharp &= (share == 0) | (share == 1)
    return picture, sharp
