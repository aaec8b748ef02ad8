"""Round numbers for axes, and numbers as people read them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

MINUS = "\u2212"


def nice_step(extent: float, most: int) -> float:
    """Return the smallest step of 1, 2 or 5 times a power of ten that makes at most `most` steps of `extent`."""
    if not (extent > 0 and math.isfinite(extent)):
        return 1.0
    raw = extent / max(1, most)
    power = 10.0 ** math.floor(math.log10(raw))
    for factor in (1.0, 2.0, 5.0):
        if factor * power >= raw * (1 - 1e-9):
            return factor * power
    return 10.0 * power


def ticks(lo: float, hi: float, most: int) -> npt.NDArray[np.float64]:
    """Return at most `most + 1` round numbers from `lo` to `hi`."""
    step = nice_step(hi - lo, most)
    first = math.ceil(lo / step - 1e-6)
    last = math.floor(hi / step + 1e-6)
    return np.arange(first, last + 1, dtype=np.float64) * step


def integer_ticks(lo: float, hi: float, most: int) -> npt.NDArray[np.float64]:
    """Like `ticks`, in whole numbers."""
    step = max(1.0, nice_step(hi - lo, most))
    return np.arange(math.ceil(lo / step - 1e-6), math.floor(hi / step + 1e-6) + 1, dtype=np.float64) * step


def value_range(values: npt.NDArray[np.floating], also: float, most: int) -> tuple[float, float]:
    """Return round limits that hold every finite value and `also`, and are never empty.

    Parameters
    ----------
    values : array
        Scores; what is not finite is left out.
    also : float
        A value that must be inside (the threshold); left out when it is not finite.
    most : int
        About how many ticks the axis will have.
    """
    finite = values[np.isfinite(values)]
    candidates = [float(finite.min()), float(finite.max())] if finite.size else []
    if math.isfinite(also):
        candidates.append(also)
    lo, hi = (min(candidates), max(candidates)) if candidates else (-1.0, 1.0)
    if hi - lo <= 1e-6 * max(1.0, abs(lo), abs(hi)):
        margin = max(1.0, abs(hi) * 0.5)
        lo, hi = lo - margin, hi + margin
    margin = (hi - lo) * 0.04
    step = nice_step(hi - lo + 2 * margin, most)
    return math.floor((lo - margin) / step) * step, math.ceil((hi + margin) / step) * step


def signed(value: float, digits: int = 2, smallest: bool = True) -> str:
    """Return a number with its sign (a true minus sign), or an en dash when there is none.

    Parameters
    ----------
    value : float
    digits : int
        Decimals.
    smallest : bool
        Whether very small numbers are told with an exponent; otherwise they are 0.
    """
    if not math.isfinite(value):
        return "\u2013"
    if abs(value) >= 1e5 or (smallest and value != 0 and abs(value) < 1e-3):
        text = f"{abs(value):.{digits}e}".replace("e-0", f"e{MINUS}").replace("e-", f"e{MINUS}").replace("e+0", "e")
    else:
        text = f"{abs(value):.{digits}f}"
    if not text.strip("0."):
        return text
    return ("+" if value > 0 else MINUS) + text


def tick_label(value: float, step: float) -> str:
    """Return a tick's number with as many decimals as its step needs."""
    if abs(value) < step * 1e-6:
        return "0"
    if abs(value) >= 1e6 or step < 1e-4:
        digits = max(3, math.ceil(math.log10(abs(value) / step) + 1e-9) + 1)
        text = f"{abs(value):.{min(digits, 15)}g}".replace("-", MINUS)
    else:
        text = f"{abs(value):.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"
    return (MINUS if value < 0 else "") + text


def mm(value: float) -> str:
    """Return a position in whole millimetres, signed."""
    return signed(round(value), 0) if round(value) else "0"


def seconds(value: float) -> str:
    """Return a short time: ``0.4 s``, ``12 s``, ``3:05 min``."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 100:
        return f"{value:.0f} s"
    return f"{int(value // 60)}:{int(value % 60):02d} min"
