"""What our processor publishes of each volume, and that rtcog's own work stays the same, whatever happens to ours."""

from __future__ import annotations

import logging
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from standin_rig import COOLDOWN, DISCARD, MATCH_START, METHODS, MODULE, NT, Rig, volumes_of, wait_for

from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.model.records import VolumesInfo
from rtcog_gl.session.publisher import (
    PATIENCE,
    PublishedVolume,
    Publisher,
    map_unit,
    norm_change,
    template_maps,
    unallocated,
)
from rtcog_gl.session.segments import is_removed
from rtcog_gl.session.volumes import VolumeWriter

VOLUME = PublishedVolume(0, np.ones((3, 1)), 1, 2, [0.0] * 6, 0.5, 4, False)


class FakeWriter:
    """A writer that notes what it gets, and fails when told to."""

    def __init__(self, note: str = "") -> None:
        self.info, self.note = VolumesInfo("name", 9, 3), note
        self.published: list[int] = []
        self.closed = 0
        self.broken = False

    def publish(self, t: int, column: Any, **numbers: Any) -> None:
        assert sorted(numbers) == ["action", "cooldown_end", "motion", "norm_change", "processed", "received"]
        if self.broken:
            raise OSError("the memory is gone")
        self.published.append(t)

    def close(self) -> None:
        self.closed += 1
        if self.broken:
            raise OSError("cannot be closed either")


def made(writer: FakeWriter) -> Publisher:
    def make() -> VolumeWriter:
        return writer  # type: ignore[return-value]

    return Publisher(make)


def publish(publisher: Publisher, *ts: int) -> None:
    for t in ts:
        publisher.publish(lambda t=t: replace(VOLUME, t=t))


def failing() -> Any:
    raise KeyError("no such thing")


def test_publisher_passes_volumes_on_and_closes_once() -> None:
    writer = FakeWriter()
    publisher = made(writer)
    assert publisher.info == writer.info
    publish(publisher, 0, 1, 5)
    assert writer.published == [0, 1, 5]
    publisher.close()
    publisher.close()
    assert (writer.closed, publisher.active) == (1, False)
    publish(publisher, 6)
    assert publisher.attempt(failing) is None
    assert writer.published == [0, 1, 5]


def test_publisher_that_cannot_be_made_is_silent_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    publisher = Publisher(failing)
    publisher.publish(failing)
    publisher.close()
    assert (publisher.info, publisher.active) == (None, False)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "KeyError: 'no such thing'" in caplog.text


def test_publisher_of_nothing() -> None:
    publisher = Publisher(None)
    publisher.publish(failing)
    assert (publisher.info, publisher.attempt(failing)) == (None, None)


def test_note_of_the_writer_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    made(FakeWriter("2 instead of 9 volumes are kept whole: why."))
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [
        (logging.WARNING, "2 instead of 9 volumes are kept whole: why.")
    ]


def test_failures_in_a_row_end_it_and_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    writer = FakeWriter()
    publisher = made(writer)
    writer.broken = True
    publish(publisher, *range(PATIENCE - 1))
    assert (publisher.active, len(caplog.records)) == (True, 1)
    publish(publisher, PATIENCE)
    assert (publisher.active, writer.closed) == (False, 1)
    publish(publisher, PATIENCE + 1)
    messages = [record.getMessage() for record in caplog.records]
    assert [message.split(":")[0] for message in messages] == [
        "A volume could not be published",
        f"{PATIENCE} volumes in a row could not be published",
        "The volumes' segment could not be closed",
    ]


def test_failures_now_and_then_are_borne(caplog: pytest.LogCaptureFixture) -> None:
    writer = FakeWriter()
    publisher = made(writer)
    for t in range(3 * PATIENCE):
        publisher.publish(failing)
        publish(publisher, t)
    assert publisher.active
    assert writer.published == list(range(3 * PATIENCE))
    assert len(caplog.records) == 1


