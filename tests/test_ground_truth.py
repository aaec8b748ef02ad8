"""Real heads, drawn and read back from pixels: left must be seen at the left, and voxels where nilearn puts them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pixels import Draw, Picture
from slices_rig import new_layer, nudged, palette, view_of

from rtcog_gl.model.draw import Rect, SlicePlane
from rtcog_gl.model.planes import AXIAL, CORONAL, SAGITTAL, ortho_planes, slice_planes
from rtcog_gl.model.volume import MaskGrid

pytestmark = pytest.mark.gl

SIZE = (900, 360)
ROOM = Rect(0, 0, *SIZE)


@pytest.fixture
def layer(canvas: Any) -> Any:
    return new_layer()


@pytest.fixture(scope="module")
def lut(canvas: Any) -> Any:
    return palette()


def load(path: Path) -> Any:
    return pytest.importorskip("nibabel").load(path)


def mask_of(shape: tuple[int, ...], affine: np.ndarray, inside: np.ndarray) -> MaskGrid:
    return MaskGrid((shape[0], shape[1], shape[2]), affine, inside.ravel(order="F"))


def centres(inside: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """World positions (n, 3) of the voxels of a mask (nx, ny, nz), first axis fastest: by numpy alone."""
    ijk = np.argwhere(inside.transpose())[:, ::-1]
    return ijk @ affine[:3, :3].T + affine[:3, 3]


def part(got: Picture, plane: SlicePlane) -> np.ndarray:
    x, y, w, h = (int(n) for n in plane.rect)
    return got[y : y + h, x : x + w, :3].astype(int)


def reds_and_blues(got: Picture, plane: SlicePlane) -> tuple[np.ndarray, np.ndarray]:
    """Columns, as a part of the slice's width, of the pixels in the colours of the scale's upper and lower end."""
    pixels = part(got, plane)
    # Blue, white, red: the ends are what the palette has at 1 and at 0.
    red = (pixels == (255, 0, 0)).all(axis=-1)
    blue = (pixels == (0, 0, 255)).all(axis=-1)
    return tuple(np.nonzero(seen)[1] / pixels.shape[1] for seen in (red, blue))


# --- The region masks of the real run -----------------------------------------------------------------------------


def sampled(roi: Any, mm: np.ndarray) -> np.ndarray:
    """Which world positions (n, 3) lie in a region, by its own affine."""
    data = np.asarray(roi.dataobj) > 0
    linear, origin = roi.affine[:3, :3], roi.affine[:3, 3]
    ijk = np.rint(np.linalg.solve(linear, (mm - origin).T).T).astype(int)
    on = ((ijk >= 0) & (ijk < data.shape)).all(axis=1)
    found = np.zeros(len(mm), bool)
    found[on] = data[tuple(ijk[on].T)]
    return found


@pytest.mark.parametrize("arrange", [slice_planes, lambda *a: ortho_planes(*a)[0]], ids=["row", "square"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_regions_of_the_real_run_lie_where_people_drew_them(
    draw: Draw, layer: Any, lut: Any, shared_data: Path, side: str, arrange: Any
) -> None:
    """On another grid than the run's oblique P-L-S one: they meet in millimetres only."""
    run = load(shared_data / "bold155_mask.nii.gz")
    inside = np.asarray(run.dataobj) > 0
    mm = centres(inside, run.affine)
    roi = load(shared_data / f"bold155_roi_{side}.nii.gz")
    assert not np.allclose(roi.affine, run.affine)
    region = sampled(roi, mm)
    assert region.sum() > 50
    # World x grows to the right of the head, so the file itself says on which side it is.
    assert (mm[region, 0].mean() < 0) == (side == "left")
    layer.set_grid(mask_of(run.shape, run.affine, inside))
    layer.write_map(np.where(region, 3.0, 0.0).astype(np.float32))
    middle = mm[region].mean(axis=0)
    cursor = mm[region][((mm[region] - middle) ** 2).sum(axis=1).argmin()]
    bounds = mask_of(run.shape, run.affine, inside).bounds
    for radiological in (False, True):
        planes = arrange(ROOM, bounds, tuple(cursor.tolist()), radiological)
        view = view_of(planes, threshold=1.0)
        got = draw(SIZE, lambda view=view: layer.draw(view, SIZE, lut))
        for which in (CORONAL, AXIAL):
            red, _ = reds_and_blues(got, planes[which])
            assert len(red) > 20
            in_left_half = red.mean() < 0.5
            assert in_left_half == ((side == "left") != radiological)
            # All but the odd pixel, not the mean alone.
            assert ((red < 0.5) == in_left_half).mean() > 0.95
        y, _ = reds_and_blues(got, planes[SAGITTAL])
        low, high = bounds.low[1] - 4, bounds.high[1] + 4
        assert abs(y.mean() - (cursor[1] - low) / (high - low)) < 0.1


