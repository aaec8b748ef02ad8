"""The operator's view: whatever is pressed in whatever order, it shows something that is there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtcog_gl.model.keys import BINDINGS
from rtcog_gl.model.view import (
    DEFAULT_SPAN,
    MIN_SPAN,
    Extent,
    Maps,
    View,
    apply,
    show_hit,
    shown_hit,
    span_of,
    time_window,
)

ACTIONS = [binding.action for binding in BINDINGS]
RUNS = st.one_of(st.integers(1, 40), st.integers(1, 2000), st.just(100_000))


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[tuple[str, Extent]]]:
    """Return a run's length and actions with what there was to look at; time only goes on."""
    nt = draw(RUNS)
    n_final, n_maps = 0, 0
    steps = []
    for action in draw(st.lists(st.sampled_from(ACTIONS), max_size=30)):
        n_final = min(nt, n_final + draw(st.sampled_from((0, 0, 1, 2, nt // 3, nt))))
        n_maps = min(n_final, n_maps + draw(st.integers(0, 2)))
        steps.append((action, Extent(nt, n_final, n_maps)))
    return nt, steps


def start(span: int) -> View:
    return View(span=span)


SPANS = st.sampled_from((0, 2, 5, 10, 50, 300, 10_000_000))


@settings(max_examples=300, deadline=None)
@given(histories(), SPANS)
def test_the_view_stays_valid(history: tuple[int, list[tuple[str, Extent]]], span: int) -> None:
    nt, steps = history
    view = start(span)
    for action, extent in steps:
        view = apply(view, action, extent)
        assert view.cursor is None or 0 <= view.cursor < extent.n_final
        assert 1 <= span_of(view, nt) <= nt
        t0, t1 = time_window(view, extent)
        assert t1 - t0 == span_of(view, nt)
        assert t0 >= 0
        assert t0 == int(t0)
        hit = shown_hit(view, extent.n_maps)
        assert (hit is None) == (extent.n_maps == 0)
        assert hit is None or 0 <= hit < extent.n_maps


def test_a_window_of_one_tr_shows_the_newest() -> None:
    for n_final in (1, 2, 900):
        assert time_window(View(span=1), Extent(1200, n_final, 0)) == (n_final - 1, n_final)


@settings(max_examples=300, deadline=None)
@given(histories(), SPANS)
def test_the_window_ends_with_the_run(history: tuple[int, list[tuple[str, Extent]]], span: int) -> None:
    nt, steps = history
    view = start(span)
    for action, extent in steps:
        view = apply(view, action, extent)
        assert time_window(view, extent)[1] <= nt


@settings(max_examples=300, deadline=None)
@given(histories(), SPANS)
def test_the_window_holds_what_is_looked_at(history: tuple[int, list[tuple[str, Extent]]], span: int) -> None:
    _, steps = history
    view = start(span)
    for action, extent in steps:
        view = apply(view, action, extent)
        t0, t1 = time_window(view, extent)
        if view.cursor is not None:
            assert t0 <= view.cursor <= t1
        elif extent.n_final:
            assert t0 <= extent.n_final - 1 < t1


@given(histories(), SPANS)
def test_one_action_leads_back_to_live(history: tuple[int, list[tuple[str, Extent]]], span: int) -> None:
    _, steps = history
    view = start(span)
    for action, extent in steps:
        view = apply(view, action, extent)
        back = apply(view, "live", extent)
        assert back.live
        assert back.hit is None
        assert (back.span, back.help) == (view.span, view.help)


def walk(view: View, extent: Extent, *actions: str) -> View:
    for action in actions:
        view = apply(view, action, extent)
    return view


RUN = Extent(1200, 500, 3)


def test_walking_through_trs() -> None:
    assert walk(View(), RUN, "older").cursor == 498
    assert walk(View(), RUN, "older", "older", "newer").cursor == 498
    assert walk(View(), RUN, "older", "newer").live
    assert walk(View(), RUN, "oldest").cursor == 0
    assert walk(View(), RUN, "oldest", "older").cursor == 0
    assert walk(View(), RUN, "page_older").cursor == 499 - DEFAULT_SPAN // 2
    assert walk(View(), RUN, "page_older", "page_newer").live
    assert walk(View(), RUN, "newer").live


def test_walking_scrolls_only_at_the_edges() -> None:
    view = apply(View(span=100), "older", RUN)
    window = time_window(view, RUN)
    while view.cursor is not None and view.cursor > window[0]:
        assert time_window(view, RUN) == window
        view = apply(view, "older", RUN)
    assert time_window(apply(view, "older", RUN), RUN) == (window[0] - 1, window[1] - 1)


def test_new_trs_do_not_move_what_is_looked_at() -> None:
    view = walk(View(span=100), RUN, "page_older", "older")
    later = Extent(1200, 777, 9)
    assert time_window(view, later) == time_window(view, RUN)


def test_live_scrolls_and_leaves_room_for_labels() -> None:
    for n_final in range(1, 1030):
        t0, t1 = time_window(View(span=100), Extent(1200, n_final, 0))
        assert t1 - t0 == 100
        assert t0 == 0 or 14 <= t1 - n_final <= 24
        assert n_final > 80 or t0 == 0
        assert t0 % 10 == 0, "the window moves by pages, and stands still in between"


def test_zooming() -> None:
    assert span_of(View(), 1200) == DEFAULT_SPAN
    assert span_of(walk(View(), RUN, "closer"), 1200) == 150
    assert span_of(walk(View(), RUN, "wider"), 1200) == 600
    assert span_of(walk(View(), RUN, *["wider"] * 9), 1200) == 1200
    assert span_of(walk(View(), RUN, *["closer"] * 9), 1200) == MIN_SPAN
    assert span_of(walk(View(), RUN, "whole_run"), 1200) == 1200
    assert span_of(walk(View(), RUN, "whole_run", "whole_run"), 1200) == DEFAULT_SPAN
    assert span_of(walk(View(), Extent(4, 2, 0), "closer"), 4) == 4


def test_zooming_at_the_end_of_a_run_keeps_the_tr_in_the_window() -> None:
    extent = Extent(40, 40, 0)
    view = walk(View(), extent, "older", "whole_run")
    t0, t1 = time_window(view, extent)
    assert view.cursor == 38
    assert t0 <= 38 < t1


@given(st.integers(20, 5000), st.integers(0, 4999), st.lists(st.sampled_from(("closer", "wider", "whole_run"))))
def test_zooming_keeps_the_tr_looked_at(nt: int, cursor: int, actions: list[str]) -> None:
    extent = Extent(nt, nt, 0)
    view = View(cursor=min(cursor, nt - 1), left=max(0, min(cursor, nt - 1) - 5))
    assert walk(view, extent, *actions).cursor == view.cursor


def test_hits_are_walked_one_by_one() -> None:
    assert shown_hit(View(), 0) is None
    assert shown_hit(View(), 3) == 2
    assert shown_hit(walk(View(), RUN, "previous_hit"), 3) == 1
    assert shown_hit(walk(View(), RUN, *["previous_hit"] * 7), 3) == 0
    assert walk(View(), RUN, "previous_hit", "next_hit").hit is None
    assert walk(View(), Extent(10, 5, 0), "previous_hit", "next_hit") == View()


def test_a_hit_looked_at_stays_when_another_comes() -> None:
    view = walk(View(), RUN, "previous_hit")
    assert shown_hit(view, 9) == 1
    assert shown_hit(View(), 9) == 8


@pytest.mark.parametrize("action", ["fullscreen", "screenshot", "escape", "close", "no such action", ""])
def test_other_actions_leave_the_view(action: str) -> None:
    view = walk(View(), RUN, "older", "previous_hit", "help")
    assert apply(view, action, RUN) is view


def test_before_the_first_volume_there_is_nothing_to_walk_through() -> None:
    for action in ("older", "newer", "oldest", "page_older", "page_newer"):
        assert apply(View(), action, Extent(1200, 0, 0)) == View()


def test_help_is_switched() -> None:
    assert walk(View(), RUN, "help").help
    assert walk(View(), RUN, "help", "help") == View()


def test_from_the_past_the_keys_lead_to_the_hit_beside_it() -> None:
    """All panels then speak of the TR of the map."""
    maps = (30, 80, 150)
    plain, published = Extent(1200, 500, 3, maps=maps), Extent(1200, 500, 3, live_maps=True, maps=maps)
    view = View(cursor=100)
    for extent, back, on in ((plain, 1, 2), (published, None, None)):
        earlier, later = apply(view, "previous_hit", extent), apply(view, "next_hit", extent)
        assert (earlier.cursor, earlier.hit) == (80, back)
        assert (later.cursor, later.hit) == (150, on)
        assert apply(earlier, "previous_hit", extent).cursor == 30
    assert apply(View(cursor=10), "previous_hit", published) == View(cursor=10)
    assert apply(View(cursor=200), "next_hit", published) == View(cursor=200)


MAPS = (30, 80, 150)
PLAIN = Extent(1200, 500, 3, maps=MAPS)
PUBLISHED = Extent(1200, 500, 3, live_maps=True, maps=MAPS)


def test_a_hit_that_is_asked_for_is_shown() -> None:
    assert show_hit(View(), 30, PLAIN) == View(hit=0)
    assert show_hit(View(hit=0), 80, PLAIN) == View(hit=1)
    assert show_hit(View(hit=0), 150, PLAIN) == View(), "the newest is followed"
    assert show_hit(View(hit=0), 99, PLAIN) == View(hit=0), "no hit"


def test_among_volumes_the_newest_hit_stays_until_it_is_asked_for_again() -> None:
    view = show_hit(View(), 150, PUBLISHED)
    assert view == View(hit=2)
    assert show_hit(view, 150, PUBLISHED) == View()
    assert show_hit(view, 30, PUBLISHED) == View(hit=0)
    assert show_hit(View(maps="hits"), 150, PUBLISHED) == View(maps="hits")


@pytest.mark.parametrize("extent", [PLAIN, PUBLISHED])
@pytest.mark.parametrize("maps", ["auto", "volumes", "hits"])
@pytest.mark.parametrize("tr", MAPS)
def test_looking_back_all_panels_speak_of_the_hit(extent: Extent, maps: Maps, tr: int) -> None:
    for cursor in (0, 80, 100, 498):
        view = show_hit(View(cursor=cursor, left=0, maps=maps), tr, extent)
        assert view.cursor == tr
        following = extent.live_maps and maps == "auto"
        assert view.hit == (None if following else MAPS.index(tr))
        t0, t1 = time_window(view, extent)
        assert t0 <= tr < t1


@pytest.mark.parametrize("action", ["live", "previous_hit", "next_hit", "map_mode"])
def test_what_shows_another_map_ends_the_mean(action: str) -> None:
    mean = replace(View(hit=1), map=replace(View().map, mean=True, at=(1.0, 2.0, 3.0)))
    after = apply(mean, action, PUBLISHED)
    assert not after.map.mean
    assert after.map.at == mean.map.at, "the crosshair stays"
    assert not show_hit(mean, 30, PLAIN).map.mean
