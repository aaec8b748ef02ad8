"""Thumbnails against their reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import glass as reference
from test_glass import LINEAR, grid_of, values

from rtcog_gl.model.draw import NO_VALUE, OUTSIDE
from rtcog_gl.model.thumbnail import MOST_PIXELS, thumbnail
from rtcog_gl.model.volume import MaskGrid


def check(grid: MaskGrid, column: np.ndarray, voxel: int, unsure: float = 0.0) -> np.ndarray:
    got = thumbnail(grid, column, voxel, 17, 3.5)
    assert (got.tr, got.vmax, got.z_mm) == (17, 3.5, grid.mm_of(voxel)[2])
    wanted, sure = reference.axial(grid, column, got.z_mm, MOST_PIXELS)
    assert got.image.dtype == np.float32 and got.image.shape == wanted.shape
    assert max(got.image.shape) <= MOST_PIXELS
    assert (~sure).mean() <= unsure
    np.testing.assert_array_equal(got.image[sure], wanted[sure])
    return got.image


@pytest.mark.parametrize("name", LINEAR)
def test_any_affine(name: str) -> None:
    grid = grid_of(LINEAR[name], share=0.7)
    column = values(grid)
    image = check(grid, column, grid.n_voxels // 2)
    assert len(np.unique(image)) > 3


@settings(max_examples=60)
@given(seed=st.integers(0, 2**31))
def test_random_grids(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nx, ny, nz = (int(n) for n in rng.integers(1, 60, 3))
    linear = np.linalg.qr(rng.normal(size=(3, 3)))[0] * rng.uniform(0.5, 5, 3)
    grid = grid_of(linear, (nx, ny, nz), seed, rng.uniform(0.02, 1))
    check(grid, values(grid, seed), int(rng.integers(grid.n_voxels)), unsure=0.05)


def test_voxels_that_are_pixels() -> None:
    """At two millimetres each pixel is a voxel of the slice: right is right, the front is on top."""
    grid = MaskGrid((5, 6, 4), np.diag([2.0, 2.0, 2.0, 1.0]), np.ones(120, np.bool_))
    column = np.arange(120, dtype=np.float32)
    column[7] = np.nan
    image = thumbnail(grid, column, 12, 0, 1.0).image
    expected = column[:30].reshape(6, 5)[::-1].copy()
    expected[4, 2] = NO_VALUE
    np.testing.assert_array_equal(image, expected)


def test_outside_the_mask() -> None:
    inside = np.zeros(27, np.bool_)
    inside[[0, 8, 13, 26]] = True
    grid = MaskGrid((3, 3, 3), np.diag([-2.0, 2.0, 2.0, 1.0]), inside)
    image = thumbnail(grid, np.array([1, 2, 3, 4], np.float32), 1, 0, 4.0).image
    out = float(OUTSIDE)
    assert image.tolist() == [[2, out, out], [out, out, out], [out, out, 1]]


def test_a_column_of_another_mask() -> None:
    grid = grid_of(LINEAR["as-is"])
    with pytest.raises(ValueError, match=rf"got a column of shape \(3,\), expected \({grid.n_voxels},\)"):
        thumbnail(grid, np.zeros(3, np.float32), 0, 0, 1.0)
