"""What is said of a map as a whole, against plain numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rtcog_gl.model import column_facts as facts_module
from rtcog_gl.model.calm import robust_largest
from rtcog_gl.model.column_facts import ColumnFacts, column_facts
from rtcog_gl.model.finite import finite_mean

Column = npt.NDArray[np.float32]
COLUMNS = arrays(np.float32, st.integers(0, 40), elements=st.floats(width=32))


def plain(column: Column) -> ColumnFacts:
    known = np.isfinite(column)
    if not known.any():
        return ColumnFacts(len(column))
    sizes = np.where(known, np.abs(column.astype(np.float64)), -1)
    low, high = np.percentile(column[known].astype(np.float64), (2, 98))
    largest, within = float(sizes.max()), robust_largest(column)
    return ColumnFacts(int((~known).sum()), largest, max(abs(low), abs(high)), int(sizes.argmax()), within)


@given(COLUMNS, st.integers(1, 50))
def test_facts_are_those_of_plain_numpy_in_chunks_of_any_length(column: Column, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facts_module, "CHUNK", chunk)
        got = column_facts(column)
    expected = plain(column)
    assert (got.n_missing, got.largest, got.peak, got.within) == (
        expected.n_missing,
        expected.largest,
        expected.peak,
        expected.within,
    )
    assert got.robust == pytest.approx(expected.robust, rel=1e-6, abs=1e-30)


def test_the_column_itself_stays_as_it_is() -> None:
    column = np.array([1, np.nan, -5, np.inf], np.float32)
    before = column.copy()
    column_facts(column)
    np.testing.assert_array_equal(column, before)


def test_the_first_of_several_peaks_counts() -> None:
    column = np.zeros(3 * facts_module.CHUNK, np.float32)
    column[[facts_module.CHUNK - 1, facts_module.CHUNK, -1]] = (2, -2, 2)
    assert (column_facts(column).peak, column_facts(column[::-1]).peak) == (facts_module.CHUNK - 1, 0)


def test_zeros_have_a_peak_and_what_is_missing_has_none() -> None:
    assert column_facts(np.array([np.nan, 0, 0], np.float32)) == ColumnFacts(1, 0.0, 0.0, 1, 0.0)
    assert column_facts(np.full(3, np.nan, np.float32)) == ColumnFacts(3)
    assert column_facts(np.zeros(0, np.float32)) == ColumnFacts()


def test_of_a_long_column_extremes_are_exact_and_the_rest_is_a_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_module, "SAMPLE", 1000)
    column = np.random.default_rng(0).normal(size=2500).astype(np.float32)
    column[[601, 602, 603]] = (-90, np.nan, np.inf)
    got, sample = column_facts(column), column[::3]
    low, high = np.nanpercentile(np.where(np.isfinite(sample), sample, np.nan), (2, 98))
    assert (got.n_missing, got.largest, got.peak) == (2, 90, 601)
    assert got.robust == pytest.approx(max(abs(low), abs(high)))
    assert got.within == robust_largest(sample)


def test_a_sample_in_which_all_is_missing_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_module, "SAMPLE", 10)
    column = np.full(20, np.nan, np.float32)
    column[7] = -3
    assert column_facts(column) == ColumnFacts(19, 3, 3, 7, 3)


def test_means_leave_out_what_is_not_finite() -> None:
    values = np.array([[1, np.nan, np.inf, 3e38], [3, 5, -np.inf, 3e38]], np.float32)
    mean = finite_mean(values, axis=0)
    assert mean.dtype == np.float32
    np.testing.assert_array_equal(mean, np.float32([2, 5, np.nan, 3e38]))
    np.testing.assert_allclose(finite_mean(values[:, :2], axis=1), [1, 4])
    assert np.isnan(finite_mean(values[:0], axis=0)).all()
    assert finite_mean(values[:, :0], axis=0).shape == (0,)
