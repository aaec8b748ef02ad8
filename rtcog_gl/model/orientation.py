"""Which way is left in a picture of slices: a phantom that shows it, and what must be seen of it.

The phantom is a map whose colours tell on which side of the mask's middle a voxel lies: red along x, green along y,
blue along z; dark towards smaller millimetres, bright towards larger ones. Voxels that reach across a middle have the
tone between, so each pixel that is dark or bright is on that side beyond doubt, whatever the affine.

What must be seen is stated here once more (`EDGES`), on purpose without the code that lays out slices: the two have to
agree, and a drawn phantom says whether they do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.planes import EdgeLetters
from rtcog_gl.model.volume import Float64Array, FloatArray, MaskGrid, Point

VMAX = 127.5
"""End of the colour scale with which the phantom is drawn."""

KINDS = ("coronal", "sagittal", "axial")
"""Planes in the order in which they are laid out."""

EDGES = {
    ("coronal", False): EdgeLetters("L", "R", "S", "I"),
    ("coronal", True): EdgeLetters("R", "L", "S", "I"),
    ("sagittal", False): EdgeLetters("P", "A", "S", "I"),
    ("sagittal", True): EdgeLetters("P", "A", "S", "I"),
    ("axial", False): EdgeLetters("L", "R", "A", "P"),
    ("axial", True): EdgeLetters("R", "L", "A", "P"),
}
"""What lies at the edges of a slice, by its kind and whether the convention is radiological."""

_DEPTH = {"coronal": ("P", "A"), "sagittal": ("L", "R"), "axial": ("I", "S")}
_TOWARDS = {"L": (0, -1), "R": (0, 1), "P": (1, -1), "A": (1, 1), "I": (2, -1), "S": (2, 1)}
_NAMES = ("left and right", "front and back", "up and down")

NOTHING = 9
"""Side of what is no voxel of the phantom."""

_TONES = np.array([80, 160, 240])
_TONE_ERROR = 20
_FIRST, _APART = 10, 9
"""Places of the phantom's 27 colours in a palette of 256: far enough apart for any rounding."""

_SLACK = 1.05
"""How much more than half its extent a voxel must be away from a middle: more than a pixel's rounding."""

_SAMPLES = 4096
_DEPTHS = (0.15, 0.5, 0.85)
_IN_ORDER = 0.99
_MANY_VOXELS, _MANY_PIXELS = 0.25, 50


@dataclass(frozen=True, eq=False)
class Phantom:
    """A map that tells where in the head each of its voxels lies."""

    column: FloatArray
    """(n_voxels,), float32, to be drawn with `palette` from -`VMAX` to `VMAX`."""

    cursors: tuple[Point, ...]
    """Where to cut: positions (mm) whose planes meet voxels of the mask, from the lower left back upwards."""

    both_sides: tuple[bool, bool, bool]
    """Whether many of the voxels lie on either side, along x, y and z."""


class Slice(NamedTuple):
    """One slice of the phantom, as it was read back."""

    layout: str
    """What laid it out; the slices of each are judged together."""

    kind: str
    """Of `KINDS`."""

    radiological: bool
    """The convention in which it was to be drawn."""

    depth: int
    """Its number among the slices of this layout and kind, ascending along the world's axis."""

    letters: EdgeLetters
    """What stands at its edges."""

    pixels: npt.NDArray[np.uint8]
    """(h, w, 3 or more), uint8, top row first."""


class Verdict(NamedTuple):
    """What a drawn phantom says."""

    refused: str
    """One sentence why the map must not be shown; empty where nothing is wrong."""

    unchecked: str
    """One sentence about what could not be checked although the mask allows it; empty where there is nothing."""

    one_sided: str
    """One sentence about what cannot be checked with this mask; empty where everything can be."""


