"""The gates against rtcog's decision: written anew from its rules here, and its own detector where it can be had."""

from __future__ import annotations

import importlib
import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtcog_gl.model.gates import NAMES, NOT_PUBLISHED, Decision, decide
from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.model.records import VolumeRecords, no_records
from rtcog_gl.model.session import Live, Session

RULE = HitRule(1.0, nconsec_vols=2, nonline=1, mot_thr=0.2)
SESSION = Session(nt=60, labels=("A", "B", "C"), hit_thr=1.0, match_start=10, vols_noaction=5, rule=RULE)

Detect = Callable[[int, np.ndarray, list[float]], "tuple[int | None, str]"]


@dataclass(frozen=True)
class Case:
    """A run as it could be."""

    session: Session
    scores: np.ndarray
    """(templates, nt), float32, as rtcog computes them; those before `match_start` are never seen."""

    motion: np.ndarray
    """(nt, 6)"""

    survey: int
    """Volumes that a survey takes."""


@dataclass(frozen=True)
class Run:
    """What came of it."""

    onsets: tuple[int, ...]
    offsets: tuple[int, ...]
    records: VolumeRecords
    held: tuple[str, ...]
    """Why each volume was no hit; empty for a hit."""


class Detector:
    """rtcog's hit rule in plain loops, with the name of the gate that it stopped at."""

    def __init__(self, rule: HitRule) -> None:
        self.rule = rule
        self.norm: float | None = None

    def feed(self, motion: list[float]) -> float:
        norm = math.sqrt(sum(x * x for x in motion))
        change = math.nan if self.norm is None else norm - self.norm
        self.norm = norm
        return change

    def __call__(self, t: int, scores: np.ndarray, change: float) -> str:
        rule = self.rule
        if rule.mot_thr is not None and change > rule.mot_thr:
            return "motion"
        above = [k for k in range(len(scores)) if scores[k, t] >= rule.hit_thr]
        if not above:
            return "threshold"
        if len(above) > rule.nonline:
            return "one at a time"
        best = above[0]
        for k in above:
            if scores[k, t] > scores[best, t]:
                best = k
        for back in range(1, rule.nconsec_vols):
            if t - back < 0 or not scores[best, t - back] >= rule.hit_thr:
                return "in a row"
        return ""


def play(case: Case, agrees: Callable[[int, np.ndarray, list[float], str], None] | None = None) -> Run:
    """Go through a run volume by volume, in the order of rtcog's own steps."""
    session, rule = case.session, case.session.rule
    assert rule is not None
    detector = Detector(rule)
    seen = np.zeros_like(case.scores, dtype=np.float64)
    records = no_records(session.nt)
    onsets: list[int] = []
    offsets: list[int] = []
    held = []
    last_end, running, left = 0, False, 0
    for t in range(session.nt):
        motion = case.motion[t].tolist()
        if running and left == 0:
            running, last_end = False, t
            offsets.append(t)
        left = max(0, left - 1)
        if t == max(0, session.match_start - 1):
            detector.feed(motion)
        change, why = math.nan, ""
        if t < session.match_start:
            why = "matching"
        else:
            seen[:, t] = case.scores[:, t]
            if running:
                why = "survey"
            elif t < last_end + session.vols_noaction:
                why = "cooldown"
            else:
                change = detector.feed(motion) if rule.mot_thr is not None else math.nan
                why = detector(t, seen, change)
                if agrees is not None:
                    agrees(t, seen, motion, why)
        record = records[t]
        record["received"], record["processed"], record["committed"] = 3 * t + 1, 3 * t + 2, 3 * t + 3
        record["motion"], record["norm_change"] = motion, change
        record["cooldown_end"], record["action"] = last_end + session.vols_noaction, running
        held.append(why)
        if not why:
            onsets.append(t)
            running, left = True, case.survey
    return Run(tuple(onsets), tuple(offsets), records, tuple(held))


def shown(case: Case) -> np.ndarray:
    """Return the scores as the viewer has them."""
    scores = case.scores.copy()
    scores[:, : case.session.match_start] = np.nan
    return scores


