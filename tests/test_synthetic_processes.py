"""The session in processes of its own: how it starts, plays, ends, and what it leaves behind (nothing)."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rtcog_gl.session.contract import attach
from rtcog_gl.session.segments import ReadOnlySegment
from rtcog_gl.session.synthetic import DemoError, DemoOptions, HitRule, RunningSession, processes, start
from rtcog_gl.session.synthetic.content import load_content
from rtcog_gl.session.synthetic.segments import segment_names
from rtcog_gl.session.volumes import VolumeReader

if TYPE_CHECKING:
    from collections.abc import Callable

QUICK = DemoOptions(
    phantom=True,
    voxels=1500,
    nvols=60,
    tr=0.02,
    match_start=4,
    vols_noaction=4,
    survey_trs=3,
    seed=1,
    lead_in_s=0.0,
    preprocess_s=0.004,
    write_s=0.02,
)
METHODS = [method for method in ("fork", "spawn") if method in multiprocessing.get_all_start_methods()]


def exists(name: str) -> bool:
    try:
        attach(name).close()
    except FileNotFoundError:
        return False
    return True


def until(true: Callable[[], bool], seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return true()


def all_names(session: RunningSession) -> tuple[str, ...]:
    assert session.volumes is not None
    return (*segment_names(session.segment_prefix), session.volumes.name)


@pytest.mark.parametrize("method", METHODS)
def test_a_whole_session(method: str) -> None:
    with start(QUICK, method) as session:
        names = segment_names(session.segment_prefix)
        assert session.stamps_name == names[2]
        assert session.sync.shm_ready.is_set()
        config = session.config
        assert (config.Nt, len(config.template_labels), config.hit_thr) == (60, 7, 1.5)
        assert config.unit == "a.u."
        assert config.Nv == np.count_nonzero(np.asarray(config.mask_img.dataobj))
        assert set(session.responses) == set(QUICK.questions)
        info = session.volumes
        assert info is not None
        assert (info.nt, info.nv, info.slots, info.n_templates) == (60, config.Nv, 60, 7)
        assert info.rule == HitRule(1.5, 2, 1, 0.2)
        memory = ReadOnlySegment(info.name)
        reader = VolumeReader(memory, info)
        held = [attach(name) for name in names]
        scores = np.ndarray((7, 60), np.float32, held[0].buf)
        maps = np.ndarray((config.Nv, 60), np.float32, held[1].buf)
        stamps = np.ndarray((2, 60), np.uint64, held[2].buf)
        assert session.join(60)
        assert session.producer.exitcode == 0
        assert session.sync.end.is_set()
        assert session.sync.tr_index.value == 58
        assert not any(exists(name) for name in (*names, info.name))

        content = load_content(QUICK.resolved())
        expected = np.stack([content.scores(t, content.volume(t)) for t in range(60)], axis=1)
        expected[:, :4] = 0
        np.testing.assert_array_equal(scores, expected.astype(np.float32))
        onsets, offsets = list(session.onsets), list(session.offsets)
        assert len(onsets) >= 1
        rule = HitRule(1.5, 2, 1)
        for k, onset in enumerate(onsets):
            assert rule.winner(expected, onset) is not None
            np.testing.assert_array_equal(maps[:, onset], content.volume(onset))
            assert k == 0 or onset >= offsets[k - 1] + 4
        assert np.flatnonzero(maps.any(axis=0)).tolist() == onsets
        assert np.flatnonzero(stamps[0]).tolist() == list(range(4, 60))
        assert np.flatnonzero(stamps[1]).tolist() == onsets
        assert (np.diff(stamps[0, 4:].astype(np.int64)) > 0).all()
        assert 0 <= len(onsets) - len(offsets) <= 1
        # On a busy machine the run can be over before its only survey is.
        assert not offsets or any(rating is not None for rating, _ in dict(session.responses).values())

        records = reader.records(0, 60)
        assert reader.count == 60
        assert records["has_map"].all()
        for name in ("received", "processed", "committed"):
            assert (np.diff(records[name]) > 0).all()
        assert (records["received"] < records["processed"]).all()
        assert (stamps[0, 4:] <= records["processed"][4:].astype(np.uint64)).all()
        for t in (0, 3, 30, 59):
            np.testing.assert_array_equal(reader.column(t), content.volume(t))
            assert records["motion"][t].tolist() == content.motion(t)
        np.testing.assert_array_equal(reader.template(2), content.templates()[2])
        actions = {t for k, onset in enumerate(onsets) for t in range(onset + 1, [*offsets, 60][k])}
        assert set(np.flatnonzero(records["action"])) <= actions
        cooldown = np.array([max([0, *(o for o in offsets if o <= t)]) + 4 for t in range(60)])
        np.testing.assert_array_equal(records["cooldown_end"], cooldown)
        assert np.isnan(records["norm_change"][:4]).all()
        assert not np.isnan(records["norm_change"][4:]).any()
        assert not (records["norm_change"][onsets] > 0.2).any()
        memory.close()
        del scores, maps, stamps
        for part in held:
            part.close()


def test_a_session_goes_on_without_room_for_its_volumes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no room in shared memory")

    monkeypatch.setattr(processes, "VolumeWriter", refuse)
    content = load_content(QUICK.resolved())
    writer, note = processes.volume_writer(content, None, -1)
    assert writer is None
    assert note == "the session publishes no live maps and no motion: no room in shared memory."


def test_no_live_maps_is_a_session_of_plain_rtcog() -> None:
    with start(replace(QUICK, live_maps=0)) as session:
        assert session.volumes is None
        assert not any("live maps" in note for note in session.notes)


@pytest.mark.parametrize("method", METHODS)
def test_an_early_stop_leaves_nothing_behind(method: str) -> None:
    session = start(replace(QUICK, nvols=5000), method)
    names = all_names(session)
    assert until(lambda: session.sync.tr_index.value > 3)
    assert all(exists(name) for name in names)
    session.stop()
    session.stop()
    assert not session.alive
    assert not session.participant.is_alive()
    assert not any(exists(name) for name in names)
    assert session.producer.exitcode == 0


def test_the_operator_can_end_the_run() -> None:
    with start(replace(QUICK, nvols=5000, questions=())) as session:
        assert session.responses is None
        assert until(lambda: session.sync.tr_index.value > 3)
        session.sync.end.set()
        assert session.join(20)
        assert not any(exists(name) for name in all_names(session))


def test_a_killed_producer_leaves_nothing_behind_after_stop() -> None:
    with start(replace(QUICK, nvols=5000)) as session:
        names = all_names(session)
        session.producer.kill()
        assert session.join(20)
        assert exists(names[0])
        assert exists(names[-1])
        assert not session.sync.end.is_set()
    assert not any(exists(name) for name in names)


PARENT = """
import signal, sys, time
# A test run in the background ignores Ctrl-C, and its children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
from rtcog_gl.session.synthetic import DemoOptions, start
if __name__ == "__main__":
    options = DemoOptions(phantom=True, voxels=1500, nvols=5000, tr=0.02, lead_in_s=0.0)
    with start(options, sys.argv[1]) as session:
        pids = session.producer.pid, session.participant.pid, session._manager._process.pid
        print(session.segment_prefix, session.volumes.name, *pids, flush=True)
        time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_no_process_and_no_memory_outlives_the_parent(method: str, name: str, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    command = [sys.executable, str(script), method]
    # Errors go to a file: a pipe would be held open by the children, and reading it would wait for them.
    with (tmp_path / "errors").open("w") as errors:
        parent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True)
        assert parent.stdout is not None
        prefix, volumes, *pids = parent.stdout.readline().split()
        names = (*segment_names(prefix), volumes)
        assert all(exists(segment) for segment in names)
        if name == "SIGINT":
            os.killpg(parent.pid, signal.SIGINT)
        else:
            parent.send_signal(getattr(signal, name))
        parent.wait(20)
        assert until(lambda: not any(exists(segment) for segment in names))
        assert until(lambda: not any(running(int(pid)) for pid in pids))
        parent.stdout.close()


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_too_little_shared_memory_is_said_before_anything_is_made() -> None:
    with pytest.raises(DemoError, match=r"shared memory for .* voxels and 100,000,000 volumes: got .* MB free"):
        start(replace(QUICK, nvols=100_000_000, match_start=0))


