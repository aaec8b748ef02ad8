"""The lanes under the scores: on the scores' time axis, true to the records, and never more than the eye can see."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_panels import (
    GIVEN,
    NOW,
    RUN,
    SECOND,
    cases,
    outside,
    overlaps,
    published,
    scene,
    strings,
    style_of,
    with_hits,
)

from rtcog_gl.model.draw import Axes, Drawing, Rect
from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.model.motion import framewise_displacement
from rtcog_gl.model.panels import gates, lanes, scores, strip
from rtcog_gl.model.scene import Scene
from rtcog_gl.model.theme import DARK
from rtcog_gl.model.view import View

FULL = (1920, 1080)
SIZES = ((800, 600), (1280, 720), FULL, (3840, 2160))
RECORDS = tuple(name for name, made in cases().items() if made.session.volume_records)


def drawn(made: Scene, size: tuple[int, int] = FULL) -> Drawing:
    style = style_of(size, made)
    assert style.layout.lanes is not None
    return lanes.draw(made, style, style.layout.lanes)


def boxes(drawing: Drawing, colour: tuple[float, ...]) -> np.ndarray:
    """Return x, y, w, h of everything in a colour."""
    return np.asarray(drawing.under["geom"][np.isclose(drawing.under["colour"], colour).all(axis=1)])


def short_run(**fields: object) -> Scene:
    """Return a run of 60 volumes, all in view, in which a bar is a volume."""
    session = replace(RUN, nt=60, match_start=0, vols_noaction=0)
    return published(scene(session, 50), **fields)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", RECORDS)
def test_no_text_of_scores_lanes_and_gates_is_over_another(name: str, size: tuple[int, int]) -> None:
    made = cases()[name]
    style = style_of(size, made)
    texts = [*scores.draw(made, style).texts, *gates.draw(made, style).texts, *drawn(made, size).texts]
    assert overlaps(texts) == []


@pytest.mark.parametrize("size", [(640, 360), *SIZES], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", RECORDS)
def test_bars_stay_under_the_plot_of_the_scores(name: str, size: tuple[int, int]) -> None:
    made = cases()[name]
    ax = scores.axes(made, style_of(size, made))
    drawing = drawn(made, size)
    assert outside(drawing) == []
    bars = np.concatenate(
        [boxes(drawing, (*DARK.text3[:3], 0.85)), boxes(drawing, DARK.warn), boxes(drawing, DARK.text)]
    )
    assert (bars[:, 0] >= ax.plot.x).all()
    assert (bars[:, 0] + bars[:, 2] <= ax.plot.right + 1).all()
    assert (bars[:, 1] >= drawing.rect.y).all()
    assert (bars[:, 1] + bars[:, 3] <= drawing.rect.bottom).all()


def test_a_bar_stands_at_its_volume_and_is_as_high_as_it_says() -> None:
    made = short_run(norm_change=0.0)
    ax = scores.axes(made, style_of(FULL, made))
    bars = boxes(drawn(made), (*DARK.text3[:3], 0.85))
    displacement = framewise_displacement(made.volumes["motion"])
    upper = bars[bars[:, 1] + bars[:, 3] == min(bars[:, 1] + bars[:, 3])]
    assert len(upper) == 49
    assert upper[:, 0] + upper[:, 2] / 2 == pytest.approx(ax.x(np.arange(1, 50)), abs=1)
    heights = upper[:, 3] / displacement[1:50]
    assert heights == pytest.approx(np.median(heights), rel=0.1)


def test_volumes_at_which_motion_closed_the_gate_are_amber() -> None:
    change = np.zeros(60)
    change[[7, 20, 33]] = 0.21, 0.5, 0.2
    made = short_run(norm_change=change)
    ax = scores.axes(made, style_of(FULL, made))
    amber = boxes(drawn(made), DARK.warn)
    assert amber[:, 0] + amber[:, 2] / 2 == pytest.approx(ax.x(np.array([7, 20])), abs=1)
    for rule in (None, HitRule(1.5, 2, 1)):
        assert len(boxes(drawn(published(made, rule, norm_change=change)), DARK.warn)) == 0


def test_the_dashed_line_belongs_to_the_norm_and_is_told_so() -> None:
    change = np.zeros(60)
    change[20] = GIVEN.mot_thr or 0.0
    drawing = drawn(short_run(norm_change=change))
    assert "gate: norm change > 0.2" in strings(drawing)
    level = boxes(drawing, DARK.text)
    level = level[level[:, 3] == 2]
    assert len(level) == 1
    dashed = drawing.under[drawing.under["style"][:, 2] > 0]["geom"]
    across = dashed[dashed[:, 2] > 500]
    assert len(across) == 1
    assert across[0, 1] == pytest.approx(level[0, 1], abs=1)
    for name in ("records, no rule", "records, motion not used", "records, no motion"):
        assert not [words for words in strings(drawn(cases()[name])) if "norm" in words], name


def test_newest_values_are_told() -> None:
    made = cases()["records"]
    got = strings(drawn(made))
    displacement = framewise_displacement(made.volumes["motion"])
    took = (made.volumes["committed"] - made.volumes["received"]) / 1e6
    assert f"FD {displacement[479]:.2f} mm" in got
    assert f"processing {took[479]:.0f} ms" in got
    back = strings(drawn(replace(made, view=View(cursor=200, left=100))))
    assert f"FD {displacement[200]:.2f} mm" in back
    assert any(words.endswith(f" {took[200]:.0f} ms") for words in back)


def test_what_is_not_there_is_said_and_not_drawn() -> None:
    got = drawn(cases()["records, no motion"])
    assert "motion is not published" in strings(got)
    assert not [words for words in strings(got) if words.startswith("FD")]
    for name in ("records, nothing yet", "records, torn"):
        nothing = drawn(cases()[name])
        assert "processing –" in strings(nothing)
        assert len(boxes(nothing, (*DARK.text3[:3], 0.85))) == 0


def test_the_tr_is_a_limit_only_where_processing_comes_near() -> None:
    assert not [words for words in strings(drawn(cases()["records"])) if words.startswith("TR ")]
    near = drawn(cases()["records, near a TR"])
    assert "TR 1200 ms" in strings(near)
    slow = np.arange(1, 61) * 1_200_000_000 + np.where(np.arange(60) % 10 == 3, 1_300_000_000, 600_000_000)
    made = short_run(committed=slow, norm_change=0.0)
    assert len(boxes(drawn(made), DARK.warn)) == 5


def test_one_outlier_does_not_flatten_the_rest() -> None:
    motion = np.zeros((60, 6))
    motion[:, 3] = np.arange(60) * 0.1
    motion[30:, 3] += 50
    made = short_run(motion=motion, norm_change=0.0)
    drawing = drawn(made)
    bars = boxes(drawing, (*DARK.text3[:3], 0.85))
    foot = min(bars[:, 1] + bars[:, 3])
    upper = bars[bars[:, 1] + bars[:, 3] == foot]
    assert upper[:, 3].max() < 9 * np.median(upper[:, 3])
    cut = boxes(drawing, DARK.panel)
    assert upper[upper[:, 3].argmax(), 0] in cut[:, 0]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_whole_long_run_has_no_more_boxes_than_pixels_can_show(size: tuple[int, int]) -> None:
    made = cases()["records, Nt 10000, whole run"]
    plot = scores.axes(made, style_of(size, made)).plot
    drawing = drawn(made, size)
    assert len(drawing.under) <= 3 * plot.w + 50
    for colour in ((*DARK.text3[:3], 0.85), DARK.text):
        found = boxes(drawing, colour)
        assert len(found) <= 2 * plot.w


@given(
    st.lists(st.tuples(st.one_of(st.floats(0, 9), st.just(math.nan)), st.booleans()), min_size=1, max_size=300),
    st.integers(0, 40),
    st.integers(20, 400),
    st.integers(1, 250),
)
def test_columns_hold_the_highest_of_their_volumes(
    volumes: list[tuple[float, bool]], first: int, width: int, span: int
) -> None:
    values, marked = (np.array(part) for part in zip(*volumes, strict=True))
    ax = Axes(Rect(10, 0, width, 50), float(first), float(first + span), 0, 1)
    got = lanes.columns(values, marked, ax, first)
    wanted: dict[float, tuple[float, bool]] = {}
    for i, (value, mark) in enumerate(volumes):
        x = math.floor(float(ax.x(first + i)) - got.width / 2 + 0.5)
        if not math.isnan(value) and x >= 10 and x + got.width <= 10 + width:
            before = wanted.get(x, (-math.inf, False))
            wanted[x] = (max(before[0], value), before[1] or mark)
    assert list(zip(got.x.tolist(), zip(got.value.tolist(), got.marked.tolist(), strict=True), strict=True)) == list(
        wanted.items()
    )


def test_the_trs_stand_under_the_lanes_where_there_are_lanes() -> None:
    def trs(drawing: Drawing) -> list[str]:
        return [text.string for text in drawing.texts if text.string.isdigit() and text.anchor == "center"]

    with_lanes, without = cases()["records"], cases()["running"]
    assert trs(drawn(with_lanes)) == trs(scores.draw(without, style_of(FULL, without))) != []
    assert trs(scores.draw(with_lanes, style_of(FULL, with_lanes))) == []


def test_the_key_changes_whenever_the_picture_does() -> None:
    base = cases()["records"]
    pictures: dict[object, object] = {}
    for changes in ({}, {"n_final": 479}, {"n_volumes": 479}, {"offsets": ()}, {"onsets": (130,)}, {"tr_s": 0.3}):
        for view in (View(), View(cursor=300, left=200), View(span=100)):
            made = replace(base, view=view, live=replace(base.live, **changes))
            drawing = drawn(made)
            picture = (drawing.texts, drawing.under.tobytes())
            assert pictures.setdefault(lanes.key(made), picture) == picture
    assert len(pictures) == 18
    assert lanes.key(replace(base, now_ns=NOW + SECOND)) == lanes.key(base)


def processing(made: Scene, size: tuple[int, int] = FULL) -> tuple[str, tuple[float, ...], float] | None:
    """Return the strip's cell: value, colour, x."""
    texts = strip.draw(made, style_of(size, made)).texts
    label = [text for text in texts if text.string == "processing"]
    if not label:
        return None
    value = next(t for t in texts if t.bold and t.x == label[0].x and t.y > label[0].y)
    return value.string, value.colour, value.x


def test_the_strip_tells_the_newest_volumes_time() -> None:
    made = short_run(committed=np.arange(1, 61) * 1_200_000_000 + 123_400_000)
    got = processing(made)
    assert got is not None
    assert got[:2] == ("123 ms", DARK.text)
    slow = processing(published(made, committed=np.arange(1, 61) * 1_200_000_000 + 1_201_000_000))
    assert slow == ("1201 ms", DARK.warn, got[2])
    unknown = processing(published(made, committed=0))
    assert unknown == ("–", DARK.text, got[2])
    assert processing(cases()["running"]) is None


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_strip_has_room_for_it_at_usual_sizes(size: tuple[int, int]) -> None:
    assert processing(with_hits(cases()["records"], (130, 470), (140,)), size) is not None


def test_the_strips_key_knows_the_time() -> None:
    made = cases()["records"]
    other = published(made, committed=made.volumes["received"] + 999_000_000)
    assert strip.key(made) != strip.key(other)
    assert strip.key(made) == strip.key(replace(made, now_ns=NOW + 1))
