"""The map on the screen: asks for what should be shown, uploads what comes, and knows what is there."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..gpu import renderer as gpu
from ..gpu.renderer import Renderer
from ..model.actions import best_template
from ..model.calm import HeldRange, grown, held, robust_largest
from ..model.explained import Explained, explain, multiply, strongest
from ..model.records import VolumeRecords
from ..model.scene import ShownMap
from ..model.session import FloatArray, Live, Session, Update
from ..model.shown import Choice, chosen, why_missing
from ..model.view import View
from ..model.volume import MaskGrid, Peak, Point
from .latency import Shown


def _nothing(_: object) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class MapFeed:
    """What the console can ask its watcher for; what was asked for comes as an update."""

    hit: Callable[[int], None]
    """Asks for the map of the hit at a TR."""

    volume: Callable[[int], None] = _nothing
    """Asks for the volume of a TR."""

    follow: Callable[[bool], None] = _nothing
    """Says whether every new volume is wanted."""

    template: Callable[[int], FloatArray | None] = _nothing
    """Returns the map of a template, (Nv,), NaN outside its own mask, or None where there is none."""


class Maps:
    """Knows which map is shown; needs a current OpenGL context where something is uploaded.

    Parameters
    ----------
    session : Session
    grid : MaskGrid or None
        Geometry of the maps; None shows none and asks for none.
    renderer : Renderer
        Gets the uploads.
    feed : MapFeed
        Where maps come from.
    """

    def __init__(self, session: Session, grid: MaskGrid | None, renderer: Renderer, feed: MapFeed) -> None:
        self.shown: ShownMap | None = None
        self.explained: Explained | None = None
        self.missing = ""
        """Why the map that should be shown is not; empty otherwise."""
        self.choice = Choice()
        self._session = session
        self._grid = grid
        self._renderer = renderer
        self._feed = feed
        self._live = Live()
        self._column: FloatArray | None = None
        self._followed: bool | None = None
        self._asked_hit: int | None = None
        self._asked_volume: int | None = None
        self._refused: int | None = None
        self._waiting: Update | None = None
        self._range = HeldRange()
        self._product_range = HeldRange()
        self._peak_of_newest_hit: Point | None = None
        self._explained_what: tuple[float, ...] = ()
        self._template: tuple[int, FloatArray] | None = None

    @property
    def waiting(self) -> bool:
        """Whether a volume came that is not uploaded yet."""
        return self._waiting is not None

    def choose(self, view: View, live: Live, records: VolumeRecords, coming: Update | None = None) -> None:
        """Find out what should be shown, and ask for it unless it is there, or on its way.

        Parameters
        ----------
        view, live, records
            What the choice depends on.
        coming : Update, optional
            What just came, and may bring it.
        """
        if self._grid is None:
            return
        before, self.choice, self._live = self.choice, chosen(view, self._session, live), live
        choice = self.choice
        if choice.following != self._followed:
            self._followed = choice.following
            self._feed.follow(choice.following)
        if not (choice.following and before.following):
            self.missing = ""
        if choice.tr is None:
            self._drop(self.missing)
        elif choice.hit is not None:
            self._want_hit(choice.tr, choice.hit, None if coming is None else coming.map_tr)
        else:
            comes = coming is not None and coming.volume_tr == choice.tr
            # While volumes are followed each comes with its record, but for one that was copied a moment before.
            news = coming is not None and len(coming.volumes) > 0
            follows = choice.following and before.following and not news
            self._want_volume(choice.tr, comes or follows, records)

    def _want_hit(self, tr: int, index: int, coming: int | None) -> None:
        if self.shown is not None and self.shown.is_hit and self.shown.tr == tr:
            self.shown = replace(self.shown, index=index)
        elif tr not in (coming, self._asked_hit):
            self._asked_hit = tr
            self._feed.hit(tr)

    def _want_volume(self, tr: int, comes: bool, records: VolumeRecords) -> None:
        if self.shown is not None and not self.shown.is_hit and self.shown.tr == tr:
            return
        missing = why_missing(tr, self._session.slots, self._live, records)
        if not missing and self._refused == tr:
            missing = self._why_refused(tr)
        if missing:
            self._drop(missing)
        elif not comes and tr != self._asked_volume:
            self._asked_volume = tr
            self._feed.volume(tr)

    def _drop(self, missing: str) -> None:
        """Show no map, and say why."""
        self.shown, self.explained, self._explained_what, self.missing = None, None, (), missing

    def _why_refused(self, tr: int) -> str:
        ended = self._live.ended
        return f"TR {tr} is no longer in memory (the run has ended)" if ended else f"TR {tr}: the volume cannot be read"

    def take_hit(self, update: Update) -> Shown | None:
        """Upload a hit's map if it should be shown; return what the next frame shows for the first time."""
        tr, column = update.map_tr, update.map_column
        if tr == self._asked_hit:
            self._asked_hit = None
        if tr is None or column is None or self._grid is None:
            return None
        column = column[: self._grid.n_voxels]
        peak = self._grid.peak(column)
        if peak is not None and self._live.maps[-1:] == (tr,):
            self._peak_of_newest_hit = peak.mm
        if self.choice.hit is None or self.choice.tr != tr:
            return None
        vmax = 1.0 if peak is None else abs(peak.value)
        n_bytes = self._upload(tr, self.choice.hit, column, vmax, peak, None)
        stamps = update.map_stamps
        return Shown(tr, "map", stamps, time.monotonic_ns(), n_bytes) if stamps.seen else None

    def keep(self, update: Update) -> None:
        """Remember the update's volume until `take_volume`: columns come first."""
        tr = update.volume_tr
        if tr is None:
            return
        if tr == self._asked_volume:
            self._asked_volume = None
        if self._is_wanted(tr, update.volume_column):
            self._waiting = update

    def _is_wanted(self, tr: int, column: FloatArray | None) -> bool:
        choice, shown = self.choice, self.shown
        if self._grid is None or choice.volume is None:
            return False
        if not choice.following:
            return tr == choice.tr
        older = shown is not None and not shown.is_hit and tr <= shown.tr
        return column is not None and not older and tr >= self._live.n_volumes - 1

    def take_volume(self) -> Shown | None:
        """Upload the volume that waits; return what the next frame shows for the first time."""
        update, self._waiting = self._waiting, None
        if update is None or update.volume_tr is None or self._grid is None:
            return None
        tr, column = update.volume_tr, update.volume_column
        if not self._is_wanted(tr, column):
            return None
        if column is None:
            self._refused = tr
            self._drop(self._why_refused(tr))
            return None
        column = column[: self._grid.n_voxels]
        largest = robust_largest(column)
        if self.choice.following:
            self._range = held(self._range, largest)
        vmax = grown(self._range.vmax, largest)
        at = self._peak_of_newest_hit or self._grid.bounds.centre
        n_bytes = self._upload(tr, -1, column, vmax, self._grid.peak(column), at)
        stamps = update.volume_stamps
        return Shown(tr, "volume", stamps, time.monotonic_ns(), n_bytes) if stamps.seen else None

    def _upload(self, tr: int, index: int, column: FloatArray, vmax: float, peak: Peak | None, at: Point | None) -> int:
        assert self._grid is not None
        n_bytes = self._renderer.write_map(column)
        gpu.flush()
        n_missing = int(column.size - np.isfinite(column).sum())
        mm, value = (self._grid.bounds.centre, math.nan) if peak is None else (peak.mm, peak.value)
        voxel = None if at is None else self._grid.voxel_at(at)
        here = math.nan if voxel is None else float(column[voxel])
        self.shown = ShownMap(tr, index, vmax, mm, value, n_missing, at, here)
        self.missing, self._refused, self._column = "", None, column
        return n_bytes

    def explain(self, wanted: bool, scores: FloatArray) -> None:
        """Find out why the map matches its template, and upload what shows it; what is known already is kept.

        Parameters
        ----------
        wanted : bool
            Whether it is to be shown at all.
        scores : array, (templates, Nt)
            NaN where nothing was measured.
        """
        shown, column = self.shown, self._column
        k = self._best(scores) if wanted else None
        template = None if k is None else self._template_of(k)
        if shown is None or column is None or self._grid is None or k is None or template is None:
            self.explained, self._explained_what = None, ()
            return
        score = float(scores[k, shown.tr])
        what = (shown.tr, shown.index, k, score)
        if self.explained is not None and np.array_equal(what, self._explained_what, equal_nan=True):
            return
        product = multiply(column, template)
        # A volume's planes stay where they are as long as it matches the same template.
        at = strongest(self._grid, product if shown.is_hit else template) or shown.crosshair
        told = explain(self._grid, shown.tr, column, template, k, score, at)
        if told is not None:
            self._renderer.write_map(product, "product")
            told = self._calm(told, shown, product)
        self.explained, self._explained_what = told, what

    def _best(self, scores: FloatArray) -> int | None:
        """Return the template that the map on the screen matches best."""
        if self.shown is None or self.shown.tr >= scores.shape[1]:
            return None
        best = best_template(scores[:, self.shown.tr])
        if best is None and self.explained is not None and self.shown.tr >= self._live.n_final:
            # The scores come a moment later.
            return self.explained.template
        return best

    def _template_of(self, k: int) -> FloatArray | None:
        if self._grid is None:
            return None
        if self._template is None or self._template[0] != k:
            template = self._feed.template(k)
            if template is None or len(template) < self._grid.n_voxels:
                return None
            self._template = (k, template[: self._grid.n_voxels])
            self._renderer.write_map(self._template[1], "template")
        return self._template[1]

    def _calm(self, told: Explained, shown: ShownMap, product: FloatArray) -> Explained:
        """Give a volume and its product ranges that are held; a hit has its own."""
        if shown.is_hit:
            return told
        largest = robust_largest(product)
        if self.choice.following:
            self._product_range = held(self._product_range, largest)
        vmax = grown(self._product_range.vmax, largest) or told.product.vmax
        volume = replace(told.volume, vmax=shown.vmax or told.volume.vmax)
        return replace(told, volume=volume, product=replace(told.product, vmax=vmax))
