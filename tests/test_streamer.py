"""rtcog's entry, with real events, proxies and segments: under fork and spawn, killed, orphaned and misused."""

from __future__ import annotations

import inspect
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_keeper import FOLLOW, wait_for

import rtcog_gl
from rtcog_gl import ESAMStreamer, run_streamer
from rtcog_gl.session import discovery
from rtcog_gl.session.board import BoardReader
from rtcog_gl.session.synthetic.scripted import ScriptedSession
from rtcog_gl.session.volumes import VolumeWriter

METHODS = [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()]
posix = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")

NT, N_TEMPLATES, NV = 24, 3, 7
SCORES = np.arange(1, N_TEMPLATES * NT + 1, dtype=np.float32).reshape(N_TEMPLATES, NT)
HITS = {t: np.full(NV, t, np.float32) for t in (6, 15)}


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(discovery.FOLDER_VARIABLE, str(tmp_path / "runtime"))
    monkeypatch.setenv("WINDOW_LOG", str(tmp_path / "window.log"))
    monkeypatch.setenv("RTCOG_GL_WINDOW", "")
    monkeypatch.delenv("RTCOG_GL_OPTIONS", raising=False)
    return tmp_path


@pytest.fixture
def window_log(tmp_path: Path) -> Callable[[], list[str]]:
    path = tmp_path / "window.log"
    return lambda: path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def dummy_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "window.py"
    path.write_text(FOLLOW)
    monkeypatch.setenv("RTCOG_GL_WINDOW", f"{sys.executable} {path}")


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Return a function that makes a session and the process that shows it."""
    made: list[Any] = []

    def session_and_viewer(method: str = METHODS[0], **options: Any) -> tuple[ScriptedSession, Any, Any]:
        context = multiprocessing.get_context(method)
        manager = context.Manager()
        session = ScriptedSession(
            SCORES,
            HITS,
            context=context,
            onsets=manager.list(),
            offsets=manager.list(),
            responses=manager.dict({"How was it?": (None, None)}),
            questions=("How was it?",),
            **options,
        )
        monkeypatch.setenv("RTCOG_GL_OPTIONS", f"--segment-prefix={session.segment_prefix}")
        viewer = context.Process(target=run_streamer, args=five(session))
        made.extend([session, viewer, manager])
        return session, viewer, manager

    yield session_and_viewer
    for session, viewer, manager in zip(made[::3], made[1::3], made[2::3], strict=True):
        if viewer.pid is not None:
            viewer.kill()
            viewer.join(40)
        session.close()
        manager.shutdown()


def five(session: ScriptedSession) -> tuple[Any, ...]:
    return session.config, session.sync, session.onsets, session.offsets, session.responses


def play(session: ScriptedSession, volumes: int, pause: float = 0.01) -> None:
    for _ in range(volumes):
        session.run_until("tr_index")
        time.sleep(pause)
        session.run_volume()
        time.sleep(pause)
        if session.sync.hit.is_set():
            session.end_action({"How was it?": (4, 1.5)})


def reader() -> BoardReader:
    entry = wait_for(discovery.list_sessions)[0]
    return BoardReader(entry.board)


def promptly(work: Callable[[], Any], seconds: float = 30.0) -> None:
    """Do something on a thread and fail if it hangs."""
    done: list[int] = []
    thread = threading.Thread(target=lambda: (work(), done.append(1)), daemon=True)
    thread.start()
    thread.join(seconds)
    assert done == [1], "rtcog's own call hangs"


@pytest.mark.parametrize("method", METHODS)
def test_session_is_shown_to_its_last_column(
    make: Callable[..., Any], method: str, dummy_window: None, window_log: Callable[[], list[str]]
) -> None:
    session, viewer, _ = make(method)
    viewer.start()
    assert session.sync.server_ready.wait(30)
    board = reader()
    assert board.session.nt == NT
    assert board.session.questions == ("How was it?",)
    assert board.grid is not None
    assert board.grid.n_voxels == NV
    play(session, NT)
    session.finish()
    viewer.join(40)
    assert viewer.exitcode == 0
    live = board.newer()
    assert live is not None
    assert live.ended
    assert live.n_final == NT
    assert live.onsets == (6, 15)
    assert live.maps == (6, 15)
    assert [(answer.onset, answer.ratings) for answer in live.answers][-1] == (15, (4,))
    assert np.all(board.final_ns()[0] > 0)
    assert window_log()[-1] == f"end {NT} "
    assert discovery.list_sessions() == []
    board.close()


@pytest.mark.parametrize("method", METHODS)
def test_published_volumes_reach_the_board(make: Callable[..., Any], method: str) -> None:
    session, _, _ = make(method)
    writer = VolumeWriter(NT, NV, slots=3)
    context = multiprocessing.get_context(method)
    viewer = context.Process(target=run_streamer, args=five(session), kwargs={"volumes": writer.info})
    viewer.start()
    try:
        board = reader()
        assert board.volumes == writer.info
        assert (board.session.slots, board.session.volume_records) == (3, True)
        for t in range(NT):
            play(session, 1, 0.002)
            times = {"received": 1, "processed": 2, "cooldown_end": 0, "action": False}
            writer.publish(t, None, motion=None, norm_change=0.0, **times)
        session.finish()
        viewer.join(40)
        assert viewer.exitcode == 0
        live = board.newer()
        assert live is not None
        assert (live.ended, live.n_final, live.n_volumes, live.maps) == (True, NT, NT, (6, 15))
        assert live.messages == ()
        board.close()
    finally:
        viewer.kill()
        viewer.join(40)
        writer.close()


def test_rtcogs_five_arguments_are_all_that_is_positional() -> None:
    for call in (run_streamer, ESAMStreamer):
        parameters = list(inspect.signature(call).parameters.values())
        positional = [p for p in parameters if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        assert len(positional) == 5
        assert [(p.name, p.default) for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY] == [
            ("volumes", None)
        ]


@posix
def test_killed_window_is_back_and_nobody_notices(
    make: Callable[..., Any], dummy_window: None, window_log: Callable[[], list[str]]
) -> None:
    session, viewer, _ = make()
    viewer.start()
    assert session.sync.server_ready.wait(30)
    play(session, 8)
    pid = int(wait_for(window_log)[0].split()[1])
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(window_log()) >= 2)
    play(session, NT - 8)
    session.finish()
    viewer.join(40)
    assert viewer.exitcode == 0
    opened = [line.split("session")[1] for line in window_log() if line.startswith("pid")]
    assert len(opened) == 2
    assert opened[0] == opened[1]
    assert window_log()[-1] == f"end {NT} "


@posix
def test_killed_keeper_never_hangs_rtcog(make: Callable[..., Any]) -> None:
    """The viewer is killed at 40 random moments of fast sessions; rtcog's calls return and its memory is whole."""
    moments = random.Random(7)
    for _ in range(40):
        session, viewer, _ = make("fork")
        _kill_while_playing(session, viewer, moments.uniform(0.0, 0.05))
        for path in discovery.folder().iterdir():
            path.unlink()


