"""Actions, cooldowns, hits and the state word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtcog_gl.model.actions import (
    HitMarker,
    action_blocks,
    action_state,
    best_template,
    cooldown_blocks,
    hit_marker,
    hit_markers,
    state_word,
)
from rtcog_gl.model.session import ActionState, Live, Session

TRS = st.lists(st.integers(-3, 40), max_size=8)


@pytest.mark.parametrize(
    ("onsets", "offsets", "now", "blocks"),
    [
        ([], [], 5, ()),
        ([10], [], 14, ((10, 14),)),
        ([10], [], 9, ((10, 10),)),
        ([10], [15], 50, ((10, 15),)),
        ([10, 30], [15], 34, ((10, 15), (30, 34))),
        ([30, 10], [35, 15], 50, ((10, 15), (30, 35))),
        ([10, 10], [15, 15], 50, ((10, 15),)),
        ([], [15], 50, ()),
        ([10, 20], [25], 50, ((10, 20), (20, 25))),
        ([10, 20], [], 22, ((10, 20), (20, 22))),
        ([10, 15], [15, 18], 50, ((10, 15), (15, 18))),
        ([-1, 10, 100], [15, 130], 50, ((10, 15),)),
        ([98], [], 200, ((98, 100),)),
    ],
)
def test_action_blocks(onsets, offsets, now, blocks) -> None:
    assert action_blocks(onsets, offsets, now, 100) == blocks


@pytest.mark.parametrize(
    ("onsets", "offsets", "vols", "blocks"),
    [
        ([10], [15], 5, ((15, 20),)),
        ([10], [15], 0, ()),
        ([10], [97], 5, ((97, 100),)),
        ([], [15], 5, ((15, 20),)),
        ([10, 30], [15, 35], 5, ((15, 20), (35, 40))),
        ([10, 16], [15, 18], 5, ((15, 16), (18, 23))),
        ([10, 15], [15, 18], 5, ((18, 23),)),
        ([], [15, 15, 17, -2, 100], 5, ((15, 17), (17, 22))),
    ],
)
def test_cooldown_blocks(onsets, offsets, vols, blocks) -> None:
    assert cooldown_blocks(onsets, offsets, vols, 100) == blocks


@given(TRS, TRS, st.integers(-1, 45), st.integers(0, 10))
def test_no_tr_is_shaded_twice(onsets, offsets, now, vols) -> None:
    actions = action_blocks(onsets, offsets, now, 30)
    cooldowns = cooldown_blocks(onsets, offsets, vols, 30)
    for blocks in (actions, cooldowns):
        flat = [t for block in blocks for t in block]
        assert flat == sorted(flat)
        assert all(0 <= t <= 30 for t in flat)
    assert [start for start, _ in actions] == sorted({t for t in onsets if 0 <= t < 30})


def old_viewer(onsets, offsets, last_t, vols) -> ActionState:
    """Step through the TRs as rtcog's own viewer does."""
    in_action, end, hit = False, None, False
    for t in range(last_t + 1):
        hit = False
        if t in offsets:
            in_action, end = False, t + vols
        if t in onsets and not in_action:
            hit = in_action = True
    return ActionState(onsets, offsets, in_action, bool(offsets) and last_t < offsets[-1] + vols, end, hit)


@pytest.mark.parametrize("last_t", range(-1, 40))
@pytest.mark.parametrize(
    ("onsets", "offsets"), [([], []), ([10], []), ([10], [15]), ([10, 22], [15, 30]), ([10, 15], [15, 18])]
)
def test_action_state_is_rtcogs(onsets, offsets, last_t) -> None:
    assert action_state(onsets, offsets, last_t, 6) == old_viewer(onsets, offsets, last_t, 6)


SESSION = Session(nt=100, labels=("a", "b"), hit_thr=1.0, match_start=5, vols_noaction=4, questions=("mood",))
S = 1_000_000_000


