"""Which way is left in pictures of a phantom: what must be seen of it, and whether that was seen.

What must be seen is stated here once more (`EDGES`), on purpose without the code that lays out slices: the two have to
agree, and a drawn phantom says whether they do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.phantom import NOTHING, Phantom, sides_of
from rtcog_gl.model.planes import EdgeLetters
from rtcog_gl.model.volume import Point

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

THINGS = {
    "row": "slices",
    "square": "slices",
    "mosaic": "slices",
    "linear": "slices between voxels",
    "anatomy": "slices of the anatomy",
    "linear_anatomy": "slices of the anatomy under values between voxels",
    "glass": "projections",
    "thumbnail": "thumbnails",
}
"""What is drawn, by its layout; layouts that draw the same thing are judged together where something was not seen."""

_DEPTH = {"coronal": ("P", "A"), "sagittal": ("L", "R"), "axial": ("I", "S")}
_TOWARDS = {"L": (0, -1), "R": (0, 1), "P": (1, -1), "A": (1, 1), "I": (2, -1), "S": (2, 1)}
_NAMES = ("left and right", "front and back", "up and down")

_IN_ORDER = 0.99
_FEW_PIXELS, _MANY_PIXELS = 5, 50
_SLOPES = (0.75, 1.33)
"""What the slope of a ramp may be, as a part of what it should be; those of two axes are twice as far apart."""


class Slice(NamedTuple):
    """One picture of the phantom, as it was read back."""

    layout: str
    """Of `THINGS`; the pictures of each are judged together."""

    kind: str
    """Of `KINDS`."""

    radiological: bool
    """The convention in which it was to be drawn."""

    depth: int
    """Its number among the slices of this layout and kind, ascending along the world's axis."""

    letters: EdgeLetters | None
    """What stands at its edges; None if nothing does."""

    pixels: npt.NDArray[np.uint8]
    """(h, w, 3 or more), uint8, top row first."""

    mm: float = 1.0
    """Edge of a pixel, in mm."""


class Verdict(NamedTuple):
    """What a drawn phantom says."""

    refused: str
    """One sentence why the map must not be shown; empty where nothing is wrong."""

    unchecked: str
    """One sentence about what could not be checked; empty where there is nothing."""


class _Order(NamedTuple):
    """How the two sides of an axis follow each other along a direction of the picture."""

    axis: int
    thing: str
    n_first: int
    n_last: int
    n_pairs: int
    """Pairs of pixels, one of each side, that tell: in the plane of a picture, those in one line do not, since a pixel
    whose centre is on the border of two voxels may show either."""

    share: float
    """How many of these pairs are in the expected order."""

    wrong: str
    """What is drawn and what is expected, should the order be wrong."""


class _Direction(NamedTuple):
    """Along what something changes in some pictures."""

    position: npt.NDArray[np.float64]
    """(pixels,), growing to the right, upwards, or from slice to slice."""

    letter: str
    """What lies that way."""

    bad: str
    good: str
    """Where that is seen if all is wrong, and if all is right."""

    through: bool = False
    """Whether it leads from slice to slice."""


def judge(slices: Iterable[Slice], phantom: Phantom, whole: bool = False) -> Verdict:
    """Return what pictures of a phantom say about left and right, front and back, up and down.

    Parameters
    ----------
    slices : iterable of Slice
    phantom : Phantom
        What was drawn.
    whole : bool
        Whether the mask is such that both sides of each axis must be seen in every kind of picture.
    """
    pictures = list(slices)
    wrong = _wrong_letters(pictures)
    if wrong:
        return _refused(0, wrong)
    orders = [order for members in _groups(pictures) for order in _orders(members)]
    for axis in range(3):
        for order in orders:
            if order.axis == axis and order.n_pairs and order.share < _IN_ORDER:
                return _refused(axis, order.wrong)
    return _gaps(orders, phantom, whole)


def judge_ramp(slices: Iterable[Slice], per_mm: Point) -> Verdict:
    """Return what pictures of a ramp say about left and right, front and back, up and down.

    Parameters
    ----------
    slices : iterable of Slice
        Black outside the ramp.
    per_mm : tuple of float
        How much brighter a pixel (0..255) has to become a mm, along x, y and z.
    """
    pictures = list(slices)
    wrong = _wrong_letters(pictures)
    if wrong:
        return _refused(0, wrong)
    gaps: set[int] = set()
    failed: dict[int, str] = {}
    for members in _groups(pictures):
        tones = [one.pixels[..., 0].astype(np.float64) for one in members]
        found, directions = _directions(members, [tone > 0 for tone in tones])
        values = np.concatenate([tone[there] for tone, there in zip(tones, found, strict=True)])
        if len(values) < _MANY_PIXELS:
            gaps |= {_TOWARDS[direction.letter][0] for direction in directions}
            continue
        terms = np.stack([np.ones(len(values)), *(direction.position for direction in directions)], axis=1)
        slopes = np.linalg.lstsq(terms, values, rcond=None)[0][1:].tolist()
        for n, (direction, slope) in enumerate(zip(directions, slopes, strict=True)):
            axis, sign = _TOWARDS[direction.letter]
            # From slice to slice the distance is not told, only the direction.
            part = sign * slope / per_mm[axis] / members[0].mm if n < 2 else sign * slope
            if not (_SLOPES[0] < part < _SLOPES[1] if n < 2 else part > 1):
                failed.setdefault(axis, _wrong(direction, 0.0 if part < 0 else 0.5))
    if failed:
        return _refused(min(failed), failed[min(failed)])
    return Verdict("", _unseen([_NAMES[axis] for axis in sorted(gaps)]))