def test_looks_count_as_failures_too() -> None:
    writer = FakeWriter()
    publisher = made(writer)
    assert publisher.attempt(lambda: 5) == 5
    assert [publisher.attempt(failing) for _ in range(PATIENCE)] == [None] * PATIENCE
    assert not publisher.active


def test_signals_pass_through() -> None:
    def interrupted() -> Any:
        raise KeyboardInterrupt

    publisher = made(FakeWriter())
    with pytest.raises(KeyboardInterrupt):
        publisher.publish(interrupted)
    with pytest.raises(KeyboardInterrupt):
        publisher.attempt(interrupted)


def test_norm_change_is_signed_and_of_all_six() -> None:
    assert norm_change([3, 0, 0, 0, 4, 0], 6.0) == -1.0
    assert norm_change([0, 0, 0, 0, 0, 2], 0.5) == 1.5
    assert math.isnan(norm_change([1] * 6, None))


def test_templates_become_maps() -> None:
    masks = {"a": np.array([True, False, True, False]), "b": np.array([3, 0])}
    maps = template_maps(["b", "a"], masks, {"a": np.array([1.0, 2.0]), "b": np.array([5.0, 6.0])}, 4)
    np.testing.assert_array_equal(maps, np.array([[6, np.nan, np.nan, 5], [1, np.nan, 2, np.nan]], np.float32))
    assert maps.dtype == np.float32


@pytest.mark.parametrize(
    ("mask", "values"),
    [
        (np.array([True, False, True]), np.ones(2)),
        (np.array([True, False, True, False]), np.ones(3)),
        (np.array([True, False, True, False]), np.ones(1)),
        (np.array([4]), np.ones(1)),
        (np.array([True, False, True, False]), np.float64(1.0)),
    ],
)
def test_templates_that_do_not_fit_are_refused(mask: Any, values: Any) -> None:
    with pytest.raises((ValueError, IndexError)):
        template_maps(["a"], {"a": mask}, {"a": values}, 4)


