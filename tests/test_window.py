"""The real window on an X server: keys, sizes, full screen, the light sensor's square, and what it cannot do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pixels import assert_close
from windows import (
    MATCH_START,
    Pixels,
    Shown,
    XWindow,
    alive,
    end,
    managed_session,
    needs_window,
    play,
    press,
    screen,
    segments,
    until,
    window_pids,
    xdotool,
)

from rtcog_gl.model.keys import action_of
from rtcog_gl.model.layout import Layout, auto_scale, layout
from rtcog_gl.model.options import WindowOptions
from rtcog_gl.model.theme import DARK
from rtcog_gl.model.view import Extent, View, apply
from rtcog_gl.session import discovery
from rtcog_gl.session.synthetic import ScriptedSession

pytestmark = needs_window()

NT, HITS = 80, (6, 15, 22)
SIZE = (960, 540)
PLAYED = 30
SQUARE = 32
RTCOG_GL = [sys.executable, "-m", "rtcog_gl"]


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(discovery.FOLDER_VARIABLE, str(tmp_path / "runtime"))
    monkeypatch.delenv("RTCOG_GL_WINDOW", raising=False)
    monkeypatch.delenv("RTCOG_GL_OPTIONS", raising=False)


@pytest.fixture
def out_dir(tmp_path: Path) -> Path:
    return tmp_path / "out" / "of" / "the run"


@pytest.fixture
def session(out_dir: Path) -> Iterator[ScriptedSession]:
    with managed_session("window", out_dir, NT, HITS) as made:
        yield made


Show = Callable[..., Shown]


@pytest.fixture
def show(session: ScriptedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Show]:
    shown: list[Shown] = []

    def open_window(**options: Any) -> Shown:
        options.setdefault("size", SIZE)
        shown.append(Shown(session, tmp_path, monkeypatch, WindowOptions(**options), "fork", spy=True))
        return shown[-1]

    yield open_window
    for one in shown:
        one.close()


def design(size: tuple[int, int] = SIZE) -> Layout:
    return layout(size, auto_scale(size), False)


def state_is(colour: Any) -> Callable[[Pixels], bool]:
    wanted = [round(255 * c) for c in colour[:3]]
    return lambda picture: picture[8, 2].tolist() == wanted


STILL_S = 0.7


def still(window: XWindow, ready: Callable[[Pixels], bool] = lambda _: True) -> Pixels:
    """Return the window's pixels once they were `ready` and, below the strip, stood still from then on.

    A thumbnail comes some moments after its hit.
    """
    before = [(window.pixels(), False)]
    since = [time.monotonic()]

    def same() -> list[Pixels]:
        now, (then, was_ready) = window.pixels(), before.pop()
        # Asked after the picture was taken, so that it speaks for the next one.
        before.append((now, ready(now)))
        below = round(design((now.shape[1], now.shape[0])).strip.bottom)
        if not (was_ready and now.shape == then.shape and np.array_equal(now[below:], then[below:])):
            since[0] = time.monotonic()
        return [now] if time.monotonic() - since[0] >= STILL_S else []

    pixels: Pixels = until(same, "a picture that stands still")[0]
    return pixels


def painted_at(shown: Shown, *size: int) -> Callable[[Pixels], bool]:
    """Return a condition for `still`: the session has stalled, and the newest picture has this size."""
    stalled = state_is(DARK.bad)
    return lambda p: p.shape[1::-1] == size and shown.spied("paint")[-1]["size"] == list(size) and stalled(p)


KEYS = (
    *(("Left", "LEFT"), ("Left", "LEFT"), ("Right", "RIGHT"), ("plus", "+"), ("plus", "+"), ("minus", "-")),
    *(("Home", "HOME"), ("Page_Down", "PAGE_DOWN"), ("Prior", "PAGE_UP"), ("KP_Add", "+"), ("End", "END")),
    *(("w", "W"), ("W", "W"), ("bracketleft", "["), ("bracketleft", "["), ("bracketright", "]"), ("equal", "=")),
    *(("question", "?"), ("F1", "F1"), ("End", "END")),
)


def test_keys_do_what_their_table_says(session: ScriptedSession, show: Show, out_dir: Path) -> None:
    shown = show()
    window = shown.ready()
    play(session, PLAYED)
    live = still(window, state_is(DARK.bad))
    window.focus()
    view, extent = View(), Extent(NT, PLAYED, len(HITS))
    for key, name in KEYS:
        action = action_of(name)
        assert action is not None
        view = apply(view, action, extent)
        did = press(shown, window, key)
        assert (did["action"], did["view"]) == (action, asdict(view)), key
        assert did["size"] == list(SIZE)
    assert view == View(span=view.span)
    press(shown, window, "w")
    press(shown, window, "w")
    below = round(design().strip.bottom)

    # Looking back moves the picture, End brings it back.
    window.key("w") if view.span < NT else None
    here = still(window)
    press(shown, window, "Home")
    back = still(window, lambda p: not np.array_equal(p[below:], here[below:]))
    press(shown, window, "End")
    again = still(window, lambda p: not np.array_equal(p[below:], back[below:]))
    assert_close(again[below:], here[below:], 2, "after End")
    assert live.shape == here.shape

    # What is saved is what is on the screen.
    assert not out_dir.exists()
    press(shown, window, "s")
    saved = until(lambda: list(out_dir.glob("*.png")), "the picture that S saves")
    with Image.open(saved[0]) as image:
        picture = np.asarray(image.convert("RGB"))
    footer = round(design().footer.y)
    assert_close(picture[below:footer], here[below:footer], 2, "the picture that S saves")
    assert saved[0].name.startswith(session.config.out_prefix)

    # Esc closes the list of keys; alone it closes nothing; twice it closes the window.
    press(shown, window, "question")
    assert press(shown, window, "Escape")["view"]["help"] is False
    press(shown, window, "Escape")
    time.sleep(2.0)
    assert alive(window.pid)
    window.key("Escape", "Escape")
    until(lambda: not alive(window.pid), "the window's end")
    _stays_closed(session, shown)


def _stays_closed(session: ScriptedSession, shown: Shown) -> None:
    """Check that a window closed on purpose does not come back, and that the session goes on to its end."""
    play(session, 5)
    time.sleep(1.0)
    assert window_pids(shown.viewer.pid) == []
    assert shown.viewer.is_alive()
    session.finish()
    assert shown.join() == 0


def test_held_key_repeats_only_where_that_helps(session: ScriptedSession, show: Show) -> None:
    shown = show()
    window = shown.ready()
    play(session, PLAYED)
    window.focus()
    for key in ("Left", "Escape", "Right"):
        xdotool("keydown", key)
        time.sleep(1.5)
        xdotool("keyup", key)
    until(lambda: shown.spied("act")[-1:][0]["action"] == "newer", "what the last key does")
    done = [did["action"] for did in shown.spied("act")]
    assert done.count("older") > 2
    assert done.count("escape") == 1
    assert alive(window.pid)
    session.finish()
    assert shown.join() == 0


def test_q_closes_for_good(session: ScriptedSession, show: Show) -> None:
    shown = show()
    window = shown.ready()
    play(session, 5)
    window.focus()
    window.key("q")
    until(lambda: not alive(window.pid), "the window's end")
    _stays_closed(session, shown)


OTHER = """
import glfw, time
glfw.init()
window = glfw.create_window(300, 200, "OTHER", None, None)
glfw.set_window_pos(window, 700, 400)
while True:
    glfw.wait_events_timeout(0.1)