def _groups(pictures: list[Slice]) -> list[list[Slice]]:
    """Return the pictures that are judged together."""
    groups: dict[tuple[str, str, bool], list[Slice]] = {}
    for one in pictures:
        groups.setdefault((one.layout, one.kind, one.radiological), []).append(one)
    return list(groups.values())


def _wrong_letters(pictures: list[Slice]) -> str:
    for one in pictures:
        expected = EDGES[one.kind, one.radiological]
        if one.letters is not None and one.letters != expected:
            return f"letters: {_spelt(one.letters)}, expected: {_spelt(expected)}"
    return ""


def _refused(axis: int, what: str) -> Verdict:
    return Verdict(f"map not shown: the check of {_NAMES[axis]} failed ({what})", "")


def _spelt(letters: EdgeLetters) -> str:
    return f"{letters.left} to {letters.right}, {letters.top} to {letters.bottom}"


def _directions(
    slices: list[Slice], there: list[npt.NDArray[np.bool_]]
) -> tuple[list[tuple[npt.NDArray[np.intp], ...]], list[_Direction]]:
    """Return where the pixels are that are `there`, and how they lie to the right, upwards, and from slice to slice."""
    kind, thing = slices[0].kind, f"{slices[0].kind} {THINGS[slices[0].layout]}"
    found = [np.nonzero(each) for each in there]
    across = np.concatenate([columns for _, columns in found]).astype(np.float64)
    up = -np.concatenate([rows for rows, _ in found]).astype(np.float64)
    depth = np.concatenate(
        [np.full(len(rows), one.depth, np.float64) for one, (rows, _) in zip(slices, found, strict=True)]
    )
    edges, through = EDGES[kind, slices[0].radiological], _DEPTH[kind]
    directions = [
        _Direction(across, edges.right, f"at the left of {thing}", "at the right"),
        _Direction(up, edges.top, f"at the bottom of {thing}", "at the top"),
    ]
    if len({one.depth for one in slices}) > 1:
        directions.append(_Direction(depth, through[1], f"in {thing} near {through[0]}", f"near {through[1]}", True))
    return found, directions


def _orders(slices: list[Slice]) -> list[_Order]:
    """Return what slices of one layout and kind show, to the right, upwards, and from slice to slice."""
    all_sides = [sides_of(one.pixels) for one in slices]
    found, directions = _directions(slices, [sides.max(axis=-1) < NOTHING for sides in all_sides])
    sides = np.concatenate([each[there] for each, there in zip(all_sides, found, strict=True)])
    return [_order(sides, direction, THINGS[slices[0].layout]) for direction in directions]


def _order(sides: npt.NDArray[np.int8], direction: _Direction, thing: str) -> _Order:
    axis, sign = _TOWARDS[direction.letter]
    side, position = sides[:, axis] * sign, direction.position
    first, last = np.sort(position[side < 0]), position[side > 0]
    before = int(np.searchsorted(first, last).sum())
    after = len(first) * len(last) - int(np.searchsorted(first, last, side="right").sum())
    if direction.through:
        after = len(first) * len(last) - before
    share = before / (before + after) if before + after else 0.0
    return _Order(axis, thing, len(first), len(last), before + after, share, _wrong(direction, share))


def _wrong(direction: _Direction, share: float) -> str:
    drawn = direction.bad if share < 0.1 else f"mixed, {direction.bad} too"
    return f"drawn: {direction.letter} {drawn}, expected: {direction.good}"


def _gaps(orders: list[_Order], phantom: Phantom, whole: bool) -> Verdict:
    """Return what was not seen of both sides of each axis."""
    unseen = []
    for axis, name in enumerate(_NAMES):
        things = sorted({order.thing for order in orders if order.axis == axis})
        missed = [thing for thing in things if not _both([o for o in orders if (o.axis, o.thing) == (axis, thing)])]
        for thing in missed:
            n = max(max(o.n_first, o.n_last) for o in orders if (o.axis, o.thing) == (axis, thing))
            # Of some masks few voxels are seen where values are mixed.
            expected = phantom.both_sides[axis] and thing == THINGS["row"] and n >= _MANY_PIXELS
            if expected or (whole and n >= _FEW_PIXELS):
                return _refused(axis, f"drawn: one side only of {thing}, expected: both")
        if missed:
            unseen.append(name)
    return Verdict("", _unseen(unseen))


def _both(orders: list[_Order]) -> bool:
    return any(order.n_pairs for order in orders)


def _unseen(names: list[str]) -> str:
    if not names:
        return ""
    return f"map: {', '.join(names)} could not be checked, because nothing of the test picture came back"
