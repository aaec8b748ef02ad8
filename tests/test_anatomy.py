"""The anatomy under the map: its greys, its window, where it lies, and files that are no good."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slices_rig import new_layer, palette, view_of

from rtcog_gl.model.anatomy import Anatomy, anatomy_from_array, grey_window
from rtcog_gl.model.draw import Rect
from rtcog_gl.model.planes import slice_planes
from rtcog_gl.model.volume import Bounds, MaskGrid
from rtcog_gl.session.images import load_anatomy
from rtcog_gl.window.backdrop import AnatomyLoader

NIBABEL = Path(nibabel.__file__).parent / "tests" / "data"
HEAD_BOUNDS = Bounds((-70.0, -100.0, -60.0), (70.0, 70.0, 80.0))


def head(seed: int = 1, shape: tuple[int, int, int] = (20, 18, 16)) -> np.ndarray:
    """Intensities like a head's: nothing around, a few very bright vessels inside."""
    rng = np.random.default_rng(seed)
    data = rng.uniform(100, 900, shape).astype(np.float32)
    data[:3] = 0
    data[10, 9, :2] = 5000
    return data


def seen(anatomy: Anatomy, level: float = 0.5, width: float = 1.0) -> np.ndarray:
    """Tones (nx, ny, nz), 0..1, as a grey window shows them."""
    middle, wide = grey_window(anatomy.window, level, width)
    return np.clip((anatomy.volume.transpose() / 255 - middle) / wide + 0.5, 0, 1)


# --- Greys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [(2.0, 99.5), (0.0, 100.0), (30.0, 60.0), (10.0, 99.99)])
def test_the_automatic_window_runs_between_the_percentiles(window: tuple[float, float]) -> None:
    data = head()
    anatomy = anatomy_from_array(data, np.eye(4), window)
    low, high = np.percentile(data[data > 0], window)
    expected = np.clip((data - low) / (high - low), 0, 1)
    # Half a stored grey is at most this much of a window that keeps half of them.
    assert np.abs(seen(anatomy) - expected)[data > 0].max() <= 0.5 / 127 + 1e-3
    assert ((anatomy.volume.transpose() == 0) == (data == 0)).all()
    assert anatomy.window[1] - anatomy.window[0] >= 0.49


@given(seed=st.integers(0, 1000), level=st.floats(0.2, 0.8), width=st.floats(0.3, 1.5))
def test_other_windows_need_no_new_reading(seed: int, level: float, width: float) -> None:
    data = head(seed)
    anatomy = anatomy_from_array(data, np.eye(4), (20.0, 80.0))
    low, high = np.percentile(data[data > 0], (20.0, 80.0))
    start, end = (low + (level + side * width / 2) * (high - low) for side in (-1, 1))
    expected = np.clip((data - start) / (end - start), 0, 1)
    # Head-room is half a window on either side, as far as there are such voxels.
    room = (data > low - 0.49 * (high - low)) & (data < high + 0.49 * (high - low)) & (data > 0)
    assert room.sum() > 1000
    assert np.abs(seen(anatomy, level, width) - expected)[room].max() <= (0.5 / 127 + 1e-3) / width


def test_greys_beyond_the_window_differ() -> None:
    data = head()
    stored = anatomy_from_array(data, np.eye(4), (30.0, 60.0)).volume.transpose()
    low, high = np.percentile(data[data > 0], (30.0, 60.0))
    assert len(np.unique(stored[data > high])) > 30
    assert len(np.unique(stored[(data > 0) & (data < low)])) > 30


def test_bright_vessels_do_not_cost_the_window_its_greys() -> None:
    data = head()
    data[9] = 50_000
    anatomy = anatomy_from_array(data, np.eye(4), (2.0, 90.0))
    inside = (data >= np.percentile(data[data > 0], 2)) & (data <= 900)
    assert len(np.unique(anatomy.volume.transpose()[inside])) >= 120


def test_anatomy_of_one_intensity_or_with_holes() -> None:
    data = np.zeros((4, 4, 4))
    data[1, 2, 3] = 5
    data[0, 0, 0] = np.nan
    data[0, 0, 1] = np.inf
    data[0, 1, 0] = -7
    anatomy = anatomy_from_array(data, np.eye(4))
    assert anatomy.volume[3, 2, 1] == 255 and anatomy.volume.sum() == 255
    assert seen(anatomy)[1, 2, 3] == 1


