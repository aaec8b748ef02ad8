"""common/axes.glsl against its twin `Axes`, common/scores.glsl against `model.fold`: held together by drawing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pixels import Draw

from rtcog_gl.model.draw import Axes, Rect
from rtcog_gl.model.fold import BLOCK, LONG, MAX_COLUMNS, MAX_STEPS, choose_columns, fold, fold_shape

PROBE = """
attribute float a_row;
uniform vec4 u_plot;
uniform vec2 u_times;
uniform vec2 u_values;
uniform vec2 u_point;
varying float v_number;
// include "common/axes.glsl"
void main() {
    float x = axes_x(u_point.x, u_plot, u_times);
    float y = axes_y(u_point.y, u_plot, u_values);
    gl_Position = vec4(2.0 * x / 200.0 - 1.0, 1.0 - 2.0 * y / 100.0, 0.0, 1.0);
    gl_PointSize = 1.0;
    v_number = a_row;
}
"""
FETCH = """
attribute float a_row;
uniform sampler2D u_texels;
uniform vec4 u_fold;
uniform float u_item;
uniform float u_channel;
varying float v_number;
// include "common/scores.glsl"
void main() {
    gl_Position = vec4(0.0, 0.0, 0.0, 1.0);
    gl_PointSize = 64.0;
    v_number = folded(u_texels, u_fold, u_item, u_channel);
}
"""
NUMBER = """
varying float v_number;
void main() {
    float rest = floor(v_number + 0.5);
    float low = mod(rest, 256.0);
    rest = (rest - low) / 256.0;
    float middle = mod(rest, 256.0);
    gl_FragColor = vec4(low / 255.0, middle / 255.0, (rest - middle) / 65280.0, 1.0);
}
"""


def _expand(source: str) -> str:
    from rtcog_gl.gpu.shaders import _INCLUDE
    from rtcog_gl.gpu.shaders import source as read

    return _INCLUDE.sub(lambda match: read(match.group(1)), source)


@pytest.mark.gl
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    left=st.floats(0, 60),
    top=st.floats(0, 30),
    width=st.floats(5, 130),
    height=st.floats(5, 65),
    t0=st.floats(-10, 1e5),
    span=st.floats(0.5, 1e5),
    lo=st.floats(-50, 50),
    depth=st.floats(0.01, 100),
    across=st.floats(0.02, 0.98),
    up=st.floats(0.02, 0.98),
)
def test_a_point_lands_where_the_twin_says(draw: Draw, **at: float) -> None:
    from vispy import gloo

    plot = Rect(at["left"], at["top"], at["width"], at["height"])
    axes = Axes(plot, at["t0"], at["t0"] + at["span"], at["lo"], at["lo"] + at["depth"])
    t, value = axes.t0 + at["across"] * at["span"], axes.lo + at["up"] * at["depth"]
    origin = np.floor(axes.t0)
    program = gloo.Program(_expand(PROBE), NUMBER)
    program["a_row"] = np.array([255.0], np.float32)
    program["u_plot"] = plot
    program["u_times"] = (axes.t0 - origin, axes.t1 - origin)
    program["u_values"] = (axes.lo, axes.hi)
    program["u_point"] = (t - origin, value)
    picture = draw((200, 100), lambda: program.draw("points"))
    lit = np.argwhere(picture[..., 0] == 255)
    assert len(lit) == 1
    row, column = lit[0]
    # Half a pixel is the pixel itself, the rest what float32 and the rasteriser's own grid may cost.
    assert abs(column + 0.5 - float(axes.x(t))) <= 0.51
    assert abs(row + 0.5 - float(axes.y(value))) <= 0.51


@pytest.mark.gl
@pytest.mark.parametrize(
    ("items", "channels", "item", "channel"),
    [(1, 200, 0, 199), (300, 7, 299, 6), (100_000, 30, 4095, 0), (100_000, 30, 4096, 29), (100_000, 30, 99_999, 29)],
)
def test_a_folded_value_is_found_again(draw: Draw, items: int, channels: int, item: int, channel: int) -> None:
    from vispy import gloo

    height, width = fold_shape(items, channels, 4096)
    texels = np.arange(height * width, dtype=np.float32).reshape(height, width, 1)
    program = gloo.Program(_expand(FETCH), NUMBER)
    program["a_row"] = np.zeros(1, np.float32)
    program["u_texels"] = gloo.Texture2D(texels, format="red", internalformat="r32f")
    program["u_fold"] = (channels, height, width, height)
    program["u_item"], program["u_channel"] = float(item), float(channel)
    red, green, blue, _ = draw((4, 4), lambda: program.draw("points"))[2, 2].tolist()
    x, y = fold(item, channel, channels, height)
    assert red + 256 * green + 65536 * blue == int(texels[y, x, 0])


def test_no_two_values_share_a_texel() -> None:
    height, width = fold_shape(9000, 3, 4096)
    places = {fold(item, channel, 3, height) for item in range(9000) for channel in range(3)}
    assert len(places) == 27_000
    assert max(x for x, _ in places) < width
    assert max(y for _, y in places) < height


def test_a_texture_too_small_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="expected at most 1024"):
        fold_shape(100_000, 30, 1024)


@given(
    t0=st.floats(-100, 2e5),
    quarters=st.integers(2, 600_000),
    width=st.floats(1, 4000),
    long=st.booleans(),
    step=st.floats(0, 100),
)
def test_columns_cover_the_view_and_stay_aligned(
    t0: float, quarters: int, width: float, long: bool, step: float
) -> None:
    span = quarters / 4 if long else min(quarters / 4, float(LONG))
    axes = Axes(Rect(0, 0, width, 100), t0, t0 + span, 0, 1)
    columns = choose_columns(axes, long)
    assert columns.first % columns.bin == 0
    assert columns.first + columns.bin <= axes.t0 + 1e-6
    assert columns.first + (columns.n - 0.5) * columns.bin >= axes.t1 - 1e-6
    if long and columns.bin > BLOCK:
        assert columns.bin % BLOCK == 0
        assert columns.bin // BLOCK <= MAX_STEPS
    else:
        assert columns.bin <= MAX_STEPS
    moved = choose_columns(Axes(axes.plot, t0 + step, t0 + step + span, 0, 1), long)
    assert (moved.bin, moved.n) == (columns.bin, columns.n)
    assert columns.n <= MAX_COLUMNS + 3


def test_empty_axes_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="not empty"):
        choose_columns(Axes(Rect(0, 0, 10, 10), 5, 5, 0, 1), False)
