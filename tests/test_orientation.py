"""The check of left and right: what it accepts, what it refuses, and what it leaves behind."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slices_rig import LUT, new_layer, palette, view_of

from rtcog_gl.model import phantom as model
from rtcog_gl.model.draw import Drawing, Rect, ShapeList, SlicePlane
from rtcog_gl.model.orientation import EDGES, KINDS, Slice, judge, judge_ramp
from rtcog_gl.model.phantom import NOTHING, VMAX, Phantom, phantom_of, ramp_of, sides_of, stand_in
from rtcog_gl.model.planes import EdgeLetters, slice_planes
from rtcog_gl.model.volume import MaskGrid

ROTATION = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
PLS = np.array([[-0.05, -2.9, 0.4], [-2.9, 0.05, -0.3], [0.25, 0.35, 3.1]])
"""Axes to the back, the left and the top, oblique, as scanners write them."""

AFFINES = {
    "as-is": np.diag([2.0, 2.0, 2.0]),
    "mirrored": np.diag([-2.0, 2.0, 2.0]),
    "permuted": np.array([[0, 0, 2.0], [-2.0, 0, 0], [0, 2.0, 0]]),
    "pls": PLS,
    "oblique": ROTATION * (1.1, 2.3, 3.7),
    "shear": np.array([[2.0, 0.7, 0.0], [0.0, 2.0, -0.4], [0.3, 0.0, 2.0]]),
}


def affine_of(linear: Any, origin: Any = (11.3, -7.9, 4.1)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = origin
    return matrix


def head(linear: Any = AFFINES["as-is"], n: int = 24) -> MaskGrid:
    """Return a mask like no mirror image of its own, of more than a few rows of a texture."""
    i, j, k = np.meshgrid(*(np.arange(n),) * 3, indexing="ij")
    middle, radius = (n - 1) / 2, n / 2
    inside = (i - middle) ** 2 + (j - middle) ** 2 + (k - middle) ** 2 < radius**2
    inside &= ~((i < n / 3) & (j > n / 2) & (k > 2 * n / 3))
    return MaskGrid((n, n, n), affine_of(linear), inside.ravel(order="F"))


def centres(grid: MaskGrid) -> np.ndarray:
    """World positions of the mask's voxels, straight from the definition."""
    places = np.argwhere(grid.inside.reshape(grid.shape[::-1]))[:, ::-1]
    return places @ grid.affine[:3, :3].T + grid.affine[:3, 3]


# --- The model ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", AFFINES)
def test_the_phantom_tells_on_which_side_a_voxel_lies(name: str) -> None:
    grid = head(AFFINES[name], 16)
    phantom = phantom_of(grid)
    assert phantom.column.shape == (grid.n_voxels,) and phantom.column.dtype == np.float32
    assert phantom.both_sides == (True, True, True)
    place = (phantom.column + VMAX).astype(int)
    sides = sides_of(model.palette()[place])
    mm, reach = centres(grid), np.abs(grid.affine[:3, :3]).sum(axis=1) / 2
    middle = mm.mean(axis=0)
    for axis in range(3):
        off = mm[:, axis] - middle[axis]
        # Where rounding may decide, either is right.
        sure = np.abs(np.abs(off) - reach[axis] * 1.05) > 1e-4
        expected = np.where(np.abs(off) < reach[axis] * 1.05, 0, np.sign(off))
        assert np.array_equal(sides[sure, axis], expected[sure])
        assert set(np.unique(sides[:, axis])) == {-1, 0, 1} and sure.sum() > 500


