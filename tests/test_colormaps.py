"""Colour maps by name: what the package knows, what suits signed values, and what is said of the rest."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtcog_gl.gpu.colormaps import SIZE, lut, remark_on
from rtcog_gl.model.map_actions import COLORMAPS
from rtcog_gl.model.options import WindowOptions
from rtcog_gl.model.session import Session
from rtcog_gl.model.theme import THEMES
from rtcog_gl.window.console import Console
from rtcog_gl.window.feed import MapFeed

OWN = sorted({theme.colormap for theme in THEMES.values()} | {name for name in COLORMAPS if name})


@pytest.mark.parametrize("name", OWN)
def test_our_own_run_from_blue_to_red(name: str) -> None:
    colours = lut(name)
    assert colours.shape == (SIZE, 4)
    assert colours.dtype == np.uint8
    assert (colours[:, 3] == 255).all()
    red_less_blue = colours[:, 0].astype(int) - colours[:, 2]
    assert red_less_blue[SIZE // 5] < -40
    assert red_less_blue[-SIZE // 5] > 40
    assert abs(red_less_blue[SIZE // 2]) < 25, "zero leans to neither side"
    assert remark_on(name) == ""


def test_the_key_goes_through_different_ones() -> None:
    assert COLORMAPS[0] == ""
    tables = [lut(name).tobytes() for name in COLORMAPS if name]
    assert len(set(tables)) == len(tables)


@pytest.mark.parametrize("name", ["viridis", "hsv", "red", "tab10", "gray_r"])
def test_those_that_do_not_diverge_are_shown_with_one_sentence(name: str) -> None:
    assert lut(name).shape == (SIZE, 4)
    said = remark_on(name)
    assert said.startswith(f"colour map {name!r} is not diverging: ")
    assert "\n" not in said


@pytest.mark.parametrize("name", ["vik", "RdBu_r", "coolwarm", "crameri:vik_r"])
def test_short_and_reversed_names(name: str) -> None:
    assert remark_on(name) == ""
    turned = name.removesuffix("_r") if name.endswith("_r") else f"{name}_r"
    assert np.abs(lut(name)[::-1].astype(int) - lut(turned)).max() <= 1


def test_few_colours_fill_the_table() -> None:
    """A table of five colours gives 256 entries, each of them one of the five."""
    colours = lut("RdBu_5")
    assert colours.shape == (SIZE, 4)
    assert len(np.unique(colours, axis=0)) == 5


@pytest.mark.parametrize("name", ["", "no such map", "vik,", "a:b", "../..", "%s", "crameri:", "{}"])
def test_unknown_names_are_refused_in_one_sentence(name: str) -> None:
    for ask in (lut, remark_on):
        with pytest.raises(ValueError, match="expected a name that the package cmap knows") as refused:
            ask(name)
        assert repr(name) in str(refused.value)
        assert "\n" not in str(refused.value)


@given(st.text(max_size=12))
def test_no_name_raises_anything_else(name: str) -> None:
    try:
        assert lut(name).shape == (SIZE, 4)
    except ValueError as refused:
        assert "colour map: got" in str(refused)


def console(colormap: str, set_to: list[str], theme: str = "dark") -> Console:
    """Return a console whose renderer only notes the colour maps that it is given."""

    def set_colormap(name: str) -> None:
        lut(name)
        set_to.append(name)

    session = Session(nt=10, labels=("A",), hit_thr=1.0, match_start=1, vols_noaction=1, nv=0)
    renderer: Any = SimpleNamespace(map_error="", font=None, set_colormap=set_colormap)
    options = WindowOptions(colormap=colormap, theme=theme)
    return Console(session, None, renderer, options, MapFeed(lambda tr: None))


@pytest.mark.parametrize(
    ("name", "set_to", "said"),
    [
        ("", [], ""),
        ("vik", ["vik"], ""),
        ("viridis", ["viridis"], "colour map 'viridis' is not diverging"),
        ("no such map", [], "colour map: got 'no such map', expected a name"),
    ],
)
def test_a_window_opens_with_the_colours_asked_for(name: str, set_to: list[str], said: str) -> None:
    got: list[str] = []
    one = console(name, got)
    assert got == set_to, "of an unknown name, the theme's colours stay"
    assert one._note.startswith(said)
    assert bool(one._note) == bool(said)


@pytest.mark.parametrize("theme", THEMES)
def test_a_key_goes_through_the_colours_and_back_to_the_themes(theme: str) -> None:
    got: list[str] = []
    one = console("", got, theme)
    for _ in COLORMAPS:
        one.act("colormap")
    assert got == [*COLORMAPS[1:], THEMES[theme].colormap]
    assert one._note == "colours: the theme's"
