"""Which hits the filmstrip has ready."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 12
"""Thumbnails that are kept."""


def on_film(maps: Sequence[int], shown: int | None) -> tuple[int, ...]:
    """Return the indices of the hits on the strip, newest first: the newest `MOST`, or those around the one shown.

    Parameters
    ----------
    maps : sequence of int
        TRs of the hits, in the order in which their maps came.
    shown : int or None
        Index of the hit on the screen.
    """
    first = max(0, len(maps) - MOST)
    if shown is not None and shown < first:
        first = max(0, shown - MOST // 2)
    return tuple(range(min(len(maps), first + MOST) - 1, first - 1, -1))