def test_the_palette_survives_rounding() -> None:
    for code in range(27):
        sides = [code // 3**axis % 3 - 1 for axis in range(3)]
        middle = code * 9 + 10
        for place in (middle - 4, middle, middle + 4):
            assert sides_of(model.palette()[place]).tolist() == sides
    colour = model.palette()[10, :3].astype(int)
    assert sides_of((colour + np.array([3, -7, 12])).astype(np.uint8)).tolist() == [-1, -1, -1]
    assert sides_of(np.array([0, 120, 200], np.uint8)).tolist() == [NOTHING] * 3


TONE = {-1: 80, 0: 160, 1: 240}


def painted(kind: str, radiological: bool, depth: int, wrong: str = "") -> Slice:
    """Paint by hand what a slice has to look like: 12 columns, 10 rows, one tone each half, a rim of nothing."""
    across, up, through = {"coronal": (0, 2, 1), "sagittal": (1, 2, 0), "axial": (0, 1, 2)}[kind]
    sides = np.zeros((10, 12, 3), int)
    sides[:, :6, across], sides[:, 6:, across] = -1, 1
    sides[:5, :, up], sides[5:, :, up] = 1, -1
    sides[..., through] = depth - 1
    if radiological and across == 0:
        sides = sides[:, ::-1]
    if wrong == "left" and across == 0:
        sides = sides[:, ::-1]
    if wrong == "front" and kind == "sagittal":
        sides = sides[:, ::-1]
    if wrong == "up" and kind == "axial":
        sides = sides[::-1]
    if wrong == "order":
        sides[..., through] *= -1
    if wrong == "half":
        sides[::2, :, across] *= -1
    pixels = np.vectorize(TONE.get)(sides).astype(np.uint8)
    pixels[[0, -1]] = 0
    letters = EDGES[kind, radiological]
    if wrong == "letters" and kind == "axial":
        letters = EdgeLetters(letters.right, letters.left, letters.top, letters.bottom)
    return Slice("row", kind, radiological, depth, letters, pixels)


ANY = Phantom(np.zeros(1, np.uint8), (), (), (True, True, True))


def all_slices(wrong: str = "", when: Callable[[bool], bool] = lambda radiological: True) -> list[Slice]:
    return [
        painted(kind, radiological, depth, wrong if when(radiological) else "")
        for kind in KINDS
        for radiological in (False, True)
        for depth in range(3)
    ]


def test_what_must_be_seen_is_accepted() -> None:
    assert judge(all_slices(), ANY) == ("", "")


@pytest.mark.parametrize("radiological", [False, True])
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("left", "left and right failed (drawn: {R} at the left of coronal slices, expected: at the right)"),
        ("front", "front and back failed (drawn: A at the left of sagittal slices, expected: at the right)"),
        ("up", "front and back failed (drawn: A at the bottom of axial slices, expected: at the top)"),
        ("order", "left and right failed (drawn: R in sagittal slices near L, expected: near R)"),
        ("half", "left and right failed (drawn: {R} mixed, at the left of coronal slices too, expected: at the right)"),
        ("letters", "left and right failed (letters: {R} to {L}, A to P, expected: {L} to {R}, A to P)"),
    ],
)
def test_what_is_wrong_gets_a_sentence(wrong: str, sentence: str, radiological: bool) -> None:
    """In one of the conventions is enough."""
    verdict = judge(all_slices(wrong, lambda drawn: drawn == radiological), ANY)
    edges = EDGES["coronal", radiological]
    expected = sentence.format(R=edges.right, L=edges.left)
    assert verdict == (f"map not shown: the check of {expected}", "")


def test_one_side_alone_is_refused_where_both_must_be_seen() -> None:
    slices = [one._replace(pixels=np.where(one.pixels == 80, 160, one.pixels)) for one in all_slices()]
    assert judge(slices, ANY).refused.endswith("left and right failed (drawn: one side only of slices, expected: both)")
    few = replace(ANY, both_sides=(False, False, True))
    assert "up and down failed" in judge(slices, few).refused
    few = replace(ANY, both_sides=(False, False, False))
    unseen = "left and right, front and back, up and down could not be checked"
    assert judge(slices, few).refused == "" and unseen in judge(slices, few).unchecked
    linear = [one._replace(layout="linear") for one in slices]
    assert judge(linear, ANY).refused == "" and unseen in judge(linear, ANY).unchecked
    assert "drawn: one side only of slices between voxels" in judge(linear, ANY, whole=True).refused


def test_each_kind_of_picture_must_show_both_sides() -> None:
    """What slices show is no proof for thumbnails."""
    blank = [one._replace(layout="thumbnail", pixels=np.zeros_like(one.pixels)) for one in all_slices()]
    for whole in (False, True):
        verdict = judge([*all_slices(), *blank], ANY, whole)
        assert verdict.refused == "" and "left and right, front and back, up and down could not" in verdict.unchecked


