"""Round numbers on the axes, and numbers as people read them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtcog_gl.model.ticks import (
    MINUS,
    integer_ticks,
    mm,
    nice_step,
    seconds,
    signed,
    tick_label,
    ticks,
    value_range,
)

SCORE = st.floats(-1e12, 1e12, allow_nan=False).filter(lambda v: v == 0 or abs(v) > 1e-12)
MOST = st.integers(2, 12)


@st.composite
def limits(draw: st.DrawFn) -> tuple[float, float]:
    """Return two limits that float64 can tell apart well."""
    centre = draw(SCORE)
    half = draw(st.floats(1e-6, 1e3)) * max(1e-6, abs(centre))
    return centre - half, centre + half


def is_round(step: float) -> bool:
    mantissa = step / 10.0 ** math.floor(math.log10(step) + 1e-9)
    return any(abs(mantissa - round_one) < 1e-6 for round_one in (1, 2, 5))


@given(st.floats(1e-12, 1e12), MOST)
def test_steps_are_round_and_few(extent: float, most: int) -> None:
    step = nice_step(extent, most)
    assert is_round(step)
    assert extent / step <= most * (1 + 1e-6)
    assert extent / step > most / 2.5 * (1 - 1e-6)


@pytest.mark.parametrize("extent", [0.0, -1.0, math.nan, math.inf])
def test_no_extent_has_a_step_all_the_same(extent: float) -> None:
    assert nice_step(extent, 5) == 1.0


@given(limits(), MOST)
def test_ticks_are_round_inside_and_evenly_spaced(ends: tuple[float, float], most: int) -> None:
    lo, hi = ends
    got = ticks(lo, hi, most)
    step = nice_step(hi - lo, most)
    assert (1 if step <= hi - lo else 0) <= len(got) <= most + 1
    assert (got >= lo - step * 1e-5).all()
    assert (got <= hi + step * 1e-5).all()
    np.testing.assert_allclose(got / step, np.rint(got / step), rtol=1e-9, atol=1e-5)
    np.testing.assert_allclose(np.diff(got), step, rtol=1e-4)


@given(limits(), MOST)
def test_ticks_that_differ_have_labels_that_differ(ends: tuple[float, float], most: int) -> None:
    lo, hi = max(ends[0], -1e5), min(ends[1], 1e5)
    if hi - lo < 2e-3:
        return
    step = nice_step(hi - lo, most)
    labels = [tick_label(float(value), step) for value in ticks(lo, hi, most)]
    assert len(set(labels)) == len(labels)
    assert all(
        float(label.replace(MINUS, "-")) == pytest.approx(value, abs=step / 1e3)
        for label, value in zip(labels, ticks(lo, hi, most), strict=True)
    )


@pytest.mark.parametrize(
    ("lo", "hi"),
    [
        (2e-5, 9e-5),
        (-9e6, 9e6),
        (1e6, 1e6 + 50),
        (12_345_678.0, 12_345_690.0),
    ],
)
def test_labels_differ_far_from_zero_and_near_it(lo: float, hi: float) -> None:
    step = nice_step(hi - lo, 6)
    labels = [tick_label(float(value), step) for value in ticks(lo, hi, 6)]
    assert len(set(labels)) == len(labels)


@given(st.floats(0, 1e6), st.floats(1, 1e6), MOST)
def test_times_are_whole_numbers(first: float, span: float, most: int) -> None:
    got = integer_ticks(first, first + span, most)
    assert (got == np.rint(got)).all()
    assert len(got) <= most + 1
    assert len(set(got.tolist())) == len(got)


@st.composite
def scores(draw: st.DrawFn) -> np.ndarray:
    values = draw(st.lists(st.one_of(st.floats(width=32), st.floats(-5, 5, width=32)), max_size=20))
    return np.array(values, np.float32)


@given(scores(), st.floats(), MOST)
def test_the_range_holds_everything_that_is_finite(values: np.ndarray, threshold: float, most: int) -> None:
    if not abs(threshold) < 1e30:
        threshold = math.nan
    lo, hi = value_range(values, threshold, most)
    assert math.isfinite(lo)
    assert math.isfinite(hi)
    assert lo < hi
    finite = values[np.isfinite(values)]
    assert (finite >= lo).all()
    assert (finite <= hi).all()
    if math.isfinite(threshold):
        assert lo <= threshold <= hi


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), MOST)
def test_the_range_is_round_and_not_much_larger_than_the_data(a: float, b: float, most: int) -> None:
    lo, hi = value_range(np.array([a, b]), math.nan, most)
    if abs(a - b) <= 1e-5 * max(1.0, abs(a), abs(b)):
        return
    margin = 0.08 * abs(a - b)
    step = nice_step(abs(a - b) + margin, most)
    np.testing.assert_allclose([lo / step, hi / step], np.rint([lo / step, hi / step]), atol=1e-4)
    assert hi - lo <= abs(a - b) + margin + 2 * step * (1 + 1e-9)


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, -math.inf]])
def test_a_range_of_nothing(values: list[float]) -> None:
    lo, hi = value_range(np.array(values, np.float32), math.nan, 5)
    assert lo < 0 < hi
    lo, hi = value_range(np.array(values, np.float32), 3.5, 5)
    assert lo < 3.5 < hi


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00"),
        (-0.0, "0.00"),
        (1.234, "+1.23"),
        (-1.235, MINUS + "1.24"),
        (-0.001, "0.00"),
        (1e-9, "+1.00e−9"),
        (-123456.0, MINUS + "1.23e5"),
        (99999.0, "+99999.00"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_signed(value: float, text: str) -> None:
    assert signed(value) == text


@given(st.floats(width=32))
def test_signed_is_short_and_never_has_a_hyphen_for_a_minus(value: float) -> None:
    text = signed(value)
    assert len(text) <= 10
    assert not text.startswith("-")
    if math.isfinite(value) and value < 0 and abs(value) >= 0.005:
        assert text.startswith(MINUS)


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (0.0, 0.5, "0"),
        (1e-17, 0.5, "0"),
        (0.5, 0.5, "0.5"),
        (-1.0, 0.5, MINUS + "1.0"),
        (0.25, 0.05, "0.25"),
        (20.0, 5.0, "20"),
        (2e6, 1e6, "2e+06"),
        (3e-5, 1e-5, "3e−05"),
    ],
)
def test_tick_labels(value: float, step: float, text: str) -> None:
    assert tick_label(value, step) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (-0.4, "0"), (12.6, "+13"), (-7.5, MINUS + "8"), (-100.0, MINUS + "100")]
)
def test_millimetres(value: float, text: str) -> None:
    assert mm(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0 s"), (0.44, "0.4 s"), (9.94, "9.9 s"), (12.3, "12 s"), (185.0, "3:05 min"), (3600.0, "60:00 min")],
)
def test_seconds(value: float, text: str) -> None:
    assert seconds(value) == text


@given(st.floats(0, 1e6))
def test_seconds_are_short(value: float) -> None:
    assert len(seconds(value)) <= 12
    assert not seconds(value).startswith(("10.0 s", "100 s"))
