"""What the watcher works out besides its looks: figures of maps, means, thumbnails, time courses; scores come first."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from test_keeper import wait_for
from test_watch import NT, NV, SLOTS, TEMPLATES, Rig

from rtcog_gl.model.column_facts import column_facts
from rtcog_gl.model.course import Course, CourseRequest
from rtcog_gl.model.glass import Projector
from rtcog_gl.model.session import Mean, Update
from rtcog_gl.model.thumbnail import thumbnail
from rtcog_gl.model.volume import MaskGrid
from rtcog_gl.window import jobs, volume_feed
from rtcog_gl.window.hit_maps import HitMaps
from rtcog_gl.window.kept import Kept
from rtcog_gl.window.volume_feed import VolumeFeed

HITS = (1, 3, 4)


def grid() -> MaskGrid:
    """Return a grid of 2 x 3 x 2 voxels, the lower half of it in the mask."""
    return MaskGrid((2, 3, 2), np.diag([2.0, 2.0, 2.0, 1.0]), np.arange(12) < NV)


@pytest.fixture(autouse=True)
def scarce(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the volumes given back after the end, however much memory this machine has."""
    monkeypatch.setattr(volume_feed, "shared_free", lambda: None)


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig(grid=grid())
    made.maps[:] = np.random.default_rng(0).normal(size=(NV, NT))
    made.maps[2] = np.nan
    made.maps[3, 1] = np.nan
    made.maps[4, 3] = np.inf
    yield made
    made.close()


def with_hits(rig: Rig, n: int = len(HITS)) -> list[Update]:
    return rig.look(n_final=HITS[n - 1] + 1, onsets=HITS[:n], maps=HITS[:n])


def kinds(updates: list[Update]) -> list[str]:
    """Return what each update brings."""
    found = []
    for update in updates:
        brings = {
            "scores": update.scores.shape[1] > 0,
            "map": update.map_tr is not None,
            "volume": update.volume_tr is not None,
            "mean": update.mean is not None,
            "thumb": len(update.thumbs) > 0,
            "course": update.course is not None,
        }
        found.append("+".join(name for name, there in brings.items() if there))
    return found


def expected_mean(rig: Rig, trs: tuple[int, ...]) -> npt.NDArray[np.float64]:
    values = np.where(np.isfinite(rig.maps), rig.maps, np.nan)[:, list(trs)].astype(np.float64)
    return np.array([np.nan if np.isnan(row).all() else np.nanmean(row) for row in values])


def test_a_hit_brings_scores_then_map_then_volume(rig: Rig) -> None:
    rig.publish(0, 1)
    updates = rig.look(n_final=2, n_volumes=2, onsets=(1,), maps=(1,))
    assert kinds(updates) == ["scores", "map", "volume"]
    scores, hit, volume = updates
    # Nobody asks for a map that is on its way.
    assert [update.live.maps for update in updates] == [(), (1,), (1,)]
    assert [update.live.onsets for update in updates] == [(1,)] * 3
    assert [update.live.n_volumes for update in updates] == [0, 0, 2]
    assert 0 < scores.stamps[1].seen <= hit.map_stamps.seen <= volume.volume_stamps.seen
    assert rig.wakes == 3


def test_of_several_new_hits_the_newest_comes_and_the_others_can_be_had(rig: Rig) -> None:
    updates = with_hits(rig)
    assert (kinds(updates), updates[1].map_tr) == (["scores", "map"], HITS[-1])
    rig.watcher.want_map(HITS[0])
    (there,) = rig.look()
    rig.watcher.want_map(NT + 5)
    (not_there,) = rig.look()
    assert there.map_column is not None
    np.testing.assert_array_equal(there.map_column, rig.maps[:, HITS[0]])
    assert (not_there.map_tr, not_there.map_column, not_there.map_derived) == (NT + 5, None, None)


def test_of_several_maps_that_are_asked_for_the_latest_of_each_purpose_is_answered(rig: Rig) -> None:
    with_hits(rig)
    for tr in HITS:
        rig.watcher.want_map(tr)
        rig.watcher.want_map(tr - 1, "pinned")
    updates = rig.look()
    assert sorted(update.map_tr for update in updates if update.map_tr is not None) == [HITS[-1] - 1, HITS[-1]]
    assert len(updates) == 2


