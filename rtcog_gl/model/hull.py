"""A convex hull of voxels in world space, with few faces, and what a slice through it can show.

A hull is known by how far it reaches along 18 directions of the world: both ways along its axes, and along the
diagonals between any two of them. A slice along two axes cuts an octagon out of it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.draw import SlicePlane

Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Corners = list[tuple[float, float]]

DIRECTIONS: tuple[tuple[int, int, int], ...] = tuple(
    (x, y, z) for x, y, z in product((-1, 0, 1), repeat=3) if abs(x) + abs(y) + abs(z) in (1, 2)
)
"""Along x, y and z; diagonals are not of length one, so that all is whole numbers."""

_NUMBER = {direction: number for number, direction in enumerate(DIRECTIONS)}


class Hull(NamedTuple):
    """A region of the world, by its reach."""

    reach: tuple[float, ...]
    """Largest of ``direction @ mm`` in it, for each of `DIRECTIONS`."""

    def along(self, x: int, y: int, z: int) -> float:
        """Return the reach along one of `DIRECTIONS`."""
        return self.reach[_NUMBER[x, y, z]]

    def joined(self, other: Hull) -> Hull:
        """Return the hull of both."""
        return Hull(tuple(map(max, self.reach, other.reach)))


def row_ends(rows: npt.NDArray[np.bool_]) -> tuple[IntArray, IntArray, IntArray]:
    """Return which of the rows (n, nx) have anything true, (m,), and where in each that begins and ends, (m,) each.

    A linear function has its extremes there.
    """
    first, last = rows.argmax(axis=1), rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1)
    some = np.flatnonzero(rows[np.arange(len(rows)), first])
    return some, first[some], last[some]


def hull_of(voxels: IntArray, affine: Float64Array, reach: float) -> Hull:
    """Return the hull of voxels.

    Parameters
    ----------
    voxels : ndarray, (n, 3), int64
        Their indices; n >= 1. Of a row of voxels, its ends are enough.
    affine : ndarray, (4, 4), float64
        From voxel indices to RAS+ mm.
    reach : float
        How far each reaches from its centre along the three axes of the grid, in voxels: 0.5 is the voxel itself.
    """
    across = np.array(DIRECTIONS) @ affine[:3, :3]
    # A direction at a time: all at once would be many times the voxels.
    centres = np.array([(voxels @ each).max() for each in across]) + np.array(DIRECTIONS) @ affine[:3, 3]
    return Hull(tuple((centres + reach * np.abs(across).sum(axis=1)).tolist()))


def outline(plane: SlicePlane, hull: Hull, slack: float = 1.0) -> Corners:
    """Return an octagon that holds all of a hull that a slice can show.

    Parameters
    ----------
    plane : SlicePlane
        The slice. One that does not lie along two axes of the world gets its whole rectangle.
    hull : Hull
        What is to be seen.
    slack : float
        Pixels around it, >= 0.

    Returns
    -------
    list of (float, float)
        Eight corners x, y in pixels from the rectangle's top left corner, never outside it, clockwise from the left end
        of its top left cut; a cut may have no length. If the slice shows nothing, all are the same.
    """
    w, h = plane.rect.w, plane.rect.h
    i, j = _axis(plane.right), _axis(plane.down)
    if i is None or j is None or i == j:
        return _octagon((0.0, 0.0, w, h), (0.0, -h, w + h, w), 1.0, 1.0)
    # In millimetres to the right and downwards, the world's diagonals are at 45 degrees.
    right, down = abs(plane.right[i]), abs(plane.down[j])
    far = _farthest(plane, hull, i, j)

    def edge(u: int, v: int) -> float:
        return far(u, v) + slack * (abs(u) * right + abs(v) * down)

    k = 3 - i - j
    along = tuple(int(axis == k) for axis in range(3))
    near, beyond = -hull.along(*(-n for n in along)), hull.along(*along)
    some = slack * max(right, down)
    if not near - some <= plane.origin[k] <= beyond + some:
        return [(0.0, 0.0)] * 8
    box = max(-edge(-1, 0), 0.0), max(-edge(0, -1), 0.0), min(edge(1, 0), w * right), min(edge(0, 1), h * down)
    corners = _octagon(box, (-edge(-1, -1), -edge(-1, 1), edge(1, 1), edge(1, -1)), right, down)
    # What this takes off, if anything, is rounding.
    return [(min(max(x, 0.0), w), min(max(y, 0.0), h)) for x, y in corners]


def _axis(step: tuple[float, float, float]) -> int | None:
    """Return the world's axis along which a step goes, None if there is no such."""
    some = [axis for axis in range(3) if step[axis]]
    return some[0] if len(some) == 1 else None


def _farthest(plane: SlicePlane, hull: Hull, i: int, j: int) -> Callable[[int, int], float]:
    """Return a function: how far a hull reaches in a slice, mm, from its origin along ``u * right + v * down``.

    `i` and `j` are the axes of the world to the right and downwards; u and v are -1, 0 or 1.
    """
    k = 3 - i - j
    right, down = (1 if plane.right[i] > 0 else -1), (1 if plane.down[j] > 0 else -1)
    depth = plane.origin[k]

    def far(u: int, v: int) -> float:
        direction = [0, 0, 0]
        direction[i], direction[j] = u * right, v * down
        begin = direction[i] * plane.origin[i] + direction[j] * plane.origin[j]
        reach = hull.along(*direction)
        if not (u and v):
            # Diagonals across the slice bound it as well, the more so the nearer it is to the hull's ends.
            for side in (-1, 1):
                direction[k] = side
                reach = min(reach, hull.along(*direction) - side * depth)
        return reach - begin

    return far


def _octagon(
    box: tuple[float, float, float, float], cuts: tuple[float, float, float, float], right: float, down: float
) -> Corners:
    """Return the corners of an octagon.

    Parameters
    ----------
    box : tuple of float
        Smallest u and v, largest u and v, mm.
    cuts : tuple of float
        Smallest u + v and u - v, largest u + v and u - v, mm.
    right, down : float
        Millimetres of a pixel along u and v.
    """
    u0, v0, u1, v1 = box
    s0, t0, s1, t1 = cuts
    # Bounds as tight as two others make them: then there is room for every cut.
    left, end = max(u0, s0 - v1, t0 + v0, (s0 + t0) / 2), min(u1, s1 - v0, t1 + v1, (s1 + t1) / 2)
    top, bottom = max(v0, s0 - u1, u0 - t1, (s0 - t1) / 2), min(v1, s1 - u0, u1 - t0, (s1 - t0) / 2)
    if left > end or top > bottom or s0 > s1 or t0 > t1:
        return [(0.0, 0.0)] * 8
    a, b = max(s0 - left - top, 0.0), max(end - top - t1, 0.0)
    c, d = max(end + bottom - s1, 0.0), max(t0 - left + bottom, 0.0)
    corners = [
        *((left, top + a), (left + a, top), (end - b, top), (end, top + b)),
        *((end, bottom - c), (end - c, bottom), (left + d, bottom), (left, bottom - d)),
    ]
    return [(u / right, v / down) for u, v in corners]
