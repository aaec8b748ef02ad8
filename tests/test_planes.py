"""Planes of a lightbox: they fill the panel, cover the head, and lie where they say."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtcog_gl.model.draw import Rect
from rtcog_gl.model.planes import (
    COARSEST,
    FEWEST_SLICES,
    MOST_SLICES,
    edge_letters,
    fitted_planes,
    lightbox,
    mm_at,
    mosaic_planes,
    nearest_plane,
    normal_axis,
    ortho_planes,
    pixel_of,
    slice_planes,
)
from rtcog_gl.model.volume import Bounds

HEAD = Bounds((-72.0, -107.0, -71.0), (73.0, 75.0, 82.0))
PANELS = st.builds(Rect, *[st.integers(0, 50)] * 2, *[st.integers(90, 1900)] * 2)


@given(PANELS, st.integers(0, 2), st.booleans(), st.sampled_from((1.0, 2.0, 2.97, 3.6)))
def test_a_lightbox_covers_the_head_in_rows(panel: Rect, axis: int, radiological: bool, finest: float) -> None:
    planes = mosaic_planes(panel, HEAD, axis, radiological, gap=6, finest=finest)
    assert FEWEST_SLICES <= len(planes) <= MOST_SLICES
    along = [plane.origin[axis] for plane in planes]
    steps = {round(b - a, 6) for a, b in pairwise(along)}
    assert len(steps) == 1
    (step,) = steps
    assert finest <= step <= COARSEST
    assert step == int(2 * step) / 2
    assert all(2 * place == int(2 * place) for place in along)
    assert along[0] - HEAD.low[axis] <= step
    assert HEAD.high[axis] - along[-1] <= step
    assert len({(p.rect.w, p.rect.h, p.right, p.down) for p in planes}) == 1
    places = [(p.rect.y, p.rect.x) for p in planes]
    assert places == sorted(places)
    for plane in planes:
        rect = plane.rect
        assert (rect.x, rect.y) == (int(rect.x), int(rect.y))
        assert panel.x <= rect.x < rect.right <= panel.right
        assert panel.y <= rect.y < rect.bottom <= panel.bottom
        assert normal_axis(plane) == axis
    for a, b in combinations([plane.rect for plane in planes], 2):
        assert a.right <= b.x or b.right <= a.x or a.bottom <= b.y or b.bottom <= a.y


@pytest.mark.parametrize(
    ("axis", "letters"), [(0, ("P", "A", "S", "I")), (1, ("L", "R", "S", "I")), (2, ("L", "R", "A", "P"))]
)
def test_letters_of_a_lightbox_follow_the_convention(axis: int, letters: tuple[str, ...]) -> None:
    panel = Rect(0, 0, 900, 400)
    for plane in mosaic_planes(panel, HEAD, axis):
        assert edge_letters(plane) == letters
    mirrored = (letters[1], letters[0], *letters[2:]) if axis else letters
    for plane in mosaic_planes(panel, HEAD, axis, radiological=True):
        assert edge_letters(plane) == mirrored


def test_the_whole_section_of_the_head_is_in_each_slice() -> None:
    for axis in range(3):
        for plane in mosaic_planes(Rect(10, 20, 1100, 390), HEAD, axis):
            for corner in (HEAD.low, HEAD.high):
                x, y = pixel_of(plane, corner)
                assert plane.rect.x <= x <= plane.rect.right
                assert plane.rect.y <= y <= plane.rect.bottom
            middle = mm_at(plane, plane.rect.x + plane.rect.w / 2, plane.rect.y + plane.rect.h / 2)
            for along in {0, 1, 2} - {axis}:
                assert middle[along] == pytest.approx(HEAD.centre[along], abs=1)


@pytest.mark.parametrize("size", [(1120, 390), (1700, 845), (830, 260)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_lightbox_fills_its_panel(axis: int, size: tuple[int, int]) -> None:
    planes = mosaic_planes(Rect(0, 0, *size), HEAD, axis)
    assert sum(plane.rect.w * plane.rect.h for plane in planes) > 0.6 * size[0] * size[1]


def test_more_room_makes_slices_no_smaller() -> None:
    for axis in range(3):
        widths = [lightbox(Rect(0, 0, w, w * 0.4), HEAD, axis, 2.0, 6.0, 2.0) for w in (300, 600, 1200, 1900)]
        scales = [plan.scale for plan in widths if plan is not None]
        assert len(scales) == 4
        assert scales == sorted(scales, reverse=True)


def test_what_is_no_head_has_a_lightbox_too() -> None:
    panel = Rect(0, 0, 600, 300)
    voxel = Bounds((0.0, 0.0, 0.0), (2.0, 2.0, 2.0))
    (only,) = mosaic_planes(panel, voxel, 2, finest=2.0)
    assert only.origin[2] == 1.0
    slab = Bounds((-80.0, -80.0, 0.0), (80.0, 80.0, 15.0))
    assert len(mosaic_planes(panel, slab, 2, finest=3.0)) == 5
    huge = Bounds((-5000.0,) * 3, (5000.0,) * 3)
    assert len(mosaic_planes(panel, huge, 1, finest=3.0)) == MOST_SLICES
    assert mosaic_planes(Rect(0, 0, 0, 300), HEAD, 2) == ()
    assert lightbox(Rect(0, 0, 600, 0), HEAD, 2, 1.0, 6.0, 2.0) is None


def test_the_nearest_slice_is_the_one_with_the_crosshair() -> None:
    planes = mosaic_planes(Rect(0, 0, 900, 400), HEAD, 2)
    for n, plane in enumerate(planes):
        assert nearest_plane(planes, (50.0, 60.0, plane.origin[2] + 0.4)) == n
    assert nearest_plane((), (0.0, 0.0, 0.0)) is None


@given(PANELS)
def test_planes_stand_as_they_are_largest(panel: Rect) -> None:
    at = (1.0, 2.0, 3.0)
    row, square = slice_planes(panel, HEAD, at, gap=8), ortho_planes(panel, HEAD, at, gap=8)[0]
    got = fitted_planes(panel, HEAD, at, gap=8)
    assert got[0].rect.w == max(row[0].rect.w, square[0].rect.w)
    assert got in (row, square)
