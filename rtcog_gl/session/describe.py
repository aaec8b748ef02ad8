"""rtcog's configuration, turned into what the viewer speaks; what is wrong with it becomes sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtcog_gl.model.session import Session
from rtcog_gl.model.volume import MaskGrid
from rtcog_gl.session.images import grid_from_image


@dataclass(frozen=True)
class Described:
    """What a configuration says."""

    session: Session
    """Without the questions, which the configuration does not name."""

    grid: MaskGrid | None
    """The mask in space, or None where it cannot be used."""

    rows: int
    """Rows of ``tr_data`` as rtcog made it."""

    messages: tuple[str, ...]
    """What is wrong, in sentences."""


class _Reader:
    """Reads fields of an object or a mapping, with a sentence for each that is not what it should be."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def get(self, source: Any, name: str) -> Any:
        return source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)

    def whole(self, source: Any, name: str, least: int, default: int) -> int:
        value = self.get(source, name)
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least:
            return int(value)
        self.messages.append(f"{name} is {value!r}, expected a whole number >= {least}; {default} is used.")
        return default

    def real(self, source: Any, name: str, default: float) -> float:
        value = self.get(source, name)
        if isinstance(value, (int, float, np.integer, np.floating)) and math.isfinite(value):
            return float(value)
        self.messages.append(f"{name} is {value!r}, expected a finite number; {default:g} is used.")
        return default

    def text(self, source: Any, name: str) -> str:
        value = self.get(source, name)
        return value if isinstance(value, str) else ""

    def labels(self, source: Any) -> tuple[str, ...]:
        value = self.get(source, "template_labels")
        try:
            labels = () if isinstance(value, (str, bytes)) else tuple(str(label) for label in value)
        except TypeError:
            labels = ()
        if not labels:
            self.messages.append(f"template_labels is {value!r}, expected a list with at least one label.")
        return labels


def describe(config: Any) -> Described:
    """Return what a configuration says; never raises.

    Parameters
    ----------
    config : StreamingConfig
        Any object with the contract's fields. It can also have ``unit``, that of the maps' values, which rtcog's own
        does not.
    """
    read = _Reader()
    nt = read.whole(config, "Nt", 1, 0)
    rows = read.whole(config, "Nv", 1, 0)
    options = read.get(config, "matching_opts")
    grid, used = _mask(read, config, rows)
    session = Session(
        nt=nt,
        labels=read.labels(config),
        hit_thr=read.real(config, "hit_thr", 0.0),
        match_start=read.whole(options, "match_start", 0, 0),
        vols_noaction=read.whole(options, "vols_noaction", 0, 0),
        match_method=str(read.get(options, "match_method") or "unknown"),
        nv=used,
        out_dir=str(read.get(config, "out_dir") or "."),
        out_prefix=str(read.get(config, "out_prefix") or ""),
        unit=read.text(config, "unit"),
    )
    return Described(session, grid, rows, tuple(read.messages))


def _mask(read: _Reader, config: Any, rows: int) -> tuple[MaskGrid | None, int]:
    """Return the grid and the rows of ``tr_data`` that fill it.

    rtcog takes ``int(sum(mask))`` for the number of voxels, while those in the mask are the ones above zero. The two
    agree for a mask of 0 and 1. For any other mask (weights, labels) rtcog's pipeline insists on as many voxels from
    the scanner as the sum says, so that a map exists only where somebody padded or cut the data; its first rows
    are then the mask's voxels in Fortran order. Rows beyond them have no place and are left out; if there are fewer
    rows than voxels, nothing says which voxels they are, and there is no map.
    """
    image = read.get(config, "mask_img")
    if image is None:
        read.messages.append("mask_img is None, expected an image; the map is off.")
        return None, rows
    try:
        grid = grid_from_image(image)
        count = grid.n_voxels
        if rows == count:
            return grid, rows
        total = float(np.nansum(np.asanyarray(image.dataobj), dtype=np.float64))
    except Exception as error:  # An image is foreign code and reads files: anything can go wrong.
        detail = str(error) or type(error).__name__
        read.messages.append(f"The mask cannot be used ({detail.rstrip('.')}); the map is off.")
        return None, rows
    summed = int(total) if math.isfinite(total) else 0
    if rows == summed and count < rows:
        read.messages.append(
            f"The mask is not made of 0 and 1: Nv is its sum, {rows}, and {count} voxels are above zero; "
            f"the map shows the first {count} rows."
        )
        return grid, count
    read.messages.append(f"Nv is {rows}, expected {count}, the voxels in the mask; the map is off.")
    return None, rows
