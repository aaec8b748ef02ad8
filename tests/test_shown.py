"""Which map is to be on the screen, in every mode and at every turn of a session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rtcog_gl.model.map_view import MapView
from rtcog_gl.model.records import VolumeRecords, no_records
from rtcog_gl.model.session import Live, Session
from rtcog_gl.model.shown import Choice, chosen, why_missing
from rtcog_gl.model.view import Extent, Maps, View, apply

NT = 60
SESSION = Session(NT, ("A", "B"), 1.5, vols_noaction=5, slots=20, questions=("mood",))
HITS = (12, 21, 30)


def live_at(n: int, surveys_of: int = 3, **changes: Any) -> Live:
    onsets = tuple(t for t in HITS if t < n)
    offsets = tuple(t + surveys_of for t in HITS if t + surveys_of < n)
    return replace(Live(n, onsets, offsets, onsets, n_volumes=n), **changes)


def shown(n: int, maps: Maps = "auto", **view: Any) -> Choice:
    return chosen(View(maps=maps, **view), SESSION, live_at(n))


@pytest.mark.parametrize("maps", ["auto", "volumes", "hits"])
@pytest.mark.parametrize("cursor", [None, 5, 12])
def test_without_slots_it_is_always_a_hit(maps: Maps, cursor: int | None) -> None:
    session = replace(SESSION, slots=0)
    assert chosen(View(maps=maps, cursor=cursor), session, live_at(11)) == Choice()
    assert chosen(View(maps=maps, cursor=cursor), session, live_at(40)) == Choice(30, 2)
    assert chosen(View(maps=maps, cursor=cursor, hit=0), session, live_at(40)) == Choice(12, 0)


def test_the_newest_volume_is_followed() -> None:
    assert shown(0) == Choice(None, following=True)
    assert shown(1) == Choice(0, following=True)
    assert shown(40) == Choice(39, following=True)
    assert shown(40, "volumes") == Choice(39, following=True)


def test_a_hit_is_held_while_its_survey_runs() -> None:
    assert shown(12) == Choice(11, following=True)
    assert [shown(n) for n in (13, 14, 15)] == [Choice(12, 0, held=True)] * 3
    assert shown(16) == Choice(15, following=True)
    assert shown(22) == Choice(21, 1, held=True)


def test_a_hit_whose_map_is_not_there_yet_is_not_held() -> None:
    live = live_at(13, maps=())
    assert chosen(View(), SESSION, live) == Choice(12, following=True)
    assert chosen(View(), SESSION, live_at(22, maps=(12,))) == Choice(21, following=True)


def test_volumes_are_shown_also_while_a_survey_runs() -> None:
    assert shown(13, "volumes") == Choice(12, following=True)


def test_hits_only() -> None:
    assert shown(11, "hits") == Choice()
    assert shown(40, "hits") == Choice(30, 2)
    assert shown(40, "hits", cursor=12) == Choice(30, 2)


@pytest.mark.parametrize("maps", ["auto", "volumes", "hits"])
@pytest.mark.parametrize("cursor", [None, 20])
def test_a_mean_is_of_hits_whatever_else_is_to_be_shown(maps: Maps, cursor: int | None) -> None:
    mean = MapView(mean=True)
    assert shown(40, maps, map=mean, cursor=cursor) == Choice(30, 2)
    assert shown(40, maps, map=mean, cursor=cursor, hit=0) == Choice(12, 0)
    assert shown(11, maps, map=mean, cursor=cursor) == Choice()


def test_looking_back_shows_the_volume_at_the_cursor_or_its_hit() -> None:
    assert shown(40, cursor=20) == Choice(20)
    assert shown(40, cursor=21) == Choice(21, 1)
    assert shown(40, "volumes", cursor=21) == Choice(21)
    assert shown(22, cursor=20) == Choice(20), "also while a survey runs"
    assert shown(40, cursor=20).volume == 20
    assert shown(40, cursor=21).volume is None


def test_a_hit_asked_for_stays_until_told_otherwise() -> None:
    for maps in ("auto", "volumes", "hits"):
        for cursor in (None, 20):
            assert shown(40, maps, hit=1, cursor=cursor) == Choice(21, 1)


def walk(view: View, live: Live, *actions: str) -> View:
    for action in actions:
        hit = chosen(view, SESSION, live).hit
        extent = Extent(NT, live.n_final, len(live.maps), live_maps=True, templates=True, hit=hit)
        view = apply(view, action, extent)
    return view


def test_from_a_volume_either_key_leads_to_the_newest_hit_first() -> None:
    live = live_at(40)
    for first in ("previous_hit", "next_hit"):
        assert walk(View(), live, first).hit == 2
    assert walk(View(), live, "previous_hit", "previous_hit").hit == 1
    assert walk(View(), live, *["previous_hit"] * 9, "next_hit").hit == 1
    assert walk(View(), live, "previous_hit", "next_hit", "next_hit").hit == 2
    assert walk(View(), live, "previous_hit", "live") == View()


def test_from_a_held_hit_the_keys_step_on() -> None:
    assert walk(View(), live_at(23), "previous_hit").hit == 0
    assert walk(View(cursor=21), live_at(40), "previous_hit").hit == 0
    assert walk(View(cursor=21), live_at(40), "next_hit").hit == 2


def test_without_hits_the_keys_do_nothing() -> None:
    assert walk(View(), live_at(5), "previous_hit", "next_hit") == View()


def test_modes_go_round_and_let_go_of_a_hit() -> None:
    live = live_at(40)
    modes = [walk(View(), live, *["map_mode"] * k).maps for k in range(4)]
    assert modes == ["auto", "volumes", "hits", "auto"]
    assert walk(View(hit=1), live, "map_mode") == View(maps="volumes")
    assert apply(View(), "map_mode", Extent(NT, 40, 3)) == View()


def test_explaining_is_switched_where_there_are_templates() -> None:
    assert walk(View(), live_at(40), "explain").explain
    assert walk(View(), live_at(40), "explain", "explain") == View()
    assert apply(View(), "explain", Extent(NT, 40, 3)) == View()


def records(n: int, discarded: int) -> VolumeRecords:
    made = no_records(NT)
    made["committed"][:n] = 1
    made["has_map"][discarded:n] = 1
    return made


def test_why_a_volume_cannot_be_had() -> None:
    live, known = live_at(40), records(40, 5)
    assert [why_missing(t, 20, live, known) for t in (39, 20)] == ["", ""]
    assert why_missing(19, 20, live, known) == "TR 19 is no longer in memory (the last 20 volumes are)"
    assert why_missing(4, 20, live, known) == "TR 4: this volume was not preprocessed"
    assert why_missing(40, 20, live, known) == "TR 40: the volume is not there yet"
    assert why_missing(40, 20, replace(live, ended=True), known) == "TR 40: no volume was published"


def test_without_a_survey_the_map_goes_on_live_after_a_hit() -> None:
    """Nobody ends the action then, so that a hit would be held to the end of the run."""
    dry = replace(SESSION, questions=())
    assert chosen(View(), SESSION, live_at(23)).held
    assert chosen(View(), dry, live_at(23)) == Choice(22, following=True)
