"""The images layer's picture in numpy, float64: each pixel by itself."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.draw import ImageView

Array = npt.NDArray[Any]
CLOSE = 1e-4
"""Texels: pixels nearer than this to the border of a texel may fall to either side of it."""


class Reference(NamedTuple):
    """What should be seen."""

    picture: Array
    """(h, w, 3), float64, 0..1, on black."""

    sure: npt.NDArray[np.bool_]
    """(h, w): pixels that, with the neighbours looked at, do not lie on the border of a texel."""


def paint(views: tuple[ImageView, ...], images: dict[Any, Array], size: tuple[int, int], lut: Array) -> Reference:
    """Return what some views should look like; each rectangle lies within the picture."""
    out, sure = np.zeros((size[1], size[0], 3)), np.ones((size[1], size[0]), bool)
    for view in views:
        if view.name not in images:
            continue
        left, top = int(np.floor(view.rect.x + 0.5)), int(np.floor(view.rect.y + 0.5))
        right, bottom = int(np.floor(view.rect.right + 0.5)), int(np.floor(view.rect.bottom + 0.5))
        out[top:bottom, left:right], sure[top:bottom, left:right] = _one(
            view, images[view.name].astype(np.float64), right - left, bottom - top, lut
        )
    return Reference(out, sure)


def _one(view: ImageView, image: Array, width: int, height: int, lut: Array) -> tuple[Array, Array]:
    if view.mirrored:
        image = image[:, ::-1]
    image = np.where(np.isfinite(image), image, 2e38)
    rows, columns = image.shape
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    sure = np.ones((height, width), bool)

    def at(dx: float, dy: float) -> Array:
        u, v = (x + dx) * columns / width, (y + dy) * rows / height
        near = (np.abs(u - np.rint(u)) < CLOSE) | (np.abs(v - np.rint(v)) < CLOSE)
        sure[near] = False
        i, j = np.floor(u).astype(int), np.floor(v).astype(int)
        there = (i >= 0) & (i < columns) & (j >= 0) & (j < rows)
        return np.where(there, image[np.clip(j, 0, rows - 1), np.clip(i, 0, columns - 1)], 3e38)

    def edge(pixels: float) -> Array:
        reach = [at(pixels, 0), at(-pixels, 0), at(0, pixels), at(0, -pixels)]
        return (np.max(reach, axis=0) > 2.5e38).astype(float)

    value = at(0, 0)
    inside, measured = value < 2.5e38, np.abs(value) < 1e38
    background = np.array(view.background[:3])
    fill = _over(background, view.fill)
    ground = np.where(measured[..., None], fill, _over(fill, view.missing))
    ground = np.where(inside[..., None], ground, background)
    place = np.clip(0.5 + 0.5 * np.where(measured, value, 0) / view.vmax, 0, 1) * 255
    colour = np.stack([np.interp(place, np.arange(256), lut[:, c] / 255) for c in range(3)], axis=-1)
    shown = (measured & (np.abs(value) >= np.float32(view.threshold)))[..., None] * view.opacity
    painted = ground * (1 - shown) + colour * shown
    whole = int(np.floor(view.line))
    line = np.maximum(edge(whole), (view.line - whole) * edge(whole + 1)) * inside * view.outline[3]
    return painted * (1 - line[..., None]) + np.array(view.outline[:3]) * line[..., None], sure


def _over(below: Array, above: tuple[float, ...]) -> Array:
    return below * (1 - above[3]) + np.array(above[:3]) * above[3]
