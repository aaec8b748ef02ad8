"""What the console can ask its watcher for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..model.course import CourseRequest
from ..model.session import FloatArray


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

    template_value: Callable[[int, int], float] = lambda k, voxel: math.nan
    """Returns the value of template k at a voxel; NaN outside its own mask, or where it is not known."""

    mean: Callable[[tuple[int, ...]], None] = _nothing
    """Asks for the mean over the maps of the hits at these TRs."""

    thumb: Callable[[int], None] = _nothing
    """Asks for the thumbnail of the hit at a TR."""

    course: Callable[[CourseRequest | None], None] = _nothing
    """Asks for a time course, now and after every new volume, or (None) no longer for any."""

    glass: Callable[[bool], None] = _nothing
    """Says whether maps shall come with their projections."""

    pinned: Callable[[int], None] = _nothing
    """Asks for the map of the hit that is pinned beside the map."""
