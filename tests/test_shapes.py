"""The shapes layer against numpy: exact inside and outside, the right amount of ink at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from pixels import Draw, assert_close
from reference import shapes as reference

from rtcog_gl.model.draw import SHAPE, Colour, Rect, ShapeList, Shapes

pytestmark = pytest.mark.gl
SIZE = (97, 61)
RED: Colour = (1.0, 0.25, 0.0, 1.0)
BLUE: Colour = (0.1, 0.3, 1.0, 0.6)


def picture(draw: Draw, shapes: Shapes, size: tuple[int, int] = SIZE) -> np.ndarray:
    from rtcog_gl.gpu.shapes import ShapesLayer

    layer = ShapesLayer()
    return draw(size, lambda: layer.draw("panel", shapes, size))


def test_boxes_on_whole_pixels_are_exact_and_painted_in_order(draw: Draw) -> None:
    shapes = ShapeList()
    shapes.box(Rect(3, 4, 40, 30), RED)
    shapes.box(Rect(20, 10, 60, 40), BLUE)
    shapes.box(Rect(96, 60, 1, 1), RED)
    shapes.box(Rect(0, 0, 1, 1), BLUE)
    shapes.box(Rect(50, 2, 30, 20), RED, border=2.0)
    shapes.box(Rect(5, 55, 60, 1), RED, dash=(4.0, 3.0))
    shapes.box(Rect(90, 5, 1, 40), RED, dash=(2.0, 2.0))
    expected, sharp = reference.paint(shapes.array(), SIZE)
    assert sharp.all()
    assert_close(picture(draw, shapes.array()), expected, name="shapes-exact")


def rounded() -> Shapes:
    shapes = ShapeList()
    shapes.box(Rect(4, 4, 30, 22), RED, radius=6)
    shapes.box(Rect(40, 5, 40, 20), RED, radius=7, border=2)
    shapes.disc(20.5, 44.25, 9.5, RED)
    shapes.disc(50, 45, 8, RED, border=1.5)
    shapes.box(Rect(64.3, 34.6, 25.5, 12.25), RED)
    shapes.segment(70, 52, 94, 58.5, 1.5, RED)
    shapes.segment(66, 53, 67, 53, 0.5, RED)
    return shapes.array()


def test_edges_are_exact_inside_and_outside(draw: Draw) -> None:
    expected, sharp = reference.paint(rounded(), SIZE)
    assert 0.1 < sharp.mean() < 0.99
    assert_close(picture(draw, rounded()), expected, name="shapes-inside-outside", mask=sharp)


def test_edges_have_the_right_amount_of_ink(draw: Draw) -> None:
    for shape in rounded():
        one = np.array([shape], SHAPE)
        ink = picture(draw, one)[..., 0].sum() / 255
        wanted = reference.coverage(shape, SIZE).sum()
        assert ink == pytest.approx(wanted, rel=0.03, abs=0.4), shape


def test_edge_pixels_are_close_to_their_coverage(draw: Draw) -> None:
    expected, _ = reference.paint(rounded(), SIZE)
    assert_close(picture(draw, rounded()), expected, tol=48, name="shapes-edges")


def test_fractional_square_boxes_are_exact_but_for_their_corners(draw: Draw) -> None:
    shapes = ShapeList()
    shapes.box(Rect(10, 5.5, 30, 0.5), RED)
    shapes.box(Rect(60.75, 5, 0.25, 40), RED)
    shapes.box(Rect(10.25, 20.5, 30.5, 20.75), RED)
    expected, _ = reference.paint(shapes.array(), SIZE)
    inside_corners = np.ones(expected.shape[:2], bool)
    inside_corners[np.ix_([20, 41], [10, 40])] = False
    assert_close(picture(draw, shapes.array()), expected, name="shapes-fractional", mask=inside_corners)


def test_hairline_through_pixel_centres_lights_one_row(draw: Draw) -> None:
    shapes = ShapeList()
    shapes.segment(10, 20.5, 80, 20.5, 1.0, RED)
    got = picture(draw, shapes.array())
    assert (got[20, 11:79, 0] == 255).all()
    assert (got[[19, 21], :, 0] == 0).all()


def test_dashed_line_has_its_share_of_ink(draw: Draw) -> None:
    shapes = ShapeList()
    shapes.segment(5.0, 10.0, 89.0, 52.0, 3.0, RED, dash=(6.0, 4.0))
    ink = picture(draw, shapes.array())[..., 0].sum() / 255
    assert ink == pytest.approx(reference.coverage(shapes.array()[0], SIZE).sum(), rel=0.03)


def test_a_point_and_an_empty_box(draw: Draw) -> None:
    shapes = ShapeList()
    shapes.segment(20.0, 20.0, 20.0, 20.0, 8.0, RED)
    shapes.box(Rect(50, 20, 0, 10), RED)
    got = picture(draw, shapes.array())
    assert got[..., 0].sum() / 255 == pytest.approx(np.pi * 16, rel=0.05)
    assert (got[:, 45:, 0] == 0).all()


def test_many_shapes_in_one_draw_call(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    from vispy import gloo

    from rtcog_gl.gpu.shapes import ShapesLayer

    calls = []
    drawing = gloo.Program.draw
    monkeypatch.setattr(gloo.Program, "draw", lambda *args: (calls.append(args[1]), drawing(*args)))
    x, y = np.meshgrid(np.arange(0, 96, 2), np.arange(0, 60, 2))
    geom = np.stack([x.ravel(), y.ravel(), np.ones(x.size), np.ones(x.size)], axis=1)
    shapes = ShapeList()
    shapes.boxes(geom, RED)
    layer = ShapesLayer()
    got = draw(SIZE, lambda: layer.draw("panel", shapes.array(), SIZE))
    assert len(calls) == 1
    assert (got[0:60:2, 0:96:2] == (255, 64, 0, 255)).all()
    assert (got[..., 0] > 0).sum() == len(geom)


def test_unchanged_shapes_are_not_uploaded_again(draw: Draw) -> None:
    from rtcog_gl.gpu.shapes import VERTEX, ShapesLayer

    layer = ShapesLayer()
    first, second = ShapeList(), ShapeList()
    first.box(Rect(1, 1, 10, 10), RED)
    second.box(Rect(30, 30, 10, 10), BLUE)
    second.box(Rect(50, 30, 10, 10), BLUE)

    def both() -> None:
        layer.draw("first", first.array(), SIZE)
        layer.draw("second", second.array(), SIZE)

    once = draw(SIZE, both)
    sent = layer.bytes_uploaded
    assert sent == 3 * (4 * VERTEX.itemsize + 6 * 4)
    assert_close(draw(SIZE, both), once, tol=0, name="shapes-again")
    assert layer.bytes_uploaded == sent
    second.box(Rect(70, 30, 10, 10), BLUE)
    changed = draw(SIZE, both)
    assert layer.bytes_uploaded == sent + 3 * (4 * VERTEX.itemsize + 6 * 4)
    assert (changed != once).any(axis=-1).sum() == 100


def test_fewer_shapes_leave_none_of_the_old_ones(draw: Draw) -> None:
    from rtcog_gl.gpu.shapes import ShapesLayer

    layer = ShapesLayer()
    shapes = rounded()
    draw(SIZE, lambda: layer.draw("panel", shapes, SIZE))
    assert_close(
        draw(SIZE, lambda: layer.draw("panel", shapes[:2], SIZE)), picture(draw, shapes[:2]), tol=0, name="shapes-fewer"
    )
    assert (draw(SIZE, lambda: layer.draw("panel", shapes[:0], SIZE))[..., :3] == 0).all()


def test_another_dtype_is_refused(draw: Draw) -> None:
    from rtcog_gl.gpu.shapes import ShapesLayer

    layer = ShapesLayer()
    with pytest.raises(TypeError, match="shapes of 'panel': got dtype float64"):
        draw(SIZE, lambda: layer.draw("panel", np.zeros(3), SIZE))