def test_anatomy_is_the_same_whatever_the_file_stores(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    data = rng.integers(0, 1000, (7, 5, 3)).astype(np.float32)
    affine = np.diag([-1.0, 2.0, 3.0, 1.0])
    expected = anatomy_from_array(data, affine)
    assert expected.shape == (7, 5, 3)
    big = nibabel.Nifti1Image(data.astype(">i2"), affine, nibabel.Nifti1Header(endianness=">"))
    scaled = nibabel.Nifti1Image(data, affine)
    scaled.set_data_dtype(np.int16)
    four = nibabel.Nifti1Image(data[..., None], affine)
    for name, img in (("big", big), ("scaled", scaled), ("four", four)):
        nibabel.save(img, tmp_path / f"{name}.nii")
        got = load_anatomy(tmp_path / f"{name}.nii")
        assert np.abs(got.volume.astype(int) - expected.volume).max() <= 1
        np.testing.assert_array_equal(got.affine, affine)
    assert (tmp_path / "big.nii").read_bytes()[:4] == b"\x00\x00\x01\x5c"


# --- Where it lies ------------------------------------------------------------------------------------------------


def placed(linear: Any, centre: Any, shape: tuple[int, int, int] = (10, 10, 10)) -> Anatomy:
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = np.array(centre) - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return Anatomy(np.full(shape[::-1], 200, np.uint8), affine)


UNIT = Bounds((-5.0, -5.0, -5.0), (5.0, 5.0, 5.0))
DIAGONAL = np.linalg.qr(np.array([[1.0, 1, 0], [-1, 1, 0], [0, 0, 1]]))[0]


@pytest.mark.parametrize(
    ("linear", "centre", "meets"),
    [
        (np.eye(3), (0, 0, 0), True),
        (np.eye(3), (9.9, 9.9, 9.9), True),
        (np.eye(3), (10.1, 0, 0), False),
        (np.eye(3), (0, -10.1, 0), False),
        (-np.eye(3), (0, 0, 10.1), False),
        (np.eye(3) * 20, (0, 0, 0), True),
        (np.eye(3) * 0.01, (4.9, -4.9, 4.9), True),
        # Turned by 45 degrees: its own box of the world overlaps, it does not.
        (DIAGONAL, (12.2, 0, 0), False),
        (DIAGONAL, (11.9, 0, 0), True),
        (DIAGONAL, (8.8, 8.8, 0), False),
        (DIAGONAL, (6.9, 6.9, 0), True),
    ],
)
def test_meeting_the_mask(linear: np.ndarray, centre: tuple[float, ...], meets: bool) -> None:
    assert placed(linear, centre).meets(UNIT) == meets


@given(st.integers(0, 10_000))
def test_meeting_is_sharing_a_point(seed: int) -> None:
    rng = np.random.default_rng(seed)
    linear = np.linalg.qr(rng.normal(size=(3, 3)))[0] @ (
        np.diag(rng.uniform(0.3, 2, 3)) + rng.uniform(-0.2, 0.2, 9).reshape(3, 3)
    )
    anatomy = placed(linear, rng.uniform(-16, 16, 3))
    # Points of the one that lie in the other; where there is no such point, a hair more would do as well.
    steps = np.stack(np.meshgrid(*(np.linspace(-0.5, 9.5, 21),) * 3), -1).reshape(-1, 3)
    mm = steps @ anatomy.affine[:3, :3].T + anatomy.affine[:3, 3]
    shared = bool((np.abs(mm) <= 5).all(axis=1).any())
    far = bool((np.abs(mm).max(axis=1) > 5 + 2.2 * 0.5).all())
    if shared:
        assert anatomy.meets(UNIT)
    elif far:
        assert not anatomy.meets(UNIT)


def test_only_what_is_something_counts() -> None:
    anatomy = placed(np.eye(3), (0, 0, 0), (30, 10, 10))
    volume = anatomy.volume.copy()
    volume[..., :21] = 0
    assert not Anatomy(volume, anatomy.affine).meets(UNIT)
    volume[0, 0, 12] = 1
    assert Anatomy(volume, anatomy.affine).meets(UNIT)


def test_an_anatomy_off_the_mask_gets_a_sentence(tmp_path: Path) -> None:
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = (400, -300, 7.4)
    nibabel.save(nibabel.Nifti1Image(head(), affine), tmp_path / "far.nii")
    assert load_anatomy(tmp_path / "far.nii").shape == (20, 18, 16)
    with pytest.raises(ValueError) as told:
        load_anatomy(tmp_path / "far.nii", bounds=HEAD_BOUNDS)
    assert str(told.value) == (
        f"anatomy {tmp_path / 'far.nii'}: it lies around (419, -283, 22) and the mask around (0, -15, 10) mm without "
        "touching, expected the same head in the same space"
    )


# --- Files that are no good ---------------------------------------------------------------------------------------


def write(path: Path, data: np.ndarray, affine: np.ndarray | None = None) -> Path:
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4) if affine is None else affine), path)
    return path


