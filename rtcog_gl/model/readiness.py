"""When a column may be shown: the contract's rules as pure state machines.

The caller makes the observations, in this order, each once a poll: `end`, the list of onsets, `hit`, `tr_index`,
`new_tr`, and last, once the session has ended, the memory that no signal vouches for. The order is part of the proof
(``tests/test_readiness.py`` walks every interleaving, and shows that other orders fail):

- everything after `end`, or the last columns and maps are missed;
- `hit` after the onsets, or an old `hit` vouches for a new onset;
- `new_tr` after `tr_index`, or the signal of column ``tr_index`` is taken for the next one's.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

COLUMN_STILL_NS = 250_000_000
"""After an early end, a column of scores that no signal vouches for must stand still for so long."""

MAP_STILL_NS = 500_000_000
"""After an early end, a map that no signal vouches for must stand still for so long."""

GONE_STILL_NS = 20_000_000
"""The same for both once rtcog has removed its segments, which it does when it has written everything."""


@dataclass(frozen=True)
class Readiness:
    """What the polls so far allow."""

    n_final: int = 0
    """Columns ``0 .. n_final - 1`` may be shown."""

    floor: int = -1
    """A column whose signal is certainly spent: a set seen by the next poll is of a later column.

    It starts at -1, because `tr_index` starts there and `new_tr` starts clear.
    """

    maps: tuple[int, ...] = ()
    """The onsets whose map may be shown, in the order in which they became final."""


@dataclass(frozen=True)
class Looks:
    """One poll's observations."""

    onsets: tuple[int, ...]
    """The onsets, read before `hit`; duplicates and TRs out of the run are passed over."""

    hit: bool
    """Whether `hit` was set."""

    tr_index: int
    """rtcog's `tr_index`, read before `new_tr`."""

    new_tr: bool | None
    """Whether the event was set (it is cleared with the look); None when it was not asked."""

    column_settled: bool = False
    """Whether the session has ended and `column_settled` holds for column ``tr_index + 1``."""

    maps_settled: Container[int] = ()
    """The onsets for which, after the end, `map_settled` holds."""


def take(state: Readiness, looks: Looks, nt: int) -> Readiness:
    """Take one poll's observations, and return what they allow; nothing is ever taken back.

    Parameters
    ----------
    state : Readiness
        What the polls before this one allowed.
    looks : Looks
        What this poll saw.
    nt : int
        Volumes expected in the run.
    """
    columns = poll(state, looks.tr_index, looks.new_tr, nt, looks.column_settled)
    maps = poll_maps(state.maps, looks.onsets, looks.hit, looks.tr_index, nt, looks.maps_settled)
    return Readiness(columns.n_final, columns.floor, maps)


def poll(state: Readiness, tr_index: int, new_tr: bool | None, nt: int, next_settled: bool = False) -> Readiness:
    """Take what one poll saw of the scores.

    Columns up to `tr_index` are final. A set event vouches for one more than the floor, and the floor rises in two
    ways. To `tr_index`, when it was read before `new_tr` was seen clear, or cleared: that column's set came before
    the counter. And by one with each set that was seen and cleared: it was of column ``floor + 1`` or a later one, so
    that the set of ``floor + 1`` will not come again. The second way spares a viewer that slept through the time
    between the counter and the signal a delay of one TR.

    Parameters
    ----------
    state : Readiness
        What the polls before this one allowed.
    tr_index, new_tr, next_settled
        As in `Looks` (the last is its ``column_settled``).
    nt : int
        Volumes expected in the run.

    Returns
    -------
    Readiness
        The new state; ``n_final`` never falls, and ``maps`` is as before.
    """
    arrived = min(max(tr_index, -1), nt - 1)
    last, floor = arrived, state.floor
    if new_tr:
        last = floor = min(max(last, floor + 1), nt - 1)
    elif new_tr is not None:
        floor = max(floor, arrived)
    if next_settled:
        last = max(last, arrived + 1)
    return Readiness(max(state.n_final, min(last + 1, nt)), floor, state.maps)


def poll_maps(
    final: tuple[int, ...], onsets: Iterable[int], hit: bool, tr_index: int, nt: int, settled: Container[int] = ()
) -> tuple[int, ...]:
    """Return the onsets whose map may be read.

    Parameters
    ----------
    final : tuple of int
        The onsets that were final before, in the order in which they became so.
    onsets, hit, tr_index, settled
        As in `Looks` (the last is its ``maps_settled``).
    nt : int
        Volumes expected in the run.

    Returns
    -------
    tuple of int
        `final`, followed by what became final now, in the order of `onsets`.
    """
    listed = tuple(onsets)
    known = list(final)
    for t in listed:
        vouched = t <= tr_index or (hit and t == listed[-1]) or t in settled
        if vouched and 0 <= t < nt and t not in known:
            known.append(t)
    return tuple(known)


def column_settled(begun: bool, whole: bool, still_ns: int, gone: bool) -> bool:
    """Whether a column of scores can be taken for final after the end, though no signal says so.

    rtcog's own end comes seconds after its last column. An operator's can come in the middle of one, and rtcog goes on
    writing for a while; it may also stop for long between one template's score and the next.

    Parameters
    ----------
    begun, whole : bool
        Whether the score of any, and of every, template is no longer zero.
    still_ns : int
        For how long the column has not changed (ns).
    gone : bool
        Whether rtcog has removed its segments.
    """
    return begun and still_ns >= GONE_STILL_NS if gone else whole and still_ns >= COLUMN_STILL_NS


def map_settled(written: bool, still_ns: int, gone: bool) -> bool:
    """Whether the map of a listed onset can be taken for final after the end, though no signal says so.

    rtcog writes a map in one go, so that one which is not all zero and stands still is complete.

    Parameters
    ----------
    written : bool
        Whether the map is no longer all zero.
    still_ns : int
        For how long it has not changed (ns).
    gone : bool
        Whether rtcog has removed its segments.
    """
    return written and still_ns >= (GONE_STILL_NS if gone else MAP_STILL_NS)