def test_a_picture_of_nothing_is_no_proof() -> None:
    slices = [one._replace(pixels=np.zeros_like(one.pixels)) for one in all_slices()]
    for whole in (False, True):
        verdict = judge(slices, ANY, whole)
        assert verdict.refused == ""
        assert verdict.unchecked.startswith("map: left and right, front and back, up and down could not be checked")


@pytest.mark.parametrize("name", AFFINES)
def test_the_phantom_of_an_axis_tells_its_sides_and_no_mixture(name: str) -> None:
    phantom = phantom_of(head(AFFINES[name], 16))
    octants = sides_of(model.palette()[(phantom.column + VMAX).astype(int)])
    for axis in range(3):
        place = (phantom.along(axis) + VMAX).astype(int)
        sides = sides_of(model.axis_palette()[place])
        assert np.array_equal(sides[:, axis], octants[:, axis])
        assert (np.delete(sides, axis, axis=1) == 0).all()
        low, middle, high = np.unique(place)
        mixed = [p for p in range(low, high + 1) if min(abs(p - q) for q in (low, middle, high)) > 3]
        assert len(mixed) > 50 and (sides_of(model.axis_palette()[mixed]) == NOTHING).all()


@pytest.mark.parametrize("name", AFFINES)
def test_a_stand_in_has_the_directions_of_the_mask_and_all_to_be_seen(name: str) -> None:
    for grid in (head(AFFINES[name], 16), MaskGrid((5, 1, 1), affine_of(AFFINES[name]), np.ones(5, bool))):
        block = stand_in(grid)
        assert block.n_voxels == 12**3 and phantom_of(block).both_sides == (True, True, True)
        own, other = (linear / np.linalg.norm(linear, axis=0) for linear in (grid.affine[:3, :3], block.affine[:3, :3]))
        assert np.allclose(own, other)
        ijk = grid.ijk_of(np.arange(grid.n_voxels))
        middle = (ijk.min(axis=0) + ijk.max(axis=0)) / 2
        assert np.allclose(block.affine @ [5.5, 5.5, 5.5, 1], grid.affine @ [*middle, 1])


@pytest.mark.parametrize("name", AFFINES)
def test_a_ramp_rises_evenly_in_the_world(name: str) -> None:
    block = stand_in(head(AFFINES[name], 16))
    ramp = ramp_of(block)
    k, j, i = np.indices(ramp.anatomy.volume.shape)
    mm = np.stack([i, j, k], axis=-1) @ ramp.anatomy.affine[:3, :3].T + ramp.anatomy.affine[:3, 3]
    rest = ramp.anatomy.volume - mm @ ramp.per_mm
    assert np.ptp(rest) <= 1.001
    corners = np.array([[-0.5] * 3, [23.5] * 3]), np.array([[-0.5] * 3, [11.5] * 3])
    own, other = (
        ends @ affine[:3, :3].T + affine[:3, 3]
        for ends, affine in zip(corners, (ramp.anatomy.affine, block.affine), strict=True)
    )
    assert np.allclose(own, other)


