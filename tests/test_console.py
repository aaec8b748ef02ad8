"""The console off screen: what is drawn again, what is uploaded, which map is asked for, what a fault costs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pixels import Picture, assert_close

from rtcog_gl.model.options import WindowOptions
from rtcog_gl.model.session import Answer, FloatArray, Live, Session, Stamps, Update
from rtcog_gl.model.volume import MaskGrid

pytestmark = pytest.mark.gl

SIZE = (640, 480)
NT, N_TEMPLATES, MATCH_START = 60, 5, 4
HITS = (12, 21, 30)
TR_NS = 500_000_000
SESSION = Session(
    nt=NT,
    labels=("Auditory", "Visual", "Motor", "Motor", "DMN"),
    hit_thr=1.5,
    match_start=MATCH_START,
    vols_noaction=5,
    nv=0,
    out_prefix="off-screen",
    questions=("alert", "time", "time"),
)


def ball() -> MaskGrid:
    axes = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in (14, 16, 12)), indexing="ij")
    inside = sum((a / (n / 2)) ** 2 for a, n in zip(axes, (14, 16, 12), strict=True)) < 0.9
    # Oblique, so that no pixel lies on the border of two voxels, where rounding would decide.
    c, s = np.cos(0.1), np.sin(0.1)
    affine = np.eye(4)
    affine[:3, :3] = 4 * np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    affine[:3, 3] = (-26, -30, -22)
    return MaskGrid((14, 16, 12), affine, inside.ravel(order="F"))


GRID = ball()
SCORES = np.random.default_rng(3).normal(0.3, 0.8, (N_TEMPLATES, NT)).astype(np.float32)
SCORES[:, :MATCH_START] = np.nan
for hit in HITS:
    SCORES[hit % N_TEMPLATES, hit] = 2.4


def map_of(tr: int) -> FloatArray:
    return np.random.default_rng(tr).normal(0, tr, GRID.n_voxels).astype(np.float32)


def live_at(n_final: int, **changes: Any) -> Live:
    """Return the state once `n_final` columns are final: a survey of three TRs after each hit."""
    onsets = tuple(t for t in HITS if t < n_final)
    offsets = tuple(t + 3 for t in HITS if t + 3 < n_final)
    answers = tuple(Answer(t, (t % 7, None, 3)) for t in HITS if t + 3 < n_final)
    live = Live(n_final, onsets, offsets, onsets, answers=answers, newest_ns=TR_NS * max(0, n_final - 1), tr_s=0.5)
    return replace(live, **changes)


class Rig:
    """A console on the off-screen framebuffer, and everything that it did."""

    def __init__(self, patch: pytest.MonkeyPatch, options: WindowOptions, target: str = "") -> None:
        from vispy import gloo

        from rtcog_gl.gpu.renderer import Renderer
        from rtcog_gl.gpu.target import CachedTarget, DirectTarget
        from rtcog_gl.window.console import Console
        from rtcog_gl.window.feed import MapFeed

        self.renderer = Renderer(SESSION, GRID, "RdBu_r")
        if target:
            self.renderer._target = {"direct": DirectTarget, "cached": CachedTarget}[target]()
        self.drawn: list[list[str]] = []
        self.uploads: list[int] = []
        self.calls = 0
        self.wanted: list[int] = []
        self.console = Console(SESSION, GRID, self.renderer, options, MapFeed(self.wanted.append), "test")
        self.now_ns = TR_NS
        self._first = 0
        self._watch(patch, gloo)

    def _watch(self, patch: pytest.MonkeyPatch, gloo: Any) -> None:
        draw, submit, program_draw = self.renderer.draw, gloo.Texture2D.set_data, gloo.Program.draw

        def drawn(drawings: Any, names: Any, size: Any) -> None:
            self.drawn.append(list(names))
            draw(drawings, names, size)

        def uploaded(texture: Any, data: Any, **options: Any) -> None:
            self.uploads.append(np.asarray(data).nbytes)
            submit(texture, data, **options)

        def called(program: Any, *args: Any, **options: Any) -> None:
            self.calls += 1
            program_draw(program, *args, **options)

        patch.setattr(self.renderer, "draw", drawn)
        patch.setattr(gloo.Texture2D, "set_data", uploaded)
        patch.setattr(gloo.Program, "draw", called)

    def columns(self, n_final: int, map_tr: int | None = None, **changes: Any) -> list[Any]:
        """Bring the columns up to `n_final`, with the map of a new hit if there is one."""
        before, first = self.console.live, self._first
        live = live_at(n_final, **changes)
        self._first = max(first, n_final)
        new = [t for t in live.maps if t not in before.maps]
        tr = new[-1] if new and map_tr is None else map_tr
        stamps = tuple(Stamps(1 + t, 2 + t, 3 + t) for t in range(first, n_final))
        column = None if tr is None else map_of(tr)
        self.now_ns = max(self.now_ns, live.newest_ns)
        return self.console.absorb(
            Update(live, first, SCORES[:, first:n_final].copy(), stamps, tr, column, Stamps(1, 2, 3))
        )

    def state(self, **changes: Any) -> None:
        """Change the state without new columns."""
        self.console.absorb(Update(replace(self.console.live, **changes)))

    def send_map(self, tr: int) -> None:
        """Send the map that the console asked for."""
        self.console.absorb(Update(self.console.live, map_tr=tr, map_column=map_of(tr)))

    def paint(self, size: tuple[int, int] = SIZE, redraw: bool = False) -> bool:
        return self.console.paint(self.now_ns, size, 1.0, redraw)

    def picture(self, size: tuple[int, int] = SIZE) -> Picture:
        self.paint(size)
        return np.array(self.console.picture())

    def fresh_picture(self, size: tuple[int, int] = SIZE) -> Picture:
        """Return what the same scene looks like when nothing is left from before."""
        self.renderer._target.forget()
        self.paint(size, redraw=True)
        return np.array(self.console.picture())

    def later(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


Make = Callable[..., Rig]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Stop the wall clock, which is on the picture."""
    from rtcog_gl.window import console

    stopped = SimpleNamespace(s=1000.0, monotonic_ns=time.monotonic_ns, strftime=lambda _format: "12:34:56")
    stopped.monotonic = lambda: stopped.s
    monkeypatch.setattr(console, "time", stopped)
    return stopped