def phantom_of(grid: MaskGrid) -> Phantom:
    """Return the phantom of a mask."""
    some = np.arange(0, grid.n_voxels, -(-grid.n_voxels // _SAMPLES))
    mm = grid.ijk_of(some) @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    middle = mm.mean(axis=0)
    reach = np.abs(grid.affine[:3, :3]).sum(axis=1) / 2 * _SLACK
    many = np.minimum((mm < middle - reach).mean(axis=0), (mm > middle + reach).mean(axis=0)) >= _MANY_VOXELS
    codes = sum(3**axis * _sides(grid, axis, middle, reach) for axis in range(3))
    places = np.asarray(codes, np.uint8)[grid.box()]
    cuts = np.quantile(mm, _DEPTHS, axis=0, method="nearest").tolist()
    values = (np.arange(27) * _APART + _FIRST - VMAX).astype(np.float32)
    return Phantom(values[places], tuple((x, y, z) for x, y, z in cuts), (bool(many[0]), bool(many[1]), bool(many[2])))


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
    """Return the phantom's colours, (256, 4), uint8, from -`VMAX` to `VMAX`."""
    code = np.clip((np.arange(256) - _FIRST + _APART // 2) // _APART, 0, 26)
    colours = np.full((256, 4), 255, np.uint8)
    for axis in range(3):
        colours[:, axis] = _TONES[code // 3**axis % 3]
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


class _Order(NamedTuple):
    """How the two sides of an axis follow each other along a direction of the picture."""

    axis: int
    n_first: int
    n_last: int
    share: float
    """Of the pairs of pixels, one of each side, how many are in the expected order."""

    wrong: str
    """What is drawn and what is expected, should the order be wrong."""


def judge(slices: Iterable[Slice], phantom: Phantom) -> Verdict:
    """Return what slices of a phantom say about left and right, front and back, up and down."""
    groups: dict[tuple[str, str, bool], list[Slice]] = {}
    for one in slices:
        expected = EDGES[one.kind, one.radiological]
        if one.letters != expected:
            return _refused(0, f"letters: {_spelt(one.letters)}, expected: {_spelt(expected)}")
        groups.setdefault((one.layout, one.kind, one.radiological), []).append(one)
    orders = [order for members in groups.values() for order in _orders(members)]
    for axis in range(3):
        for order in orders:
            if order.axis == axis and order.n_first and order.n_last and order.share < _IN_ORDER:
                return _refused(axis, order.wrong)
    return _gaps(orders, phantom)


def _refused(axis: int, what: str) -> Verdict:
    return Verdict(f"map not shown: the check of {_NAMES[axis]} failed ({what})", "", "")


def _spelt(letters: EdgeLetters) -> str:
    return f"{letters.left} to {letters.right}, {letters.top} to {letters.bottom}"


def _orders(slices: list[Slice]) -> list[_Order]:
    """Return what slices of one layout and kind show, to the right, upwards, and from slice to slice."""
    kind, radiological = slices[0].kind, slices[0].radiological
    found = []
    for one in slices:
        sides = sides_of(one.pixels)
        h, w, _ = sides.shape
        rows, columns = np.nonzero(sides.max(axis=-1) < NOTHING)
        found.append((sides[rows, columns], columns / w, -rows / h, np.full(len(rows), one.depth)))
    sides, across, up, depth = (np.concatenate(parts) for parts in zip(*found, strict=True))
    edges, through = EDGES[kind, radiological], _DEPTH[kind]
    places = (
        (across, edges.right, f"at the left of {kind} slices", "at the right"),
        (up, edges.top, f"at the bottom of {kind} slices", "at the top"),
        (depth, through[1], f"in {kind} slices near {through[0]}", f"near {through[1]}"),
    )
    return [_order(sides, position, *words) for position, *words in places]


def _order(sides: npt.NDArray[np.int8], position: npt.NDArray[np.float64], letter: str, bad: str, good: str) -> _Order:
    axis, sign = _TOWARDS[letter]
    side = sides[:, axis] * sign
    first, last = np.sort(position[side < 0]), position[side > 0]
    share = float(np.searchsorted(first, last).mean() / len(first)) if len(first) and len(last) else 0.0
    drawn = bad if share < 0.1 else f"mixed, {bad} too"
    return _Order(axis, len(first), len(last), share, f"drawn: {letter} {drawn}, expected: {good}")


def _gaps(orders: list[_Order], phantom: Phantom) -> Verdict:
    """Return what was not seen of both sides of each axis."""
    unseen, one_sided = [], []
    for axis, name in enumerate(_NAMES):
        first = sum(order.n_first for order in orders if order.axis == axis)
        last = sum(order.n_last for order in orders if order.axis == axis)
        if any(order.axis == axis and order.n_first and order.n_last for order in orders):
            continue
        if not phantom.both_sides[axis]:
            one_sided.append(name)
        elif max(first, last) >= _MANY_PIXELS:
            return _refused(axis, "drawn: one side only, expected: both")
        else:
            unseen.append(name)
    return Verdict(
        "",
        f"map: {', '.join(unseen)} could not be checked, because nothing of the test picture came back"
        if unseen
        else "",
        f"map: {', '.join(one_sided)} cannot be checked, because the mask has too few voxels on one side"
        if one_sided
        else "",
    )
