"""When a column may be shown: the contract's rules as two pure state machines.

The caller makes the observations, in this order, each once a poll: `end`, the list of onsets, `hit`, `tr_index`,
`new_tr`. The order is part of the proof (``tests/test_readiness.py`` walks every interleaving, and shows that other
orders fail):

- everything after `end`, or the last columns and maps are missed;
- `hit` after the onsets, or an old `hit` vouches for a new onset;
- `new_tr` after `tr_index`, or the signal of column ``tr_index`` is taken for the next one's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.session import NOT_MEASURED, FloatArray

NOT_SCORED, FINITE, NOT_FINITE = 0, 1, 2
"""Kinds of score: of a volume that was not scored; a number (zero is one); scored, but NaN or infinite."""


@dataclass(frozen=True)
class Readiness:
    """What the polls so far allow."""

    n_final: int = 0
    """Columns ``0 .. n_final - 1`` may be shown."""

    floor: int = -1
    """A column whose signal is certainly spent: a set seen by the next poll is of a later column.

    It starts at -1, because `tr_index` starts there and `new_tr` starts clear.
    """


def poll(
    state: Readiness, tr_index: int, new_tr: bool | None, ended: bool, nt: int, next_written: bool = False
) -> tuple[Readiness, bool]:
    """Take one poll's observations.

    Columns up to `tr_index` are final. A set event vouches for one more than the floor, and the floor rises in two
    ways. To `tr_index`, when it was read before `new_tr` was seen clear, or cleared: that column's set came before
    the counter. And by one with each set that was seen and cleared: it was of column ``floor + 1`` or a later one, so
    that the set of ``floor + 1`` will not come again. The second way spares a viewer that slept through the time
    between the counter and the signal a delay of one TR.

    Parameters
    ----------
    state : Readiness
        What the polls before this one allowed.
    tr_index : int
        rtcog's `tr_index`, read after `end` and before `new_tr`.
    new_tr : bool or None
        Whether the event was set; None when it was not asked.
    ended : bool
        Whether `end` was set.
    nt : int
        Volumes expected in the run.
    next_written : bool
        Whether the memory of column ``tr_index + 1`` is no longer all zero; counts only once the session has ended.

    Returns
    -------
    state : Readiness
        The new state; ``n_final`` never falls.
    clear : bool
        Whether `new_tr` is to be cleared before the next look (done already where looking clears).
    """
    arrived = min(max(tr_index, -1), nt - 1)
    last, floor = arrived, state.floor
    if new_tr:
        last = floor = max(last, floor + 1)
    elif new_tr is not None:
        floor = max(floor, arrived)
    if ended and next_written:
        last = max(last, arrived + 1)
    return Readiness(max(state.n_final, min(last + 1, nt)), floor), bool(new_tr)


def poll_maps(
    final: tuple[int, ...], onsets: Iterable[int], hit: bool, tr_index: int, ended: bool, nt: int
) -> tuple[int, ...]:
    """Return the onsets whose map may be read.

    Parameters
    ----------
    final : tuple of int
        The onsets that were final before, in the order in which they became so.
    onsets : iterable of int
        The onsets, read before `hit`; duplicates and TRs outside ``0 .. nt - 1`` are passed over.
    hit : bool
        Whether `hit` was set.
    tr_index : int
        rtcog's `tr_index`.
    ended : bool
        Whether the session is over and its writer done.
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
        vouched = t <= tr_index or (hit and t == listed[-1]) or ended
        if vouched and 0 <= t < nt and t not in known:
            known.append(t)
    return tuple(known)


def shown_scores(scores: npt.NDArray[np.floating], first: int, match_start: int) -> FloatArray:
    """Return an owned copy of final columns in which volumes that were not scored are NaN, not zero.

    Parameters
    ----------
    scores : ndarray, (templates, k)
        Columns ``first .. first + k - 1`` as they stand in memory.
    first : int
        TR of the first column.
    match_start : int
        First TR that is scored.

    Returns
    -------
    ndarray of float32, (templates, k)
        C-contiguous. Scores that are NaN or infinite are kept; `score_kinds` tells them from what was not scored.
    """
    out = np.array(scores, np.float32, order="C", copy=True)
    out[:, : max(0, match_start - first)] = NOT_MEASURED
    return out


def score_kinds(scores: npt.NDArray[np.floating], first: int, match_start: int) -> npt.NDArray[np.uint8]:
    """Return `NOT_SCORED`, `FINITE` or `NOT_FINITE` for each score; arguments as for `shown_scores`."""
    kinds = np.where(np.isfinite(scores), FINITE, NOT_FINITE).astype(np.uint8)
    kinds[:, : max(0, match_start - first)] = NOT_SCORED
    return kinds
