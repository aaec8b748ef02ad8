"""The hull of voxels, and what slices can show of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtcog_gl.model.anatomy import Anatomy
from rtcog_gl.model.draw import Rect, SlicePlane
from rtcog_gl.model.hull import DIRECTIONS, Hull, hull_of, outline, row_ends
from rtcog_gl.model.planes import ortho_planes
from rtcog_gl.model.volume import MaskGrid

SEEDS = st.integers(0, 2**31)
HALF_CORNERS = np.array(list(np.ndindex(2, 2, 2))) - 0.5


def any_affine(rng: np.random.Generator) -> np.ndarray:
    matrix = np.eye(4)
    turned = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    matrix[:3, :3] = turned @ (np.diag(rng.uniform(0.5, 4, 3)) + rng.uniform(-0.2, 0.2, (3, 3)))
    matrix[:3, 3] = rng.uniform(-90, 90, 3)
    return matrix


def any_mask(rng: np.random.Generator) -> MaskGrid:
    shape = tuple(int(n) for n in rng.integers(1, 9, 3))
    inside = rng.random(int(np.prod(shape))) < rng.uniform(0.02, 1)
    inside[rng.integers(inside.size)] = True
    return MaskGrid((shape[0], shape[1], shape[2]), any_affine(rng), inside)


def corners_of(ijk: np.ndarray, affine: np.ndarray, reach: float) -> np.ndarray:
    at = ijk[:, None] + 2 * reach * HALF_CORNERS
    return at.reshape(-1, 3) @ affine[:3, :3].T + affine[:3, 3]


def area(corners: Any) -> float:
    x, y = np.array(corners).T
    return float(0.5 * (x * np.roll(y, -1) - np.roll(x, -1) * y).sum())


def holds(corners: Any, points: np.ndarray, slack: float = 1e-9) -> np.ndarray:
    """Which points (n, 2) a convex polygon holds; corners go clockwise as y goes down."""
    begins = np.array(corners)
    sides = np.roll(begins, -1, axis=0) - begins
    lengths = np.linalg.norm(sides, axis=1)
    some = lengths > 1e-9
    inwards = np.stack([-sides[:, 1], sides[:, 0]], axis=1)[some] / lengths[some, None]
    held: np.ndarray = (((points[:, None] - begins[some]) * inwards).sum(axis=-1) >= -slack).all(axis=1)
    return held & some.any()


@given(SEEDS)
def test_it_reaches_as_far_as_the_corners_of_the_voxels(seed: int) -> None:
    grid = any_mask(np.random.default_rng(seed))
    corners = corners_of(grid.ijk_of(np.arange(grid.n_voxels)), grid.affine, 0.5)
    expected = (corners @ np.array(DIRECTIONS).T).max(axis=0)
    np.testing.assert_allclose(grid.hull.reach, expected, atol=1e-9)
    np.testing.assert_allclose([grid.bounds.low, grid.bounds.high], [corners.min(0), corners.max(0)], atol=1e-9)


@given(SEEDS)
def test_an_anatomy_reaches_to_the_centres_next_to_what_is_not_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    volume = (rng.random(rng.integers(1, 7, 3)) < 0.2).astype(np.uint8)
    anatomy = Anatomy(volume, any_affine(rng))
    kji = np.argwhere(volume)
    if not len(kji):
        assert anatomy.hull is None
        return
    corners = corners_of(kji[:, ::-1], anatomy.affine, 1.0)
    assert anatomy.hull is not None
    np.testing.assert_allclose(anatomy.hull.reach, (corners @ np.array(DIRECTIONS).T).max(axis=0), atol=1e-9)


def test_directions_come_both_ways() -> None:
    assert len(DIRECTIONS) == len(set(DIRECTIONS)) == 18
    assert {tuple(-n for n in direction) for direction in DIRECTIONS} == set(DIRECTIONS)


def test_row_ends() -> None:
    rows = np.array([(0, 0, 0, 0), (0, 1, 0, 1), (1, 0, 0, 0), (0, 0, 0, 1)], bool)
    assert [part.tolist() for part in row_ends(rows)] == [[1, 2, 3], [1, 0, 3], [3, 0, 3]]


def test_two_joined_reach_as_far_as_either() -> None:
    one, other = (hull_of(np.array([[n, 0, 2 * n]]), np.eye(4), 0.5) for n in (0, 5))
    both = hull_of(np.array([[0, 0, 0], [5, 0, 10]]), np.eye(4), 0.5)
    assert one.joined(other) == other.joined(one) == both


def slice_of(rng: np.random.Generator, grid: MaskGrid) -> SlicePlane:
    """Return a slice along two axes, either way, that may miss some of the mask; pixels need not be square."""
    i, j = rng.permutation(3)[:2]
    right, down = np.zeros(3), np.zeros(3)
    right[i], down[j] = rng.choice([-1, 1], 2) * rng.uniform(0.2, 2, 2)
    w, h = (float(n) for n in rng.integers(1, 60, 2))
    low, high = np.array(grid.bounds.low), np.array(grid.bounds.high)
    middle = low + (high - low) * rng.uniform(-0.1, 1.1, 3)
    origin = middle - right * w / 2 - down * h / 2
    return SlicePlane(Rect(3, 4, w, h), *(tuple(part.tolist()) for part in (origin, right, down)))


@given(SEEDS)
def test_an_outline_holds_every_pixel_with_a_voxel_and_stays_in_the_rectangle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = any_mask(rng)
    plane = slice_of(rng, grid)
    corners = outline(plane, grid.hull, 0.0)
    x, y = np.array(corners).T
    assert x.min() >= 0 and y.min() >= 0 and x.max() <= plane.rect.w and y.max() <= plane.rect.h
    at = np.stack(np.meshgrid(np.arange(plane.rect.w), np.arange(plane.rect.h)), axis=-1).reshape(-1, 2) + 0.5
    mm = np.array(plane.origin) + at @ np.array([plane.right, plane.down])
    seen = np.array([grid.voxel_at(tuple(point)) is not None for point in mm.tolist()])
    assert area(corners) >= 0
    if seen.any():
        assert holds(corners, at[seen], 1e-6).all()
    # No corner lies beyond any of the hull's faces.
    if area(corners) > 0:
        world = np.array(plane.origin) + np.array(corners) @ np.array([plane.right, plane.down])
        assert (world @ np.array(DIRECTIONS).T <= np.array(grid.hull.reach) + 1e-6).all()
    wider = outline(plane, grid.hull, 1.0)
    if area(corners) > 1e-3:
        assert holds(wider, np.array(corners), 1e-6).all()


def ball(n: int) -> MaskGrid:
    at = np.indices((n, n, n)).transpose(3, 2, 1, 0).reshape(-1, 3) - (n - 1) / 2
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    return MaskGrid((n, n, n), affine, np.linalg.norm(at, axis=1) < n / 2)


def test_it_is_tight_around_a_ball() -> None:
    grid = ball(40)
    for plane in ortho_planes(Rect(0, 0, 600, 600), grid.bounds, (39.0, 39.0, 39.0), False, 2, 0.0)[0]:
        octagon = area(outline(plane, grid.hull)) / (plane.rect.w * plane.rect.h)
        # Around a circle, 8 (sqrt(2) - 1) / 4 of the square around it.
        assert abs(octagon - 2 * (np.sqrt(2) - 1)) < 0.03


def test_near_the_end_of_a_ball_the_outline_shrinks() -> None:
    grid = ball(40)
    areas = []
    for z in (39.0, 60.0, 77.0):
        plane = SlicePlane(Rect(0, 0, 80, 80), (-1.0, 79.0, z), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0))
        areas.append(area(outline(plane, grid.hull)))
    assert 80 * 80 * 0.9 > areas[0] > areas[1] > areas[2] > 0
    assert areas[2] < 0.45 * areas[0]


@pytest.mark.parametrize("z", [-90.0, 200.0])
def test_a_slice_beside_it_shows_nothing(z: float) -> None:
    plane = SlicePlane(Rect(0, 0, 80, 80), (0.0, 0.0, z), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    assert outline(plane, ball(10).hull) == [(0.0, 0.0)] * 8


@pytest.mark.parametrize(
    ("right", "down"),
    [((1.0, 0.1, 0.0), (0.0, 0.0, 1.0)), ((1.0, 0.0, 0.0), (0.0, 0.7, 0.7)), ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0))],
)
def test_a_slice_at_an_angle_gets_its_whole_rectangle(right: Any, down: Any) -> None:
    corners = outline(SlicePlane(Rect(5, 5, 30, 20), (500.0, 0.0, 0.0), right, down), ball(10).hull)
    assert area(corners) == 30 * 20
    assert set(corners) == {(0, 0), (30, 0), (30, 20), (0, 20)}


def test_a_hull_that_fills_the_rectangle_cuts_nothing() -> None:
    everywhere = Hull((1e4,) * 18)
    plane = SlicePlane(Rect(5, 5, 30, 20), (1.0, 2.0, 3.0), (0.3, 0.0, 0.0), (0.0, 0.0, -0.3))
    assert set(outline(plane, everywhere)) == {(0, 0), (30, 0), (30, 20), (0, 20)}
