"""What the panels draw with."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np

from ..draw import Colour, Drawing, ImageView, RampView, Rect, ShapeList, SlicesView, Target, Text, TraceView
from ..scene import Style


class Pen:
    """Collects one panel's drawing; sizes are those of the design, scaled here."""

    def __init__(self, style: Style, rect: Rect) -> None:
        self.style = style
        self.rect = rect
        self.theme = style.theme
        self.ruler = style.ruler
        # A panel asks for few lengths, but for each of them many times.
        self.dp = lru_cache(maxsize=256)(style.layout.dp)
        self.px = lru_cache(maxsize=256)(style.layout.px)
        self.under = ShapeList()
        self.over = ShapeList()
        self.texts: list[Text] = []
        self.slices: list[SlicesView] = []
        self.images: list[ImageView] = []
        self.ramps: list[RampView] = []
        self.targets: list[Target] = []
        self.clear = style.theme.background

    def panel(self) -> None:
        """Make the panel a shade lighter than the background."""
        self.clear = self.theme.panel

    def title(self, string: str) -> None:
        """Write the panel's title in the top left corner."""
        self.text(
            self.rect.x + self.dp(18), self.rect.y + self.dp(27), string.upper(), 13, "text3", bold=True, spacing=1.6
        )

    def text(
        self,
        x: float,
        y: float,
        string: str,
        size: float,
        colour: Colour | str,
        *,
        bold: bool = False,
        anchor: Literal["left", "center", "right"] = "left",
        spacing: float = 0.0,
        angle: float = 0.0,
        max_width: float | None = None,
    ) -> float:
        """Write a line with its baseline at `y` and return its width; `colour` may be a name of the theme."""
        px = self.px(size)
        tone: Colour = getattr(self.theme, colour) if isinstance(colour, str) else colour
        if max_width is not None:
            string = self.ruler.elide(string, max_width, px, bold)
        space = spacing * self.style.layout.scale
        self.texts.append(Text(x, y, string, px, tone, bold, anchor, space, angle))
        return self.ruler.width(string, px, bold, space)

    def width(self, string: str, size: float, bold: bool = False, spacing: float = 0.0) -> float:
        """Return the width of a line."""
        return self.ruler.width(string, self.px(size), bold, spacing * self.style.layout.scale)

    def drawing(self, traces: TraceView | None = None) -> Drawing:
        """Return what was collected."""
        under, over = self.under.array(), self.over.array()
        slices, images, ramps = tuple(self.slices), tuple(self.images), tuple(self.ramps)
        if traces is None and not slices and not images and not ramps:
            # Nothing comes in between: one draw call does for both.
            under, over = np.concatenate([under, over]), over[:0]
        texts, targets = tuple(self.texts), tuple(self.targets)
        return Drawing(self.rect, under, self.clear, traces, slices, images, ramps, over, texts, targets)
