"""The time course at the crosshair: asks for it, and keeps what was read as long as the crosshair stays."""

from __future__ import annotations

import numpy as np

from ..model.course import Course, CourseRequest
from ..model.sphere import sphere
from ..model.volume import MaskGrid, Point
from .maps import MapFeed


class Courses:
    """Knows the time course at the crosshair.

    Parameters
    ----------
    grid : MaskGrid
    feed : MapFeed
        Where time courses are asked for.
    """

    def __init__(self, grid: MaskGrid, feed: MapFeed) -> None:
        self.course: Course | None = None
        self._grid = grid
        self._feed = feed
        self._wanted: CourseRequest | None = None

    def choose(self, at: Point | None, radius_mm: float) -> None:
        """Follow the voxel at a position (RAS+ mm); None, or one outside the mask: none."""
        voxel = None if at is None else self._grid.voxel_at(at)
        if at is None or voxel is None:
            if self._wanted is not None:
                self._wanted, self.course = None, None
                self._feed.course(None)
            return
        wanted = self._wanted
        if wanted is not None and (wanted.at, wanted.radius_mm) == (at, radius_mm):
            return
        self._wanted = CourseRequest(at, voxel, tuple(sphere(self._grid, at, radius_mm).tolist()), radius_mm)
        self.course = None
        self._feed.course(self._wanted)

    def take(self, course: Course | None) -> None:
        """Take in what was read; volumes that are no longer in memory stay as they were."""
        if course is None or course.request != self._wanted:
            return
        before = self.course
        if before is None or before.request != course.request or not len(course.trs):
            self.course = course
            return
        older = before.trs < course.trs[0]
        self.course = Course(
            course.request,
            np.concatenate([before.trs[older], course.trs]),
            np.concatenate([before.voxel[older], course.voxel]),
            np.concatenate([before.sphere[older], course.sphere]),
        )