# --- Button presses: left minus right -----------------------------------------------------------------------------


class Presses:
    """nilearn's own example: motor cortex is crossed, so the right hand area is positive; the cerebellum is not."""

    def __init__(self) -> None:
        datasets = pytest.importorskip("nilearn.datasets", reason="nilearn is not installed (the extra `demo` has it)")
        self.image = load(datasets.load_sample_motor_activation_image())
        self.data = np.asarray(self.image.dataobj, np.float32)
        self.inside = np.isfinite(self.data) & (self.data != 0)
        self.grid = mask_of(self.data.shape, self.image.affine, self.inside)
        self.column = self.data.ravel(order="F")[self.inside.ravel(order="F")]


@pytest.fixture(scope="module")
def presses() -> Presses:
    return Presses()


HANDS, CEREBELLUM = (40.0, -22.0, 56.0), (20.0, -52.0, -24.0)


@pytest.mark.parametrize("radiological", [False, True])
@pytest.mark.parametrize(("cursor", "crossed"), [(HANDS, True), (CEREBELLUM, False)], ids=["hands", "cerebellum"])
def test_the_right_hand_area_is_positive_and_at_the_right(
    draw: Draw, layer: Any, lut: Any, presses: Presses, cursor: Any, crossed: bool, radiological: bool
) -> None:
    layer.set_grid(presses.grid)
    layer.write_map(presses.column)
    planes = slice_planes(ROOM, presses.grid.bounds, cursor, radiological)
    view = view_of(planes, threshold=4.0, vmax=4.0)
    got = draw(SIZE, lambda: layer.draw(view, SIZE, lut))
    for which in (CORONAL, AXIAL):
        red, blue = reds_and_blues(got, planes[which])
        assert min(len(red), len(blue)) > 30
        positive_at_the_right = crossed != radiological
        assert (np.median(red) > 0.5) == positive_at_the_right
        assert (np.median(blue) < 0.5) == positive_at_the_right


# --- The same voxels as nilearn's own resampling ------------------------------------------------------------------

BASE = 64
"""Digits with which voxel numbers are drawn: that many colours can be told apart beyond doubt."""


