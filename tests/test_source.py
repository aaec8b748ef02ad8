"""The source follows real events, real shared memory and a real manager, and turns whatever is wrong into sentences."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from multiprocessing.managers import RemoteError
from multiprocessing.shared_memory import SharedMemory
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest
from walker import PUBLISHED

from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.session import proxies
from rtcog_gl.session import source as source_module
from rtcog_gl.session.arrivals import Arrivals
from rtcog_gl.session.contract import StreamingConfig
from rtcog_gl.session.describe import describe
from rtcog_gl.session.proxies import Lists, ListsReader, rating, ratings
from rtcog_gl.session.published import DUE_NS, SILENT_VOLUMES
from rtcog_gl.session.signals import SPARING_S, Look
from rtcog_gl.session.source import HIT_NS, LATER_S, QUIET_S, SOON_S, RtcogSource
from rtcog_gl.session.synthetic.scripted import ScriptedSession
from rtcog_gl.session.volumes import VolumeWriter

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux sleeps for a semaphore")
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


@contextmanager
def following(session: ScriptedSession, **changes: Any) -> Iterator[RtcogSource]:
    given = {"config": session.config, "sync": session.sync, "onsets": session.onsets, "offsets": session.offsets}
    given |= {"responses": session.responses, **changes}
    volumes = given.pop("volumes", None)
    source = RtcogSource(*given.values(), segment_prefix=session.segment_prefix, volumes=volumes)
    try:
        yield source
    finally:
        source.close()


def until(source: RtcogSource, holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Poll until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"still waiting; {source.live}"
        source.poll()
        time.sleep(0.0005)


def settle(source: RtcogSource, polls: int = 40) -> None:
    """Poll for a while, for things that must not happen."""
    for _ in range(polls):
        source.poll()
        time.sleep(0.0005)


def scores(nt: int = 12, n: int = 3) -> np.ndarray:
    return np.arange(1, n * nt + 1, dtype=np.float32).reshape(n, nt)


@pytest.fixture
def no_hit_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no hit follow a column, so that what else makes polls frequent can be seen."""
    monkeypatch.setattr(source_module, "HIT_NS", 0)


def test_each_column_is_shown_at_the_next_poll() -> None:
    with ScriptedSession(scores()) as session, following(session) as source:
        for t in range(12):
            session.run_until("tr_index", t)
            source.poll()
            for _ in range(3):
                session.run_until("score", t)
                source.poll()
                assert source.live.n_final == t, "shown before the signal"
            session.run_until("new_tr.set", t)
            assert source.poll()
            assert source.live.n_final == t + 1, "not shown at the first poll after the signal"
            assert source.final_ns[0, t] == source.live.newest_ns > 0
        assert not session.sync.new_tr.is_set()
        assert not source.live.ended


def test_a_viewer_that_sleeps_from_signal_to_signal_is_not_late() -> None:
    with ScriptedSession(scores()) as session, following(session) as source:
        for t in range(12):
            session.run_until("new_tr.set", t)
            source.poll()
            assert source.live.n_final == t + 1


def test_the_last_column_and_the_end() -> None:
    with ScriptedSession(scores()) as session, following(session) as source:
        session.run_volume(10)
        source.poll()
        assert source.live.n_final == 9
        session.finish()
        until(source, lambda: source.live.ended)
        assert source.live.n_final == 12
        assert not source.poll()
        np.testing.assert_array_equal(source.segments["scores"].array((3, 12), np.float32), scores())


def test_a_viewer_that_comes_after_the_end_is_told_and_shows_no_zeros() -> None:
    with ScriptedSession(scores()) as session:
        session.run_volume(5)
        session.sync.end.set()
        with following(session) as source:
            until(source, lambda: source.live.ended)
            # Volume 4 was written, and `tr_index` says 3: its memory is not zero, and stands still.
            assert source.live.n_final == 5


def test_volumes_before_matching_become_final_without_scores() -> None:
    with ScriptedSession(scores(), match_start=3) as session, following(session) as source:
        seen = []
        for t in range(5):
            session.run_until("tr_index", t)
            source.poll()
            seen.append(source.live.n_final)
            session.run_volume()
            source.poll()
            seen.append(source.live.n_final)
        assert seen == [0, 0, 1, 1, 2, 2, 3, 4, 4, 5]
        assert not source.segments["scores"].array((3, 12), np.float32)[:, :3].any()


def test_a_map_waits_for_its_hit() -> None:
    with ScriptedSession(scores(), {4: np.arange(8) + 1.0}) as session, following(session) as source:
        session.run_until("onset", 4)
        until(source, lambda: source.live.onsets == (4,))
        settle(source)
        assert source.live.maps == ()
        assert source.wait_hint() == SOON_S
        session.run_until("map", 4)
        settle(source)
        assert source.live.maps == ()
        session.run_until("hit.set", 4)
        source.poll()
        assert source.live.maps == (4,)
        assert source.final_ns[1, 4] == source.live.map_ns > 0
        np.testing.assert_array_equal(source.segments["maps"].array((8, 12), np.float32)[:, 4], np.arange(8) + 1.0)


def test_a_hit_that_was_missed_is_vouched_for_by_the_counter() -> None:
    with ScriptedSession(scores(), {4: np.ones(8)}) as session, following(session) as source:
        session.run_until("hit.set", 4)
        session.sync.hit.clear()
        until(source, lambda: source.live.onsets == (4,))
        settle(source)
        assert source.live.maps == ()
        session.run_volume(2)
        source.poll()
        assert source.live.maps == (4,)


