"""Pushes labels apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def spread(wanted: npt.ArrayLike, step: float, low: float, high: float) -> npt.NDArray[np.float64]:
    """Return centres at least `step` apart, as near to those wanted as that allows (least squares), within limits.

    Parameters
    ----------
    wanted : (n,) array of float
        Where the labels' centres would like to be.
    step : float
        Height of a label.
    low, high : float
        Limits of the labels' edges. Where the labels do not fit, they fill the room evenly.

    Returns
    -------
    (n,) array of float64
        Centres, in the order of `wanted`.
    """
    values = np.asarray(wanted, np.float64)
    n = len(values)
    if n == 0:
        return values
    if n * step >= high - low:
        result = np.empty(n)
        result[np.argsort(values, kind="stable")] = low + (np.arange(n) + 0.5) * (high - low) / n
        return result
    order = np.argsort(values, kind="stable")
    # Less i * step, "at least `step` apart" becomes "not descending": the classic pool-adjacent-violators problem.
    free = np.clip(values[order], low + step / 2, high - step / 2) - np.arange(n) * step
    pools: list[tuple[float, int]] = []
    for value in free:
        mean, count = float(value), 1
        while pools and pools[-1][0] > mean:
            other, m = pools.pop()
            mean, count = (mean * count + other * m) / (count + m), count + m
        pools.append((mean, count))
    flat = np.concatenate([np.full(count, mean) for mean, count in pools])
    flat = np.clip(flat, low + step / 2, high - step / 2 - (n - 1) * step)
    result = np.empty(n)
    result[order] = flat + np.arange(n) * step
    return result
