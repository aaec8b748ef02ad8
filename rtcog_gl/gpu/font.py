"""Open Sans, rasterised at exact pixel sizes into one growing atlas. No OpenGL here."""

from __future__ import annotations

import logging
import unicodedata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import freetype
import numpy as np
import numpy.typing as npt

from rtcog_gl.gpu import strokes
from rtcog_gl.model.text import Glyph

_log = logging.getLogger("rtcog_gl")

Coverage = npt.NDArray[np.uint8]

ATLAS_WIDTH = 1024
FIRST_HEIGHT = 256
LARGEST_HEIGHT = 4096
PADDING = 1
"""Empty texels between glyphs, so that linear filtering of rotated text never sees a neighbour."""

_MODE = freetype.FT_LOAD_RENDER | freetype.FT_LOAD_TARGET_LIGHT


class Region(NamedTuple):
    """A rectangle of texels."""

    x: int
    y: int
    w: int
    h: int


def font_file(bold: bool) -> Path:
    """Return the font that ships inside vispy.

    Raises
    ------
    FileNotFoundError
        If vispy has no such file.
    """
    spec = find_spec("vispy")
    name = f"OpenSans-{'Bold' if bold else 'Regular'}.ttf"
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "util" / "fonts" / "data" / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"font {name}: not found in the vispy package, expected it in util/fonts/data")


class GlyphAtlas:
    """Rasterises characters on demand; a `rtcog_gl.model.text.GlyphSource`.

    The atlas only grows downwards, so a glyph's place in texels never changes.
    """

    def __init__(self) -> None:
        self._faces = {bold: freetype.Face(str(font_file(bold))) for bold in (False, True)}
        self._glyphs: dict[tuple[str, int, bool], Glyph] = {}
        self._atlas: Coverage = np.zeros((FIRST_HEIGHT, ATLAS_WIDTH), np.uint8)
        self._shelves: list[list[int]] = []
        self._changed: Region | None = None
        self._full = False

    @property
    def atlas(self) -> Coverage:
        """Coverage of all glyphs so far, (height, `ATLAS_WIDTH`), 0..255."""
        return self._atlas

    def take_changes(self) -> Region | None:
        """Return the rectangle of texels that changed since the last call, or None."""
        changed, self._changed = self._changed, None
        return changed

    def ascent(self, px: int, bold: bool) -> int:
        """Return the height of capital letters and figures above the baseline, in pixels."""
        return self.glyph("H", px, bold).top

    def glyph(self, ch: str, px: int, bold: bool) -> Glyph:
        """Return the glyph of a character, `px` pixels to the em; rasterise it when it is new.

        Raises
        ------
        ValueError
            If `px` is less than 1.
        """
        key = (ch, px, bold)
        found = self._glyphs.get(key)
        if found is None:
            if px < 1:
                raise ValueError(f"font size of {ch!r}: got {px} pixels, expected at least 1")
            found = self._glyphs[key] = self._rasterise(ch, px, bold)
        return found

    def _rasterise(self, ch: str, px: int, bold: bool) -> Glyph:
        face = self._faces[bold]
        if ch.isspace() or unicodedata.category(ch) in ("Cc", "Cf"):
            ch = " "
        index = face.get_char_index(ch)
        if not index:
            return self._substitute(ch, px, bold)
        face.set_pixel_sizes(0, px)
        face.load_glyph(index, _MODE)
        slot = face.glyph
        picture = _picture(slot.bitmap)
        return self._store(picture, round(slot.advance.x / 64), slot.bitmap_left, slot.bitmap_top)

    def _substitute(self, ch: str, px: int, bold: bool) -> Glyph:
        """Draw one of our own signs, or the box that stands for any character that Open Sans lacks."""
        name = ch if ch in strokes.SIGNS else strokes.MISSING
        if name != ch and (name, px, bold) in self._glyphs:
            return self._glyphs[name, px, bold]
        picture, advance, left, top = strokes.rasterise(name, px, bold)
        glyph = self._store(picture, advance, left, top)
        self._glyphs[name, px, bold] = glyph
        return glyph

    def _store(self, picture: Coverage, advance: int, left: int, top: int) -> Glyph:
        height, width = picture.shape
        place = self._place(width, height) if width and height else None
        if place is None:
            return Glyph(advance, 0, 0, 0, 0, 0, 0)
        u, v = place
        self._atlas[v : v + height, u : u + width] = picture
        self._changed = _union(self._changed, Region(u, v, width, height))
        return Glyph(advance, left, top, width, height, u, v)

    def _place(self, width: int, height: int) -> tuple[int, int] | None:
        """Find room on a shelf of about the right height; each shelf is [top, height, used]."""
        w, h = width + PADDING, height + PADDING
        for shelf in self._shelves:
            if h <= shelf[1] <= h + 4 and shelf[2] + w <= ATLAS_WIDTH:
                shelf[2] += w
                return shelf[2] - w, shelf[0]
        top = self._shelves[-1][0] + self._shelves[-1][1] if self._shelves else PADDING
        shelf_height = -(-h // 4) * 4
        if top + shelf_height > LARGEST_HEIGHT or w + PADDING > ATLAS_WIDTH:
            self._say_full(width, height)
            return None
        while top + shelf_height > len(self._atlas):
            self._atlas = np.concatenate([self._atlas, np.zeros_like(self._atlas)])
        self._shelves.append([top, shelf_height, PADDING + w])
        return PADDING, top

    def _say_full(self, width: int, height: int) -> None:
        if not self._full:
            self._full = True
            _log.warning(
                "glyph atlas: no room for a glyph of %d x %d texels in %d x %d, so some characters stay blank",
                width,
                height,
                ATLAS_WIDTH,
                LARGEST_HEIGHT,
            )


def _picture(bitmap: Any) -> Coverage:
    """Copy FreeType's bitmap, whose rows can be padded."""
    if not bitmap.width or not bitmap.rows:
        return np.zeros((0, 0), np.uint8)
    rows = np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, abs(bitmap.pitch))
    return rows[:, : bitmap.width]


def _union(a: Region | None, b: Region) -> Region:
    if a is None:
        return b
    x, y = min(a.x, b.x), min(a.y, b.y)
    return Region(x, y, max(a.x + a.w, b.x + b.w) - x, max(a.y + a.h, b.y + b.h) - y)
