"""Means over what is finite."""

from __future__ import annotations

import numpy as np

from .volume import FloatArray


def finite_mean(values: FloatArray, axis: int) -> FloatArray:
    """Return the mean of the finite values along an axis, float32; NaN where there is none.

    Parameters
    ----------
    values : array, float32
    axis : int
        The axis that goes.
    """
    known = np.isfinite(values)
    count = np.count_nonzero(known, axis=axis)
    # In double precision, so that the order of the values does not show.
    total = np.where(known, values, np.float32(0)).sum(axis=axis, dtype=np.float64)
    mean: FloatArray = np.full(count.shape, np.nan, np.float32)
    np.divide(total, count, out=mean, where=count > 0, casting="same_kind")
    return mean
