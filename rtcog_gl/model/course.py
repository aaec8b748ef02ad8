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


def runs(trs: npt.NDArray[np.int64], values: FloatArray) -> npt.NDArray[np.int64]:
    """Return (k,), int64: which unbroken stretch each value belongs to, counted from 0; -1 where it is missing.

    A stretch ends where a TR is left out, or its value is not finite.
    """
    known = np.isfinite(values)
    begins = known.copy()
    begins[1:] &= (np.diff(trs) != 1) | ~known[:-1]
    return np.where(known, np.cumsum(begins) - 1, -1)


def thinned(columns: npt.NDArray[np.int64], values: FloatArray, run: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the places, ascending, of the values that a line needs: the smallest and largest of each pixel column.

    Parameters
    ----------
    columns : (k,) array of int64, ascending
        Pixel column of each value.
    values : (k,) array of float32
    run : (k,) array of int64
        See `runs`; of each stretch in a column, both are kept.
    """
    known = np.flatnonzero(run >= 0)
    if not len(known):
        return known
    order = known[np.lexsort((values[known], run[known], columns[known]))]
    new = (np.diff(columns[order]) != 0) | (np.diff(run[order]) != 0)
    return np.unique(order[np.concatenate([[True], new]) | np.concatenate([new, [True]])])
