"""The hit that is pinned beside the map."""

from __future__ import annotations

import math
from dataclasses import replace

from ..gpu import renderer as gpu
from ..gpu.renderer import Renderer
from ..model.column_facts import column_facts
from ..model.scene import ShownMap
from ..model.session import Derived, FloatArray, Update
from ..model.volume import MaskGrid, Point
from .feed import MapFeed


class Pinned:
    """Asks for the pinned hit's map and uploads it; needs a current OpenGL context there.

    Parameters
    ----------
    grid : MaskGrid
    renderer : Renderer
    feed : MapFeed
    """

    def __init__(self, grid: MaskGrid, renderer: Renderer, feed: MapFeed) -> None:
        self.shown: ShownMap | None = None
        self.refused = False
        """Whether the pinned hit's map cannot be read."""
        self._grid = grid
        self._renderer = renderer
        self._feed = feed
        self._tr: int | None = None
        self._column: FloatArray | None = None

    def choose(self, tr: int | None) -> None:
        """Pin the hit of a TR, or none."""
        if tr == self._tr:
            return
        self._tr, self.shown, self._column, self.refused = tr, None, None, False
        if tr is None:
            self._renderer.drop_map("beside")
        else:
            self._feed.pinned(tr)

    def take(self, update: Update, maps: tuple[int, ...]) -> None:
        """Upload the pinned hit's map, if the update brings it.

        Parameters
        ----------
        update : Update
        maps : tuple of int
            TRs of the hits, in the order in which their maps came.
        """
        tr, column = update.map_tr, update.map_column
        if tr is None or tr != self._tr or tr not in maps or self.shown is not None:
            return
        self.refused = column is None
        if column is None:
            return
        column = column[: self._grid.n_voxels]
        facts = (update.map_derived or Derived(column_facts(column))).facts
        self._renderer.write_map(column, "beside")
        gpu.flush()
        known = facts.peak >= 0
        mm = self._grid.mm_of(facts.peak) if known else self._grid.bounds.centre
        value = float(column[facts.peak]) if known else math.nan
        vmax = facts.largest
        self.shown = ShownMap(tr, maps.index(tr), vmax, mm, value, facts.n_missing, robust=facts.robust)
        self._column = column

    def aim(self, at: Point | None) -> None:
        """Take over the crosshair of the map beside it; None: its own peak."""
        shown, column = self.shown, self._column
        if shown is None or column is None or shown.at == at:
            return
        voxel = None if at is None else self._grid.voxel_at(at)
        self.shown = replace(shown, at=at, value_at=math.nan if voxel is None else float(column[voxel]))
