"""Framewise displacement against the formula written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rtcog_gl.model.motion import framewise_displacement


def written_out(motion: np.ndarray) -> list[float]:
    got = [math.nan]
    for before, now in zip(motion[:-1].tolist(), motion[1:].tolist(), strict=True):
        turned = sum(abs(math.pi / 180 * (b - a)) * 50 for a, b in zip(before[:3], now[:3], strict=True))
        moved = sum(abs(b - a) for a, b in zip(before[3:], now[3:], strict=True))
        got.append(turned + moved)
    return got[: len(motion)]


values = st.one_of(st.floats(-20, 20), st.just(math.nan))


@given(arrays(np.float64, st.tuples(st.integers(0, 12), st.just(6)), elements=values))
def test_every_volume_as_the_formula_says(motion: np.ndarray) -> None:
    got = framewise_displacement(motion)
    assert got.shape == (len(motion),)
    np.testing.assert_allclose(got, written_out(motion), rtol=1e-12, atol=1e-12)


def test_a_degree_is_an_arc_and_a_millimetre_is_one() -> None:
    motion = np.zeros((4, 6))
    motion[1:, 1] = 1.0
    motion[2:, 4] = -0.25
    got = framewise_displacement(motion)
    assert math.isnan(got[0])
    assert got[1:].tolist() == pytest.approx([math.pi * 50 / 180, 0.25, 0.0])


def test_a_volume_that_is_missing_leaves_out_two() -> None:
    motion = np.zeros((5, 6))
    motion[2] = np.nan
    assert np.isnan(framewise_displacement(motion)).tolist() == [True, False, True, True, False]


def test_a_strided_field_of_records_will_do() -> None:
    from rtcog_gl.model.records import no_records

    records = no_records(3)
    records["motion"] = [[0] * 6, [0, 0, 0, 1, 2, 3], [0] * 6]
    assert framewise_displacement(records["motion"])[1:].tolist() == [6.0, 6.0]


@pytest.mark.parametrize("shape", [(6,), (3, 5), (2, 6, 1)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected \\(volumes, 6\\)"):
        framewise_displacement(np.zeros(shape))
