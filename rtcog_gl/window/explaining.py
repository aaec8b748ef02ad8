"""Why the map on the screen matches its template: what is told of it, and the uploads that show it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..gpu.renderer import Renderer
from ..model.actions import best_template
from ..model.calm import HeldRange, grown, held, robust_largest
from ..model.explained import Explained, explain, moved, multiply, strongest
from ..model.scene import ShownMap
from ..model.session import FloatArray
from ..model.volume import MaskGrid, Point
from .feed import MapFeed
from .maps import Maps


class Explaining:
    """Compares the map with its template; needs a current OpenGL context where something is uploaded.

    Parameters
    ----------
    grid : MaskGrid
    renderer : Renderer
    feed : MapFeed
        Where templates come from.
    """

    def __init__(self, grid: MaskGrid, renderer: Renderer, feed: MapFeed) -> None:
        self.told: Explained | None = None
        """What is known; None where nothing is asked for, or nothing can be said."""
        self._grid = grid
        self._renderer = renderer
        self._feed = feed
        self._what: tuple[float, ...] = ()
        self._range = HeldRange()
        self._template: tuple[int, FloatArray] | None = None

    def explain(self, wanted: bool, maps: Maps, scores: FloatArray, at: Point | None, n_final: int) -> None:
        """Find out why the map matches its template, and upload what shows it; what is known already is kept.

        Parameters
        ----------
        wanted : bool
            Whether it is to be shown at all.
        maps : Maps
            The map on the screen.
        scores : array, (templates, Nt)
            NaN where nothing was measured.
        at : tuple of float or None
            Where the operator put the crosshair (RAS+ mm).
        n_final : int
            Columns of scores that are there.
        """
        if not wanted:
            self._forget_template()
        shown, column = maps.shown, maps.column
        k = self.best_template(shown, scores, n_final) if wanted else None
        template = None if k is None else self._template_of(k)
        if shown is None or column is None or k is None or template is None or shown.mean_of:
            self.told, self._what = None, ()
            return
        score = float(scores[k, shown.tr])
        what = (shown.tr, shown.index, k, score)
        if self.told is not None and np.array_equal(what, self._what, equal_nan=True):
            if at is not None and at != self.told.at:
                self.told = moved(self.told, self._grid, column, template, at)
            return
        product = multiply(column, template)
        # A volume's planes stay where they are as long as it matches the same template.
        place = at or strongest(self._grid, product if shown.is_hit else template) or shown.crosshair
        told = explain(self._grid, shown.tr, column, template, k, score, place)
        if told is not None:
            self._renderer.write_map(product, "product")
            told = self._calm(told, shown, product, maps.choice.following)
        self.told, self._what = told, what

    def best_template(self, shown: ShownMap | None, scores: FloatArray, n_final: int) -> int | None:
        """Return the template that a map matches best."""
        if shown is None or shown.tr >= scores.shape[1]:
            return None
        best = best_template(scores[:, shown.tr])
        if best is None and self.told is not None and shown.tr >= n_final:
            # The scores come a moment later.
            return self.told.template
        return best

    def _template_of(self, k: int) -> FloatArray | None:
        if self._template is None or self._template[0] != k:
            template = self._feed.template(k)
            if template is None or len(template) < self._grid.n_voxels:
                return None
            self._template = (k, template[: self._grid.n_voxels])
            self._renderer.write_map(self._template[1], "template")
        return self._template[1]

    def _forget_template(self) -> None:
        """Give back what only the explanation needs: three times the memory of a map."""
        if self._template is not None:
            self._template = None
            self._renderer.drop_map("template")
            self._renderer.drop_map("product")

    def _calm(self, told: Explained, shown: ShownMap, product: FloatArray, following: bool) -> Explained:
        """Give a volume and its product ranges that are held; a hit has its own."""
        if shown.is_hit:
            return told
        largest = robust_largest(product)
        if following:
            self._range = held(self._range, largest)
        vmax = grown(self._range.vmax, largest) or told.product.vmax
        volume = replace(told.volume, vmax=shown.vmax or told.volume.vmax)
        return replace(told, volume=volume, product=replace(told.product, vmax=vmax))
