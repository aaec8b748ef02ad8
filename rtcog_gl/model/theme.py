"""Colours and type sizes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .draw import Colour, TraceStyle


def rgb(code: str, alpha: float = 1.0) -> Colour:
    """Return the colour of ``#rrggbb``."""
    return (int(code[1:3], 16) / 255, int(code[3:5], 16) / 255, int(code[5:7], 16) / 255, alpha)


def fade(colour: Colour, alpha: float) -> Colour:
    """Return the colour with another alpha."""
    return (*colour[:3], alpha)


@dataclass(frozen=True)
class Theme:
    """Every colour on the screen."""

    background: Colour
    panel: Colour
    hairline: Colour
    grid: Colour
    text: Colour
    text2: Colour
    """Second level of text: labels that are read, not glanced at."""
    text3: Colour
    """Third level: titles, hints."""
    threshold: Colour
    waiting: Colour
    matching: Colour
    action: Colour
    cooldown: Colour
    ended: Colour
    bad: Colour
    warn: Colour
    action_wash: Colour
    cooldown_wash: Colour
    before_wash: Colour
    """Time before the first scored volume."""
    brain: Colour
    """Inside of the mask where no value is drawn."""
    outline: Colour
    """Edge of the mask."""
    cut: Colour
    """Part of the colour bar below the threshold."""
    templates: tuple[Colour, ...]
    colormap: str
    """Name of a diverging colour map of the package `cmap`."""

    def template(self, index: int) -> Colour:
        """Colour of a template; repeats after the palette's end (see `trace_styles`)."""
        return self.templates[index % len(self.templates)]

    def state(self, word: str) -> Colour:
        """Colour of a state word."""
        return {
            "WAITING": self.waiting,
            "MATCHING": self.matching,
            "ACTION": self.action,
            "COOLDOWN": self.cooldown,
            "ENDED": self.ended,
        }.get(word, self.bad)


DARK = Theme(
    background=rgb("#0c0f14"),
    panel=rgb("#12171e"),
    hairline=rgb("#232b36"),
    grid=rgb("#1b222b"),
    text=rgb("#e8ecf2"),
    text2=rgb("#94a0b0"),
    text3=rgb("#76828f"),
    threshold=rgb("#e8ecf2"),
    waiting=rgb("#aab4c2"),
    matching=rgb("#7bd88f"),
    action=rgb("#5b8cff"),
    cooldown=rgb("#38c6d9"),
    ended=rgb("#c9b8ff"),
    bad=rgb("#ff5d5d"),
    warn=rgb("#ffb454"),
    action_wash=rgb("#5b8cff", 0.20),
    cooldown_wash=rgb("#38c6d9", 0.10),
    before_wash=rgb("#ffffff", 0.05),
    brain=rgb("#2b323c"),
    outline=rgb("#76828f"),
    cut=rgb("#2b323c"),
    templates=tuple(map(rgb, ("#56B4E9", "#E69F00", "#2fc59a", "#F0E442", "#e2733f", "#d88fc0", "#b7c3d0"))),
    colormap="matplotlib:coolwarm",
)

CATEGORY10 = (
    "#1f77b4",
    "#ff7f0e",
    "#2ca02c",
    "#d62728",
    "#9467bd",
    "#8c564b",
    "#e377c2",
    "#7f7f7f",
    "#bcbd22",
    "#17becf",
)
"""Bokeh's palette of that name, the old page's colours."""

LIGHT = replace(
    DARK,
    background=rgb("#eef1f5"),
    panel=rgb("#ffffff"),
    hairline=rgb("#d3d9e1"),
    grid=rgb("#e6eaef"),
    text=rgb("#141a22"),
    text2=rgb("#4a5665"),
    text3=rgb("#667281"),
    threshold=rgb("#000000"),
    waiting=rgb("#5b6675"),
    matching=rgb("#1b7a36"),
    action=rgb("#2450c8"),
    cooldown=rgb("#0b7285"),
    ended=rgb("#5b3fb5"),
    bad=rgb("#c81e1e"),
    warn=rgb("#a05a00"),
    action_wash=rgb("#0000ff", 0.20),
    cooldown_wash=rgb("#00ffff", 0.14),
    before_wash=rgb("#808080", 0.20),
    brain=rgb("#d9dee5"),
    outline=rgb("#7a8694"),
    cut=rgb("#d9dee5"),
    templates=tuple(map(rgb, CATEGORY10)),
    colormap="colorbrewer:RdBu_r",
)

THEMES = {"dark": DARK, "light": LIGHT}

DASHES = ((0.0, 0.0), (9.0, 5.0), (3.0, 4.0), (16.0, 5.0), (5.0, 9.0))
"""Dash and gap (pixels at scale 1) of the first, second, ... round through the palette."""


def trace_styles(theme: Theme, n: int, scale: float) -> tuple[TraceStyle, ...]:
    """Return one style a template: colours in order, then the same colours with other dashes."""
    styles = []
    for k in range(n):
        dash, gap = DASHES[(k // len(theme.templates)) % len(DASHES)]
        styles.append(TraceStyle(theme.template(k), dash * scale, gap * scale))
    return tuple(styles)