def digits_lut() -> Any:
    from vispy import gloo

    colours = np.full((256, 4), 255, np.uint8)
    colours[:, :3] = (np.arange(256) // 4 * 4)[:, None]
    return gloo.Texture2D(colours[None], format="rgba", internalformat="rgba8", interpolation="linear")


def numbers_seen(draw: Draw, layer: Any, plane: SlicePlane, n_voxels: int) -> np.ndarray:
    """Return the number, from 1, of the mask voxel at each pixel of a plane; 0 outside the mask. Read from colours."""
    numbers = np.arange(1, n_voxels + 1)
    lut, total = digits_lut(), 0
    for power in range(3):
        digit = numbers // BASE**power % BASE
        # Place 4 d + 1.5 of 256: two thirds of the way into the digit's run of four equal colours.
        layer.write_map((digit * 4 + 1.5 - 127.5).astype(np.float32))
        black = (0.0, 0.0, 0.0, 1.0)
        view = view_of((plane,), vmax=127.5, background=black, fill=black, outline=black)
        red = part(draw(SIZE, lambda view=view: layer.draw(view, SIZE, lut)), plane)[..., 0]
        assert (red % 4 == 0).all()
        total = total + red // 4 * BASE**power
    return np.asarray(total)


def resampled(image: Any, plane: SlicePlane) -> np.ndarray:
    """Return nilearn's nearest values (h, w) at the pixels of a plane."""
    resample_img = pytest.importorskip("nilearn.image").resample_img
    _, _, w, h = (int(n) for n in plane.rect)
    right, down = np.array(plane.right), np.array(plane.down)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([right, down, np.cross(right, down) / np.linalg.norm(right)], axis=1)
    # Voxels of nilearn's picture are the pixels, whose middle is half a pixel in.
    affine[:3, 3] = np.array(plane.origin) + (right + down) / 2
    got = resample_img(image, affine, (w, h, 1), interpolation="nearest", force_resample=True, copy_header=True)
    return np.asarray(got.dataobj)[:, :, 0].T


def sure(affine: np.ndarray, plane: SlicePlane) -> np.ndarray:
    """Pixels (h, w) that are farther than 1e-3 of a voxel from every border of voxels."""
    _, _, w, h = (int(n) for n in plane.rect)
    x, y = np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5)
    mm = np.array(plane.origin) + x[..., None] * np.array(plane.right) + y[..., None] * np.array(plane.down)
    voxels = (mm - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    return (np.abs(voxels - np.floor(voxels) - 0.5) > 1e-3).all(axis=-1)


@pytest.mark.parametrize("cursor", [HANDS, CEREBELLUM, (0.3, 10.2, -3.7)])
@pytest.mark.parametrize("radiological", [False, True])
def test_slices_show_the_voxels_that_nilearn_finds(
    draw: Draw, layer: Any, lut: Any, presses: Presses, cursor: Any, radiological: bool
) -> None:
    """Voxel by voxel: each is drawn in the digits of its own number, and as the value it has."""
    nibabel = pytest.importorskip("nibabel")
    volume = np.zeros(presses.data.size, np.float64)
    volume[presses.inside.ravel(order="F")] = np.arange(1, presses.grid.n_voxels + 1)
    numbers = nibabel.Nifti1Image(volume.reshape(presses.data.shape, order="F"), presses.image.affine)
    clean = nibabel.Nifti1Image(np.where(presses.inside, presses.data, 0), presses.image.affine)
    layer.set_grid(presses.grid)
    for plane in map(nudged, slice_planes(ROOM, presses.grid.bounds, cursor, radiological)):
        counted = sure(presses.image.affine, plane)
        assert counted.mean() > 0.97
        expected = np.rint(resampled(numbers, plane)).astype(int)
        got = numbers_seen(draw, layer, plane, presses.grid.n_voxels)
        assert len(np.unique(expected)) > 300
        assert (got == expected)[counted].all()
        layer.write_map(presses.column)
        black = (0.0, 0.0, 0.0, 1.0)
        view = view_of((plane,), vmax=8.0, background=black, fill=black, outline=black)
        colours = part(draw(SIZE, lambda view=view: layer.draw(view, SIZE, lut)), plane)
        value = resampled(clean, plane)
        # Blue, white, red: what a value turns into is stated here in two lines.
        share = np.clip(value / 8.0, -1, 1)
        wanted = 255 * np.stack([1 + np.minimum(share, 0), 1 - np.abs(share), 1 - np.maximum(share, 0)], axis=-1)
        shown = counted & (value != 0)
        assert shown.sum() > 5000
        assert np.abs(colours - wanted)[shown].max() <= 2
        assert (colours[counted & (value == 0)] == 0).all()