def _kill_while_playing(session: ScriptedSession, viewer: Any, delay: float) -> None:
    viewer.start()
    wait_for(discovery.list_sessions)
    killer = threading.Timer(delay, os.kill, (viewer.pid, signal.SIGKILL))
    killer.start()
    promptly(lambda: play(session, NT, 0.002))
    killer.join()
    viewer.join(40)
    assert viewer.exitcode == -signal.SIGKILL
    sync = session.sync
    for event in (sync.new_tr, sync.hit, sync.action_end, sync.end, sync.shm_ready):
        promptly(event.is_set)
        promptly(event.set)
        promptly(event.clear)
    promptly(lambda: session.onsets.append(99))
    promptly(lambda: setattr(sync.tr_index, "value", 5))
    assert list(session.onsets) == [6, 15, 99]
    assert np.array_equal(session.segments.scores, SCORES)
    assert np.array_equal(session.segments.maps[:, 15], HITS[15])
    promptly(session.finish)


@pytest.mark.parametrize("method", METHODS)
def test_end_is_noticed_early(make: Callable[..., Any], method: str) -> None:
    session, viewer, _ = make(method)
    viewer.start()
    board = reader()
    play(session, 3)
    wait_for(lambda: (live := board.newer()) is not None and live.n_final >= 2)
    session.sync.end.set()
    viewer.join(40)
    assert viewer.exitcode == 0
    live = board.newer()
    assert live is not None
    assert live.ended
    board.close()


