"""Where everything goes, in framebuffer pixels. Pure: size and scale in, rectangles out."""

from __future__ import annotations

from dataclasses import dataclass

from .draw import Rect
from .options import Arrangement

DESIGN = (1920, 1080)
"""Size for which the type sizes below are meant."""

SMALLEST_TYPE = 10
ANSWERS_SHARE = 0.30
UPPER, UPPER_WITH_LANES = 0.435, 0.515
"""Part of the height between strip and footer that the upper panels have."""

GATES_W, LANES_H = 236, 136
"""Width of the gates and height of the lanes, in the design's pixels."""

LANES_SHARE = 0.34
"""Most of the upper panels' height that the lanes may take: the scores are the main thing."""

LOWEST_LANES = 56
"""Height of lanes with the smallest type, in framebuffer pixels."""


NONE = Rect(0, 0, 0, 0)
"""Place of a panel that the arrangement leaves out."""


@dataclass(frozen=True)
class Layout:
    """Rectangles of the panels and the sizes that go with them."""

    size: tuple[int, int]
    """Framebuffer, width x height."""

    scale: float
    """Size of spacing and type relative to the design."""

    strip: Rect
    """Status strip, across the top."""

    scores: Rect
    """Score panel."""

    gates: Rect
    """Why there is no hit, right of the scores."""

    lanes: Rect | None
    """Motion and processing time, under the scores; None when the session does not publish them."""

    map: Rect
    """Map panel."""

    answers: Rect | None
    """Answers panel; None when the session asks no questions."""

    footer: Rect
    """Hints and messages, across the bottom."""

    def px(self, size: float) -> int:
        """Return a type size of the design in framebuffer pixels."""
        return max(SMALLEST_TYPE, round(size * self.scale))

    def dp(self, length: float) -> float:
        """Return a length of the design in whole framebuffer pixels."""
        return float(max(1, round(length * self.scale)))

    def has(self, name: str) -> bool:
        """Return whether the arrangement shows a panel; what lies over the panels is always shown."""
        return self.panels.get(name) != NONE

    @property
    def panels(self) -> dict[str, Rect]:
        """Every panel by name."""
        panels = {
            "strip": self.strip,
            "scores": self.scores,
            "gates": self.gates,
            "map": self.map,
            "footer": self.footer,
        }
        if self.lanes is not None:
            panels["lanes"] = self.lanes
        if self.answers is not None:
            panels["answers"] = self.answers
        return panels


def auto_scale(size: tuple[int, int], content_scale: float = 1.0, wanted: float = 0.0) -> float:
    """Return the scale for a framebuffer.

    Type shrinks more slowly than the window, so that a small window stays legible.

    Parameters
    ----------
    size : (int, int)
        Framebuffer, width x height.
    content_scale : float
        Framebuffer pixels for each of the design's pixels on this monitor (2 on many HiDPI screens).
    wanted : float
        The operator's own choice, relative to automatic type at the design's size; 0 for none. It is limited to what
        leaves every panel its place.
    """
    content_scale = content_scale if content_scale > 0 else 1.0
    fit = min(size[0] / DESIGN[0], size[1] / DESIGN[1]) / content_scale
    automatic = content_scale * (fit**0.7 if fit < 1 else fit)
    if wanted <= 0:
        return automatic
    return min(wanted * content_scale, 1.5 * automatic)


def layout(
    size: tuple[int, int], scale: float, has_answers: bool, has_lanes: bool = False, arrangement: Arrangement = "all"
) -> Layout:
    """Return the layout of a framebuffer.

    Parameters
    ----------
    size : (int, int)
        Framebuffer, width x height, in pixels.
    scale : float
        See `auto_scale`.
    has_answers : bool
        Whether the session has a survey.
    has_lanes : bool
        Whether the session publishes motion and stamps of each volume.
    arrangement : str
        Which panels have the room between strip and footer; the others are left without area.
    """
    w, h = float(max(1, size[0])), float(max(1, size[1]))
    gap = float(max(3, round(12 * scale)))
    strip_h = min(float(max(34, round(84 * scale))), h * 0.25)
    footer_h = min(float(max(16, round(32 * scale))), h * 0.08)
    strip = Rect(0, 0, w, strip_h)
    footer = Rect(0, h - footer_h, w, footer_h)
    top = strip_h + gap
    room = max(2.0, h - footer_h - top - gap)
    upper_h = float(round(room * (UPPER_WITH_LANES if has_lanes else UPPER)))
    gates_w = float(round(min(w * 0.2, max(120.0, GATES_W * scale))))
    lanes_h = float(round(min(max(LANES_H * scale, LOWEST_LANES), LANES_SHARE * upper_h))) if has_lanes else 0.0
    wide = w - 2 * gap - gates_w
    scores = Rect(gap, top, wide, upper_h - lanes_h)
    lanes = Rect(gap, scores.bottom, wide, lanes_h) if has_lanes else None
    gates = Rect(scores.right, top, gates_w, upper_h)
    lower = Rect(gap, top + upper_h + gap, w - 2 * gap, room - upper_h)
    map_rect, answers = lower, None
    if has_answers:
        answers_w = float(round(lower.w * ANSWERS_SHARE))
        map_rect = Rect(lower.x, lower.y, lower.w - answers_w - gap, lower.h)
        answers = Rect(map_rect.right + gap, lower.y, answers_w, lower.h)
    if arrangement == "map":
        map_rect = Rect(gap, top, w - 2 * gap, room + gap)
        return Layout(size, scale, strip, NONE, NONE, None, map_rect, None, footer)
    if arrangement == "scores":
        more = room + gap - upper_h
        scores = Rect(scores.x, scores.y, scores.w, scores.h + more)
        gates = Rect(gates.x, gates.y, gates.w, gates.h + more)
        lanes = None if lanes is None else Rect(lanes.x, lanes.y + more, lanes.w, lanes.h)
        return Layout(size, scale, strip, scores, gates, lanes, NONE, None, footer)
    return Layout(size, scale, strip, scores, gates, lanes, map_rect, answers, footer)
