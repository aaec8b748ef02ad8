"""Hit, template and product: the product's mean is the score of the mask method."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtcog_gl.model.explained import Explained, explain, multiply, strongest
from rtcog_gl.model.session import FloatArray
from rtcog_gl.model.volume import MaskGrid

GRID = MaskGrid((6, 5, 4), np.diag([2.0, 3.0, 4.0, 1.0]), np.arange(120) % 3 > 0)
N = GRID.n_voxels


def made(seed: int, share: float = 0.4) -> tuple[FloatArray, FloatArray]:
    """Return a volume and a template."""
    rng = np.random.default_rng(seed)
    template = rng.normal(0, 2, N).astype(np.float32)
    template[rng.random(N) >= share] = np.nan
    template[int(rng.integers(N))] = 1.5
    return rng.normal(0, 1, N).astype(np.float32), template


def score_of(volume: FloatArray, template: FloatArray, dtype: type = np.float64) -> float:
    """Return the score as rtcog's mask method has it."""
    inside = np.flatnonzero(~np.isnan(template))
    return float(np.float32(np.dot(template[inside].astype(dtype), volume[inside].astype(dtype)) / len(inside)))


def told(volume: FloatArray, template: FloatArray, score: float) -> Explained:
    got = explain(GRID, 7, volume, template, 2, score, GRID.mm_of(0))
    assert got is not None
    return got


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from((0.01, 0.4, 1.0)), st.sampled_from((np.float64, np.float32)))
def test_the_mean_of_the_product_is_the_score(seed: int, share: float, dtype: type) -> None:
    volume, template = made(seed, share)
    score = score_of(volume, template, dtype)
    got = told(volume, template, score)
    assert got.mean == pytest.approx(score, rel=1e-4, abs=1e-6)
    assert not got.differs
    assert got.n_voxels == np.count_nonzero(~np.isnan(template))
    assert (got.tr, got.template, got.score) == (7, 2, score)


def test_another_score_differs() -> None:
    volume, template = made(3)
    score = score_of(volume, template)
    assert told(volume, template, score + 0.01).differs
    assert not told(volume, template, score * (1 + 1e-7)).differs


def test_a_score_that_is_not_there_is_no_difference() -> None:
    got = told(*made(3), math.nan)
    assert not got.differs
    assert math.isnan(got.score)
    assert math.isfinite(got.mean)


def test_a_volume_with_holes_has_no_mean_and_that_differs_from_any_score() -> None:
    volume, template = made(5, 1.0)
    volume[3] = np.nan
    got = told(volume, template, 1.0)
    assert math.isnan(got.mean)
    assert got.differs


def test_outside_its_mask_the_product_is_not_there() -> None:
    volume, template = made(4)
    product = multiply(volume, template)
    assert product.dtype == np.float32
    assert np.array_equal(np.isnan(product), np.isnan(template))
    inside = ~np.isnan(template)
    assert np.array_equal(product[inside], volume[inside] * template[inside])


def test_the_strongest_voxel_is_the_one_that_speaks_for_the_template() -> None:
    product = np.full(N, np.nan, np.float32)
    product[[3, 8, 20]] = (-9, 4, 2)
    assert strongest(GRID, product) == GRID.mm_of(8)
    assert strongest(GRID, np.full(N, np.nan, np.float32)) is None


def test_figures_are_those_of_the_arrays() -> None:
    volume, template = np.zeros(N, np.float32), np.full(N, np.nan, np.float32)
    volume[[1, 5, 9]] = (-8.0, 2.0, 1.0)
    template[[1, 5]] = (1.5, 3.0)
    got = explain(GRID, 7, volume, template, 0, -3.0, GRID.mm_of(5))
    assert got is not None
    assert (got.volume.vmax, got.volume.peak, got.volume.here) == (8.0, -8.0, 2.0)
    assert (got.matched.vmax, got.matched.peak, got.matched.here) == (3.0, 3.0, 3.0)
    assert (got.product.vmax, got.product.peak, got.product.here) == (12.0, 6.0, 6.0)
    assert (got.mean, got.differs) == (-3.0, False)


def test_a_crosshair_outside_the_brain_has_no_values() -> None:
    volume, template = made(1)
    got = explain(GRID, 7, volume, template, 0, 0.0, (-500.0, 0.0, 0.0))
    assert got is not None
    assert all(math.isnan(facts.here) for facts in (got.volume, got.matched, got.product))


def test_a_template_without_voxels_explains_nothing() -> None:
    volume, _ = made(1)
    assert explain(GRID, 7, volume, np.full(N, np.nan, np.float32), 0, 0.0, GRID.mm_of(0)) is None


def test_maps_of_zeros_keep_a_positive_range() -> None:
    zeros = np.zeros(N, np.float32)
    got = told(zeros, zeros, 0.0)
    assert got.volume.vmax == got.matched.vmax == got.product.vmax == 1.0
    assert not got.differs
