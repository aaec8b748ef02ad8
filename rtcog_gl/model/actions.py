"""Actions, cooldowns and hits: what the session means, from the onsets and offsets that rtcog lists."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.session import ActionState, Live, Session

Block = tuple[int, int]
"""A stretch of the run: first TR, and the TR at which it ends."""

StateWord = Literal["WAITING", "MATCHING", "ACTION", "COOLDOWN", "ENDED", "STALLED"]

STALL_TRS = 3.0
"""Without a new column for so many TRs, the session has stalled."""

STALL_UNKNOWN_S = 10.0
"""The same in seconds, while the length of a TR is not known."""


class HitMarker(NamedTuple):
    """Where a hit is marked."""

    template: int
    value: float


def _in_run(trs: Iterable[int], nt: int) -> list[int]:
    return sorted({t for t in trs if 0 <= t < nt})


def action_blocks(onsets: Iterable[int], offsets: Iterable[int], now: int, nt: int) -> tuple[Block, ...]:
    """Return the stretches in which the survey was on screen, in order, never overlapping.

    Parameters
    ----------
    onsets, offsets : iterable of int
        As rtcog lists them; order does not matter, duplicates and TRs outside the run are passed over.
    now : int
        The last TR shown, where an action without an offset ends for now.
    nt : int
        Volumes expected in the run.

    Returns
    -------
    tuple of (int, int)
        An action ends at the first offset *after* its onset (with no cooldown, one action's offset can be the next
        one's onset), at the next onset where its own offset is missing, or else at `now`.
    """
    starts, ends = _in_run(onsets, nt), _in_run(offsets, nt)
    if not starts:
        return ()
    open_end = min(max(now, starts[-1]), nt)
    following = [*starts[1:], nt]
    blocks = []
    for start, next_start in zip(starts, following, strict=False):
        later = bisect_right(ends, start)
        end = ends[later] if later < len(ends) else (open_end if start == starts[-1] else next_start)
        blocks.append((start, min(end, next_start)))
    return tuple(blocks)


def cooldown_blocks(onsets: Iterable[int], offsets: Iterable[int], vols_noaction: int, nt: int) -> tuple[Block, ...]:
    """Return the stretches in which no hit can be declared, in order, never overlapping and never past `nt`.

    rtcog begins a cooldown at every offset, also at one whose onset is not listed. An onset inside a cooldown (which
    rtcog never declares) ends it, so that no TR is shaded twice.
    """
    if vols_noaction <= 0:
        return ()
    starts = _in_run(offsets, nt)
    stops = sorted({*starts, *_in_run(onsets, nt), nt})
    ends = ((o, min(o + vols_noaction, stops[bisect_right(stops, o)])) for o in starts)
    begun = set(onsets)
    return tuple((start, end) for start, end in ends if start not in begun)


def action_state(onsets: Iterable[int], offsets: Iterable[int], last_t: int, vols_noaction: int) -> ActionState:
    """Return rtcog's action state at the last TR shown.

    An offset and an onset at the same TR mean that one action ended and the next began.

    Parameters
    ----------
    onsets, offsets : iterable of int
        As rtcog lists them.
    last_t : int
        The last TR shown; -1 before the first.
    vols_noaction : int
        Length of the cooldown in TRs.
    """
    starts, ends = list(onsets), list(offsets)
    started = max((t for t in starts if 0 <= t <= last_t), default=None)
    ended = max((t for t in ends if 0 <= t <= last_t), default=None)
    return ActionState(
        action_onsets=starts,
        action_offsets=ends,
        in_action=started is not None and (ended is None or ended <= started),
        in_cooldown=bool(ends) and last_t < max(ends) + vols_noaction,
        cooldown_end=None if ended is None else ended + vols_noaction,
        hit=last_t in starts,
    )


def _volumes(n: int) -> str:
    return "1 volume" if n == 1 else f"{n} volumes"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def _stalled(session: Session, live: Live, now_ns: int | None) -> str:
    """Return why the session counts as stalled, or nothing."""
    if now_ns is None or live.n_final == 0 or live.n_final >= session.nt:
        return ""
    tr_s = live.tr_s or session.expected_tr_s
    limit = STALL_TRS * tr_s if tr_s else STALL_UNKNOWN_S
    age = (now_ns - live.newest_ns) / 1e9
    return f"no volume for {_duration(age)}" if age >= limit else ""


def _no_matching(session: Session, live: Live) -> str:
    """Return what the session waits for before it scores, or nothing."""
    if live.n_final == 0:
        return "waiting for the first volume"
    if session.match_start >= session.nt:
        return f"no matching in this run: match_start is {session.match_start}, the run has {session.nt} volumes"
    if live.n_final <= session.match_start:
        return f"matching starts at TR {session.match_start}"
    return ""


def state_word(session: Session, live: Live, now_ns: int | None = None) -> tuple[StateWord, str]:
    """Return the word that reads from three metres, and a sentence that explains it.

    Parameters
    ----------
    session : Session
        What does not change in the run.
    live : Live
        The present state.
    now_ns : int, optional
        Monotonic time (ns); without it, a session never counts as stalled.
    """
    if live.ended:
        early = "early, " if live.n_final < session.nt else ""
        return "ENDED", f"{early}after {live.n_final} of {_volumes(session.nt)}"
    if live.lost:
        return "STALLED", live.lost
    if reason := _stalled(session, live, now_ns):
        return "STALLED", reason
    # An onset is known before its column is final; the word does not wait for the column.
    last_t = max(live.n_final - 1, *(t for t in (*live.onsets, *live.offsets, -1) if t < session.nt))
    state = action_state(live.onsets, live.offsets, last_t, session.vols_noaction)
    if state.in_action:
        what = "survey on screen" if session.questions or live.questions else "action"
        return "ACTION", f"{what} since TR {max(t for t in live.onsets if t <= last_t)}"
    if reason := _no_matching(session, live):
        return "WAITING", reason
    if state.in_cooldown and state.cooldown_end is not None:
        return "COOLDOWN", f"{_volumes(min(state.cooldown_end, session.nt) - last_t)} left"
    if live.n_final >= session.nt:
        return "MATCHING", "all volumes received; waiting for the end of the run"
    if not live.offsets and last_t < session.vols_noaction:
        # rtcog counts its cooldown from TR 0, as if an action had ended there.
        return "MATCHING", f"no hit before TR {session.vols_noaction}"
    return "MATCHING", ""


def best_template(column: npt.ArrayLike) -> int | None:
    """Return the template that holds the highest finite score of a column; None where nothing was measured.

    Parameters
    ----------
    column : array_like, (templates,)
        Scores of one TR. The first of equal scores wins.
    """
    scores = np.asarray(column, np.float64)
    finite = np.isfinite(scores)
    if not finite.any():
        return None
    return int(np.argmax(np.where(finite, scores, -np.inf)))


def hit_markers(columns: npt.NDArray[np.floating]) -> list[HitMarker | None]:
    """Return `hit_marker` of each column of an array (templates, k)."""
    if columns.size == 0:
        return [None] * columns.shape[1]
    scores = np.where(np.isfinite(columns), columns, -np.inf)
    templates, values = scores.argmax(axis=0).tolist(), scores.max(axis=0).tolist()
    return [HitMarker(t, v) if v > -np.inf else None for t, v in zip(templates, values, strict=True)]


def hit_marker(column: npt.ArrayLike) -> HitMarker | None:
    """Return where a hit in this column is marked: its highest finite score; None where nothing was measured."""
    template = best_template(column)
    return None if template is None else HitMarker(template, float(np.asarray(column, np.float64)[template]))
