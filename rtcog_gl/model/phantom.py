"""Phantoms: maps and an anatomy whose colours tell where in the head a voxel lies.

The octants have a map whose colours tell on which side of the mask's middle a voxel lies: red along x, green along y,
blue along z; dark towards smaller millimetres, bright towards larger ones. Voxels that reach across a middle have the
tone between, so each pixel that is dark or bright is on that side beyond doubt, whatever the affine.

Where values are mixed from several voxels, colours of octants would mix to those of others: there each axis has a map
of its own, and only what is not mixed counts. An anatomy is always mixed; its greys rise evenly along all three axes,
along each with a slope of its own, which mixing does not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.anatomy import Anatomy
from rtcog_gl.model.volume import Float64Array, FloatArray, MaskGrid, Point

VMAX = 127.5
"""End of the colour scale with which phantoms are drawn."""

NOTHING = 9
"""Side of what is no voxel of the phantom."""

_TONES = np.array([80, 160, 240])
_TONE_ERROR = 20
_FIRST, _APART = 10, 9
"""Places of the octants' 27 colours in a palette of 256: far enough apart for any rounding."""

_AXIS_ROOM, _AXIS_TONES, _PURE = 85, (3, 42, 81), 3
"""Places of an axis in the palette of single axes: of all of them, of its three tones, and around each."""

_SLACK = 1.05
"""How much more than half its extent a voxel must be away from a middle: more than a pixel's rounding."""

_SAMPLES = 4096
_DEPTHS = (0.15, 0.5, 0.85)
_MANY_VOXELS = 0.25

_BLOCK, _ANATOMY = 12, 24
"""Voxels a side of a mask that stands in for another, and of the anatomy."""

_GREYS, _SHARES = (60.0, 220.0), np.array([4.0, 2.0, 1.0]) / 7
"""Greys of the anatomy's darkest and brightest corner, and how they are shared out among the axes."""


