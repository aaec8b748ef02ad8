"""No column is shown too early, none is lost, each at the first poll that allows it: in every interleaving."""

from __future__ import annotations

from dataclasses import replace

import pytest
from walker import PUBLISHED, Late, Lost, Setting, Torn, walk

from rtcog_gl.model.readiness import (
    COLUMN_STILL_NS,
    GONE_STILL_NS,
    MAP_STILL_NS,
    Looks,
    Readiness,
    column_settled,
    map_settled,
    poll,
    poll_maps,
    take,
)

COUNTED = Setting(nt=3, publishes="last", order=PUBLISHED)
RIGHT = [
    pytest.param(Setting(nt=4), id="4 volumes, hits, lock-free"),
    pytest.param(Setting(nt=3, lock_free=False), id="3 volumes, hits, look then clear"),
    pytest.param(Setting(nt=4, hits=False), id="4 volumes"),
    pytest.param(Setting(nt=4, hits=False, lock_free=False), id="4 volumes, look then clear"),
    pytest.param(Setting(nt=4, match_start=2), id="4 volumes, 2 not scored, hits"),
    pytest.param(Setting(nt=2, may_stop_early=True), id="2 volumes, ended at any step, hits"),
    pytest.param(Setting(nt=3, match_start=1, may_stop_early=True), id="3 volumes, ended at any step, hits"),
    pytest.param(Setting(nt=2, may_stop_early=True, tells_gone=False), id="ended at any step, names tell nothing"),
    pytest.param(
        Setting(nt=3, match_start=1, may_stop_early=True, lock_free=False, hits=False),
        id="3 volumes, ended at any step, look then clear",
    ),
    pytest.param(COUNTED, id="3 volumes, hits, counted"),
    pytest.param(replace(COUNTED, lock_free=False, hits=False), id="3 volumes, counted, look then clear"),
    pytest.param(replace(COUNTED, nt=4, match_start=2), id="4 volumes, 2 not scored, hits, counted"),
    pytest.param(replace(COUNTED, nt=2, may_stop_early=True), id="2 volumes, ended at any step, hits, counted"),
]


@pytest.mark.parametrize("setting", RIGHT)
def test_every_interleaving_is_shown_right(setting: Setting) -> None:
    states, finished = walk(setting)
    assert states > 1000
    assert finished > 10


def raises_floor_first(state: Readiness, looks: Looks, nt: int) -> Readiness:
    return take(replace(state, floor=max(state.floor, looks.tr_index)), looks, nt)


def raises_floor_with_every_column(state: Readiness, looks: Looks, nt: int) -> Readiness:
    new = take(state, looks, nt)
    return replace(new, floor=new.n_final)


def counts_on_tr_index_alone(state: Readiness, looks: Looks, nt: int) -> Readiness:
    return take(state, replace(looks, new_tr=None, column_settled=False), nt)


def onset_is_enough(state: Readiness, looks: Looks, nt: int) -> Readiness:
    return take(state, replace(looks, maps_settled=looks.onsets), nt)


def only_the_newest_map(state: Readiness, looks: Looks, nt: int) -> Readiness:
    return take(state, replace(looks, onsets=looks.onsets[-1:]), nt)


