"""Measures text for the panels."""

from __future__ import annotations

from . import text
from .text import GlyphSource


class Ruler:
    """Knows how wide text is, and makes it fit.

    Parameters
    ----------
    source : GlyphSource
        Where the glyphs come from.
    """

    def __init__(self, source: GlyphSource) -> None:
        self._source = source

    def width(self, string: str, px: int, bold: bool = False, spacing: float = 0.0) -> float:
        """Return the width of a line in pixels."""
        return text.string_width(string, px, bold, self._source, spacing)

    def elide(self, string: str, max_width: float, px: int, bold: bool = False) -> str:
        """Return the line, shortened with an ellipsis where it is wider than `max_width` pixels."""
        return text.elide(string, max_width, px, bold, self._source)

    def shorten(self, string: str, max_width: float, px: int, bold: bool = False) -> str:
        """Return the line, with an ellipsis in its middle where it is wider than `max_width`: ends tell names apart."""
        if self.width(string, px, bold) <= max_width:
            return string
        for kept in range(len(string) - 1, 1, -1):
            tail = kept // 2
            shorter = string[: kept - tail].rstrip() + text.ELLIPSIS + string[len(string) - tail :].lstrip()
            if self.width(shorter, px, bold) <= max_width:
                return shorter
        return self.elide(string, max_width, px, bold)

    def wrap(self, string: str, max_width: float, px: int, bold: bool = False, max_lines: int = 2) -> tuple[str, ...]:
        """Return the text in lines no wider than `max_width` pixels."""
        return text.wrap(string, max_width, px, bold, self._source, max_lines)