def test_dead_manager_is_a_sentence(make: Callable[..., Any]) -> None:
    session, viewer, manager = make()
    viewer.start()
    board = reader()
    play(session, 2)
    manager.shutdown()
    state: list[Any] = []

    def told() -> bool:
        live = board.newer()
        state[:] = [live] if live is not None else state
        return bool(state) and any("manager is gone" in message for message in state[0].messages)

    wait_for(told)
    play(session, 3)
    wait_for(lambda: told() and state[0].n_final >= 4)
    session.sync.end.set()
    viewer.join(40)
    assert viewer.exitcode == 0
    assert 1 <= len(state[0].messages) <= 4
    board.close()


def test_update_follows_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedSession(SCORES, HITS, vols_noaction=5) as session:
        monkeypatch.setenv("RTCOG_GL_OPTIONS", f"--segment-prefix={session.segment_prefix} --size=huge --theme light '")
        streamer = ESAMStreamer(*five(session))
        assert streamer.action_state == rtcog_gl.ActionState([], [], False, False, None, False)
        thread = threading.Thread(target=streamer.update)
        thread.start()
        board = reader()
        for _ in range(7):
            session.run_until("tr_index")
            # The volume can be shown at once if the viewer looked between its arrival and its scores.
            time.sleep(0.1)
            session.run_volume()
        wait_for(lambda: streamer.action_state.hit and streamer.action_state.in_action)
        assert streamer.action_state.action_onsets == [6]
        assert not streamer.in_cooldown
        session.end_action()
        session.run_volume(2)
        wait_for(lambda: streamer.in_cooldown)
        assert streamer.action_state.cooldown_end == streamer.action_state.action_offsets[0] + 5
        session.finish()
        thread.join(40)
        assert not thread.is_alive()
        live = board.newer()
        assert live is not None
        assert live.ended
        assert live.n_final == NT
        assert any("huge" in message for message in live.messages)
        assert any("cannot be split" in message for message in live.messages)
        assert "--theme=light" in board.options
        board.close()


def test_broken_configuration_is_sentences(make: Callable[..., Any], capfd: pytest.CaptureFixture[str]) -> None:
    context = multiprocessing.get_context(METHODS[0])
    with ScriptedSession(SCORES, context=context) as session:
        viewer = context.Process(target=run_streamer, args=(None, session.sync, [], [], 5))
        viewer.start()
        board = reader()
        live = wait_for(board.newer)
        session.sync.end.set()
        viewer.join(40)
        assert viewer.exitcode == 0
        assert any(message.startswith("Nt is None") for message in live.messages)
        assert any("responses is a int" in message for message in live.messages)
        board.close()
    assert "Traceback" not in capfd.readouterr().err


def test_no_events_at_all_is_one_sentence(caplog: pytest.LogCaptureFixture) -> None:
    run_streamer(None, None, None, None, None)
    assert len(caplog.records) == 1
    assert "cannot be followed" in caplog.records[0].getMessage()


def test_names_are_rtcogs_own() -> None:
    names = ["run_streamer", "ESAMStreamer", "StreamingConfig", "MatchingOpts", "SyncEvents", "ActionState"]
    names.append("SharedMemoryManager")
    assert set(names) < set(rtcog_gl.__all__)
    assert set(names) < set(dir(rtcog_gl))
    assert all(getattr(rtcog_gl, name).__name__ == name for name in names)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = rtcog_gl.nonsense


def test_nothing_touches_opengl_and_the_package_alone_is_light() -> None:
    code = (
        "import sys, json, rtcog_gl\n"
        "light = 'numpy' not in sys.modules\n"
        "from rtcog_gl import run_streamer, ESAMStreamer, SyncEvents, StreamingConfig\n"
        "heavy = [m for m in sys.modules if m.split('.')[0] in ('vispy', 'glfw', 'OpenGL')]\n"
        "print(json.dumps([light, heavy]))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(said) == [True, []]
