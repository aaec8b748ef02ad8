"""The colour bar in numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.draw import RampView


def paint(view: RampView, lut: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return the picture (h, w, 3), floats 0..1, on black; `view.rect` is on whole pixels."""
    picture = np.zeros((size[1], size[0], 3))
    x, y, w, h = (int(v) for v in view.rect)
    for row in range(h):
        value = view.vmax * (1 - 2 * (row + 0.5) / h)
        place = 255 * (value / view.vmax + 1) / 2
        low = min(int(place), 254)
        colour = lut[low, :3] + (place - low) * (lut[low + 1, :3].astype(float) - lut[low, :3])
        picture[y + row, x : x + w] = view.cut[:3] if abs(value) < view.threshold else colour / 255
    return picture
