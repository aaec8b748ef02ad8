"""How the slices layer draws: anatomy and its grey window, missing voxels, opacity, weighting by distance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pixels import Draw
from slices_rig import BACKGROUND, FILL, LUT, OUTLINE, blob, check, drawn, holed, new_layer, palette, values, view_of

from rtcog_gl.model.anatomy import Anatomy, anatomy_from_array
from rtcog_gl.model.draw import Rect, SlicePlane
from rtcog_gl.model.volume import MaskGrid

pytestmark = pytest.mark.gl

ROTATION = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = ROTATION * 2.2
OBLIQUE[:3, 3] = (11.3, -7.9, 4.1)
MISSING = (0.9, 0.2, 0.7, 0.6)
WHITE = (1.0, 1.0, 1.0, 1.0)


@pytest.fixture
def layer(canvas: Any) -> Any:
    return new_layer()


@pytest.fixture(scope="module")
def lut(canvas: Any) -> Any:
    return palette()


def smooth_head() -> Anatomy:
    """Smooth, as heads are: drivers round the weights of linear filtering to eight bits."""
    smooth = np.random.default_rng(3).uniform(0, 1, (4, 3, 3)).repeat(5, 0).repeat(5, 1).repeat(5, 2)
    for axis in range(3):
        for _ in range(3):
            smooth = (smooth + np.roll(smooth, 1, axis) + np.roll(smooth, -1, axis)) / 3
    affine = np.eye(4)
    affine[:3, :3] = ROTATION.T * 1.3
    affine[:3, 3] = (2.0, -20.0, -3.0)
    return anatomy_from_array(smooth, affine)


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("background", [BACKGROUND, WHITE])
@pytest.mark.parametrize("grey", [(0.5, 1.0), (0.4, 0.8), (0.6, 0.7), (0.2, 1.0), (0.5, 3.0)])
def test_anatomy_under_the_map(
    draw: Draw, layer: Any, lut: Any, grey: tuple[float, float], background: tuple[float, ...], linear: bool
) -> None:
    grid = blob((9, 7, 5), OBLIQUE)
    options: dict[str, Any] = {"background": background, "grey": grey, "linear": linear, "tol": 2, "name": "anatomy"}
    column = holed(values(grid))
    got = [
        check(draw, layer, lut, grid, column, smooth_head(), threshold=1.5, missing=MISSING, opacity=0.7, **options),
        check(draw, layer, lut, grid, column, smooth_head(), threshold=1.5, radiological=True, **options),
        check(draw, layer, lut, grid, None, smooth_head(), missing=MISSING, **options),
    ]
    for other in got[1:]:
        assert (got[0] != other).any(axis=-1).sum() > 1000
    layer.set_anatomy(None)
    check(draw, layer, lut, grid, column, threshold=2.5, **options)


@pytest.mark.parametrize("linear", [False, True])
def test_an_anatomy_is_seen_to_its_last_trace(draw: Draw, layer: Any, lut: Any, linear: bool) -> None:
    """Single voxels far from each other and from the mask, which filtering spreads."""
    volume = np.zeros((9, 8, 7), np.uint8)
    for at in ((0, 0, 0), (8, 7, 3), (4, 0, 6), (2, 5, 5), (7, 2, 1)):
        volume[at] = 255
    grid = MaskGrid((3, 3, 3), OBLIQUE, np.ones(27, bool))
    for turn in (np.eye(3), ROTATION):
        affine = np.eye(4)
        affine[:3, :3] = turn * 2.9
        affine[:3, 3] = np.array(grid.bounds.centre) - affine[:3, :3] @ [3.1, 3.6, 4.1]
        for axis in range(3):
            right, down = 0.9 * np.roll(np.eye(3), axis, 0)[1], -0.8 * np.roll(np.eye(3), axis, 0)[2]
            planes = []
            for n in range(12):
                middle = np.array(grid.bounds.centre) + 2.1 * (n - 5.5)
                rect = Rect(50.0 * (n % 6), 60.0 * (n // 6), 50, 60)
                origin = middle - 25 * right - 30 * down
                planes.append(SlicePlane(rect, *(tuple(part.tolist()) for part in (origin, right, down))))
            head = Anatomy(volume, affine)
            got = check(draw, layer, lut, grid, None, head, 0.03, "traces", tuple(planes), 3, linear=linear)
            bare = np.abs(got[..., :3] / 255 - np.array(BACKGROUND[:3])).max(axis=-1) < 0.01
            assert (~bare & got[..., :3].any(axis=-1)).sum() > 200


def test_another_grey_window_is_another_picture_of_the_anatomy_only(draw: Draw, layer: Any, lut: Any) -> None:
    grid = blob((9, 7, 5), OBLIQUE)
    windows = [(0.5, 1.0), (0.5, 0.5), (0.3, 1.0)]
    under = [check(draw, layer, lut, grid, None, smooth_head(), tol=3, grey=grey) for grey in windows]
    over = [check(draw, layer, lut, grid, None, grey=grey) for grey in windows]
    for other in (1, 2):
        assert (under[0] != under[other]).any(axis=-1).sum() > 500
        assert np.array_equal(over[0], over[other])


def test_a_window_s_ends_are_dark_and_light(draw: Draw, layer: Any, lut: Any) -> None:
    """Greys of 51, 102, 153 and 204 of 255, through a window from 0.4 to 0.6."""
    from rtcog_gl.gpu.slices import ANATOMY_LIGHT

    head = Anatomy(np.array([[[51, 102, 153, 204]]], np.uint8), np.eye(4))
    layer.set_grid(MaskGrid((1, 1, 1), np.eye(4), np.ones(1, bool)))
    layer.set_anatomy(head)
    plane = SlicePlane(Rect(0, 0, 4, 1), (-0.5, -0.5, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    view = view_of((plane,), has_map=False, grey=(0.5, 0.2))
    got = draw((4, 1), lambda: layer.draw(view, (4, 1), lut))[0, :, :3]
    dark, light = (np.rint(np.array(colour[:3]) * 255) for colour in (BACKGROUND, ANATOMY_LIGHT))
    assert np.abs(got - np.array([dark, dark, light, light])).max() <= 1


@pytest.mark.parametrize("linear", [False, True])
def test_missing_voxels_get_their_colour_and_nothing_else_does(draw: Draw, layer: Any, lut: Any, linear: bool) -> None:
    grid = MaskGrid((3, 3, 3), np.diag([2.0, 2.0, 2.0, 1.0]), np.ones(27, bool))
    column = np.full(27, 3, np.float32)
    column[13] = np.nan
    options: dict[str, Any] = {"linear": linear, "name": "missing"}
    laid_over = np.rint(255 * (np.array(MISSING[:3]) * MISSING[3] + np.array(FILL[:3]) * (1 - MISSING[3])))
    for opacity in (1.0, 0.3):
        got = check(draw, layer, lut, grid, column, missing=MISSING, opacity=opacity, **options)
        one = (np.abs(got[..., :3] - laid_over) <= 1).all(axis=-1)
        # A voxel in each of three slices that show three by three (and a margin).
        assert 300 < one.sum() < 3 * 119**2 / 9
    bare = check(draw, layer, lut, grid, column, **options)
    assert (np.abs(bare[one, :3] - np.array(FILL[:3]) * 255) <= 1).all()
    without = check(draw, layer, lut, grid, None, missing=MISSING, **options)
    assert not (np.abs(without[..., :3] - laid_over) <= 1).all(axis=-1).any()


@pytest.mark.parametrize("linear", [False, True])
def test_opacity_runs_from_no_map_to_the_map_alone(draw: Draw, layer: Any, lut: Any, linear: bool) -> None:
    grid = blob((6, 5, 4), OBLIQUE, share=0.9)
    pictures = [
        check(draw, layer, lut, grid, values(grid), opacity=opacity, linear=linear, threshold=0.5)
        for opacity in (0.0, 0.5, 1.0)
    ]
    assert np.array_equal(pictures[0], check(draw, layer, lut, grid, None, linear=linear))
    halfway = (pictures[0].astype(float) + pictures[2]) / 2
    assert np.abs(pictures[1] - halfway).max() <= 1
    assert (pictures[0] != pictures[2]).any(axis=-1).sum() > 500


def test_weighted_values_run_in_between_and_stop_where_the_mask_does(draw: Draw, layer: Any, lut: Any) -> None:
    """A row of four voxels, one pixel a tenth of a voxel: known values at known places."""
    grid = MaskGrid((6, 1, 1), np.eye(4), np.array([False, True, True, True, True, False]))
    layer.set_grid(grid)
    layer.write_map(np.array([-3, -1, 1, 3], np.float32))
    plane = SlicePlane(Rect(0, 0, 60, 1), (-0.5, -0.5, 0.0), (0.1, 0.0, 0.0), (0.0, 1.0, 0.0))
    view = view_of((plane,), linear=True)
    got = drawn(draw, layer, lut, (60, 1), view)[0, :, :3].astype(float)
    mm = -0.45 + 0.1 * np.arange(60)
    there = (mm > 0.5) & (mm < 4.5)
    place = 255 * (0.5 + np.clip((mm - 2.5) * 2, -3, 3) / 6)
    expected = np.stack([np.interp(place, np.arange(256), LUT[:, c]) for c in range(3)], axis=1)
    assert np.abs(got - expected)[there].max() <= 2
    assert np.abs(got[~there] - np.rint(np.array(BACKGROUND[:3]) * 255)).max() <= 1


@pytest.mark.parametrize("nx", [126, 127, 128, 254, 255, 300, 510])
@pytest.mark.parametrize("linear", [False, True])
def test_rows_longer_than_a_byte_counts(draw: Draw, layer: Any, lut: Any, linear: bool, nx: int) -> None:
    """Planes across the ends of segments, where the numbers' two parts change together."""
    for share in (1.0, 0.6):
        grid = blob((nx, 3, 3), np.diag([1.0, 20.0, 20.0, 1.0]), seed=nx, share=share)
        for k, column in ((0, values(grid)), (1, holed(values(grid)))):
            width = 2 * nx + 4
            plane = SlicePlane(
                Rect(0, 0, width, 60), (-1.52, -9.77, 3.3 + 20 * k), (0.503, 0.0, 0.0), (0.0, 1.001, 0.0)
            )
            small = SlicePlane(Rect(0, 60, 60, 60), (100.2, -9.7, 1.0), (1.003, 0.0, 0.0), (0.0, 1.001, 0.0))
            size = (width, 120)
            view = view_of((plane, small), linear=linear, missing=MISSING)
            compare(draw, layer, lut, grid, column, view, size)


