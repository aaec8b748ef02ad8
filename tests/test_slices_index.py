"""The numbers of the mask's voxels, as the slices shader reads them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtcog_gl.model.volume import LARGEST_MASK, MaskGrid
from rtcog_gl.model.voxel_index import SEGMENT, VoxelIndex, voxel_index


def numbers(index: VoxelIndex) -> np.ndarray:
    """Add up what the shader adds up, in its arithmetic: (nx, ny, nz)."""
    along = np.arange(index.shape[0]) // SEGMENT
    base = index.base[..., along]
    return np.where(index.offset > 0, base + index.offset.astype(np.float32), np.float32(0)).transpose()


def check(grid: MaskGrid) -> None:
    index = voxel_index(grid)
    nx, ny, nz = index.shape
    assert index.shape == tuple(n + 2 for n in grid.box_shape)
    assert index.offset.dtype == np.uint8 and index.base.dtype == np.float32
    assert index.base.shape == (nz, ny, -(-nx // SEGMENT))
    got = numbers(index)
    at = np.argwhere(got > 0)
    # Both ways, so that no voxel is outside its place or missing: the order is that of the column.
    order = np.argsort(got[tuple(at.T)])
    assert np.array_equal(got[tuple(at[order].T)], np.arange(1, grid.n_voxels + 1))
    np.testing.assert_allclose(
        at[order] @ index.affine[:3, :3].T + index.affine[:3, 3],
        grid.ijk_of(np.arange(grid.n_voxels)) @ grid.affine[:3, :3].T + grid.affine[:3, 3],
        atol=1e-9,
    )
    rim = np.ones(got.shape, bool)
    rim[1:-1, 1:-1, 1:-1] = False
    assert not got[rim].any()


@given(st.integers(0, 10_000))
def test_numbers_follow_the_column(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 7, 3))
    affine = np.eye(4)
    affine[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0] * rng.uniform(0.5, 4, 3)
    affine[:3, 3] = rng.uniform(-50, 50, 3)
    inside = rng.random(int(np.prod(shape))) < rng.uniform(0.05, 1)
    inside[rng.integers(inside.size)] = True
    check(MaskGrid((shape[0], shape[1], shape[2]), affine, inside))


@pytest.mark.parametrize("nx", [1, 125, 126, 127, 128, 129, 254, 255, 256, 257, 700])
@pytest.mark.parametrize("share", [1.0, 0.4])
def test_rows_of_any_length(nx: int, share: float) -> None:
    inside = np.random.default_rng(nx).random(nx * 3 * 2) <= share
    inside[-1] = True
    check(MaskGrid((nx, 3, 2), np.diag([-2.0, 3.0, 1.0, 1.0]), inside))


def test_a_mask_on_the_grid_s_border_and_far_from_it() -> None:
    for corner in ((0, 0, 0), (8, 6, 4), (4, 3, 2)):
        image = np.zeros((9, 7, 5), bool)
        image[corner] = True
        check(MaskGrid((9, 7, 5), np.diag([2.0, 2.0, 2.0, 1.0]), image.ravel(order="F")))


def test_it_takes_little_more_than_a_byte_a_voxel_of_the_box() -> None:
    grid = MaskGrid((64, 64, 50), np.eye(4), np.ones(64 * 64 * 50, bool))
    index = voxel_index(grid)
    assert index.offset.nbytes == 66 * 66 * 52
    assert index.base.nbytes == 4 * 66 * 52


def test_the_largest_number_is_exact() -> None:
    n = LARGEST_MASK
    base = np.float32(n - SEGMENT)
    places = np.arange(1, SEGMENT + 1, dtype=np.float32)
    assert np.array_equal((base + places).astype(np.int64), np.arange(n - SEGMENT + 1, n + 1))


@pytest.mark.parametrize("width", [1024, 4096, 16384])
def test_every_number_finds_its_texel(width: int) -> None:
    """The shader's arithmetic in float32, for the first and last voxels of rows up to the largest mask."""
    rows = -(-LARGEST_MASK // width)
    first = np.arange(rows, dtype=np.int64) * width
    places = np.unique(np.concatenate([first, first + 1, first + width - 1, [LARGEST_MASK - 1]]))
    number = (places[places < LARGEST_MASK] + 1).astype(np.float32)
    texel = np.float32(1 / width), np.float32(1 / rows)
    place = (number - np.float32(1)) * texel[0]
    row = np.floor(place)
    x = (place - row + np.float32(0.5) * texel[0]) * np.float32(width)
    y = (row + np.float32(0.5)) * texel[1] * np.float32(rows)
    got = np.floor(y).astype(np.int64) * width + np.floor(x).astype(np.int64)
    assert np.array_equal(got, number.astype(np.int64) - 1)
    assert np.array_equal(x % 1, np.full_like(x, 0.5))
    assert np.abs(y % 1 - 0.5).max() < 0.01
