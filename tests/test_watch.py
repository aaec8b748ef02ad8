"""The window's watcher: scores first, records all, the newest volume whole, and memory given back after the end."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_keeper import wait_for

from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.model.session import Live, Session, Stamps, Update
from rtcog_gl.model.volume import MaskGrid
from rtcog_gl.session.board import BoardReader, BoardWriter, SegmentInfo, Static
from rtcog_gl.session.segments import ReadOnlySegment
from rtcog_gl.session.volumes import VolumeWriter
from rtcog_gl.window import jobs, volume_feed, watch
from rtcog_gl.window.columns import Columns
from rtcog_gl.window.latency import LatencyLog, Shown
from rtcog_gl.window.watch import Watcher

posix = pytest.mark.skipif(os.name != "posix", reason="descriptors are POSIX")

NT, NV, SLOTS = 10, 6, 4
TEMPLATES = np.arange(2 * NV, dtype=np.float32).reshape(2, NV)
RULE = HitRule(0.5, 2, 1, 0.3)


class Rig:
    """A board, rtcog's segments and a producer's, and a watcher that looks when it is told to."""

    def __init__(
        self, *, published: bool = True, by_fd: bool = False, grid: MaskGrid | None = None, **changes: Any
    ) -> None:
        self.shm = [SharedMemory(create=True, size=4 * rows * NT) for rows in (2, NV)]
        self.scores = np.ndarray((2, NT), np.float32, self.shm[0].buf)
        self.maps = np.ndarray((NV, NT), np.float32, self.shm[1].buf)
        self.scores[:] = np.arange(2 * NT).reshape(2, NT)
        self.writer = VolumeWriter(NT, NV, slots=SLOTS, templates=TEMPLATES, rule=RULE) if published else None
        session = Session(nt=NT, labels=("A", "B"), hit_thr=0.5, nv=NV)
        info = None
        if self.writer is not None:
            info = replace(self.writer.info, **changes)
            session = replace(session, rule=RULE, slots=SLOTS, volume_records=True, has_templates=True)
        shapes = ((2, NT), (NV, NT))
        infos = [SegmentInfo(s.name, shape, "float32") for s, shape in zip(self.shm, shapes, strict=True)]
        self.board = BoardWriter(Static(session, infos[0], infos[1], volumes=info), grid)
        self.reader = BoardReader(self.board.name)
        fds: dict[str, int | None] = {}
        if by_fd and info is not None:
            with_names = ReadOnlySegment(info.name)
            fds = {"volumes": os.dup(with_names.fd)}
            with_names.close()
        self.columns = Columns(self.reader, fds)
        self.wakes = 0
        self.watcher = Watcher(self.reader, self.columns, None, self._wake)
        self.live = Live()

    def _wake(self) -> None:
        self.wakes += 1

    def publish(self, *volumes: int, column: bool = True) -> None:
        for t in volumes:
            assert self.writer is not None
            self.writer.publish(
                t,
                np.full(NV, t, np.float32) if column else None,
                received=1,
                processed=2,
                motion=[t] * 6,
                norm_change=0.1,
                cooldown_end=0,
                action=False,
            )

    def look(self, **fields: Any) -> list[Update]:
        """Publish a state and return what the watcher makes of it, until it has nothing more to do."""
        updates = self.look_once(**fields)
        while len(self.watcher._background):
            updates += self.look_once()
        return updates

    def look_once(self, **fields: Any) -> list[Update]:
        """Publish a state and return what one look brings, with one step of what the watcher does besides."""
        if fields:
            self.live = replace(self.live, **fields)
            self.board.publish(self.live)
        self.watcher._look()
        return self.watcher.take()

    def close(self) -> None:
        self.watcher._kept.close()
        self.columns.close()
        self.reader.close()
        self.board.close()
        if self.writer is not None:
            self.writer.close()
        del self.scores, self.maps
        for segment in self.shm:
            segment.close()
            segment.unlink()


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.close()


def column_of(update: Update) -> list[float]:
    assert update.volume_column is not None
    return [float(value) for value in update.volume_column]


def test_scores_come_first_and_the_volume_in_an_update_of_its_own(rig: Rig) -> None:
    rig.publish(0)
    scores, volume = rig.look(n_final=1, n_volumes=1)
    assert (scores.first, scores.scores.shape, scores.volume_tr) == (0, (2, 1), None)
    assert (len(scores.volumes), scores.live.n_volumes, scores.live.n_final) == (0, 0, 1)
    assert volume.scores.size == 0
    assert (volume.first_volume, len(volume.volumes), volume.live.n_volumes) == (0, 1, 1)
    assert volume.volumes["motion"].tolist() == [[0.0] * 6]
    assert (volume.volume_tr, column_of(volume)) == (0, [0.0] * NV)
    stamps = volume.volume_stamps
    assert stamps.committed == volume.volumes["committed"][0] > 0
    assert (stamps.final, stamps.seen >= stamps.committed) == (0, True)
    assert rig.wakes == 2


def test_a_record_that_comes_alone_wakes_the_window_once(rig: Rig) -> None:
    assert len(rig.look(n_final=1)) == 1
    rig.publish(0)
    before = rig.wakes
    (volume,) = rig.look(n_volumes=1)
    assert (volume.volume_tr, volume.live.n_volumes, rig.wakes - before) == (0, 1, 1)
    assert rig.look() == []


def test_of_several_volumes_all_records_come_and_the_newest_whole(rig: Rig) -> None:
    rig.publish(0, 1, 2)
    rig.look(n_final=3, n_volumes=3)
    rig.publish(3, 4, 5, 6)
    updates = rig.look(n_final=7, n_volumes=7)
    volumes = updates[-1]
    assert (volumes.first_volume, volumes.volumes["motion"][:, 0].tolist()) == (3, [3.0, 4.0, 5.0, 6.0])
    assert [update.volume_tr for update in updates] == [None, 6]
    assert column_of(volumes) == [6.0] * NV


def test_a_volume_without_a_map_has_a_record_alone(rig: Rig) -> None:
    rig.publish(0)
    rig.publish(1, column=False)
    volumes = rig.look(n_final=2, n_volumes=2)[-1]
    assert volumes.volumes["has_map"].tolist() == [1, 0]
    assert (volumes.volume_tr, volumes.volume_column) == (None, None)


def test_nothing_is_copied_for_a_window_that_shows_hits_only(rig: Rig) -> None:
    rig.watcher.wants_volumes = False
    rig.publish(0, 1)
    volumes = rig.look(n_final=2, n_volumes=2)[-1]
    assert (len(volumes.volumes), volumes.volume_tr, volumes.volume_column) == (2, None, None)
    rig.watcher.wants_volumes = True
    rig.watcher.want_volume(1)
    (wanted,) = rig.look()
    assert (wanted.volume_tr, column_of(wanted)) == (1, [1.0] * NV)


def test_earlier_volumes_are_had_while_they_are_in_the_ring(rig: Rig) -> None:
    rig.publish(*range(6))
    rig.look(n_final=6, n_volumes=6)
    updates = []
    for t in (1, 2, 9, -3):
        rig.watcher.want_volume(t)
        updates += rig.look()
    assert [(update.volume_tr, update.volume_column is None) for update in updates] == [
        (1, True),
        (2, False),
        (9, True),
        (-3, True),
    ]
    assert column_of(updates[1]) == [2.0] * NV
    assert all(update.volume_stamps == Stamps() for update in updates)
    assert all(update.live.n_volumes == 6 for update in updates)


def test_of_several_volumes_that_are_asked_for_the_latest_is_answered(rig: Rig) -> None:
    rig.publish(*range(6))
    rig.look(n_final=6, n_volumes=6)
    for t in (3, 2, 4):
        rig.watcher.want_volume(t)
    (update,) = rig.look()
    assert (update.volume_tr, column_of(update)) == (4, [4.0] * NV)


def test_a_figure_that_cannot_be_worked_out_costs_neither_scores_nor_record_nor_map(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(*_: object) -> None:
        raise ValueError("no figures")

    monkeypatch.setattr(jobs, "column_facts", failing)
    rig.maps[:, 0] = 7
    rig.publish(0)
    with caplog.at_level(logging.ERROR, "rtcog_gl"):
        scores, hit, volume = rig.look(n_final=1, n_volumes=1, onsets=(0,), maps=(0,))
        rig.publish(1)
        assert [update.live.n_volumes for update in rig.look(n_final=2, n_volumes=2)] == [1, 2]
    assert (scores.scores.shape, hit.map_tr, volume.volume_tr) == ((2, 1), 0, 0)
    assert hit.map_column is not None
    assert (hit.map_column.tolist(), hit.map_derived) == ([7.0] * NV, None)
    assert (column_of(volume), volume.volume_derived) == ([0.0] * NV, None)
    assert (len(volume.volumes), volume.live.n_volumes) == (1, 1)
    assert [r.getMessage() for r in caplog.records] == ["a map could not be worked on: ValueError: no figures"]


def test_a_hits_map_does_not_wait_for_its_volume(rig: Rig) -> None:
    rig.maps[:, 0] = 7
    rig.publish(0)
    scores, hit, volume = rig.look(n_final=1, n_volumes=1, onsets=(0,), maps=(0,))
    assert (scores.scores.shape, scores.map_tr, scores.volume_tr) == ((2, 1), None, None)
    assert (hit.scores.size, hit.map_tr, hit.volume_tr) == (0, 0, None)
    assert (volume.scores.size, volume.map_tr, volume.volume_tr) == (0, None, 0)


def test_a_session_that_publishes_nothing_is_as_ever() -> None:
    rig = Rig(published=False)
    try:
        (update,) = rig.look(n_final=2)
        assert (update.scores.shape, len(update.volumes), update.volume_tr) == ((2, 2), 0, None)
        rig.watcher.want_volume(0)
        (nothing,) = rig.look()
        assert (nothing.volume_tr, nothing.volume_column) == (0, None)
        assert rig.watcher.template(0) is None
        assert rig.wakes == 2
        assert rig.columns.volumes() is None
    finally:
        rig.close()


@posix
def test_the_keepers_descriptor_serves_when_the_name_is_gone() -> None:
    rig = Rig(by_fd=True)
    try:
        assert rig.writer is not None
        rig.publish(0)
        rig.writer.close()
        assert column_of(rig.look(n_final=1, n_volumes=1)[-1]) == [0.0] * NV
    finally:
        rig.close()


def test_a_segment_that_is_something_else_costs_one_line(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(slots=SLOTS, name=SharedMemory(create=True, size=16).name)
    other = SharedMemory(name=rig.reader.volumes.name if rig.reader.volumes else "")
    try:
        with caplog.at_level(logging.ERROR, "rtcog_gl"):
            for n in (1, 2, 3):
                (update,) = rig.look(n_final=n, n_volumes=n)
                assert update.scores.shape == (2, 1)
                assert (update.live.n_volumes, len(update.volumes)) == (0, 0)
        assert [record.getMessage()[:24] for record in caplog.records] == ["volumes cannot be read: "]
    finally:
        rig.close()
        other.close()
        other.unlink()


def test_templates_are_read_on_any_thread(rig: Rig) -> None:
    for k in (0, 1):
        template = rig.watcher.template(k)
        assert template is not None
        assert template.tolist() == TEMPLATES[k].tolist()
    assert rig.watcher.template(2) is None
    assert rig.watcher.template(-1) is None


def ended(rig: Rig) -> None:
    rig.publish(*range(NT))
    rig.look(n_final=NT, n_volumes=NT, ended=True)


def test_after_the_end_the_run_can_be_looked_through_where_memory_is_plentiful(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(volume_feed, "shared_free", lambda: (1 << 40, 1 << 40))
    ended(rig)
    for t in (NT - 2, NT - 1):
        rig.watcher.want_volume(t)
        (update,) = rig.look()
        assert (update.volume_tr, column_of(update)) == (t, [float(t)] * NV)
    assert rig.columns.volumes() is not None


def test_after_the_end_the_ring_is_given_back_where_it_is_scarce(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume_feed, "shared_free", lambda: (rig.columns.size("volumes"), 1 << 40))
    ended(rig)
    assert rig.columns.volumes() is None
    rig.watcher.want_volume(NT - 2)
    (older,) = rig.look()
    rig.watcher.want_volume(NT - 1)
    (newest,) = rig.look()
    assert (older.volume_tr, older.volume_column) == (NT - 2, None)
    assert (newest.volume_tr, column_of(newest)) == (NT - 1, [NT - 1.0] * NV)
    kept = rig.watcher.template(1)
    assert kept is not None
    assert kept.tolist() == TEMPLATES[1].tolist()
    kept[:] = 0
    assert rig.watcher.template(1).tolist() == TEMPLATES[1].tolist()
    assert rig.watcher.template(2) is None


def test_memory_is_given_back_when_the_last_scores_are_copied_and_no_sooner(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = watch.new_scores

    def some(columns: Columns, session: Session, first: int, end: int) -> Any:
        return copy(columns, session, first, min(end, first + 4))

    monkeypatch.setattr(watch, "new_scores", some)
    scores = []
    for word in ("one", "two", "three"):
        assert rig.columns.array("scores") is not None
        updates = rig.look(n_final=NT, ended=True, messages=(word,))
        scores += [update.scores for update in updates]
    assert rig.columns.array("scores") is None
    np.testing.assert_array_equal(np.concatenate(scores, axis=1), rig.scores)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lists what is mapped")
def test_after_the_end_nothing_of_the_producers_stays_mapped(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume_feed, "shared_free", lambda: None)
    assert rig.writer is not None
    name = rig.writer.info.name

    def mapped() -> int:
        return Path("/proc/self/maps").read_text().count(name)

    rig.publish(0)
    rig.look(n_final=1, n_volumes=1)
    rig.writer.close()
    assert mapped() == 1
    rig.look(ended=True)
    assert mapped() == 0


def test_too_many_templates_keep_the_segment(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume_feed, "shared_free", lambda: None)
    monkeypatch.setattr(volume_feed, "TEMPLATE_BYTES", TEMPLATES.nbytes - 1)
    ended(rig)
    assert rig.columns.volumes() is not None
    assert rig.watcher.template(1).tolist() == TEMPLATES[1].tolist()
    rig.watcher.want_volume(NT - 2)
    assert column_of(rig.look()[0]) == [NT - 2.0] * NV


def test_the_thread_brings_it_all(rig: Rig) -> None:
    rig.watcher.start()
    try:
        seen: list[Update] = []
        for t in range(4):
            rig.publish(t)
            rig.live = replace(rig.live, n_final=t + 1, n_volumes=t + 1)
            rig.board.publish(rig.live)
            wait_for(lambda t=t: seen.extend(rig.watcher.take()) or any(u.volume_tr == t for u in seen))
        assert sum(len(update.volumes) for update in seen) == 4
        rig.watcher.want_volume(1)
        wait_for(lambda: any(u.volume_tr == 1 and not u.volume_stamps.seen for u in rig.watcher.take()))
    finally:
        rig.watcher.stop()


def test_volumes_have_figures_of_their_own(tmp_path: Path) -> None:
    ms = 1_000_000
    path = tmp_path / "log.jsonl"
    latency = LatencyLog(str(path), "card", "s")
    latency.shown([], 0, 1)
    for t in range(3):
        latency.shown([Shown(t, "scores", Stamps(10 * ms, 0, 11 * ms), 12 * ms, 4)], 13 * ms, 14 * ms)
        latency.shown([Shown(t, "volume", Stamps(10 * ms, 0, 11 * ms), 12 * ms, 24)], 509 * ms, 510 * ms)
    assert (latency.latency().n, latency.latency().p50_ms) == (3, 4.0)
    summary = latency.summary()
    assert summary["scores_written_to_swapped_ms"]["max"] == 4.0
    assert summary["volume_written_to_swapped_ms"]["median"] == 500.0
    latency.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["scores", "volume"] * 3