def test_two_hits_noticed_in_one_go_both_appear() -> None:
    hits = {2: np.full(8, 2.0), 8: np.full(8, 8.0)}
    with ScriptedSession(scores(), hits, vols_noaction=1) as session:
        session.run_until("hit.set", 2)
        session.end_action()
        session.run_until("hit.set", 8)
        with following(session) as source:
            until(source, lambda: len(source.live.maps) == 2)
            assert source.live.maps == (2, 8)
            maps = source.segments["maps"].array((8, 12), np.float32)
            assert [maps[0, t] for t in source.live.maps] == [2.0, 8.0]


def test_a_hit_in_the_very_last_volume() -> None:
    with ScriptedSession(scores(), {11: np.ones(8)}) as session, following(session) as source:
        source.poll()
        session.finish()
        until(source, lambda: source.live.ended)
        assert (source.live.n_final, source.live.onsets, source.live.maps) == (12, (11,), (11,))


def test_answers_belong_to_their_own_action() -> None:
    hits = {1: np.ones(8), 6: np.ones(8)}
    with (
        ScriptedSession(scores(), hits, questions=("mood", "pace"), vols_noaction=1) as session,
        following(session) as source,
    ):
        assert source.session.questions == ("mood", "pace")
        session.run_until("hit.set", 1)
        settle(source)
        assert source.live.answers == ()
        session.end_action({"pace": (3, 0.5), "mood": (5, 1.0)})
        session.run_until("offset")
        until(source, lambda: bool(source.live.answers))
        assert [(a.onset, a.ratings) for a in source.live.answers] == [(1, (5, 3))]
        session.run_until("hit.set", 6)
        session.responses.clear()
        session.responses.update({"mood": (1, 2.0), "pace": (None, None)})
        until(source, lambda: source.live.onsets == (1, 6))
        settle(source, 1500)
        assert [(a.onset, a.ratings) for a in source.live.answers] == [(1, (5, 3))], "filled anew, not ended yet"
        session.sync.action_end.set()
        session.finish()
        until(source, lambda: source.live.ended)
        assert [(a.onset, a.ratings) for a in source.live.answers] == [(1, (5, 3)), (6, (1, None))]


def test_the_last_answers_come_without_an_offset() -> None:
    with ScriptedSession(scores(), {11: np.ones(8)}, questions=("mood",)) as session, following(session) as source:
        _ = source.session
        session.run_until("hit.set", 11)
        session.end_action({"mood": (4, 1.0)})
        session.finish()
        until(source, lambda: source.live.ended)
        assert source.live.offsets == ()
        assert [(a.onset, a.ratings) for a in source.live.answers] == [(11, (4,))]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((4, 1.5), 4),
        ([2], 2),
        ((), None),
        (None, None),
        ((None, None), None),
        (3.5, 3.5),
        (np.int64(3), 3),
        ((np.float32(2.5), 1), 2.5),
        (float("nan"), None),
        ("often", "often"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_ratings_of_any_shape(value: Any, expected: Any) -> None:
    assert rating(value) == expected
    assert ratings({"q": value}, ("none", "q")) == (None, expected)


def test_a_real_manager_and_its_death() -> None:
    ctx = multiprocessing.get_context("spawn" if sys.platform == "win32" else "fork")
    manager = ctx.Manager()
    lists = {"onsets": manager.list(), "offsets": manager.list(), "responses": manager.dict({"mood": (None, None)})}
    with ScriptedSession(scores(), {2: np.ones(8)}, context=ctx, **lists) as session, following(session) as source:
        assert source.session.questions == ("mood",)
        session.run_until("hit.set", 2)
        until(source, lambda: source.live.maps == (2,))
        manager.shutdown()
        until(source, lambda: len(source.messages) == 2)
        assert all("manager is gone" in message for message in source.messages)
        session.sync.tr_index.value = 4
        assert source.poll()
        assert source.live.n_final == 5
        session.sync.end.set()
        until(source, lambda: source.live.ended)
        assert len(source.messages) == 2


class Dropped:
    """A list that its manager lets go of, as a spawned process's proxies find it when rtcog's own process is done."""

    def __init__(self) -> None:
        self.values: list[int] | None = []

    def __getitem__(self, key: Any) -> Any:
        if self.values is None:
            lines = ["-" * 75, "Traceback (most recent call last):", "  id_to_obj[ident]", "KeyError: '7ffa'", "-" * 75]
            raise RemoteError("\n".join(lines))
        return self.values[key]

    def __len__(self) -> int:
        return len(self[:])

    def append(self, t: int) -> None:
        if self.values is not None:
            self.values.append(t)


def test_lists_that_their_manager_let_go_of_are_gone_and_are_said_in_one_line() -> None:
    onsets = Dropped()
    with ScriptedSession(scores(), {2: np.ones(8)}, onsets=onsets) as session, following(session) as source:
        session.run_until("hit.set", 2)
        until(source, lambda: source.live.maps == (2,))
        onsets.values = None
        until(source, lambda: bool(source.messages))
        assert "manager is gone (RemoteError: KeyError: '7ffa')" in source.messages[0]


def test_lists_that_go_with_the_end_of_the_run_are_not_worth_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "EVERY_S", 0.01)
    onsets = Dropped()
    with ScriptedSession(scores(), {2: np.ones(8)}, onsets=onsets) as session, following(session) as source:
        session.run_until("hit.set", 2)
        until(source, lambda: source.live.maps == (2,))
        since = time.monotonic_ns() + 10_000_000
        until(source, lambda: source._threads[0].read_since(since))
        session.sync.end.set()
        onsets.values = None
        until(source, lambda: source.live.ended)
        assert source.live.onsets == (2,)
        assert source.messages == ()