def missing(folder: Path) -> Path:
    return folder / "head.nii"


def junk(folder: Path) -> Path:
    (folder / "junk.nii").write_bytes(b"not an image")
    return folder / "junk.nii"


def folder_itself(folder: Path) -> Path:
    return folder


def cut_gz(folder: Path) -> Path:
    whole = write(folder / "whole.nii.gz", np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32))
    (folder / "cut.nii.gz").write_bytes(whole.read_bytes()[:20_000])
    return folder / "cut.nii.gz"


def damaged_gz(folder: Path) -> Path:
    whole = write(folder / "whole.nii.gz", np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32))
    content = bytearray(whole.read_bytes())
    # A kind of block that there is not, after the file's own name.
    start = content.index(b"\0", 10) + 1 if content[3] & 8 else 10
    content[start : start + 8] = b"\xff" * 8
    (folder / "damaged.nii.gz").write_bytes(content)
    return folder / "damaged.nii.gz"


def cut_nii(folder: Path) -> Path:
    whole = write(folder / "whole.nii", head())
    (folder / "cut.nii").write_bytes(whole.read_bytes()[:5000])
    return folder / "cut.nii"


def dark(folder: Path) -> Path:
    return write(folder / "dark.nii", np.zeros((3, 3, 3), np.uint8))


def run(folder: Path) -> Path:
    return write(folder / "run.nii", np.ones((4, 5, 6, 7), np.float32))


def flat(folder: Path) -> Path:
    return write(folder / "flat.nii", np.ones((4, 5), np.float32))


def singular(folder: Path) -> Path:
    image = nibabel.Nifti1Image(head(), np.eye(4))
    image.header["sform_code"] = 1
    image.header["srow_z"] = image.header["srow_y"]
    image.header["qform_code"] = 0
    image.update_header = lambda: None
    nibabel.save(image, folder / "singular.nii")
    return folder / "singular.nii"


def colours(folder: Path) -> Path:
    return write(folder / "rgb.nii", np.ones((3, 3, 3), np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])))


def complex_numbers(folder: Path) -> Path:
    return write(folder / "complex.nii", np.ones((3, 3, 3), np.complex64))


BAD = {
    missing: "there is no such file, expected an image that nibabel reads",
    folder_itself: "there is no such file",
    junk: "not an image that nibabel reads",
    cut_gz: "its voxels cannot be read",
    damaged_gz: "not an image that nibabel reads",
    cut_nii: "its voxels cannot be read",
    dark: "none of its 27 voxels is above zero",
    run: "got an image of shape (4, 5, 6, 7), expected three dimensions and one volume",
    flat: "got an image of shape (4, 5), expected three dimensions and one volume",
    singular: "the affine is singular",
    colours: "voxels are colours (R, G, B), expected one number each",
    complex_numbers: "voxels are of type complex64, expected real numbers",
}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.__name__)
def test_bad_files_get_one_sentence_each(tmp_path: Path, bad: Any, caplog: pytest.LogCaptureFixture) -> None:
    """From the loader, whose thread lives through all of them."""
    path = bad(tmp_path)
    come = threading.Event()
    loader = AnatomyLoader(str(path), come.set, bounds=HEAD_BOUNDS)
    assert come.wait(20)
    told = loader.take()
    assert isinstance(told, str) and BAD[bad] in told and path.name in told
    assert "\n" not in told and told.startswith("anatomy")
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR and r.name == "rtcog_gl"] == [told]
    assert loader.take() is None


def test_afni_files_with_unknown_types_get_a_sentence() -> None:
    if not (NIBABEL / "bad_datatype+orig.HEAD").is_file():
        pytest.skip("this nibabel comes without its test images")
    with pytest.raises(ValueError, match="not an image that nibabel reads"):
        load_anatomy(NIBABEL / "bad_datatype+orig.HEAD")


