"""The panels on the screen: which have to be made again, what of them has changed, what lies under the mouse."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from ..model.damage import damage
from ..model.draw import Drawing, Rect, ShapeList, Target
from ..model.panels import answers, brain, footer, gates, help, lanes, scores, strip
from ..model.scene import Scene, Style

log = logging.getLogger("rtcog_gl")

WORDS = {"strip", "footer", "answers", "gates", "lanes"}
"""Panels that show no columns of scores."""

WHITE, BLACK = (1.0, 1.0, 1.0, 1.0), (0.0, 0.0, 0.0, 1.0)

Maker = tuple[Hashable, Callable[[], Drawing]]
"""What a panel's picture depends on, and what makes it."""


@dataclass
class _Panel:
    """The last picture of a panel, and what it was made of."""

    key: Hashable
    drawing: Drawing


class Panels:
    """Keeps each panel's last drawing.

    Parameters
    ----------
    say : callable
        Gets a sentence for the operator when a panel cannot be drawn.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._panels: dict[str, _Panel] = {}
        self._broken: set[str] = set()

    def __len__(self) -> int:
        return len(self._panels)

    @property
    def drawings(self) -> dict[str, Drawing]:
        """The drawings by name, in painting order."""
        return {name: panel.drawing for name, panel in self._panels.items()}

    def forget(self, name: str | None = None) -> None:
        """Have a panel made again, or all of them."""
        if name is None:
            self._panels.clear()
        elif name in self._panels:
            # It stays where it is in the painting order, but nothing equals what it was made of.
            self._panels[name].key = object()
            self._panels[name].drawing = Drawing(Rect(0, 0, 0, 0), ShapeList().array())

    def refresh(self, scene: Scene, style: Style, data_only: bool = False) -> dict[str, Rect]:
        """Make the drawings of panels whose content changed.

        Parameters
        ----------
        scene, style
            What there is to show, and how.
        data_only : bool
            Leave the panels that show no columns as they are.

        Returns
        -------
        dict of str to Rect
            What to paint of each, in painting order.
        """
        parts: dict[str, Rect] = {}
        for name, (key, make) in _makers(scene, style).items():
            if (data_only and name in WORDS) or not style.layout.has(name):
                continue
            old = self._panels.get(name)
            part: Rect | None = None
            if old is None or old.key != key:
                drawing = self._make(name, make, style)
                part = drawing.rect if old is None else damage(old.drawing, drawing, style.ruler)
                self._panels[name] = old = _Panel(key, drawing)
            if any(old.drawing.rect.overlaps(below) for below in parts.values()):
                part = old.drawing.rect
            if part is not None:
                parts[name] = part
        return parts

    def _make(self, name: str, make: Callable[[], Drawing], style: Style) -> Drawing:
        """Make a panel's drawing; what goes wrong costs this panel, and is said once."""
        try:
            return make()
        except Exception as error:
            if name not in self._broken:
                self._broken.add(name)
                log.exception("the panel %r cannot be drawn", name)
                self._say(f"the panel {name!r} cannot be drawn: {type(error).__name__}: {error}")
            rect = style.layout.panels.get(name, Rect(0, 0, 1, 1))
            return Drawing(rect, ShapeList().array(), style.theme.panel)

    def target_at(self, x: float, y: float) -> Target | None:
        """Return what answers to the mouse at a framebuffer pixel; what lies on top first."""
        for panel in reversed(self._panels.values()):
            for target in reversed(panel.drawing.targets):
                if target.rect.holds(x, y):
                    return target
            if panel.drawing.rect.holds(x, y):
                return None
        return None


def _makers(scene: Scene, style: Style) -> dict[str, Maker]:
    """Return how each panel is made, in painting order."""
    makers: dict[str, Maker] = {
        "strip": (strip.key(scene), lambda: strip.draw(scene, style)),
        "scores": (scores.key(scene), lambda: scores.draw(scene, style)),
        "gates": (gates.key(scene), lambda: gates.draw(scene, style)),
        "map": (brain.key(scene), lambda: brain.draw(scene, style)),
        "footer": (footer.key(scene), lambda: footer.draw(scene, style)),
    }
    place, under = style.layout.answers, style.layout.lanes
    if place is not None:
        makers["answers"] = (answers.key(scene), lambda: answers.draw(scene, style, place))
    if under is not None:
        makers["lanes"] = (lanes.key(scene), lambda: lanes.draw(scene, style, under))
    if scene.view.help:
        makers["help"] = (None, lambda: help.draw(style))
    if scene.corner_px:
        odd = scene.live.n_final > 0 and (scene.live.n_final - 1) % 2 == 1
        makers["photodiode"] = (odd, lambda: _photodiode(style.layout.size, scene.corner_px, odd))
    return makers


def _photodiode(size: tuple[int, int], side: int, odd: bool) -> Drawing:
    rect = Rect(size[0] - side, size[1] - side, side, side)
    shapes = ShapeList()
    shapes.box(rect, WHITE if odd else BLACK)
    return Drawing(rect, shapes.array())
