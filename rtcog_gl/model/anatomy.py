"""The picture of the head under the map: eight bits of grey and where they lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.hull import Hull, hull_of, row_ends
from rtcog_gl.model.volume import Bounds, Float64Array, checked_affine

PERCENTILES = (2.0, 99.5)
"""Percentiles of the voxels above zero that are black and white, where nothing else is asked for."""

_KEPT = (0.1, 99.9)
"""Percentiles between which intensities differ in the stored greys, as far as there is room for them."""

_ROOM = 0.5
"""Greys beyond each end of the automatic window, as a part of its width, at most: half of the 8 bits stay for it."""

_SAMPLES = 1_000_000
"""Voxels that are enough to find a grey window."""


@dataclass(frozen=True, eq=False)
class Anatomy:
    """An anatomical image, ready for the screen."""

    volume: npt.NDArray[np.uint8]
    """(nz, ny, nx), uint8, C order: grey, 0 where there is nothing."""

    affine: Float64Array
    """(4, 4), float64, from voxel indices (first, second, third axis) to RAS+ mm."""

    window: tuple[float, float] = (0.0, 1.0)
    """Greys (0..1, of 255) that are black and white in the automatic window; what lies beyond is there to be seen."""

    hull: Hull | None = field(init=False)
    """How far what can be seen of it reaches in the world; None if there is nothing."""

    def __post_init__(self) -> None:
        """Find the hull: here, since this may be any thread, and it takes a look at every voxel."""
        object.__setattr__(self, "hull", _hull(self.volume, self.affine))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along the first, second and third axis (nx, ny, nz)."""
        nz, ny, nx = self.volume.shape
        return (nx, ny, nz)

    def meets(self, bounds: Bounds) -> bool:
        """Return whether the box of the voxels that are not nothing shares any space with a box of the world."""
        ends = []
        for axis in (2, 1, 0):
            some = np.flatnonzero(self.volume.any(axis=tuple({0, 1, 2} - {axis})))
            if not some.size:
                return False
            ends.append((some[0] - 0.5, some[-1] + 0.5))
        low, high = np.array(ends).T
        linear = self.affine[:3, :3]
        centre = linear @ (low + high) / 2 + self.affine[:3, 3] - np.array(bounds.centre)
        return not _apart(centre, linear * (high - low) / 2, np.diag(bounds.size) / 2)


def _hull(volume: npt.NDArray[np.uint8], affine: Float64Array) -> Hull | None:
    ends = []
    for k, plane in enumerate(volume):
        j, first, last = row_ends(plane != 0)
        ends += [np.stack([i, j, np.full_like(j, k)], axis=1) for i in (first, last)]
    voxels = np.concatenate(ends)
    # Linear filtering lets a voxel be seen up to the centres of its neighbours.
    return hull_of(voxels, affine, 1.0) if len(voxels) else None


def grey_window(window: tuple[float, float], level: float, width: float) -> tuple[float, float]:
    """Return the middle and the width of a grey window in stored greys (0..1).

    Parameters
    ----------
    window : tuple of float
        The automatic window, `Anatomy.window`.
    level, width : float
        The wanted one, of which (0.5, 1) is the automatic one.
    """
    low, high = window
    return low + level * (high - low), width * (high - low)


def _apart(between: Float64Array, one: Float64Array, other: Float64Array) -> bool:
    """Return whether two boxes, `between` from centre to centre, share nothing; columns are half their edges.

    They do so if their shadows on a line are apart, and it is enough to look at the normals of their faces and of the
    planes that an edge of each spans.
    """
    edges, others = one.T, other.T
    pairs = [(edges[a], edges[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    pairs += [(others[a], others[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    pairs += [(a, b) for a in edges for b in others]
    lines = np.array([np.cross(a, b) for a, b in pairs])
    reach = np.abs(lines @ one).sum(axis=1) + np.abs(lines @ other).sum(axis=1)
    return bool((np.abs(lines @ between) > reach).any())


def anatomy_from_array(
    data: npt.NDArray[Any],
    affine: npt.ArrayLike,
    window: tuple[float, float] = PERCENTILES,
) -> Anatomy:
    """Return an anatomy whose automatic window runs between two percentiles of the voxels above zero.

    Parameters
    ----------
    data : ndarray, (nx, ny, nz), real
        Intensities; values that are not finite, and those up to zero, are nothing.
    affine : array_like, (4, 4)
        From voxel indices to RAS+ mm.
    window : tuple of float
        Percentiles that become black and white.

    Raises
    ------
    ValueError
        If the image is not three-dimensional, has no voxel above zero, or its affine is singular.
    """
    if data.ndim != 3 or data.size == 0:
        raise ValueError(f"anatomy: got an image of shape {data.shape}, expected three dimensions")
    matrix = checked_affine(affine, "anatomy")
    matrix.setflags(write=False)
    (low, high), (floor, ceiling) = _windows(data, window)
    step = 254 / (ceiling - floor)
    volume = np.empty(data.shape[::-1], np.uint8)
    for k, plane in enumerate(volume):
        # One slice at a time: a whole head in float32 would be several times the picture itself.
        grey = np.nan_to_num(data[:, :, k].T.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        nothing = grey <= 0
        grey -= np.float32(floor)
        grey *= np.float32(step)
        plane[:] = 1 + np.clip(np.rint(grey, out=grey), 0, 254, out=grey)
        plane[nothing] = 0
    volume.setflags(write=False)
    return Anatomy(volume, matrix, ((1 + (low - floor) * step) / 255, (1 + (high - floor) * step) / 255))


def _windows(data: npt.NDArray[Any], window: tuple[float, float]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the intensities at the ends of the automatic window, and at the ends of what is stored."""
    values = data.ravel(order="K")
    positive = _positive(values[:: max(1, data.size // _SAMPLES)])
    if positive.size == 0:
        # So few that sampling passed them by, if there are any.
        positive = _positive(values)
    if positive.size == 0:
        raise ValueError(f"anatomy: none of its {data.size} voxels is above zero, expected an image of a head")
    low, high, dark, bright = np.percentile(positive, (*window, *_KEPT)).tolist()
    if not high > low:
        # One intensity only (a mask, say): from black to that one.
        low = 0.0
    room = _ROOM * (high - low)
    return (low, high), (max(min(dark, low), low - room), min(max(bright, high), high + room))


def _positive(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    finite: npt.NDArray[np.float32] = values[(values > 0) & np.isfinite(values)].astype(np.float32)
    return finite