def test_a_session_without_manager_and_without_volumes_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that dies of an exception shuts its manager down and then waits for the viewer, for ever if need be."""
    monkeypatch.setattr("rtcog_gl.session.source.LEAVING_S", 0.5)
    monkeypatch.setattr("rtcog_gl.session.source.LEAVING_TRS", 0.0)
    ctx = multiprocessing.get_context("spawn" if sys.platform == "win32" else "fork")
    manager = ctx.Manager()
    lists = {"onsets": manager.list(), "offsets": manager.list()}
    with ScriptedSession(scores(), {}, context=ctx, **lists) as session, following(session) as source:
        session.run_until("new_tr.set", 2)
        until(source, lambda: source.live.n_final >= 2)
        assert not source.live.lost
        manager.shutdown()
        until(source, lambda: bool(source.live.lost))
        assert "manager is gone and no volume came" in source.live.lost
        assert source.live.n_final >= 2


@posix
def test_a_manager_that_hangs_costs_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtcog_gl.session.proxies.HANGS_S", 0.2)
    ctx = multiprocessing.get_context("fork")
    manager = ctx.Manager()
    onsets, offsets = manager.list(), manager.list()
    pid = manager._process.pid
    with (
        ScriptedSession(scores(), context=ctx) as session,
        following(session, onsets=onsets, offsets=offsets) as source,
    ):
        source.poll()
        os.kill(pid, signal.SIGSTOP)
        try:
            until(source, lambda: bool(source.messages))
            assert "has not answered" in source.messages[0]
            session.run_volume(3)
            source.poll()
            assert source.live.n_final in (2, 3)
            session.sync.end.set()
            until(source, lambda: source.live.ended, 30)
        finally:
            os.kill(pid, signal.SIGCONT)
    manager.shutdown()


def test_the_poll_takes_no_lock_and_touches_no_proxy() -> None:
    ctx = multiprocessing.get_context("spawn" if sys.platform == "win32" else "fork")
    with ScriptedSession(scores(), {2: np.ones(8)}, context=ctx) as session, following(session) as source:
        if not Look(session.sync.new_tr).lock_free:
            pytest.skip("this system has no lock-free look")
        until(source, lambda: source._segments.settled)
        sync = session.sync
        with sync.new_tr._cond, sync.hit._cond, sync.end._cond, sync.tr_index.get_lock():
            # The locks belong to this thread, which could take them again, so another one polls.
            import threading

            polled: list[int] = []
            poller = threading.Thread(target=lambda: polled.extend(source.poll() for _ in range(50)), daemon=True)
            poller.start()
            poller.join(10)
            assert len(polled) == 50


def test_without_lock_free_looks_the_events_are_asked_sparingly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtcog_gl.session.signals._flag", lambda event: None)
    with ScriptedSession(scores(), {4: np.ones(8)}) as session:
        counts: dict[str, int] = {}

        def counted(name: str) -> Any:
            event = getattr(session.sync, name)

            def is_set() -> bool:
                counts[name] = counts.get(name, 0) + 1
                return bool(event.is_set())

            return SimpleNamespace(is_set=is_set, clear=event.clear)

        names = ("new_tr", "hit", "end", "shm_ready", "action_end")
        sync = replace(session.sync, **{name: counted(name) for name in names})
        with following(session, sync=sync) as source:
            source.poll()
            for t in range(12):
                session.run_volume()
                source.poll()
                assert source.live.n_final == t + 1
                if t == 4:
                    until(source, lambda: source.live.maps == (4,))
                    session.end_action()
            counts.clear()
            began = time.monotonic()
            settle(source, 600)
            passed = time.monotonic() - began
            for name in ("new_tr", "hit", "end"):
                assert 1 <= counts[name] <= passed / SPARING_S + 2, counts
            session.finish()
            until(source, lambda: source.live.ended)
            assert source.live.n_final == 12


def config(**changes: Any) -> StreamingConfig:
    mask = nibabel.Nifti1Image(np.ones((4, 2, 1), np.uint8), AFFINE)
    with ScriptedSession(scores(), mask_img=mask) as session:
        return replace(session.config, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Nt": 0}, "Nt is 0, expected a whole number >= 1"),
        ({"Nt": "many"}, "Nt is 'many'"),
        ({"Nt": True}, "Nt is True"),
        ({"hit_thr": None}, "hit_thr is None, expected a finite number"),
        ({"template_labels": []}, r"template_labels is \[\], expected a list"),
        ({"template_labels": None}, "template_labels is None"),
        ({"matching_opts": None}, "match_start is None, expected a whole number >= 0"),
        ({"mask_img": None}, "mask_img is None, expected an image"),
        ({"mask_img": "mask.nii"}, "The mask cannot be used"),
        ({"Nv": 5}, "Nv is 5, expected 8, the voxels in the mask; the map is off"),
        ({"Nv": -1}, "Nv is -1, expected a whole number >= 1"),
    ],
)
def test_bad_configurations_become_sentences(changes: dict[str, Any], words: str) -> None:
    import re

    described = describe(config(**changes))
    assert any(re.search(words, message) for message in described.messages), described.messages
    assert all(message.endswith(".") for message in described.messages)
    if "mask_img" in changes or "Nv" in changes:
        assert described.grid is None
        assert described.session.nt == 12


def test_numbers_may_be_numpys() -> None:
    described = describe(
        config(Nt=np.int64(12), Nv=np.int32(8), hit_thr=np.float32(1.5), template_labels=np.array(["a", "a"]))
    )
    assert described.messages == ()
    assert (described.session.nt, described.session.nv, described.session.labels) == (12, 8, ("a", "a"))


def test_unit_comes_from_a_configuration_that_has_one() -> None:
    assert describe(config(unit="z")).session.unit == "z"
    plain = config(unit="z")
    rtcogs = {field.name: getattr(plain, field.name) for field in fields(plain) if field.name != "unit"}
    assert len(rtcogs) == 8
    described = describe(SimpleNamespace(**rtcogs))
    assert (described.session.unit, described.messages) == ("", ())
    assert describe(config(unit=None)).session.unit == ""


@pytest.mark.parametrize(
    ("mask", "rows", "shown", "nv"),
    [
        (np.ones((4, 2, 1)), 8, True, 8),
        (np.ones((4, 2, 1, 1)), 8, True, 8),
        (np.full((4, 2, 1), 3.0), 8, True, 8),
        (np.full((4, 2, 1), 3.0), 24, True, 8),
        (np.full((4, 2, 1), 0.5), 4, False, 4),
        (np.full((4, 2, 1), 3.0), 23, False, 23),
        (np.array([[[1.0]], [[-1.0]], [[1.0]], [[np.nan]]]), 2, True, 2),
        (np.ones((2, 2, 1, 2)), 8, False, 8),
        (np.zeros((4, 2, 1)), 8, False, 8),
    ],
)
def test_masks_that_are_not_0_and_1(mask: np.ndarray, rows: int, shown: bool, nv: int) -> None:
    described = describe(config(mask_img=nibabel.Nifti1Image(mask.astype(np.float32), AFFINE), Nv=rows))
    assert (described.grid is not None, described.session.nv) == (shown, nv)
    assert described.rows == rows
    assert len(described.messages) == (0 if (rows == 8 and shown) or rows == 2 else 1)


def test_voxels_are_numbered_first_axis_fastest() -> None:
    mask = np.zeros((3, 2, 2), np.uint8)
    mask[2, 0, 0] = mask[0, 1, 0] = mask[1, 0, 1] = 1
    grid = describe(config(mask_img=nibabel.Nifti1Image(mask, AFFINE), Nv=3)).grid
    assert np.flatnonzero(grid.inside).tolist() == [2, 3, 7]


def test_a_wrong_mask_costs_the_map_not_the_scores() -> None:
    with (
        ScriptedSession(scores()) as session,
        following(session, config=replace(session.config, mask_img=object())) as source,
    ):
        session.run_volume(3)
        source.poll()
        assert source.grid is None
        assert source.live.n_final in (2, 3)
        assert len(source.messages) == 1
        assert "scores" in source.segments


@pytest.mark.parametrize("changes", [{"Nt": 0}, {"template_labels": []}, {"Nv": 0}])
def test_an_unusable_configuration_is_still_followed_to_its_end(changes: dict[str, Any]) -> None:
    with (
        ScriptedSession(scores()) as session,
        following(session, config=replace(session.config, **changes)) as source,
    ):
        session.finish()
        until(source, lambda: source.live.ended)
        assert source.live.n_final == (0 if "Nt" in changes else source.live.n_final)
        assert len(source.messages) >= 1


@pytest.mark.parametrize("responses", [[1, 2], "answers", 3])
def test_responses_that_are_no_dict(responses: Any) -> None:
    with ScriptedSession(scores()) as session, following(session, responses=responses) as source:
        kind = type(responses).__name__
        assert source.messages == (f"responses is a {kind}, expected a dict, a proxy of one, or None.",)
        assert source.session.questions == ()


def test_lists_that_are_no_lists_cost_a_sentence() -> None:
    with ScriptedSession(scores()) as session, following(session, onsets=None) as source:
        until(source, lambda: bool(source.messages))
        assert "could not be read: TypeError" in source.messages[0]
        session.run_volume(2)
        source.poll()
        assert source.live.n_final in (1, 2)


def test_segments_that_are_missing_come_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtcog_gl.session.attach.MISSING_NS", 50_000_000)
    with ScriptedSession(scores()) as session:
        source = RtcogSource(session.config, session.sync, [], [], None, segment_prefix=session.segment_prefix + "x")
        until(source, lambda: len(source.messages) == 2)
        assert (
            "match_scores cannot be opened (there is none), expected 144 for 3 templates x 12 TRs" in source.messages[0]
        )
        assert source.segments == {}
        late = [
            SharedMemory(name=f"{session.segment_prefix}x{n}", create=True, size=s)
            for n, s in (("match_scores", 144), ("tr_data", 384))
        ]
        try:
            until(source, lambda: set(source.segments) == {"scores", "maps"})
        finally:
            source.close()
            for segment in late:
                segment.close()
                segment.unlink()


def test_a_segment_that_is_too_small() -> None:
    with ScriptedSession(scores()) as session:
        small = replace(session.config, template_labels=[f"T{i}" for i in range(2000)])
        with following(session, config=small) as source:
            until(source, lambda: "maps" in source.segments)
            size = 144 if sys.platform == "linux" else "[0-9]+"
            assert any(f"holds {size} bytes, expected 96000 for 2000 templates x 12 TRs" in m for m in source.messages)
            assert "scores" not in source.segments
            session.run_volume(3)
            source.poll()
            assert source.live.n_final in (2, 3)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux does not round segments up")
def test_more_templates_in_the_segment_than_labels() -> None:
    with (
        ScriptedSession(scores()) as session,
        following(session, config=replace(session.config, template_labels=["a", "b"])) as source,
    ):
        until(source, lambda: "scores" in source.segments)
        assert source.segments["scores"].array((2, 12), np.float32).shape == (2, 12)
        source.poll()
        assert any("holds 144 bytes, expected 96 for 2 templates x 12 TRs" in m for m in source.messages)


def test_a_stale_segment_is_noticed_and_replaced() -> None:
    with ScriptedSession(scores()) as session:
        prefix = session.segment_prefix + "s"
        stale = [
            SharedMemory(name=f"{prefix}{n}", create=True, size=s) for n, s in (("match_scores", 144), ("tr_data", 384))
        ]
        np.ndarray((3, 12), np.float32, stale[0].buf)[:] = 7
        session.sync.shm_ready.clear()
        source = RtcogSource(session.config, session.sync, [], [], None, segment_prefix=prefix)
        fresh = []
        try:
            until(source, lambda: bool(source.messages))
            assert "already holds scores at TR 1 while tr_index is -1" in source.messages[0]
            for segment in stale:
                segment.unlink()
            fresh = [SharedMemory(name=s.name, create=True, size=s.size) for s in stale]
            session.sync.shm_ready.set()
            if sys.platform != "win32":
                until(source, lambda: source.segments["scores"].buf[:144] == fresh[0].buf[:144])
                until(source, lambda: source.messages == ())
        finally:
            source.close()
            for segment in stale + fresh:
                segment.close()
            for segment in fresh:
                segment.unlink()


def test_column_0_before_the_counter_moves_is_not_stale() -> None:
    with ScriptedSession(scores()) as session:
        session.run_volume()
        with following(session) as source:
            settle(source)
            assert source.messages == ()
            assert source.live.n_final == 1


def test_a_session_that_unlinks_its_segments_stays_readable() -> None:
    with ScriptedSession(scores()) as session, following(session) as source:
        until(source, lambda: len(source.segments) == 2)
        session.finish()
        until(source, lambda: source.live.ended)
        with pytest.raises(FileNotFoundError):
            SharedMemory(name=f"{session.segment_prefix}match_scores")
        assert source.segments["scores"].array((3, 12), np.float32)[2, 11] == 36


class Clock:
    """The source's time, which passes only when `until` is called: a millisecond a poll."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ns = 10**9
        monkeypatch.setattr(source_module.time, "monotonic_ns", lambda: self.ns)

    def until(self, source: RtcogSource, holds: Callable[[], bool]) -> float:
        """Poll until something holds, and return the seconds that passed."""
        began = self.ns
        for _ in range(20_000):
            if holds():
                return (self.ns - began) / 1e9
            self.ns += 1_000_000
            source.poll()
            # For the threads that read the proxies.
            time.sleep(0.0002)
        raise AssertionError(f"still waiting; {source.live}")