@pytest.fixture
def make(canvas: Any, clock: Any, monkeypatch: pytest.MonkeyPatch) -> Make:
    canvas.set_current()

    def rig(target: str = "", **options: Any) -> Rig:
        return Rig(monkeypatch, WindowOptions(**options), target)

    return rig


def panels(rig: Rig) -> list[str]:
    return rig.drawn.pop() if rig.drawn else []


def test_first_picture_has_every_panel_once_and_few_draw_calls(make: Make) -> None:
    rig = make("direct")
    rig.columns(20)
    assert rig.paint()
    assert panels(rig) == ["strip", "scores", "gates", "map", "footer", "answers"]
    # At most under, data, ramp, over and text a panel.
    assert rig.calls <= 6 * 4
    assert not rig.paint()
    assert rig.drawn == []


def test_new_volume_uploads_its_column_and_nothing_else(make: Make) -> None:
    rig = make("direct")
    rig.columns(13)
    rig.paint()
    for n_final, k in ((14, 1), (15, 1), (17, 2), (20, 3)):
        rig.uploads.clear()
        rig.drawn.clear()
        shown = rig.columns(n_final)
        assert sum(rig.uploads) == 4 * N_TEMPLATES * k
        assert [(c.kind, c.n_bytes) for c in shown] == [("scores", 4 * N_TEMPLATES)] * k
        rig.paint()
        assert rig.drawn[0][:2] == ["strip", "scores"]
        assert "map" not in rig.drawn[0]


