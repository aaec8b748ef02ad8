"""No column is shown too early, none is lost, each at the first poll that allows it: in every interleaving."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from walker import Late, Lost, Setting, Torn, walk

from rtcog_gl.model.readiness import (
    FINITE,
    NOT_FINITE,
    NOT_SCORED,
    Readiness,
    poll,
    poll_maps,
    score_kinds,
    shown_scores,
)

RIGHT = [
    pytest.param(Setting(nt=4), id="4 volumes, hits, lock-free"),
    pytest.param(Setting(nt=3, lock_free=False), id="3 volumes, hits, look then clear"),
    pytest.param(Setting(nt=4, hits=False), id="4 volumes"),
    pytest.param(Setting(nt=4, hits=False, lock_free=False), id="4 volumes, look then clear"),
    pytest.param(Setting(nt=4, match_start=2), id="4 volumes, 2 not scored, hits"),
    pytest.param(Setting(nt=3, match_start=1, may_stop_early=True), id="stopped early, hits"),
    pytest.param(
        Setting(nt=4, match_start=2, may_stop_early=True, lock_free=False),
        id="4 volumes, stopped early, look then clear",
    ),
]


@pytest.mark.parametrize("setting", RIGHT)
def test_every_interleaving_is_shown_right(setting: Setting) -> None:
    states, finished = walk(setting)
    assert states > 1000
    assert finished > 10


def raises_floor_first(state, tr_index, new_tr, ended, nt, written=False):
    return poll(Readiness(state.n_final, max(state.floor, tr_index)), tr_index, new_tr, ended, nt, written)


def never_clears(state, tr_index, new_tr, ended, nt, written=False):
    return poll(state, tr_index, new_tr, ended, nt, written)[0], False


def raises_floor_with_every_column(state, tr_index, new_tr, ended, nt, written=False):
    new, clear = poll(state, tr_index, new_tr, ended, nt, written)
    return Readiness(new.n_final, new.n_final), clear


def counts_on_tr_index_alone(state, tr_index, new_tr, ended, nt, written=False):
    return poll(state, tr_index, None, False, nt)


def trusts_memory(state, tr_index, new_tr, ended, nt, written=False):
    return poll(state, tr_index, new_tr, True, nt, written)


def onset_is_enough(final, onsets, hit, tr_index, ended, nt):
    return poll_maps(final, onsets, hit, tr_index, True, nt)


def only_the_newest_map(final, onsets, hit, tr_index, ended, nt):
    return poll_maps(final, onsets[-1:], hit, tr_index, ended, nt)


BASE = Setting(nt=3)
WRONG = [
    pytest.param(replace(BASE, order=("end", "onsets", "hit", "new_tr", "tr_index")), Torn, id="new_tr first"),
    pytest.param(replace(BASE, order=("end", "hit", "onsets", "tr_index", "new_tr")), Torn, id="hit before onsets"),
    pytest.param(replace(BASE, order=("onsets", "hit", "tr_index", "new_tr", "end")), Lost, id="end last"),
    pytest.param(replace(BASE, order=("onsets", "end", "hit", "tr_index", "new_tr")), Lost, id="onsets before end"),
    pytest.param(replace(BASE, columns=raises_floor_first), Torn, id="floor raised before the set is judged"),
    pytest.param(replace(BASE, columns=never_clears, lock_free=False), Torn, id="floor raised, event left set"),
    pytest.param(replace(BASE, columns=raises_floor_with_every_column), Torn, id="floor raised too far"),
    pytest.param(replace(BASE, columns=counts_on_tr_index_alone), Late, id="the old viewer's rule"),
    pytest.param(replace(BASE, columns=trusts_memory), Torn, id="memory that is no longer zero"),
    pytest.param(replace(BASE, pictures=onset_is_enough), Torn, id="a listed onset"),
    pytest.param(replace(BASE, pictures=only_the_newest_map), Late, id="only the newest of two hits"),
]


@pytest.mark.parametrize(("setting", "error"), WRONG)
def test_wrong_protocols_are_caught(setting: Setting, error: type[AssertionError]) -> None:
    with pytest.raises(error):
        walk(setting)


def test_a_set_is_not_believed_twice() -> None:
    state, clear = poll(Readiness(), 4, False, False, 10)
    assert (state, clear) == (Readiness(5, 4), False)
    state, clear = poll(state, 4, True, False, 10)
    assert (state, clear) == (Readiness(6, 5), True)
    state, clear = poll(state, 4, False, False, 10)
    assert (state, clear) == (Readiness(6, 5), False)
    state, _ = poll(state, 5, None, False, 10)
    assert state == Readiness(6, 5)


def test_sleeping_from_one_signal_to_the_next_delays_nothing() -> None:
    state, _ = poll(Readiness(), 4, False, False, 10)
    state, _ = poll(state, 4, True, False, 10)
    state, _ = poll(state, 5, True, False, 10)
    assert state == Readiness(7, 6)


def test_a_late_viewer_shows_what_the_counter_vouches_for() -> None:
    state, clear = poll(Readiness(), 6, True, False, 10)
    assert (state.n_final, state.floor, clear) == (7, 6, True)


def test_the_end_never_shows_unwritten_columns() -> None:
    state, _ = poll(Readiness(5, 4), 4, False, True, 10, next_written=False)
    assert state.n_final == 5
    state, _ = poll(state, 4, False, True, 10, next_written=True)
    assert state.n_final == 6


@pytest.mark.parametrize(("tr_index", "n_final"), [(-1, 0), (-7, 0), (9, 10), (10**6, 10)])
def test_the_counter_cannot_lead_out_of_the_run(tr_index: int, n_final: int) -> None:
    assert poll(Readiness(), tr_index, False, False, 10)[0].n_final == n_final
    assert poll(Readiness(10, 9), 9, True, True, 10, True)[0].n_final == 10


def test_two_late_hits_are_both_shown() -> None:
    assert poll_maps((), (3, 8), True, 7, False, 20) == (3, 8)
    assert poll_maps((), (3, 8), False, 7, False, 20) == (3,)
    assert poll_maps((8,), (3, 8), True, 7, False, 20) == (8, 3)
    assert poll_maps((), (3, 3, -1, 25), True, 30, True, 20) == (3,)


def test_not_measured_is_not_zero() -> None:
    scores = np.array([[0, 0, 0, np.inf], [0, 0, np.nan, 2]], np.float32)
    shown = shown_scores(scores, 4, 5)
    np.testing.assert_array_equal(shown, np.array([[np.nan, 0, 0, np.inf], [np.nan, 0, np.nan, 2]], np.float32))
    assert shown.base is None and shown.flags.c_contiguous
    assert score_kinds(scores, 4, 5).tolist() == [
        [NOT_SCORED, FINITE, FINITE, NOT_FINITE],
        [NOT_SCORED, FINITE, NOT_FINITE, FINITE],
    ]
    assert np.isnan(shown_scores(scores, 0, 9)).all()
    assert not np.isnan(shown_scores(scores, 9, 0)[0]).any()