def test_templates_on_another_grid_get_one_sentence_and_the_session_goes_on() -> None:
    """What makes the volumes' segment is told that there are no templates."""
    words = """
from types import SimpleNamespace
import numpy as np
from rtcog_gl.processor import _templates
matcher = SimpleNamespace(template_labels=["a"], masks={"a": np.ones(3, bool)}, masked_templates={"a": np.ones(3)})
print(_templates(matcher, 4), _templates(matcher, 3))
"""
    paths = os.pathsep.join(str(p) for p in (Path(__file__).parent / "standin", Path(__file__).parent.parent))
    told = subprocess.run(
        [sys.executable, "-c", words],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "None [[1. 1. 1.]]\n"
    assert told.stderr.splitlines() == [
        "The template maps cannot be shown: ValueError: template 'a' has a mask of shape (3,), expected (4,): "
        "it is on another grid."
    ]


def test_missing_template_is_refused() -> None:
    with pytest.raises(KeyError):
        template_maps(["a"], {}, {}, 4)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says how much of a segment is there")
def test_room_that_a_segment_may_still_take() -> None:
    shm = SharedMemory(create=True, size=1 << 20)
    try:
        assert unallocated(shm._fd, shm.size) == 1 << 20  # type: ignore[attr-defined]
        shm.buf[: 1 << 18] = bytes(1 << 18)
        assert unallocated(shm._fd, shm.size) == 3 << 18  # type: ignore[attr-defined]
    finally:
        shm.close()
        shm.unlink()


@pytest.mark.parametrize(
    ("steps", "unit"),
    [
        (["ema", "smooth", "snorm"], "z"),
        (["SNorm"], "z"),
        (["ema", "iglm", "kalman", "smooth", "snorm", "windowing"], "windowed z"),
        (["snorm", "smooth"], ""),
        (["smooth", "windowing"], ""),
        (["snorm", "tnorm"], ""),
        ([], ""),
    ],
)
def test_unit_is_told_by_the_last_steps(steps: list[str], unit: str) -> None:
    assert map_unit(steps) == unit


@pytest.mark.parametrize(("steps", "unit"), [(["ema", "snorm"], "z"), (["ema"], "")])
def test_viewer_learns_the_unit_from_rtcogs_steps(tmp_path: Path, steps: list[str], unit: str) -> None:
    rig = Rig(tmp_path, METHODS[-1], nvols=9, gates=["go0"], steps=steps)
    with rig.running([*MODULE, "run", *rig.flags, *rig.arguments]) as process:
        board = rig.board()
        rig.go("go0")
        printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    assert (board.session.unit, board.session.nv) == (unit, 24)


def test_all_of_a_segment_counts_where_nothing_is_known() -> None:
    assert unallocated(-1, 4096) == 4096


class Run:
    """One run of the stand-in with the viewer, as a reader of its volumes saw it; then its files."""

    def __init__(self, rig: Rig, *, slots: int = NT) -> None:
        rig.config["gates"] = ["go0", "go-end"]
        with rig.running([*MODULE, "run", *rig.flags, "--live-maps", str(slots), *rig.arguments]) as process:
            board = rig.board()
            assert board.volumes is not None
            self.info = board.volumes
            with volumes_of(self.info) as reader:
                rig.go("go0")
                wait_for(lambda: reader.count == NT)
                wait_for(lambda: getattr(board.newer(), "n_volumes", 0) == NT)
                self.records = reader.records(0, NT)
                self.columns = [reader.column(t) for t in range(NT)]
                self.templates = [reader.template(k) for k in range(self.info.n_templates)]
            rig.go("go-end")
            self.printed = process.communicate(timeout=120)[0]
            self.status = process.returncode
        self.rig = rig

    def array(self, name: str) -> Any:
        return np.load(self.rig.out / f"run.{name}.npy")

    def times(self, name: str) -> list[int]:
        return [int(line) for line in (self.rig.out / f"run.{name}.txt").read_text().split()]


@pytest.fixture(scope="module", params=METHODS)
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(Rig(tmp_path_factory.mktemp(request.param), request.param))


def test_run_ends_well_and_leaves_no_segment(finished: Run) -> None:
    assert finished.status == 0, finished.printed
    assert "rtcog_gl" not in finished.printed
    assert is_removed(finished.info.name)
    assert is_removed(finished.rig.prefix + "match_scores")
    assert is_removed(finished.rig.prefix + "tr_data")


def test_info_says_what_was_asked_for(finished: Run) -> None:
    assert finished.info == VolumesInfo(
        finished.info.name, NT, 24, slots=NT, n_templates=2, rule=HitRule(5.0, 1, 1, mot_thr=0.05)
    )


def test_a_threshold_for_motion_that_rtcog_does_not_use_is_none(tmp_path: Path) -> None:
    hits = {"nconsec_vols": 2, "nonline": 1, "do_mot": False, "mot_thr": 0.05}
    rig = Rig(tmp_path, METHODS[0], nvols=9, hits=hits, gates=["go0"])
    with rig.running([*MODULE, "run", *rig.flags, *rig.arguments]) as process:
        board = rig.board()
        rig.go("go0")
        printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    assert board.volumes is not None
    assert board.volumes.rule == HitRule(5.0, 2, 1, mot_thr=None)


def test_columns_are_what_the_processor_worked_with(finished: Run) -> None:
    processed = finished.array("pp_Final").astype(np.float32)
    assert finished.columns[:DISCARD] == [None] * DISCARD
    for t in range(DISCARD, NT):
        np.testing.assert_array_equal(finished.columns[t], processed[:, t])
    np.testing.assert_array_equal(finished.records["has_map"], np.arange(NT) >= DISCARD)


def test_motion_is_the_processors_own(finished: Run) -> None:
    np.testing.assert_allclose(finished.records["motion"], np.loadtxt(finished.rig.out / "run.Motion.1D"), rtol=1e-15)


def test_norm_change_is_what_the_gate_compared(finished: Run) -> None:
    compared = {int(t): change for t, change in finished.array("compared")}
    records = finished.records
    assert len(compared) > 3
    assert {t: float(records["norm_change"][t]) for t in compared} == compared
    assert np.isnan(records["norm_change"][:MATCH_START]).all()
    assert np.isfinite(records["norm_change"][MATCH_START:]).all()


def test_norm_change_reaches_back_over_action_and_cooldown(finished: Run) -> None:
    onset, offset = finished.times("action_onsets")[0], finished.times("action_offsets")[0]
    norms = np.linalg.norm(finished.records["motion"], axis=1)
    first = offset + COOLDOWN
    assert first < NT
    assert finished.records["norm_change"][first] == pytest.approx(norms[first] - norms[onset], abs=1e-12)


def test_gates_are_those_of_the_moment(finished: Run) -> None:
    offsets = finished.times("action_offsets")
    assert len(offsets) >= 2
    expected = [max([o for o in offsets if o <= t], default=0) + COOLDOWN for t in range(NT)]
    assert finished.records["cooldown_end"].tolist() == expected
    assert finished.records["action"].tolist() == finished.array("flags").astype(int).tolist()
    assert set(finished.records["action"].tolist()) == {0, 1}


def test_stamps_are_in_order(finished: Run) -> None:
    records = finished.records
    assert (records["received"] > 0).all()
    assert (records["received"] <= records["processed"]).all()
    assert (records["processed"] <= records["committed"]).all()
    assert (records["committed"][:-1] <= records["received"][1:]).all()
    assert records["committed"][-1] <= time.monotonic_ns()


def test_templates_are_those_of_the_match_file(finished: Run) -> None:
    rng = np.random.default_rng(3)
    masks = [rng.random(24) < 0.5 for _ in range(2)]
    for shown, mask in zip(finished.templates, masks, strict=True):
        assert shown is not None
        np.testing.assert_array_equal(np.isfinite(shown), mask)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of a run without a viewer."""
    rig = Rig(tmp_path_factory.mktemp("alone"), METHODS[0])
    status, printed = rig.alone()
    assert status == 0, printed
    files = rig.produced()
    assert len(files) == 7
    return files


def test_rtcogs_files_are_the_same_with_the_viewer(finished: Run, alone: dict[str, bytes]) -> None:
    assert finished.rig.produced() == alone


@pytest.mark.skipif(os.name != "posix", reason="kills with a signal")
@pytest.mark.parametrize("method", METHODS)
def test_rtcogs_files_are_the_same_with_the_viewer_killed(tmp_path: Path, method: str, alone: dict[str, bytes]) -> None:
    rig = Rig(tmp_path, method, kill_viewer_at=NT // 2, gates=["go0"])
    with rig.running([*MODULE, "run", *rig.flags, *rig.arguments]) as process:
        board = rig.board()
        assert board.volumes is not None
        rig.go("go0")
        printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    assert rig.produced() == alone
    assert is_removed(board.volumes.name)


@pytest.mark.parametrize("method", METHODS)
def test_what_fails_in_publishing_never_reaches_rtcog(tmp_path: Path, method: str) -> None:
    # Seven numbers of motion: rtcog's stand-in takes them, the records have six.
    theirs, ours = Rig(tmp_path / "a", method, odd_motion=True), Rig(tmp_path / "b", method, odd_motion=True)
    assert theirs.alone()[0] == 0
    status, printed = ours.run()
    assert status == 0, printed
    assert ours.produced() == theirs.produced()
    assert printed.count("A volume could not be published") == 1
    assert printed.count("no more is tried") == 1
    assert "rtcog_gl" not in printed


def test_viewer_comes_without_volumes_where_they_cannot_be_published(tmp_path: Path, alone: dict[str, bytes]) -> None:
    rig = Rig(tmp_path, METHODS[0], no_segment=True, gates=["go0"])
    with rig.running([*MODULE, "run", *rig.flags, *rig.arguments]) as process:
        board = rig.board()
        rig.go("go0")
        printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    assert board.volumes is None
    assert printed.count("Volumes cannot be published, the viewer does without") == 1
    assert rig.produced() == alone


@pytest.mark.parametrize("method", METHODS)
def test_run_that_breaks_off_ends_twice_and_leaves_nothing(tmp_path: Path, method: str) -> None:
    rig = Rig(tmp_path, method, fail_at=NT // 2, gates=["go0", "go-end"])
    with rig.running([*MODULE, "run", *rig.flags, *rig.arguments]) as process:
        board = rig.board()
        assert board.volumes is not None
        with volumes_of(board.volumes) as reader:
            rig.go("go0")
            wait_for(lambda: is_removed(board.volumes.name))
            assert reader.count == NT // 2
        rig.go("go-end")
        printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    assert f"stand-in: volume {NT // 2} cannot be had" in printed
    assert "rtcog_gl" not in printed
    theirs = Rig(tmp_path / "alone", method, fail_at=NT // 2)
    assert theirs.alone()[0] == 0
    assert rig.produced() == theirs.produced()


@pytest.mark.parametrize("method", METHODS)
def test_end_that_fails_removes_the_segment_and_fails_with_rtcogs_error(tmp_path: Path, method: str) -> None:
    rig = Rig(tmp_path, method, nvols=9, fail_end="the disk is full", gates=["go0", "go-out"])
    with rig.running([*MODULE, "run", *rig.flags, *rig.arguments]) as process:
        board = rig.board()
        assert board.volumes is not None
        assert not is_removed(board.volumes.name)
        rig.go("go0")
        wait_for((rig.out / "failed.json").exists)
        # Now, not when the process ends, whose own cleaning up would do it in any case.
        assert is_removed(board.volumes.name)
        assert rig.said("failed.json") == {"error": "OSError: the disk is full", "while": "None"}
        rig.go("go-out")
        printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    assert printed.count("Traceback") == printed.count("OSError: the disk is full") == 1


@pytest.mark.skipif("spawn" not in METHODS, reason="a forked viewer is given anything")
def test_viewer_that_cannot_be_started_does_not_stop_rtcog(tmp_path: Path, alone: dict[str, bytes]) -> None:
    rig = Rig(tmp_path, "spawn", no_viewer=True)
    status, printed = rig.run()
    assert status == 0, printed
    assert printed.count("The viewer cannot be started, rtcog goes on") == 1
    assert rig.produced() == alone


@pytest.mark.skipif(os.name != "posix", reason="interrupts with a signal")
@pytest.mark.parametrize("method", METHODS)
def test_interrupt_is_rtcogs_to_handle_and_leaves_nothing(tmp_path: Path, method: str) -> None:
    rig = Rig(tmp_path, method, gates=["go0", "go9"])
    with rig.running([*MODULE, "run", *rig.flags, *rig.arguments]) as process:
        board = rig.board()
        assert board.volumes is not None
        with volumes_of(board.volumes) as reader:
            rig.go("go0")
            wait_for(lambda: reader.count == 9)
        os.killpg(process.pid, signal.SIGINT)
        printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    assert "User interrupted" in printed
    assert len(rig.produced()) == 7
    assert is_removed(board.volumes.name)


@pytest.mark.parametrize("slots", [0, 3])
def test_as_many_volumes_are_kept_as_asked_for(tmp_path: Path, slots: int) -> None:
    run = Run(Rig(tmp_path, METHODS[0]), slots=slots)
    assert run.info.slots == slots
    assert [t for t, column in enumerate(run.columns) if column is not None] == list(range(NT - slots, NT))
    assert (run.records["committed"] > 0).all()