def test_an_operators_end_in_the_middle_of_a_column_leaves_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with ScriptedSession(scores()) as session, following(session) as source:
        session.run_volume(3)
        source.poll()
        session.run_until("score", 3)
        session.sync.end.set()
        passed = clock.until(source, lambda: source.live.ended)
        assert (source.live.n_final, 5.9 < passed < 6.2) == (3, True)
        assert source.messages == ("The scores of TR 3 were not complete when the session ended; they are left out.",)


def test_an_operators_end_after_a_whole_column_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with ScriptedSession(scores()) as session, following(session) as source:
        session.run_volume(3)
        source.poll()
        for _ in range(3):
            session.run_until("score", 3)
        session.sync.end.set()
        passed = clock.until(source, lambda: source.live.ended)
        assert (source.live.n_final, 0.25 <= passed < 0.4, source.messages) == (4, True, ())


@pytest.mark.parametrize("finished", [True, False])
def test_an_operators_end_in_the_middle_of_a_map(monkeypatch: pytest.MonkeyPatch, finished: bool) -> None:
    clock = Clock(monkeypatch)
    with ScriptedSession(scores(), {2: np.ones(8)}) as session, following(session) as source:
        session.run_until("onset", 2)
        clock.until(source, lambda: source.live.onsets == (2,))
        session.sync.end.set()
        voxels = iter(range(8) if finished else ())

        def writing() -> bool:
            # A voxel every 300 ms: nothing stands still for long enough, and the end is not waited for for ever.
            if clock.ns % 300_000_000 < 1_000_000 and (t := next(voxels, None)) is not None:
                session.segments.maps[t, 2] = 1.0
            assert source.live.maps == () or session.segments.maps[:, 2].all()
            return source.live.ended

        passed = clock.until(source, writing)
        assert source.live.maps == ((2,) if finished else ())
        assert passed < 6.2
        left_out = "The map of TR 2 was not complete when the session ended; it is left out."
        assert source.messages == (() if finished else (left_out,))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell that a segment was removed")
