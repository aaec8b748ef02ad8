"""The filmstrip's thumbnails: asks for those that are missing, and keeps as many as the strip can show."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..gpu.renderer import Renderer
from ..model.actions import hit_markers
from ..model.film import on_film
from ..model.scene import FilmHit, ShownMap
from ..model.session import FloatArray
from ..model.thumbnail import Thumb

LATER_S = 0.1
"""How long a new hit's thumbnail is not asked for: its map and the words round it go to the screen first."""


class Film:
    """Needs a current OpenGL context where a thumbnail is taken in.

    Parameters
    ----------
    renderer : Renderer
        Gets the thumbnails.
    ask : callable
        Asks for the thumbnail of a hit's TR; it comes as an update.
    later_s : float
        Seconds between the first look at a hit and the question.
    """

    def __init__(self, renderer: Renderer, ask: Callable[[int], None], later_s: float = LATER_S) -> None:
        self._renderer = renderer
        self._ask = ask
        self._later_s = later_s
        self._known: dict[int, float] = {}
        """When each hit of the strip was first looked at, s."""
        self._asked: set[int] = set()
        self._thumbs: dict[int, Thumb] = {}

    def take(self, thumbs: Sequence[Thumb]) -> None:
        """Upload new thumbnails, asked for or not."""
        for thumb in thumbs:
            self._asked.add(thumb.tr)
            self._renderer.write_image(("thumb", thumb.tr, 0), thumb.image)
            self._thumbs[thumb.tr] = thumb

    def hits(self, maps: Sequence[int], shown: ShownMap | None, scores: FloatArray) -> tuple[FilmHit, ...]:
        """Return what is on the strip, newest first, and ask for what is missing there."""
        index = shown.index if shown is not None and shown.is_hit else None
        there = on_film(maps, index)
        wanted = [maps[i] for i in there]
        self._let_go(set(wanted))
        now = time.monotonic()
        for tr in wanted:
            if tr not in self._asked and now >= self._known.setdefault(tr, now) + self._later_s:
                self._asked.add(tr)
                self._ask(tr)
        best = hit_markers(scores[:, wanted])
        found = []
        for i, tr, marker in zip(there, wanted, best, strict=True):
            thumb = self._thumbs.get(tr)
            template = None if marker is None else marker.template
            hit = FilmHit(tr, i, template, here=i == index)
            if thumb is not None:
                rows, columns = thumb.image.shape
                hit = replace(hit, z_mm=thumb.z_mm, vmax=thumb.vmax, shape=(rows, columns))
            found.append(hit)
        return tuple(found)

    def _let_go(self, wanted: set[int]) -> None:
        gone = self._thumbs.keys() - wanted
        self._asked &= wanted
        self._known = {tr: since for tr, since in self._known.items() if tr in wanted}
        if gone:
            self._renderer.drop_images([("thumb", tr, 0) for tr in gone])
        for tr in gone:
            del self._thumbs[tr]
