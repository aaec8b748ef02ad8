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
    fwhm_mm: float = 9.0,
) -> FloatArray:
    """Return independent smooth Gaussian random fields of unit variance inside a mask.

    White noise on a coarse grid is spread by a Gaussian kernel, one matrix product an axis, so the cost hardly
    depends on the smoothness. Rows of unit norm make the variance 1 in every voxel, also at the grid's edge.

    Returns
    -------
    ndarray, (n_fields, Nv), float32
        Voxels in Fortran order.
    """
    spread = [_kernel(n, mm, fwhm_mm) for n, mm in zip(mask.shape, voxel_mm, strict=True)]
    inside = np.flatnonzero(mask.ravel(order="F"))
    nx, ny, nz = mask.shape
    fields = np.empty((n_fields, len(inside)), np.float32)
    for row in fields:
        coarse = rng.standard_normal([kernel.shape[1] for kernel in spread], np.float32)
        # Transposed, (z, y, x) in C order, so that the flat result is in Fortran order of (x, y, z).
        plane = np.matmul(np.matmul(spread[1], coarse.transpose(2, 1, 0)), spread[0].T)
        full = spread[2] @ plane.reshape(plane.shape[0], ny * nx)
        row[:] = full.reshape(nz * ny * nx)[inside]
    return fields


def _kernel(n: int, voxel_mm: float, fwhm_mm: float) -> FloatArray:
    """Weights from coarse samples (half the width apart, with a margin) to the n voxels of an axis."""
    sigma = fwhm_mm / 2.3548
    voxels = np.arange(n) * voxel_mm
    coarse = np.arange(-2 * sigma, voxels[-1] + 2 * sigma + fwhm_mm / 2, fwhm_mm / 2)
    # The field's width is that of the kernel's self-convolution, hence the kernel is narrower by the root of two.
    weights = np.exp(-((voxels[:, None] - coarse[None, :]) ** 2) / sigma**2)
    unit: FloatArray = (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)
    return unit


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
