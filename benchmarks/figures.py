"""How figures are said: each with its number of measurements, and beside its target where it has one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def spread(values: Sequence[float], unit: str = "ms") -> dict[str, Any]:
    """Return n, median, 95th and 99th percentile and the largest."""
    if not len(values):
        return {"n": 0, "unit": unit}
    named = {"median": 50, "p95": 95, "p99": 99, "max": 100}
    return {"n": len(values), "unit": unit, **{k: round(float(np.percentile(values, q)), 3) for k, q in named.items()}}


def at_most(value: float, target: float, **more: Any) -> dict[str, Any]:
    """Return a figure that is to be no larger than its target."""
    return {"value": round(value, 3), "target": f"<= {target:g}", "met": bool(value <= target), **more}


def at_least(value: float, target: float, **more: Any) -> dict[str, Any]:
    """Return a figure that is to be no smaller than its target."""
    return {"value": round(value, 3), "target": f">= {target:g}", "met": bool(value >= target), **more}
