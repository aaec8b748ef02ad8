"""Presenting: what was drawn before stays, what is drawn again lands where it should."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pixels import Draw, Picture, assert_close

from rtcog_gl.model.draw import Colour, Rect, ShapeList, Shapes

pytestmark = pytest.mark.gl
SIZE = (120, 80)
LEFT, RIGHT, BOTTOM = Rect(0, 0, 50, 60), Rect(50, 0, 70, 60), Rect(0, 60, 120, 20)
GROUND: Colour = (0.1, 0.2, 0.3, 1.0)
KINDS = ["DirectTarget", "CachedTarget"]


def target(kind: str) -> Any:
    from rtcog_gl.gpu import target as module

    return getattr(module, kind)()


def content(rect: Rect, step: int) -> Shapes:
    """Return something that changes with each step, spills over its panel and is half transparent."""
    shapes = ShapeList()
    shapes.box(Rect(rect.x + 3 * step - 2, rect.y + 5, 20, rect.h + 10), (1.0, 0.5, 0.1 * step, 0.5))
    shapes.disc(rect.x + rect.w / 2, rect.y + rect.h / 2, 6.0 + step, (0.2, 0.9, 0.4, 0.8))
    return shapes.array()


def steps(kind: str, plan: list[list[tuple[Rect, int]]]) -> Callable[[], list[bool]]:
    """Return a function that draws pictures one after the other, each of some panels at some step."""
    from rtcog_gl.gpu.shapes import ShapesLayer

    def draw_all() -> list[bool]:
        where, layer = target(kind), ShapesLayer()
        lost = []
        for panels in plan:
            lost.append(where.begin(SIZE))
            for rect, step in panels:
                with where.panel(rect, GROUND):
                    layer.draw(rect, content(rect, step), SIZE)
            where.present()
        return lost

    return draw_all


def test_first_row_is_the_top(draw: Draw) -> None:
    from vispy import gloo

    def lower_third() -> None:
        gloo.set_state(scissor_test=True)
        gloo.set_scissor(0, 0, 7, 3)
        gloo.clear(color=(1.0, 0.5, 0.0, 1.0))
        gloo.set_state(scissor_test=False)

    expected = np.zeros((9, 7, 4))
    expected[..., 3] = 1.0
    expected[6:] = (1.0, 0.5, 0.0, 1.0)
    assert_close(draw((7, 9), lower_third), expected, name="first-row-is-the-top")


@pytest.mark.parametrize("kind", KINDS)
def test_partial_redraws_end_in_the_same_pixels_as_one_full_redraw(draw: Draw, kind: str) -> None:
    partial = [
        [(LEFT, 0), (RIGHT, 0), (BOTTOM, 0)],
        [(RIGHT, 1)],
        [(BOTTOM, 2), (LEFT, 1)],
        [],
        [(RIGHT, 3)],
    ]
    whole = [[(LEFT, 1), (RIGHT, 3), (BOTTOM, 2)]]
    got, expected = draw(SIZE, steps(kind, partial)), draw(SIZE, steps(kind, whole))
    assert_close(got, expected, tol=0, name=f"{kind}-partial")
    assert (got != draw(SIZE, steps(kind, [*whole, [(RIGHT, 4)]]))).any()


def test_both_targets_show_the_same(draw: Draw) -> None:
    plan = [[(LEFT, 0), (RIGHT, 2), (BOTTOM, 1)], [(LEFT, 4)]]
    direct, cached = (draw(SIZE, steps(kind, plan)) for kind in KINDS)
    assert_close(cached, direct, tol=0, name="targets")
    assert (direct[..., 3] == 255).all()


@pytest.mark.parametrize("kind", KINDS)
def test_panels_are_where_they_belong_and_nothing_spills(draw: Draw, kind: str) -> None:
    colours = {LEFT: (1.0, 0.0, 0.0, 1.0), RIGHT: (0.0, 1.0, 0.0, 1.0), BOTTOM: (0.0, 0.0, 1.0, 1.0)}

    def fill() -> None:
        where = target(kind)
        where.begin(SIZE)
        for rect, colour in colours.items():
            with where.panel(rect, colour):
                pass
        where.present()

    expected = np.zeros((SIZE[1], SIZE[0], 4))
    for rect, colour in colours.items():
        x, y, w, h = (int(v) for v in rect)
        expected[y : y + h, x : x + w] = colour
    assert_close(draw(SIZE, fill), expected, tol=0, name=f"{kind}-panels")


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_size_loses_the_picture(draw: Draw, kind: str) -> None:
    seen: list[bool] = []

    def resize() -> None:
        where = target(kind)
        for size in (SIZE, SIZE, (60, 40), (60, 40), SIZE):
            seen.append(where.begin(size))
            where.present()
        where.forget()
        seen.append(where.begin(SIZE))
        where.present()

    draw(SIZE, resize)
    assert seen == [True, False, True, False, True, True]


@pytest.mark.parametrize("kind", KINDS)
def test_a_size_of_nothing_is_refused(draw: Draw, kind: str) -> None:
    with pytest.raises(ValueError, match="framebuffer size: got 0 x 40 pixels, expected at least 1 x 1"):
        draw(SIZE, lambda: target(kind).begin((0, 40)))


def test_the_cached_picture_covers_what_the_window_lost(draw: Draw) -> None:
    from vispy import gloo

    from rtcog_gl.gpu.target import CachedTarget

    def lose() -> None:
        where = CachedTarget()
        for colour in ((0.0, 1.0, 0.0, 1.0), None):
            gloo.clear(color=(1.0, 0.0, 0.0, 1.0))
            where.begin(SIZE)
            if colour:
                with where.panel(Rect(0, 0, *SIZE), colour):
                    pass
            where.present()

    got: Picture = draw(SIZE, lose)
    assert (got == (0, 255, 0, 255)).all()
