"""The console where every volume's map can be had: what is asked for, uploaded, kept and said. Off screen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pixels import Picture, assert_close
from test_console import GRID, HITS, N_TEMPLATES, NT, SESSION, SIZE, TR_NS, ball, live_at

from rtcog_gl.model.calm import round_up
from rtcog_gl.model.column_facts import column_facts
from rtcog_gl.model.draw import Drawing
from rtcog_gl.model.options import WindowOptions
from rtcog_gl.model.panels import brain
from rtcog_gl.model.records import no_records
from rtcog_gl.model.session import FloatArray, Mean, Session, Stamps, Update
from rtcog_gl.model.volume import Point

pytestmark = pytest.mark.gl

SLOTS, DISCARDED = 20, 2
LIVE_SESSION = replace(SESSION, slots=SLOTS, volume_records=True, has_templates=True, nv=GRID.n_voxels)
PACKED = -(-GRID.n_voxels // 1024) * 1024 * 4
TEMPLATES = np.full((N_TEMPLATES, GRID.n_voxels), np.nan, np.float32)
for k in range(N_TEMPLATES):
    TEMPLATES[k, k::3] = np.random.default_rng(50 + k).normal(0, 1, len(TEMPLATES[k, k::3]))


INVERSE = np.linalg.inv(GRID.affine)
MIDDLE = GRID.affine[:3] @ [*np.rint(INVERSE[:3] @ [*GRID.bounds.centre, 1.0]), 1.0]
"""Centre of the voxel in the middle (RAS+ mm)."""


def volume(tr: int) -> FloatArray:
    return np.random.default_rng(tr).normal(0, 1, GRID.n_voxels).astype(np.float32)


def peak_of(tr: int) -> Point:
    return GRID.mm_of(int(np.argmax(np.abs(volume(tr)))))


def scored(tr: int) -> FloatArray:
    """Return the scores of a volume as the mask method has them; at hits, one more than any other has."""
    if tr < SESSION.match_start:
        return np.full(N_TEMPLATES, np.nan, np.float32)
    return np.nanmean(TEMPLATES * volume(tr), axis=1)


SCORES = np.stack([scored(t) for t in range(NT)], axis=1).astype(np.float32)


class Rig:
    """A console of such a session, fed as the watcher does: scores first, then the volume."""

    def __init__(self, patch: pytest.MonkeyPatch, session: Session = LIVE_SESSION) -> None:
        from rtcog_gl.gpu.renderer import Renderer
        from rtcog_gl.window.console import Console
        from rtcog_gl.window.feed import MapFeed

        self.renderer = Renderer(session, GRID, "RdBu_r")
        self.asked: list[int] = []
        self.asked_hits: list[int] = []
        self.follows: list[bool] = []
        self.asked_templates: list[int] = []
        self.uploads: list[tuple[str, int]] = []
        feed = MapFeed(self.asked_hits.append, self.asked.append, self.follows.append, self._template)
        self.console = Console(session, GRID, self.renderer, WindowOptions(), feed, "test")
        self.session, self.n, self.now_ns = session, 0, TR_NS
        write = self.renderer.write_map

        def uploaded(column: FloatArray, source: Any = "map") -> int:
            self.uploads.append((source, write(column, source)))
            return self.uploads[-1][1]

        patch.setattr(self.renderer, "write_map", uploaded)

    def _template(self, k: int) -> FloatArray | None:
        self.asked_templates.append(k)
        return TEMPLATES[k].copy()

    @property
    def maps(self) -> Any:
        return self.console._maps

    @property
    def desk(self) -> Any:
        return self.console._desk

    @property
    def shown(self) -> tuple[int, bool] | None:
        """TR of the map on the screen, and whether it is a hit's."""
        return None if self.maps.shown is None else (self.maps.shown.tr, self.maps.shown.is_hit)

    def scores(self, n: int, **changes: Any) -> list[Any]:
        """Bring columns up to `n`, with the map of a hit among them."""
        live = live_at(n, n_volumes=self.n, **changes)
        first, self._first = getattr(self, "_first", 0), n
        new = [t for t in live.maps if t not in self.console.live.maps]
        tr = new[-1] if new else None
        stamps = tuple(Stamps(1 + t, 2 + t, 3 + t) for t in range(first, n))
        column = None if tr is None else volume(tr)
        self.now_ns = max(self.now_ns, live.newest_ns)
        return self.console.absorb(Update(live, first, SCORES[:, first:n], stamps, tr, column, Stamps(1, 2, 3)))

    def records(self, n: int, column: bool = True) -> None:
        """Bring the records of volumes up to `n`, and the newest volume if it is wanted."""
        made = no_records(n - self.n)
        made["committed"] = 1
        made["has_map"] = [t >= DISCARDED for t in range(self.n, n)]
        first, self.n = self.n, n
        update = Update(replace(self.console.live, n_volumes=n), first_volume=first, volumes=made)
        if column and self.follows[-1:] != [False] and n > DISCARDED:
            update = replace(update, volume_tr=n - 1, volume_column=volume(n - 1), volume_stamps=Stamps(1, 0, 3))
        self.console.absorb(update)

    def bring(self, n: int, **changes: Any) -> list[Any]:
        """Bring scores and volumes up to `n`, and catch up."""
        self.scores(n, **changes)
        self.records(n)
        return self.console.catch_up()

    def answer(self, tr: int, there: bool = True) -> None:
        column = volume(tr) if there else None
        self.console.absorb(Update(self.console.live, volume_tr=tr, volume_column=column))
        self.console.catch_up()

    def answer_hit(self, tr: int) -> None:
        self.console.absorb(Update(self.console.live, map_tr=tr, map_column=volume(tr)))

    def press(self, *actions: str) -> None:
        for action in actions:
            self.console.act(action)

    def drawing(self) -> Drawing:
        """Return the map panel in a window with room for its words."""
        return brain.draw(self.console._scene(self.now_ns), self.console._make_style((1920, 1080), 1.0))

    def said(self) -> str:
        return " | ".join(text.string for text in self.drawing().texts)

    def paint(self, **options: Any) -> bool:
        return self.console.paint(self.now_ns, SIZE, 1.0, **options)

    def picture(self) -> Picture:
        self.paint()
        return np.array(self.console.picture())

    def fresh_picture(self) -> Picture:
        self.renderer._target.forget()
        self.paint(redraw=True)
        return np.array(self.console.picture())