BASE = Setting(nt=3)
EARLY = Setting(nt=2, may_stop_early=True)
WRONG = [
    pytest.param(replace(BASE, order=("end", "onsets", "hit", "new_tr", "tr_index")), Torn, id="new_tr first"),
    pytest.param(replace(BASE, order=("end", "hit", "onsets", "tr_index", "new_tr")), Torn, id="hit before onsets"),
    pytest.param(replace(BASE, order=("onsets", "hit", "tr_index", "new_tr", "end")), Lost, id="end last"),
    pytest.param(replace(BASE, order=("onsets", "end", "hit", "tr_index", "new_tr")), Lost, id="onsets before end"),
    pytest.param(replace(BASE, take=raises_floor_first), Torn, id="floor raised before the set is judged"),
    pytest.param(replace(BASE, clears=False), Torn, id="floor raised, event left set"),
    pytest.param(replace(BASE, clears=False, lock_free=False), Torn, id="the same with looks that do not clear"),
    pytest.param(replace(BASE, take=raises_floor_with_every_column), Torn, id="floor raised too far"),
    pytest.param(replace(BASE, take=counts_on_tr_index_alone), Late, id="the old viewer's rule"),
    pytest.param(replace(BASE, take=onset_is_enough), Torn, id="a listed onset"),
    pytest.param(replace(BASE, take=only_the_newest_map), Late, id="only the newest of two hits"),
    pytest.param(
        replace(EARLY, column_settled=lambda begun, whole, ns, gone: begun), Torn, id="a column accepted at once"
    ),
    pytest.param(
        replace(EARLY, column_settled=lambda begun, whole, ns, gone: begun and ns >= COLUMN_STILL_NS),
        Torn,
        id="a column that stands still between two templates",
    ),
    pytest.param(replace(EARLY, map_settled=lambda written, ns, gone: written), Torn, id="a map accepted at once"),
    pytest.param(
        replace(EARLY, map_settled=lambda written, ns, gone: ns >= MAP_STILL_NS), Torn, id="a map still all zero"
    ),
    pytest.param(replace(COUNTED, publishes="arrived"), Torn, id="counted before the scores"),
    pytest.param(replace(COUNTED, publishes="scored"), Torn, id="counted before the signal"),
    pytest.param(replace(COUNTED, publishes="signalled"), Torn, id="counted before the map"),
    pytest.param(
        replace(COUNTED, order=("end", "onsets", "hit", "tr_index", "new_tr", "count")), Torn, id="count after new_tr"
    ),
    pytest.param(replace(BASE, column_settled=lambda *seen: False), Lost, id="no column without a signal"),
    pytest.param(replace(BASE, map_settled=lambda *seen: False), Lost, id="no map without a signal"),
]


@pytest.mark.parametrize(("setting", "error"), WRONG)
def test_wrong_protocols_are_caught(setting: Setting, error: type[AssertionError]) -> None:
    with pytest.raises(error):
        walk(setting)


def test_a_set_is_not_believed_twice() -> None:
    state = poll(Readiness(), 4, False, 10)
    assert state == Readiness(5, 4)
    state = poll(state, 4, True, 10)
    assert state == Readiness(6, 5)
    state = poll(state, 4, False, 10)
    assert state == Readiness(6, 5)
    assert poll(state, 5, None, 10) == Readiness(6, 5)


def test_sleeping_from_one_signal_to_the_next_delays_nothing() -> None:
    state = poll(Readiness(), 4, False, 10)
    state = poll(state, 4, True, 10)
    assert poll(state, 5, True, 10) == Readiness(7, 6)


def test_a_late_viewer_shows_what_the_counter_vouches_for() -> None:
    assert poll(Readiness(), 6, True, 10) == Readiness(7, 6)


def test_the_end_never_shows_unsettled_columns() -> None:
    state = poll(Readiness(5, 4), 4, False, 10)
    assert state.n_final == 5
    assert poll(state, 4, False, 10, next_settled=True).n_final == 6


@pytest.mark.parametrize(("tr_index", "n_final"), [(-1, 0), (-7, 0), (9, 10), (10**6, 10)])
def test_the_counter_cannot_lead_out_of_the_run(tr_index: int, n_final: int) -> None:
    assert poll(Readiness(), tr_index, False, 10).n_final == n_final
    assert poll(Readiness(10, 9), 9, True, 10, True).n_final == 10


def test_two_late_hits_are_both_shown() -> None:
    assert poll_maps((), (3, 8), True, 7, 20) == (3, 8)
    assert poll_maps((), (3, 8), False, 7, 20) == (3,)
    assert poll_maps((8,), (3, 8), True, 7, 20) == (8, 3)
    assert poll_maps((), (3, 8), False, -1, 20, (8,)) == (8,)
    assert poll_maps((), (3, 3, -1, 25), True, 30, 20) == (3,)


def test_what_settles_after_the_end() -> None:
    whole = [column_settled(True, True, ns, False) for ns in (0, COLUMN_STILL_NS - 1, COLUMN_STILL_NS)]
    assert whole == [False, False, True]
    assert not column_settled(True, False, 10**12, False)
    assert [column_settled(True, False, ns, True) for ns in (0, GONE_STILL_NS)] == [False, True]
    assert not column_settled(False, False, 10**12, True)
    assert [map_settled(True, ns, False) for ns in (0, MAP_STILL_NS - 1, MAP_STILL_NS)] == [False, False, True]
    assert [map_settled(True, ns, True) for ns in (0, GONE_STILL_NS)] == [False, True]
    assert not map_settled(False, 10**12, False) and not map_settled(False, 10**12, True)