def compare(
    draw: Draw, layer: Any, lut: Any, grid: MaskGrid, column: np.ndarray, view: Any, size: tuple[int, int]
) -> None:
    from pixels import assert_close
    from reference.slices import picture

    layer.set_grid(grid)
    layer.write_map(column)
    got = drawn(draw, layer, lut, size, view)
    expected = picture(view, size, grid.shape, grid.affine, grid.inside, column, LUT)
    assert (~expected.sure).mean() < 0.1
    assert_close(got, expected.picture, tol=1 + view.linear, name="long-rows", mask=expected.sure)


def test_a_picture_of_the_same_again_sets_nothing_and_a_moved_one_its_corners(
    monkeypatch: pytest.MonkeyPatch, draw: Draw, layer: Any, lut: Any
) -> None:
    from vispy.gloo import gl

    layer.set_grid(blob((6, 5, 4), OBLIQUE))
    layer.write_map(np.ones(layer._n_voxels, np.float32))
    planes = [
        tuple(SlicePlane(Rect(10 * n, 0, 9, 9), (x, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)) for n in range(3))
        for x in (0.0, 1.0)
    ]
    draw((30, 10), lambda: layer.draw(view_of(planes[0]), (30, 10), lut))
    calls: list[str] = []
    for name in [
        name for name in dir(gl) if name.startswith(("glUniform", "glBufferData", "glBufferSubData", "glTex"))
    ]:
        real = getattr(gl, name)
        monkeypatch.setattr(gl, name, lambda *a, name=name, real=real: (calls.append(name), real(*a))[1])

    def counted(view: Any) -> list[str]:
        from vispy import gloo

        gloo.flush()
        calls.clear()
        layer.draw(view, (30, 10), lut)
        gloo.flush()
        return list(calls)

    def inside() -> None:
        assert counted(view_of(planes[0])) == []
        assert counted(view_of(planes[1])) == ["glBufferSubData"]
        assert counted(view_of(planes[1], threshold=0.5)) == ["glUniform1fv"]

    draw((30, 10), inside)


