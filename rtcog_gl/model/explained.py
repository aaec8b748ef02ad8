"""Why a volume matches a template: their voxelwise product, whose mean over the template's mask is the score.

Terms: v the volume, w the template, M the template's own mask (where w is not NaN), n its voxels.
Maths: product = v w on M;    score of the mask method = (1/n) sum over M of v w = mean of the product.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .session import FloatArray
from .volume import MaskGrid, Point

ROUNDING = 1e-5
"""Part of the mean size of the product by which a score summed in float32 may be off."""


@dataclass(frozen=True)
class MapFacts:
    """What is told of one of the three maps."""

    vmax: float
    """Value at the ends of its colours; > 0."""

    peak: float
    """The value farthest from zero; the product's largest value."""

    here: float
    """Value at the crosshair; NaN where there is none."""


@dataclass(frozen=True)
class Explained:
    """A volume, the template that it matches best, and their product."""

    tr: int
    template: int
    """Index of the template."""

    score: float
    """The volume's score for it, as the session published it."""

    mean: float
    """Mean of the product over the template's mask."""

    differs: bool
    """Whether these two are not the same, by more than rounding; never where there is no score."""

    n_voxels: int
    """Voxels of the template's mask."""

    at: Point
    """Where the crosshair is (RAS+ mm)."""

    volume: MapFacts
    matched: MapFacts
    """The template."""

    product: MapFacts


def multiply(volume: FloatArray, template: FloatArray) -> FloatArray:
    """Return the product (n_voxels,), float32: NaN outside the template's mask and where the volume is not finite."""
    product: FloatArray = np.multiply(volume, template, dtype=np.float32)
    return product


def strongest(grid: MaskGrid, product: FloatArray) -> Point | None:
    """Return the position of the voxel that speaks most for the template; None where no value is finite."""
    known = np.isfinite(product)
    if not known.any():
        return None
    return grid.mm_of(int(np.argmax(np.where(known, product, -np.inf))))


def explain(
    grid: MaskGrid, tr: int, volume: FloatArray, template: FloatArray, k: int, score: float, at: Point
) -> Explained | None:
    """Return why a volume matches a template, or None where the template has no voxel.

    Parameters
    ----------
    grid : MaskGrid
        Where the voxels are.
    tr : int
        The volume's TR.
    volume, template : array, (n_voxels,)
        Values; the template is NaN outside its own mask.
    k : int
        Which template it is.
    score : float
        The volume's published score for that template.
    at : tuple of float
        Where the crosshair is to be (RAS+ mm).
    """
    inside = np.isfinite(template)
    n = int(np.count_nonzero(inside))
    if not n:
        return None
    terms = volume[inside].astype(np.float64) * template[inside]
    mean, size = float(terms.mean()), float(np.abs(terms).mean())
    same = abs(mean - score) <= ROUNDING * max(size, abs(score))
    differs = not (same or math.isnan(score))
    product = multiply(volume, template)
    voxel = grid.voxel_at(at)
    facts = [_facts(column, voxel) for column in (volume, template, product)]
    largest = replace(facts[2], peak=float(product[inside].max(initial=-math.inf, where=np.isfinite(product[inside]))))
    return Explained(tr, k, score, mean, differs, n, at, facts[0], facts[1], largest)


def moved(told: Explained, grid: MaskGrid, volume: FloatArray, template: FloatArray, at: Point) -> Explained:
    """Return the same with the crosshair (RAS+ mm) elsewhere."""
    voxel = grid.voxel_at(at)
    v, w = (math.nan, math.nan) if voxel is None else (float(volume[voxel]), float(template[voxel]))
    return replace(
        told,
        at=at,
        volume=replace(told.volume, here=v),
        matched=replace(told.matched, here=w),
        product=replace(told.product, here=v * w),
    )


def _facts(column: FloatArray, voxel: int | None) -> MapFacts:
    sizes = np.where(np.isfinite(column), np.abs(column), -1)
    peak = int(np.argmax(sizes))
    here = math.nan if voxel is None else float(column[voxel])
    if sizes[peak] < 0:
        return MapFacts(1.0, math.nan, here)
    return MapFacts(float(sizes[peak]) or 1.0, float(column[peak]), here)