def test_a_bad_file_is_said_by_start(tmp_path: Path) -> None:
    none = tmp_path / "none.nii"
    with pytest.raises(DemoError, match=r"none\.nii does not exist"):
        start(DemoOptions(bold=none, mask=none, templates=none))


def test_an_attached_segment_outlives_the_process_that_looked() -> None:
    with start(replace(QUICK, nvols=5000)) as session:
        name = segment_names(session.segment_prefix)[0]
        look = (
            "from rtcog_gl.session.contract import SharedMemoryManager as M;"
            f"m = M({name!r}); print(m.open().size > 0); m.cleanup()"
        )
        seen = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
        assert seen.stdout.strip() == "True"
        assert seen.stderr == ""
        assert exists(name)


def test_the_real_run_plays(shared_data: Path) -> None:
    options = DemoOptions(
        bold=shared_data / "bold155.nii.gz",
        mask=shared_data / "bold155_mask.nii.gz",
        templates=shared_data / "bold155_templates.nii.gz",
        tr=0.05,
        lead_in_s=0.0,
        nvols=70,
    )
    with start(options) as session:
        assert (session.config.Nt, session.config.Nv) == (70, 35_127)
        assert session.config.template_labels == ["T1", "T2", "T3", "T4", "T5"]
        assert session.config.unit == "z"
        assert session.volumes is not None
        assert (session.volumes.n_templates, session.volumes.rule) == (5, HitRule(2.0, 2, 1))
        segment = ReadOnlySegment(session.volumes.name)
        assert session.join(60)
        assert list(session.onsets) == [29, 56]
        reader = VolumeReader(segment, session.volumes)
        records, volume, scores = reader.records(0, 70), reader.column(29), []
        assert np.isnan(records["motion"]).all()
        assert np.isnan(records["norm_change"]).all()
        assert volume is not None
        for k in range(5):
            template = reader.template(k)
            assert template is not None
            scores.append(np.nanmean(template.astype(float) * volume))
        assert max(scores) >= 2.0
        segment.close()
