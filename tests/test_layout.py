"""Where the panels go: inside the window, beside each other, and never gone."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtcog_gl.model.draw import Rect
from rtcog_gl.model.layout import DESIGN, NONE, SMALLEST_TYPE, Layout, auto_scale, layout
from rtcog_gl.model.options import Arrangement

SIZES = ((640, 360), (800, 600), (1280, 720), (1600, 900), (1920, 1080), (1080, 1920), (2560, 1080), (3840, 2160))
ANY_SIZE = st.tuples(st.integers(640, 3840), st.integers(360, 2160))


def overlap(a: Rect, b: Rect) -> bool:
    return min(a.right, b.right) > max(a.x, b.x) and min(a.bottom, b.bottom) > max(a.y, b.y)


def check(made: Layout, has_answers: bool, has_lanes: bool = False) -> None:
    width, height = made.size
    names = {"strip", "scores", "gates", "map", "footer"}
    names |= {"answers"} if has_answers else set()
    names |= {"lanes"} if has_lanes else set()
    assert made.panels.keys() == names
    for name, rect in made.panels.items():
        assert 0 <= rect.x <= rect.right <= width, name
        assert 0 <= rect.y <= rect.bottom <= height, name
        assert rect.w >= 1, name
        assert rect.h >= 1, name
    for (a, first), (b, second) in combinations(made.panels.items(), 2):
        assert not overlap(first, second), (a, b)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("content_scale", [1.0, 1.25, 1.5, 2.0])
@pytest.mark.parametrize("wanted", [0.0, 0.5, 1.0, 2.0, 8.0])
@pytest.mark.parametrize("has_answers", [False, True])
@pytest.mark.parametrize("has_lanes", [False, True])
def test_usual_sizes(
    size: tuple[int, int], content_scale: float, wanted: float, has_answers: bool, has_lanes: bool
) -> None:
    made = layout(size, auto_scale(size, content_scale, wanted), has_answers, has_lanes)
    check(made, has_answers, has_lanes)
    assert made.scores.h > size[1] * 0.2
    assert made.map.h > size[1] * 0.2
    assert made.map.w > size[0] * 0.5


@given(ANY_SIZE, st.floats(1.0, 2.0), st.floats(0.0, 8.0), st.booleans(), st.booleans())
def test_any_size(
    size: tuple[int, int], content_scale: float, wanted: float, has_answers: bool, has_lanes: bool
) -> None:
    made = layout(size, auto_scale(size, content_scale, wanted), has_answers, has_lanes)
    check(made, has_answers, has_lanes)


@given(
    st.tuples(st.integers(320, 16384), st.integers(200, 16384)),
    st.floats(0.5, 4.0),
    st.floats(0.0, 8.0),
    st.booleans(),
)
def test_every_size_that_a_window_can_have(
    size: tuple[int, int], content_scale: float, wanted: float, has_lanes: bool
) -> None:
    check(layout(size, auto_scale(size, content_scale, wanted), True, has_lanes), True, has_lanes)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("wanted", [0.0, 0.5, 1.0, 8.0])
def test_scores_lanes_and_gates_are_one_block_and_the_scores_its_greatest_part(
    size: tuple[int, int], wanted: float
) -> None:
    made = layout(size, auto_scale(size, 1.0, wanted), True, True)
    assert made.lanes is not None
    assert (made.lanes.x, made.lanes.w, made.lanes.y) == (made.scores.x, made.scores.w, made.scores.bottom)
    assert (made.gates.x, made.gates.y) == (made.scores.right, made.scores.y)
    assert made.gates.bottom == made.lanes.bottom
    assert made.scores.h >= 1.9 * made.lanes.h
    assert made.scores.w >= 3 * made.gates.w


def test_lanes_cost_the_traces_little() -> None:
    with_lanes, without = layout(DESIGN, 1.0, True, True), layout(DESIGN, 1.0, True)
    # The TRs stand under the lanes then, and leave their row to the traces.
    row = 38 - 12
    assert with_lanes.scores.h + row > 0.9 * without.scores.h


def test_without_a_survey_the_map_takes_the_room() -> None:
    with_answers, without = layout(DESIGN, 1.0, True), layout(DESIGN, 1.0, False)
    assert without.answers is None
    assert with_answers.answers is not None
    assert without.map.right == with_answers.answers.right
    assert without.scores == with_answers.scores


def test_the_design_has_scale_one() -> None:
    assert auto_scale(DESIGN) == 1.0
    assert auto_scale((3840, 2160)) == 2.0
    assert auto_scale((3840, 2160), 2.0) == 2.0
    made = layout(DESIGN, 1.0, True)
    assert (made.px(42), made.px(13), made.px(1)) == (42, 13, SMALLEST_TYPE)
    assert (made.dp(12), made.dp(0.1)) == (12.0, 1.0)


@given(ANY_SIZE, st.floats(1.0, 2.0))
def test_type_shrinks_more_slowly_than_the_window(size: tuple[int, int], content_scale: float) -> None:
    fit = min(size[0] / DESIGN[0], size[1] / DESIGN[1])
    scale = auto_scale(size, content_scale)
    assert scale >= fit - 1e-9
    assert scale <= max(fit, content_scale) + 1e-9


@given(ANY_SIZE, st.floats(1.0, 2.0), st.floats(0.01, 8.0))
def test_a_scale_that_is_asked_for_is_kept_up_to_a_limit(
    size: tuple[int, int], content_scale: float, wanted: float
) -> None:
    got = auto_scale(size, content_scale, wanted)
    automatic = auto_scale(size, content_scale)
    assert got == pytest.approx(min(wanted * content_scale, 1.5 * automatic))


def test_a_content_scale_of_nothing_counts_as_one() -> None:
    assert auto_scale((1280, 720), 0.0) == auto_scale((1280, 720), 1.0)


ALONE = {"map": {"strip", "map", "footer"}, "scores": {"strip", "scores", "gates", "lanes", "footer"}}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("wanted", [0.0, 0.5, 8.0])
@pytest.mark.parametrize("has_answers", [False, True])
@pytest.mark.parametrize("has_lanes", [False, True])
@pytest.mark.parametrize("arrangement", ALONE)
def test_panels_that_are_alone_take_all_the_room(
    size: tuple[int, int], wanted: float, has_answers: bool, has_lanes: bool, arrangement: Arrangement
) -> None:
    scale = auto_scale(size, 1.0, wanted)
    every = layout(size, scale, has_answers, has_lanes)
    alone = layout(size, scale, has_answers, has_lanes, arrangement)
    there = {name: rect for name, rect in alone.panels.items() if rect != NONE}
    assert there.keys() == ALONE[arrangement] - (set() if has_lanes else {"lanes"})
    for name, rect in there.items():
        assert 0 <= rect.x < rect.right <= size[0], name
        assert 0 <= rect.y < rect.bottom <= size[1], name
    for (a, first), (b, second) in combinations(there.items(), 2):
        assert not overlap(first, second), (a, b)
    assert (alone.strip, alone.footer) == (every.strip, every.footer)
    middle = [rect for name, rect in there.items() if name not in ("strip", "footer")]
    assert min(rect.y for rect in middle) == every.scores.y
    assert max(rect.bottom for rect in middle) == pytest.approx(every.map.bottom)
    assert min(rect.x for rect in middle) == every.scores.x
    assert max(rect.right for rect in middle) == every.gates.right
    # No gap between them, either: what they cover is the box around them.
    box = (every.gates.right - every.scores.x) * (every.map.bottom - every.scores.y)
    assert sum(rect.w * rect.h for rect in middle) == pytest.approx(box)


def test_without_the_map_the_traces_have_the_room_and_the_lanes_stay_as_they_are() -> None:
    every, alone = layout(DESIGN, 1.0, True, True), layout(DESIGN, 1.0, True, True, "scores")
    assert every.lanes is not None and alone.lanes is not None
    assert alone.lanes.h == every.lanes.h
    assert alone.scores.h > 1.5 * every.scores.h
    assert alone.scores.bottom == alone.lanes.y


@pytest.mark.parametrize("size", [(1920, 1080), (640, 360), (7, 5), (1, 1)])
def test_only_what_the_arrangement_leaves_out_is_not_shown(size: tuple[int, int]) -> None:
    for arrangement, shown in {"all": {"map", "scores", "answers"}, "map": {"map"}, "scores": {"scores"}}.items():
        made = layout(size, auto_scale(size), True, True, arrangement)  # type: ignore[arg-type]
        left_out = {"map", "scores"} - shown
        assert [made.has(name) for name in sorted(left_out)] == [False] * len(left_out), arrangement
        assert all(made.has(name) for name in (*shown, "strip", "footer", "help", "photodiode")), arrangement