def test_rtcogs_own_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with ScriptedSession(scores(), {11: np.ones(8)}) as session, following(session) as source:
        source.poll()
        session.finish()
        session.sync.hit.clear()
        session.sync.new_tr.clear()
        passed = clock.until(source, lambda: source.live.ended)
        assert (source.live.n_final, source.live.maps, source.messages) == (12, (11,), ())
        assert passed < 0.2


def test_a_signal_after_an_operators_end_still_counts() -> None:
    with ScriptedSession(scores()) as session, following(session) as source:
        session.run_volume(3)
        source.poll()
        session.run_until("score", 3)
        session.sync.end.set()
        settle(source)
        assert (source.live.ended, source.live.n_final) == (False, 3)
        session.run_until("new_tr.set", 3)
        source.poll()
        assert source.live.n_final == 4
        until(source, lambda: source.live.ended)


def test_true_zeros_nan_and_infinity_are_columns_like_others() -> None:
    values = scores()
    values[:, 3], values[:, 4], values[:, 11] = 0, np.nan, np.inf
    with ScriptedSession(values) as session, following(session) as source:
        for t in range(12):
            session.run_volume()
            source.poll()
            assert source.live.n_final == t + 1


def test_a_tr_is_the_median_of_its_arrivals() -> None:
    arrivals = Arrivals()
    arrivals.see(-1, 0)
    assert (arrivals.tr_s, arrivals.under_way(1)) == (None, None)
    now = 10**9
    for t, gap in enumerate([1.0, 1.0, 1.0, 9.0, 1.1, 1.0]):
        now += int(gap * 1e9)
        arrivals.see(t, now)
        assert arrivals.under_way(now) == t + 1
    assert arrivals.tr_s == 1.0
    arrivals.see(9, now + 1)
    assert arrivals.tr_s == 1.0
    assert arrivals.under_way(now + 3 * 10**9) is None
    assert [arrivals.due(now + ms * 10**6) for ms in (0, 790, 810, 5000)] == [False, False, True, True]


