"""After the end: what no signal of rtcog's vouches for, watched until it stands still or is left out."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.readiness import GONE_STILL_NS, column_settled, map_settled
from rtcog_gl.session.attach import SessionSegments

LOOK_NS = 50_000_000
"""Time between two looks at the same memory."""

GIVE_UP_NS = 6_000_000_000
"""What has not settled so long after the end is left out."""


@dataclass(frozen=True)
class _Place:
    """A column of a segment, as seen last."""

    crc: int
    since_ns: int
    """When it was first seen as it is."""

    seen_ns: int
    begun: bool
    whole: bool

    @property
    def still_ns(self) -> int:
        return self.seen_ns - self.since_ns


class Ending:
    """Watches the last column of scores and the last maps once the session has ended.

    Parameters
    ----------
    segments : SessionSegments
        rtcog's segments.
    match_start, nt : int
        First TR that is scored, and volumes of the run.
    """

    column_settled: bool
    """Whether the column given to `look` is final."""

    maps_settled: tuple[int, ...]
    """Which of the maps given to `look` are final."""

    def __init__(self, segments: SessionSegments, match_start: int, nt: int) -> None:
        self.column_settled, self.maps_settled = False, ()
        self._segments, self._scored = segments, range(match_start, nt)
        self._gone = False
        self._began_ns = self._due_ns = 0
        self._column: tuple[int, _Place] | None = None
        self._maps: dict[int, _Place] = {}

    def look(self, now_ns: int, column: int, maps: Sequence[int]) -> None:
        """Look at what is not vouched for; reads memory no more often than every `LOOK_NS`.

        Parameters
        ----------
        now_ns : int
            Monotonic time (ns).
        column : int
            The TR after `tr_index`.
        maps : sequence of int
            The listed onsets whose map is not final.
        """
        self._began_ns = self._began_ns or now_ns
        # Before the memory: what is written when the names are gone stays as it is.
        if now_ns >= self._due_ns:
            self._due_ns = now_ns + LOOK_NS
            self._gone = self._gone or self._segments.unlinked()
        self.column_settled = self._look_at_column(now_ns, column)
        self.maps_settled = tuple(t for t in maps if self._look_at_map(now_ns, t))

    def _look_at_column(self, now_ns: int, t: int) -> bool:
        bits = self._segments.bits
        if bits is None or t not in self._scored:
            return False
        old = self._column[1] if self._column is not None and self._column[0] == t else None
        place = _seen(old, bits[:, t], now_ns)
        self._column = (t, place)
        return column_settled(place.begun, place.whole, place.still_ns, self._gone)

    def _look_at_map(self, now_ns: int, t: int) -> bool:
        maps = self._segments.maps
        if maps is None:
            return False
        place = self._maps[t] = _seen(self._maps.get(t), maps[:, t].view(np.uint32), now_ns)
        return map_settled(place.begun, place.still_ns, self._gone)

    def left_out(self, now_ns: int, n_final: int, maps: Sequence[int]) -> tuple[str, ...] | None:
        """Return a sentence for everything that was begun and will not be shown; None while it may still settle.

        Parameters
        ----------
        now_ns : int
            Monotonic time (ns).
        n_final : int
            Columns of scores that are final.
        maps : sequence of int
            Onsets whose map is final.
        """
        column = self._column if self._column is not None and self._column[0] >= n_final else None
        waiting = {t: place for t, place in self._maps.items() if t not in maps}
        places = list(waiting.values()) + ([column[1]] if column is not None and column[1].begun else [])
        over = now_ns - self._began_ns >= GIVE_UP_NS
        if not (over or all(self._gone and place.still_ns >= GONE_STILL_NS for place in places)):
            return None
        said = [f"The map of TR {t} was not complete when the session ended; it is left out." for t in waiting]
        if column is not None and column[1].begun:
            said.append(f"The scores of TR {column[0]} were not complete when the session ended; they are left out.")
        return tuple(said)


def _seen(old: _Place | None, values: npt.NDArray[np.uint32], now_ns: int) -> _Place:
    """Return how a column stands now; `old` itself if that was looked at a moment ago."""
    if old is not None and now_ns - old.seen_ns < LOOK_NS:
        return old
    # One copy, so that sum and zeros are of the same moment.
    copy = np.ascontiguousarray(values)
    crc = zlib.crc32(copy.data)
    since = old.since_ns if old is not None and old.crc == crc else now_ns
    return _Place(crc, since, now_ns, bool(copy.any()), bool(copy.all()))