def test_nothing_of_a_column_stays_on_this_side(monkeypatch: pytest.MonkeyPatch, layer: Any) -> None:
    """Not even where nothing is drawn with it: other modes of the panel get maps, too."""
    import gc
    import weakref

    from vispy import gloo
    from vispy.gloo import gl

    grid = blob((20, 20, 20), OBLIQUE)
    layer.set_grid(grid)
    gloo.flush()
    sent = []
    upload = gl.glTexSubImage2D
    monkeypatch.setattr(gl, "glTexSubImage2D", lambda *a: (sent.append(weakref.ref(a[-1])), upload(*a)))
    for n in range(3):
        layer.write_map(values(grid, n))
        gloo.flush()
    gc.collect()
    assert [one() for one in sent] == [None, None, None]


def test_what_is_given_up_leaves_the_gpu(
    monkeypatch: pytest.MonkeyPatch, draw: Draw, layer: Any, lut: Any, canvas: Any
) -> None:
    import gc

    from vispy import gloo
    from vispy.gloo import gl

    grid = blob((6, 5, 4), OBLIQUE)
    layer.set_grid(grid)
    layer.set_anatomy(smooth_head())
    layer.write_map(values(grid, 1))
    layer.write_map(values(grid, 2), "beside")
    plane = SlicePlane(Rect(0, 0, 9, 9), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    pictures = {}
    for linear in (False, True):
        for source in ("map", "beside"):
            view = view_of((plane,), source=source, linear=linear)
            pictures[source, linear] = draw((9, 9), lambda view=view: layer.draw(view, (9, 9), lut))
    gc.collect()
    gloo.flush()
    gone: list[Any] = []
    delete = gl.glDeleteTexture
    monkeypatch.setattr(gl, "glDeleteTexture", lambda texture: (gone.append(texture), delete(texture)))
    layer.drop_map("beside")
    layer.drop_map("beside")
    gc.collect()
    gloo.flush()
    assert len(gone) == 1
    for linear in (False, True):
        view = view_of((plane,), linear=linear)
        assert np.array_equal(draw((9, 9), lambda view=view: layer.draw(view, (9, 9), lut)), pictures["map", linear])
    gc.collect()
    gloo.flush()
    gone.clear()
    layer.set_anatomy(None)
    gc.collect()
    gloo.flush()
    assert len(gone) == 1


@pytest.mark.parametrize("width", [0.0, -1.0, float("nan")])
def test_a_grey_window_without_a_width_gets_a_sentence(layer: Any, lut: Any, width: float) -> None:
    layer.set_grid(blob((3, 3, 3), np.eye(4)))
    with pytest.raises(ValueError, match=rf"the grey window is {width} wide, expected more than 0"):
        layer.draw(view_of((), grey=(0.5, width)), (9, 9), lut)


def test_the_outline_is_no_part_of_an_anatomy(draw: Draw, layer: Any, lut: Any) -> None:
    grid = blob((6, 5, 4), OBLIQUE)
    lined = np.array(BACKGROUND[:3]) * 0.2 + np.array(OUTLINE[:3]) * 0.8
    for anatomy, some in ((None, True), (smooth_head(), False)):
        got = check(draw, layer, lut, grid, None, anatomy, tol=2)
        assert bool((np.abs(got[..., :3] / 255 - lined).max(axis=-1) < 0.004).sum() > 100) == some
