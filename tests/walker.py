"""Every interleaving of rtcog's steps with a viewer's looks, as a graph that is searched to the end.

rtcog, the participant, the operator and the viewer are lists of atomic steps. `walk` takes, in every state that can be
reached, every step that can be taken, and lets a `Judge` look at each poll.

Of time it knows one thing: a map under way does not stand still for as long as `map_settled` demands. A column of
scores may, because rtcog can stop for any time between two templates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from rtcog_gl.model.readiness import Looks, Readiness, column_settled, map_settled, take

NONE, HALF, FULL = 0, 1, 2
"""How much of a column is written: no score, some of them, all of them."""

LONG_NS = 10**12


class World(NamedTuple):
    """What rtcog shares."""

    tr_index: int = -1
    new_tr: bool = False
    hit: bool = False
    end: bool = False
    gone: bool = False
    onsets: tuple[int, ...] = ()
    scores: tuple[int, ...] = ()
    maps: tuple[int, ...] = ()
    volume: int = 0
    step: int = 0
    may_hit: bool = False


class Seen(NamedTuple):
    """What one poll has seen so far."""

    step: int = 0
    onsets: tuple[int, ...] = ()
    hit: bool = False
    end: bool = False
    tr_index: int = -1
    new_tr: bool | None = False
    over: bool = False
    """Whether rtcog had written everything when `end` was looked at."""


class Known(NamedTuple):
    """What the viewer keeps from poll to poll; the last two are the judge's own account of the looks."""

    ready: Readiness = Readiness()
    clear_at: int = -1
    allowed: int = -1


Take = Callable[[Readiness, Looks, int], Readiness]


@dataclass(frozen=True)
class Setting:
    """One kind of run and one kind of viewer."""

    nt: int = 3
    match_start: int = 0
    hits: bool = True
    lock_free: bool = True
    """Looking at `new_tr` clears it in the same step; otherwise it is cleared in the next one, and not always asked."""

    may_stop_early: bool = False
    """The operator may end the run at any step; rtcog goes on, and may stop after any volume."""

    tells_gone: bool = True
    """Whether the viewer can see that rtcog has removed its segments."""

    clears: bool = True
    order: tuple[str, ...] = ("end", "onsets", "hit", "tr_index", "new_tr")
    take: Take = take
    column_settled: Callable[[bool, bool, int, bool], bool] = column_settled
    map_settled: Callable[[bool, int, bool], bool] = map_settled


class Torn(AssertionError):
    """Something was shown before it was final."""


class Lost(AssertionError):
    """Something final was never shown."""


class Late(AssertionError):
    """Something was not shown at the first poll at which the contract allows it."""


def _put(values: tuple[int, ...], t: int, value: int) -> tuple[int, ...]:
    return (*values[:t], value, *values[t + 1 :])


def operator(s: Setting, w: World) -> Iterator[World]:
    """Yield the end that can come at any time."""
    if s.may_stop_early and not w.end:
        yield w._replace(end=True)


def producer(s: Setting, w: World) -> Iterator[World]:
    """Yield what rtcog can do next (contract, "Order of events")."""
    t, k = w.volume, w.step
    if w.gone:
        if not w.end:
            yield w._replace(end=True)
        return
    scored = t >= s.match_start
    if t == s.nt or (w.end and k == 0):
        yield w._replace(gone=True)
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


def viewer(s: Setting, w: World, seen: Seen, known: Known) -> Iterator[tuple[World, Seen, Known]]:
    """Yield what the viewer can see next."""
    if seen.step < len(s.order):
        look = s.order[seen.step]
        after = seen._replace(step=seen.step + 1, **{look: getattr(w, look)})
        if look == "end":
            after = after._replace(over=w.end and w.gone)
        cleared = look == "new_tr" and s.lock_free and s.clears
        yield (w._replace(new_tr=False) if cleared else w), after, known
        if look == "new_tr" and not s.lock_free:
            yield w, after._replace(new_tr=None), known
    elif seen.step == len(s.order) and not s.lock_free:
        cleared = s.clears and bool(seen.new_tr)
        yield (w._replace(new_tr=False) if cleared else w), seen._replace(step=seen.step + 1), known
    else:
        for still in (False, True) if seen.end else (False,):
            yield w, Seen(), decide(s, w, seen, known, still)


