"""The slices layer against its numpy reference, and its uploads."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pixels import Draw, assert_close
from reference.slices import picture
from slices_rig import (
    BACKGROUND,
    FILL,
    LUT,
    OUTLINE,
    PANEL,
    SIZE,
    blob,
    check,
    drawn,
    holed,
    new_layer,
    palette,
    values,
    view_of,
)

from rtcog_gl.model.anatomy import Anatomy
from rtcog_gl.model.draw import Rect, SlicePlane
from rtcog_gl.model.planes import slice_planes
from rtcog_gl.model.volume import MaskGrid

pytestmark = pytest.mark.gl


@pytest.fixture
def layer(canvas: Any) -> Any:
    return new_layer()


@pytest.fixture(scope="module")
def lut(canvas: Any) -> Any:
    return palette()


def affine_of(linear: Any, origin: Any = (11.3, -7.9, 4.1)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = origin
    return matrix


ROTATION = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
MISSING = (0.9, 0.2, 0.7, 0.6)
REAL_RUN = np.array(
    [
        (-2.972969971925735e-16, -2.9729700088500977, -1.0901325280819176e-16),
        (-2.8445792198181152, 2.972969971925735e-16, -1.090132474899292),
        (-0.8642483353614807, 0.0, 3.58805251121521),
    ]
)
"""Axes P, L, S, tilted by 17 degrees."""

AFFINES = {
    "identity": np.eye(3),
    "real-run": REAL_RUN,
    "as-is": np.diag([2.0, 2.0, 2.0]),
    "anisotropic": np.diag([1.0, 2.5, 6.0]),
    "oblique": ROTATION * 2.2,
    "oblique-anisotropic": ROTATION * (1.1, 2.3, 3.7),
    "shear": np.array([[2.0, 0.7, 0.0], [0.0, 2.0, -0.4], [0.3, 0.0, 2.0]]),
} | {
    "axes-" + "".join(map(str, order)) + "-" + "".join("+-"[s < 0] for s in signs): np.eye(3)[list(order)].T
    * np.array(signs)
    * (2.0, 2.2, 2.4)
    for order in permutations(range(3))
    for signs in product((1, -1), repeat=3)
}


@pytest.fixture(scope="module")
def one_layer(canvas: Any) -> Any:
    """Return a layer that many pictures share, as in a session."""
    return new_layer()


@pytest.mark.parametrize("radiological", [False, True])
@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("name", AFFINES)
def test_any_affine(draw: Draw, one_layer: Any, lut: Any, name: str, linear: bool, radiological: bool) -> None:
    grid = blob((9, 7, 5), affine_of(AFFINES[name]))
    options = {"threshold": 0.8, "linear": linear, "missing": MISSING, "radiological": radiological}
    got = check(draw, one_layer, lut, grid, holed(values(grid)), name=f"affine-{name}", **options)
    assert len(np.unique(got.reshape(-1, 4), axis=0)) > 30


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(seed=78, has_map=True, radiological=False, linear=True)
@example(seed=168, has_map=True, radiological=False, linear=True)
@given(seed=st.integers(0, 2**31), has_map=st.booleans(), radiological=st.booleans(), linear=st.booleans())
def test_random_grids(
    draw: Draw, one_layer: Any, lut: Any, seed: int, has_map: bool, radiological: bool, linear: bool
) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 9, 3))
    linear_part = np.linalg.qr(rng.normal(size=(3, 3)))[0] @ (
        np.diag(rng.uniform(0.5, 5, 3)) + rng.uniform(-0.2, 0.2, (3, 3))
    )
    grid = blob((shape[0], shape[1], shape[2]), affine_of(linear_part, rng.uniform(-90, 90, 3)), seed, 0.6)
    cursor = np.array(grid.mm_of(int(rng.integers(grid.n_voxels)))) + linear_part @ rng.uniform(-0.4, 0.4, 3)
    planes = slice_planes(PANEL, grid.bounds, tuple(cursor.tolist()), radiological, margin_mm=0.777)
    column = holed(values(grid, seed)) if has_map else None
    options = {
        "threshold": float(rng.uniform(0, 2)),
        "linear": linear,
        "opacity": float(rng.uniform(0, 1)),
        "missing": tuple(rng.uniform(0, 1, 4).tolist()),
    }
    # Where few voxels are in the mask, much of the picture is near where half of the weights are inside.
    unsure = 0.15 if linear else 0.03
    check(draw, one_layer, lut, grid, column, planes=planes, unsure=unsure, name="random", **options)


@pytest.mark.parametrize("affine", ["as-is", "oblique-anisotropic", "axes-120-+--"])
def test_mask_without_a_map(draw: Draw, layer: Any, lut: Any, affine: str) -> None:
    grid = blob((6, 5, 4), affine_of(AFFINES[affine]), share=0.8)
    got = check(draw, layer, lut, grid, None, name="mask")
    lined = np.array(BACKGROUND[:3]) * 0.2 + np.array(OUTLINE[:3]) * 0.8
    for colour in (BACKGROUND[:3], FILL[:3], lined):
        assert (np.abs(got[..., :3] / 255 - colour).max(axis=-1) < 0.005).sum() > 200


def test_a_mask_of_one_voxel(draw: Draw, layer: Any, lut: Any) -> None:
    inside = np.zeros(27, bool)
    inside[13] = True
    for shape, mask in (((3, 3, 3), inside), ((1, 1, 1), np.ones(1, bool))):
        grid = MaskGrid(shape, affine_of(ROTATION * 2), mask)
        got = check(draw, layer, lut, grid, np.array([3.0], np.float32), name="one-voxel")
        assert (got[..., :3] == LUT[255, :3]).all(axis=-1).sum() > 500


@pytest.mark.parametrize("shape", [(6, 5, 4), (5, 6, 2), (1, 7, 3), (2, 2, 2)])
def test_a_mask_that_fills_the_grid(draw: Draw, layer: Any, lut: Any, shape: tuple[int, int, int]) -> None:
    grid = MaskGrid(shape, affine_of(AFFINES["axes-201--+-"]), np.ones(int(np.prod(shape)), bool))
    check(draw, layer, lut, grid, values(grid), name="full")
    check(draw, layer, lut, grid, None, name="full-mask")


def test_values_that_are_not_finite_are_missing(draw: Draw, layer: Any, lut: Any) -> None:
    grid = blob((6, 5, 4), affine_of(AFFINES["as-is"]), share=0.9)
    column = values(grid)
    column[::3] = np.nan
    column[1::6] = np.inf
    column[2::6] = -np.inf
    check(draw, layer, lut, grid, column, name="missing")
    nothing = np.full(grid.n_voxels, np.nan, np.float32)
    assert np.array_equal(
        check(draw, layer, lut, grid, nothing, name="nothing"), check(draw, layer, lut, grid, None, name="no-map")
    )


def test_huge_values_stay_values(draw: Draw, layer: Any, lut: Any) -> None:
    grid = MaskGrid((1, 1, 1), affine_of(np.eye(3) * 2), np.ones(1, bool))
    got = check(draw, layer, lut, grid, np.array([-3.4e38], np.float32), name="huge")
    assert (got[..., :3] == LUT[0, :3]).all(axis=-1).any()


def test_the_threshold_itself_is_drawn(draw: Draw, layer: Any, lut: Any) -> None:
    grid = MaskGrid((4, 1, 1), affine_of(np.eye(3) * 2), np.ones(4, bool))
    column = np.array([0.1, np.nextafter(np.float32(0.1), np.float32(0)), -0.1, 0.0], np.float32)
    check(draw, layer, lut, grid, column, threshold=0.1, name="threshold")
    got = check(draw, layer, lut, grid, np.zeros(4, np.float32), threshold=0.0, name="zero")
    middle = np.rint((LUT[127, :3].astype(float) + LUT[128, :3]) / 2)
    assert (np.abs(got[..., :3] - middle).max(axis=-1) <= 1).sum() > 500


def test_other_data_make_another_picture(draw: Draw, layer: Any, lut: Any) -> None:
    grid = blob((6, 5, 4), affine_of(AFFINES["oblique"]))
    first = check(draw, layer, lut, grid, values(grid, 1))
    second = check(draw, layer, lut, grid, values(grid, 2))
    assert (first != second).any(axis=-1).sum() > 1000
    low = check(draw, layer, lut, grid, values(grid, 2), threshold=1.0)
    high = check(draw, layer, lut, grid, values(grid, 2), threshold=2.0)
    assert (low != high).any(axis=-1).sum() > 300
    assert (low != check(draw, layer, lut, grid, values(grid, 2), threshold=1.0, vmax=5.0)).any(axis=-1).sum() > 300


@pytest.mark.parametrize(
    ("n_voxels", "shape"), [(1, (1, 2, 1)), (1024, (32, 8, 5)), (1025, (25, 41, 2)), (35127, (74, 74, 36))]
)
def test_a_map_uploads_its_column_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, draw: Draw, layer: Any, lut: Any, n_voxels: int, shape: tuple[int, int, int]
) -> None:
    from vispy.gloo import gl

    grid = MaskGrid(shape, np.eye(4), np.arange(np.prod(shape)) < n_voxels)
    layer.set_grid(grid)
    view = view_of(slice_planes(PANEL, grid.bounds, grid.mm_of(0)))
    draw(SIZE, lambda: layer.draw(view, SIZE, lut))
    uploads, draws, buffers = [], [], []
    upload, arrays, buffer = gl.glTexSubImage2D, gl.glDrawArrays, gl.glBufferSubData
    monkeypatch.setattr(gl, "glTexSubImage2D", lambda *a: (uploads.append(a[-1].nbytes), upload(*a)))
    monkeypatch.setattr(gl, "glDrawArrays", lambda *a: (draws.append(a), arrays(*a)))
    monkeypatch.setattr(gl, "glBufferSubData", lambda *a: (buffers.append(a), buffer(*a)))
    sent = layer.write_map(np.ones(n_voxels, np.float32))
    draw(SIZE, lambda: layer.draw(view, SIZE, lut))
    rows = -(-n_voxels // 1024)
    assert sent == 4 * 1024 * rows
    assert uploads == [sent]
    assert len(draws) == 1
    assert buffers == []


def test_the_column_is_copied_at_once(draw: Draw, layer: Any, lut: Any) -> None:
    grid = MaskGrid((2, 2, 2), affine_of(np.eye(3)), np.ones(8, bool))
    layer.set_grid(grid)
    view = view_of(slice_planes(PANEL, grid.bounds, grid.mm_of(0)))
    column = np.full(8, 3, np.float32)
    layer.write_map(column)
    column[:] = -3
    got = draw(SIZE, lambda: layer.draw(view, SIZE, lut))
    assert (got[..., :3] == LUT[255, :3]).all(axis=-1).sum() > 1000
    assert not (got[..., :3] == LUT[0, :3]).all(axis=-1).any()


def test_every_voxel_of_a_large_mask_finds_its_value(draw: Draw, layer: Any, lut: Any) -> None:
    """One pixel a voxel, each value its own place in the column: packing is exact up to 1.9 million voxels."""
    shape = (128, 128, 116)
    grid = MaskGrid(shape, np.eye(4), np.ones(int(np.prod(shape)), bool))
    assert grid.n_voxels > 1_900_000
    layer.set_grid(grid)
    number = np.arange(grid.n_voxels)
    ramp = np.zeros((256, 4), np.uint8)
    ramp[:, 0] = ramp[:, 3] = np.arange(256)
    ramp[:, 3] = 255
    from vispy import gloo

    ramp_texture = gloo.Texture2D(ramp[None], format="rgba", internalformat="rgba8", interpolation="nearest")
    for k in (0, 57, 115):
        plane = SlicePlane(Rect(0, 0, 128, 128), (-0.5, -0.5, float(k)), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
        for digit in (1, 256, 65536):
            byte = number // digit % 256
            layer.write_map((byte / 255 * 2 - 1).astype(np.float32))
            view = view_of((plane,), vmax=1.0)
            got = draw((128, 128), lambda view=view: layer.draw(view, (128, 128), ramp_texture))
            assert np.array_equal(got[..., 0], byte.reshape(shape[::-1])[k])


def test_planes_can_change_in_number_and_place(draw: Draw, layer: Any, lut: Any) -> None:
    grid = blob((6, 5, 4), affine_of(AFFINES["as-is"]))
    cursor = np.array(grid.mm_of(3)) + np.array([0.3, 0.2, 0.1])
    planes = slice_planes(PANEL, grid.bounds, tuple(cursor.tolist()), margin_mm=1.2345)
    moved = slice_planes(PANEL, grid.bounds, tuple((cursor + 3.1).tolist()), margin_mm=1.3579)
    column = values(grid)
    layer.set_grid(grid)
    layer.write_map(column)
    for some in (planes, moved, planes[:2], moved[1:], planes):
        view = view_of(some)
        got = drawn(draw, layer, lut, SIZE, view)
        expected = picture(view, SIZE, grid.shape, grid.affine, grid.inside, column, LUT)
        assert_close(got, expected.picture, name="planes", mask=expected.sure)
    view = view_of(())
    assert not draw(SIZE, lambda: layer.draw(view, SIZE, lut))[..., :3].any()


@pytest.mark.parametrize("linear", [False, True])
def test_no_more_is_drawn_than_what_may_show_something(draw: Draw, layer: Any, lut: Any, linear: bool) -> None:
    at = np.indices((20, 20, 20)).reshape(3, -1) - 9.5
    ball = np.linalg.norm(at, axis=0) < 10
    grid = MaskGrid((20, 20, 20), affine_of(AFFINES["as-is"]), ball)
    head = Anatomy(
        np.pad(ball.reshape(20, 20, 20), 1).astype(np.uint8) * 200, affine_of(AFFINES["as-is"], (30, -10, 2))
    )
    planes = slice_planes(PANEL, grid.bounds, grid.bounds.centre, margin_mm=12.0)
    shares = []
    for anatomy in (None, head, None):
        layer.set_grid(grid)
        layer.set_anatomy(anatomy)
        got = draw(SIZE, lambda: layer.draw(view_of(planes, has_map=False, linear=linear), SIZE, lut), (0, 0, 0, 0))
        shares.append((got[..., 3] > 0).sum() / sum(plane.rect.w * plane.rect.h for plane in planes))
    # An octagon around the ball, in a rectangle 12 mm wider on every side than the ball of 40 mm.
    expected = 2 * (np.sqrt(2) - 1) * 40**2 / 64**2
    assert expected < shares[0] < 1.15 * expected
    # The anatomy's ball lies 20 mm to the right; in the sagittal slice it hides behind the other, or nearly so.
    assert 1.2 * shares[0] < shares[1] < 2 * shares[0]
    assert shares[2] == shares[0]


def test_three_maps_are_there_at_once(monkeypatch: pytest.MonkeyPatch, draw: Draw, layer: Any, lut: Any) -> None:
    from vispy.gloo import gl

    grid = blob((6, 5, 4), affine_of(AFFINES["oblique"]))
    layer.set_grid(grid)
    cursor = np.array(grid.mm_of(3)) + np.array([0.3, 0.2, 0.1])
    thirds = [Rect(PANEL.x + n * 100, PANEL.y, 98, PANEL.h) for n in range(3)]
    columns = {"map": values(grid, 1), "template": values(grid, 2), "product": values(grid, 3)}
    columns["template"][::3] = np.nan
    views = [
        view_of(slice_planes(third, grid.bounds, tuple(cursor.tolist()), margin_mm=1.2345), source=source, vmax=n + 2.0)
        for n, (source, third) in enumerate(zip(columns, thirds, strict=True))
    ]
    for source in reversed(columns):
        layer.write_map(columns[source], source)
    calls: dict[str, list[Any]] = {"glDrawArrays": [], "glTexSubImage2D": [], "glBufferSubData": [], "glBufferData": []}

    def check_all() -> None:
        got = drawn(draw, layer, lut, SIZE, *views)
        for view in views:
            expected = picture(view, SIZE, grid.shape, grid.affine, grid.inside, columns[view.source], LUT)
            assert_close(got, expected.picture, name=view.source, mask=expected.sure & expected.in_planes)

    check_all()
    for name, seen in calls.items():
        real = getattr(gl, name)
        monkeypatch.setattr(gl, name, lambda *a, seen=seen, real=real: (seen.append(a), real(*a)))
    columns["product"] = values(grid, 4)
    layer.write_map(columns["product"], "product")
    check_all()
    assert {name: len(seen) for name, seen in calls.items()} == {
        "glDrawArrays": 3,
        "glTexSubImage2D": 1,
        "glBufferSubData": 0,
        "glBufferData": 0,
    }


def test_misuse_gets_a_sentence(monkeypatch: pytest.MonkeyPatch, layer: Any, lut: Any) -> None:
    from rtcog_gl.gpu import slices

    with pytest.raises(ValueError, match="before the mask"):
        layer.write_map(np.zeros(1, np.float32))
    with pytest.raises(ValueError, match="before the mask"):
        layer.draw(view_of(()), SIZE, lut)
    grid = blob((3, 3, 3), np.eye(4))
    layer.set_grid(grid)
    with pytest.raises(ValueError, match=rf"shape \(1,\), expected \({grid.n_voxels},\)"):
        layer.write_map(np.zeros(1, np.float32))
    with pytest.raises(ValueError, match=r"ends at 0\.0, expected more than 0"):
        layer.draw(view_of((), vmax=0.0), SIZE, lut)
    with pytest.raises(ValueError, match="asked to draw the template before it came"):
        layer.draw(view_of((), source="template"), SIZE, lut)
    monkeypatch.setattr(slices, "_limit", lambda name: 2)
    with pytest.raises(ValueError, match=r"a box of \(5, 5, 5\) voxels does not fit this GPU, expected at most 2"):
        layer.set_grid(grid)


def test_columns_are_packed_as_wide_as_needed() -> None:
    from rtcog_gl.gpu.map_texture import packed_shape

    assert packed_shape(1, 2048) == (1, 1024)
    assert packed_shape(1024, 2048) == (1, 1024)
    assert packed_shape(1025, 2048) == (2, 1024)
    assert packed_shape(4_000_000, 4096) == (3907, 1024)
    assert packed_shape(4_000_000, 2048) == (1954, 2048)
    with pytest.raises(ValueError, match="4000000 voxels do not fit"):
        packed_shape(4_000_000, 1024)
