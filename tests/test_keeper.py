"""The keeper and its window process: published, rung, restarted, told when rtcog is gone, and nothing left behind."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtcog_gl.model.records import VolumesInfo
from rtcog_gl.model.session import Live, Session
from rtcog_gl.session import child, discovery, interpreter
from rtcog_gl.session.board import BoardError, BoardReader
from rtcog_gl.session.child import Handover, RestartPolicy, WindowProcess
from rtcog_gl.session.keeper import Keeper
from rtcog_gl.session.segments import ReadOnlySegment

posix = pytest.mark.skipif(os.name != "posix", reason="signals and descriptors are POSIX")

SESSION = Session(nt=50, labels=("A", "B"), hit_thr=0.5, nv=3, out_prefix="../../escape/me")

WINDOW = """
import json, os, sys, time, select
from rtcog_gl.session.board import BoardReader
from rtcog_gl.session.segments import ReadOnlySegment
arg = dict(zip(sys.argv[1::2], sys.argv[2::2]))
def say(**event):
    print(json.dumps(event), flush=True)
def note(text):
    with open(os.environ["WINDOW_LOG"], "a") as f:
        f.write(text + "\\n")
def target(what, name):
    return int(arg[what]) if what in arg else name
"""

FOLLOW = (
    WINDOW
    + """
board = BoardReader(target("--board-fd", arg["--board"]))
volumes = board.volumes.name if board.volumes else ""
columns = [ReadOnlySegment(target(f, n)).buf[0] for f, n in
           (("--scores-fd", board.scores.name), ("--maps-fd", board.maps.name), ("--volumes-fd", volumes)) if f in arg]
note("pid %d session %s columns %s" % (os.getpid(), board.session_id, columns))
say(event="first_frame", ns=time.monotonic_ns())
while True:
    if select.select([0], [], [], 0.1)[0] and not os.read(0, 4096):
        break
    live = board.newer()
    if live is not None and (live.ended or live.lost):
        note("end %d %s" % (live.n_final, live.lost))
        say(event="end_shown")
        time.sleep(0.2)
        break
