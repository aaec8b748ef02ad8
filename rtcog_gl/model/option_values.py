"""Reads the values of options, for argparse: what is wrong gets one sentence, with the value got and that expected."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

MIN_SIZE, MAX_SIZE = (320, 200), (16384, 16384)
"""Smallest and largest window."""


def size(text: str) -> tuple[int, int]:
    """Read ``1920x1080``.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is not a width and a height that a window can have.
    """
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text.strip())
    wanted = f"a width and a height from {MIN_SIZE[0]}x{MIN_SIZE[1]} to {MAX_SIZE[0]}x{MAX_SIZE[1]}, as in 1920x1080"
    if not match:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected {wanted}")
    width, height = int(match[1]), int(match[2])
    if not (MIN_SIZE[0] <= width <= MAX_SIZE[0] and MIN_SIZE[1] <= height <= MAX_SIZE[1]):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected {wanted}")
    return width, height


def number(low: float, high: float, kind: type = float) -> Callable[[str], Any]:
    """Return a reader of numbers from `low` to `high`, for argparse."""

    def read(text: str) -> float:
        try:
            value: float = kind(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"got {text!r}, expected a number from {low:g} to {high:g}")
        return value

    return read


def percentiles(text: str) -> tuple[float, float]:
    """Read ``2:99.5``.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is not two percentiles, the lower one first.
    """
    low, _, high = text.partition(":")
    try:
        window = (float(low), float(high))
    except ValueError:
        window = (1.0, 0.0)
    if not 0 <= window[0] < window[1] <= 100:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected two percentiles, the lower one first, as in 2:99.5")
    return window


def map_range(text: str) -> float:
    """Read ``largest``, ``robust`` or a positive number.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none of these.
    """
    named = {"largest": 0.0, "robust": -1.0}
    if text in named:
        return named[text]
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1e30:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected largest, robust or a number above 0")
    return value
