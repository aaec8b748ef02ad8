"""The filmstrip's thumbnails and the time course at the crosshair: what is asked for, kept and let go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rtcog_gl.model.course import Course, CourseRequest
from rtcog_gl.model.film import MOST, on_film
from rtcog_gl.model.scene import FilmHit, ShownMap
from rtcog_gl.model.sphere import sphere
from rtcog_gl.model.thumbnail import Thumb
from rtcog_gl.model.volume import MaskGrid, Point

NT = 300
TRS = tuple(range(10, 10 * 25, 10))
SCORES = np.full((3, NT), np.nan, np.float32)
for n, hit_tr in enumerate(TRS[1:]):
    SCORES[:, hit_tr] = 0.1
    SCORES[n % 3, hit_tr] = 2.0


def thumb(tr: int) -> Thumb:
    return Thumb(tr, np.full((30, 20), tr, np.float32), z_mm=tr / 10, vmax=float(tr))


def shown(index: int, tr: int = 0) -> ShownMap:
    return ShownMap(tr, index, 1.0, (0.0, 0.0, 0.0), 1.0)


class Images:
    """A renderer that notes which images it has."""

    def __init__(self) -> None:
        self.there: dict[Any, int] = {}
        self.written = 0

    def write_image(self, name: Any, image: np.ndarray) -> int:
        self.there[name] = image.nbytes
        self.written += 1
        return image.nbytes

    def drop_images(self, names: Any) -> None:
        for name in names:
            self.there.pop(name, None)


class Rig:
    def __init__(self, later_s: float = 0.0) -> None:
        from rtcog_gl.window.film import Film

        self.images = Images()
        self.asked: list[int] = []
        self.film = Film(self.images, self.asked.append, later_s)  # type: ignore[arg-type]

    def hits(self, n: int, here: ShownMap | None = None) -> tuple[FilmHit, ...]:
        return self.film.hits(TRS[:n], here, SCORES)

    def answer(self) -> None:
        """Bring every thumbnail that was asked for."""
        self.film.take([thumb(tr) for tr in self.asked])
        self.asked.clear()


@pytest.mark.parametrize("n", [0, 1, MOST, MOST + 1, 24])
def test_the_film_has_the_newest_hits_newest_first(n: int) -> None:
    got = on_film(TRS[:n], None)
    assert got == tuple(range(n - 1, max(-1, n - 1 - MOST), -1))
    assert on_film(TRS[:n], n - 1 if n else None) == got


@pytest.mark.parametrize("here", range(24))
def test_the_hit_on_the_screen_is_always_on_the_film(here: int) -> None:
    got = on_film(TRS[:24], here)
    assert here in got
    assert len(got) == MOST
    assert list(got) == sorted(got, reverse=True)


def test_a_thumbnail_is_asked_for_once_newest_first() -> None:
    rig = Rig()
    assert rig.hits(0) == ()
    rig.hits(3)
    rig.hits(3)
    assert rig.asked == [30, 20, 10]
    rig.hits(4)
    assert rig.asked == [30, 20, 10, 40]
    rig.answer()
    rig.hits(4)
    assert rig.asked == []


def test_a_thumbnail_is_asked_for_when_the_map_has_had_time_to_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from rtcog_gl.window import film

    now = [100.0]
    monkeypatch.setattr(film.time, "monotonic", lambda: now[0])
    rig = Rig(later_s=0.1)
    rig.hits(1)
    now[0] += 0.06
    rig.hits(2)
    assert rig.asked == []
    now[0] += 0.06
    rig.hits(2)
    assert rig.asked == [10]
    now[0] += 0.06
    rig.hits(2)
    assert rig.asked == [10, 20]


def test_a_hit_tells_what_its_thumbnail_is() -> None:
    rig = Rig()
    before = rig.hits(2, shown(0))
    assert [(hit.tr, hit.index, hit.template, hit.here) for hit in before] == [(20, 1, 0, False), (10, 0, None, True)]
    assert [(hit.shape, hit.vmax) for hit in before] == [((0, 0), 0.0)] * 2
    # What has not changed must compare as equal, or the panel is made anew with every frame.
    assert rig.hits(2, shown(0)) == before
    rig.film.take([thumb(20)])
    after = rig.hits(2, shown(0))
    assert (after[0].shape, after[0].vmax, after[0].z_mm) == ((30, 20), 20.0, 2.0)
    assert after[1] == before[1]


def test_a_volume_is_no_hit_of_the_film() -> None:
    rig = Rig()
    assert [hit.here for hit in rig.hits(2, shown(-1, 20))] == [False, False]


def test_what_falls_off_the_film_is_dropped_and_asked_for_again_when_it_is_back() -> None:
    rig = Rig()
    rig.hits(MOST)
    rig.answer()
    assert len(rig.images.there) == MOST
    rig.hits(MOST + 2)
    assert set(rig.images.there) == {("thumb", tr, 0) for tr in TRS[2:MOST]}
    rig.answer()
    for n in range(MOST + 3, 25):
        rig.hits(n)
        rig.answer()
        assert len(rig.images.there) == MOST
    rig.hits(24, shown(0))
    assert sorted(rig.asked) == list(TRS[:MOST])
    rig.answer()
    assert len(rig.hits(24, shown(0))) == len(rig.images.there) == MOST


def test_a_thumbnail_that_never_comes_holds_up_no_other() -> None:
    rig = Rig()
    rig.hits(3)
    rig.film.take([thumb(30), thumb(10)])
    assert [hit.shape for hit in rig.hits(3)] == [(30, 20), (0, 0), (30, 20)]
    rig.hits(4)
    assert rig.asked == [30, 20, 10, 40]


def test_a_thumbnail_that_comes_unasked_is_kept_and_one_that_comes_too_late_is_let_go() -> None:
    rig = Rig()
    rig.film.take([thumb(10)])
    rig.hits(1)
    assert rig.asked == []
    rig.hits(24)
    rig.asked.clear()
    rig.film.take([thumb(10), thumb(20)])
    rig.hits(24)
    assert rig.images.there == {}
    assert rig.asked == []


GRID = MaskGrid((9, 9, 9), np.diag([2.0, 2.0, 2.0, 1.0]), np.arange(729) >= 81)
HERE: Point = (8.0, 8.0, 8.0)


class Reader:
    """Courses, and what was asked for."""

    def __init__(self) -> None:
        from rtcog_gl.window.courses import Courses
        from rtcog_gl.window.feed import MapFeed

        self.asked: list[CourseRequest | None] = []
        self.courses = Courses(GRID, MapFeed(lambda tr: None, course=self.asked.append))

    def answer(self, *trs: int, request: CourseRequest | None = None, value: float = 0.0) -> None:
        wanted = request or self.asked[-1]
        assert wanted is not None
        values = np.array(trs, np.float32) + np.float32(value)
        self.courses.take(Course(wanted, np.array(trs, np.int64), values, -values))

    @property
    def trs(self) -> list[int]:
        assert self.courses.course is not None
        return [int(tr) for tr in self.courses.course.trs]


def test_a_course_is_asked_for_once_a_voxel_with_the_sphere_round_it() -> None:
    reader = Reader()
    reader.courses.choose(HERE, 6.0)
    reader.courses.choose(HERE, 6.0)
    reader.courses.choose((8.4, 7.7, 8.9), 6.0)
    voxel = GRID.voxel_at(HERE)
    assert voxel is not None
    assert reader.asked == [CourseRequest(HERE, voxel, tuple(sphere(GRID, HERE, 6.0).tolist()), 6.0)]
    reader.courses.choose(HERE, 4.0)
    assert [request and request.radius_mm for request in reader.asked] == [6.0, 4.0]
    assert reader.courses.course is None


def test_the_sphere_is_round_the_voxels_centre() -> None:
    """Wherever in its voxel the crosshair is: the course is that of the voxel."""
    beside: Point = (8.9, 8.9, 8.9)
    voxel = GRID.voxel_at(beside)
    assert voxel is not None and GRID.mm_of(voxel) == HERE
    assert sphere(GRID, beside, 4.0).tolist() != sphere(GRID, HERE, 4.0).tolist()
    reader = Reader()
    reader.courses.choose(beside, 4.0)
    reader.courses.choose(HERE, 4.0)
    (request,) = reader.asked
    assert request is not None
    assert request.sphere == tuple(sphere(GRID, HERE, 4.0).tolist())


@pytest.mark.parametrize("away", [None, (8.0, 8.0, 0.0), (900.0, 0.0, 0.0)])
def test_outside_the_mask_no_course_is_wanted_and_none_kept(away: Point | None) -> None:
    reader = Reader()
    reader.courses.choose(away, 6.0)
    assert reader.asked == []
    reader.courses.choose(HERE, 6.0)
    reader.answer(1, 2)
    reader.courses.choose(away, 6.0)
    reader.courses.choose(away, 6.0)
    assert reader.asked[1:] == [None]
    assert reader.courses.course is None
    reader.answer(1, 2, request=reader.asked[0])
    assert reader.courses.course is None


def test_the_course_before_stays_until_the_next_is_read() -> None:
    reader = Reader()
    reader.courses.choose(HERE, 6.0)
    reader.answer(1, 2, 3)
    reader.courses.choose((4.0, 4.0, 8.0), 6.0)
    assert reader.trs == [1, 2, 3]
    reader.answer(1, 2, 3, 4, request=reader.asked[0])
    assert reader.trs == [1, 2, 3]
    reader.answer(7, 8)
    assert reader.trs == [7, 8]
    assert reader.courses.course is not None and reader.courses.course.request == reader.asked[1]


def test_what_is_known_of_volumes_stays_when_they_are_gone_or_cannot_be_read_now() -> None:
    reader = Reader()
    reader.courses.choose(HERE, 6.0)
    reader.answer(1, 2, 4)
    reader.answer()
    reader.answer(3, 4, 7, value=0.5)
    assert reader.trs == [1, 2, 3, 4, 7]
    course = reader.courses.course
    assert course is not None
    assert course.voxel.tolist() == [1, 2, 3.5, 4.5, 7.5]
    assert course.sphere.tolist() == [-1, -2, -3.5, -4.5, -7.5]
    reader.courses.take(None)
    assert reader.courses.course is course
