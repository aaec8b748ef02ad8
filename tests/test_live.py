"""Whole sessions in real windows, as rtcog starts them: shown to the last volume, killed, orphaned, unlinked."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pixels import assert_close
from windows import (
    Shown,
    XWindow,
    alive,
    end,
    log_lines,
    managed_session,
    needs_window,
    play,
    segments,
    until,
    window_pids,
)

from rtcog_gl.model.layout import Layout, auto_scale, layout
from rtcog_gl.model.options import WindowOptions
from rtcog_gl.model.theme import DARK
from rtcog_gl.session import discovery
from rtcog_gl.session.synthetic import DemoOptions, ScriptedSession, start

pytestmark = needs_window()

METHODS = [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()]
STAGES = ("committed", "seen", "uploaded", "drawn", "swapped")
SIZE = (960, 540)
NT = 40
PACE_S = 0.04


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(discovery.FOLDER_VARIABLE, str(tmp_path / "runtime"))
    monkeypatch.delenv("RTCOG_GL_WINDOW", raising=False)


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[ScriptedSession]:
    with managed_session("live", tmp_path, NT, (6, 15)) as session:
        yield session


Show = Callable[..., Shown]


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Show]:
    shown: list[Shown] = []

    def open_window(session: Any, method: str = "fork", spy: bool = False, **options: Any) -> Shown:
        options.setdefault("size", SIZE)
        shown.append(Shown(session, tmp_path, monkeypatch, WindowOptions(**options), method, spy))
        return shown[-1]

    yield open_window
    for one in shown:
        one.close()


def design(size: tuple[int, int] = SIZE, answers: bool = False) -> Layout:
    return layout(size, auto_scale(size), answers)


def state_colour(picture: Any) -> tuple[int, ...]:
    """Return the colour of the state, at the strip's left edge."""
    return tuple(int(v) for v in picture[8, 2])


def rgb(colour: Any) -> tuple[int, ...]:
    return tuple(round(255 * c) for c in colour[:3])


def exists(name: str) -> bool:
    return name in segments(name)