def test_a_volume_is_not_looked_for_before_one_was_ever_done() -> None:
    arrivals, ms = Arrivals(), 10**6
    arrivals.see(-1, 0)
    for t, took in enumerate((30, 20, 40)):
        now = (t + 1) * 1000 * ms
        arrivals.see(t, now)
        assert arrivals.not_before_ns(now) == (0 if t == 0 else int(0.7 * (30 if t == 1 else 20) * ms))
        arrivals.done(t, now + ms)  # The volume before: says nothing of how long volumes take.
        arrivals.done(t + 1, now + took * ms)
    assert arrivals.not_before_ns(3000 * ms + 10 * ms) == 4 * ms
    assert arrivals.not_before_ns(3000 * ms + 15 * ms) == 0


@pytest.mark.usefixtures("no_hit_expected")
@linux
def test_a_signal_ends_the_pause_and_its_column_is_shown() -> None:
    with ScriptedSession(scores()) as session, following(session) as source:
        session.run_volume()
        source.poll()
        for t in range(1, 6):
            session.run_until("tr_index", t)
            source.poll()
            assert source.wait_hint() == QUIET_S
            session.run_until("new_tr.set", t)
            source.pause(60.0)
            assert not session.sync.new_tr.is_set()
            assert source.poll()
            assert source.live.n_final == t + 1


@linux
def test_a_signal_that_ended_a_pause_vouches_for_no_later_column() -> None:
    """It came after the counter of the poll before, whatever the counter is by the time of the next poll."""
    with ScriptedSession(scores()) as session, following(session) as source:
        session.run_volume()
        source.poll()
        session.run_volume()
        source.pause(60.0)
        session.run_until("tr_index", 2)
        source.poll()
        assert source.live.n_final == 2
        session.run_until("new_tr.set", 2)
        source.poll()
        assert source.live.n_final == 3


def test_polls_are_rare_while_a_volume_cannot_be_done_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RtcogSource, "_wakes", False)
    clock = SimpleNamespace(ns=10**9)
    monkeypatch.setattr(source_module.time, "monotonic_ns", lambda: clock.ns)
    with ScriptedSession(scores()) as session, following(session) as source:
        for t in range(4):
            clock.ns += 10**9
            session.run_until("tr_index", t)
            source.poll()
            clock.ns += 100_000_000
            session.run_volume()
            source.poll()
            clock.ns -= 100_000_000
        clock.ns += 10**9
        session.run_until("tr_index", 4)
        source.poll()
        hints = []
        for ms in (0, 60, 67, 69, 71):
            now, clock.ns = clock.ns, clock.ns + ms * 1_000_000
            source.poll()
            hints.append(source.wait_hint())
            clock.ns = now
        assert hints == [LATER_S, LATER_S, 0.003, SOON_S, SOON_S]


@pytest.mark.usefixtures("no_hit_expected")
def test_polls_are_frequent_only_while_something_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RtcogSource, "_wakes", False)
    with ScriptedSession(scores()) as session, following(session) as source:
        source.poll()
        assert source.wait_hint() == LATER_S
        session.run_volume()
        session.run_until("tr_index", 1)
        source.poll()
        assert source.wait_hint() == SOON_S
        session.run_volume()
        source.poll()
        assert (source.live.n_final, source.wait_hint()) == (2, LATER_S)


def test_polls_are_frequent_while_a_hit_can_follow_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(ns=10**9)
    monkeypatch.setattr(source_module.time, "monotonic_ns", lambda: clock.ns)
    monkeypatch.setattr(RtcogSource, "_wakes", False)
    with ScriptedSession(scores()) as session, following(session) as source:
        session.run_volume()
        source.poll()
        hints = []
        for ns in (0, HIT_NS - 1, 1):
            clock.ns += ns
            source.poll()
            hints.append(source.wait_hint())
        assert hints == [SOON_S, SOON_S, LATER_S]


def test_polls_are_rare_while_no_volume_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(ns=10**9)
    monkeypatch.setattr(source_module.time, "monotonic_ns", lambda: clock.ns)
    with ScriptedSession(scores()) as session, following(session) as source:
        for t in range(4):
            clock.ns += 10**9
            session.run_until("tr_index", t)
            source.poll()
            session.run_volume()
            source.poll()
        hints = []
        for _ in range(12):
            clock.ns += 100_000_000
            source.poll()
            hints.append(source.wait_hint())
        assert hints == [QUIET_S] * 7 + [LATER_S] * 5