@dataclass(frozen=True, eq=False)
class Phantom:
    """Maps that tell where in the head each voxel of a mask lies."""

    codes: npt.NDArray[np.uint8]
    """(n_voxels,), uint8: 0, 1 or 2 (below, across, above the middle) along x, plus 3 times along y, plus 9 along z."""

    cursors: tuple[Point, ...]
    """Where to cut: positions (mm) whose planes meet voxels of the mask, from the lower left back upwards."""

    voxels: tuple[int, ...]
    """Voxels in the axial planes of `cursors`."""

    both_sides: tuple[bool, bool, bool]
    """Whether many of the voxels lie on either side, along x, y and z."""

    @property
    def column(self) -> FloatArray:
        """(n_voxels,), float32: the map of octants, to be drawn with `palette` from -`VMAX` to `VMAX`; made anew."""
        values: FloatArray = (np.arange(27) * _APART + _FIRST - VMAX).astype(np.float32)
        return values.take(self.codes)

    def along(self, axis: int) -> FloatArray:
        """Return the map of one axis (n_voxels,), float32, to be drawn with `axis_palette`."""
        tones = np.array(_AXIS_TONES)[np.arange(27) // 3**axis % 3]
        values: FloatArray = (axis * _AXIS_ROOM + tones - VMAX).astype(np.float32)
        return values.take(self.codes)


def phantom_of(grid: MaskGrid) -> Phantom:
    """Return the phantom of a mask."""
    some = np.arange(0, grid.n_voxels, -(-grid.n_voxels // _SAMPLES))
    mm = grid.ijk_of(some) @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    middle = mm.mean(axis=0)
    reach = np.abs(grid.affine[:3, :3]).sum(axis=1) / 2 * _SLACK
    many = np.minimum((mm < middle - reach).mean(axis=0), (mm > middle + reach).mean(axis=0)) >= _MANY_VOXELS
    codes = sum(3**axis * _sides(grid, axis, middle, reach) for axis in range(3))
    cuts = np.quantile(mm, _DEPTHS, axis=0, method="nearest")
    voxels = some[np.abs(mm[:, 2] - cuts[:, 2:]).argmin(axis=1)].tolist()
    return Phantom(
        np.asarray(codes, np.uint8)[grid.box()],
        tuple((x, y, z) for x, y, z in cuts.tolist()),
        tuple(voxels),
        (bool(many[0]), bool(many[1]), bool(many[2])),
    )


def _sides(grid: MaskGrid, axis: int, middle: Float64Array, reach: Float64Array) -> npt.NDArray[np.uint8]:
    """Return, for the mask's box (nz, ny, nx): 0 below the middle of a world axis, 2 above, 1 in between."""
    # Along a row of voxels only one number changes, so one comparison a voxel does.
    steps = grid.affine[axis, :3]
    i, j, k = (step * (first + np.arange(n)) for step, first, n in zip(steps, grid.corner, grid.box_shape, strict=True))
    rest = j[None, :, None] + k[:, None, None] + (grid.affine[axis, 3] - middle[axis])
    row = i.astype(np.float32)
    sides: npt.NDArray[np.uint8] = (row >= (-reach[axis] - rest).astype(np.float32)).view(np.uint8)
    sides += (row > (reach[axis] - rest).astype(np.float32)).view(np.uint8)
    return sides


def palette() -> npt.NDArray[np.uint8]:
    """Return the octants' colours, (256, 4), uint8, from -`VMAX` to `VMAX`."""
    code = np.clip((np.arange(256) - _FIRST + _APART // 2) // _APART, 0, 26)
    colours = np.full((256, 4), 255, np.uint8)
    for axis in range(3):
        colours[:, axis] = _TONES[code // 3**axis % 3]
    return colours


def axis_palette() -> npt.NDArray[np.uint8]:
    """Return the colours of single axes, (256, 4), uint8: black where values are mixed; not to be interpolated."""
    colours = np.zeros((256, 4), np.uint8)
    colours[:, 3] = 255
    for axis in range(3):
        for place, tone in zip(_AXIS_TONES, _TONES, strict=True):
            middle = axis * _AXIS_ROOM + place
            pure = colours[middle - _PURE : middle + _PURE + 1, :3]
            pure[:] = _TONES[1]
            pure[:, axis] = tone
    return colours


def sides_of(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    """Return, for pixels (..., 3 or more), the sides (..., 3): -1, 0 or 1 along x, y and z; `NOTHING` for no voxel."""
    return _side_of_tone()[pixels[..., :3]]


@cache
def _side_of_tone() -> npt.NDArray[np.int8]:
    sides = np.full(256, NOTHING, np.int8)
    for side, tone in zip((-1, 0, 1), _TONES.tolist(), strict=True):
        sides[tone - _TONE_ERROR : tone + _TONE_ERROR] = side
    return sides


def stand_in(grid: MaskGrid) -> MaskGrid:
    """Return a full block of voxels in the middle of a mask, with the directions of its axes and equal edges.

    All there is to see of the three axes can be seen in it, whatever the mask looks like.
    """
    lengths = np.linalg.norm(grid.affine[:3, :3], axis=0)
    linear = grid.affine[:3, :3] / lengths * np.prod(lengths) ** (1 / 3)
    middle = np.array(grid.corner) + (np.array(grid.box_shape) - 1) / 2
    centre = grid.affine[:3, :3] @ middle + grid.affine[:3, 3]
    shape = (_BLOCK, _BLOCK, _BLOCK)
    return MaskGrid(shape, _about(centre, linear, _BLOCK), np.ones(_BLOCK**3, np.bool_))


class Ramp(NamedTuple):
    """An anatomy whose greys rise evenly along x, y and z."""

    anatomy: Anatomy
    per_mm: Point
    """Slopes along x, y and z: greys (of 255) a mm."""


def ramp_of(block: MaskGrid) -> Ramp:
    """Return a ramp in the place of a `stand_in`, on a finer grid with the same axes."""
    linear = block.affine[:3, :3] * (_BLOCK / _ANATOMY)
    centre = block.affine[:3, :3] @ np.full(3, (_BLOCK - 1) / 2) + block.affine[:3, 3]
    affine = _about(centre, linear, _ANATOMY)
    k, j, i = np.indices((_ANATOMY,) * 3)
    mm = np.stack([i, j, k], axis=-1) @ linear.T + affine[:3, 3]
    low, high = mm.min(axis=(0, 1, 2)), mm.max(axis=(0, 1, 2))
    slopes = (_GREYS[1] - _GREYS[0]) * _SHARES / (high - low)
    greys = np.rint(_GREYS[0] + (mm - low) @ slopes).astype(np.uint8)
    x, y, z = slopes.tolist()
    return Ramp(Anatomy(greys, affine), (x, y, z))


def _about(centre: Float64Array, linear: Float64Array, n: int) -> Float64Array:
    """Return the affine of n voxels a side whose middle is at `centre` (mm)."""
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = centre - linear @ np.full(3, (n - 1) / 2)
    return affine