@st.composite
def cases(draw: st.DrawFn, motion: bool = True) -> Case:
    nt, n = draw(st.integers(1, 24)), draw(st.integers(1, 4))
    # Halves, so that scores just at the threshold are as usual as others.
    values = st.one_of(st.integers(-3, 4).map(lambda k: k / 2), st.just(math.nan), st.floats(-2, 2, width=32))
    usual = st.integers(-1, 4).map(lambda k: k / 2)
    cells = draw(st.lists(st.one_of(usual, values), min_size=n * nt, max_size=n * nt))
    rule = HitRule(
        draw(st.sampled_from((-1.0, -0.5, 0.0, 0.5, 1.0))),
        draw(st.integers(1, 4)),
        draw(st.integers(0, 3)),
        draw(st.one_of(st.none(), st.sampled_from((0.0, 0.2, 1.0)))) if motion else None,
    )
    start, cooldown = draw(st.integers(0, nt + 1)), draw(st.integers(0, 6))
    session = Session(nt, tuple("ABCD"[:n]), rule.hit_thr, start, cooldown, rule=rule)
    steps = draw(st.lists(st.integers(-4, 4), min_size=6 * nt, max_size=6 * nt))
    walk = np.array(steps, np.float64).reshape(nt, 6).cumsum(axis=0) / 20
    return Case(session, np.array(cells, np.float32).reshape(n, nt), walk, draw(st.integers(1, 4)))


def told(case: Case, run: Run, records: VolumeRecords, t: int, n_final: int) -> Decision:
    """Return what the viewer says of a volume when `n_final` of them are there."""
    live = Live(
        n_final=n_final,
        onsets=tuple(o for o in run.onsets if o < n_final),
        offsets=tuple(o for o in run.offsets if o < n_final),
    )
    return decide(case.session, live, shown(case), records, t)


@settings(max_examples=300)
@given(cases())
def test_the_gate_that_held_is_the_one_at_which_rtcog_stopped(case: Case) -> None:
    run = play(case)
    for t, why in enumerate(run.held):
        for n_final in (t + 1, case.session.nt):
            got = told(case, run, run.records, t, n_final)
            assert tuple(gate.name for gate in got.gates) == NAMES
            assert (got.reason.name if got.reason else "") == why
            assert got.outcome == ("held" if why else "hit")
            assert got.remark == ""


@settings(max_examples=300)
@given(cases(motion=False))
def test_without_records_surveys_and_cooldowns_follow_from_what_is_listed(case: Case) -> None:
    run, nothing = play(case), no_records(case.session.nt)
    for t, why in enumerate(run.held):
        for n_final in (t + 1, case.session.nt):
            got = told(case, run, nothing, t, n_final)
            assert (got.reason.name if got.reason else "") == why
            assert got.outcome == ("held" if why else "hit")


@settings(max_examples=150)
@given(cases())
def test_what_is_not_published_is_never_guessed(case: Case) -> None:
    run, plain = play(case), replace(case.session, rule=None)
    for t, why in enumerate(run.held):
        live = Live(n_final=case.session.nt, onsets=run.onsets, offsets=run.offsets)
        got = decide(plain, live, shown(case), no_records(case.session.nt), t)
        verdicts = {gate.name: gate for gate in got.gates}
        for name in ("motion", "one at a time", "in a row"):
            assert (verdicts[name].verdict, verdicts[name].value) == ("unknown", NOT_PUBLISHED)
        known = {"matching", "survey", "cooldown", "threshold"}
        if why in known:
            assert got.reason is not None
            assert got.reason.name == why
        elif why:
            assert got.reason is None or got.reason.name == "threshold"
            assert got.outcome in ("unknown", "held")
        else:
            assert got.outcome == "hit"