def decide(s: Setting, w: World, seen: Seen, known: Known, still: bool) -> Known:
    """Return what the viewer knows after one poll that found memory standing still, or not."""
    looks = Looks(seen.onsets, seen.hit, seen.tr_index, seen.new_tr)
    if seen.end:
        gone = s.tells_gone and w.gone
        t = seen.tr_index + 1
        column = w.scores[t] if s.match_start <= t < s.nt else NONE
        settled = s.column_settled(column != NONE, column == FULL, LONG_NS * still, gone)
        still_maps = {m: LONG_NS * (still and w.maps[m] != HALF) for m in seen.onsets}
        maps = tuple(m for m, ns in still_maps.items() if s.map_settled(w.maps[m] != NONE, ns, gone))
        looks = replace(looks, column_settled=settled, maps_settled=maps)
    ready = s.take(known.ready, looks, s.nt)
    allowed = _allowed(known, seen, looks.column_settled)
    judge(s, w, seen, known, ready, allowed, still)
    clear_at = known.clear_at if seen.new_tr or seen.new_tr is None else max(known.clear_at, seen.tr_index)
    return Known(ready, clear_at, allowed)


def _allowed(known: Known, seen: Seen, settled: bool) -> int:
    """Return the last column that the contract's sentences allow, given every look so far."""
    sentences = [known.allowed, seen.tr_index]
    if seen.new_tr:
        sentences.append(known.clear_at + 1)
    if settled:
        sentences.append(seen.tr_index + 1)
    return max(sentences)


def judge(s: Setting, w: World, seen: Seen, known: Known, ready: Readiness, allowed: int, still: bool) -> None:
    """Hold one poll's outcome against what is true and what is allowed."""
    for t in range(ready.n_final):
        if w.scores[t] != FULL if t >= s.match_start else t >= w.volume:
            raise Torn(f"column {t} shown while {w}")
    for t in ready.maps:
        if w.maps[t] != FULL:
            raise Torn(f"map {t} shown while {w}")
    if ready.n_final < known.ready.n_final or ready.maps[: len(known.ready.maps)] != known.ready.maps:
        raise Lost(f"taken back: {known} became {ready}")
    if ready.n_final < allowed + 1:
        raise Late(f"{ready.n_final} columns shown after {seen}, {known}")
    vouched = {t for t in seen.onsets if t <= seen.tr_index or (seen.hit and t == seen.onsets[-1])}
    if not vouched <= set(ready.maps):
        raise Late(f"maps {ready.maps} shown after {seen}")
    if seen.over and still:
        missing = [t for t in range(s.match_start, w.volume) if t >= ready.n_final]
        missing += [t for t in w.onsets if t not in ready.maps]
        if missing:
            raise Lost(f"{missing} not shown when the session ended: {w}")


def walk(s: Setting) -> tuple[int, int]:
    """Visit every state.

    Returns
    -------
    states : int
        States visited.
    finished : int
        Polls that saw the end with everything written.
    """
    empty = (NONE,) * s.nt
    start = (World(scores=empty, maps=empty), Seen(), Known())
    found, todo, finished = {start}, [start], 0
    while todo:
        w, seen, known = todo.pop()
        following = [(after, seen, known) for after in (*producer(s, w), *participant(w), *operator(s, w))]
        if seen.step == len(s.order) and seen.over:
            finished += 1
        following += viewer(s, w, seen, known)
        for state in following:
            if state not in found:
                found.add(state)
                todo.append(state)
    return len(found), finished
