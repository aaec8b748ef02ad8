"""The window's options: there and back again, and one sentence for each flag that is wrong."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtcog_gl.model.map_view import AXES, MODES, MapView
from rtcog_gl.model.option_values import MAX_SIZE, MIN_SIZE, map_range, percentiles, size
from rtcog_gl.model.options import (
    ARRANGEMENTS,
    ENVIRONMENT,
    SAMPLINGS,
    WindowOptions,
    add_flags,
    from_args,
    markdown,
    parse_options,
)
from rtcog_gl.model.view import View, initial_view

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
OPTIONS = st.builds(
    WindowOptions,
    size=st.tuples(st.integers(MIN_SIZE[0], MAX_SIZE[0]), st.integers(MIN_SIZE[1], MAX_SIZE[1])),
    fullscreen=st.booleans(),
    monitor=st.integers(0, 63),
    theme=st.sampled_from(("dark", "light")),
    vsync=st.booleans(),
    scale=st.floats(0, 8),
    anat=st.none() | TEXT,
    map_threshold=st.floats(0, 1e30) | st.just(-1.0),
    map_mode=st.sampled_from(MODES),
    mosaic_axis=st.sampled_from(AXES),
    radiological=st.booleans(),
    sampling=st.sampled_from(SAMPLINGS),
    map_range=st.floats(0, 1e30) | st.just(-1.0),
    map_opacity=st.floats(0, 1),
    colormap=st.just("") | TEXT,
    anat_window=st.tuples(st.floats(0, 49), st.floats(50, 100)),
    sphere=st.floats(0, 20),
    arrangement=st.sampled_from(ARRANGEMENTS),
    window_trs=st.integers(0, 10_000_000),
    duration=st.floats(0, 1e7),
    screenshot=st.none() | TEXT,
    latency_log=st.none() | TEXT,
    photodiode=st.booleans(),
    linger=st.floats(-1, 1e7),
    live_maps=st.integers(-1, 1_000_000),
    verbose=st.booleans(),
    stamps=st.none() | TEXT,
    segment_prefix=TEXT,
)


@given(OPTIONS)
def test_options_become_flags_and_flags_become_options(options: WindowOptions) -> None:
    assert parse_options(options.argv()) == (options, [])
    parser = argparse.ArgumentParser()
    add_flags(parser)
    assert from_args(parser.parse_args(options.argv())) == options


def test_defaults_need_no_flags() -> None:
    assert WindowOptions().argv() == []
    assert parse_options([]) == (WindowOptions(), [])


def test_every_option_has_a_flag_and_every_flag_an_option() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    add_flags(parser)
    assert {action.dest for action in parser._actions} == {field.name for field in fields(WindowOptions)}


def test_flags_with_their_value_apart() -> None:
    options, messages = parse_options(["--size", "1920x1080", "--fullscreen", "--monitor", "1", "--linger", "-1"])
    assert messages == []
    assert options == WindowOptions(size=(1920, 1080), fullscreen=True, monitor=1)


BAD = [
    ["--size=huge"],
    ["--size", "10x10"],
    ["--size=99999x99999"],
    ["--size"],
    ["--monitor=-1"],
    ["--monitor=one"],
    ["--monitor", "64"],
    ["--theme=pink"],
    ["--scale=nan"],
    ["--scale=-1"],
    ["--scale=inf"],
    ["--map-threshold=lots"],
    ["--duration=-3"],
    ["--window-trs=1.5"],
    ["--fullscreen=yes"],
    ["--no-such-flag"],
    ["--no-such-flag", "with", "values"],
    ["--full"],
    ["--anat"],
    ["--linger=-2"],
    ["--map-mode=3d"],
    ["--mosaic-axis", "oblique"],
    ["--radiological=1"],
    ["--sampling=cubic"],
    ["--map-range=0"],
    ["--map-range", "-3"],
    ["--map-range=nan"],
    ["--map-range=some"],
    ["--map-opacity=1.5"],
    ["--anat-window=2"],
    ["--anat-window=99:2"],
    ["--anat-window=0:101"],
    ["--anat-window=nan:50"],
    ["--sphere=-1"],
    ["--sphere", "far"],
    ["--arrangement=none"],
    ["--colormap"],
]


@pytest.mark.parametrize("bad", BAD, ids=" ".join)
@pytest.mark.parametrize("where", [0, 1, 2])
def test_a_bad_flag_costs_one_sentence_and_nothing_else(bad: list[str], where: int) -> None:
    good = [["--photodiode"], ["--theme", "light"]]
    argv = [word for group in [*good[:where], bad, *good[where:]] for word in group]
    options, messages = parse_options(argv)
    assert options == WindowOptions(photodiode=True, theme="light")
    assert len(messages) == 1
    assert messages[0].startswith(f"{ENVIRONMENT}: ")
    assert messages[0].endswith("; the default is used")
    assert "\n" not in messages[0]
    assert bad[0].partition("=")[0] in messages[0]


def test_sentences_name_the_value_got_and_what_is_expected() -> None:
    _, messages = parse_options(["--size=huge", "--scale=9"])
    assert "--size: got 'huge', expected a width and a height from 320x200 to 16384x16384" in messages[0]
    assert "--scale: got '9', expected a number from 0 to 8" in messages[1]


def test_a_word_before_all_flags_costs_nothing_else() -> None:
    options, messages = parse_options(["word", "--photodiode"])
    assert options == WindowOptions(photodiode=True)
    assert len(messages) == 1


def test_a_word_too_many_does_not_take_a_good_flag_with_it() -> None:
    options, messages = parse_options(["--photodiode", "word", "--theme", "light", "word"])
    assert options == WindowOptions(photodiode=True, theme="light")
    assert len(messages) == 2


def test_a_double_dash_costs_nothing_else() -> None:
    options, messages = parse_options(["--", "--photodiode"])
    assert options == WindowOptions(photodiode=True)
    assert len(messages) <= 1


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["-v"], ["@file"], [""], ["-"], ["%s"], ["--anat=%d"], ["--="]])
def test_strange_words_raise_nothing(words: list[str]) -> None:
    options, messages = parse_options(words)
    assert len(messages) <= 1
    assert replace(options, anat=None) == WindowOptions()


@given(
    st.lists(st.sampled_from(["--", "-", "--size", "--size=1x1", "word", "--fullscreen", "--anat=", "-1", "", "--x"]))
)
def test_no_words_raise_anything(words: list[str]) -> None:
    options, messages = parse_options(words)
    assert options.size == WindowOptions().size
    assert len(messages) <= len(words)


@pytest.mark.parametrize("text", ["1920x1080", " 1920x1080 "])
def test_sizes(text: str) -> None:
    assert size(text) == (1920, 1080)


@pytest.mark.parametrize("text", ["", "1920", "1920X1080", "1920x", "1920x1080x1", "-1920x1080", "319x200", "320x199"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a width and a height"):
        size(text)


def test_ranges_of_the_colours() -> None:
    assert [map_range(text) for text in ("largest", "robust", "2.5", "1e-3")] == [0.0, -1.0, 2.5, 1e-3]
    for text in ("", "0", "-1", "inf", "nan", "auto", "2.5:3"):
        with pytest.raises(argparse.ArgumentTypeError, match=r"expected largest, robust or a number above 0"):
            map_range(text)


def test_percentiles() -> None:
    assert percentiles("2:99.5") == (2.0, 99.5)
    assert percentiles("0:100") == (0.0, 100.0)
    for text in ("", "2", "2:", ":98", "98:2", "5:5", "-1:50", "0:100.1", "2:99.5:3", "nan:98", "a:b"):
        with pytest.raises(argparse.ArgumentTypeError, match="expected two percentiles"):
            percentiles(text)


def test_the_view_begins_with_the_options() -> None:
    assert initial_view(WindowOptions()) == View()
    argv = ["--map-mode=glass", "--mosaic-axis=sagittal", "--radiological", "--sampling=linear", "--map-threshold=2"]
    argv += ["--map-range=5", "--map-opacity=0.5", "--colormap=vik", "--sphere=9", "--arrangement=map"]
    options, messages = parse_options(argv)
    assert messages == []
    how = MapView("glass", 0, "linear", True, None, 2.0, "fixed", 5.0, 0.5, colormap="vik", sphere_mm=9.0)
    assert initial_view(options) == View(map=how, arrangement="map")
    assert initial_view(WindowOptions(map_range=-1.0)).map.range == "robust"


def test_the_readme_shows_the_very_table_of_flags() -> None:
    readme = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
    assert markdown() in readme
