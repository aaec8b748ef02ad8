"""When volumes arrive, as `tr_index` tells: the length of a TR, and whether a volume is under way."""

from __future__ import annotations

from collections import deque
from statistics import median

INTERVALS = 15
"""The length of a TR is the median of so many intervals."""

UNDER_WAY_NS = 2_000_000_000
"""A volume counts as under way no longer than this after it arrived."""

EARLY = 0.8
"""A volume is due from this part of a TR after the one before."""


class Arrivals:
    """Follows `tr_index`, which moves when a volume arrives (to the number of the one before)."""

    tr_s: float | None
    """Length of a TR in seconds; None until two arrivals in a row were seen."""

    def __init__(self) -> None:
        self.tr_s = None
        self._last: int | None = None
        self._moved_ns = 0
        self._intervals: deque[int] = deque(maxlen=INTERVALS)

    def see(self, tr_index: int, now_ns: int) -> None:
        """Take one look, made at monotonic time `now_ns`."""
        if self._last is None:
            self._last = tr_index
        if tr_index == self._last:
            return
        if self._moved_ns and tr_index == self._last + 1:
            self._intervals.append(now_ns - self._moved_ns)
            self.tr_s = median(self._intervals) / 1e9
        self._last, self._moved_ns = tr_index, now_ns

    def under_way(self, now_ns: int) -> int | None:
        """Return the volume that arrived last, if that was a short time ago."""
        if self._last is None or not self._moved_ns or now_ns - self._moved_ns > UNDER_WAY_NS:
            return None
        return self._last + 1

    def due(self, now_ns: int) -> bool:
        """Whether a volume can be expected to arrive about now; True while nothing is known."""
        return self.tr_s is None or now_ns - self._moved_ns >= EARLY * self.tr_s * 1e9
