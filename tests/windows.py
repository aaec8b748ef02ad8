"""Real windows in tests: sessions stepped by hand, shown as rtcog's would be, and keys pressed through the X server.

Run as a script, this is the window's command itself, with a log of what it did; see `SPY`.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

from rtcog_gl.model.options import ENVIRONMENT, WindowOptions

if TYPE_CHECKING:
    from rtcog_gl.session.synthetic import ScriptedSession

SPY = "RTCOG_GL_TEST_SPY"
"""Environment variable with a file; the window appends a JSON line to it for each action and each picture."""

REQUIRED = "RTCOG_GL_REQUIRE_DISPLAY"
"""Environment variable; 1 makes a failure of what would be skipped."""

PATIENCE_S = 30.0
POLL_S = 0.02

SHAPE = (12, 14, 10)
NV = int(np.prod(SHAPE))
N_TEMPLATES, MATCH_START = 4, 3
Pixels = npt.NDArray[np.uint8]


def why_no_window() -> str:
    """Return why no real window can be tested here; empty if it can."""
    if not sys.platform.startswith("linux"):
        return "the windows are driven through X"
    if not os.environ.get("DISPLAY"):
        return "there is no X display (DISPLAY is empty); run under xvfb-run"
    if shutil.which("xdotool") is None:
        return "xdotool is not installed"
    return ""


def needs_window() -> list[pytest.MarkDecorator]:
    """Return the marks of tests with real windows, which are skipped or, if they are `REQUIRED`, fail without them."""
    why = why_no_window()
    if why and os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED} is 1, but {why}", pytrace=False)
    return [pytest.mark.display, pytest.mark.skipif(bool(why), reason=why or "-")]


def until(true: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> Any:
    """Return the first value that is not false, or fail."""
    deadline = time.monotonic() + seconds
    while not (value := true()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}, in vain")
        time.sleep(POLL_S)
    return value


def xdotool(*words: object) -> str:
    """Run xdotool and return what it says."""
    command = ["xdotool", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode and words[0] not in ("search", "getwindowfocus"):
        raise AssertionError(f"{shlex.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


def screen() -> Pixels:
    """Return what the X server shows, (height, width, 3)."""
    from PIL import ImageGrab

    return np.asarray(ImageGrab.grab(xdisplay=""), np.uint8)


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def window_pids(keeper: int) -> list[int]:
    """Return the window processes that a keeper's process has started."""
    import psutil

    try:
        children = psutil.Process(keeper).children()
        return [c.pid for c in children if "--board" in c.cmdline() and c.status() != psutil.STATUS_ZOMBIE]
    except psutil.NoSuchProcess:
        return []


def segments(prefix: str) -> list[str]:
    """Return the names of shared segments with a prefix."""
    return sorted(path.name for path in Path("/dev/shm").glob(f"{prefix}*"))


