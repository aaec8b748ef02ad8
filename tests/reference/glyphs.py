"""Text in numpy: walk along the line, copy each glyph's coverage, blend."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rtcog_gl.gpu.font import GlyphAtlas
from rtcog_gl.model.draw import Text

LUMA = np.array([0.2126, 0.7152, 0.0722])


def paint(
    texts: Sequence[Text],
    font: GlyphAtlas,
    size: tuple[int, int],
    clear: tuple[float, float, float, float] = (0, 0, 0, 1),
) -> npt.NDArray[np.float64]:
    """Return the picture (h, w, 3), floats 0..1, of texts that are not rotated."""
    picture = np.tile(np.asarray(clear[:3], np.float64), (size[1], size[0], 1))
    for text in texts:
        glyphs = [font.glyph(ch, text.px, text.bold) for ch in text.string]
        total = sum(glyph.advance for glyph in glyphs) + text.spacing * (len(glyphs) - 1)
        start = text.x - total * {"left": 0, "center": 0.5, "right": 1}[text.anchor]
        pen = 0.0
        colour = np.array(text.colour[:3])
        exponent = 1 - 0.22 * float(LUMA @ colour)
        for glyph in glyphs:
            x = math.floor(start + 0.5) + math.floor(pen + 0.5) + glyph.left
            y = math.floor(text.y + 0.5) - glyph.top
            cut = font.atlas[glyph.v : glyph.v + glyph.height, glyph.u : glyph.u + glyph.width] / 255.0
            alpha = (text.colour[3] * cut**exponent)[..., None]
            part = picture[y : y + glyph.height, x : x + glyph.width]
            part[:] = np.rint(255 * (colour * alpha + part * (1 - alpha))) / 255
            pen += glyph.advance + text.spacing
    return picture