@pytest.mark.parametrize(
    ("live", "now_s", "word", "detail"),
    [
        (Live(), 0, "WAITING", "waiting for the first volume"),
        (Live(n_final=3), 0, "WAITING", "matching starts at TR 5"),
        (Live(n_final=5), 0, "WAITING", "matching starts at TR 5"),
        (Live(n_final=6), 0, "MATCHING", ""),
        (Live(n_final=20, onsets=(19,)), 0, "ACTION", "survey on screen since TR 19"),
        (Live(n_final=20, onsets=(20,)), 0, "ACTION", "survey on screen since TR 20"),
        (Live(n_final=26, onsets=(20,), offsets=(25,)), 0, "COOLDOWN", "4 volumes left"),
        (Live(n_final=29, onsets=(20,), offsets=(25,)), 0, "COOLDOWN", "1 volume left"),
        (Live(n_final=30, onsets=(20,), offsets=(25,)), 0, "MATCHING", ""),
        (Live(n_final=26, onsets=(20, 25), offsets=(25,)), 0, "ACTION", "survey on screen since TR 25"),
        (Live(n_final=99, onsets=(20,), offsets=(98,)), 0, "COOLDOWN", "2 volumes left"),
        (Live(n_final=20, newest_ns=S, tr_s=2.0), 6.9, "MATCHING", ""),
        (Live(n_final=20, newest_ns=S, tr_s=2.0), 7.2, "STALLED", "no volume for 6 s"),
        (Live(n_final=20, newest_ns=S), 7.2, "MATCHING", ""),
        (Live(n_final=20, newest_ns=S), 12, "STALLED", "no volume for 11 s"),
        (
            Live(n_final=100, newest_ns=S, tr_s=2.0),
            60,
            "MATCHING",
            "all volumes received; waiting for the end of the run",
        ),
        (Live(n_final=100, ended=True), 60, "ENDED", "after 100 of 100 volumes"),
        (Live(n_final=99, ended=True), 60, "ENDED", "early, after 99 of 100 volumes"),
        (Live(n_final=20, lost="rtcog is gone"), 0, "STALLED", "rtcog is gone"),
    ],
)
def test_state_word(live: Live, now_s: float, word: str, detail: str) -> None:
    assert state_word(SESSION, live, int(now_s * S)) == (word, detail)


def test_a_run_without_matching_says_so() -> None:
    session = Session(nt=10, labels=("a",), hit_thr=1.0, match_start=10)
    assert state_word(session, Live(n_final=4)) == (
        "WAITING",
        "no matching in this run: match_start is 10, the run has 10 volumes",
    )


@pytest.mark.parametrize(
    ("column", "template"),
    [
        ([1, 3, 2], 1),
        ([np.nan, -4, -3], 2),
        ([np.inf, 1, 0], 1),
        ([2, 2], 0),
        ([0, 0], 0),
        ([np.nan, np.inf], None),
        ([], None),
    ],
)
def test_best_template(column, template) -> None:
    assert best_template(np.array(column, np.float32)) == template
    expected = None if template is None else HitMarker(template, column[template])
    assert hit_marker(np.array(column, np.float32)) == expected
    several = np.array([column, column], np.float32).reshape(2, -1).T
    assert hit_markers(several) == [expected, expected]


def test_the_cooldown_that_a_run_begins_with_is_said() -> None:
    """rtcog compares with an offset of 0 before there is one."""
    session = replace(SESSION, match_start=2, vols_noaction=10)
    assert state_word(session, Live(n_final=10)) == ("MATCHING", "no hit before TR 10")
    assert state_word(session, Live(n_final=11)) == ("MATCHING", "")


def test_without_questions_there_is_no_survey_to_speak_of() -> None:
    session = replace(SESSION, questions=())
    assert state_word(session, Live(n_final=20, onsets=(19,))) == ("ACTION", "action since TR 19")
