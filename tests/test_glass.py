"""Projections through a glass brain against their reference, and what they must never miss."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference import glass as reference

from rtcog_gl.model import glass as module
from rtcog_gl.model.draw import NO_VALUE, OUTSIDE
from rtcog_gl.model.glass import LARGEST, MOST_CELLS, Glass, Projector, glass_frame
from rtcog_gl.model.volume import MaskGrid

ROTATION = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
LINEAR = {
    "as-is": np.diag([2.0, 2.0, 2.0]),
    "one-mm": np.diag([1.0, 1.0, 1.0]),
    "anisotropic": np.diag([1.1, 2.5, 6.0]),
    "fine": np.diag([0.31, 0.42, 0.53]),
    "oblique": ROTATION * 2.2,
    "oblique-anisotropic": ROTATION * (1.1, 2.3, 3.7),
    "shear": np.array([[2.0, 0.7, 0.0], [0.0, 2.0, -0.4], [0.3, 0.0, 2.0]]),
} | {
    "axes-" + "".join(map(str, order)) + "-" + "".join("+-"[s < 0] for s in signs): np.eye(3)[list(order)].T
    * np.array(signs)
    * 2.5
    for order in permutations(range(3))
    for signs in product((1, -1), repeat=3)
}


def grid_of(linear: np.ndarray, shape: tuple[int, int, int] = (9, 7, 5), seed: int = 0, share: float = 0.3) -> MaskGrid:
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = rng.uniform(-90, 90, 3)
    inside = rng.random(int(np.prod(shape))) < share
    inside[rng.integers(len(inside))] = True
    return MaskGrid(shape, affine, inside)


def values(grid: MaskGrid, seed: int = 0, missing: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    # Few different sizes, so that plus and minus meet on a ray.
    column = rng.integers(-4, 5, grid.n_voxels).astype(np.float32) * np.float32(1.25)
    column[rng.random(grid.n_voxels) < missing] = rng.choice([np.nan, np.inf, -np.inf])
    return column


def check(grid: MaskGrid, column: np.ndarray, unsure: float = 0.0) -> Glass:
    """Compare with the reference; `unsure` bounds the share of pixels left out."""
    projector = Projector(grid)
    got, expected = projector.project(column), reference.project(grid, projector.frame, column)
    for image, wanted, sure in zip(got.images, expected.images, expected.sure, strict=True):
        assert image.dtype == np.float32 and image.shape == wanted.shape
        assert (~sure).mean() <= unsure
        np.testing.assert_array_equal(image[sure], wanted[sure])
    return got


@pytest.mark.parametrize("name", LINEAR)
def test_any_affine(name: str) -> None:
    grid = grid_of(LINEAR[name])
    got = check(grid, values(grid))
    assert all(len(np.unique(image)) > (1 if name == "fine" else 5) for image in got.images)
    coincide = name in ("as-is", "one-mm") or name.startswith("axes-")
    assert (Projector(grid)._lattice is None) == coincide


@settings(max_examples=40)
@given(seed=st.integers(0, 2**31))
def test_random_grids(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nx, ny, nz = (int(n) for n in rng.integers(1, 7, 3))
    linear = np.linalg.qr(rng.normal(size=(3, 3)))[0] @ (
        np.diag(rng.uniform(0.5, 5, 3)) + rng.uniform(-0.2, 0.2, (3, 3))
    )
    # Of two or three voxels, the middle of the lattice may lie right between two.
    grid = grid_of(linear, (nx, ny, nz), seed, rng.uniform(0.02, 1))
    assume(grid.n_voxels > 3)
    check(grid, values(grid, seed, rng.uniform(0, 1)), unsure=0.05)


@settings(max_examples=100)
@given(seed=st.integers(0, 2**31), finest=st.floats(0.05, 4), askew=st.booleans())
def test_a_lone_extreme_voxel_is_seen_in_all_three(seed: int, finest: float, askew: bool) -> None:
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] if askew else np.eye(3)[rng.permutation(3)]
    linear = turn * (finest * rng.uniform(1, 3, 3) ** rng.integers(0, 2))
    grid = grid_of(linear, (12, 11, 10), seed, 0.5)
    column = rng.normal(size=grid.n_voxels).astype(np.float32)
    voxel = int(rng.integers(grid.n_voxels))
    column[voxel] = sign = float(rng.choice([-50.0, 50.0]))
    projector = Projector(grid)
    for image, axes in zip(projector.project(column).images, ((2, 0), (2, 1), (1, 0)), strict=True):
        known = np.where(image >= NO_VALUE, 0, image)
        assert known.flat[np.abs(known).argmax()] == sign
        rows, columns = np.nonzero(known == sign)
        # And where it is: within a cell of the voxel's own reach.
        rows = len(image) - 1 - rows
        reach = np.abs(linear).sum(axis=1) / 2 / projector.frame.step + 1
        at = (np.array(grid.mm_of(voxel)) - projector.frame.low) / projector.frame.step
        for axis, cells in zip(axes, (rows, columns), strict=True):
            assert (np.abs(cells + 0.5 - at[axis]) <= reach[axis]).all()


@pytest.mark.parametrize("name", ["as-is", "axes-120-+--", "axes-201--+-"])
def test_both_ways_agree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = grid_of(LINEAR[name], seed=3)
    column = values(grid)
    direct = Projector(grid).project(column)
    monkeypatch.setattr(module, "_axes_of", lambda affine, step: None)
    general = Projector(grid)
    assert general._lattice is not None and len(general._lattice._left) == 0
    for a, b in zip(direct.images, general.project(column).images, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["as-is", "oblique-anisotropic"])
def test_the_size_of_chunks_does_not_show(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = grid_of(LINEAR[name], seed=4)
    column = values(grid)
    whole = Projector(grid).project(column)
    monkeypatch.setattr(module, "_CHUNK", 1)
    for a, b in zip(whole.images, Projector(grid).project(column).images, strict=True):
        np.testing.assert_array_equal(a, b)


def test_sides_front_and_top() -> None:
    """One voxel at the right, one at the front, one at the top, each of its own value."""
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    grid = MaskGrid((9, 9, 9), affine, np.ones(729, np.bool_))
    volume = np.zeros((9, 9, 9), np.float32)
    volume[8, 4, 4], volume[4, 8, 4], volume[4, 4, 8] = 1, 2, 3
    coronal, sagittal, axial = Projector(grid).project(volume.reshape(-1, order="F")).images
    assert (coronal[4, 8], coronal[4, 4], coronal[0, 4]) == (1, 2, 3)
    assert (sagittal[4, 4], sagittal[4, 8], sagittal[0, 4]) == (1, 2, 3)
    assert (axial[4, 8], axial[0, 4], axial[4, 4]) == (1, 2, 3)


def test_signs_ties_and_what_is_missing() -> None:
    inside = np.ones(12, np.bool_)
    inside[6:9] = False
    grid = MaskGrid((3, 4, 1), np.diag([2.0, 2.0, 2.0, 1.0]), inside)
    nan, inf = np.nan, np.inf
    column = np.array([-3, nan, 2, 3, inf, -7, -0.0, -inf, 7], np.float32)
    coronal = Projector(grid).project(column).images[0]
    assert coronal.tolist() == [[3.0, float(NO_VALUE), 7.0]]
    axial = Projector(grid).project(np.append(column[:8], np.float32(-2e38))).images[2]
    assert axial.tolist()[1] == [float(OUTSIDE)] * 3
    assert axial.tolist()[0] == [0.0, float(NO_VALUE), -float(LARGEST)]
    assert axial.tolist()[3] == [-3.0, float(NO_VALUE), 2.0]


def test_a_map_without_a_finite_value_shows_the_silhouette() -> None:
    grid = grid_of(LINEAR["oblique"], share=0.1)
    images = Projector(grid).project(np.full(grid.n_voxels, np.nan, np.float32)).images
    there = Projector(grid).project(np.zeros(grid.n_voxels, np.float32)).images
    for image, filled in zip(images, there, strict=True):
        assert set(np.unique(image)) == {NO_VALUE, OUTSIDE}
        np.testing.assert_array_equal(image == NO_VALUE, filled == 0)


def test_a_strided_column() -> None:
    grid = grid_of(LINEAR["as-is"])
    columns = np.stack([values(grid), values(grid, 1)], axis=1)
    for a, b in zip(
        Projector(grid).project(columns[:, 1]).images, Projector(grid).project(values(grid, 1)).images, strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_a_column_of_another_mask() -> None:
    grid = grid_of(LINEAR["as-is"])
    with pytest.raises(ValueError, match=rf"got a column of shape \(3,\), expected \({grid.n_voxels},\)"):
        Projector(grid).project(np.zeros(3, np.float32))


@settings(max_examples=60)
@given(seed=st.integers(0, 2**31), mm=st.floats(0.05, 200))
def test_the_lattice_holds_the_mask_and_is_no_larger_than_it_may_be(seed: int, mm: float) -> None:
    rng = np.random.default_rng(seed)
    grid = grid_of(np.linalg.qr(rng.normal(size=(3, 3)))[0] * (mm * rng.uniform(1, 4, 3)), (8, 9, 10), seed)
    frame = glass_frame(grid)
    assert max(frame.counts) <= MOST_CELLS and min(frame.counts) >= 1
    assert frame.step >= max(1.0, np.linalg.norm(grid.affine[:3, :3], axis=0).min())
    assert (np.array(frame.low) <= np.array(grid.bounds.low) + 1e-3 * frame.step).all()
    assert (np.array(frame.high) >= np.array(grid.bounds.high) - 1e-3 * frame.step).all()
    assert (np.array(frame.high) - frame.low < np.array(grid.bounds.size) + frame.step * 1.001).all()


def test_a_large_field_of_view_is_cut_into_256_cells() -> None:
    inside = np.zeros((400, 3, 3), np.bool_)
    inside[[0, 399]] = True
    grid = MaskGrid((400, 3, 3), np.diag([1.5, 1.5, 1.5, 1.0]), inside.reshape(-1, order="F"))
    frame = glass_frame(grid)
    assert frame.counts[0] == MOST_CELLS and frame.step == pytest.approx(600 / 256)
    check(grid, values(grid), unsure=0.1)


def test_the_real_run(shared_data: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    mask = nibabel.load(shared_data / "bold155_mask.nii.gz")
    inside = np.asarray(mask.dataobj) > 0
    grid = MaskGrid(inside.shape, mask.affine, inside.reshape(-1, order="F"))
    region = nibabel.load(shared_data / "bold155_roi_left.nii.gz")
    mm = np.argwhere(np.asarray(region.dataobj) > 0) @ region.affine[:3, :3].T + region.affine[:3, 3]
    voxels = [voxel for place in mm.tolist() if (voxel := grid.voxel_at((place[0], place[1], place[2]))) is not None]
    column = np.ones(grid.n_voxels, np.float32)
    column[voxels] = -5
    coronal, sagittal, axial = Projector(grid).project(column).images
    for image in (coronal, axial):
        columns = np.nonzero(image == -5)[1]
        assert len(columns) > 20 and columns.max() < image.shape[1] / 2
    # The region lies at the back of the head.
    assert np.nonzero(sagittal == -5)[1].max() < sagittal.shape[1] / 2
    assert np.nonzero(axial == -5)[0].min() > axial.shape[0] / 2
