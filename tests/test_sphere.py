"""Voxels of a sphere, against looking at every voxel of the mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtcog_gl.model.sphere import sphere
from rtcog_gl.model.volume import MaskGrid, Point

SHAPE = (11, 9, 8)


def rotated(angles: tuple[float, float, float]) -> np.ndarray:
    a, b, c = angles
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(x @ y @ z)


def grid_of(linear: np.ndarray, seed: int = 0, share: float = 0.7) -> MaskGrid:
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = (-13.1, 8.7, 21.3)
    inside = np.random.default_rng(seed).random(int(np.prod(SHAPE))) < share
    inside[inside.size // 2] = True
    return MaskGrid(SHAPE, affine, inside)


def brute(grid: MaskGrid, at: Point, radius: float) -> list[int]:
    centres = grid.ijk_of(np.arange(grid.n_voxels)) @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    near = set(np.flatnonzero(np.linalg.norm(centres - at, axis=1) <= radius).tolist())
    own = grid.voxel_at(at)
    return sorted(near | (set() if own is None else {own}))


AFFINES = {
    "isotropic": np.diag([2.0, 2.0, 2.0]),
    "anisotropic": np.diag([1.0, 2.5, 4.0]),
    "mirrored": np.diag([-2.0, 2.0, -3.0]),
    "permuted": np.array([[0, 2.0, 0], [0, 0, 3.0], [-2.5, 0, 0]]),
    "oblique": rotated((0.3, -0.5, 0.9)) @ np.diag([2.0, 2.0, 3.5]),
    "sheared": np.array([[2.0, 0.9, 0], [0, 2.0, -0.7], [0.4, 0, 3.0]]),
}


@pytest.mark.parametrize("name", AFFINES)
@pytest.mark.parametrize("radius", [0.0, 1.3, 4.1, 7.7, 100.0])
def test_the_voxels_are_those_of_looking_at_all(name: str, radius: float) -> None:
    grid = grid_of(AFFINES[name])
    for voxel in (0, grid.n_voxels // 3, grid.n_voxels - 1):
        at = grid.mm_of(voxel)
        got = sphere(grid, at, radius)
        assert got.dtype == np.int64
        assert got.tolist() == brute(grid, at, radius + 1e-7)
        assert voxel in got


@given(
    st.tuples(*[st.floats(-3.1, 3.1)] * 3),
    st.tuples(*[st.floats(0.7, 4.0)] * 3),
    st.tuples(*[st.booleans()] * 3),
    st.floats(0.0, 12.0),
    st.tuples(*[st.floats(-20, 20)] * 3),
)
def test_any_affine_radius_and_position(
    angles: tuple[float, float, float],
    sizes: tuple[float, float, float],
    mirrored: tuple[bool, bool, bool],
    radius: float,
    offset: Point,
) -> None:
    signs = np.where(mirrored, -1.0, 1.0)
    grid = grid_of(rotated(angles) @ np.diag(np.array(sizes) * signs), seed=3)
    x, y, z = (np.array(grid.bounds.centre) + offset).tolist()
    got = sphere(grid, (x, y, z), radius).tolist()
    assert set(brute(grid, (x, y, z), radius - 1e-6)) <= set(got) <= set(brute(grid, (x, y, z), radius + 1e-6))
    assert got == sorted(set(got))


def test_centres_at_the_very_radius_are_in_it() -> None:
    grid = MaskGrid((5, 5, 5), np.diag([0.1, 0.1, 0.1, 1.0]), np.ones(125, np.bool_))
    assert len(sphere(grid, grid.mm_of(62), 0.1)) == 7
    assert len(sphere(grid, grid.mm_of(62), 0.2)) == 33


def test_far_from_the_mask_there_is_none() -> None:
    grid = grid_of(AFFINES["oblique"])
    assert sphere(grid, (1000.0, 0.0, 0.0), 6.0).tolist() == []


def test_only_the_box_around_the_sphere_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = []
    lookup = MaskGrid.voxels_of

    def watched(grid: MaskGrid, ijk: np.ndarray) -> np.ndarray:
        looked_at.append(len(ijk))
        return lookup(grid, ijk)

    monkeypatch.setattr(MaskGrid, "voxels_of", watched)
    for n in (20, 60):
        grid = MaskGrid((n, n, n), np.diag([2.0, 2.0, 2.0, 1.0]), np.ones(n**3, np.bool_))
        assert len(sphere(grid, (20.0, 20.0, 20.0), 6.0)) == 123
    assert looked_at == [123, 123]
