"""Noise that looks like fMRI, in space and in time, at little cost a volume."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.session import FloatArray


def smooth_fields(
    rng: np.random.Generator,
    mask: npt.NDArray[np.bool_],
    voxel_mm: tuple[float, float, float],
    n_fields: int,
    fwhm_mm: float = 8.0,
) -> FloatArray:
    """Return independent smooth Gaussian random fields of unit variance inside a mask.

    White noise on a coarse grid is spread by a Gaussian kernel, axis by axis. Weights of unit norm make the variance 1
    in every voxel, also at the grid's edge. No product here is left to a linear-algebra library, whose threads would
    spin on cores that the viewer needs.

    Returns
    -------
    ndarray, (n_fields, Nv), float32
        Voxels in Fortran order.
    """
    kernels = [_kernel(n, mm, fwhm_mm) for n, mm in zip(mask.shape, voxel_mm, strict=True)]
    inside = np.flatnonzero(mask.ravel(order="F"))
    fields = np.empty((n_fields, len(inside)), np.float32)
    for row in fields:
        grid = rng.standard_normal([kernel.shape[1] for kernel in kernels], np.float32)
        for kernel in kernels:
            # The axis at the front is spread and goes to the end, so that after three the order is x, y, z again.
            grid = np.moveaxis(_spread(kernel, np.ascontiguousarray(grid)), 0, -1)
        row[:] = grid.ravel(order="F")[inside]
    return fields


def _kernel(n: int, voxel_mm: float, fwhm_mm: float) -> FloatArray:
    """Weights from coarse samples (half the width apart, with a margin) to the n voxels of an axis."""
    sigma = fwhm_mm / 2.3548
    voxels = np.arange(n) * voxel_mm
    coarse = np.arange(-3 * sigma, voxels[-1] + 3 * sigma + fwhm_mm / 2, fwhm_mm / 2)
    distance = np.abs(voxels[:, None] - coarse[None, :])
    weights = np.where(distance <= 3 * sigma, np.exp(-0.5 * (distance / sigma) ** 2), 0.0)
    unit: FloatArray = (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _spread(kernel: FloatArray, grid: FloatArray) -> FloatArray:
    """Apply a kernel, (n, m), along the first axis of a grid, (m, ...); only the few weights above zero count."""
    result = np.empty((len(kernel), *grid.shape[1:]), np.float32)
    for weights, row in zip(kernel, result, strict=True):
        near = np.flatnonzero(weights)
        band = slice(near[0], near[-1] + 1)
        np.einsum("j,j...->...", weights[band], grid[band], out=row)
    return result


def ar1(rng: np.random.Generator, n_series: int, n: int, phi: float) -> npt.NDArray[np.float64]:
    """Return stationary first-order autoregressive series of unit variance, (n_series, n)."""
    series = rng.standard_normal((n_series, n))
    series[:, 1:] *= np.sqrt(1 - phi**2)
    for t in range(1, n):
        series[:, t] += phi * series[:, t - 1]
    return series


def episodes(
    rng: np.random.Generator,
    n_templates: int,
    n: int,
    first: int,
    peak: tuple[float, float] = (1.9, 2.7),
    length: tuple[int, int] = (8, 15),
    gap: tuple[int, int] = (4, 16),
) -> npt.NDArray[np.float64]:
    """Return how strongly each template is on, (n_templates, n): one rises and falls, then, after a gap, another.

    Parameters
    ----------
    first : int
        Volume at which the first episode begins.
    peak, length, gap
        Ranges: height of an episode, its volumes, volumes until the next.
    """
    strength = np.zeros((n_templates, n))
    start, last = first, -1
    while start < n:
        choices = [i for i in range(n_templates) if i != last or n_templates == 1]
        last = int(rng.choice(choices))
        volumes = int(rng.integers(length[0], length[1] + 1))
        shape = rng.uniform(*peak) * np.sin(np.pi * (np.arange(volumes) + 1) / (volumes + 1))
        stop = min(n, start + volumes)
        strength[last, start:stop] = shape[: stop - start]
        start += volumes + int(rng.integers(gap[0], gap[1] + 1))
    return strength