def ramped(wrong: str = "") -> list[Slice]:
    """Paint by hand slices of a ramp that rises by 4, 2 and 1 a mm; pixels of 1 mm, slices 10 mm apart."""
    made = []
    for kind in KINDS:
        across, up, through = {"coronal": (0, 2, 1), "sagittal": (1, 2, 0), "axial": (0, 1, 2)}[kind]
        for radiological in (False, True):
            for depth in range(3):
                at = np.zeros((10, 12, 3))
                at[..., across] = np.arange(12)
                at[..., up] = np.arange(10)[::-1, None]
                at[..., through] = 10 * depth
                if radiological and across == 0:
                    at = at[:, ::-1]
                if wrong == "left" and across == 0:
                    at = at[:, ::-1]
                if wrong == "up" and up == 2:
                    at = at[::-1]
                if wrong == "order" and kind == "axial":
                    at[..., 2] = 20 - at[..., 2]
                if wrong == "turned":
                    at = at[..., [1, 0, 2]]
                pixels = np.repeat((60 + at @ [4.0, 2.0, 1.0])[..., None], 3, axis=-1).astype(np.uint8)
                pixels[[0, -1]] = 0
                letters = EDGES[kind, radiological]
                made.append(Slice("anatomy", kind, radiological, depth, letters, pixels))
    return made


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("", ""),
        ("left", "left and right failed (drawn: R at the left of coronal slices of the anatomy, expected: at the "
         "right)"),
        ("up", "up and down failed (drawn: S at the bottom of coronal slices of the anatomy, expected: at the top)"),
        ("order", "up and down failed (drawn: S in axial slices of the anatomy near I, expected: near S)"),
        ("turned", "left and right failed (drawn: R mixed, at the left of coronal slices of the anatomy too, expected: "
         "at the right)"),
    ],
)  # fmt: skip
def test_a_ramp_shows_what_is_wrong(wrong: str, sentence: str) -> None:
    expected = f"map not shown: the check of {sentence}" if sentence else ""
    assert judge_ramp(ramped(wrong), (4.0, 2.0, 1.0)) == (expected, "")


def test_a_ramp_that_does_not_come_back_is_no_proof() -> None:
    blank = [one._replace(pixels=np.zeros_like(one.pixels)) for one in ramped()]
    verdict = judge_ramp(blank, (4.0, 2.0, 1.0))
    assert verdict.refused == ""
    assert verdict.unchecked.startswith("map: left and right, front and back, up and down could not be checked")


# --- On the GPU ---------------------------------------------------------------------------------------------------

gl = pytest.mark.gl


def checked(grid: MaskGrid) -> Any:
    """Return what the check at the start says."""
    from rtcog_gl.gpu import orientation
    from rtcog_gl.gpu.images import ImagesLayer

    layer = new_layer()
    layer.set_grid(grid)
    return orientation.check(layer, ImagesLayer(), grid)


PROGRAMS = [(True, False), (False, True), (True, True)]
"""Of the slices layer, but for the one of the first picture: whether between voxels, and whether over an anatomy."""


def checked_program(grid: MaskGrid, linear: bool, anatomy: bool) -> Any:
    from rtcog_gl.gpu import orientation

    layer = new_layer()
    layer.set_grid(grid)
    return orientation.check_program(layer, grid, linear, anatomy)


@gl
@pytest.mark.parametrize("name", AFFINES)
def test_any_affine_is_accepted(canvas: Any, name: str) -> None:
    assert checked(head(AFFINES[name])) == ("", "")
    for program in PROGRAMS:
        assert checked_program(head(AFFINES[name]), *program) == ("", "")


@gl
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**31))
def test_no_mask_is_refused_without_need(canvas: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 14, 3))
    linear = np.linalg.qr(rng.normal(size=(3, 3)))[0] @ (
        np.diag(rng.uniform(0.5, 5, 3)) + rng.uniform(-0.2, 0.2, (3, 3))
    )
    inside = rng.random(int(np.prod(shape))) < rng.choice([0.01, 0.2, 0.9])
    inside[rng.integers(len(inside))] = True
    grid = MaskGrid((shape[0], shape[1], shape[2]), affine_of(linear, rng.uniform(-90, 90, 3)), inside)
    assert checked(grid) == ("", "")
    for program in PROGRAMS:
        assert checked_program(grid, *program) == ("", "")


@gl
def test_the_real_run_is_accepted(canvas: Any, shared_data: Any) -> None:
    nibabel = pytest.importorskip("nibabel")
    from rtcog_gl.session.images import grid_from_image

    grid = grid_from_image(nibabel.load(shared_data / "bold155_mask.nii.gz"))
    assert checked(grid) == ("", "")
    for program in PROGRAMS:
        assert checked_program(grid, *program) == ("", "")


ONE_SIDED = {
    "a voxel": MaskGrid((1, 1, 1), affine_of(ROTATION * 2), np.ones(1, bool)),
    "a layer": MaskGrid((20, 20, 1), affine_of(AFFINES["as-is"]), np.ones(400, bool)),
    "a few": MaskGrid((20, 20, 20), affine_of(PLS), np.arange(8000) % 977 == 0),
}