def test_questions_that_were_not_there_at_the_start_are_columns_too() -> None:
    """The dictionary can be caught empty: the participant's side clears it before it fills it."""
    responses: dict[str, Any] = {}
    with ScriptedSession(scores(), {2: np.ones(8)}, responses=responses) as session, following(session) as source:
        assert source.session.questions == ()
        session.run_until("hit.set", 2)
        until(source, lambda: source.live.maps == (2,))
        session.end_action({"mood": (3, 1.0), "focus": (None, None)})
        until(source, lambda: bool(source.live.answers))
        assert source.live.questions == ("mood", "focus")
        assert source.live.answers[0].ratings == (3, None)
        assert not source.messages


@contextmanager
def publishing(nt: int = 12, nv: int = 8, **options: Any) -> Iterator[VolumeWriter]:
    options = {"slots": 4, "rule": HitRule(1.5, 2, 1, 0.3), "templates": np.ones((3, nv), np.float32)} | options
    writer = VolumeWriter(nt, nv, **options)
    try:
        yield writer
    finally:
        writer.close()


def publish(writer: VolumeWriter, t: int) -> None:
    times = {"received": 1, "processed": 2, "cooldown_end": 0, "action": False}
    writer.publish(t, np.full(writer.info.nv, t, np.float32), motion=[0] * 6, norm_change=0.0, **times)


class NotedLists:
    """Stands in for the reader of the lists, and notes when its value is looked at."""

    def __init__(self, reader: ListsReader, note: Callable[[str], None]) -> None:
        self._reader, self._note = reader, note

    @property
    def value(self) -> Lists:
        self._note("onsets")
        return self._reader.value


@pytest.mark.parametrize("lock_free", [True, False])
def test_a_poll_looks_in_the_order_that_the_walk_proves(monkeypatch: pytest.MonkeyPatch, lock_free: bool) -> None:
    looked: list[str] = []

    def noted(name: str, look: Callable[..., Any]) -> Callable[..., Any]:
        def ask(*words: Any) -> Any:
            looked.append(name)
            return look(*words)

        return ask

    with (
        publishing() as writer,
        ScriptedSession(scores(), {4: np.ones(8)}) as session,
        following(session, volumes=writer.info) as source,
    ):
        looks = {"end": source._end, "hit": source._hit, "new_tr": source._new_tr}
        for name, look in looks.items():
            monkeypatch.setattr(look, "lock_free", lock_free)
            monkeypatch.setattr(look, "ask", noted(name, look.ask))
        monkeypatch.setattr(source, "_tr_index", noted("tr_index", source._tr_index))
        monkeypatch.setattr(source._published, "count", noted("count", source._published.count))
        monkeypatch.setattr(source, "_lists", NotedLists(source._lists, looked.append))
        for t in range(6):
            session.run_volume()
            publish(writer, t)
            looked.clear()
            source.poll()
            assert tuple(looked) == PUBLISHED
        source._rung = True
        looked.clear()
        source.poll()
        assert tuple(looked) == PUBLISHED


def test_a_record_vouches_for_the_column_when_its_signal_was_lost() -> None:
    with (
        publishing() as writer,
        ScriptedSession(scores()) as session,
        following(session, volumes=writer.info) as source,
    ):
        for t in range(12):
            session.run_volume()
            session.sync.new_tr.clear()
            source.poll()
            assert (source.live.n_final, source.live.n_volumes) == (t, t)
            publish(writer, t)
            assert source.poll()
            assert (source.live.n_final, source.live.n_volumes) == (t + 1, t + 1)
        session.finish()
        until(source, lambda: source.live.ended)
        assert (source.live.n_volumes, source.messages) == (12, ())


def test_a_record_never_lets_the_next_signal_count_twice() -> None:
    with (
        publishing() as writer,
        ScriptedSession(scores()) as session,
        following(session, volumes=writer.info) as source,
    ):
        session.run_volume(2)
        publish(writer, 1)
        source.poll()
        assert source.live.n_final == 2
        session.run_until("score", 2)
        source.poll()
        assert source.live.n_final == 2
        session.run_until("new_tr.set", 2)
        source.poll()
        assert (source.live.n_final, source.live.n_volumes) == (3, 2)


def test_a_record_vouches_for_the_map_of_a_hit_that_was_missed() -> None:
    with (
        publishing() as writer,
        ScriptedSession(scores(), {4: np.ones(8)}) as session,
        following(session, volumes=writer.info) as source,
    ):
        session.run_until("hit.set", 4)
        session.sync.hit.clear()
        until(source, lambda: source.live.onsets == (4,))
        settle(source)
        assert source.live.maps == ()
        publish(writer, 4)
        source.poll()
        assert (source.live.maps, source.live.n_final) == ((4,), 5)


def test_a_session_says_what_is_published() -> None:
    with (
        publishing() as writer,
        ScriptedSession(scores()) as session,
        following(session, volumes=writer.info) as source,
    ):
        until(source, lambda: set(source.segments) == {"scores", "maps", "volumes"})
        assert source.volumes == writer.info
        found = source.session
        assert (found.rule, found.slots, found.volume_records, found.has_templates) == (writer.info.rule, 4, True, True)
        assert found == replace(
            describe(session.config).session, rule=found.rule, slots=4, volume_records=True, has_templates=True
        )
        assert source.messages == ()


def test_less_than_was_wanted_is_said_to_the_operator() -> None:
    with publishing() as writer, ScriptedSession(scores()) as session:
        info = replace(writer.info, note="4 instead of 12 volumes are kept whole.")
        with following(session, volumes=info) as source:
            assert source.messages == (info.note,)