def log_lines(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a JSON-lines file."""
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def set_options(patch: Any, options: WindowOptions) -> None:
    """Choose the options of the next window."""
    patch.setenv(ENVIRONMENT, shlex.join(options.argv()))


def some_map(t: int) -> npt.NDArray[np.float32]:
    """Return a map, (NV,), different for each `t`."""
    return np.random.default_rng(t).normal(0, 3, NV).astype(np.float32)


@contextmanager
def managed_session(name: str, out_dir: Path, nt: int, hits: Sequence[int], **given: Any) -> Iterator[ScriptedSession]:
    """Give a session whose lists are a manager's, so that a viewer in another process can follow it.

    Parameters
    ----------
    name : str
        How its window's title begins.
    nt : int
        Volumes, of `SHAPE` and scored against `N_TEMPLATES` from `MATCH_START` on.
    hits : sequence of int
        The volumes that are hits; the map of each is `some_map`.
    **given
        What `ScriptedSession` takes beside that.
    """
    import nibabel

    from rtcog_gl.session.synthetic import ScriptedSession

    context = multiprocessing.get_context("fork")
    manager = context.Manager()
    if given.get("questions"):
        given["responses"] = manager.dict(dict.fromkeys(given["questions"], (None, None)))
    with ScriptedSession(
        np.random.default_rng(1).normal(0, 0.6, (N_TEMPLATES, nt)),
        {t: some_map(t) for t in hits},
        context=context,
        onsets=manager.list(),
        offsets=manager.list(),
        match_start=MATCH_START,
        mask_img=nibabel.Nifti1Image(np.ones(SHAPE, np.uint8), np.diag([4.0, 4.0, 4.0, 1.0])),
        out_dir=str(out_dir),
        out_prefix=f"{name}-{os.getpid()}-{time.monotonic_ns()}",
        **given,
    ) as session:
        yield session
    manager.shutdown()


def play(session: ScriptedSession, volumes: int, pause: float = 0.01) -> None:
    """Play volumes, each `pause` seconds after it came; surveys are answered at once."""
    for _ in range(volumes):
        session.run_until("tr_index")
        time.sleep(pause)
        session.run_volume()
        if session.sync.hit.is_set():
            session.end_action()


class XWindow:
    """One window on the X server."""

    def __init__(self, pid: int, title: str) -> None:
        self.pid = pid
        self.id = int(until(lambda: self._find(title), f"a window named {title!r}"))

    def _find(self, title: str) -> str:
        found = xdotool("search", "--onlyvisible", "--name", title).split()
        mine = [window for window in found if xdotool("getwindowpid", window) == str(self.pid)]
        return mine[0] if mine else ""

    def geometry(self) -> tuple[int, int, int, int]:
        """Return x, y, width and height on the screen."""
        said = dict(line.split("=") for line in xdotool("getwindowgeometry", "--shell", self.id).splitlines())
        return int(said["X"]), int(said["Y"]), int(said["WIDTH"]), int(said["HEIGHT"])

    def pixels(self) -> Pixels:
        """Return what of the screen the window covers."""
        x, y, w, h = self.geometry()
        return screen()[y : y + h, x : x + w]

    def resize(self, width: int, height: int) -> None:
        """Give the window another size, at the screen's upper left corner."""
        xdotool("windowmove", self.id, 0, 0)
        xdotool("windowsize", self.id, width, height)

    def focus(self) -> None:
        """Give the window the keyboard."""
        xdotool("windowfocus", self.id)
        until(lambda: xdotool("getwindowfocus") == str(self.id), "the keyboard's focus")

    def key(self, *names: str) -> None:
        """Press keys, by their X names."""
        for name in names:
            xdotool("key", "--clearmodifiers", name)


class Shown:
    """A session, rtcog's viewer process for it, and its window.

    Parameters
    ----------
    session : ScriptedSession or RunningSession
    folder : Path
        Where logs and pictures go.
    patch : pytest.MonkeyPatch
    options : WindowOptions
        The window's.
    method : str
        ``fork`` or ``spawn``.
    spy : bool
        Whether the window tells what it does (`spied`).
    """

    def __init__(
        self, session: Any, folder: Path, patch: Any, options: WindowOptions, method: str = "fork", spy: bool = False
    ) -> None:
        from rtcog_gl.streamer import run_streamer

        self.session = session
        self.spy = folder / "spy.jsonl"
        if spy:
            patch.setenv("RTCOG_GL_WINDOW", shlex.join([sys.executable, str(Path(__file__).resolve())]))
            patch.setenv(SPY, str(self.spy))
        set_options(patch, replace(options, segment_prefix=session.segment_prefix, stamps=session.stamps_name))
        five = (session.config, session.sync, session.onsets, session.offsets, session.responses)
        more = {"volumes": session.volumes} if session.volumes else {}
        self.viewer: Any = multiprocessing.get_context(method).Process(target=run_streamer, args=five, kwargs=more)
        self.viewer.start()

    def ready(self) -> XWindow:
        """Wait for the first frame and return the window."""
        until(self.session.sync.server_ready.is_set, "server_ready")
        return self.window()

    def window(self) -> XWindow:
        """Return the window that there is now."""
        pid = until(lambda: window_pids(self.viewer.pid), "a window's process")[0]
        return XWindow(pid, self.session.config.out_prefix)

    def spied(self, kind: str) -> list[dict[str, Any]]:
        """Return what the window told: ``act`` or ``paint``."""
        return [line for line in log_lines(self.spy) if line["kind"] == kind]

    def board(self) -> str:
        """Return the name of the board's segment."""
        from rtcog_gl.session import discovery

        prefix = self.session.config.out_prefix
        entry: Any = until(lambda: [e for e in discovery.list_sessions() if e.prefix == prefix], "the board")[0]
        return str(entry.board)

    def join(self) -> int | None:
        """Wait until `run_streamer` has returned; return the exit status of its process."""
        self.viewer.join(PATIENCE_S)
        status: int | None = self.viewer.exitcode
        return status

    def close(self) -> None:
        """End everything."""
        pids = window_pids(self.viewer.pid)
        self.viewer.kill()
        self.viewer.join(PATIENCE_S)
        for pid in pids:
            end(pid)


def press(shown: Shown, window: XWindow, key: str) -> dict[str, Any]:
    """Press one key and return what the window did."""
    before = len(shown.spied("act"))
    window.key(key)
    done: dict[str, Any] = until(lambda: shown.spied("act")[before:], f"what the key {key} does")[0]
    return done


def end(pid: int) -> None:
    """End a process that is ours and wait until it is gone."""
    import contextlib
    import signal

    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid), f"the end of process {pid}")


def _note(**fields: Any) -> None:
    with Path(os.environ[SPY]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(fields) + "\n")


def _spying_window(argv: Sequence[str]) -> int:
    import glfw

    from rtcog_gl.gpu.renderer import Renderer
    from rtcog_gl.window import app
    from rtcog_gl.window.canvas import Window
    from rtcog_gl.window.loop import Loop

    act, draw, swap = Loop._act, Renderer.draw, Window.swap
    drawn: list[dict[str, Any]] = []

    def noted_act(loop: Any, action: str) -> None:
        act(loop, action)
        window = loop._window
        iconifies = bool(glfw.get_window_attrib(window.handle, glfw.AUTO_ICONIFY))
        view = asdict(loop._console.view)
        full = window.full_screen.on
        _note(kind="act", action=action, view=view, size=window.size, full_screen=full, iconifies=iconifies)

    def noted_draw(renderer: Any, drawings: Any, names: Any, size: Any) -> None:
        draw(renderer, drawings, names, size)
        drawn.append({"kind": "paint", "names": list(names), "size": size})

    def noted_swap(window: Any) -> None:
        swap(window)
        while drawn:
            _note(**drawn.pop(0))

    Loop._act, Renderer.draw, Window.swap = noted_act, noted_draw, noted_swap  # type: ignore[method-assign,assignment]
    return app.main(argv)


if __name__ == "__main__":
    sys.exit(_spying_window(sys.argv[1:]))
