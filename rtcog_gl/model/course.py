"""Time courses of the live volumes: of the voxel under the crosshair, and of a sphere around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .volume import FloatArray, Point


class CourseRequest(NamedTuple):
    """Which voxels' time courses are wanted."""

    at: Point
    """Crosshair (RAS+ mm)."""

    voxel: int
    """Voxel under it, an index into a map column."""

    sphere: tuple[int, ...]
    """Voxels of the sphere, indices into a map column; `voxel` is among them."""

    radius_mm: float


@dataclass(frozen=True, eq=False)
class Course:
    """What was read of the volumes that are still in memory."""

    request: CourseRequest

    trs: npt.NDArray[np.int64]
    """(k,), ascending: TRs whose volume could be read."""

    voxel: FloatArray
    """(k,), float32: values of the voxel; NaN where missing."""

    sphere: FloatArray
    """(k,), float32: mean over the finite voxels of the sphere; NaN where there is none."""