def test_the_loader_hands_on_the_window_and_survives_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "head.nii", head(), np.diag([5.0, 5.0, 5.0, 1.0]))
    come = threading.Event()
    loader = AnatomyLoader(str(path), come.set, (30.0, 60.0), HEAD_BOUNDS)
    assert come.wait(20)
    got = loader.take()
    assert isinstance(got, Anatomy)
    assert got.window == pytest.approx(anatomy_from_array(head(), np.eye(4), (30.0, 60.0)).window)

    def surprise(*args: Any) -> None:
        raise RuntimeError("surprise")

    from rtcog_gl.session import images

    monkeypatch.setattr(images, "load_anatomy", surprise)
    come.clear()
    loader = AnatomyLoader("x.nii", come.set)
    assert come.wait(20)
    assert loader.take() == "anatomy x.nii: it cannot be shown (RuntimeError: surprise)"
    assert any(r.exc_info for r in caplog.records)


# --- On the GPU ---------------------------------------------------------------------------------------------------

SIZE = (60, 60)


def filled() -> MaskGrid:
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -30
    return MaskGrid((16, 16, 16), affine, np.ones(16**3, bool))


@pytest.mark.gl
def test_the_window_on_the_screen(canvas: Any, draw: Any) -> None:
    """A ramp of intensities along x: at the automatic window's ends it turns black and white, wherever those are."""
    from rtcog_gl.gpu.slices import ANATOMY_LIGHT

    ramp = np.broadcast_to(np.arange(1, 65, dtype=np.float32)[:, None, None], (64, 64, 64)) * 10
    affine = np.eye(4)
    affine[:3, 3] = -31.5
    anatomy = anatomy_from_array(ramp, affine, (25.0, 75.0))
    layer, lut = new_layer(), palette()
    layer.set_grid(filled())
    layer.set_anatomy(anatomy)
    planes = slice_planes(
        Rect(0, 0, 180, 60), Bounds((-30, -30, -30), (30, 30, 30)), (0.2, 0.2, 0.2), gap=0, margin_mm=0
    )
    for level, width in ((0.5, 1.0), (0.25, 0.5), (0.5, 2.0)):
        view = view_of(planes, has_map=False, background=(0.0, 0.0, 0.0, 1.0), grey=(level, width))
        tones = draw((180, 60), lambda view=view: layer.draw(view, (180, 60), lut))[30, :60, 0] / 255 / ANATOMY_LIGHT[0]
        intensity = 10 * (np.arange(60) + 0.5 - 30 + 31.5 + 1)
        low, high = np.percentile(ramp, (25, 75))
        wanted = np.clip(((intensity - low) / (high - low) - level) / width + 0.5, 0, 1)
        # Where nothing is and where head-room ends, the tone is not the ramp's.
        sure = (intensity > low - 0.45 * (high - low)) & (intensity < high + 0.45 * (high - low))
        assert sure.sum() > 50
        assert np.abs(tones - wanted)[sure].max() < 0.02


@pytest.mark.gl
def test_an_anatomy_that_does_not_fit_gets_a_sentence_and_the_map_goes_on(
    canvas: Any, draw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtcog_gl.gpu import slices

    grid, lut, layer = filled(), palette(), new_layer()
    layer.set_grid(grid)
    layer.write_map(np.full(grid.n_voxels, 3.0, np.float32))
    planes = slice_planes(Rect(0, 0, *SIZE), grid.bounds, (0.0, 0.0, 0.0))
    view = view_of(planes)
    limit = slices._limit
    with monkeypatch.context() as patch:
        patch.setattr(slices, "_limit", lambda name: 32 if name == 0x8073 else limit(name))
        with pytest.raises(
            ValueError, match=r"anatomy: .*\(33, 4, 4\) voxels does not fit this GPU, expected at most 32 a side"
        ):
            layer.set_anatomy(anatomy_from_array(np.ones((33, 4, 4)), np.eye(4)))
    after = draw(SIZE, lambda: layer.draw(view, SIZE, lut))
    fresh = new_layer()
    fresh.set_grid(grid)
    fresh.write_map(np.full(grid.n_voxels, 3.0, np.float32))
    assert np.array_equal(after, draw(SIZE, lambda: fresh.draw(view, SIZE, lut)))
    assert len(np.unique(after.reshape(-1, 4), axis=0)) > 1