@given(cases(), st.integers(-3, 30))
def test_a_volume_that_is_not_there_has_no_verdicts(case: Case, t: int) -> None:
    run = play(case)
    live = Live(n_final=case.session.nt // 2, onsets=run.onsets, offsets=run.offsets)
    got = decide(case.session, live, shown(case), run.records, t)
    there = 0 <= t < live.n_final
    assert got.t == (t if there else -1)
    assert there or ({gate.verdict for gate in got.gates}, got.hit, got.remark) == ({"unknown"}, False, "")


@pytest.fixture(scope="module")
def rtcog_detector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return rtcog's own modules of the hit rule, and leave no trace of the package."""
    path, before = os.environ.get("RTCOG_PATH", ""), set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        # It opens a log file in the current folder as soon as it is imported.
        patch.chdir(tmp_path_factory.mktemp("rtcog"))
        if path:
            patch.syspath_prepend(path)
        try:
            modules = [importlib.import_module(f"rtcog.matching.{name}") for name in ("hit_detector", "hit_opts")]
        except ImportError as error:
            pytest.skip(f"rtcog cannot be imported: {error}; RTCOG_PATH is {path!r}")
    yield modules
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "rtcog":
            del sys.modules[name]


@settings(max_examples=200)
@given(case=cases())
def test_rtcogs_own_detector_decides_the_same(rtcog_detector: Any, case: Case) -> None:
    detectors, options = rtcog_detector
    rule = case.session.rule
    assert rule is not None
    made = options.HitOpts(rule.nconsec_vols, rule.hit_thr, rule.nonline, rule.mot_thr is not None, rule.mot_thr)
    detector = detectors.HitDetector(made)
    detector.calculate_enorm_diff(case.motion[max(0, min(case.session.match_start, case.session.nt) - 1)].tolist())

    def agrees(t: int, scores: np.ndarray, motion: list[float], why: str) -> None:
        hit = detector.detect(t, list(case.session.labels), scores, motion)
        assert (hit is not None) == (why == "")
        if hit is not None:
            best = np.nanargmax(scores[:, t])
            assert scores[case.session.labels.index(hit), t] == scores[best, t]

    play(case, agrees)


def at(
    t: int,
    columns: dict[int, tuple[float, float, float]],
    session: Session = SESSION,
    onsets: tuple[int, ...] = (),
    offsets: tuple[int, ...] = (),
    **record: Any,
) -> dict[str, tuple[str, str]]:
    """Return name -> (verdict, value line)."""
    scores = np.zeros((3, session.nt), np.float32)
    for tr, column in columns.items():
        scores[:, tr] = column
    scores[:, : session.match_start] = np.nan
    records = no_records(session.nt)
    if record:
        for name, value in ({"committed": 1, "norm_change": 0.1, "cooldown_end": 5} | record).items():
            records[t][name] = value
    got = decide(session, Live(n_final=session.nt, onsets=onsets, offsets=offsets), scores, records, t)
    return {gate.name: (gate.verdict, gate.value) for gate in got.gates}


def test_value_lines_say_what_the_verdicts_rest_on() -> None:
    got = at(30, {29: (0, 1.5, 0), 30: (0, 1.25, 0.5)}, action=0)
    assert got == {
        "matching": ("open", "since TR 10"),
        "survey": ("open", "none running"),
        "cooldown": ("open", "over"),
        "motion": ("open", "0.10 ≤ 0.2"),
        "threshold": ("open", "0.25 above"),
        "one at a time": ("open", "1 above, 1 allowed"),
        "in a row": ("open", "2 of 2"),
    }
    got = at(30, {30: (1.5, 1.25, 0.5)}, action=1, cooldown_end=44, norm_change=0.3125)
    assert got == {
        "matching": ("open", "since TR 10"),
        "survey": ("closed", "action not ended"),
        "cooldown": ("closed", "14 left"),
        "motion": ("closed", "0.31 > 0.2"),
        "threshold": ("open", "0.50 above"),
        "one at a time": ("closed", "2 above, 1 allowed"),
        "in a row": ("closed", "1 of 2"),
    }
    got = at(5, {})
    assert got["matching"] == ("closed", "from TR 10")
    assert got["motion"] == ("unknown", "not known")
    assert got["threshold"] == got["in a row"] == ("unknown", "no score")


@pytest.mark.parametrize(
    ("best", "value"),
    [
        (0.69, "0.31 below"),
        (1.0, "just at it"),
        (0.9995, "0.0005 below"),
        (1.0 - 2**-20, "just at it"),
        (-99999.0, "1e+05 below"),
        (math.inf, "inf above"),
        (math.nan, "not a number"),
    ],
)
def test_the_best_scores_distance_from_the_threshold(best: float, value: str) -> None:
    lower = best - 1 if math.isfinite(best) else math.nan
    verdict, got = at(30, {30: (lower, best, lower)})["threshold"]
    assert got == value
    assert verdict == ("open" if best >= 1 else "closed")


@pytest.mark.parametrize(
    ("change", "value"),
    [
        (-0.15, f"{chr(0x2212)}0.15 ≤ 0.2"),
        (0.2, "0.20 ≤ 0.2"),
        (0.2004, "0.2004 > 0.2"),
        (np.nextafter(0.2, 1), "0.20000000000000004 > 0.2"),
        (math.nan, "nothing to compare with"),
    ],
)
def test_motion_is_told_apart_from_its_limit(change: float, value: str) -> None:
    verdict, got = at(30, {}, norm_change=change)["motion"]
    assert got == value
    assert verdict == ("closed" if change > 0.2 else "open")


def test_motion_that_is_not_thresholded_is_open() -> None:
    session = replace(SESSION, rule=replace(RULE, mot_thr=None))
    assert at(30, {}, session, norm_change=99.0)["motion"] == ("open", "not used")


def test_a_score_just_at_a_threshold_that_no_float32_is_counts() -> None:
    session = replace(SESSION, hit_thr=0.7, rule=replace(RULE, hit_thr=0.7))
    assert at(30, {30: (0.7, 0, 0)}, session)["threshold"] == ("open", "just at it")


def test_unscored_volumes_count_as_zero_in_a_row() -> None:
    for threshold, verdict in ((-0.5, "open"), (0.5, "closed")):
        session = replace(SESSION, hit_thr=threshold, rule=HitRule(threshold, 3, 3))
        got = at(10, {10: (0.6, 0.6, 0.6)}, session)["in a row"]
        assert got == (verdict, "3 of 3" if verdict == "open" else "1 of 3")


def test_a_run_begins_with_a_cooldown() -> None:
    session = replace(SESSION, match_start=0, vols_noaction=5)
    assert [at(t, {}, session)["cooldown"] for t in (0, 4, 5)] == [
        ("closed", "5 left"),
        ("closed", "1 left"),
        ("open", "over"),
    ]


def test_a_cooldown_does_not_outlast_the_run() -> None:
    assert at(58, {}, offsets=(57,))["cooldown"] == ("closed", "2 left")


def test_an_onset_is_no_survey_yet_and_an_offset_none_any_more() -> None:
    verdicts = [at(t, {}, onsets=(20,), offsets=(24,))["survey"][0] for t in (19, 20, 21, 23, 24, 25)]
    assert verdicts == ["open", "open", "closed", "closed", "open", "open"]


def test_what_does_not_agree_is_said() -> None:
    columns = np.full((3, 60), 0.5, np.float32)
    columns[1, 29:31] = 1.5
    records = no_records(60)
    records["committed"], records["norm_change"] = 1, 0.0
    nothing, listed = Live(n_final=60), Live(n_final=60, onsets=(30, 40))
    got = decide(SESSION, nothing, columns, records, 30)
    assert (got.outcome, got.reason, got.remark) == ("odd", None, "all open, no hit listed")
    got = decide(SESSION, listed, columns, records, 30)
    assert (got.outcome, got.remark) == ("hit", "")
    got = decide(SESSION, listed, columns, records, 40)
    assert (got.outcome, got.remark) == ("odd", "hit listed, threshold closed")
    got = decide(replace(SESSION, rule=None), nothing, columns, records, 30)
    assert (got.outcome, got.remark) == ("unknown", "the rest is not known")
