"""What is said of a map as a whole: its extremes and its range. Computed once, where the column is copied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .volume import FloatArray

ROBUST = (2.0, 98.0)
"""Percentiles of the robust range."""


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


def column_facts(column: FloatArray) -> ColumnFacts:
    """Return what is known of a map column (n_voxels,), float32."""
    known = np.isfinite(column)
    n_missing = int(column.size - np.count_nonzero(known))
    if n_missing == column.size:
        return ColumnFacts(n_missing)
    finite = column if n_missing == 0 else column[known]
    low, high = np.percentile(finite, ROBUST)
    sizes = np.abs(column) if n_missing == 0 else np.where(known, np.abs(column), -1)
    peak = int(np.argmax(sizes))
    return ColumnFacts(n_missing, float(sizes[peak]), float(max(abs(low), abs(high))), peak)
