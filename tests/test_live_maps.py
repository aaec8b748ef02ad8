"""A session that publishes its volumes, in a real window: each volume's map, and the keys that choose among maps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pixels import assert_close
from windows import (
    N_TEMPLATES,
    NV,
    Pixels,
    Shown,
    XWindow,
    log_lines,
    managed_session,
    needs_window,
    press,
    some_map,
    until,
)

from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.model.layout import auto_scale, layout
from rtcog_gl.model.options import WindowOptions
from rtcog_gl.session import discovery
from rtcog_gl.session.synthetic import ScriptedSession

pytestmark = needs_window()

NT, HIT = 40, 5
SIZE = (960, 540)


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(discovery.FOLDER_VARIABLE, str(tmp_path / "runtime"))


def templates() -> np.ndarray:
    """Return template maps, each in a part of the voxels of its own."""
    values = np.full((N_TEMPLATES, NV), np.nan, np.float32)
    for k, row in enumerate(values):
        row[k::N_TEMPLATES] = 1.0
    return values


@pytest.fixture
def session(tmp_path: Path) -> Iterator[ScriptedSession]:
    more: dict[str, Any] = {
        "questions": ("mood",),
        "live_maps": 8,
        "maps": {t: some_map(t) for t in range(NT)},
        "motion": np.random.default_rng(0).normal(0, 0.1, (NT, 6)),
        "templates": templates(),
        "rule": HitRule(1.5, 2, 1, 0.2),
    }
    with managed_session("maps", tmp_path, NT, (HIT,), **more) as made:
        yield made


@pytest.fixture
def shown(session: ScriptedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    options = WindowOptions(size=SIZE, linger=0.0, latency_log=str(tmp_path / "latency.jsonl"), vsync=False)
    one = Shown(session, tmp_path, monkeypatch, options, spy=True)
    yield one
    one.close()


def slices(window: XWindow) -> Pixels:
    """Return the middle of the map panel, without title, words and thumbnails."""
    place = layout(SIZE, auto_scale(SIZE), True, True).map
    rows = slice(round(place.y + 0.3 * place.h), round(place.y + 0.75 * place.h))
    return window.pixels()[rows, round(place.x + 0.25 * place.w) : round(place.right)]


def other_than(window: XWindow, before: Pixels, what: str) -> Pixels:
    """Return the slices once they differ from what they were, and stand still."""
    last = [before]

    def changed() -> list[Pixels]:
        now, then = slices(window), last.pop()
        last.append(now)
        return [now] if np.array_equal(now, then) and not np.array_equal(now, before) else []

    pixels: Pixels = until(changed, what)[0]
    return pixels


def drawn(tmp_path: Path) -> list[tuple[str, int]]:
    lines = log_lines(tmp_path / "latency.jsonl")
    return [(line["kind"], line["t"]) for line in lines if line["kind"] != "scores"]


def run(session: ScriptedSession, tmp_path: Path, kind: str, volumes: int = 1) -> None:
    """Play volumes, and wait until the last one's map was drawn."""
    session.run_volume(volumes)
    until(lambda: (kind, session.t) in drawn(tmp_path), f"the map of volume {session.t}")


def run_until_followed(session: ScriptedSession, tmp_path: Path) -> None:
    """Play volumes until one is drawn as it comes.

    One that comes before the end of the survey is known is not copied, but asked for a moment later, and not logged.
    """
    for _ in range(3):
        session.run_volume(1)
        try:
            until(lambda: ("volume", session.t) in drawn(tmp_path), f"the map of volume {session.t}", 3)
        except AssertionError:
            continue
        return
    raise AssertionError("no volume was followed after the survey")


def test_every_volume_is_on_the_screen_as_it_comes(shown: Shown, session: ScriptedSession, tmp_path: Path) -> None:
    window = shown.ready()
    picture = slices(window)
    for _ in range(HIT):
        run(session, tmp_path, "volume")
        picture = other_than(window, picture, f"the map of volume {session.t}")
    # A hit's map stays while its survey runs.
    run(session, tmp_path, "map")
    hit = other_than(window, picture, "the hit's map")
    session.run_volume(2)
    until(lambda: scored(tmp_path) >= HIT + 2, "the columns after the hit")
    assert_close(slices(window), hit, 2, "the hit's map while its survey runs")
    session.end_action()
    session.run_volume()
    other_than(window, hit, "volumes after the survey")
    run(session, tmp_path, "volume")
    # The volume that came with the survey's end may have been asked for, and then it is no measurement.
    volumes = [t for kind, t in drawn(tmp_path) if kind == "volume"]
    assert [t for t in volumes if t != HIT + 3] == [*range(HIT), HIT + 4]
    session.finish()
    assert shown.join() == 0


def scored(tmp_path: Path) -> int:
    """Return the newest volume whose scores were drawn."""
    return max((line["t"] for line in log_lines(tmp_path / "latency.jsonl") if line["kind"] == "scores"), default=-1)


def test_m_chooses_the_maps_and_x_explains_them(shown: Shown, session: ScriptedSession, tmp_path: Path) -> None:
    window = shown.ready()
    session.run_volume(HIT + 1)
    session.end_action()
    session.run_volume(2)
    run_until_followed(session, tmp_path)
    volume = other_than(window, np.zeros_like(slices(window)), "the volume")
    window.focus()
    assert press(shown, window, "m")["view"]["maps"] == "volumes"
    assert press(shown, window, "m")["view"]["maps"] == "hits"
    hit = other_than(window, volume, "the hit's map")
    # New volumes do not take its place.
    session.run_volume(1)
    until(lambda: scored(tmp_path) == session.t, "the next column")
    assert_close(slices(window), hit, 2, "the hit's map")
    assert press(shown, window, "M")["view"]["maps"] == "auto"
    newest = other_than(window, hit, "the newest volume")

    assert press(shown, window, "x")["view"]["explain"] is True
    explained = other_than(window, newest, "map, template and product")
    assert press(shown, window, "x")["view"]["explain"] is False
    assert_close(other_than(window, explained, "the volume alone"), newest, 2, "after X twice")
    session.finish()
    assert shown.join() == 0
