"""As far as rtcog asks: whether modules can be imported."""

from __future__ import annotations

import importlib.util


def num_import_failures(names: list[str], details: int = 1) -> int:
    return sum(importlib.util.find_spec(name) is None for name in names)