Make = Callable[..., Rig]


@pytest.fixture
def make(canvas: Any, monkeypatch: pytest.MonkeyPatch) -> Make:
    from rtcog_gl.window import console

    canvas.set_current()
    # The wall clock is on the picture.
    stopped = SimpleNamespace(
        monotonic_ns=time.monotonic_ns, monotonic=lambda: 1000.0, strftime=lambda _format: "12:34:56"
    )
    monkeypatch.setattr(console, "time", stopped)

    def rig(**changes: Any) -> Rig:
        return Rig(monkeypatch, replace(LIVE_SESSION, **changes))

    return rig


def test_each_volume_is_uploaded_once_and_no_more_than_a_hit(make: Make) -> None:
    rig = make()
    rig.bring(8)
    for n in range(9, 12):
        rig.uploads.clear()
        shown = rig.bring(n)
        assert [(c.t, c.kind, c.n_bytes) for c in shown] == [(n - 1, "volume", PACKED)]
        assert rig.uploads == [("map", PACKED)]
        assert rig.shown == (n - 1, False)
    assert rig.follows == [True]
    assert rig.asked == []


def test_columns_are_painted_before_a_volume_is_uploaded(make: Make) -> None:
    rig = make()
    rig.bring(8)
    rig.paint()
    before = rig.console._panels.drawings["map"]
    rig.uploads.clear()
    rig.scores(9)
    rig.records(9)
    assert rig.console.waiting
    rig.paint(data_first=True)
    assert rig.uploads == []
    assert rig.console._panels.drawings["map"].slices == before.slices
    assert [c.kind for c in rig.console.catch_up()] == ["volume"]
    assert not rig.console.waiting
    assert rig.console.catch_up() == []


def test_of_several_volumes_that_wait_the_newest_is_uploaded(make: Make) -> None:
    rig = make()
    rig.bring(8)
    rig.uploads.clear()
    for n in (9, 10, 11):
        rig.scores(n)
        rig.records(n)
    assert [c.t for c in rig.console.catch_up()] == [10]
    assert len(rig.uploads) == 1


def test_a_hit_is_held_while_its_survey_runs_and_volumes_are_not_even_copied(make: Make) -> None:
    rig = make()
    rig.bring(HITS[0])
    rig.bring(HITS[0] + 1)
    assert rig.shown == (HITS[0], True)
    assert rig.follows == [True, False]
    rig.uploads.clear()
    assert "held while the survey runs" in rig.said()
    rig.bring(HITS[0] + 3)
    assert rig.uploads == []
    assert rig.shown == (HITS[0], True)
    rig.bring(HITS[0] + 4)
    assert rig.follows == [True, False, True]
    assert rig.shown == (HITS[0] + 3, False)
    assert "LIVE | TR 15" in rig.said()