@pytest.mark.parametrize("broken", ["column_facts", "column"])
def test_every_request_is_answered_although_its_work_fails(
    rig: Rig, broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with_hits(rig)
    rig.publish(0)
    rig.look(n_volumes=1)

    def failing(*_: object) -> None:
        raise ValueError("no figures")

    if broken == "column_facts":
        monkeypatch.setattr(jobs, "column_facts", failing)
    else:
        for reader in (HitMaps, VolumeFeed):
            monkeypatch.setattr(reader, "column", failing)
        monkeypatch.setattr(HitMaps, "part", failing)
    with caplog.at_level(logging.ERROR, "rtcog_gl"):
        rig.watcher.want_map(1)
        rig.watcher.want_map(3, "pinned")
        rig.watcher.want_volume(0)
        rig.watcher.want_mean(HITS)
        updates = rig.look()
    assert len(updates) == 4
    assert {u.map_tr for u in updates} == {1, 3, None}
    assert [u.map_column for u in updates] == [None] * 4
    assert [(u.volume_tr, u.volume_column) for u in updates if u.volume_tr is not None] == [(0, None)]
    assert [u.mean for u in updates if u.mean is not None] == [Mean(HITS, None)]
    assert {u.live.maps for u in updates} == {HITS}
    assert [r.getMessage() for r in caplog.records] == ["a map could not be worked on: ValueError: no figures"]


def test_figures_come_with_every_map(rig: Rig) -> None:
    rig.publish(0, 1)
    updates = rig.look(n_final=2, n_volumes=2, onsets=(1,), maps=(1,))
    rig.watcher.want_map(1)
    rig.watcher.want_volume(0)
    updates += rig.look()
    rig.watcher.want_mean((1,))
    updates += rig.look()
    maps = [(u.map_column, u.map_derived) for u in updates if u.map_tr is not None]
    maps += [(u.volume_column, u.volume_derived) for u in updates if u.volume_tr is not None]
    maps += [(u.mean.column, u.mean.derived) for u in updates if u.mean is not None]
    assert len(maps) == 5
    for column, derived in maps:
        assert column is not None
        assert derived is not None
        assert (derived.facts, derived.glass) == (column_facts(column), None)


def test_projections_come_while_they_are_wanted(rig: Rig) -> None:
    rig.publish(0)
    rig.watcher.wants_glass = True
    _, hit, volume = rig.look(n_final=2, n_volumes=1, onsets=(1,), maps=(1,))
    projector = Projector(grid())
    for column, derived in ((hit.map_column, hit.map_derived), (volume.volume_column, volume.volume_derived)):
        assert column is not None
        assert derived is not None
        assert derived.glass is not None
        for got, expected in zip(derived.glass.images, projector.project(column).images, strict=True):
            np.testing.assert_array_equal(got, expected)
    rig.watcher.wants_glass = False
    rig.watcher.want_map(1)
    (hit,) = rig.look()
    assert hit.map_derived is not None
    assert hit.map_derived.glass is None


def test_maps_are_the_windows_own(rig: Rig) -> None:
    (_, first) = with_hits(rig, 1)
    rig.watcher.want_map(HITS[0])
    (again,) = rig.look()
    expected = rig.maps[:, HITS[0]].copy()
    rig.maps[:] = 99
    for update in (first, again):
        assert update.map_column is not None
        assert update.map_column.flags.c_contiguous
        np.testing.assert_array_equal(update.map_column, expected)


def test_what_a_map_has_beyond_the_mask_counts_for_nothing() -> None:
    smaller = MaskGrid((2, 3, 2), np.diag([2.0, 2.0, 2.0, 1.0]), np.arange(12) < NV - 1)
    rig = Rig(grid=smaller)
    try:
        rig.maps[:] = np.random.default_rng(0).normal(size=(NV, NT))
        rig.maps[-1] = 1e6
        rig.watcher.wants_glass = True
        (_, hit) = with_hits(rig, 1)
        rig.watcher.want_mean(HITS[:1])
        rig.watcher.want_thumb(HITS[0])
        updates = rig.look()
    finally:
        rig.close()
    assert hit.map_column is not None
    inside = hit.map_column[: NV - 1]
    facts = column_facts(inside)
    thumb = next(update.thumbs[0] for update in updates if update.thumbs)
    mean = next(update.mean for update in updates if update.mean is not None)
    for derived in (hit.map_derived, mean.derived):
        assert derived is not None
        assert derived.glass is not None
        assert derived.facts == facts
    expected = thumbnail(smaller, inside, facts.peak, HITS[0], facts.largest)
    assert (thumb.vmax, thumb.z_mm) == (expected.vmax, expected.z_mm)
    np.testing.assert_array_equal(thumb.image, expected.image)


def test_without_a_grid_there_are_figures_alone() -> None:
    rig = Rig()
    try:
        rig.watcher.wants_glass = True
        rig.maps[:, 1] = 4
        updates = rig.look(n_final=2, onsets=(1,), maps=(1,))
        assert kinds(updates) == ["scores", "map"]
        derived = updates[1].map_derived
        assert derived is not None
        assert (derived.facts.largest, derived.glass) == (4, None)
    finally:
        rig.close()


@pytest.mark.parametrize("values", [1, 2, 7, 1 << 19])
def test_a_mean_is_over_what_is_finite_in_steps_of_any_size(
    rig: Rig, values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "VALUES", values)
    with_hits(rig)
    rig.watcher.want_mean(HITS)
    (update,) = rig.look()
    mean = update.mean
    assert mean is not None
    assert mean.column is not None
    assert (mean.trs, mean.column.dtype) == (HITS, np.float32)
    assert (update.live.n_final, update.live.maps) == (rig.live.n_final, HITS)
    np.testing.assert_allclose(mean.column, expected_mean(rig, HITS), rtol=1e-6)
    assert np.isnan(mean.column).tolist() == [False, False, True, False, False, False]


def test_scores_that_come_during_a_mean_go_first(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "VALUES", len(HITS))
    with_hits(rig)
    rig.watcher.want_mean(HITS)
    updates = rig.look_once()
    for n in (HITS[-1] + 2, HITS[-1] + 3):
        updates += rig.look_once(n_final=n)
        updates += rig.look_once()
    assert kinds(updates) == ["scores", "scores"]
    assert kinds(rig.look()) == ["mean"]


def test_a_map_that_is_asked_for_overtakes_a_mean(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "VALUES", len(HITS))
    with_hits(rig)
    rig.watcher.want_mean(HITS)
    rig.look_once()
    rig.watcher.want_map(HITS[0])
    assert kinds(rig.look()) == ["map", "mean"]


def test_the_latest_mean_wins(rig: Rig) -> None:
    with_hits(rig)
    rig.watcher.want_mean(HITS)
    rig.look_once()
    rig.watcher.want_mean(HITS[:2])
    (update,) = rig.look()
    assert update.mean is not None
    assert update.mean.trs == HITS[:2]


@pytest.mark.parametrize("trs", [(), (1, NT), (-1,)])
def test_a_mean_of_maps_that_cannot_be_read_has_no_column(rig: Rig, trs: tuple[int, ...]) -> None:
    with_hits(rig)
    rig.watcher.want_mean(trs)
    (update,) = rig.look()
    assert update.mean is not None
    assert (update.mean.trs, update.mean.column, update.mean.derived) == (trs, None, None)


def test_a_thumbnail_is_the_slice_through_the_peak(rig: Rig) -> None:
    with_hits(rig)
    rig.watcher.want_thumb(HITS[-1])
    thumb = rig.look()[-1].thumbs[0]
    column = rig.maps[:, HITS[-1]].copy()
    facts = column_facts(column)
    expected = thumbnail(grid(), column, facts.peak, HITS[-1], facts.largest)
    assert (thumb.tr, thumb.z_mm, thumb.vmax) == (expected.tr, expected.z_mm, expected.vmax)
    np.testing.assert_array_equal(thumb.image, expected.image)


def test_thumbnails_come_once_when_they_are_asked_for(rig: Rig) -> None:
    with_hits(rig)
    rig.watcher.want_thumb(1)
    rig.watcher.want_thumb(3)
    rig.watcher.want_thumb(1)
    assert sorted(update.thumbs[0].tr for update in rig.look()) == [1, 3]


def test_there_is_no_thumbnail_of_a_map_that_cannot_be_read(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "rtcog_gl"):
        rig.watcher.want_thumb(NT)
        assert rig.look() == []
    assert [(r.levelname, f"TR {NT}" in r.getMessage()) for r in caplog.records] == [("DEBUG", True)]


def test_a_map_without_any_value_has_a_thumbnail(rig: Rig) -> None:
    rig.maps[:, 1] = np.nan
    with_hits(rig, 1)
    rig.watcher.want_thumb(1)
    thumb = rig.look()[-1].thumbs[0]
    assert (thumb.tr, thumb.vmax) == (1, 0)


def test_what_fails_in_a_step_costs_one_line_and_no_scores(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(*_: object) -> None:
        raise ValueError("no picture")

    monkeypatch.setattr(jobs, "thumbnail", failing)
    with caplog.at_level(logging.ERROR, "rtcog_gl"):
        for n in (1, len(HITS)):
            rig.watcher.want_thumb(HITS[n - 1])
            assert kinds(with_hits(rig, n)) == ["scores", "map"]
    assert [r.getMessage() for r in caplog.records] == ["a map could not be worked on: ValueError: no picture"]


REQUEST = CourseRequest((1.0, 2.0, 3.0), 3, (1, 3, 5), 4.0)


def publish(rig: Rig, *volumes: int) -> None:
    for t in volumes:
        assert rig.writer is not None
        column = np.float32([0, t, np.nan, np.inf if t == 3 else 10 * t, 0, np.nan])
        rig.writer.publish(
            t, column, received=1, processed=2, motion=None, norm_change=0.0, cooldown_end=0, action=False
        )


def course_of(updates: list[Update]) -> Course:
    (course,) = [update.course for update in updates if update.course is not None]
    return course


@pytest.mark.parametrize("readings", [1, 1 << 18])
def test_a_course_has_what_is_there_and_then_what_comes(
    rig: Rig, readings: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "READINGS", readings)
    publish(rig, *range(6))
    rig.look(n_final=6, n_volumes=6)
    rig.watcher.want_course(REQUEST)
    course = course_of(rig.look())
    assert (course.request, course.trs.tolist()) == (REQUEST, [2, 3, 4, 5])
    assert (course.voxel.dtype, course.sphere.dtype) == (np.float32, np.float32)
    np.testing.assert_array_equal(course.voxel, np.array([20, np.nan, 40, 50]))
    np.testing.assert_array_equal(course.sphere, np.array([11, 3, 22, 27.5]))
    publish(rig, 6)
    updates = rig.look(n_final=7, n_volumes=7)
    assert kinds(updates) == ["scores", "volume", "course"]
    course = course_of(updates)
    assert (course.trs.tolist(), course.voxel.tolist(), course.sphere.tolist()) == ([6], [60], [33])
    # A volume without a map adds nothing.
    rig.publish(7, column=False)
    assert kinds(rig.look(n_final=8, n_volumes=8)) == ["scores", ""]


def test_only_announced_volumes_are_read(rig: Rig) -> None:
    publish(rig, 0, 1)
    rig.look(n_final=1, n_volumes=1)
    rig.watcher.want_course(REQUEST)
    assert course_of(rig.look()).trs.tolist() == [0]
    assert course_of(rig.look(n_final=2, n_volumes=2)).trs.tolist() == [1]


def test_the_latest_course_wins_and_none_ends_it(rig: Rig) -> None:
    rig.watcher.want_course(REQUEST)
    assert course_of(rig.look()).trs.tolist() == []
    publish(rig, 0)
    rig.watcher.want_course(REQUEST)
    other = REQUEST._replace(voxel=1, sphere=(1,))
    rig.watcher.want_course(other)
    course = course_of(rig.look(n_final=1, n_volumes=1))
    assert (course.request, course.voxel.tolist()) == (other, [0])
    rig.watcher.want_course(None)
    publish(rig, 1)
    assert kinds(rig.look(n_final=2, n_volumes=2)) == ["scores", "volume"]


def test_a_course_of_a_session_without_volumes_is_empty() -> None:
    rig = Rig(published=False)
    try:
        rig.watcher.want_course(REQUEST)
        course = course_of(rig.look(n_final=1))
        assert (course.trs.size, course.voxel.size, course.sphere.size) == (0, 0, 0)
    finally:
        rig.close()


def test_values_of_templates_are_had_before_and_after_the_end(rig: Rig) -> None:
    for ended in (False, True):
        rig.look(ended=ended)
        assert (rig.columns.volumes() is None) == ended
        assert rig.watcher.template_value(1, 4) == TEMPLATES[1, 4]
        for k, voxel in ((2, 0), (-1, 0), (0, NV), (0, -1)):
            assert math.isnan(rig.watcher.template_value(k, voxel))


def test_values_of_templates_are_unknown_where_none_are_published() -> None:
    rig = Rig(published=False)
    try:
        assert math.isnan(rig.watcher.template_value(0, 0))
    finally:
        rig.close()


def ended(rig: Rig) -> None:
    publish(rig, *range(NT))
    rig.look(n_final=NT, n_volumes=NT, onsets=HITS, maps=HITS)
    rig.look(ended=True)


def test_after_the_end_all_hits_are_there_and_rtcogs_memory_is_free(rig: Rig) -> None:
    ended(rig)
    assert [rig.columns.array(which) for which in ("scores", "maps")] == [None, None]
    updates = []
    for tr in (*HITS, 2):
        rig.watcher.want_map(tr)
        updates += rig.look()
    for update, tr in zip(updates, HITS, strict=False):
        assert update.map_column is not None
        np.testing.assert_array_equal(update.map_column, rig.maps[:, tr])
    assert (updates[-1].map_tr, updates[-1].map_column) == (2, None)
    rig.watcher.want_mean(HITS)
    mean = rig.look()[0].mean
    assert mean is not None
    assert mean.column is not None
    np.testing.assert_allclose(mean.column, expected_mean(rig, HITS), rtol=1e-6)
    rig.watcher.want_thumb(HITS[0])
    assert rig.look()[0].thumbs[0].tr == HITS[0]
    rig.watcher.want_course(REQUEST)
    course = course_of(rig.look())
    assert (course.trs.tolist(), course.voxel.tolist()) == ([NT - 1], [10 * (NT - 1)])


def test_a_mean_goes_on_while_the_memory_is_given_back(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "VALUES", len(HITS))
    with_hits(rig)
    rig.watcher.want_mean(HITS)
    rig.look_once()
    mean = next(u.mean for u in rig.look(ended=True) if u.mean is not None)
    assert mean.column is not None
    np.testing.assert_allclose(mean.column, expected_mean(rig, HITS), rtol=1e-6)
    assert rig.columns.array("maps") is None


def test_a_disk_that_takes_nothing_leaves_the_memory_where_it_is(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING, "rtcog_gl"):
        patch.setattr(Kept, "put", full)
        ended(rig)
    assert ["maps cannot be kept on disk" in r.getMessage() for r in caplog.records] == [True]
    assert rig.columns.array("maps") is not None
    rig.watcher.want_map(HITS[0])
    assert rig.look()[0].map_column is not None


def test_more_maps_than_the_disk_shall_take_stay_where_they_are(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "KEPT_BYTES", 4 * NV * len(HITS) - 1)
    ended(rig)
    assert rig.columns.array("maps") is not None
    assert rig.columns.volumes() is not None


def test_the_thread_brings_all_of_it(rig: Rig) -> None:
    seen: list[Update] = []
    with_hits(rig)
    publish(rig, *range(SLOTS))
    rig.look(n_volumes=SLOTS)
    rig.watcher.start()
    try:
        rig.watcher.want_mean(HITS)
        rig.watcher.want_thumb(HITS[0])
        rig.watcher.want_course(REQUEST)
        wait_for(lambda: seen.extend(rig.watcher.take()) or {"mean", "thumb", "course"} <= set(kinds(seen)))
    finally:
        rig.watcher.stop()
    assert sorted(kinds(seen)) == ["course", "mean", "thumb"]
