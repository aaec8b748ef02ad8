"""What the map panel keeps together: means over hits, the hit pinned beside the map, projections, the crosshair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rtcog_gl.model.column_facts import column_facts
from rtcog_gl.model.draw import NO_VALUE, OUTSIDE
from rtcog_gl.model.glass import Glass
from rtcog_gl.model.hits import hits_like
from rtcog_gl.model.records import no_records
from rtcog_gl.model.session import Derived, FloatArray, Live, Mean, Session, Update
from rtcog_gl.model.view import View
from rtcog_gl.model.volume import MaskGrid, centre_of_voxel

NT, HITS = 60, (20, 30, 40)
AFFINE = np.array([[0, -2.0, 0, 8], [2.0, 0, 0, -8], [0, 0, 2.5, -10], [0, 0, 0, 1]])
GRID = MaskGrid((8, 9, 7), AFFINE, np.ones(504, bool))
SESSION = Session(NT, ("a", "b"), 2.0, nv=GRID.n_voxels)
SCORES = np.full((2, NT), 0.5, np.float32)
SCORES[0, [20, 40]] = SCORES[1, 30] = 3.0
"""The first and the last hit are of the first template."""


TEMPLATES = np.random.default_rng(3).normal(0, 1, (2, GRID.n_voxels)).astype(np.float32)
TEMPLATES[:, 1::2] = 0


def column(tr: int) -> FloatArray:
    return np.random.default_rng(tr).normal(0, 1, GRID.n_voxels).astype(np.float32)


def glass() -> Glass:
    image = np.zeros((3, 3), np.float32)
    return Glass((image, image, image))


class Renderer:
    """Notes what it gets."""

    def __init__(self) -> None:
        self.maps: dict[str, FloatArray] = {}
        self.images: dict[Any, FloatArray] = {}

    def write_map(self, column: FloatArray, source: str = "map") -> int:
        self.maps[source] = column.copy()
        return column.nbytes

    def drop_map(self, source: str) -> None:
        self.maps.pop(source, None)

    def write_image(self, name: Any, image: FloatArray) -> int:
        self.images[name] = image
        return image.nbytes

    def drop_images(self, names: Any) -> None:
        for name in names:
            self.images.pop(name, None)


class Rig:
    """A desk whose watcher answers when it is told to."""

    def __init__(self, session: Session = SESSION) -> None:
        from rtcog_gl.window.feed import MapFeed
        from rtcog_gl.window.map_desk import MapDesk

        self.renderer = Renderer()
        self.asked: list[Any] = []
        self.glass: list[bool] = []
        self.courses: list[Any] = []
        feed = MapFeed(
            hit=self.asked.append,
            volume=lambda tr: self.asked.append(("volume", tr)),
            mean=lambda trs: self.asked.append(("mean", trs)),
            glass=self.glass.append,
            pinned=lambda tr: self.asked.append(("pinned", tr)),
            course=lambda request: self.courses.append(request),
            template=lambda k: TEMPLATES[k].copy(),
        )
        self.desk = MapDesk(session, GRID, self.renderer, feed)  # type: ignore[arg-type]
        self.maps = self.desk.maps
        self.view = View()
        self.records = no_records(NT)
        self.live = Live(n_final=50, onsets=HITS, offsets=(25, 35, 45), maps=HITS)
        self.choose()

    def choose(self, **changes: Any) -> None:
        self.view = replace(self.view, **changes)
        self.desk.choose(self.view, self.live, self.records, SCORES)

    def how(self, **changes: Any) -> None:
        self.choose(map=replace(self.view.map, **changes))

    def bring(self, **parts: Any) -> None:
        update = Update(self.live, **parts)
        self.live = update.live
        self.desk.choose(self.view, self.live, self.records, SCORES, update)
        self.desk.take(update, self.view, self.live)

    def bring_hit(self, tr: int, **derived: Any) -> None:
        facts = column_facts(column(tr))
        self.bring(map_tr=tr, map_column=column(tr), map_derived=Derived(facts, **derived))


@pytest.fixture(autouse=True)
def no_flush(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from rtcog_gl.gpu import renderer

    monkeypatch.setattr(renderer, "flush", lambda: None)
    yield


def test_the_newest_hit_is_asked_for_once_and_shown_at_its_peak() -> None:
    rig = Rig()
    rig.choose()
    assert rig.asked == [40]
    rig.bring_hit(40)
    shown = rig.maps.shown
    assert shown is not None and (shown.tr, shown.index, shown.mean_of) == (40, 2, ())
    peak = int(np.argmax(np.abs(column(40))))
    assert (
        shown.crosshair == GRID.mm_of(peak)
        and shown.peak_value == column(40)[peak]
        and shown.vmax == abs(column(40)[peak])
    )
    assert np.array_equal(rig.renderer.maps["map"], column(40))


def test_the_crosshair_that_was_set_stays_from_map_to_map_until_it_is_given_back() -> None:
    rig = Rig()
    rig.bring_hit(40)
    at = GRID.mm_of(17)
    rig.how(at=at)
    assert rig.maps.shown is not None and rig.maps.shown.crosshair == at
    assert rig.maps.shown.value_at == column(40)[17]
    rig.choose(hit=0)
    rig.bring_hit(20)
    assert rig.maps.shown.tr == 20 and rig.maps.shown.crosshair == at and rig.maps.shown.value_at == column(20)[17]
    rig.how(at=None)
    assert rig.maps.shown.crosshair == rig.maps.shown.peak_mm == GRID.mm_of(int(np.argmax(np.abs(column(20)))))
    rig.how(at=(500.0, 0.0, 0.0))
    assert np.isnan(rig.maps.shown.value_at)


def test_a_mean_is_over_the_hits_of_the_same_template() -> None:
    rig = Rig()
    rig.bring_hit(40)
    rig.how(mean=True)
    rig.choose()
    assert rig.asked == [40, ("mean", (20, 40))]
    assert rig.maps.shown is not None and rig.maps.shown.mean_of == (), "the single map stays until the mean is there"
    both = (column(20) + column(40)) / 2
    rig.bring(mean=Mean((20, 40), both))
    assert rig.maps.shown.mean_of == (20, 40) and np.array_equal(rig.renderer.maps["map"], both)
    rig.how(mean=False)
    assert rig.asked[-1] == 40
    rig.bring_hit(40)
    assert rig.maps.shown.mean_of == ()


def test_a_mean_grows_with_the_next_hit_of_its_template_and_one_that_is_no_longer_wanted_is_passed_over() -> None:
    rig = Rig()
    rig.how(mean=True)
    assert rig.asked[-1] == ("mean", (20, 40))
    scores = SCORES.copy()
    try:
        SCORES[0, 50] = 4.0
        rig.live = replace(rig.live, n_final=55, onsets=(*HITS, 50), maps=(*HITS, 50))
        rig.choose()
        assert rig.asked[-1] == ("mean", (20, 40, 50))
        rig.bring(mean=Mean((20, 40), column(1)))
        assert rig.maps.shown is None
        rig.bring(mean=Mean((20, 40, 50), column(2)))
        assert rig.maps.shown is not None and rig.maps.shown.mean_of == (20, 40, 50)
    finally:
        SCORES[:] = scores


def test_a_mean_that_cannot_be_read_is_said_and_not_asked_for_again() -> None:
    rig = Rig()
    rig.how(mean=True)
    rig.bring(mean=Mean((20, 40), None))
    asked = len(rig.asked)
    rig.choose()
    assert rig.maps.shown is None and "cannot be read" in rig.maps.missing
    assert len(rig.asked) == asked


def test_a_single_map_that_comes_while_a_mean_is_wanted_does_not_take_its_place() -> None:
    rig = Rig()
    rig.how(mean=True)
    rig.bring_hit(40)
    assert rig.maps.shown is None
    rig.bring(mean=Mean((20, 40), column(7)))
    rig.how(beside=40)
    rig.bring_hit(40)
    assert rig.maps.shown is not None and rig.maps.shown.mean_of == (20, 40)
    assert np.array_equal(rig.renderer.maps["map"], column(7))
    assert rig.desk.beside is not None and rig.desk.beside.tr == 40


def test_a_hit_that_was_never_scored_is_like_no_other() -> None:
    scores = SCORES.copy()
    scores[:, [20, 40]] = np.nan
    assert hits_like(HITS, scores, 40) == (40,)
    assert hits_like(HITS, scores, 30) == (30,)
    assert hits_like(HITS, SCORES, 40) == (20, 40)


def test_both_maps_say_how_many_voxels_are_missing_and_have_robust_ranges() -> None:
    rig = Rig()
    for tr in (40, 20):
        values = column(tr)
        values[: tr // 10] = np.nan
        facts = column_facts(values)
        rig.how(beside=20)
        rig.bring(map_tr=tr, map_column=values, map_derived=Derived(facts))
        shown = rig.maps.shown if tr == 40 else rig.desk.beside
        assert shown is not None and (shown.tr, shown.n_missing) == (tr, tr // 10)
        assert shown.robust == facts.robust > 0
        assert (shown.vmax, shown.peak_mm) == (facts.largest, GRID.mm_of(facts.peak))


def test_two_hits_share_the_crosshair_and_letting_one_go_gives_its_memory_back() -> None:
    rig = Rig()
    rig.bring_hit(40)
    rig.how(beside=20)
    assert rig.asked == [40, ("pinned", 20)] and rig.desk.beside is None
    rig.bring_hit(20)
    pinned = rig.desk.beside
    assert pinned is not None and (pinned.tr, pinned.index) == (20, 0)
    assert rig.maps.shown is not None and rig.maps.shown.tr == 40, "the map itself did not change"
    assert pinned.crosshair == rig.maps.shown.crosshair
    assert np.array_equal(rig.renderer.maps["beside"], column(20))
    at = GRID.mm_of(99)
    rig.how(at=at)
    assert rig.desk.beside is not None
    assert rig.desk.beside.crosshair == at and rig.desk.beside.value_at == column(20)[99]
    rig.how(beside=None)
    assert rig.desk.beside is None and "beside" not in rig.renderer.maps


def test_a_pinned_hit_that_is_not_there_shows_nothing_beside() -> None:
    rig = Rig()
    rig.bring_hit(40)
    rig.how(beside=33)
    assert rig.asked == [40] and rig.desk.beside is None


def test_projections_are_asked_for_with_the_map_that_is_there_already() -> None:
    rig = Rig()
    rig.bring_hit(40)
    assert rig.glass == []
    rig.how(mode="glass")
    assert rig.glass == [True] and rig.asked == [40, 40]
    rig.bring_hit(40, glass=glass())
    assert rig.maps.shown is not None and rig.maps.shown.glass
    assert set(rig.renderer.images) == {("glass", 0, n) for n in range(3)}
    rig.choose()
    assert rig.asked == [40, 40]
    rig.how(mode="ortho")
    assert rig.glass == [True, False] and rig.asked == [40, 40]


def test_the_newest_volume_gets_its_projections_although_no_other_comes() -> None:
    rig = Rig(replace(SESSION, slots=10, volume_records=True))
    rig.records["committed"][:50], rig.records["has_map"][:50] = 1, True
    rig.live = replace(rig.live, n_volumes=50, ended=True)
    rig.choose(maps="volumes")
    rig.bring(volume_tr=49, volume_column=column(49))
    rig.desk.take_volume(rig.view)
    assert rig.maps.shown is not None and rig.maps.shown.tr == 49
    rig.asked.clear()
    rig.how(mode="glass")
    assert rig.asked == [("volume", 49)]
    rig.bring(volume_tr=49, volume_column=column(49), volume_derived=Derived(column_facts(column(49)), glass()))
    rig.desk.take_volume(rig.view)
    assert rig.maps.shown.glass


def test_the_readout_tells_voxel_value_and_the_template_there() -> None:
    rig = Rig(replace(SESSION, has_templates=True))
    asked: list[tuple[int, int]] = []
    rig.desk._feed = SimpleNamespace(template_value=lambda k, v: asked.append((k, v)) or 0.25)  # type: ignore[assignment]
    assert rig.desk.readout(rig.live, SCORES) is None
    rig.bring_hit(40)
    rig.how(at=GRID.mm_of(77))
    told = rig.desk.readout(rig.live, SCORES)
    assert told is not None and told.in_mask and told.value == column(40)[77]
    assert told.ijk == tuple(GRID.ijk_of(77).tolist()) and (told.template, told.template_value) == (0, 0.25)
    assert asked == [(0, 77)]
    rig.how(at=(500.0, 0.0, 0.0))
    told = rig.desk.readout(rig.live, SCORES)
    assert told is not None and not told.in_mask and np.isnan(told.value) and np.isnan(told.template_value)


def test_a_mean_is_compared_with_no_template() -> None:
    rig = Rig(replace(SESSION, has_templates=True))
    asked: list[tuple[int, int]] = []
    rig.desk._feed = SimpleNamespace(template_value=lambda k, v: asked.append((k, v)) or 0.25)  # type: ignore[assignment]
    rig.how(mean=True)
    rig.bring(mean=Mean((20, 40), column(7)))
    told = rig.desk.readout(rig.live, SCORES)
    assert told is not None and told.in_mask and told.value == np.abs(column(7)).max() * np.sign(told.value)
    assert told.template is None and np.isnan(told.template_value) and asked == []


def test_what_actions_act_on_is_what_is_on_the_screen() -> None:
    rig = Rig()
    assert rig.desk.state(rig.view, rig.live).column is None
    rig.bring_hit(40)
    state = rig.desk.state(rig.view, rig.live)
    assert state.hit == 2 and state.maps == HITS and state.grid is GRID
    assert state.vmax == float(np.abs(column(40)).max()) and state.threshold == pytest.approx(state.vmax / 3, rel=0.1)
    rig.how(range="robust", threshold=0.125)
    state = rig.desk.state(rig.view, rig.live)
    assert state.threshold == 0.125
    assert state.vmax == pytest.approx(np.abs(np.percentile(column(40), (2, 98))).max(), rel=1e-3)
    rig.how(range="fixed", fixed=7.0)
    assert rig.desk.state(rig.view, rig.live).vmax == 7.0


def test_two_maps_together_have_the_larger_range() -> None:
    rig = Rig()
    rig.bring_hit(40)
    rig.how(beside=20)
    rig.bring_hit(20)
    largest = max(float(np.abs(column(tr)).max()) for tr in (20, 40))
    assert rig.desk.state(rig.view, rig.live).vmax == largest
    rig.how(beside=30)
    rig.bring(map_tr=30, map_column=10 * column(30))
    assert rig.desk.state(rig.view, rig.live).vmax == float(np.abs(10 * column(30)).max()) > largest
    rig.how(beside=None)
    assert rig.desk.state(rig.view, rig.live).vmax == float(np.abs(column(40)).max())


def test_a_time_course_is_asked_for_while_it_is_to_be_seen() -> None:
    rig = Rig(replace(SESSION, slots=10, volume_records=True))
    rig.choose(maps="hits")
    rig.how(course=False)
    rig.bring_hit(40)
    rig.how(at=GRID.mm_of(17))
    assert rig.courses == []
    rig.how(course=True)
    assert [request.voxel for request in rig.courses] == [17]
    rig.how(course=False)
    assert rig.courses[1:] == [None]


def test_the_glass_brain_has_its_outline_before_there_is_a_map() -> None:
    rig = Rig()
    rig.live = replace(rig.live, onsets=(), offsets=(), maps=())
    rig.how(mode="glass")
    assert set(rig.renderer.images) == {("glass", 0, n) for n in range(3)}
    for image in rig.renderer.images.values():
        assert (image == NO_VALUE).any() and set(np.unique(image)) <= {NO_VALUE, OUTSIDE}


def test_an_explanation_and_all_that_goes_with_it_have_one_crosshair() -> None:
    rig = Rig(replace(SESSION, has_templates=True, slots=10, volume_records=True))
    rig.choose(maps="hits")
    rig.bring_hit(40)
    rig.choose(explain=True)
    rig.desk.explain(rig.view, rig.live, SCORES)
    told = rig.desk.explained
    assert told is not None
    assert told.at == GRID.mm_of(int(np.argmax(column(40) * TEMPLATES[0])))
    assert rig.maps.shown is not None and told.at != rig.maps.shown.crosshair
    readout = rig.desk.readout(rig.live, SCORES)
    assert readout is not None and readout.at == told.at
    assert rig.desk.state(rig.view, rig.live).at == told.at
    assert rig.courses[-1].at == told.at


def test_an_explanation_beside_a_pinned_hit_keeps_its_own_range() -> None:
    rig = Rig(replace(SESSION, has_templates=True))
    rig.bring_hit(40)
    rig.how(beside=20)
    rig.bring(map_tr=20, map_column=10 * column(20))
    both = rig.desk.state(rig.view, rig.live).vmax
    rig.choose(explain=True)
    rig.desk.explain(rig.view, rig.live, SCORES)
    assert rig.desk.state(rig.view, rig.live).vmax == float(np.abs(column(40)).max()) < both


def test_a_map_that_cannot_be_read_is_said_and_asked_for_once() -> None:
    rig = Rig()
    rig.bring_hit(40)
    rig.choose(hit=0)
    assert rig.asked == [40, 20]
    rig.bring(map_tr=20)
    assert rig.maps.shown is None and rig.maps.missing == "TR 20: the map cannot be read"
    for _ in range(3):
        rig.bring()
    assert rig.asked == [40, 20]
    rig.choose(hit=2)
    assert rig.asked == [40, 20, 40] and rig.maps.missing == ""


def test_a_map_that_was_on_its_way_is_asked_for_again_with_its_projections_once() -> None:
    rig = Rig()
    rig.choose(hit=1)
    rig.how(mode="glass")
    rig.asked.clear()
    rig.bring_hit(30)
    assert rig.asked == [30]
    rig.bring_hit(30)
    rig.bring_hit(30)
    assert rig.asked.count(30) <= 2
    rig.bring_hit(30, glass=glass())
    assert rig.maps.shown is not None and rig.maps.shown.glass


def test_the_crosshair_of_a_volume_before_any_hit_is_in_the_middle_of_a_voxel() -> None:
    even = MaskGrid((8, 8, 8), np.diag([2.0, 2.0, 2.0, 1.0]), np.ones(512, bool))
    assert any(abs(c % 2 - 1) < 1e-9 for c in even.bounds.centre), "the middle of the box lies between voxels"
    at = centre_of_voxel(even.affine, even.bounds.centre)
    assert all(c % 2 == 0 for c in at)
    rig = Rig(replace(SESSION, slots=10, volume_records=True))
    rig.records["committed"][:50], rig.records["has_map"][:50] = 1, True
    rig.live = replace(rig.live, n_volumes=50)
    rig.choose(maps="volumes")
    rig.bring(volume_tr=49, volume_column=column(49))
    rig.desk.take_volume(rig.view)
    assert rig.maps.shown is not None
    voxel = GRID.voxel_at(rig.maps.shown.crosshair)
    assert voxel is not None and GRID.mm_of(voxel) == rig.maps.shown.crosshair


def test_a_mean_says_how_many_of_its_hits_have_no_value() -> None:
    rig = Rig()
    rig.how(mean=True)
    rig.bring(mean=Mean((20, 40), column(40), n_empty=1))
    assert rig.maps.shown is not None and rig.maps.shown.n_empty == 1


def test_a_pinned_hit_that_cannot_be_read_is_known_and_leaves_the_map_alone() -> None:
    rig = Rig()
    rig.bring_hit(40)
    rig.how(beside=20)
    rig.bring(map_tr=20)
    assert rig.desk.beside is None and rig.desk.beside_refused
    assert rig.maps.missing == "" and rig.maps.shown is not None
    rig.choose(hit=0)
    assert rig.asked[-1] == 20, "the map itself is asked for all the same"
    rig.how(beside=None)
    assert not rig.desk.beside_refused


def test_a_readout_without_values_is_equal_to_itself_the_next_time() -> None:
    rig = Rig(replace(SESSION, has_templates=True))
    rig.desk._feed = SimpleNamespace(template_value=lambda k, v: float("nan"))  # type: ignore[assignment]
    rig.bring_hit(40)
    readouts = [rig.desk.readout(rig.live, SCORES) for _ in range(2)]
    rig.how(at=(500.0, 0.0, 0.0))
    readouts += [rig.desk.readout(rig.live, SCORES) for _ in range(2)]
    assert readouts[0] is not None and readouts[0] == readouts[1] and readouts[2] == readouts[3]