def test_a_volume_whose_record_came_before_it_was_wanted_is_asked_for(make: Make) -> None:
    rig = make()
    rig.bring(HITS[0] + 1)
    rig.bring(HITS[0] + 3)
    rig.scores(HITS[0] + 4)
    rig.records(HITS[0] + 4, column=False)
    assert rig.asked[-1] == HITS[0] + 3
    rig.answer(HITS[0] + 3)
    assert rig.shown == (HITS[0] + 3, False)
    assert "LIVE | TR 15" in rig.said()


def test_in_mode_volumes_nothing_is_held_and_the_planes_go_to_the_hit(make: Make) -> None:
    rig = make()
    rig.press("map_mode")
    rig.bring(12)
    assert rig.maps.shown.crosshair == pytest.approx(MIDDLE)
    rig.bring(13)
    assert rig.shown == (12, False)
    assert rig.follows == [True]
    for n in (14, 15):
        rig.bring(n)
        assert rig.maps.shown.crosshair == peak_of(12)
        assert rig.maps.shown.peak_mm == peak_of(n - 1)


def test_in_mode_hits_it_is_as_without_volumes(make: Make) -> None:
    rig = make()
    rig.press("map_mode", "map_mode")
    rig.bring(8)
    assert rig.shown is None
    assert "no hit yet" in rig.said()
    rig.bring(25)
    assert rig.shown == (21, True)
    assert [source for source, _ in rig.uploads] == ["map"]
    assert rig.follows[-1] is False


def test_without_volumes_the_mode_stays_and_a_note_says_why(make: Make) -> None:
    rig = make(slots=0, has_templates=False)
    rig.bring(25)
    for action, note in (
        ("map_mode", "this session publishes maps of hits only"),
        ("explain", "this session publishes no templates"),
    ):
        before = rig.console.view
        rig.press(action)
        assert rig.console.view == before
        assert rig.console._note == note
    assert rig.shown == (21, True)
    assert True not in rig.follows


def test_the_mode_is_said(make: Make) -> None:
    rig = make()
    notes = []
    for _ in range(3):
        rig.press("map_mode")
        notes.append(rig.console._note)
    assert notes == ["map: every volume", "map: hits only", "map: every volume, and a hit's while its survey runs"]


def test_looking_back_asks_for_each_volume_and_shows_what_came(make: Make) -> None:
    rig = make()
    rig.bring(40)
    rig.press("older", "older")
    assert rig.asked == [38, 37]
    assert rig.follows == [True, False]
    rig.answer(38)
    assert rig.shown == (39, False), "an answer that came too late"
    rig.answer(37)
    assert rig.shown == (37, False)
    assert "TR 37 | (looking back)" in rig.said()
    rig.press("older")
    rig.press("newer")
    rig.answer(36)
    assert rig.shown == (37, False)
    rig.press("live")
    assert rig.asked == [38, 37, 36, 39]
    assert "OLDER" in rig.said()
    rig.answer(39)
    assert "LIVE | TR 39" in rig.said()


def test_looking_back_at_a_hit_shows_its_own_map(make: Make) -> None:
    rig = make()
    rig.bring(26)
    rig.press(*["older"] * 4)
    assert rig.asked_hits == [21]
    rig.answer_hit(21)
    assert rig.shown == (21, True)
    assert "hit 2 of 2" in rig.said()
    assert "(looking back)" in rig.said()


@pytest.mark.parametrize(
    ("tr", "words"),
    [
        (15, "TR 15 is no longer in memory (the last 20 volumes are)"),
        (1, "TR 1: this volume was not preprocessed"),
    ],
)
def test_a_volume_that_is_not_there_is_said_and_not_asked_for(make: Make, tr: int, words: str) -> None:
    rig = make()
    rig.bring(40)
    rig.press(*["older"] * (39 - tr))
    assert tr not in rig.asked
    assert words in rig.said()
    assert rig.shown is None
    assert rig.drawing().slices[0].has_map is False
    rig.press("live")
    rig.answer(39)
    assert "LIVE | TR 39" in rig.said()


