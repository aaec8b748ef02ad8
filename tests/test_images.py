"""The images layer against its numpy reference, its atlas, and what it uploads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pixels import Draw, assert_close
from reference.images import paint
from slices_rig import BACKGROUND, FILL, LUT, OUTLINE, palette

from rtcog_gl.model.draw import NO_VALUE, OUTSIDE, ImageView, Rect

pytestmark = pytest.mark.gl

SIZE = (160, 120)
VIEW = ImageView(("thumb", 7, 0), Rect(10, 8, 96, 80), 3.0, (), 0.8, False, BACKGROUND, FILL, OUTLINE)


@pytest.fixture
def layer(canvas: Any) -> Any:
    from rtcog_gl.gpu.images import ImagesLayer

    return ImagesLayer()


@pytest.fixture(scope="module")
def lut(canvas: Any) -> Any:
    return palette()


def image(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Return a disc of values, with holes and missing ones, that reaches the edges."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    disc = ((x + 0.5) / columns * 2 - 1) ** 2 + ((y + 0.5) / rows * 2 - 1) ** 2 < 1
    values = rng.normal(0, 2, (rows, columns)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = NO_VALUE
    return np.where(disc & (rng.random(values.shape) < 0.95), values, OUTSIDE).astype(np.float32)


def check(
    draw: Draw, layer: Any, lut: Any, views: tuple[ImageView, ...], images: dict[Any, np.ndarray], name: str
) -> np.ndarray:
    for each, values in images.items():
        layer.write(each, values)
    got = draw(SIZE, lambda: layer.draw(views, SIZE, lut))
    expected = paint(views, images, SIZE, LUT)
    assert expected.sure.mean() > 0.6
    assert_close(got, expected.picture, name=name, mask=expected.sure)
    return got


CHANGES: dict[str, dict[str, Any]] = {
    "plain": {},
    "mirrored": {"mirrored": True},
    "no-threshold": {"threshold": 0.0},
    "hidden": {"threshold": 1e38},
    "range": {"vmax": 0.5},
    "see-through": {"opacity": 0.4},
    "missing": {"missing": (1.0, 0.7, 0.1, 0.55)},
    "thick": {"line": 3.0},
    "thin": {"line": 1.0},
    "none": {"line": 0.0},
    "half": {"line": 2.25, "outline": (1.0, 1.0, 1.0, 1.0)},
    "other-shape": {"rect": Rect(3, 5, 131, 47)},
    "off-the-grid": {"rect": Rect(10.4, 8.6, 95.7, 79.8)},
    "smaller": {"rect": Rect(30, 20, 13, 9)},
}


@pytest.mark.parametrize("name", CHANGES)
def test_looks_like_its_reference(draw: Draw, layer: Any, lut: Any, name: str) -> None:
    view = replace(VIEW, **CHANGES[name])
    images = {VIEW.name: image(19, 23)}
    got = check(draw, layer, lut, (view,), images, f"image-{name}")
    plain = draw(SIZE, lambda: layer.draw((VIEW,), SIZE, lut))
    assert (name == "plain") == np.array_equal(got, plain)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**31))
def test_random_views(draw: Draw, layer: Any, lut: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    images, views = {}, []
    for n in range(4):
        rows, columns = (int(v) for v in rng.integers(1, 40, 2))
        images["thumb", n, 0] = image(rows, columns, seed + n)
        colours = {key: (*rng.random(3).tolist(), float(rng.random())) for key in ("fill", "outline", "missing")}
        views.append(
            ImageView(
                ("thumb", n, 0),
                Rect(40 * n, float(rng.integers(0, 60)), float(rng.integers(8, 40)), float(rng.integers(5, 59))),
                float(rng.uniform(0.1, 5)),
                threshold=float(rng.uniform(0, 2)),
                mirrored=bool(rng.random() < 0.5),
                background=(*rng.random(3).tolist(), 1.0),
                opacity=float(rng.random()),
                line=float(rng.uniform(0, 4)),
                **colours,
            )
        )
    check(draw, layer, lut, tuple(views), images, "images-random")


def test_one_draw_call_for_all(draw: Draw, layer: Any, lut: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    original = type(layer._program).draw
    monkeypatch.setattr(type(layer._program), "draw", lambda *args: (calls.append(args), original(*args)))
    images = {("thumb", n, 0): image(9, 11, n) for n in range(6)}
    views = tuple(
        replace(VIEW, name=name, rect=Rect(25 * n, 10, 22, 90), mirrored=n % 2 == 1) for n, name in enumerate(images)
    )
    check(draw, layer, lut, views, images, "images-many")
    assert len(calls) == 1


def test_what_was_never_written_is_left_out(draw: Draw, layer: Any, lut: Any) -> None:
    other = replace(VIEW, name=("glass", 0, 1), rect=Rect(110, 8, 40, 40))
    black = draw(SIZE, lambda: layer.draw((VIEW, other), SIZE, lut))
    assert black[..., :3].max() == 0
    both = check(draw, layer, lut, (VIEW, other), {VIEW.name: image(5, 6)}, "image-left-out")
    assert both[:, 110:, :3].max() == 0 and both[..., :3].max() > 0
    layer.drop([VIEW.name, ("thumb", 99, 0)])
    assert np.array_equal(draw(SIZE, lambda: layer.draw((VIEW, other), SIZE, lut)), black)


def test_only_the_image_goes_up(layer: Any) -> None:
    first = layer.write(("thumb", 1, 0), image(20, 30))
    assert first == 256 * 256 * 4 == 4 * np.prod(layer.atlas_size)
    assert layer.write(("thumb", 2, 0), image(20, 30)) == 20 * 30 * 4
    assert layer.write(("thumb", 1, 0), image(20, 30, 1)) == 20 * 30 * 4
    assert layer.atlas_size == (256, 256)


def test_new_values_are_seen_and_later_changes_of_the_callers_are_not(draw: Draw, layer: Any, lut: Any) -> None:
    first = image(8, 9)
    check(draw, layer, lut, (VIEW,), {VIEW.name: first}, "image-first")
    second = image(8, 9, 5)
    layer.write(VIEW.name, second)
    kept, second[:] = second.copy(), 0
    got = draw(SIZE, lambda: layer.draw((VIEW,), SIZE, lut))
    expected = paint((VIEW,), {VIEW.name: kept}, SIZE, LUT)
    assert_close(got, expected.picture, name="image-second", mask=expected.sure)
    check(draw, layer, lut, (VIEW,), {VIEW.name: image(12, 7)}, "image-other-size")


def test_values_that_are_not_finite_are_missing(draw: Draw, layer: Any, lut: Any) -> None:
    values = np.array([[1, np.nan, 2], [np.inf, -np.inf, 3], [-3e38, 1.5e38, 1]], np.float32)
    view = replace(VIEW, missing=(1.0, 0.0, 1.0, 1.0), outline=(0, 0, 0, 0.0), rect=Rect(0, 0, 30, 30), threshold=0.0)
    layer.write(VIEW.name, values)
    got = draw(SIZE, lambda: layer.draw((view,), SIZE, lut))
    magenta = (got[5:30:10, 5:30:10, :3] == (255, 0, 255)).all(axis=-1)
    np.testing.assert_array_equal(magenta, ~np.isfinite(values))
    assert got[25, 5, :3].tolist() == LUT[0, :3].tolist() and got[25, 15, :3].tolist() == LUT[255, :3].tolist()


def test_the_atlas_grows_and_every_image_stays_right(draw: Draw, layer: Any, lut: Any) -> None:
    rng = np.random.default_rng(0)
    images = {("thumb", n, 0): image(int(rng.integers(40, 97)), int(rng.integers(40, 97)), n) for n in range(30)}
    sizes = set()
    for name, values in images.items():
        layer.write(name, values)
        sizes.add(layer.atlas_size)
    assert len(sizes) > 2 and sizes >= {(256, 256)}
    for name, values in list(images.items())[::7]:
        check(draw, layer, lut, (replace(VIEW, name=name, rect=Rect(0, 0, 149, 113)),), {name: values}, "image-grown")


def test_room_of_dropped_images_is_used_again(layer: Any) -> None:
    for n in range(200):
        layer.write(("thumb", n, 0), image(96, 80, n))
        layer.drop([("thumb", n - 5, 0)])
    assert np.prod(layer.atlas_size) <= 512 * 256
    for n in range(200):
        layer.write(("glass", n, 0), image(60 + n % 30, 50 + n % 40, n))
        layer.drop([("glass", n - 5, 0), ("thumb", n, 0)])
    assert np.prod(layer.atlas_size) <= 512 * 512


def test_uploads_do_not_pile_up_before_the_first_draw(canvas: Any, layer: Any) -> None:
    """A window can take in hits for hours without a picture of the film."""
    from rtcog_gl.gpu.renderer import flush

    canvas.set_current()
    flush()
    for n in range(40):
        layer.write(("thumb", n % 5, 0), image(30, 40, n))
        flush()
        assert layer._texture.glir._shared._commands == []
    layer.write(("thumb", 0, 0), image(30, 40))
    layer.write(("thumb", 6, 0), image(250, 250))
    flush()
    assert layer.atlas_size != (256, 256)
    assert layer._texture.glir._shared._commands == []


def test_an_atlas_that_grew_leaves_no_other_behind(canvas: Any, layer: Any) -> None:
    from rtcog_gl.gpu.renderer import flush

    def textures() -> int:
        flush()
        there = canvas.context.shared.parser._objects.values()
        return sum(type(each).__name__ == "GlirTexture2D" for each in there)

    canvas.set_current()
    before, sizes = textures(), set()
    for n in range(24):
        layer.write(("thumb", n, 0), image(96, 96, n))
        sizes.add(layer.atlas_size)
        assert textures() == before + 1
    assert len(sizes) > 2


def test_two_atlases_are_never_there_together(canvas: Any, layer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from vispy.gloo.glir import GlirParser

    from rtcog_gl.gpu.renderer import flush

    canvas.set_current()
    layer.write(("thumb", 0, 0), image(96, 96))
    flush()
    seen: list[tuple[str, int]] = []
    parse = GlirParser._parse

    def spy(self: Any, command: tuple[Any, ...]) -> None:
        seen.append(command[:2])
        parse(self, command)

    monkeypatch.setattr(GlirParser, "_parse", spy)
    old = layer._texture.id
    layer.write(("thumb", 1, 0), image(250, 250))
    flush()
    assert layer._texture.id != old
    assert seen.index(("DELETE", old)) < seen.index(("CREATE", layer._texture.id))


def test_an_image_that_does_not_fit(draw: Draw, canvas: Any, lut: Any) -> None:
    from rtcog_gl.gpu.images import ImagesLayer

    layer = ImagesLayer(64)
    layer.write(VIEW.name, image(30, 64))
    with pytest.raises(ValueError, match=r"40 x 20 values do not fit beside 1 others.*expected at most 64 x 64 in all"):
        layer.write(("glass", 0, 0), image(40, 20))
    with pytest.raises(ValueError, match=r"30 x 65 values do not fit"):
        layer.write(VIEW.name, image(30, 65))
    check(draw, layer, lut, (replace(VIEW, rect=Rect(0, 0, 149, 113)),), {VIEW.name: image(30, 64)}, "image-stays")
    assert layer.write(("glass", 0, 0), image(34, 64)) == 34 * 64 * 4


@pytest.mark.parametrize("shape", [(0, 4), (4,), (2, 2, 2)])
def test_what_is_no_image(layer: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(rows, columns\)"):
        layer.write(VIEW.name, np.zeros(shape, np.float32))


@pytest.mark.parametrize("vmax", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_that_is_none(draw: Draw, layer: Any, lut: Any, vmax: float) -> None:
    layer.write(VIEW.name, image(3, 3))
    with pytest.raises(ValueError, match="expected more than 0"):
        draw(SIZE, lambda: layer.draw((replace(VIEW, vmax=vmax),), SIZE, lut))