"""
)


class FakeSource:
    """A source whose state the test sets."""

    def __init__(self, segments: dict[str, Any] | None = None) -> None:
        self.session = SESSION
        self.grid = None
        self.live = Live()
        self.final_ns = np.ones((2, 50), np.uint64)
        self.segments: dict[str, Any] = segments or {}
        self.volumes: VolumesInfo | None = None
        self.script: list[Callable[[FakeSource], Any]] = []
        self.polls = 0
        self.closed = False

    def poll(self) -> bool:
        self.polls += 1
        before = self.live
        if self.script:
            step = self.script[0]
            if step(self) is not False:
                self.script.remove(step)
        return self.live is not before

    def wait_hint(self) -> float:
        return 0.002

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        self.closed = True

    def change(self, **fields: Any) -> None:
        self.live = replace(self.live, **fields)


def end(source: FakeSource) -> None:
    source.change(ended=True)


def wait_for(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError("what the test waits for did not happen")


@pytest.fixture(autouse=True)
def runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runtime"
    monkeypatch.setenv(discovery.FOLDER_VARIABLE, str(folder))
    monkeypatch.setenv("WINDOW_LOG", str(tmp_path / "window.log"))
    return folder


@pytest.fixture
def window_log(tmp_path: Path) -> Callable[[], list[str]]:
    path = tmp_path / "window.log"
    return lambda: path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], list[str]]:
    def write(text: str) -> list[str]:
        path = tmp_path / "window.py"
        path.write_text(text)
        return [sys.executable, str(path)]

    return write


@pytest.fixture
def segments() -> Iterator[dict[str, ReadOnlySegment]]:
    """Two segments whose names another session has taken over meanwhile."""
    old = [SharedMemory(create=True, size=16) for _ in range(2)]
    for value, shm in enumerate(old, 41):
        shm.buf[0] = value  # type: ignore[index]
    mapped = {role: ReadOnlySegment(shm.name) for role, shm in zip(("scores", "maps"), old, strict=True)}
    for shm in old:
        shm.close()
        shm.unlink()
    yield mapped
    for segment in mapped.values():
        segment.close()


# --- the loop ---------------------------------------------------------------------------------------------------------


def test_states_are_published_and_nothing_is_left(runtime_folder: Path) -> None:
    seen: list[Live | None] = []
    readers: list[BoardReader] = []

    def look(source: FakeSource) -> None:
        readers.append(BoardReader(keeper.board_name or ""))
        assert [entry.board for entry in discovery.list_sessions()] == [keeper.board_name]
        source.change(n_final=7, messages=("from the source",))

    def check(source: FakeSource) -> None:
        seen.append(readers[0].newer())
        end(source)

    source = FakeSource()
    source.script = [lambda s: None, look, check]
    keeper = Keeper(source, None, ["--theme=light"], ["a bad flag"], prefix="test_")
    keeper.run()
    assert seen[0] is not None
    assert seen[0].n_final == 7
    assert seen[0].messages == ("from the source", "a bad flag")
    last = readers[0].newer()
    assert last is not None
    assert last.ended
    assert readers[0].final_ns()[0].sum() == 7
    assert readers[0].options == ("--theme=light",)
    assert readers[0].scores.name == "test_match_scores"
    assert source.closed
    assert list(runtime_folder.iterdir()) == []
    with pytest.raises(BoardError):
        BoardReader(readers[0].name)
    readers[0].close()


def test_heart_beats_when_nothing_happens() -> None:
    source = FakeSource()
    beats: list[int] = []
    readers: list[BoardReader] = []
    start = time.monotonic()

    def listen(source: FakeSource) -> bool:
        if not readers:
            readers.append(BoardReader(keeper.board_name or ""))
        live = readers[0].newer()
        if live is not None:
            beats.append(live.heartbeat_ns)
        if len(beats) >= 5 or time.monotonic() - start > 20:
            source.change(ended=True)
        return source.live.ended

    source.script = [listen]
    keeper = Keeper(source)
    keeper.run()
    readers[0].close()
    assert len(beats) == 5
    assert beats == sorted(beats)


def test_errors_are_said_once_and_the_loop_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def fail(source: FakeSource) -> bool:
        if source.polls < 8:
            raise BrokenPipeError("first" if source.polls % 2 else "second")
        return True

    source = FakeSource()
    source.script = [fail, lambda s: s.change(n_final=3), end]
    keeper = Keeper(source)
    with caplog.at_level(logging.DEBUG, "rtcog_gl"):
        keeper.run()
    assert keeper.live.ended
    assert keeper.live.n_final == 3
    first, second = keeper.live.messages
    assert "BrokenPipeError: first" in first
    assert "BrokenPipeError: second" in second
    assert [r.levelno for r in caplog.records if r.exc_info is None] == [logging.WARNING] * 2
    traced = [str(r.exc_info[1]) for r in caplog.records if r.exc_info is not None]
    assert traced == ["first", "second"]


def test_what_is_over_is_not_said_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Keeper(FakeSource(), messages=["stays"])
    keeper.say("passes", 30.0)
    keeper.say("passes too", 30.0)
    now = time.monotonic()
    keeper._forget(now + 29.0)
    assert list(keeper._messages) == ["stays", "passes", "passes too"]
    monkeypatch.setattr("rtcog_gl.session.keeper.time.monotonic", lambda: now + 20.0)
    keeper.say("passes", 30.0)
    keeper._dirty = False
    keeper._forget(now + 40.0)
    assert list(keeper._messages) == ["stays", "passes"]
    assert keeper._dirty


def test_board_that_cannot_be_made_is_a_sentence(monkeypatch: pytest.MonkeyPatch, runtime_folder: Path) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rtcog_gl.session.keeper.BoardWriter", refuse)
    source = FakeSource()
    source.script = [lambda s: None, end]
    keeper = Keeper(source)
    keeper.run()
    assert keeper.live.ended
    assert "No space left" in keeper.live.messages[0]
    assert source.closed


# --- the window process -----------------------------------------------------------------------------------------------


@posix
def test_killed_window_comes_back_with_the_right_session(
    script: Callable[[str], list[str]],
    window_log: Callable[[], list[str]],
    segments: dict[str, ReadOnlySegment],
) -> None:
    frames: list[int] = []
    window = WindowProcess(script(FOLLOW), lambda: frames.append(1))
    source = FakeSource(segments)
    killed: list[int] = []

    def kill(source: FakeSource) -> bool:
        if len(frames) <= len(killed) or window.pid is None or window.pid in killed:
            return False
        killed.append(window.pid)
        os.kill(window.pid, signal.SIGKILL)
        return len(killed) == 2

    source.script = [
        lambda s: s.change(n_final=5),
        kill,
        lambda s: len(frames) == 3,
        lambda s: s.change(n_final=9, ended=True),
    ]
    keeper = Keeper(source, window)
    keeper.run()
    lines = window_log()
    opened = [line.split() for line in lines if line.startswith("pid")]
    assert len(opened) == 3
    assert len({words[1] for words in opened}) == 3
    assert len({words[3] for words in opened}) == 1
    assert all(line.endswith("columns [41, 42]") for line in lines if line.startswith("pid"))
    assert lines[-1] == "end 9 "
    assert window.end_shown.is_set()
    assert [m for m in keeper.live.messages if "signal 9" in m]


def test_window_closed_on_purpose_stays_closed(
    script: Callable[[str], list[str]], window_log: Callable[[], list[str]]
) -> None:
    text = WINDOW + 'note("open")\nsay(event="closed")\nsys.exit(1)\n'
    window = WindowProcess(script(text))
    source = FakeSource()
    source.script = [lambda s: window.closed, lambda s: window.pid is None, end]
    Keeper(source, window).run()
    assert window_log() == ["open"]


def test_window_that_cannot_open_is_given_up(
    script: Callable[[str], list[str]], window_log: Callable[[], list[str]]
) -> None:
    command = script(WINDOW + 'note("try")\nsys.exit(3)\n')
    window = WindowProcess(command, clock=lambda: 50 * time.monotonic())
    source = FakeSource()
    source.script = [lambda s: window.given_up, end]
    keeper = Keeper(source, window)
    keeper.run()
    assert window_log() == ["try"] * child.MAX_REFUSALS
    assert len(keeper.live.messages) == 1
    assert "No window can be opened" in keeper.live.messages[0]


def test_command_that_does_not_exist_is_a_sentence() -> None:
    window = WindowProcess(["/nonexistent/python"])
    source = FakeSource()
    source.script = [lambda s: window.given_up, end]
    keeper = Keeper(source, window)
    keeper.run()
    assert "/nonexistent/python" in keeper.live.messages[0]


@posix
def test_window_follows_when_segments_are_replaced(
    script: Callable[[str], list[str]],
    window_log: Callable[[], list[str]],
    segments: dict[str, ReadOnlySegment],
) -> None:
    """A segment left over from a dead session is found first; rtcog then makes its own under the same name."""
    frames: list[int] = []
    window = WindowProcess(script(FOLLOW), lambda: frames.append(1))
    source = FakeSource({**segments, "scores": segments["maps"]})
    source.script = [
        lambda s: len(frames) == 1,
        lambda s: s.segments.update(segments),
        lambda s: len(frames) == 2,
        end,
    ]
    keeper = Keeper(source, window)
    keeper.run()
    opened = [line.split("columns ")[1] for line in window_log() if line.startswith("pid")]
    assert opened == ["[42, 42]", "[41, 42]"]
    assert keeper.live.messages == ()


@posix
def test_the_window_is_handed_the_volumes_and_not_kept_waiting_for_them(
    script: Callable[[str], list[str]],
    window_log: Callable[[], list[str]],
    segments: dict[str, ReadOnlySegment],
) -> None:
    frames: list[int] = []
    window = WindowProcess(script(FOLLOW), lambda: frames.append(1))
    source = FakeSource({**segments, "volumes": segments["maps"]})
    source.volumes = VolumesInfo("gone", 50, 3, 5)
    boards: list[VolumesInfo | None] = []

    def look(source: FakeSource) -> None:
        reader = BoardReader(keeper.board_name or "")
        boards.append(reader.volumes)
        reader.close()

    source.script = [look, lambda s: len(frames) == 1, end]
    keeper = Keeper(source, window)
    keeper.run()
    assert [line.split("columns ")[1] for line in window_log() if line.startswith("pid")] == ["[41, 42, 42]"]
    assert boards == [source.volumes]


@posix
def test_frozen_window_never_blocks_the_bell(script: Callable[[str], list[str]]) -> None:
    window = WindowProcess(script("import time\ntime.sleep(60)\n"))
    window.start(Handover("none"))
    assert window.pid is not None
    try:
        for _ in range(200_000):
            window.ring()
    finally:
        window.closed = True
        os.kill(window.pid, signal.SIGKILL)
    wait_for(lambda: window.watch(Handover("none")) == [] and window.pid is None)
    window.ring()


def test_frozen_window_does_not_hold_up_the_end(script: Callable[[str], list[str]]) -> None:
    window = WindowProcess(script("import time\ntime.sleep(30)\n"))
    source = FakeSource()
    source.script = [lambda s: window.pid is not None, end]
    pids: list[int] = []
    source.script.insert(1, lambda s: pids.append(window.pid or 0))
    Keeper(source, window).run()
    assert not window.end_shown.is_set()
    assert not window.wait(0)
    os.kill(pids[0], signal.SIGTERM)
    assert window.wait(30)


def test_words_of_the_window(script: Callable[[str], list[str]]) -> None:
    text = WINDOW + (
        'print("noise"); print("{" * 9); print("[1]"); sys.stdout.write("x" * 200_000 + "\\n")\n'
        'say(event="first_frame")\nsay(event="end_shown")\ntime.sleep(30)\n'
    )
    frames: list[int] = []
    window = WindowProcess(script(text), lambda: frames.append(1))
    window.start(Handover("none"))
    assert window.end_shown.wait(30)
    assert wait_for(lambda: frames) == [1]
    os.kill(window.pid or 0, signal.SIGTERM)
    window.detach()


def test_a_blocked_event_keeps_nothing_from_being_heard(script: Callable[[str], list[str]]) -> None:
    blocked = threading.Event()
    text = WINDOW + 'say(event="first_frame")\nsay(event="end_shown")\nsay(event="closed")\nsys.exit(5)\n'
    window = WindowProcess(script(text), lambda: blocked.wait(60) and None)
    window.start(Handover("none"))
    try:
        assert window.end_shown.wait(30)
        assert wait_for(lambda: window.closed)
    finally:
        blocked.set()
    wait_for(lambda: window.watch(Handover("none")) == [] and window.pid is None)


@posix
def test_every_kill_of_a_window_that_was_all_right_is_mended_at_once(script: Callable[[str], list[str]]) -> None:
    clock, frames = [1000.0], []
    window = WindowProcess(
        script(WINDOW + 'say(event="first_frame")\ntime.sleep(60)\n'), lambda: frames.append(1), lambda: clock[0]
    )
    window.start(Handover("none"))
    for n in range(1, 9):
        wait_for(lambda n=n: len(frames) == n)
        clock[0] += child.YOUNG_S
        pid = window.pid
        os.kill(pid or 0, signal.SIGKILL)
        wait_for(lambda pid=pid: window.watch(Handover("none")) is not None and window.pid not in (None, pid))
    assert clock == [1000.0 + 8 * child.YOUNG_S]
    os.kill(window.pid or 0, signal.SIGKILL)
    window.detach()
    assert window.wait(30)


def test_restarts_slow_down_and_stop_at_five_a_minute() -> None:
    policy, now, starts = RestartPolicy(), 100.0, []
    for _ in range(7):
        now += policy.delay(now)
        policy.started(now)
        starts.append(now - 100.0)
    assert starts == [0.0, 0.5, 1.5, 3.5, 7.5, 60.0, 60.5]
    assert RestartPolicy().delay(5.0) == 0.0


def test_package_is_found_by_the_child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = str(Path(interpreter.__file__).parents[2])
    (tmp_path / "present").mkdir()
    monkeypatch.chdir(tmp_path / "present")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "/somewhere"]))
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), home, *sys.path])
    found = interpreter.child_environment()["PYTHONPATH"].split(os.pathsep)
    assert found[:2] == [str(tmp_path), home]
    assert str(tmp_path / "present") not in found
    assert "" not in found


@pytest.mark.parametrize("version", [(3, 10), sys.version_info[:2]], ids=["3.10", "this Python"])
def test_the_folder_one_stands_in_is_no_source_of_modules(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: tuple[int, int]
) -> None:
    (tmp_path / "random.py").write_text("raise ImportError('the experiment has its own random')\n")
    (tmp_path / "runpy.py").write_text("raise ImportError('the experiment has its own runpy')\n")
    monkeypatch.chdir(tmp_path)
    environment = interpreter.child_environment()
    # Python 3.10 passes over it.
    del environment["PYTHONSAFEPATH"]
    command = interpreter.python_command("rtcog_gl", "--version", version=version)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.split()[:1]) == (0, ["rtcog-gl"]), done.stderr


# --- rtcog's process --------------------------------------------------------------------------------------------------


def _keeper_process(ready: Any, result: str) -> None:
    source = FakeSource()
    keeper = Keeper(source)

    def tell(_: FakeSource) -> None:
        ready.send((os.getpid(), keeper.board_name))

    source.script = [tell, lambda s: False]
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    keeper.run()
    after = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    text = json.dumps({"lost": keeper.live.lost, "restored": before == after, "closed": source.closed})
    scratch = Path(result + ".part")
    scratch.write_text(text)
    scratch.replace(result)


def _rtcog_process(ready: Any, result: str) -> None:
    context = multiprocessing.get_context("fork")
    context.Process(target=_keeper_process, args=(ready, result)).start()
    # A sibling forked later inherits the pipe by which a child sees its parent die.
    context.Process(target=time.sleep, args=(4,), daemon=True).start()
    time.sleep(60)


@posix
def test_keeper_ends_when_rtcog_is_killed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    result = tmp_path / "result"
    rtcog = context.Process(target=_rtcog_process, args=(there, str(result)))
    rtcog.start()
    assert here.poll(20)
    _, board = here.recv()
    reader = BoardReader(board)
    os.kill(rtcog.pid or 0, signal.SIGKILL)
    rtcog.join(30)
    found = json.loads(wait_for(lambda: result.exists() and result.read_text(), 30))
    assert "gone" in found["lost"]
    assert found["closed"]
    live = reader.newer()
    assert live is not None
    assert live.lost == found["lost"]
    reader.close()
    with pytest.raises(BoardError):
        BoardReader(board)


@posix
def test_ctrl_c_is_rtcogs_and_sigterm_ends_tidily(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    result = tmp_path / "result"
    process = context.Process(target=_keeper_process, args=(there, str(result)))
    process.start()
    assert here.poll(20)
    pid, board = here.recv()
    for _ in range(3):
        os.kill(pid, signal.SIGINT)
        time.sleep(0.05)
    assert process.is_alive()
    process.terminate()
    process.join(30)
    assert process.exitcode == 0
    assert json.loads(result.read_text()) == {"lost": "", "restored": True, "closed": True}
    with pytest.raises(BoardError):
        BoardReader(board)


# --- discovery --------------------------------------------------------------------------------------------------------


def test_entries_come_back_newest_first(runtime_folder: Path) -> None:
    old = discovery.Entry("00000001", "rtgl_a", os.getpid(), "../../../etc/passwd", 1.0)
    new = discovery.Entry("00000002", "rtgl_b", os.getpid(), "run é", 2.0)
    paths = [discovery.announce(entry) for entry in (old, new)]
    assert discovery.list_sessions() == [new, old]
    assert {path.parent for path in paths} == {runtime_folder}
    if os.name == "posix":
        assert stat.S_IMODE(paths[0].stat().st_mode) == 0o600
        assert stat.S_IMODE(runtime_folder.stat().st_mode) == 0o700
    discovery.withdraw(paths[0])
    discovery.withdraw(paths[0])
    assert discovery.list_sessions() == [new]


def test_files_of_dead_sessions_are_cleaned(runtime_folder: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(0,))
    process.start()
    process.join()
    path = discovery.announce(discovery.Entry("00000003", "rtgl_c", process.pid or 0, "x", 1.0))
    assert discovery.list_sessions() == []
    assert not path.exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "[" * 5000, '{"id": 5}', "\udcff".encode("utf-8", "surrogateescape").decode("latin1")],
)
def test_broken_files_are_passed_over(runtime_folder: Path, text: str) -> None:
    discovery.folder()
    (runtime_folder / "0000000a.json").write_text(text, encoding="latin1")
    good = {"id": "0000000b", "board": "../../x", "pid": os.getpid(), "prefix": "p", "started": 1.0}
    (runtime_folder / "0000000b.json").write_text(json.dumps(good))
    (runtime_folder / "0000000c.json").write_text(json.dumps({**good, "board": "rtgl_x"}))
    assert discovery.list_sessions() == []


def test_id_cannot_leave_the_folder() -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        discovery.announce(discovery.Entry("../evil", "b", 1, "p", 1.0))


@posix
def test_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv(discovery.FOLDER_VARIABLE, str(tmp_path / "link"))
    with pytest.raises(PermissionError):
        discovery.folder()
    assert discovery.list_sessions() == []
