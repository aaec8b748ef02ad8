"""The time course at the crosshair: asks for it, and keeps what was read as long as the crosshair stays."""

from __future__ import annotations

import numpy as np

from ..model.course import Course, CourseRequest
from ..model.sphere import sphere
from ..model.volume import MaskGrid, Point
from .feed import MapFeed


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
        """What was read last: while another voxel's is on its way, still that of the voxel before (see `request`)."""
        self._grid = grid
        self._feed = feed
        self._wanted: CourseRequest | None = None

    def choose(self, at: Point | None, radius_mm: float) -> None:
        """Follow the voxel at a position (RAS+ mm) and the sphere around it; None, or one outside the mask: none."""
        voxel = None if at is None else self._grid.voxel_at(at)
        if at is None or voxel is None:
            if self._wanted is not None:
                self._wanted, self.course = None, None
                self._feed.course(None)
            return
        wanted = self._wanted
        if wanted is not None and (wanted.voxel, wanted.radius_mm) == (voxel, radius_mm):
            return
        around = sphere(self._grid, self._grid.mm_of(voxel), radius_mm)
        self._wanted = CourseRequest(at, voxel, tuple(around.tolist()), radius_mm)
        self._feed.course(self._wanted)

    def take(self, course: Course | None) -> None:
        """Take in what was read; what is known of volumes that could not be read now stays."""
        if course is None or course.request != self._wanted:
            return
        before = self.course
        self.course = course if before is None or before.request != course.request else _joined(before, course)


def _joined(old: Course, new: Course) -> Course:
    """Return both courses of the same voxels in one; where both have a TR, the new one's values."""
    kept = ~np.isin(old.trs, new.trs)
    trs = np.concatenate([old.trs[kept], new.trs])
    order = np.argsort(trs, kind="stable")
    voxel = np.concatenate([old.voxel[kept], new.voxel])
    around = np.concatenate([old.sphere[kept], new.sphere])
    return Course(new.request, trs[order], voxel[order], around[order])
