"""Colour maps by name, as the 256 colours of a lookup texture."""

from __future__ import annotations

import logging

import cmap
import numpy as np
import numpy.typing as npt
from vispy import gloo

SIZE = 256


def _colormap(name: str) -> cmap.Colormap:
    # cmap logs, at every use, that a short name could mean several maps.
    logging.getLogger("cmap").setLevel(logging.ERROR)
    try:
        return cmap.Colormap(name)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"colour map: got {name!r}, expected a name that the package cmap knows, such as 'matplotlib:coolwarm'"
        ) from error


def lut(name: str) -> npt.NDArray[np.uint8]:
    """Return the colours of a colour map, (256, 4), uint8; the first belongs to the lowest value.

    Raises
    ------
    ValueError
        If `cmap` knows no colour map of that name.
    """
    # A map of few colours has a table of its own length, so its colours are asked for one by one.
    colours = _colormap(name)(np.linspace(0, 1, SIZE))
    return np.rint(255 * np.asarray(colours, np.float64)).astype(np.uint8)


def remark_on(name: str) -> str:
    """Return a sentence if a colour map does not suit values below and above zero; empty if it does.

    Raises
    ------
    ValueError
        If `cmap` knows no colour map of that name.
    """
    if _colormap(name).category == "diverging":
        return ""
    return f"colour map {name!r} is not diverging: zero has no colour of its own between values below and above"


def lut_texture(name: str) -> gloo.Texture2D:
    """Return the colours of a colour map as a texture of one row.

    Share s (0..1) of the scale is at ``((255 s + 0.5) / 256, 0.5)``, so the ends are the first and last colour.

    Raises
    ------
    ValueError
        If there is no colour map of that name.
    """
    return gloo.Texture2D(lut(name)[np.newaxis], format="rgba", internalformat="rgba8", interpolation="linear")