@pytest.mark.usefixtures("no_hit_expected")
def test_without_volumes_the_session_is_rtcogs_alone() -> None:
    with ScriptedSession(scores()) as session, following(session) as source:
        until(source, lambda: set(source.segments) == {"scores", "maps"})
        assert source.session == describe(session.config).session
        assert source.volumes is None
        for t in range(5):
            session.run_volume()
            source.poll()
            assert (source.live.n_final, source.live.n_volumes, source.wait_hint()) == (t + 1, 0, LATER_S)
        assert source.messages == ()


@pytest.mark.parametrize(
    ("options", "slots", "templates", "words"),
    [
        ({"nv": 9}, 0, False, "publishes volumes of 9 voxels, expected 8; live maps are off"),
        ({"nv": 9, "slots": 0, "templates": None}, 0, False, ""),
        ({"templates": np.ones((2, 8), np.float32)}, 4, False, "publishes 2 template maps, expected 3"),
        ({"templates": None, "slots": 0}, 0, False, ""),
    ],
)
def test_what_does_not_fit_costs_the_live_maps_not_the_records(
    options: dict[str, Any], slots: int, templates: bool, words: str
) -> None:
    with (
        publishing(**options) as writer,
        ScriptedSession(scores()) as session,
        following(session, volumes=writer.info) as source,
    ):
        found = source.session
        assert (found.slots, found.has_templates, found.volume_records) == (slots, templates, True)
        assert len(source.messages) == bool(words)
        assert all(words in message and message.endswith(".") for message in source.messages)
        session.run_volume()
        publish(writer, 0)
        source.poll()
        assert source.live.n_volumes == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "rtgl_nowhere"}, "rtgl_nowhere"),
        ({"nt": 13}, "is for 13 volumes, expected 12"),
        ({"slots": 5}, "too small|not the one announced"),
        ({"slots": -1}, "said to have"),
        ({"nv": "many"}, "'<' not supported"),
    ],
)
def test_volumes_that_cannot_be_read_are_a_sentence(changes: dict[str, Any], words: str) -> None:
    import re

    with (
        publishing() as writer,
        ScriptedSession(scores()) as session,
        following(session, volumes=replace(writer.info, **changes)) as source,
    ):
        session.run_volume(2)
        publish(writer, 1)
        source.poll()
        assert len(source.messages) == 1
        assert re.search(words, source.messages[0]), source.messages
        assert source.session == describe(session.config).session
        assert (source.volumes, source.live.n_volumes) == (None, 0)
        assert "volumes" not in source.segments


def test_volumes_of_another_type_are_a_sentence() -> None:
    with ScriptedSession(scores()) as session, following(session, volumes={"name": "x"}) as source:
        assert source.messages == ("volumes is a dict, expected VolumesInfo or None.",)


def test_a_producer_that_falls_silent_is_said_until_it_is_back() -> None:
    with (
        publishing() as writer,
        ScriptedSession(scores()) as session,
        following(session, volumes=writer.info) as source,
    ):
        session.run_volume(2)
        publish(writer, 1)
        source.poll()
        said = []
        for _ in range(5):
            session.run_volume()
            source.poll()
            source.poll()
            said.append(len(source.messages))
        assert said == [0, 0, 1, 1, 1]
        assert "since TR 1" in source.messages[0]
        assert (source.live.n_final, source.live.n_volumes) == (7, 2)
        publish(writer, 6)
        source.poll()
        source.poll()
        assert source.messages == ()
        assert source.live.n_volumes == 7


def test_a_producer_that_never_published_is_said() -> None:
    with (
        publishing() as writer,
        ScriptedSession(scores()) as session,
        following(session, volumes=writer.info) as source,
    ):
        for _ in range(SILENT_VOLUMES):
            session.run_volume()
            source.poll()
        source.poll()
        assert len(source.messages) == 1
        assert "rtcog has published no motion, times or live maps yet;" in source.messages[0]


@pytest.mark.usefixtures("no_hit_expected")
def test_a_record_is_waited_for_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(ns=10**9)
    monkeypatch.setattr(source_module.time, "monotonic_ns", lambda: clock.ns)
    with (
        publishing() as writer,
        ScriptedSession(scores()) as session,
        following(session, volumes=writer.info) as source,
    ):
        hints = []

        def after(ns: int) -> float:
            clock.ns += ns
            source.poll()
            return source.wait_hint()

        for t in range(6):
            clock.ns += 10**9
            session.run_until("tr_index", t)
            source.poll()
            session.run_volume()
            if t < 3:
                hints.append(after(0))
                publish(writer, t)
                hints.append(after(0))
            else:
                hints += [after(0), after(DUE_NS - 1), after(1)]
        published = [SOON_S, LATER_S] * 3
        given_up = [SOON_S, SOON_S, QUIET_S]
        assert hints == published + given_up * 2 + [LATER_S, QUIET_S, QUIET_S]


@pytest.mark.usefixtures("no_hit_expected")
def test_a_volume_that_is_not_scored_is_waited_for_where_it_has_a_record() -> None:
    with (
        publishing() as writer,
        ScriptedSession(scores(), match_start=9) as session,
        following(session, volumes=writer.info) as source,
        following(session) as plain,
    ):
        hints = []
        for t in range(3):
            session.run_until("tr_index", t)
            for each in (source, plain):
                each.poll()
            hints.append((source.wait_hint(), plain.wait_hint()))
            session.run_volume()
            publish(writer, t)
            source.poll()
            assert (source.live.n_final, source.wait_hint()) == (t + 1, LATER_S)
        # Nobody has seen the counter move before the second volume.
        assert hints == [(LATER_S, LATER_S), (SOON_S, LATER_S), (SOON_S, LATER_S)]