def test_new_hit_uploads_its_map_once(make: Make) -> None:
    rig = make("direct")
    rig.columns(12)
    rig.paint()
    rig.uploads.clear()
    shown = rig.columns(13)
    packed = -(-GRID.n_voxels // 1024) * 1024 * 4
    assert [(c.t, c.kind, c.n_bytes) for c in shown] == [(12, "scores", 4 * N_TEMPLATES), (12, "map", packed)]
    assert sum(rig.uploads) == 4 * N_TEMPLATES + packed
    rig.paint()
    assert panels(rig) == ["strip", "scores", "gates", "map"]


def test_idle_second_redraws_the_strip_alone(make: Make) -> None:
    rig = make("direct")
    rig.columns(20)
    rig.paint()
    rig.drawn.clear()
    for _ in range(5):
        rig.later(0.1)
        assert rig.paint()
    assert rig.drawn == [["strip"]] * 5


def test_note_redraws_the_footer_and_goes_away(make: Make, clock: Any) -> None:
    rig = make("direct")
    rig.columns(20)
    before = rig.picture()
    rig.drawn.clear()
    rig.console.say("something short")
    assert not np.array_equal(rig.picture(), before)
    clock.s += 60
    assert np.array_equal(rig.picture(), before)
    assert rig.drawn == [["footer"], ["footer"]]


def test_previous_hit_asks_for_its_map_and_shows_it(make: Make) -> None:
    rig = make("direct")
    rig.columns(13)
    first = rig.picture()
    rig.columns(25)
    second = rig.picture()
    place = rig.console._style.layout.map
    rig.console.act("previous_hit")
    assert rig.wanted == [12]
    rig.paint()
    rig.send_map(12)
    again = rig.picture()
    # The title counts the hits, so it differs; the slices are those of the first hit.
    assert_close(crop(again, place)[30:], crop(first, place)[30:], 0, "slices of the first hit")
    assert not np.array_equal(crop(again, place)[30:], crop(second, place)[30:])
    rig.console.act("live")
    assert rig.wanted == [12, 21]
    rig.send_map(21)
    assert_close(crop(rig.picture(), place), crop(second, place), 0, "map panel of the newest hit")


def test_map_that_came_too_late_can_be_asked_for_again(make: Make) -> None:
    rig = make("direct")
    rig.columns(25)
    rig.console.act("previous_hit")
    rig.console.act("next_hit")
    rig.send_map(12)
    assert rig.console._maps.shown.tr == 21
    rig.console.act("previous_hit")
    assert rig.wanted == [12, 12]
    rig.send_map(12)
    assert rig.console._maps.shown.tr == 12


def test_new_hit_while_an_older_one_is_shown_leaves_it(make: Make) -> None:
    rig = make("direct")
    rig.columns(25)
    rig.console.act("previous_hit")
    rig.send_map(12)
    rig.columns(31)
    assert rig.console._maps.shown.tr == 12
    assert rig.wanted == [12]
    rig.console.act("live")
    assert rig.wanted == [12, 30]
    rig.send_map(30)
    assert (rig.console._maps.shown.tr, rig.console._maps.shown.index) == (30, 2)


def test_several_hits_in_one_go_show_the_newest_one_from_its_own_column(make: Make) -> None:
    rig = make("direct")
    rig.columns(35)
    one = make("direct")
    for n_final in (15, 25, 35):
        one.columns(n_final)
    assert rig.console._maps.shown == one.console._maps.shown
    place = (rig.paint(), rig.console._style.layout.map)[1]
    assert_close(crop(rig.picture(), place), crop(one.picture(), place), 0, "map of the newest of several hits")


def crop(picture: Picture, rect: Any) -> Picture:
    return picture[round(rect.y) : round(rect.bottom), round(rect.x) : round(rect.right)]


def test_help_lies_over_the_panels_and_leaves_nothing_behind(make: Make) -> None:
    rig = make("direct", photodiode=True)
    rig.columns(20)
    before = rig.picture()
    rig.console.act("help")
    with_help = rig.picture()
    names = panels(rig)
    assert names[-1] in ("help", "photodiode")
    box = rig.console._panels.drawings["help"].rect
    inside = crop(with_help, box)
    assert (crop(before, box) != inside).any(axis=-1).mean() > 0.1
    rig.columns(21)
    over = rig.picture()
    assert panels(rig).index("help") > 1
    assert_close(crop(over, box), inside, 0, "help over panels drawn again")
    rig.console.act("help")
    assert_close(rig.picture(), rig.fresh_picture(), 0, "after help")


def centre_of(rect: Any) -> tuple[float, float]:
    return rect.x + rect.w / 2, rect.y + rect.h / 2


def test_a_click_does_not_go_through_what_lies_over_a_panel(make: Make) -> None:
    rig = make("direct")
    rig.columns(20)
    rig.paint()
    targets = [t.rect for t in rig.console._panels.drawings["map"].targets if t.action == "crosshair"]
    assert len(targets) == 3
    rig.console.act("help")
    rig.paint()
    box = rig.console._panels.drawings["help"].rect
    covered = [rect for rect in targets if box.holds(*centre_of(rect))]
    assert covered, "the list of keys lies over a slice"
    before = rig.console.view
    for rect in covered:
        assert rig.console.press(*centre_of(rect)) is None
        rig.console.scroll(*centre_of(rect), 1)
    assert rig.console.view is before
    rig.console.act("help")
    rig.paint()
    for rect in covered:
        target = rig.console.press(*centre_of(rect))
        assert target is not None
        assert target.rect == rect
    assert rig.console.view.map.at is not None


GREYS = ("grey_darker", "grey_brighter", "grey_flatter", "grey_harder", "grey_auto")


@pytest.mark.parametrize("action", GREYS)
def test_greys_of_an_anatomy_that_is_not_there_are_said_to_be_none(make: Make, action: str) -> None:
    rig = make("direct")
    rig.columns(20)
    rig.console.act(action)
    assert rig.console._note == "there is no anatomy under the map (--anat FILE shows one)"
    rig.console.say("")
    rig.console._has_anatomy = True
    rig.console.act(action)
    assert rig.console._note == ""


def test_photodiode_lies_over_the_footer_and_follows_the_newest_volume(make: Make) -> None:
    rig = make("direct", photodiode=True)
    for n_final in range(20, 24):
        rig.columns(n_final)
        rig.console.say(f"a footer drawn again {n_final} " + "x" * 300)
        corner = rig.picture()[-32:, -32:]
        white = (n_final - 1) % 2 == 1
        assert (corner == (255 if white else 0)).all()
        assert panels(rig)[-1] == "photodiode"
    assert not (rig.picture()[-33:, -33:] == rig.picture()[-1, -1]).all()


def test_failing_panel_costs_only_itself(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from rtcog_gl.window import panels

    rig = make("direct")
    rig.columns(20)
    whole = rig.picture()
    places = rig.console._style.layout.panels
    broken = make("direct")

    def fail(*_: object) -> None:
        raise ZeroDivisionError("no such slice")

    monkeypatch.setattr(panels.brain, "draw", fail)
    broken.columns(20)
    with caplog.at_level(logging.ERROR, "rtcog_gl"):
        broken.paint()
        broken.columns(22)
        broken.paint()
    said = [r.getMessage() for r in caplog.records]
    assert said == ["the panel 'map' cannot be drawn"]
    assert "no such slice" in broken.console._note
    rig.columns(22)
    whole, picture = rig.picture(), broken.picture()
    for name in ("strip", "scores", "answers"):
        assert_close(crop(picture, places[name]), crop(whole, places[name]), 0, f"{name} beside a broken map")
    inside = crop(picture, places["map"])
    assert (inside == inside[0, 0]).all()


def test_both_targets_give_the_same_picture(make: Make) -> None:
    pictures = {}
    for target in ("direct", "cached"):
        rig = make(target, photodiode=True)
        taken = []
        for n_final in (0, 3, 13, 14, 33):
            rig.columns(n_final)
            taken.append(rig.picture())
        rig.console.act("help")
        taken.append(rig.picture())
        pictures[target] = taken
    for k, (direct, cached) in enumerate(zip(pictures["direct"], pictures["cached"], strict=True)):
        # A pixel that lies on the border of two voxels may go to either.
        border = np.abs(cached.astype(int) - direct).max(axis=-1) > 1
        assert border.sum() <= 4
        assert_close(cached, direct, 1, f"cached against direct {k}", ~border if border.any() else None)


ACTS = (
    "older",
    "older",
    "wider",
    "whole_run",
    "closer",
    "oldest",
    "newer",
    "page_newer",
    "help",
    "older",
    "help",
    "live",
)


@pytest.mark.parametrize("target", ["direct", "cached"])
def test_partial_redraws_equal_a_full_one(make: Make, target: str) -> None:
    rig = make(target)
    steps: list[tuple[str, Callable[[], Any]]] = [
        (f"{n} columns", lambda n=n: rig.columns(n)) for n in (0, 1, 4, 5, 12, 13, 14, 16, 17, 22, 31)
    ]
    steps += [(f"key {name} ({k})", lambda name=name: rig.console.act(name)) for k, name in enumerate(ACTS)]
    steps += [
        ("previous hit", lambda: rig.console.act("previous_hit")),
        ("its map", lambda: rig.send_map(21)),
        ("late", lambda: rig.later(1)),
        ("stalled", lambda: rig.later(9)),
        ("going on", lambda: rig.columns(33)),
        ("a message", lambda: rig.state(messages=("something is wrong",))),
        ("keeper lost", lambda: setattr(rig.console, "keeper_lost", "the keeper is gone")),
        ("keeper back", lambda: setattr(rig.console, "keeper_lost", "")),
        ("rtcog gone", lambda: rig.state(lost="rtcog is gone")),
        ("ended", lambda: rig.state(lost="", ended=True)),
    ]
    _walk(rig, steps)


def test_partial_redraws_equal_a_full_one_before_the_first_volume(make: Make) -> None:
    for name, change in (("lost", {"lost": "rtcog is gone"}), ("ended", {"ended": True})):
        rig = make("direct")
        rig.columns(0)
        _walk(rig, [("nothing", lambda: None), (name, lambda rig=rig, change=change: rig.state(**change))])


def test_map_that_is_final_before_its_column_gets_its_title_with_the_column(make: Make) -> None:
    rig = make("direct")
    rig.columns(12)
    _walk(
        rig,
        [
            ("map first", lambda: rig.columns(12, onsets=(12,), maps=(12,))),
            ("then its column", lambda: rig.columns(13)),
        ],
    )


def _walk(rig: Rig, steps: list[tuple[str, Callable[[], Any]]]) -> None:
    for name, step in steps:
        step()
        partial = rig.picture()
        assert_close(partial, rig.fresh_picture(), 0, f"partial against full, {name}")


def test_other_size_is_another_picture_without_remains(make: Make) -> None:
    rig = make("direct")
    rig.columns(33)
    rig.paint()
    for size in ((333, 240), (640, 480), (320, 200), (7, 5), (1, 1), (600, 350)):
        partial = rig.picture(size)
        assert partial.shape == (size[1], size[0], 3)
        assert_close(partial, rig.fresh_picture(size), 0, f"resized to {size}")
        rig.columns(rig.console.live.n_final + 1)
        assert rig.paint(size)
        if size > (300, 200):
            assert_close(rig.picture(size), rig.fresh_picture(size), 0, f"a volume more at {size}")


def test_without_a_mask_there_is_a_sentence_and_no_map_is_asked_for(make: Make) -> None:
    from rtcog_gl.gpu.renderer import Renderer
    from rtcog_gl.window.console import Console
    from rtcog_gl.window.feed import MapFeed

    rig = make("direct")
    asked: list[int] = []
    console = Console(SESSION, None, Renderer(SESSION, None, "RdBu_r"), WindowOptions(), MapFeed(asked.append))
    shown = console.absorb(Update(live_at(25), 0, SCORES[:, :25].copy(), (Stamps(),) * 25, 21, map_of(21)))
    console.act("previous_hit")
    assert console.paint(rig.now_ns, SIZE, 1.0)
    assert asked == []
    assert {c.kind: c.n_bytes for c in shown}["scores"] == 4 * N_TEMPLATES
    assert "no map: this session's mask" in " ".join(t.string for t in console._panels.drawings["map"].texts)


def test_columns_can_be_painted_before_the_words_round_them(make: Make) -> None:
    rig = make("direct")
    rig.columns(6)
    rig.paint()
    rig.columns(7)
    rig.drawn.clear()
    assert rig.console.paint(rig.now_ns, SIZE, 1.0, data_first=True)
    assert rig.drawn == [["scores"]]
    assert rig.paint()
    assert rig.drawn[1:] == [["strip", "gates"]]
    assert_close(rig.picture(), rig.fresh_picture(), 2, "words after columns")