def test_a_volume_that_cannot_be_had_is_asked_for_once(make: Make) -> None:
    rig = make()
    rig.bring(40)
    rig.press("older")
    rig.answer(38, there=False)
    assert "TR 38: the volume cannot be read" in rig.said()
    rig.bring(41)
    assert rig.asked == [38]
    rig.console.absorb(Update(replace(rig.console.live, ended=True)))
    assert "TR 38 is no longer in memory (the run has ended)" in rig.said()


def test_discarded_volumes_at_the_beginning_are_said(make: Make) -> None:
    rig = make()
    rig.scores(2)
    rig.records(2)
    rig.console.catch_up()
    assert "TR 1: this volume was not preprocessed" in rig.said()
    assert rig.asked == []
    rig.bring(3)
    assert "LIVE | TR 2" in rig.said()


def test_a_hit_asked_for_stays_while_volumes_come(make: Make) -> None:
    rig = make()
    rig.bring(40)
    rig.press("previous_hit")
    assert rig.asked_hits == [30]
    rig.answer_hit(30)
    rig.press("previous_hit")
    rig.answer_hit(21)
    rig.uploads.clear()
    rig.bring(45)
    assert rig.shown == (21, True)
    assert rig.uploads == []
    assert "OLDER, newest is TR 30   (End: live)" in rig.said()
    rig.press("live")
    rig.answer(44)
    assert rig.shown == (44, False)


def test_the_range_is_held_from_volume_to_volume(make: Make) -> None:
    rig = make()
    ranges = set()
    for n in range(3, 12):
        rig.bring(n)
        ranges.add(rig.maps.shown.vmax)
    assert len(ranges) <= 2
    assert max(ranges) in (3.0, 4.0)
    rig.press("older", "older")
    rig.answer(9)
    assert rig.maps.shown.vmax == max(ranges)


def test_an_older_volume_that_reaches_beyond_the_range_has_a_larger_one(make: Make) -> None:
    rig = make()
    rig.bring(12)
    before = rig.maps.shown.vmax
    rig.press("older", "older")
    rig.console.absorb(Update(rig.console.live, volume_tr=9, volume_column=10 * volume(9)))
    rig.console.catch_up()
    assert rig.shown == (9, False)
    assert rig.maps.shown.vmax == round_up(column_facts(10 * volume(9)).within) > 5 * before
    rig.press("live")
    rig.answer(11)
    assert rig.maps.shown.vmax == before


def test_planes_of_volumes_go_to_the_newest_hit_and_not_to_one_that_is_looked_at(make: Make) -> None:
    rig = make()
    rig.press("map_mode")
    rig.bring(13)
    rig.bring(22)
    assert peak_of(21) != peak_of(12)
    rig.press("previous_hit")
    rig.answer_hit(21)
    rig.press("previous_hit")
    rig.answer_hit(12)
    assert rig.shown == (12, True)
    rig.press("live")
    rig.bring(23)
    assert rig.shown == (22, False)
    assert rig.maps.shown.crosshair == peak_of(21)


def test_a_live_volume_that_is_explained_uploads_its_template_once(make: Make) -> None:
    rig = make()
    rig.bring(8)
    rig.press("explain")
    told = rig.desk.explained
    best = int(np.argmax(SCORES[:, 7]))
    assert (told.tr, told.template) == (7, best)
    assert told.mean == pytest.approx(float(SCORES[best, 7]), rel=1e-5)
    assert not told.differs
    assert "= product" in rig.said()
    for n in range(9, 12):
        rig.uploads.clear()
        rig.asked_templates.clear()
        rig.bring(n)
        told, before = rig.desk.explained, best
        best = int(np.argmax(SCORES[:, n - 1]))
        assert (told.tr, told.template, told.differs) == (n - 1, best, False)
        assert rig.asked_templates == ([] if best == before else [best])
        expected = ["map", "product"] if best == before else ["map", "template", "product"]
        assert [source for source, _ in rig.uploads] == expected
        assert {n_bytes for _, n_bytes in rig.uploads} == {PACKED}
    rig.uploads.clear()
    rig.console.catch_up()
    rig.press("explain")
    assert rig.uploads == []
    assert rig.desk.explained is None
    assert "= product" not in rig.said()


def test_an_explained_hit_has_its_crosshair_where_the_product_is_largest(make: Make) -> None:
    rig = make()
    rig.bring(12)
    rig.press("explain")
    rig.bring(13)
    told = rig.desk.explained
    product = volume(12) * TEMPLATES[told.template]
    assert told.at == GRID.mm_of(int(np.nanargmax(product)))
    assert told.product.here == told.product.peak == pytest.approx(float(np.nanmax(product)))
    assert "held while the survey runs" in rig.said()


