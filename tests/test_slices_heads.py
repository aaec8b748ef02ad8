"""The slices layer on real heads, against the truth about left and right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pixels import Draw, Picture
from slices_rig import LUT, check, new_layer, palette, view_of

from rtcog_gl.model.draw import Rect, SlicePlane
from rtcog_gl.model.planes import AXIAL, CORONAL, slice_planes

pytestmark = pytest.mark.gl

BIG = (900, 360)


@pytest.fixture
def layer(canvas: Any) -> Any:
    return new_layer()


@pytest.fixture(scope="module")
def lut(canvas: Any) -> Any:
    return palette()


def load(path: Path) -> Any:
    return pytest.importorskip("nibabel").load(path)


def red_and_blue(got: Picture) -> tuple[np.ndarray, np.ndarray]:
    ends = got[..., :3].astype(int)
    return (ends == LUT[255, :3]).all(axis=-1), (ends == LUT[0, :3]).all(axis=-1)


def inside_of(plane: SlicePlane, seen: np.ndarray) -> np.ndarray:
    """Pixel positions (n, 2), x and y from the plane's corner, of what is seen there."""
    x, y, w, h = (int(n) for n in plane.rect)
    return np.argwhere(seen[y : y + h, x : x + w])[:, ::-1] + 0.5


def test_the_real_run(draw: Draw, layer: Any, lut: Any, shared_data: Path) -> None:
    """Axes P, L, S, and oblique."""
    from rtcog_gl.session.images import grid_from_image

    grid = grid_from_image(load(shared_data / "bold155_mask.nii.gz"))
    assert grid.n_voxels == 35127
    maps = load(shared_data / "bold155_templates.nii.gz")
    column = np.asarray(maps.dataobj)[..., 0].ravel(order="F")[grid.inside]
    check(draw, layer, lut, grid, column, threshold=0.5, name="real-run")
    check(draw, layer, lut, grid, None, name="real-mask")


def test_left_is_left_on_the_real_run(draw: Draw, layer: Any, lut: Any, shared_data: Path) -> None:
    """Regions drawn by people in each hemisphere, on another grid: they reach ours through millimetres only."""
    from rtcog_gl.session.images import grid_from_image

    img = load(shared_data / "bold155_mask.nii.gz")
    grid = grid_from_image(img)
    layer.set_grid(grid)
    centres = np.argwhere(np.asarray(img.dataobj) > 0) @ img.affine[:3, :3].T + img.affine[:3, 3]
    order = np.lexsort(np.argwhere(np.asarray(img.dataobj) > 0).T)
    centres = centres[order]
    column = np.zeros(grid.n_voxels, np.float32)
    middle: dict[str, np.ndarray] = {}
    for side, value in (("left", -3.0), ("right", 3.0)):
        roi = load(shared_data / f"bold155_roi_{side}.nii.gz")
        data = np.asarray(roi.dataobj) > 0
        there = np.rint((centres - roi.affine[:3, 3]) @ np.linalg.inv(roi.affine[:3, :3]).T).astype(int)
        on = ((there >= 0) & (there < data.shape)).all(axis=1)
        hit = on.copy()
        hit[on] = data[tuple(there[on].T)]
        column[hit] = value
        middle[side] = (np.argwhere(data) @ roi.affine[:3, :3].T + roi.affine[:3, 3]).mean(axis=0)
    assert (column != 0).sum() > 150
    layer.write_map(column)
    for side, seen_as in (("left", 1), ("right", 0)):
        # Through the region's voxel nearest to its middle: regions need not contain that point.
        of_side = centres[column == (-3.0 if side == "left" else 3.0)]
        cursor = of_side[((of_side - middle[side]) ** 2).sum(axis=1).argmin()]
        for radiological in (False, True):
            planes = slice_planes(Rect(0, 0, *BIG), grid.bounds, tuple(cursor.tolist()), radiological)
            view = view_of(planes, threshold=1.0)
            got = draw(BIG, lambda view=view: layer.draw(view, BIG, lut))
            for which in (CORONAL, AXIAL):
                at = inside_of(planes[which], red_and_blue(got)[seen_as])
                assert len(at) > 20
                on_left = at[:, 0].mean() < planes[which].rect.w / 2
                assert on_left == ((side == "left") != radiological)
            mm = planes[AXIAL].rect.w / (grid.bounds.size[0] + 8)
            x = inside_of(planes[AXIAL], red_and_blue(got)[seen_as])[:, 0].mean()
            low, high = grid.bounds.low[0] - 4, grid.bounds.high[0] + 4
            expected = (high - middle[side][0]) * mm if radiological else (middle[side][0] - low) * mm
            assert abs(x - expected) < 6 * mm


def test_left_is_left_on_the_button_presses(draw: Draw, layer: Any, lut: Any) -> None:
    """Left minus right button presses: the right hand area is positive, the left one negative, crossed below."""
    datasets = pytest.importorskip("nilearn.datasets")
    from rtcog_gl.session.images import grid_from_image

    nibabel = pytest.importorskip("nibabel")
    img = nibabel.load(datasets.load_sample_motor_activation_image())
    data = np.nan_to_num(np.asarray(img.dataobj, np.float32))
    grid = grid_from_image(nibabel.Nifti1Image((data != 0).astype(np.uint8), img.affine))
    layer.set_grid(grid)
    layer.write_map(data.ravel(order="F")[grid.inside])
    for cursor, upright in (((38.0, -22.0, 56.0), True), ((21.0, -52.0, -26.0), False)):
        planes = slice_planes(Rect(0, 0, *BIG), grid.bounds, cursor)
        view = view_of(planes, threshold=4.0, vmax=4.0)
        got = draw(BIG, lambda view=view: layer.draw(view, BIG, lut))
        red, blue = red_and_blue(got)
        red_x, blue_x = (np.median(inside_of(planes[AXIAL], seen)[:, 0]) for seen in (red, blue))
        half = planes[AXIAL].rect.w / 2
        assert (red_x > half > blue_x) if upright else (red_x < half < blue_x)
