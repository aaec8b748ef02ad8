"""The mask's geometry, planes and images."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtcog_gl.model.draw import Rect
from rtcog_gl.model.planes import AXIAL, CORONAL, SAGITTAL, edge_letters, mm_at, normal_axis, pixel_of, slice_planes
from rtcog_gl.model.volume import Bounds, MaskGrid
from rtcog_gl.session.images import grid_from_image

NIBABEL = Path(nibabel.__file__).parent / "tests" / "data"


def random_grid(seed: int) -> MaskGrid:
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 6, 3))
    affine = np.eye(4)
    affine[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0] * rng.uniform(0.5, 4, 3) + 0.2 * np.eye(3)
    affine[:3, 3] = rng.uniform(-50, 50, 3)
    inside = rng.random(int(np.prod(shape))) < 0.5
    inside[rng.integers(inside.size)] = True
    return MaskGrid((shape[0], shape[1], shape[2]), affine, inside)


@given(st.integers(0, 10_000))
def test_voxels_follow_fortran_order_of_the_image(seed: int) -> None:
    grid = random_grid(seed)
    image = grid.inside.reshape(grid.shape, order="F")
    flat = np.flatnonzero(grid.inside)
    assert grid.n_voxels == len(flat)
    nx, ny, _ = grid.shape
    ijk = np.stack([flat % nx, flat // nx % ny, flat // (nx * ny)], axis=1)
    assert image[tuple(ijk.T)].all()
    for voxel in range(grid.n_voxels):
        assert grid.ijk_of(voxel).tolist() == ijk[voxel].tolist()
        np.testing.assert_allclose(grid.mm_of(voxel), (grid.affine @ [*ijk[voxel], 1])[:3])
        assert grid.voxel_at(grid.mm_of(voxel)) == voxel
    # Any order, any shape, twice the same.
    some = np.random.default_rng(seed).integers(0, grid.n_voxels, (3, 4))
    assert grid.ijk_of(some).dtype == np.int64
    assert np.array_equal(grid.ijk_of(some), ijk[some])
    assert np.array_equal(grid.ijk_of(np.arange(grid.n_voxels)), ijk)
    assert grid.ijk_of(np.zeros(0, np.int64)).shape == (0, 3)


@given(st.integers(0, 10_000))
def test_every_place_on_the_grid_and_around_it_finds_its_voxel_or_none(seed: int) -> None:
    grid = random_grid(seed)
    places = np.array(list(np.ndindex(*(n + 2 for n in grid.shape)))).reshape(*(n + 2 for n in grid.shape), 3) - 1
    expected = np.full([n + 2 for n in grid.shape], -1)
    numbers = np.where(grid.inside, np.cumsum(grid.inside) - 1, -1)
    expected[1:-1, 1:-1, 1:-1] = numbers.reshape(grid.shape, order="F")
    assert np.array_equal(grid.voxels_of(places), expected)
    for place, voxel in zip(places.reshape(-1, 3), expected.ravel().tolist(), strict=True):
        mm = grid.affine[:3, :3] @ (place + np.array([0.3, -0.3, 0.2])) + grid.affine[:3, 3]
        assert grid.voxel_at(tuple(mm.tolist())) == (None if voxel < 0 else voxel)


@given(st.integers(0, 10_000))
def test_the_box_is_the_smallest_around_the_mask(seed: int) -> None:
    grid = random_grid(seed)
    ijk = np.argwhere(grid.inside.reshape(grid.shape, order="F"))
    low, high = ijk.min(axis=0), ijk.max(axis=0)
    assert grid.corner == tuple(low) and grid.box_shape == tuple(high - low + 1)
    i, j, k = low
    box = grid.inside.reshape(grid.shape[::-1])[k : high[2] + 1, j : high[1] + 1, i : high[0] + 1]
    assert np.array_equal(grid.box(), box)


@pytest.mark.parametrize("voxel", [-1, 2, 99])
def test_voxels_that_are_not_there_get_a_sentence(voxel: int) -> None:
    grid = MaskGrid((2, 1, 1), np.eye(4), np.ones(2, bool))
    with pytest.raises(IndexError, match=rf"got voxels {voxel} to {voxel}, expected 0 to 1"):
        grid.ijk_of(voxel)


def test_rows_of_more_than_a_byte_s_worth_of_voxels() -> None:
    inside = np.ones(700 * 3, bool)
    inside[::7] = False
    grid = MaskGrid((700, 3, 1), np.eye(4), inside)
    flat = np.flatnonzero(inside)
    assert np.array_equal(grid.ijk_of(np.arange(len(flat))), np.stack([flat % 700, flat // 700, flat * 0], axis=1))
    assert [grid.voxel_at((float(i), 2.0, 0.0)) for i in (0, 1, 699)] == [None, 1200, 1799]


def test_a_grid_keeps_a_fraction_of_a_byte_a_voxel() -> None:
    inside = np.zeros((60, 80, 70), bool)
    inside[10:50, 10:70, 5:65] = True
    grid = MaskGrid((70, 80, 60), np.eye(4), inside.reshape(-1))
    grid.bounds, grid.ijk_of(5), grid.voxel_at((40.0, 40.0, 30.0))
    held = sum(value.nbytes for value in vars(grid).values() if isinstance(value, np.ndarray))
    assert grid.n_voxels == 144_000
    assert held < 0.3 * grid.n_voxels


@given(st.integers(0, 10_000))
def test_bounds_are_those_of_all_voxel_corners(seed: int) -> None:
    grid = random_grid(seed)
    ijk = np.argwhere(grid.inside.reshape(grid.shape, order="F"))
    corners = np.concatenate([ijk + np.array(c) - 0.5 for c in np.ndindex(2, 2, 2)])
    mm = corners @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    np.testing.assert_allclose(grid.bounds.low, mm.min(axis=0), atol=1e-9)
    np.testing.assert_allclose(grid.bounds.high, mm.max(axis=0), atol=1e-9)


def test_outside_the_mask_or_the_grid_there_is_no_voxel() -> None:
    grid = MaskGrid((2, 1, 1), np.diag([2.0, 2.0, 2.0, 1.0]), np.array([True, False]))
    assert grid.voxel_at((0.9, 0.0, 0.0)) == 0
    assert grid.voxel_at((1.1, 0.0, 0.0)) is None
    assert grid.voxel_at((-1.1, 0.0, 0.0)) is None
    assert grid.voxel_at((0.0, 0.0, 1.1)) is None


def test_the_grid_owns_its_arrays() -> None:
    inside, affine = np.ones(1, bool), np.eye(4)
    grid = MaskGrid((1, 1, 1), affine, inside)
    inside[0] = False
    affine[0, 0] = 9
    assert grid.inside[0] and grid.affine[0, 0] == 1 and not grid.affine.flags.writeable
    grid.inside[0] = False
    grid.box()[0] = False
    assert grid.inside[0] and grid.box()[0, 0, 0]
    assert grid.bounds == ((-0.5, -0.5, -0.5), (0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    ("shape", "affine", "inside", "sentence"),
    [
        ((2, 2, 2), np.diag([1.0, 1, 0, 1]), np.ones(8, bool), "affine is singular"),
        ((2, 2, 2), np.eye(4) * np.nan, np.ones(8, bool), "not finite"),
        ((2, 2, 2), np.eye(3), np.ones(8, bool), r"shape \(3, 3\), expected \(4, 4\)"),
        ((2, 2, 2), np.eye(4)[::-1], np.ones(8, bool), "last row"),
        ((2, 2, 2), np.eye(4), np.ones(7, bool), r"shape \(7,\), expected \(8,\)"),
        ((2, 2, 2), np.eye(4), np.zeros(8, bool), "0 voxels are in the mask"),
        ((2, 0, 2), np.eye(4), np.zeros(0, bool), "three positive numbers"),
    ],
)
def test_bad_grids_get_a_sentence(
    shape: tuple[int, int, int], affine: np.ndarray, inside: np.ndarray, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        MaskGrid(shape, affine, inside)


def test_small_voxels_are_not_singular() -> None:
    assert MaskGrid((1, 1, 1), np.diag([1e-3, 1e-3, 1e-3, 1]), np.ones(1, bool)).n_voxels == 1


PANEL = Rect(10, 20, 1150, 420)
HEAD = Bounds((-90.0, -126.0, -72.0), (90.0, 90.0, 108.0))


def test_slices_share_scale_and_base_line_and_fit_the_panel() -> None:
    for panel in (PANEL, Rect(0, 0, 300, 900), Rect(3.3, 4.4, 200.5, 77.7), Rect(0, 0, 4000, 1500)):
        planes = slice_planes(panel, HEAD, (1, 2, 3))
        scales = {round(float(np.linalg.norm(step)), 9) for plane in planes for step in (plane.right, plane.down)}
        assert len(planes) == 3 and len(scales) == 1
        assert len({plane.rect.bottom for plane in planes}) == 1
        for plane in planes:
            assert plane.rect.x >= panel.x - 1 and plane.rect.right <= panel.right + 1
            assert plane.rect.y >= panel.y - 1 and plane.rect.bottom <= panel.bottom + 1
            assert all(value == int(value) for value in plane.rect)
        for left, right in pairwise(planes):
            assert right.rect.x - left.rect.right == 8
        used_w = planes[2].rect.right - planes[0].rect.x
        used_h = max(plane.rect.h for plane in planes)
        assert used_w > panel.w - 4 or used_h > panel.h - 2


def test_no_room_no_planes() -> None:
    assert slice_planes(Rect(0, 0, 10, 100), HEAD, (0, 0, 0)) == ()


def test_every_plane_passes_through_the_cursor_and_shows_all_bounds() -> None:
    cursor = (38.0, -22.0, 56.0)
    planes = slice_planes(PANEL, HEAD, cursor)
    for plane, axis, sides in zip(planes, (1, 0, 2), ((0, 2), (1, 2), (0, 1)), strict=True):
        assert normal_axis(plane) == axis
        np.testing.assert_allclose(mm_at(plane, *pixel_of(plane, cursor)), cursor)
        x, y, w, h = plane.rect
        first, last = mm_at(plane, x, y), mm_at(plane, x + w, y + h)
        for side in sides:
            assert min(first[side], last[side]) <= HEAD.low[side]
            assert max(first[side], last[side]) >= HEAD.high[side]


def test_left_is_left_unless_asked_otherwise() -> None:
    neurological = slice_planes(PANEL, HEAD, (0, 0, 0))
    assert edge_letters(neurological[CORONAL]) == ("L", "R", "S", "I")
    assert edge_letters(neurological[SAGITTAL]) == ("P", "A", "S", "I")
    assert edge_letters(neurological[AXIAL]) == ("L", "R", "A", "P")
    assert neurological[CORONAL].right[0] > 0 and neurological[AXIAL].right[0] > 0
    radiological = slice_planes(PANEL, HEAD, (0, 0, 0), radiological=True)
    assert edge_letters(radiological[CORONAL]) == ("R", "L", "S", "I")
    assert edge_letters(radiological[SAGITTAL]) == ("P", "A", "S", "I")
    assert edge_letters(radiological[AXIAL]) == ("R", "L", "A", "P")
    assert radiological[AXIAL].right[0] < 0


def test_a_mask_of_one_voxel_gets_planes() -> None:
    grid = MaskGrid((3, 3, 2), np.diag([2.0, 2.0, 2.0, 1.0]), np.arange(18) == 4)
    planes = slice_planes(PANEL, grid.bounds, grid.mm_of(0))
    assert [plane.rect.w for plane in planes] == [planes[0].rect.w] * 3
    for plane in planes:
        x, y = pixel_of(plane, grid.mm_of(0))
        assert abs(x - plane.rect.x - plane.rect.w / 2) < 1e-6 and abs(y - plane.rect.y - plane.rect.h / 2) < 1e-6


def image(data: np.ndarray, affine: np.ndarray | None = None) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image(data, np.diag([2.0, 2.0, 2.0, 1.0]) if affine is None else affine)


def test_mask_images_that_are_not_zero_and_one() -> None:
    data = np.array([[[0.0, 0.5], [np.nan, -3.0]], [[7.0, 1.0], [0.0, np.inf]]], np.float32)
    grid = grid_from_image(image(data))
    assert np.array_equal(grid.inside.reshape(2, 2, 2, order="F"), np.nan_to_num(data) > 0)
    assert grid.n_voxels == 4
    assert np.array_equal(grid_from_image(image(data[..., None])).inside, grid.inside)
    assert np.array_equal(grid_from_image(image(data[..., None, None])).inside, grid.inside)


@pytest.mark.parametrize(
    ("data", "affine", "sentence"),
    [
        (np.ones((2, 2, 2, 3), np.uint8), None, r"shape \(2, 2, 2, 3\), expected three dimensions and one volume"),
        (np.ones((2, 2), np.uint8), None, r"shape \(2, 2\)"),
        (np.zeros((2, 2, 2), np.uint8), None, "0 voxels are in the mask"),
        (np.ones((2, 2, 2), np.complex64), None, "type complex64, expected real numbers"),
    ],
)
def test_bad_mask_images_get_a_sentence(data: np.ndarray, affine: np.ndarray | None, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        grid_from_image(image(data, affine))


def test_singular_affine_of_an_image_gets_a_sentence() -> None:
    class Flat:
        shape, dataobj, affine = (2, 2, 2), np.ones((2, 2, 2)), np.diag([1.0, 1.0, 0.0, 1.0])

    with pytest.raises(ValueError, match="mask: the affine is singular"):
        grid_from_image(Flat())


def test_afni_masks() -> None:
    path = NIBABEL / "scaled+tlrc.HEAD"
    if not path.is_file():
        pytest.skip("this nibabel comes without its test images")
    img = nibabel.load(path)
    grid = grid_from_image(img)
    assert type(img).__name__ == "AFNIImage"
    assert grid.shape == img.shape[:3]
    np.testing.assert_array_equal(grid.affine, img.affine)
    data = np.asarray(img.dataobj).reshape(grid.shape)
    assert grid.n_voxels == int((data > 0).sum()) > 1000
    first = np.argwhere(data.transpose() > 0)[0][::-1]
    np.testing.assert_allclose(grid.mm_of(0), (img.affine @ [*first, 1])[:3])
    with pytest.raises(ValueError, match=r"shape \(33, 41, 25, 3\), expected three dimensions and one volume"):
        grid_from_image(nibabel.load(NIBABEL / "example4d+orig.HEAD"))
