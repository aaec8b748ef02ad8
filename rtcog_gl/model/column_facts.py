"""What is said of a map as a whole: its extremes and its range. Computed once, where the column is copied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .calm import robust_largest
from .volume import FloatArray

ROBUST = (2.0, 98.0)
"""Percentiles of the robust range."""

SAMPLE = 65_536
"""Voxels from which the robust figures are taken, at most: they hardly depend on more, and the time does."""

CHUNK = 1 << 16
"""Voxels looked at in one go: their sizes stay in the processor's cache, and little memory is needed."""


@dataclass(frozen=True)
class ColumnFacts:
    """What is known of a map column."""

    n_missing: int = 0
    """Voxels that are not finite."""

    largest: float = 0.0
    """Largest finite absolute value; 0 where there is none."""

    robust: float = 0.0
    """The larger of the 2nd and the 98th percentile of the finite values, without its sign; 0 where there is none."""

    peak: int = -1
    """Voxel that holds `largest`, the first of several; -1 where no value is finite."""

    within: float = 0.0
    """Size within which all but a thousandth of the finite values stay (`calm.robust_largest`); 0 where there is none.
    """


def column_facts(column: FloatArray) -> ColumnFacts:
    """Return what is known of a map column.

    `n_missing`, `largest` and `peak` are exact. `robust` and `within` are exact up to `SAMPLE` voxels; of a longer
    column they are those of every second, third, ... voxel, so many that at most `SAMPLE` are taken.

    Parameters
    ----------
    column : array, (n_voxels,), float32
    """
    n_missing, peak, largest = _extreme(column)
    if peak < 0:
        return ColumnFacts(n_missing)
    sample = column[:: -(-column.size // SAMPLE)]
    if n_missing:
        sample = sample[np.isfinite(sample)]
    if not sample.size:
        return ColumnFacts(n_missing, largest, largest, peak, largest)
    # In double precision: the distance of two values may be more than single precision holds.
    low, high = np.percentile(sample.astype(np.float64), ROBUST)
    return ColumnFacts(n_missing, largest, float(max(abs(low), abs(high))), peak, robust_largest(sample))


def _extreme(column: FloatArray) -> tuple[int, int, float]:
    """Return how many values are not finite, which voxel has the largest size (-1: none), and that size."""
    n_missing, peak, largest = 0, -1, -1.0
    for first in range(0, column.size, CHUNK):
        sizes = np.abs(column[first : first + CHUNK])
        known = np.isfinite(sizes)
        missing = sizes.size - int(np.count_nonzero(known))
        if missing:
            n_missing += missing
            sizes[~known] = -1
        at = int(np.argmax(sizes))
        if sizes[at] > largest:
            peak, largest = first + at, float(sizes[at])
    return n_missing, peak, max(largest, 0.0)