def test_the_crosshair_of_an_explanation_follows_the_operator(make: Make) -> None:
    rig = make()
    rig.bring(13)
    rig.press("explain")
    before = rig.desk.explained
    rig.uploads.clear()
    rig.press("step_left")
    at = rig.console.view.map.at
    voxel = GRID.voxel_at(at)
    assert voxel is not None and at != before.at
    told = rig.desk.explained
    assert told.at == at
    values = float(volume(12)[voxel]), float(TEMPLATES[told.template][voxel])
    assert (told.volume.here, told.matched.here) == pytest.approx(values, nan_ok=True)
    assert told.product.here == pytest.approx(values[0] * values[1], nan_ok=True)
    assert rig.uploads == []


def test_a_mean_is_never_painted_with_the_explanation_of_a_single_map(make: Make) -> None:
    rig = make()
    rig.bring(13)
    rig.press("explain")
    assert rig.desk.explained.tr == 12
    rig.press("mean")
    rig.console.absorb(Update(rig.console.live, mean=Mean((12,), volume(12))))
    assert rig.maps.shown.mean_of == (12,)
    assert rig.desk.explained is None
    assert "a mean is not explained" in rig.said()


def test_a_volume_whose_scores_come_later_is_explained_by_the_same_template_until_then(make: Make) -> None:
    rig = make()
    rig.bring(8)
    rig.press("explain")
    before = rig.desk.explained
    rig.records(9)
    rig.console.catch_up()
    assert (rig.desk.explained.tr, rig.desk.explained.template) == (8, before.template)
    assert np.isnan(rig.desk.explained.score)
    rig.scores(9)
    rig.console.catch_up()
    assert rig.desk.explained.template == int(np.argmax(SCORES[:, 8]))
    assert not rig.desk.explained.differs


def test_volumes_before_matching_are_not_explained(make: Make) -> None:
    rig = make()
    rig.bring(4)
    rig.press("explain")
    assert rig.desk.explained is None
    assert "not scored, so there is nothing to explain" in rig.said()
    rig.bring(6)
    assert rig.desk.explained.tr == 5


def test_a_template_that_cannot_be_read_costs_the_explanation(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = make()
    monkeypatch.setattr(rig, "_template", lambda k: None)
    rig.desk._explaining._feed = replace(rig.desk._explaining._feed, template=lambda k: None)
    rig.bring(8)
    rig.press("explain")
    assert rig.desk.explained is None
    assert "its template cannot be shown" in rig.said()
    assert rig.shown == (7, False)


def test_partial_redraws_equal_a_full_one(make: Make) -> None:
    rig = make()
    steps: list[tuple[str, Callable[[], Any]]] = [
        (f"{n} volumes", lambda n=n: rig.bring(n)) for n in (1, 3, 5, 12, 13, 14, 16, 17, 22, 31, 40)
    ]
    keys = ("explain", "older", "map_mode", "live", "map_mode", "previous_hit", "explain", "map_mode", "oldest", "live")
    for k, name in enumerate(keys):
        steps += [
            (f"{name} ({k})", lambda name=name: rig.press(name)),
            (f"answers ({k})", lambda: _answer_all(rig)),
        ]
    steps += [
        ("stalled", lambda: setattr(rig, "now_ns", rig.now_ns + 60 * 10**9)),
        ("going on", lambda: rig.bring(44)),
        ("keeper lost", lambda: setattr(rig.console, "keeper_lost", "gone")),
        ("ended", lambda: rig.console.absorb(Update(replace(rig.console.live, ended=True)))),
    ]
    for name, step in steps:
        step()
        partial = rig.picture()
        assert_close(partial, rig.fresh_picture(), 0, f"partial against full, {name}")


def _answer_all(rig: Rig) -> None:
    for tr in rig.asked:
        rig.answer(tr)
    for tr in rig.asked_hits:
        rig.answer_hit(tr)
    rig.asked.clear()
    rig.asked_hits.clear()


def test_a_mask_of_fewer_voxels_than_a_volume_is_shown(canvas: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ball().n_voxels == GRID.n_voxels
    canvas.set_current()
    rig = Rig(monkeypatch)
    rig.bring(8)
    rig.press("explain", "older")
    longer = np.append(volume(6), np.float32(9e9))
    rig.console.absorb(Update(rig.console.live, volume_tr=6, volume_column=longer))
    rig.console.catch_up()
    assert rig.shown == (6, False)
    assert rig.desk.explained.tr == 6
