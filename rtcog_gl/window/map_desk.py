"""Everything that the map panel shows, kept together: the map, the hit beside it, the filmstrip, the time course."""

from __future__ import annotations

import math

from ..gpu.renderer import Renderer
from ..model.course import Course
from ..model.explained import Explained
from ..model.map_actions import MapState
from ..model.map_range import range_of, threshold_of
from ..model.readout import read
from ..model.records import VolumeRecords
from ..model.scene import FilmHit, Readout, ShownMap
from ..model.session import FloatArray, Live, Session, Update
from ..model.view import View, shown_hit
from ..model.volume import MaskGrid, Point
from .courses import Courses
from .explaining import Explaining
from .feed import MapFeed
from .film import Film
from .latency import Shown
from .maps import Maps
from .pinned import Pinned


class MapDesk:
    """Hands updates to those who want them; needs a current OpenGL context where something is uploaded.

    Parameters
    ----------
    session : Session
    grid : MaskGrid or None
        Geometry of the maps; None shows none and asks for none.
    renderer : Renderer
    feed : MapFeed
    """

    def __init__(self, session: Session, grid: MaskGrid | None, renderer: Renderer, feed: MapFeed) -> None:
        self.maps = Maps(session, grid, renderer, feed)
        self._session = session
        self._grid = grid
        self._feed = feed
        self._film = Film(renderer, feed.thumb) if grid is not None else None
        self._pinned = Pinned(grid, renderer, feed) if grid is not None else None
        self._courses = Courses(grid, feed) if grid is not None and session.slots else None
        self._explaining = Explaining(grid, renderer, feed) if grid is not None else None

    def choose(
        self, view: View, live: Live, records: VolumeRecords, scores: FloatArray, coming: Update | None = None
    ) -> None:
        """Find out what should be shown, and ask for what is not there (see `Maps.choose`)."""
        self.maps.choose(view, live, records, scores, coming)
        if self._pinned is not None:
            self._pinned.choose(view.map.beside if view.map.beside in live.maps else None)
        self._aim(view)

    @property
    def crosshair(self) -> Point | None:
        """Where the crosshair is drawn (RAS+ mm); None while there is no map."""
        if self.explained is not None:
            return self.explained.at
        return None if self.maps.shown is None else self.maps.shown.crosshair

    def _aim(self, view: View) -> None:
        shown = self.maps.shown
        if self._pinned is not None:
            self._pinned.aim(None if shown is None else shown.crosshair)
        if self._courses is not None:
            self._courses.choose(self.crosshair if view.map.course else None, view.map.sphere_mm)

    def take(self, update: Update, view: View, live: Live) -> Shown | None:
        """Take in all but a volume; return what the next frame shows for the first time."""
        hit = self.maps.take_hit(update)
        self.maps.take_mean(update)
        if self._pinned is not None:
            self._pinned.take(update, live.maps)
        if self._film is not None and update.thumbs:
            self._film.take(update.thumbs)
        if self._courses is not None:
            self._courses.take(update.course)
        self.maps.keep(update)
        self._aim(view)
        return hit

    def take_volume(self, view: View) -> Shown | None:
        """Upload the volume that waits; return what the next frame shows for the first time."""
        volume = self.maps.take_volume()
        self._aim(view)
        return volume

    def explain(self, view: View, live: Live, scores: FloatArray) -> None:
        """Find out why the map matches its template, if that is asked for (see `Explaining.explain`)."""
        if self._explaining is not None:
            self._explaining.explain(view.explain, self.maps, scores, view.map.at, live.n_final)
            self._aim(view)

    @property
    def explained(self) -> Explained | None:
        """Why the map matches its template, where that is asked for and known."""
        return None if self._explaining is None or self.maps.shown is None else self._explaining.told

    @property
    def beside(self) -> ShownMap | None:
        """The hit that is pinned beside the map, once its map is there."""
        return None if self._pinned is None else self._pinned.shown

    @property
    def beside_refused(self) -> bool:
        """Whether the pinned hit's map cannot be read."""
        return self._pinned is not None and self._pinned.refused

    @property
    def course(self) -> Course | None:
        """Time course at the crosshair."""
        return None if self._courses is None else self._courses.course

    def film(self, live: Live, scores: FloatArray) -> tuple[FilmHit, ...]:
        """Return what is on the filmstrip, newest first, and ask for thumbnails that are missing."""
        return () if self._film is None else self._film.hits(live.maps, self.maps.shown, scores)

    def readout(self, live: Live, scores: FloatArray) -> Readout | None:
        """Return what is under the crosshair; None while there is no map."""
        shown, column, at = self.maps.shown, self.maps.column, self.crosshair
        if shown is None or column is None or at is None or self._grid is None or self._explaining is None:
            return None
        known = self._session.has_templates and not shown.mean_of
        k = self._explaining.best_template(shown, scores, live.n_final) if known else None
        voxel = self._grid.voxel_at(at)
        there = math.nan if k is None or voxel is None else self._feed.template_value(k, voxel)
        return read(self._grid, column, at, k, there)

    def state(self, view: View, live: Live) -> MapState:
        """Return what there is for the operator's actions to act on."""
        shown = self.maps.shown
        if shown is None:
            at = None if self._grid is None else self._grid.bounds.centre
            return MapState(self._grid, view.map.at or at, maps=live.maps, hit=shown_hit(view, len(live.maps)))
        beside = None if self.explained is not None else self.beside
        vmax = range_of(view.map, *filter(None, (shown, beside)))
        hit = shown.index if shown.is_hit else shown_hit(view, len(live.maps))
        threshold = max(0.0, threshold_of(vmax, view.map.threshold))
        return MapState(self._grid, self.crosshair, self.maps.column, vmax, threshold, hit, live.maps)
