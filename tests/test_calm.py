"""The live map's colour range: it grows at once, and shrinks only after a quiet time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtcog_gl.model.calm import CALM_VOLUMES, FAR_OFF_VOLUMES, HeldRange, grown, held, robust_largest, round_up

LARGEST = st.floats(1e-6, 1e6)


def after(*largest: float, start: HeldRange | None = None) -> HeldRange:
    now = start or HeldRange()
    for value in largest:
        now = held(now, value)
    return now


@given(LARGEST)
def test_round_numbers_are_just_above(value: float) -> None:
    assert value * (1 - 1e-6) <= round_up(value) <= value * 1.5 * (1 + 1e-6)


@pytest.mark.parametrize(("value", "expected"), [(1, 1), (1.01, 1.5), (3.2, 4), (0.061, 0.08), (8.5, 10), (450, 500)])
def test_round_numbers(value: float, expected: float) -> None:
    assert round_up(value) == pytest.approx(expected)


def test_the_range_grows_at_once() -> None:
    assert after(3.2).vmax == 4
    assert after(3.2, 4.1).vmax == 5
    assert after(3.2, 40).vmax == 40


def test_the_range_stays_while_volumes_reach_half_of_it() -> None:
    values = np.random.default_rng(0).uniform(2, 4, 500).tolist()
    assert {after(4, *values[:k]).vmax for k in range(len(values))} == {4}


def test_the_range_shrinks_after_twenty_quiet_volumes_to_what_they_need() -> None:
    quiet = [0.9, *[0.5] * (CALM_VOLUMES - 1)]
    assert after(4, *quiet[:-1]).vmax == 4
    assert after(4, *quiet) == HeldRange(1.0)


@pytest.mark.parametrize(("largest", "n"), [(0.49, FAR_OFF_VOLUMES), (0.5, CALM_VOLUMES), (1.9, CALM_VOLUMES)])
def test_a_range_that_is_far_off_shrinks_sooner(largest: float, n: int) -> None:
    """An eighth of the range of 4 is 0.5."""
    assert after(4, *[largest] * (n - 1)).vmax == 4
    assert after(4, *[largest] * n) == HeldRange(round_up(largest))


def test_a_range_is_far_off_where_all_of_the_last_volumes_are() -> None:
    assert after(4, 0.1, 0.1, 0.6).vmax == 4
    assert after(4, 0.6, 0.1, 0.1, 0.1).vmax == 4
    assert after(4, 0.1, 0.4, 0.1).vmax == 0.4
    assert after(4, 0.1, 0.1, 2.0, 0.1, 0.1).vmax == 4, "two in a row are not enough"


def test_one_volume_of_half_the_range_begins_the_quiet_time_anew() -> None:
    quiet = [0.5] * (CALM_VOLUMES - 1)
    assert after(4, *quiet, 2.0, *quiet).vmax == 4
    assert after(4, *quiet, 2.0, *quiet, 0.5).vmax == 0.5


@pytest.mark.parametrize("largest", [0.0, math.nan, math.inf, -1.0])
def test_an_empty_volume_changes_nothing(largest: float) -> None:
    before = after(4, 0.5)
    assert held(before, largest) is before
    assert grown(4.0, largest) == 4.0


@given(st.lists(LARGEST, min_size=1, max_size=80))
def test_every_volume_lies_within_the_range(values: list[float]) -> None:
    now = HeldRange()
    for value in values:
        now = held(now, value)
        assert value <= now.vmax * (1 + 1e-6)
        assert len(now.small) < CALM_VOLUMES


def test_looking_back_takes_the_held_range_or_more() -> None:
    assert grown(4.0, 3.0) == 4.0
    assert grown(4.0, 4.5) == 5.0
    assert grown(0.0, 4.5) == 5.0


def test_a_few_wild_voxels_do_not_set_the_range() -> None:
    column = np.linspace(-2, 2, 10_001, dtype=np.float32)
    column[:5], column[5:8] = 500, np.nan
    assert robust_largest(column) == pytest.approx(2, abs=0.01)
    assert robust_largest(np.array([1.0, -3.0], np.float32)) == 3
    assert robust_largest(np.array([np.nan, np.inf], np.float32)) == 0
    assert robust_largest(np.zeros(0, np.float32)) == 0