@gl
@pytest.mark.parametrize("name", ONE_SIDED)
def test_masks_with_one_side_only_are_checked_with_a_stand_in(
    canvas: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    grid = ONE_SIDED[name]
    assert checked(grid) == ("", "")
    assert all(checked_program(grid, *program) == ("", "") for program in PROGRAMS)
    sabotaged(monkeypatch, "common/slices_nearest.glsl", "vec3 voxel = floor(p + 0.5)", f"vec3 voxel = {MIRRORED['p']}")
    assert checked(grid).refused.startswith("map not shown: the check of ")


def wrong_inverse(patch: pytest.MonkeyPatch, axis: int) -> None:
    """Have the shader get an affine that mirrors one of the world's axes about the head's middle."""
    from rtcog_gl.gpu import slices

    right = slices._inverse
    middle = centres(head(PLS)).mean(axis=0)

    def mirrored(affine: np.ndarray) -> Any:
        if np.array_equal(affine, np.eye(4)):
            return right(affine)
        flip = np.eye(4)
        flip[axis, axis] = -1
        flip[axis, 3] = 2 * middle[axis]
        return right(flip @ affine)

    patch.setattr(slices, "_inverse", mirrored)


AXES = ("left and right", "front and back", "up and down")


def sabotaged(patch: pytest.MonkeyPatch, shader: str, right: str, wrong: str) -> None:
    """Have a shader, or a piece of some, made with a line that is wrong."""
    from rtcog_gl.gpu import shaders

    real = shaders.source.__wrapped__

    def source(name: str) -> str:
        text: str = real(name)
        if name == shader:
            assert text.count(right) == 1
            text = text.replace(right, wrong)
        return text

    patch.setattr(shaders, "source", source)


MIRRORED = {"p": "floor(vec3(u_box.x - 1.0 - p.x, p.yz) + 0.5)"}
IMAGES = "vec2 place = v_cell.xy + floor(clamp(texel,"
LINEAR = "vec3 first = floor(p);"
GREY = "texture3D(u_anatomy, (v_anatomy + 0.5) / u_anatomy_size)"


@gl
@pytest.mark.parametrize("axis", range(3))
def test_a_mirrored_affine_is_refused(canvas: Any, monkeypatch: pytest.MonkeyPatch, axis: int) -> None:
    wrong_inverse(monkeypatch, axis)
    assert checked(head(PLS)).refused.startswith(f"map not shown: the check of {AXES[axis]} failed (drawn: ")


def flipped(plane: SlicePlane, across: bool) -> SlicePlane:
    """Return the plane with its picture mirrored, or upside down."""
    step, n = (plane.right, plane.rect.w) if across else (plane.down, plane.rect.h)
    origin = np.array(plane.origin) + n * np.array(step)
    back = tuple((-np.array(step)).tolist())
    end = tuple(origin.tolist())
    return replace(plane, origin=end, right=back) if across else replace(plane, origin=end, down=back)


@gl
@pytest.mark.parametrize("layout", ["slice_planes", "ortho_planes", "mosaic_planes"])
@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("honest", [True, False])
def test_a_flipped_plane_is_refused(
    canvas: Any, monkeypatch: pytest.MonkeyPatch, layout: str, across: bool, honest: bool
) -> None:
    """Whether the letters at its edges say so or not."""
    from rtcog_gl.gpu import orientation

    real = getattr(orientation, layout)

    def wrong(*args: Any) -> Any:
        planes = real(*args)
        if layout == "ortho_planes":
            return tuple(flipped(plane, across) for plane in planes[0]), planes[1]
        return tuple(flipped(plane, across) for plane in planes)

    monkeypatch.setattr(orientation, layout, wrong)
    if not honest:
        judged = orientation.judge
        monkeypatch.setattr(
            orientation,
            "judge",
            lambda slices, *args: judged(
                [one._replace(letters=EDGES[one.kind, one.radiological]) for one in slices], *args
            ),
        )
    refused = checked(head(PLS)).refused
    assert refused.startswith("map not shown: the check of ")
    assert ("letters: " in refused) == honest


def permuted(patch: pytest.MonkeyPatch, order: Callable[[np.ndarray], np.ndarray]) -> None:
    """Have columns uploaded in a wrong order."""
    from rtcog_gl.gpu.map_texture import MapTexture

    write = MapTexture.write
    patch.setattr(
        MapTexture, "write", lambda self, column: write(self, column[order(np.arange(len(column))) % len(column)])
    )


@gl
@pytest.mark.parametrize(
    "order",
    [
        lambda i: i[::-1],
        lambda i: i % 1024 + (i // 1024)[::-1] * 1024,
        lambda i: i // 1024 * 1024 + 1023 - i % 1024,
        lambda i: i ^ 1024,
        lambda i: i ^ 256,
        lambda i: i ^ 16,
        lambda i: i // 2,
    ],
    ids=["backwards", "rows", "columns", "bit-10", "bit-8", "bit-4", "half"],
)
def test_a_wrongly_packed_column_is_refused(
    canvas: Any, monkeypatch: pytest.MonkeyPatch, order: Callable[[np.ndarray], np.ndarray]
) -> None:
    permuted(monkeypatch, order)
    assert checked(head(PLS)).refused.startswith("map not shown: the check of ")


@gl
@pytest.mark.parametrize("axes", [(2, 1, 0), (1, 0, 2), (0, 2, 1), (1, 2, 0)])
def test_a_transposed_index_is_refused(canvas: Any, axes: tuple[int, int, int]) -> None:
    from rtcog_gl.gpu import orientation
    from rtcog_gl.gpu.images import ImagesLayer

    grid = head(PLS)
    layer = new_layer()
    inside = grid.inside.reshape(grid.shape, order="F").transpose(axes).ravel(order="F")
    layer.set_grid(MaskGrid(grid.shape, grid.affine, inside))
    assert orientation.check(layer, ImagesLayer(), grid).refused.startswith("map not shown: the check of ")


@gl
@pytest.mark.parametrize("axis", "xy")
def test_mirrored_images_are_refused(canvas: Any, monkeypatch: pytest.MonkeyPatch, axis: str) -> None:
    number = {"x": "v_cell.z - texel.x, texel.y", "y": "texel.x, v_cell.w - texel.y"}[axis]
    sabotaged(monkeypatch, "images.frag", IMAGES, IMAGES.replace("texel", f"vec2({number})"))
    refused = checked(head(PLS)).refused
    assert refused.startswith("map not shown: the check of ")
    assert "projections" in refused or "thumbnails" in refused


@gl
@pytest.mark.parametrize("axis", "xyz")
def test_mirrored_values_between_voxels_are_refused(canvas: Any, monkeypatch: pytest.MonkeyPatch, axis: str) -> None:
    wrong = f"p.{axis} = u_box.{axis} - 1.0 - p.{axis}; {LINEAR}"
    sabotaged(monkeypatch, "common/slices_linear.glsl", LINEAR, wrong)
    refused = checked_program(head(PLS), True, False).refused
    assert refused.startswith("map not shown: the check of ") and "slices between voxels" in refused
    assert checked_program(ONE_SIDED["a voxel"], True, False).refused.startswith("map not shown: the check of ")


@gl
@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("order", ["s.x - p.x, p.yz", "p.x, s.y - p.y, p.z", "p.xy, s.z - p.z", "p.yxz", "p.xzy"])
def test_a_wrongly_sampled_anatomy_is_refused(
    canvas: Any, monkeypatch: pytest.MonkeyPatch, linear: bool, order: str
) -> None:
    place = order.replace("s.", "u_anatomy_size.").replace("p.", "(v_anatomy + 0.5).")
    wrong = f"texture3D(u_anatomy, vec3({place}) / u_anatomy_size)"
    sabotaged(monkeypatch, "common/slices_anatomy.glsl", GREY, wrong)
    refused = checked_program(head(PLS), linear, True).refused
    assert refused.startswith("map not shown: the check of ") and "slices of the anatomy" in refused


@gl
@pytest.mark.parametrize("n", range(3))
@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_projection_is_refused(canvas: Any, monkeypatch: pytest.MonkeyPatch, n: int, axis: int) -> None:
    from rtcog_gl.model.glass import Glass, Projector

    real = Projector.project

    def wrong(self: Projector, column: np.ndarray) -> Glass:
        images = list(real(self, column).images)
        images[n] = np.flip(images[n], axis)
        return Glass((images[0], images[1], images[2]))

    monkeypatch.setattr(Projector, "project", wrong)
    assert f"of {KINDS[n]} projections, expected: " in checked(head(PLS)).refused


@gl
@pytest.mark.parametrize("turn", [np.transpose, np.fliplr, np.flipud], ids=["transposed", "mirrored", "upside-down"])
def test_a_turned_thumbnail_is_refused(canvas: Any, monkeypatch: pytest.MonkeyPatch, turn: Any) -> None:
    from rtcog_gl.gpu import orientation

    real = orientation.thumbnail

    def wrong(*args: Any) -> Any:
        thumb = real(*args)
        return replace(thumb, image=turn(thumb.image))

    monkeypatch.setattr(orientation, "thumbnail", wrong)
    assert "of axial thumbnails" in checked(head(PLS)).refused


@gl
@pytest.mark.parametrize(
    ("linear", "anatomy", "sabotage"),
    [
        (True, False, ("common/slices_linear.glsl", LINEAR, f"p.x = u_box.x - 1.0 - p.x; {LINEAR}")),
        (False, True, ("common/slices_anatomy.glsl", GREY, GREY.replace("(v_anatomy + 0.5)", "(v_anatomy + 0.5).yxz"))),
        (True, True, ("common/slices_anatomy.glsl", GREY, GREY.replace("(v_anatomy + 0.5)", "(v_anatomy + 0.5).yxz"))),
    ],
)
def test_a_program_is_checked_before_its_first_picture_and_once(
    canvas: Any, draw: Any, monkeypatch: pytest.MonkeyPatch, linear: bool, anatomy: bool, sabotage: tuple[str, str, str]
) -> None:
    from rtcog_gl.gpu import orientation
    from rtcog_gl.gpu.renderer import Renderer
    from rtcog_gl.gpu.target import DirectTarget
    from rtcog_gl.model.session import Session

    grid, size, seen = head(PLS), (60, 60), []
    check_program = orientation.check_program

    def counted(*args: Any) -> Any:
        seen.append(args[2:])
        return check_program(*args)

    monkeypatch.setattr(orientation, "check_program", counted)
    planes = slice_planes(Rect(0, 0, 60, 60), grid.bounds, grid.bounds.centre)
    values = np.linspace(-3, 3, grid.n_voxels, dtype=np.float32)
    black = (0.0, 0.0, 0.0, 1.0)

    def picture(renderer: Any, linear: bool) -> np.ndarray:
        panel = Rect(0, 0, 60, 60)
        drawing = Drawing(panel, ShapeList().array(), black, slices=(view_of(planes, linear=linear),))

        def paint() -> None:
            renderer.begin(size)
            renderer.draw({"map": drawing}, {"map": panel}, size)

        found: np.ndarray = draw(size, paint)[..., :3]
        return found

    def renderer() -> Any:
        made = Renderer(Session(nt=10, labels=("A",), hit_thr=1.0), grid, "RdBu_r")
        made._target = DirectTarget()
        made.write_map(values)
        if anatomy:
            made.set_anatomy(ramp_of(stand_in(grid)).anatomy)
        return made

    good = renderer()
    assert seen == []
    first = picture(good, linear)
    assert seen == [(linear, anatomy)] and first.any()
    # What was on the GPU is there as before.
    assert np.array_equal(picture(good, linear), first)
    assert seen == [(linear, anatomy)] and good.map_refused == good.map_unchecked == ""
    sabotaged(monkeypatch, *sabotage)
    bad = renderer()
    assert bad.map_refused == ""
    assert not picture(bad, linear).any()
    assert bad.map_refused.startswith("map not shown: the check of ")


@gl
def test_a_refusal_is_logged_and_reaches_the_panel(
    canvas: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from rtcog_gl.gpu.renderer import Renderer
    from rtcog_gl.model.session import Session

    session = Session(nt=10, labels=("A",), hit_thr=1.0)
    good = Renderer(session, head(PLS), "RdBu_r")
    assert good.map_refused == good.map_unchecked == good.map_error == ""
    assert not [r for r in caplog.records if r.name == "rtcog_gl"]
    wrong_inverse(monkeypatch, 0)
    bad = Renderer(session, head(PLS), "RdBu_r")
    assert bad.map_refused.startswith("map not shown: the check of left and right failed")
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == [bad.map_refused]


@gl
@pytest.mark.parametrize("where", ["activate", "read"])
def test_a_check_that_cannot_be_made_is_no_refusal_but_told(
    canvas: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    from vispy import gloo

    from rtcog_gl.gpu.renderer import Renderer
    from rtcog_gl.model.session import Session

    def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("Combination of internal\nformats")

    with monkeypatch.context() as patch:
        patch.setattr(gloo.FrameBuffer, where, fail)
        renderer = Renderer(Session(nt=10, labels=("A",), hit_thr=1.0), head(PLS), "RdBu_r")
    expected = "map: left and right could not be checked on this GPU (Combination of internal formats)"
    assert (renderer.map_refused, renderer.map_unchecked) == ("", expected)
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING] == [expected]
    # The context still works.
    assert checked(head(PLS)) == ("", "")


@gl
def test_nothing_is_left_behind(canvas: Any, draw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from vispy import gloo

    from rtcog_gl.gpu import orientation
    from rtcog_gl.gpu.images import ImagesLayer

    grid, lut = head(PLS), palette()
    layer, images = new_layer(), ImagesLayer()
    layer.set_grid(grid)
    # Room in the atlas is kept, for images of the same sizes come again.
    images.write(("thumb", 0, 0), np.zeros((4, 4), np.float32))
    planes = slice_planes(Rect(0, 0, 60, 60), grid.bounds, grid.bounds.centre)
    empty = draw((60, 60), lambda: layer.draw(view_of(planes), (60, 60), lut))
    canvas.set_current()
    balance = {"Texture": 0, "Framebuffer": 0}
    for name in balance:
        for verb, step in (("Create", 1), ("Delete", -1)):
            real = getattr(gloo.gl, f"gl{verb}{name}")

            def counted(*args: Any, real: Any = real, name: str = name, step: int = step) -> Any:
                balance[name] += step
                return real(*args)

            monkeypatch.setattr(gloo.gl, f"gl{verb}{name}", counted)

    names = {"framebuffer": 0x8CA6, "viewport": 0x0BA2, "scissor": 0x0C10}
    mine = gloo.FrameBuffer(color=gloo.Texture2D((50, 70, 4), format="rgba", internalformat="rgba8"))
    with mine:
        gloo.set_viewport(3, 4, 50, 40)
        gloo.set_scissor(5, 6, 7, 8)
        gloo.set_state(scissor_test=True, blend=False)
        gloo.flush()
        balance.update(Texture=0, Framebuffer=0)
        before = {name: np.array(gloo.gl.glGetParameter(key)).tolist() for name, key in names.items()}
        assert orientation.check(layer, images, grid) == ("", "")
        for program in PROGRAMS:
            assert orientation.check_program(layer, grid, *program) == ("", "")
        assert {name: np.array(gloo.gl.glGetParameter(key)).tolist() for name, key in names.items()} == before
        assert bool(gloo.gl.glIsEnabled(0x0C11)) and not gloo.gl.glIsEnabled(0x0BE2)
    gloo.set_state(scissor_test=False, blend=True)
    gloo.flush()
    assert balance == {"Texture": 0, "Framebuffer": 0}
    assert before["framebuffer"] != 0 and before["viewport"] == [3, 4, 50, 40]
    mine.delete()
    # No map either: what is drawn is what was drawn before any map came.
    assert np.array_equal(draw((60, 60), lambda: layer.draw(view_of(planes), (60, 60), lut)), empty)
    layer.write_map(np.full(grid.n_voxels, 3.0, np.float32))
    full = draw((60, 60), lambda: layer.draw(view_of(planes), (60, 60), lut))
    assert (full[..., :3] == LUT[255, :3]).all(axis=-1).sum() > 200
