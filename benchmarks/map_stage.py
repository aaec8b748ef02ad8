"""A console with one hit on it, in the window that is open: what the benchmarks of pictures play on."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from vispy import gloo

from rtcog_gl.gpu.renderer import Renderer, finish
from rtcog_gl.model.anatomy import Anatomy
from rtcog_gl.model.draw import Rect, Target
from rtcog_gl.model.options import Arrangement, WindowOptions
from rtcog_gl.model.scene import ShownMap
from rtcog_gl.model.session import FloatArray, Live, Session, Update
from rtcog_gl.model.theme import THEMES
from rtcog_gl.session.images import grid_from_image
from rtcog_gl.session.synthetic.brains import Brain
from rtcog_gl.session.synthetic.networks import NETWORKS, patterns
from rtcog_gl.window.console import Console
from rtcog_gl.window.maps import MapFeed

SIZE = (1920, 1080)
NT = 300
LABELS = tuple(network.label for network in NETWORKS)
FIRST = 40
"""TR of the first hit; each later one comes at the TR after."""


def options(**changes: object) -> WindowOptions:
    """Return the options of the benchmarks' windows."""
    return replace(WindowOptions(size=SIZE, vsync=False), **changes)  # type: ignore[arg-type]


def columns(brain: Brain, n: int) -> list[FloatArray]:
    """Return the maps of `n` hits: the same networks, of other strengths, and some noise."""
    rng = np.random.default_rng(3)
    shapes = np.stack(patterns(NETWORKS, brain.mask, brain.affine))
    found = []
    for _ in range(n):
        column = np.einsum("k,kv->v", rng.normal(0, 1.5, len(shapes)).astype(np.float32), shapes)
        found.append(column + 0.2 * rng.standard_normal(brain.nv, np.float32))
    return found


class Stage:
    """A console in the middle of a run.

    Parameters
    ----------
    brain : Brain
    anatomy : Anatomy or None
        What lies under the map.
    size : (int, int)
        Of the picture, pixels; no larger than the window.
    """

    def __init__(self, brain: Brain, anatomy: Anatomy | None = None, size: tuple[int, int] = SIZE) -> None:
        session = Session(NT, LABELS, 1.5, 2, 3, "mask", brain.nv, ".", "benchmark")
        grid = grid_from_image(brain.image())
        renderer = Renderer(session, grid, THEMES["dark"].colormap)
        self.console = Console(session, grid, renderer, options(), MapFeed(lambda tr: None))
        if anatomy is not None:
            self.console.show_anatomy(anatomy)
        self._scores = np.random.default_rng(0).standard_normal((len(LABELS), NT)).astype(np.float32)
        self._size = size
        self._n = 0
        self._hits: tuple[int, ...] = ()
        self._take(FIRST, None)

    def _take(self, end: int, column: FloatArray | None) -> None:
        first, self._n = self._n, end
        if column is not None:
            self._hits = (*self._hits, end - 1)
        live = Live(
            n_final=end, onsets=self._hits, offsets=self._hits, maps=self._hits, newest_ns=time.monotonic_ns(), tr_s=1.0
        )
        map_tr = None if column is None else end - 1
        self.console.absorb(Update(live, first, self._scores[:, first:end], map_tr=map_tr, map_column=column))

    def hit(self, column: FloatArray) -> None:
        """Take in the next TR, which is a hit."""
        self._take(self._n + 1, column)

    def arrange(self, arrangement: Arrangement, linear: bool) -> None:
        """Choose which panels are shown, and how voxels are sampled."""
        view = self.console.view
        how = replace(view.map, sampling="linear" if linear else "nearest")
        self.console.view = replace(view, arrangement=arrangement, map=how)

    def draw(self, data_first: bool = False) -> None:
        """Paint what changed, and wait for it; `data_first` leaves the words to the next time, as the window does."""
        self.console.paint(time.monotonic_ns(), self._size, 1.0, data_first=data_first)
        finish()

    @property
    def shown(self) -> ShownMap:
        """The map on the screen."""
        shown = self.console._maps.shown
        if shown is None:
            raise RuntimeError("there is no map on the screen, expected that of the hit that came last")
        return shown

    def planes(self) -> list[Target]:
        """Return the slices that answer to the mouse, as they were drawn last."""
        targets = self.console._panels.drawings["map"].targets
        return [target for target in targets if target.action == "crosshair" and target.plane is not None]

    def panel(self) -> Rect:
        """Return where the map panel is, in pixels."""
        rect = self.console._panels.drawings["map"].rect
        return Rect(*(round(value) for value in (rect.x, rect.y, rect.w, rect.h)))

    def pixels(self, rect: Rect) -> np.ndarray:  # type: ignore[type-arg]
        """Return what is on the screen there, (h, w, 3), uint8."""
        x, y, w, h = (int(value) for value in (rect.x, rect.y, rect.w, rect.h))
        return np.asarray(gloo.read_pixels((x, self._size[1] - y - h, w, h), alpha=False))
