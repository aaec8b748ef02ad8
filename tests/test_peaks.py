"""Peaks of a map: against a plain search through all neighbours, on grids of every shape and kind of value."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtcog_gl.model.peaks import largest, next_peak, peaks
from rtcog_gl.model.volume import FloatArray, MaskGrid

OBLIQUE = np.array([[0, 0, 2.5, -20], [1.9, 0.4, 0, 7], [-0.4, 1.9, 0, 3], [0, 0, 0, 1]], float)
ODD = (np.nan, np.inf, -np.inf)


@st.composite
def maps(draw: st.DrawFn) -> tuple[MaskGrid, FloatArray]:
    """Return a mask with holes, and a map with few different values, some of them not finite."""
    shape = draw(st.tuples(*[st.integers(1, 6)] * 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    inside = rng.random(shape[0] * shape[1] * shape[2]) < draw(st.sampled_from((0.4, 0.9, 1.0)))
    inside[rng.integers(len(inside))] = True
    grid = MaskGrid(shape, OBLIQUE, inside)
    column = rng.integers(-9, 10, grid.n_voxels).astype(np.float32)
    column[rng.random(grid.n_voxels) < 0.1] = ODD[draw(st.integers(0, 2))]
    return grid, column


def searched(grid: MaskGrid, column: FloatArray, threshold: float) -> list[tuple[int, int, int]]:
    """Return the peaks as a plain search finds them."""
    size = np.where(np.isfinite(column), np.abs(column), 0)
    places = [tuple(ijk) for ijk in grid.ijk_of(np.arange(grid.n_voxels)).tolist()]
    known = dict(zip(places, size.tolist(), strict=True))
    # Voxels of a map column come along the first axis first.
    order = {place: n for n, place in enumerate(places)}
    found = []
    for place, own in known.items():
        around = [tuple(np.add(place, step).tolist()) for step in product((-1, 0, 1), repeat=3) if any(step)]
        beaten = [
            n for n in around if known.get(n, 0) > own or (known.get(n, 0) == own > 0 and order[n] < order[place])
        ]
        if own > 0 and own >= threshold and not beaten:
            found.append(place)
    return sorted(found, key=lambda place: (-known[place], order[place]))


@settings(max_examples=150, deadline=None)
@given(maps(), st.sampled_from((0.0, 1.0, 3.0, 7.5, 9.0, 10.0)))
def test_peaks_are_those_of_a_plain_search(made: tuple[MaskGrid, FloatArray], threshold: float) -> None:
    grid, column = made
    assert [tuple(ijk) for ijk in peaks(grid, column, threshold).tolist()] == searched(grid, column, threshold)


@settings(max_examples=100, deadline=None)
@given(maps(), st.sampled_from((0.0, 3.0, 10.0)))
def test_one_peak_after_the_other_and_the_first_again(made: tuple[MaskGrid, FloatArray], threshold: float) -> None:
    grid, column = made
    wanted = [grid.voxels_of(np.array(ijk)).item() for ijk in searched(grid, column, threshold)]
    at, walked = None, []
    for _ in range(len(wanted) + 1):
        at = next_peak(grid, column, threshold, at)
        walked.append(None if at is None else grid.voxel_at(at))
    assert walked == ([*wanted, wanted[0]] if wanted else [None])


@settings(max_examples=100, deadline=None)
@given(maps())
def test_the_largest_of_each_side(made: tuple[MaskGrid, FloatArray]) -> None:
    grid, column = made
    known = column[np.isfinite(column)]
    for sign in (1, -1):
        at = largest(grid, column, sign)
        best = float((sign * known).max(initial=0))
        if at is None:
            assert best == 0
            continue
        voxel = grid.voxel_at(at)
        assert voxel is not None
        assert column[voxel] == sign * best
        assert best > 0
        assert np.allclose(at, grid.mm_of(voxel))


def test_from_beside_a_peak_the_largest_comes_next() -> None:
    grid = MaskGrid((9, 1, 1), np.diag([3.0, 3.0, 3.0, 1.0]), np.ones(9, np.bool_))
    column = np.array([0, 5, 0, 0, -7, 0, 0, 2, 0], np.float32)
    assert next_peak(grid, column, 0.0, None) == (12, 0, 0)
    assert next_peak(grid, column, 0.0, (0.0, 0.0, 0.0)) == (12, 0, 0)
    assert next_peak(grid, column, 0.0, (900.0, 0.0, 0.0)) == (12, 0, 0)
    assert next_peak(grid, column, 0.0, (13.2, 1.0, -1.0)) == (3, 0, 0), "anywhere in the voxel is at the peak"
    assert next_peak(grid, column, 3.0, (3.0, 0.0, 0.0)) == (12, 0, 0), "below the threshold there is none"


def test_a_column_of_another_mask_is_refused() -> None:
    grid = MaskGrid((3, 1, 1), np.eye(4), np.ones(3, np.bool_))
    for find in (lambda c: largest(grid, c, 1), lambda c: peaks(grid, c, 0.0), lambda c: next_peak(grid, c, 0.0, None)):
        with pytest.raises(ValueError, match=r"got a column of shape \(4,\), expected \(3,\)"):
            find(np.zeros(4, np.float32))
