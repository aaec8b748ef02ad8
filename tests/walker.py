"""Every interleaving of rtcog's steps with a viewer's looks, as a graph that is searched to the end.

rtcog, the participant, the operator and the viewer are lists of atomic steps. `walk` takes, in every state that can be
reached, every step that can be taken, and lets a `Judge` look at each poll.

A producer can also publish how many volumes rtcog is done with; the viewer then takes this count for a `tr_index`
that is sooner up to date. It may give that up for ever at any volume.

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

DONE = 99
"""The step of a volume with which rtcog is done, before it turns to the next."""


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
    count: int = 0
    silent: bool = False


class Seen(NamedTuple):
    """What one poll has seen so far."""

    step: int = 0
    onsets: tuple[int, ...] = ()
    hit: bool = False
    end: bool = False
    tr_index: int = -1
    count: int = 0
    new_tr: bool | None = False
    over: bool = False
    """Whether rtcog had written everything when `end` was looked at."""

    @property
    def done(self) -> int:
        """The last volume that rtcog is done with, as far as this poll knows."""
        return max(self.tr_index, self.count - 1)


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

    publishes: str = ""
    """When the count is published: ``last``, or too early: ``arrived``, ``scored`` or ``signalled``; empty: never."""

    clears: bool = True
    order: tuple[str, ...] = ("end", "onsets", "hit", "tr_index", "new_tr")
    take: Take = take
    column_settled: Callable[[bool, bool, int, bool], bool] = column_settled
    map_settled: Callable[[bool, int, bool], bool] = map_settled


PUBLISHED = ("end", "onsets", "hit", "tr_index", "count", "new_tr")
"""The order of a viewer's looks where the count is published."""

PUBLISHED_AFTER = {"arrived": 1, "scored": 3, "signalled": 5, "last": DONE}
"""The step after which the count is published."""


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
    """Yield what rtcog can do next, the count included."""
    due = s.publishes and not w.silent and w.count <= w.volume < s.nt
    if due and not w.gone and w.step == _publishing_step(s, w):
        yield w._replace(count=w.volume + 1)
        yield w._replace(silent=True)
        return
    yield from rtcog(s, w)


def _publishing_step(s: Setting, w: World) -> int:
    """Return the step before which the count is published."""
    early = PUBLISHED_AFTER[s.publishes] + 1
    return early if s.publishes != "last" and w.volume >= s.match_start else DONE


def rtcog(s: Setting, w: World) -> Iterator[World]:
    """Yield what rtcog itself can do next (contract, "Order of events")."""
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
        yield w._replace(tr_index=t - 1, step=2 if scored else DONE)
    elif k == 2:
        yield w._replace(scores=_put(w.scores, t, HALF), step=3)
    elif k == 3:
        yield w._replace(scores=_put(w.scores, t, FULL), step=4)
    elif k == 4:
        # A set() takes the flag if it is there, and gives it back: an event that is set reads as clear in between.
        yield w._replace(new_tr=w.new_tr and not s.lock_free, step=5)
    elif k == 5:
        yield w._replace(new_tr=True, step=DONE)
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
        yield w._replace(hit=True, step=DONE)
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
    looks = Looks(seen.onsets, seen.hit, seen.done, seen.new_tr)
    if seen.end:
        gone = s.tells_gone and w.gone
        t = seen.done + 1
        column = w.scores[t] if s.match_start <= t < s.nt else NONE
        settled = s.column_settled(column != NONE, column == FULL, LONG_NS * still, gone)
        still_maps = {m: LONG_NS * (still and w.maps[m] != HALF) for m in seen.onsets}
        maps = tuple(m for m, ns in still_maps.items() if s.map_settled(w.maps[m] != NONE, ns, gone))
        looks = replace(looks, column_settled=settled, maps_settled=maps)
    ready = s.take(known.ready, looks, s.nt)
    allowed = _allowed(known, seen, looks.column_settled)
    judge(s, w, seen, known, ready, allowed, still)
    clear_at = known.clear_at if seen.new_tr or seen.new_tr is None else max(known.clear_at, seen.done)
    return Known(ready, clear_at, allowed)


def _allowed(known: Known, seen: Seen, settled: bool) -> int:
    """Return the last column that the contract's sentences allow, given every look so far."""
    sentences = [known.allowed, seen.done]
    if seen.new_tr:
        sentences.append(known.clear_at + 1)
    if settled:
        sentences.append(seen.done + 1)
    return max(sentences)


def judge(s: Setting, w: World, seen: Seen, known: Known, ready: Readiness, allowed: int, still: bool) -> None:
    """Hold one poll's outcome against what is true and what is allowed."""
    for t in range(ready.n_final):
        over = t < w.volume or (t == w.volume and w.step == DONE)
        if w.scores[t] != FULL if t >= s.match_start else not over:
            raise Torn(f"column {t} shown while {w}")
    for t in ready.maps:
        if w.maps[t] != FULL:
            raise Torn(f"map {t} shown while {w}")
    if ready.n_final < known.ready.n_final or ready.maps[: len(known.ready.maps)] != known.ready.maps:
        raise Lost(f"taken back: {known} became {ready}")
    if ready.n_final < min(allowed + 1, s.nt):
        raise Late(f"{ready.n_final} columns shown after {seen}, {known}")
    vouched = {t for t in seen.onsets if t <= seen.done or (seen.hit and t == seen.onsets[-1])}
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
