"""Labels pushed apart: in order, never over each other, inside, and as near as may be to where they belong."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtcog_gl.model.panels.spread import spread

WANTED = st.lists(st.floats(-500, 1500), max_size=30)
STEP = st.floats(1, 40)


@given(WANTED, STEP, st.floats(0, 200), st.floats(10, 1000))
def test_order_distance_and_limits(wanted: list[float], step: float, low: float, room: float) -> None:
    high = low + room
    got = spread(wanted, step, low, high)
    assert got.shape == (len(wanted),)
    if not wanted:
        return
    order = np.argsort(np.array(wanted), kind="stable")
    gaps = np.diff(got[order])
    least = min(step, room / len(wanted))
    assert (gaps >= least - 1e-6).all()
    assert got.min() >= low + least / 2 - 1e-6
    assert got.max() <= high - least / 2 + 1e-6


@given(WANTED, STEP)
def test_labels_that_do_not_touch_stay_where_they_belong(wanted: list[float], step: float) -> None:
    apart = sorted({round(value / (2 * step)) * 2 * step for value in wanted})
    np.testing.assert_allclose(spread(apart, step, -3000, 3000), apart, atol=1e-6)


@given(st.lists(st.floats(0, 300), min_size=1, max_size=8), st.floats(5, 30), st.integers(0, 2**32 - 1))
def test_no_other_arrangement_is_nearer(wanted: list[float], step: float, seed: int) -> None:
    low, high = 0.0, 300.0
    aims = np.clip(np.sort(wanted), low + step / 2, high - step / 2)
    got = spread(aims, step, low, high)
    cost = float(((got - aims) ** 2).sum())
    rng = np.random.default_rng(seed)
    for _ in range(20):
        free = got - np.arange(len(got)) * step + rng.normal(0, step / 4, len(got))
        other = np.maximum.accumulate(free) + np.arange(len(got)) * step
        if other.min() >= low + step / 2 and other.max() <= high - step / 2:
            assert float(((other - aims) ** 2).sum()) >= cost - 1e-6


def test_pushed_apart_evenly_about_their_mean() -> None:
    np.testing.assert_allclose(spread([50, 50, 50], 10, 0, 100), [40, 50, 60])
    np.testing.assert_allclose(spread([51, 49], 10, 0, 100), [55, 45])
    np.testing.assert_allclose(spread([0, 1, 90], 10, 0, 100), [5, 15, 90])


def test_too_many_fill_the_room() -> None:
    np.testing.assert_allclose(spread([3, 1, 2, 0], 50, 0, 100), [87.5, 37.5, 62.5, 12.5])
    assert spread([], 10, 0, 100).size == 0
