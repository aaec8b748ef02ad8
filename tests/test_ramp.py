"""The colour bar against numpy, and colour maps by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pixels import Draw, Picture, assert_close
from reference import ramp as reference

from rtcog_gl.gpu.colormaps import lut
from rtcog_gl.model.draw import RampView, Rect

SIZE = (60, 220)
VIEW = RampView(Rect(20, 10, 14, 200), 7.0, 2.3, (0.2, 0.25, 0.3, 1.0))


def picture(draw: Draw, *views: RampView, name: str = "matplotlib:coolwarm") -> Picture:
    from rtcog_gl.gpu.colormaps import lut_texture
    from rtcog_gl.gpu.ramp import RampLayer

    layer, colours = RampLayer(), lut_texture(name)
    for view in views:
        got = draw(SIZE, lambda view=view: layer.draw(view, colours, SIZE))
    return got


@pytest.mark.gl
@pytest.mark.parametrize("threshold", [0.0, 2.3, 6.99, 7.5])
@pytest.mark.parametrize("height", [200, 3, 77])
def test_bar_is_what_numpy_makes_of_it(draw: Draw, threshold: float, height: int) -> None:
    view = replace(VIEW, threshold=threshold, rect=VIEW.rect._replace(h=height))
    expected = reference.paint(view, lut("matplotlib:coolwarm"), SIZE)
    assert_close(picture(draw, view), expected, name=f"ramp-{threshold}-{height}")


@pytest.mark.gl
def test_positive_values_are_on_top(draw: Draw) -> None:
    got = picture(draw, VIEW, name="matplotlib:bwr").astype(int)
    assert got[12, 25, 0] - got[12, 25, 2] > 200
    assert got[207, 25, 2] - got[207, 25, 0] > 200


@pytest.mark.gl
def test_a_new_threshold_changes_the_picture(draw: Draw) -> None:
    changed = replace(VIEW, threshold=1.0)
    got = picture(draw, VIEW, changed)
    assert_close(got, picture(draw, changed), tol=0, name="ramp-changed")
    assert (got != picture(draw, VIEW)).any()


@pytest.mark.gl
@pytest.mark.parametrize("vmax", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_of_nothing_is_refused(draw: Draw, vmax: float) -> None:
    with pytest.raises(ValueError, match=r"colour bar: got vmax .*, expected a finite number above 0"):
        picture(draw, replace(VIEW, vmax=vmax))


def test_colour_maps_have_256_opaque_colours() -> None:
    colours = lut("matplotlib:coolwarm")
    assert colours.shape == (256, 4)
    assert colours.dtype == np.uint8
    assert (colours[:, 3] == 255).all()
    assert colours[0, 2] > colours[0, 0]
    assert colours[-1, 0] > colours[-1, 2]


def test_an_unknown_colour_map_is_named() -> None:
    with pytest.raises(ValueError, match="colour map: got 'nope', expected a name that the package cmap knows"):
        lut("nope")
