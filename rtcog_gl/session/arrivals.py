"""When volumes arrive, as `tr_index` tells: the length of a TR, whether one is under way, and when it may be done."""

from __future__ import annotations

from collections import deque
from statistics import median

INTERVALS = 15
"""The length of a TR is the median of so many intervals."""

UNDER_WAY_NS = 2_000_000_000
"""A volume counts as under way no longer than this after it arrived."""

SURELY = 0.7
"""A volume is not done before this part of the shortest time that one took lately."""

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
        self._took: deque[int] = deque(maxlen=INTERVALS)

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

    def done(self, volume: int, now_ns: int) -> None:
        """Note that a volume is done; only one that is under way tells how long volumes take."""
        if volume == self.under_way(now_ns):
            self._took.append(now_ns - self._moved_ns)

    def not_before_ns(self, now_ns: int) -> int:
        """Return the nanoseconds for which the volume under way will surely not be done; 0 while nothing is known.

        Looking often all the while would take time from the very work that is waited for, where processors share what
        they compute with.
        """
        shortest = min(self._took, default=0)
        return max(0, self._moved_ns + int(SURELY * shortest) - now_ns)

    def due(self, now_ns: int) -> bool:
        """Whether a volume can be expected to arrive about now; True while nothing is known."""
        return self.tr_s is None or now_ns - self._moved_ns >= EARLY * self.tr_s * 1e9
