"""The map on the screen: asks for what should be shown, uploads what comes, and knows what is there."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np

from ..gpu import renderer as gpu
from ..gpu.renderer import Renderer
from ..model.calm import HeldRange, grown, held
from ..model.column_facts import column_facts
from ..model.glass import Glass, Projector
from ..model.hits import hits_like
from ..model.map_view import MapView
from ..model.records import VolumeRecords
from ..model.scene import ShownMap
from ..model.session import Derived, FloatArray, Live, Session, Update
from ..model.shown import Choice, chosen, why_missing
from ..model.view import View
from ..model.volume import MaskGrid, Point, centre_of_voxel
from .feed import MapFeed
from .latency import Shown


def _vmax(derived: Derived) -> float:
    """Return the range of a single map that nothing is compared with; 0 where none is finite, or all are 0."""
    return derived.facts.largest


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
        self.column: FloatArray | None = None
        """The map on the screen, (n_voxels,)."""
        self.missing = ""
        """Why the map that should be shown is not; empty otherwise."""
        self.choice = Choice()
        self._session = session
        self._grid = grid
        self._renderer = renderer
        self._feed = feed
        self._live = Live()
        self._how = MapView()
        self._followed: bool | None = None
        self._wants_glass = False
        self._asked_hit: int | None = None
        self._asked_volume: int | None = None
        self._asked_mean: tuple[int, ...] = ()
        self._mean_of: tuple[int, ...] = ()
        self._refused_mean: tuple[int, ...] = ()
        self._refused: int | None = None
        self._waiting: Update | None = None
        self._range = HeldRange()
        self._peak_of_newest_hit: Point | None = None
        # The middle itself can lie on the border of two voxels, where rounding decides what is seen.
        self._middle = None if grid is None else centre_of_voxel(grid.affine, grid.bounds.centre)
        self._refused_hit: int | None = None
        self._again: tuple[object, ...] = ()

    @property
    def waiting(self) -> bool:
        """Whether a volume came that is not uploaded yet."""
        return self._waiting is not None

    def choose(
        self,
        view: View,
        live: Live,
        records: VolumeRecords,
        scores: FloatArray,
        coming: Update | None = None,
    ) -> None:
        """Find out what should be shown, and ask for it unless it is there, or on its way.

        Parameters
        ----------
        view, live, records, scores
            What the choice depends on.
        coming : Update, optional
            What just came, and may bring it.
        """
        if self._grid is None:
            return
        before, self.choice, self._live, self._how = self.choice, chosen(view, self._session, live), live, view.map
        choice = self.choice
        if choice.following != self._followed:
            self._followed = choice.following
            self._feed.follow(choice.following)
        if (view.map.mode == "glass") != self._wants_glass:
            self._wants_glass = not self._wants_glass
            self._feed.glass(self._wants_glass)
            if self._wants_glass and self.shown is None:
                self._write_silhouette()
        if not (choice.following and before.following):
            self.missing = ""
        self._mean_of = ()
        if choice.tr is None:
            self._drop(self.missing)
        elif choice.hit is not None and view.map.mean:
            self._want_mean(hits_like(live.maps, scores, choice.tr))
        elif choice.hit is not None:
            self._want_hit(choice.tr, choice.hit, None if coming is None else coming.map_tr)
        else:
            comes = coming is not None and coming.volume_tr == choice.tr
            # While volumes are followed each comes with its record, but for one that was copied a moment before.
            news = coming is not None and len(coming.volumes) > 0
            follows = choice.following and before.following and not news
            self._want_volume(choice.tr, comes or follows, records)
        self._aim()

    def _write_silhouette(self) -> None:
        """Have the brain's outline on the glass before there is a map."""
        assert self._grid is not None
        nothing = np.full(self._grid.n_voxels, np.nan, np.float32)
        self._write_glass(Projector(self._grid).project(nothing))

    def _write_glass(self, glass: Glass) -> None:
        for n, image in enumerate(glass.images):
            self._renderer.write_image(("glass", 0, n), image)

    def _has(self, tr: int, is_hit: bool, mean_of: tuple[int, ...] = ()) -> bool:
        """Return whether a map is on the screen, with its projections if they are wanted."""
        shown = self.shown
        if shown is None or (shown.tr, shown.is_hit, shown.mean_of) != (tr, is_hit, mean_of):
            return False
        return shown.glass or not self._wants_glass

    def _want_hit(self, tr: int, index: int, coming: int | None) -> None:
        if self._has(tr, True) and self.shown is not None:
            self.shown = replace(self.shown, index=index)
        elif tr == self._refused_hit:
            self._drop(f"TR {tr}: the map cannot be read")
        elif tr not in (coming, self._asked_hit):
            self._asked_hit = tr
            self._feed.hit(tr)

    def _want_mean(self, trs: tuple[int, ...]) -> None:
        self._mean_of = trs
        if trs == self._refused_mean:
            self._drop("the mean of these hits cannot be read")
        elif self.choice.tr is not None and not self._has(self.choice.tr, True, trs) and trs != self._asked_mean:
            self._asked_mean = trs
            self._feed.mean(trs)

    def _want_volume(self, tr: int, comes: bool, records: VolumeRecords) -> None:
        if self._has(tr, False):
            return
        if self.shown is not None and not self.shown.is_hit and self.shown.tr == tr:
            # It is there, but without the projections that are wanted now; what is on its way has none either.
            comes = False
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
        self.shown, self.column, self.missing = None, None, missing

    def _why_refused(self, tr: int) -> str:
        ended = self._live.ended
        return f"TR {tr} is no longer in memory (the run has ended)" if ended else f"TR {tr}: the volume cannot be read"

    def _aim(self) -> None:
        """Move the crosshair to where the operator put it, or back to where the map has it by itself."""
        shown, column = self.shown, self.column
        if shown is None or column is None or self._grid is None:
            return
        at = self._how.at or self._own_crosshair(shown.is_hit)
        if at != shown.at:
            voxel = None if at is None else self._grid.voxel_at(at)
            self.shown = replace(shown, at=at, value_at=math.nan if voxel is None else float(column[voxel]))

    def _own_crosshair(self, is_hit: bool) -> Point | None:
        """Return where a map has the crosshair by itself; None: at its peak."""
        if is_hit or self._grid is None:
            return None
        return self._peak_of_newest_hit or self._middle

    def take_hit(self, update: Update) -> Shown | None:
        """Upload a hit's map if it should be shown; return what the next frame shows for the first time."""
        tr, column = update.map_tr, update.map_column
        asked = tr is not None and tr == self._asked_hit
        if asked:
            self._asked_hit = None
        if tr is None or self._grid is None:
            return None
        if column is None:
            if asked:
                self._refused_hit = tr
            if asked and self.choice.tr == tr and self.choice.hit is not None and not self._mean_of:
                self._want_hit(tr, self.choice.hit, None)
            return None
        derived = self._derived(column, update.map_derived)
        if derived.facts.peak >= 0 and self._live.maps[-1:] == (tr,):
            self._peak_of_newest_hit = self._grid.mm_of(derived.facts.peak)
        if self.choice.hit is None or self.choice.tr != tr or self._mean_of:
            return None
        n_bytes = self._upload(tr, self.choice.hit, column, _vmax(derived), derived)
        stamps = update.map_stamps
        return Shown(tr, "map", stamps, time.monotonic_ns(), n_bytes) if stamps.seen else None

    def take_mean(self, update: Update) -> None:
        """Upload a mean if it should be shown."""
        mean = update.mean
        if mean is None or self._grid is None:
            return
        if mean.trs == self._asked_mean:
            self._asked_mean = ()
        if mean.trs != self._mean_of or self.choice.hit is None or self.choice.tr is None:
            return
        if mean.column is None:
            self._refused_mean = mean.trs
            self._want_mean(mean.trs)
            return
        derived = self._derived(mean.column, mean.derived)
        self._upload(self.choice.tr, self.choice.hit, mean.column, _vmax(derived), derived, mean.trs)
        assert self.shown is not None
        self.shown = replace(self.shown, n_empty=mean.n_empty)

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
        older = shown is not None and not shown.is_hit and tr <= shown.tr and self._has(shown.tr, False)
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
        derived = self._derived(column, update.volume_derived)
        largest = derived.facts.within
        if self.choice.following:
            self._range = held(self._range, largest)
        vmax = grown(self._range.vmax, largest)
        n_bytes = self._upload(tr, -1, column, vmax, derived)
        stamps = update.volume_stamps
        return Shown(tr, "volume", stamps, time.monotonic_ns(), n_bytes) if stamps.seen else None

    def _derived(self, column: FloatArray, derived: Derived | None) -> Derived:
        assert self._grid is not None
        return derived or Derived(column_facts(column[: self._grid.n_voxels]))

    def _upload(
        self,
        tr: int,
        index: int,
        column: FloatArray,
        vmax: float,
        derived: Derived,
        mean_of: tuple[int, ...] = (),
    ) -> int:
        assert self._grid is not None
        column, facts = column[: self._grid.n_voxels], derived.facts
        n_bytes = self._renderer.write_map(column)
        if derived.glass is not None:
            self._write_glass(derived.glass)
        gpu.flush()
        known = facts.peak >= 0
        mm = self._grid.mm_of(facts.peak) if known else self._grid.bounds.centre
        value = float(column[facts.peak]) if known else math.nan
        self.shown = ShownMap(
            tr,
            index,
            vmax,
            mm,
            value,
            facts.n_missing,
            robust=facts.robust,
            mean_of=mean_of,
            glass=derived.glass is not None,
        )
        self.missing, self._refused, self._refused_hit, self.column = "", None, None, column
        self._aim()
        self._ask_for_glass()
        return n_bytes

    def _ask_for_glass(self) -> None:
        """Ask once more for a map that was on its way before its projections were wanted."""
        shown = self.shown
        if shown is None or shown.glass or not self._wants_glass:
            return
        what = (shown.tr, shown.index, shown.mean_of)
        if what != self._again:
            self._again = what
            if shown.mean_of:
                self._feed.mean(shown.mean_of)
            elif shown.is_hit:
                self._feed.hit(shown.tr)
            else:
                self._feed.volume(shown.tr)
