"""What the watcher works out besides its looks: maps that were asked for, means, thumbnails and time courses.

A step takes a few milliseconds, or as long as copying or projecting one map; in between, scores that came meanwhile go
first. What a
job returns lacks the session's state, which the watcher adds.
"""

from __future__ import annotations

import logging

import numpy as np

from ..model.column_facts import column_facts
from ..model.course import Course, CourseRequest
from ..model.finite import finite_mean
from ..model.glass import Glass, Projector
from ..model.session import Derived, FloatArray, Live, Mean, Session, Update
from ..model.thumbnail import thumbnail
from ..model.volume import MaskGrid
from .background import Job
from .hit_maps import HitMaps
from .volume_feed import VolumeFeed

log = logging.getLogger("rtcog_gl")

VALUES = 1 << 19
"""Values that are read in a step of a mean."""

READINGS = 1 << 18
"""Values that are read in a step of a time course: each may lie on a page of its own that was never touched."""

KEPT_BYTES = 1 << 29
"""Maps of a session that has ended are kept up to this size; beyond it, rtcog's own memory is."""


class Jobs:
    """Makes jobs; they run on the watcher's thread.

    Parameters
    ----------
    session : Session
    grid : MaskGrid or None
        Geometry of the maps; without it there are neither projections nor thumbnails.
    maps : HitMaps
    volumes : VolumeFeed
    """

    def __init__(self, session: Session, grid: MaskGrid | None, maps: HitMaps, volumes: VolumeFeed) -> None:
        self.wants_glass = False
        """Whether maps shall come with their projections. Set by any thread."""
        self._session, self._grid = session, grid
        self._maps, self._volumes = maps, volumes
        self._projector: Projector | None = None

    def derived(self, column: FloatArray) -> Derived:
        """Work out what the drawing needs of a map column (Nv,)."""
        column = self._of_mask(column)
        return Derived(column_facts(column), self._glass(column))

    def _of_mask(self, column: FloatArray) -> FloatArray:
        return column if self._grid is None else column[: self._grid.n_voxels]

    def _glass(self, column: FloatArray) -> Glass | None:
        if not self.wants_glass or self._grid is None:
            return None
        if self._projector is None:
            self._projector = Projector(self._grid)
        return self._projector.project(column)

    def hit(self, tr: int) -> Job:
        """Bring the map of a hit; without a column where it cannot be read."""
        column = self._maps.column(tr)
        yield
        derived = None if column is None else self.derived(column)
        return Update(Live(), map_tr=tr, map_column=column, map_derived=derived)

    def volume(self, tr: int) -> Job:
        """Bring a volume; without a column where it is no longer there."""
        column = self._volumes.column(tr)
        yield
        derived = None if column is None else self.derived(column)
        return Update(Live(), volume_tr=tr, volume_column=column, volume_derived=derived)

    def mean(self, trs: tuple[int, ...]) -> Job:
        """Bring the mean over hits' maps, some voxels at a time: nothing but the mean itself is held meanwhile."""
        nv = self._session.nv
        mean = np.empty(nv, np.float32)
        step = max(1, VALUES // max(1, len(trs)))
        known = np.zeros(len(trs), np.bool_)
        for first in range(0, nv, step):
            end = min(nv, first + step)
            part = self._maps.part(trs, first, end) if trs else None
            if part is None:
                return Update(Live(), mean=Mean(trs, None))
            mean[first:end] = finite_mean(part, axis=0)
            known |= np.isfinite(part).any(axis=1)
            yield
        return Update(Live(), mean=Mean(trs, mean, self.derived(mean), int(len(trs) - np.count_nonzero(known))))

    def thumb(self, tr: int) -> Job:
        """Bring the thumbnail of a hit; nothing where its map cannot be read."""
        column = None if self._grid is None else self._maps.column(tr)
        if self._grid is None or column is None:
            log.debug("the map of the hit at TR %d cannot be read: there is no thumbnail of it", tr)
            return None
        yield
        column = self._of_mask(column)
        facts = column_facts(column)
        yield
        voxel = facts.peak if facts.peak >= 0 else column.size // 2
        return Update(Live(), thumbs=(thumbnail(self._grid, column, voxel, tr, facts.largest),))

    def keep(self, trs: tuple[int, ...]) -> Job:
        """After the end, keep what can still be asked for, and give rtcog's and the producer's memory back.

        A window can stay open long after its session, and the next session needs that memory.
        """
        if 4 * self._session.nv * len(trs) > KEPT_BYTES:
            return None
        try:
            for tr in trs:
                self._maps.keep(tr)
                yield
        except OSError as error:
            log.warning("maps cannot be kept on disk (%s): the session's memory stays occupied by this window", error)
            self._maps.forget()
            return None
        self._maps.let_go()
        try:
            yield from self._volumes.keep()
        except OSError as error:
            log.warning("volumes cannot be kept on disk (%s): their memory stays occupied by this window", error)
        return None


class CourseReader:
    """Reads one time course, and what new volumes add to it.

    Parameters
    ----------
    request : CourseRequest
    volumes : VolumeFeed
    """

    def __init__(self, request: CourseRequest, volumes: VolumeFeed) -> None:
        self._request, self._volumes = request, volumes
        self._voxels = np.unique(np.array([*request.sphere, request.voxel], np.int64))
        self._next, self._told = 0, False

    def job(self) -> Job:
        """Bring the volumes that were not read yet; the first time also if there are none."""
        trs, voxel, sphere = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
        here = int(np.searchsorted(self._voxels, self._request.voxel))
        step = max(8, READINGS // len(self._voxels))
        while self._next < self._volumes.copied:
            end = min(self._volumes.copied, self._next + step)
            there, values = self._volumes.values(self._voxels, self._next, end)
            self._next = end
            trs.append(there)
            voxel.append(finite_mean(values[:, here : here + 1], axis=1))
            sphere.append(finite_mean(values, axis=1))
            yield
        found = np.concatenate(trs)
        if self._told and not found.size:
            return None
        self._told = True
        return Update(Live(), course=Course(self._request, found, np.concatenate(voxel), np.concatenate(sphere)))