@pytest.mark.parametrize("method", METHODS)
def test_whole_session_is_shown_to_its_last_volume(show: Show, method: str, tmp_path: Path) -> None:
    nvols, picture, latency = 25, tmp_path / "end.png", tmp_path / "latency.jsonl"
    wanted = DemoOptions(
        phantom=True,
        voxels=1500,
        nvols=nvols,
        tr=0.15,
        match_start=3,
        vols_noaction=3,
        survey_trs=2,
        seed=3,
        lead_in_s=20.0,
        write_s=0.1,
        out_prefix=f"whole-{method}-{os.getpid()}",
    )
    with start(wanted, method) as session:
        options = {"latency_log": str(latency), "screenshot": str(picture), "linger": 0.0, "size": (640, 360)}
        assert session.volumes is not None
        shown = show(session, method, **options)
        window, board = shown.ready(), shown.board()
        assert exists(board)
        while session.sync.tr_index.value < nvols - 5:
            assert len(segments(session.segment_prefix)) == 3
            time.sleep(0.1)
        assert exists(session.volumes.name)
        assert session.join(20)
        assert shown.join() == 0
        until(lambda: not alive(window.pid), "the window's own end")
        assert not exists(session.volumes.name)
        n_templates, nv, onsets = len(session.config.template_labels), session.config.Nv, list(session.onsets)
    assert not exists(board)
    assert list((tmp_path / "runtime").glob("*.json")) == []

    lines = log_lines(latency)
    scores = [line for line in lines if line["kind"] == "scores"]
    assert [line["t"] for line in scores] == list(range(nvols))
    assert {line["bytes"] for line in scores} == {4 * n_templates}
    maps = [line for line in lines if line["kind"] == "map"]
    assert len(onsets) >= 1
    assert [line["t"] for line in maps] == onsets
    volumes = [line for line in lines if line["kind"] == "volume"]
    assert len(volumes) >= 3
    assert [line["t"] for line in volumes] == sorted({line["t"] for line in volumes})
    assert {line["bytes"] for line in maps + volumes} == {-(-nv // 1024) * 1024 * 4}
    for line in lines:
        stamps = [line[stage] for stage in STAGES if line[stage] is not None]
        assert stamps == sorted(stamps), line
        if line["kind"] == "volume":
            assert line["committed"] > 0, line
            continue
        assert 0 < line["final"] <= line["seen"], line
        assert (line["committed"] is None) == (line["t"] < 3), line
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape == (360, 640, 3)
    assert state_colour(pixels) == rgb(DARK.ended)


def test_segments_that_rtcog_left_are_left_by_the_viewer(show: Show, scripted: ScriptedSession) -> None:
    """An operator ends the run early, so that rtcog has not unlinked anything yet."""
    shown = show(scripted, linger=0.0)
    window = shown.ready()
    play(scripted, 8, PACE_S)
    scripted.sync.end.set()
    assert shown.join() == 0
    until(lambda: not alive(window.pid), "the window's own end")
    assert len(segments(scripted.segment_prefix)) == 3
    assert scripted.segments.scores[0, 7] != 0


STILL_S = 1.0


def settle(window: XWindow, *colours: Any) -> Any:
    """Return the window's pixels once its state is one of these, and it stood still below the strip for a second.

    Scores, the map and the thumbnails come in pictures of their own.
    """
    below = round(design().strip.bottom)
    wanted = [rgb(c) for c in colours]
    before, since = window.pixels(), time.monotonic()

    def same() -> Any:
        nonlocal before, since
        now = window.pixels()
        if now.shape != before.shape or not np.array_equal(now[below:], before[below:]):
            before, since = now, time.monotonic()
        return [now] if time.monotonic() - since >= STILL_S and state_colour(now) in wanted else None

    return until(same, "a picture that stands still")[0]


def scores_in(latency: Path) -> list[dict[str, Any]]:
    return [line for line in log_lines(latency) if line["kind"] == "scores"]


def test_killed_window_is_back_with_the_whole_history(show: Show, scripted: ScriptedSession, tmp_path: Path) -> None:
    latency = tmp_path / "latency.jsonl"
    shown = show(scripted, linger=0.0, latency_log=str(latency))
    first = shown.ready()
    play(scripted, 18, PACE_S)
    before = settle(first, DARK.bad)
    measured = scores_in(latency)
    assert [(line["t"], line["history"]) for line in measured] == [(t, False) for t in range(18)]

    os.kill(first.pid, signal.SIGKILL)
    producing = time.monotonic()
    play(scripted, 1, 0.0)
    assert time.monotonic() - producing < 20, "rtcog waited for a window"
    second = until(lambda: [p for p in window_pids(shown.viewer.pid) if p != first.pid], "another window")[0]
    until(lambda: 18 in {line["t"] for line in scores_in(latency)}, "the volume just written")
    # What was measured before the kill is kept; the past is shown again, and marked as no measurement.
    assert scores_in(latency)[:18] == measured
    again = scores_in(latency)[18:]
    assert Counter(line["t"] for line in again) == Counter(range(19))
    assert {line["t"] for line in again if line["history"]} >= set(range(18))

    play(scripted, 1, PACE_S)
    os.kill(second, signal.SIGKILL)
    scripted.run_until("tr_index")
    third = until(lambda: [p for p in window_pids(shown.viewer.pid) if p != second], "a third window")[0]
    window = XWindow(third, scripted.config.out_prefix)
    after = settle(window, DARK.bad)
    place = design().map
    rows, columns = slice(round(place.y), round(place.bottom)), slice(round(place.x), round(place.right))
    assert_close(after[rows, columns], before[rows, columns], 0, "map panel after two kills")
    assert state_colour(after) == state_colour(before)
    scripted.run_volume()
    until(lambda: (20, False) in [(line["t"], line["history"]) for line in scores_in(latency)], "a new measurement")
    scripted.finish()
    assert shown.join() == 0
    until(lambda: not alive(third), "the window's own end")


def test_window_restarted_after_the_segments_were_unlinked_shows_everything(
    show: Show, scripted: ScriptedSession
) -> None:
    shown = show(scripted, linger=0.0)
    first = shown.ready()
    play(scripted, 18, PACE_S)
    before = settle(first, DARK.bad)
    for name in segments(scripted.segment_prefix):
        (Path("/dev/shm") / name).unlink()
    os.kill(first.pid, signal.SIGKILL)
    window = XWindow(
        until(lambda: [p for p in window_pids(shown.viewer.pid) if p != first.pid], "another window")[0],
        scripted.config.out_prefix,
    )
    after = settle(window, DARK.bad)
    for place in (design().scores, design().map):
        rows, columns = slice(round(place.y), round(place.bottom)), slice(round(place.x), round(place.right))
        assert_close(after[rows, columns], before[rows, columns], 0, "panels after unlinking")
    scripted.finish()
    assert shown.join() == 0


PARENT = """
import multiprocessing, os, sys, time
import numpy as np
from rtcog_gl import run_streamer
from rtcog_gl.session.synthetic import ScriptedSession
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    manager = context.Manager()
    session = ScriptedSession(np.ones((3, 30)), context=context, onsets=manager.list(), offsets=manager.list(),
                              out_prefix=sys.argv[1], segment_prefix=sys.argv[2])
    five = session.config, session.sync, session.onsets, session.offsets, session.responses
    viewer = context.Process(target=run_streamer, args=five)
    viewer.start()
    session.sync.server_ready.wait(30)
    for _ in range(10):
        session.run_until("tr_index")
        time.sleep(0.03)
        session.run_volume()
    print(viewer.pid, manager._process.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("victim", ["rtcog", "keeper"])
def test_nobody_left_to_follow_is_said(victim: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, script = tmp_path / "last.png", tmp_path / "rtcog.py"
    name, prefix = f"gone-{victim}-{os.getpid()}", f"rt{os.getpid():x}{victim[0]}_"
    script.write_text(PARENT)
    # Without rtcog the session is over, and the window goes; without the keeper it may go on, and the window stays.
    duration = 0.0 if victim == "rtcog" else 15.0
    options = WindowOptions(
        size=SIZE, screenshot=str(picture), linger=0.0, duration=duration, segment_prefix=prefix, vsync=False
    )
    monkeypatch.setenv("RTCOG_GL_OPTIONS", " ".join(options.argv()))
    with (tmp_path / "errors").open("w") as errors:
        parent = subprocess.Popen([sys.executable, str(script), name, prefix], stdout=subprocess.PIPE, stderr=errors)
    assert parent.stdout is not None
    keeper, manager = map(int, parent.stdout.readline().split())
    window = until(lambda: window_pids(keeper), "the window's process")[0]
    try:
        assert alive(window)
        os.kill({"rtcog": parent.pid, "keeper": keeper}[victim], signal.SIGKILL)
        until(lambda: not alive(keeper), "the keeper's end")
        if victim == "keeper":
            time.sleep(4.0)
            assert alive(window)
        if victim == "keeper":
            # The session may go on without its keeper, so the window stays until it is closed.
            time.sleep(2.0)
            assert alive(window)
            shown = XWindow(window, name)
            shown.focus()
            shown.key("q")
        until(lambda: not alive(window), "the window's end")
    finally:
        for pid in (window, keeper, parent.pid, manager):
            if pid == parent.pid:
                parent.kill()
                parent.wait(20)
            else:
                end(pid)
        parent.stdout.close()
        for left in segments(prefix):
            (Path("/dev/shm") / left).unlink(missing_ok=True)
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert rgb(DARK.bad) in {state_colour(pixels), tuple(int(v) for v in pixels[30, 2])}
    footer = pixels[round(design().footer.y) :]
    assert (np.abs(footer.astype(int) - rgb(DARK.bad)).max(axis=-1) < 30).any(), "the footer does not say what is wrong"
