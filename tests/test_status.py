"""The state in one word, and how fresh the picture is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rtcog_gl.model.records import no_records
from rtcog_gl.model.scene import Scene, empty_scores
from rtcog_gl.model.session import Live, Session
from rtcog_gl.model.status import processing_ms, status
from rtcog_gl.model.theme import DARK
from rtcog_gl.model.view import View

S = 1_000_000_000
SESSION = Session(nt=300, labels=("A", "B"), hit_thr=1.0, match_start=10, vols_noaction=20)
NOW = 1000 * S


def scene(session: Session = SESSION, age_s: float = 0.4, keeper_lost: str = "", **live: object) -> Scene:
    fields: dict[str, object] = {"n_final": 100, "tr_s": 1.0, "newest_ns": NOW - round(age_s * S)}
    made = Live(**(fields | live))  # type: ignore[arg-type]
    return Scene(session, made, View(), empty_scores(session), no_records(session.nt), NOW, keeper_lost=keeper_lost)


@pytest.mark.parametrize(
    ("live", "word"),
    [
        ({"n_final": 0, "newest_ns": 0}, "WAITING"),
        ({"n_final": 5}, "WAITING"),
        ({"n_final": 10}, "WAITING"),
        ({"n_final": 11}, "MATCHING"),
        ({}, "MATCHING"),
        ({"onsets": (90,)}, "ACTION"),
        ({"onsets": (100,)}, "ACTION"),
        ({"onsets": (80,), "offsets": (95,)}, "COOLDOWN"),
        ({"onsets": (60,), "offsets": (79,)}, "MATCHING"),
        ({"onsets": (60,), "offsets": (80,)}, "COOLDOWN"),
        ({"n_final": 300}, "MATCHING"),
        ({"ended": True}, "ENDED"),
        ({"ended": True, "onsets": (90,)}, "ENDED"),
        ({"lost": "rtcog is gone"}, "STALLED"),
        ({"ended": True, "lost": "rtcog is gone"}, "ENDED"),
    ],
)
def test_words(live: dict[str, object], word: str) -> None:
    got = status(scene(**live))  # type: ignore[arg-type]
    assert got.word == word
    assert len(got.detail) <= 80
    assert DARK.state(word) != DARK.bad or word == "STALLED"


@pytest.mark.parametrize(
    ("age_s", "freshness", "word"),
    [
        (0.0, "fresh", "MATCHING"),
        (1.4, "fresh", "MATCHING"),
        (1.5, "late", "MATCHING"),
        (2.9, "late", "MATCHING"),
        (3.1, "stalled", "STALLED"),
        (500.0, "stalled", "STALLED"),
    ],
)
def test_the_newest_column_ages(age_s: float, freshness: str, word: str) -> None:
    got = status(scene(age_s=age_s))
    assert (got.freshness, got.word) == (freshness, word)
    assert got.age_s == pytest.approx(age_s, abs=0.1)


def test_red_begins_at_three_trs() -> None:
    assert status(scene(age_s=3.0)).freshness == "stalled"


def test_a_tr_known_beforehand_counts_until_one_is_measured() -> None:
    slow = replace(SESSION, expected_tr_s=2.0)
    assert status(scene(slow, 2.9, tr_s=None)).freshness == "fresh"
    assert status(scene(slow, 3.1, tr_s=None)).freshness == "late"
    assert status(scene(slow, 6.1, tr_s=None)).freshness == "stalled"
    assert status(scene(slow, 1.6, tr_s=1.0)).freshness == "late"


def test_without_any_tr_ten_seconds_are_a_stall() -> None:
    assert status(scene(age_s=4.9, tr_s=None)).freshness == "fresh"
    assert status(scene(age_s=5.1, tr_s=None)).freshness == "late"
    assert status(scene(age_s=10.1, tr_s=None)).word == "STALLED"


@pytest.mark.parametrize("live", [{"n_final": 0, "newest_ns": 0}, {"ended": True}])
def test_no_age_before_the_first_column_and_after_the_end(live: dict[str, object]) -> None:
    got = status(scene(**live))  # type: ignore[arg-type]
    assert (got.age_s, got.freshness) == (None, "none")


def test_a_clock_that_is_behind_makes_no_negative_age() -> None:
    assert status(scene(age_s=-5.0)).age_s == 0


def test_a_lost_keeper_stalls_unless_the_session_is_over() -> None:
    assert status(scene(keeper_lost="gone")).word == "STALLED"
    assert status(scene(keeper_lost="gone", ended=True)).word == "ENDED"


@pytest.mark.parametrize(("n_final", "left"), [(82, 0.95), (91, 0.5), (100, 0.05), (81, 1.0)])
def test_what_is_left_of_the_cooldown(n_final: int, left: float) -> None:
    got = status(scene(n_final=n_final, onsets=(60,), offsets=(80,)))
    assert got.word == "COOLDOWN"
    assert got.fraction == pytest.approx(left)
    volumes = round(left * 20)
    assert got.detail == ("1 volume left" if volumes == 1 else f"{volumes} volumes left")


def test_only_a_cooldown_has_a_fraction() -> None:
    assert status(scene()).fraction == 0.0
    assert status(scene(onsets=(60,), offsets=(80,), age_s=9.0)).fraction == 0.0


def test_a_cooldown_at_the_end_of_the_run_ends_with_it() -> None:
    got = status(scene(n_final=291, onsets=(280,), offsets=(290,)))
    assert got.detail == "10 volumes left"
    assert 0 < got.fraction <= 1


def test_processing_is_from_being_handed_over_to_being_published() -> None:
    records = no_records(5)
    records["received"] = [5 * S, 7 * S, 0, 9 * S, 9 * S]
    records["committed"] = [5 * S + 250_000_000, 0, S, 9 * S, 8 * S]
    got = processing_ms(records)
    assert got[[0, 3]].tolist() == [250.0, 0.0]
    assert np.isnan(got[[1, 2, 4]]).all()
    assert processing_ms(records[:0]).shape == (0,)
