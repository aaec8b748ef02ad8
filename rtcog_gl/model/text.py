"""Text in pixels: where each glyph goes, how wide a line is, and how to make it fit.

Nothing here knows how glyphs are drawn: a `GlyphSource` says how large each is and where it lies in the atlas. Advances
are whole pixels, so unrotated text keeps every glyph on whole pixels, and figures line up in columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.draw import Text

ELLIPSIS = "…"

GLYPH_VERTEX = np.dtype([("place", "f4", 4), ("colour", "f4", 4)])
"""One corner of a glyph: x, y (framebuffer pixels), u, v (texels of the atlas); red, green, blue, alpha."""


class Glyph(NamedTuple):
    """One character at one size, in whole pixels."""

    advance: int
    """From this character's origin to the next one's."""

    left: int
    """From the origin to the picture's left edge."""

    top: int
    """From the baseline up to the picture's top edge."""

    width: int
    """Width of the picture; 0 where there is none, as for a space."""

    height: int
    """Height of the picture."""

    u: int
    """First texel of the picture in the atlas, across."""

    v: int
    """First texel of the picture in the atlas, down."""


class GlyphSource(Protocol):
    """Where glyphs come from. One character at one size is the same glyph for the source's whole life."""

    def glyph(self, ch: str, px: int, bold: bool) -> Glyph:
        """Return the glyph of character `ch`, `px` pixels to the em."""

    def __hash__(self) -> int:
        """Lines are remembered for each source."""

    def ascent(self, px: int, bold: bool) -> int:
        """Return the height of capital letters and figures above the baseline, in pixels."""


class _Line(NamedTuple):
    quads: npt.NDArray[np.float32]
    width: float


def _round(value: float) -> float:
    return math.floor(value + 0.5)


# Drawn lines are large, and those on the screen are few; measured ones are many, and no more than a number each.
@lru_cache(maxsize=2048)
def _line(string: str, px: int, bold: bool, spacing: float, source: GlyphSource) -> _Line:
    """Set one line with its origin at (0, 0): quads (n, 4 corners, x y u v) and the width."""
    corners: list[float] = []
    pen = 0.0
    for ch in string:
        glyph = source.glyph(ch, px, bold)
        if glyph.width:
            x0, y0, u0, v0 = _round(pen) + glyph.left, -glyph.top, glyph.u, glyph.v
            x1, y1, u1, v1 = x0 + glyph.width, y0 + glyph.height, u0 + glyph.width, v0 + glyph.height
            # One flat list: NumPy takes several times as long to make an array of nested ones.
            corners += (x0, y0, u0, v0, x1, y0, u1, v0, x1, y1, u1, v1, x0, y1, u0, v1)
        pen += glyph.advance + spacing
    quads = np.array(corners, np.float32).reshape(-1, 4, 4)
    quads.flags.writeable = False
    return _Line(quads, _without_last(pen, spacing, string))


def _without_last(pen: float, spacing: float, string: str) -> float:
    return max(0.0, pen - spacing) if string else 0.0


@lru_cache(maxsize=8192)
def string_width(string: str, px: int, bold: bool, source: GlyphSource, spacing: float = 0.0) -> float:
    """Return the width of a string in pixels, without the space after its last character."""
    pen = 0.0
    for ch in string:
        pen += source.glyph(ch, px, bold).advance + spacing
    return _without_last(pen, spacing, string)


def width(text: Text, source: GlyphSource) -> float:
    """Return the width of a text in pixels, along its baseline."""
    return string_width(text.string, text.px, text.bold, source, text.spacing)


_SHARE_BEFORE = {"left": 0.0, "center": 0.5, "right": 1.0}
_QUARTER_TURNS = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))


def _frame(text: Text, line_width: float) -> tuple[float, ...]:
    """Return x and y of the line's start, cosine and sine of its direction, and its colour."""
    before = _SHARE_BEFORE[text.anchor] * line_width
    turns = text.angle / 90.0
    if turns == int(turns):
        cosine, sine = _QUARTER_TURNS[int(turns) % 4]
        return (_round(text.x - before * cosine), _round(text.y + before * sine), cosine, sine, *text.colour)
    radians = math.radians(text.angle)
    cosine, sine = math.cos(radians), math.sin(radians)
    return (text.x - before * cosine, text.y + before * sine, cosine, sine, *text.colour)


def layout(texts: Sequence[Text], source: GlyphSource) -> npt.NDArray[np.void]:
    """Return four vertices a visible glyph, in the order of the texts.

    Text at a multiple of 90 degrees starts on a whole pixel, so that its glyphs are copied texel by texel.

    Parameters
    ----------
    texts
        The texts; each string is set once and remembered.
    source
        Where the glyphs come from.

    Returns
    -------
    numpy.ndarray
        (4 n,) of `GLYPH_VERTEX`; corners in the order top left, top right, bottom right, bottom left.
    """
    lines = [_line(text.string, text.px, text.bold, text.spacing, source) for text in texts]
    counts = [len(line.quads) for line in lines]
    out = np.empty((sum(counts), 4), GLYPH_VERTEX)
    if not len(out):
        return out.ravel()
    frames = np.array([_frame(text, line.width) for text, line in zip(texts, lines, strict=True)], np.float32)
    frame = np.repeat(frames, counts, axis=0)[:, None]
    x, y, cosine, sine = (frame[..., i] for i in range(4))
    quads = np.concatenate([line.quads for line in lines])
    right, down = quads[..., 0], quads[..., 1]
    out["place"][..., 0] = x + cosine * right + sine * down
    out["place"][..., 1] = y - sine * right + cosine * down
    out["place"][..., 2:] = quads[..., 2:]
    out["colour"] = frame[..., 4:]
    return out.ravel()


@lru_cache(maxsize=4096)
def elide(string: str, max_width: float, px: int, bold: bool, source: GlyphSource, spacing: float = 0.0) -> str:
    """Return the string, or as much of its start as fits into `max_width` pixels with an ellipsis.

    Empty if not even the ellipsis fits.
    """
    if string_width(string, px, bold, source, spacing) <= max_width:
        return string
    pen = float(source.glyph(ELLIPSIS, px, bold).advance)
    if pen > max_width:
        return ""
    kept = 0
    for ch in string:
        pen += source.glyph(ch, px, bold).advance + spacing
        if pen > max_width:
            break
        kept += 1
    return string[:kept].rstrip() + ELLIPSIS


def _break_word(word: str, max_width: float, px: int, bold: bool, source: GlyphSource) -> list[str]:
    """Cut a word that is wider than a line; a piece has one character at least."""
    pieces = [""]
    for ch in word:
        if pieces[-1] and string_width(pieces[-1] + ch, px, bold, source) > max_width:
            pieces.append("")
        pieces[-1] += ch
    return pieces


@lru_cache(maxsize=1024)
def wrap(string: str, max_width: float, px: int, bold: bool, source: GlyphSource, max_lines: int) -> tuple[str, ...]:
    """Return the string in lines of at most `max_width` pixels, broken between words where that is possible.

    What does not fit into `max_lines` is cut off, with an ellipsis on the last line.
    """
    lines: list[str] = []
    for word in string.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and string_width(joined, px, bold, source) <= max_width:
            lines[-1] = joined
        else:
            lines += _break_word(word, max_width, px, bold, source)
    if len(lines) > max_lines:
        rest = " ".join(lines[max_lines - 1 :])
        lines = [*lines[: max_lines - 1], elide(rest, max_width, px, bold, source)] if max_lines > 0 else []
    return tuple(lines)
