"""Every interleaving of rtcog's steps with a viewer's looks, as a graph that is searched to the end.

rtcog, the participant and the viewer are three lists of atomic steps. `walk` takes, in every state that can be
reached, every step that can be taken, and lets a `Judge` look at each poll.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from rtcog_gl.model.readiness import Readiness, poll, poll_maps

NONE, HALF, FULL = 0, 1, 2
"""How much of a column is written."""


class World(NamedTuple):
    """What rtcog shares."""

    tr_index: int = -1
    new_tr: bool = False
    hit: bool = False
    end: bool = False
    onsets: tuple[int, ...] = ()
    scores: tuple[int, ...] = ()
    maps: tuple[int, ...] = ()
    volume: int = 0
    step: int = 0
    may_hit: bool = False


class Looks(NamedTuple):
    """What one poll has seen so far."""

    step: int = 0
    onsets: tuple[int, ...] = ()
    hit: bool = False
    end: bool = False
    tr_index: int = -1
    new_tr: bool = False


class Known(NamedTuple):
    """What the viewer keeps from poll to poll; the last two are the judge's own account of the looks."""

    ready: Readiness = Readiness()
    maps: tuple[int, ...] = ()
    clear_at: int = -1
    allowed: int = -1


Poll = Callable[[Readiness, int, bool, bool, int, bool], tuple[Readiness, bool]]
PollMaps = Callable[[tuple[int, ...], tuple[int, ...], bool, int, bool, int], tuple[int, ...]]


@dataclass(frozen=True)
class Setting:
    """One kind of run and one kind of viewer."""

    nt: int = 3
    match_start: int = 0
    hits: bool = True
    lock_free: bool = True
    """Looking at `new_tr` clears it in the same step, and a set() is seen in its two steps."""

    may_stop_early: bool = False
    order: tuple[str, ...] = ("end", "onsets", "hit", "tr_index", "new_tr")
    columns: Poll = poll
    pictures: PollMaps = poll_maps


class Torn(AssertionError):
    """Something was shown before it was final."""


class Lost(AssertionError):
    """Something final was never shown."""


class Late(AssertionError):
    """Something was not shown at the first poll at which the contract allows it."""


def _put(values: tuple[int, ...], t: int, value: int) -> tuple[int, ...]:
    return (*values[:t], value, *values[t + 1 :])


def producer(s: Setting, w: World) -> Iterator[World]:
    """Yield what rtcog can do next (contract, "Order of events")."""
    t, k = w.volume, w.step
    if w.end:
        return
    scored = t >= s.match_start
    if t == s.nt or (s.may_stop_early and k == 0 and t > 0):
        yield w._replace(end=True)
        if t == s.nt:
            return
    if k == 0:
        yield w._replace(may_hit=not w.hit, step=1)
    elif k == 1:
        yield w._replace(tr_index=t - 1, step=2 if scored else 99)
    elif k == 2:
        yield w._replace(scores=_put(w.scores, t, HALF), step=3)
    elif k == 3:
        yield w._replace(scores=_put(w.scores, t, FULL), step=4)
    elif k == 4:
        # A set() takes the flag if it is there, and gives it back: an event that is set reads as clear in between.
        yield w._replace(new_tr=w.new_tr and not s.lock_free, step=5)
    elif k == 5:
        yield w._replace(new_tr=True, step=99)
        if s.hits and w.may_hit:
            yield w._replace(new_tr=True, step=6)
    elif k == 6:
        yield w._replace(hit=False, step=7)
    elif k == 7:
        yield w._replace(onsets=(*w.onsets, t), step=8)
    elif k == 8:
        yield w._replace(maps=_put(w.maps, t, HALF), step=9)
    elif k == 9:
        yield w._replace(maps=_put(w.maps, t, FULL), step=10)
    elif k == 10:
        yield w._replace(hit=True, step=99)
    else:
        yield w._replace(volume=t + 1, step=0, may_hit=False)


def participant(w: World) -> Iterator[World]:
    """Yield the end of the survey, which can come at any time after the hit."""
    if w.hit:
        yield w._replace(hit=False)


def viewer(s: Setting, w: World, seen: Looks, known: Known) -> Iterator[tuple[World, Looks, Known]]:
    """Yield the viewer's next step."""
    if seen.step < len(s.order):
        look = s.order[seen.step]
        after = seen._replace(step=seen.step + 1, **{look: getattr(w, look)})
        cleared = look == "new_tr" and s.lock_free
        yield (w._replace(new_tr=False) if cleared else w), after, known
    elif seen.step == len(s.order):
        written = seen.tr_index + 1 < s.nt and w.scores[seen.tr_index + 1] != NONE
        ready, clear = s.columns(known.ready, seen.tr_index, seen.new_tr, seen.end, s.nt, written)
        maps = s.pictures(known.maps, seen.onsets, seen.hit, seen.tr_index, seen.end, s.nt)
        judge(s, w, seen, known, ready, maps, written)
        allowed = _allowed(known, seen, written)
        clear_at = known.clear_at if seen.new_tr else max(known.clear_at, seen.tr_index)
        now = Known(ready, maps, clear_at, allowed)
        yield w, (seen._replace(step=seen.step + 1) if clear and not s.lock_free else Looks()), now
    else:
        yield w._replace(new_tr=False), Looks(), known


def _allowed(known: Known, seen: Looks, written: bool) -> int:
    """Return the last column that the contract's sentences allow, given every look so far."""
    sentences = [known.allowed, seen.tr_index]
    if seen.new_tr:
        sentences.append(known.clear_at + 1)
    if seen.end and written:
        sentences.append(seen.tr_index + 1)
    return max(sentences)


def judge(s: Setting, w: World, seen: Looks, known: Known, ready: Readiness, maps: tuple[int, ...], nxt: bool) -> None:
    """Hold one poll's outcome against what is true and what is allowed."""
    for t in range(ready.n_final):
        if w.scores[t] != FULL if t >= s.match_start else t >= w.volume:
            raise Torn(f"column {t} shown while {w}")
    for t in maps:
        if w.maps[t] != FULL:
            raise Torn(f"map {t} shown while {w}")
    if ready.n_final < known.ready.n_final or maps[: len(known.maps)] != known.maps:
        raise Lost(f"taken back: {known} became {ready}, {maps}")
    if ready.n_final < _allowed(known, seen, nxt) + 1:
        raise Late(f"{ready.n_final} columns shown after {seen}, {known}")
    vouched = {t for t in seen.onsets if t <= seen.tr_index or seen.end or (seen.hit and t == seen.onsets[-1])}
    if not vouched <= set(maps):
        raise Late(f"maps {maps} shown after {seen}")
    if seen.end:
        missing = [t for t in range(s.match_start, w.volume) if t >= ready.n_final]
        missing += [t for t in w.onsets if t not in maps]
        if missing:
            raise Lost(f"{missing} not shown when the session ended: {w}")


def walk(s: Setting) -> tuple[int, int]:
    """Visit every state.

    Returns
    -------
    states : int
        States visited.
    finished : int
        Polls that saw the end.
    """
    empty = (NONE,) * s.nt
    start = (World(scores=empty, maps=empty), Looks(), Known())
    found, todo, finished = {start}, [start], 0
    while todo:
        w, seen, known = todo.pop()
        following = [(after, seen, known) for after in (*producer(s, w), *participant(w))]
        if seen.step == len(s.order) and seen.end:
            finished += 1
        following += viewer(s, w, seen, known)
        for state in following:
            if state not in found:
                found.add(state)
                todo.append(state)
    return len(found), finished