"""


def test_a_window_that_opens_full_screen_is_drawn_whole(session: ScriptedSession, show: Show) -> None:
    """The desktop carries out the new size when pictures of that size have been drawn already."""
    shown = show(fullscreen=True)
    window = shown.ready()
    height, width = screen().shape[:2]
    until(lambda: window.geometry() == (0, 0, width, height), "full screen")
    play(session, PLAYED)
    still(window, painted_at(shown, width, height))
    # Nothing in the theme is black; what was never drawn is.
    until(lambda: bool(screen().any(axis=2).all()), "every pixel drawn")


def test_full_screen_stays_when_another_window_takes_the_keyboard(
    session: ScriptedSession, show: Show, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = show()
    window = shown.ready()
    play(session, PLAYED)
    before, place = still(window, state_is(DARK.bad)), window.geometry()
    height, width = screen().shape[:2]
    window.focus()
    press(shown, window, "f")
    until(lambda: window.geometry() == (0, 0, width, height), "full screen")
    full = still(window, painted_at(shown, width, height))
    did = press(shown, window, "Left")
    assert (did["full_screen"], did["iconifies"], did["size"]) == (True, False, [width, height])
    press(shown, window, "End")

    title = f"other-{os.getpid()}"
    other = subprocess.Popen([sys.executable, "-c", OTHER.replace("OTHER", title)])
    try:
        intruder = XWindow(other.pid, title)
        xdotool("windowraise", intruder.id)
        intruder.focus()
        assert window.geometry() == (0, 0, width, height)
        assert str(window.id) in xdotool("search", "--onlyvisible", "--name", session.config.out_prefix).split()
    finally:
        other.kill()
        other.wait(20)
    # What the other window covered is drawn again.
    below = round(design((width, height)).strip.bottom)
    # A part painted again may differ from the whole in the last bit: its columns are counted from another one.
    # Messages in the footer come and go by themselves.
    rows = slice(below, round(design((width, height)).footer.y))
    still(window, lambda p: bool((np.abs(p[rows].astype(int) - full[rows]) <= 2).all()))
    window.focus()
    press(shown, window, "F11")
    until(lambda: window.geometry() == place, "the place it had before")
    after = still(window, painted_at(shown, *SIZE))
    below = round(design().strip.bottom)
    assert_close(after[below:], before[below:], 2, "back from full screen")
    session.finish()
    assert shown.join() == 0
    assert "GLFW" not in capfd.readouterr().err


def painted_widths(shown: Shown) -> set[int]:
    return {paint["size"][0] for paint in shown.spied("paint")}


def test_other_size_looks_like_a_window_opened_at_it(session: ScriptedSession, show: Show, tmp_path: Path) -> None:
    wide = (1900, 1000)
    shown = show(size=(640, 360))
    window = shown.ready()
    play(session, 10)
    for size in ((900, 1000), (200, 60), (1, 1), wide):
        window.resize(*size)
        until(lambda size=size: window.geometry()[2:] == size, f"a window of {size}")
        until(lambda width=size[0]: width in painted_widths(shown), f"a picture {size[0]} pixels wide")
        play(session, 4)
    resized = still(window, painted_at(shown, *wide))

    picture = tmp_path / "fresh.png"
    options = WindowOptions(size=wide, duration=1.5, screenshot=str(picture), segment_prefix=session.segment_prefix)
    command = [*RTCOG_GL, "window", "--board", shown.board(), "--poll", *options.argv()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(picture) as image:
        fresh = np.asarray(image.convert("RGB"))
    arranged = design(wide)
    below = round(arranged.strip.bottom)
    assert_close(resized[below:], fresh[below:], 2, "resized against opened at that size")
    # Of the strip, which tells the time, at least the background reaches the right edge.
    assert (resized[:below, -1] == fresh[:below, -1]).all()
    assert alive(window.pid)
    session.finish()
    assert shown.join() == 0


def test_square_for_the_light_sensor_follows_the_newest_volume(session: ScriptedSession, show: Show) -> None:
    shown = show(photodiode=True)
    window = shown.ready()
    # A volume before the first scored one is final only when the next one arrives.
    play(session, MATCH_START)
    for t in range(MATCH_START, MATCH_START + 6):
        play(session, 1)
        value = 255 if t % 2 else 0
        until(lambda value=value: (window.pixels()[-SQUARE:, -SQUARE:] == value).all(), f"the square of TR {t}")
    pixels = window.pixels()
    assert not (pixels[-SQUARE - 1, -SQUARE - 1 :] == 255).any()
    assert not (pixels[-SQUARE - 1 :, -SQUARE - 1] == 255).any()
    session.finish()
    assert shown.join() == 0


def test_idle_window_draws_little_and_only_the_strip(session: ScriptedSession, show: Show) -> None:
    shown = show()
    window = shown.ready()
    play(session, PLAYED)
    still(window, state_is(DARK.bad))
    # A new window is drawn whole for a while, and so is one whose size changed.
    time.sleep(1.5)
    before = len(shown.spied("paint"))
    time.sleep(1.5)
    painted = [paint["names"] for paint in shown.spied("paint")[before:]]
    assert 1 <= len(painted) <= 30
    assert painted == [["strip"]] * len(painted)
    session.finish()
    assert shown.join() == 0


def environment(**changes: str | None) -> dict[str, str]:
    merged: dict[str, str | None] = {**os.environ, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def run_demo(*flags: str, **changes: str | None) -> tuple[subprocess.CompletedProcess[str], list[str], int]:
    """Run the demo; return what came of it, what it left in shared memory, and how many boards there were."""
    command = [*RTCOG_GL, "demo", "--voxels", "2000", "--tr", "0.1", *flags]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**changes)
    )
    boards: set[str] = set()

    def over() -> bool:
        boards.update(entry.board for entry in discovery.list_sessions())
        return process.poll() is not None

    try:
        until(over, "the demo's end", 120)
    finally:
        process.kill()
    out, err = process.communicate()
    done = subprocess.CompletedProcess(command, process.returncode, out, err)
    left = [*segments(f"rg{process.pid & 0xFFFFFF:x}"), *(name for board in boards for name in segments(board))]
    return done, left, len(boards)


def test_no_display_is_one_sentence_at_once() -> None:
    done, left, boards = run_demo("--duration", "3", DISPLAY=None, WAYLAND_DISPLAY=None)
    assert done.returncode == 1
    assert (left, boards, done.stdout) == ([], 0, "")
    (told,) = done.stderr.splitlines()
    assert "there is no display (DISPLAY and WAYLAND_DISPLAY are empty)" in told


def test_display_that_cannot_be_opened_is_said_and_leaves_nothing() -> None:
    done, left, boards = run_demo("--duration", "3", DISPLAY=":29876", WAYLAND_DISPLAY=None)
    assert done.returncode == 1
    assert (left, boards) == ([], 1)
    assert "no display can be opened" in done.stderr
    assert "Traceback" not in done.stderr
    assert any(line.startswith("rtcog-gl demo: no window could be opened") for line in done.stderr.splitlines())


def test_monitor_and_picture_that_cannot_be_had_cost_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    nowhere = str(tmp_path / "file" / "picture.png")
    log = str(tmp_path / "file" / "latency.jsonl")
    done, left, boards = run_demo(
        "--duration", "3", "--monitor", "7", "--screenshot", nowhere, "--latency-log", log, "--size", "640x360"
    )
    assert done.returncode == 0
    assert (left, boards) == ([], 1)
    assert "--monitor: there is no monitor 7, expected 0 to 0; the primary one is used" in done.stderr
    assert f"screenshot: {nowhere} cannot be written" in done.stderr
    assert f"latency log: {log} cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_picture_that_cannot_be_saved_leaves_the_window_open(
    session: ScriptedSession, show: Show, out_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out_dir.parent.parent.mkdir()
    out_dir.parent.write_text("not a folder")
    shown = show()
    window = shown.ready()
    play(session, 5)
    window.focus()
    press(shown, window, "s")
    press(shown, window, "Left")
    assert alive(window.pid)
    session.finish()
    assert shown.join() == 0
    assert "cannot be written" in capfd.readouterr().err
    end(window.pid)
