"""The panel that says why there is no hit: the same rows in the same places, and nothing that is not so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_panels import RUN, cases, outside, overlaps, published, ruler, scene, strings, style_of, with_hits

from rtcog_gl.model.draw import SEGMENT, Drawing, Rect
from rtcog_gl.model.gates import NAMES, NOT_PUBLISHED
from rtcog_gl.model.layout import auto_scale, layout
from rtcog_gl.model.panels import gates
from rtcog_gl.model.scene import Scene, Style
from rtcog_gl.model.theme import DARK, THEMES
from rtcog_gl.model.view import View

FULL = (1920, 1080)


def drawn(made: Scene, size: tuple[int, int] = FULL) -> Drawing:
    return gates.draw(made, style_of(size, made))


def in_a_panel(made: Scene, width: float, height: float, size: tuple[int, int] = FULL) -> Drawing:
    arranged = layout(size, auto_scale(size), True, True)
    arranged = replace(arranged, gates=Rect(100, 50, width, height))
    return gates.draw(made, Style(arranged, THEMES["dark"], ruler()))


def names(drawing: Drawing) -> dict[str, tuple[float, float]]:
    return {text.string: (text.x, text.y) for text in drawing.texts if text.string in NAMES}


def signs(drawing: Drawing) -> tuple[int, int, int]:
    """Return how many ticks, crosses and question marks there are."""
    segments = drawing.under[drawing.under["kind"] == SEGMENT]
    ticks = sum(np.allclose(colour, DARK.matching) for colour in segments["colour"])
    crosses = sum(np.allclose(colour, DARK.warn) for colour in segments["colour"])
    return ticks // 2, crosses // 2, sum(text.string == "?" for text in drawing.texts)


@pytest.mark.parametrize("size", [(800, 600), (1280, 720), FULL, (3840, 2160)])
def test_the_rows_are_always_the_same_ones_in_the_same_places(size: tuple[int, int]) -> None:
    for survey in ("with", "without"):
        places = set()
        for name, made in cases().items():
            if bool(made.session.questions) == (survey == "with") and made.session.volume_records:
                found = names(drawn(made, size))
                assert list(found) == list(NAMES), name
                places.add(tuple(found.values()))
        assert len(places) == 1


def test_every_gate_has_one_sign() -> None:
    for name, made in cases().items():
        assert sum(signs(drawn(made))) == len(NAMES), name
    assert signs(drawn(cases()["records, nothing yet"])) == (0, 0, 7)


def test_ticks_and_crosses_differ_in_shape() -> None:
    def shape(drawing: Drawing, colour: tuple[float, ...]) -> set[tuple[float, ...]]:
        found = [s for s in drawing.under if s["kind"] == SEGMENT and np.allclose(s["colour"], colour)][:2]
        return {tuple(np.round(s["geom"] - np.tile(s["geom"][:2], 2), 1).tolist()) for s in found}

    made = drawn(cases()["records"])
    assert shape(made, DARK.matching)
    assert shape(made, DARK.matching).isdisjoint(shape(made, DARK.warn))


def test_a_hit_is_named_in_its_templates_colour() -> None:
    made = cases()["records, a hit"]
    best = int(np.argmax(made.scores[:, 479]))
    title = drawn(made).texts[0]
    assert (title.string, title.colour) == (f"HIT {RUN.labels[best]}", DARK.template(best))
    assert "WHY NO HIT" in strings(drawn(cases()["records"]))


def test_the_gate_that_held_stands_out() -> None:
    made = cases()["records, before matching"]
    amber = [text.string for text in drawn(made).texts if text.bold and text.colour == DARK.warn]
    assert amber == ["matching"]


def test_the_tr_is_named_when_looking_back() -> None:
    made = cases()["records, looking back"]
    texts = {text.string: text.colour for text in drawn(made).texts}
    assert texts["TR 200"] == DARK.warn
    assert {text.string: text.colour for text in drawn(cases()["records"]).texts}["TR 479"] == DARK.text3


def test_following_live_it_waits_for_the_newest_record() -> None:
    assert gates.gates_tr(cases()["records, one behind"]) == 478
    assert gates.gates_tr(cases()["records, ahead"]) == 479
    assert gates.gates_tr(published(cases()["running"], n=400)) == 479
    assert gates.gates_tr(replace(cases()["records, one behind"], view=View(cursor=300))) == 300
    assert gates.gates_tr(cases()["running"]) == 479
    assert gates.gates_tr(cases()["nothing yet"]) == -1


def test_plain_sessions_say_what_is_not_published() -> None:
    got = drawn(cases()["running"])
    assert strings(got).count(NOT_PUBLISHED) == 3
    assert signs(got)[2] == 3
    above = with_hits(scene(replace(RUN, match_start=0), 480), ())
    above.scores[2, 479] = 9.0
    assert "the rest is not known" in strings(drawn(above))


@pytest.mark.parametrize("name", ["records", "records, a hit", "running", "records, unusual", "many", "nothing yet"])
def test_in_a_low_panel_values_go_first_and_nothing_overlaps(name: str) -> None:
    made = cases()[name]
    seen = []
    for height in range(600, 8, -7):
        drawing = in_a_panel(made, 236, height)
        rows = [text for text in drawing.texts if text.string in NAMES]
        values = [t for t in drawing.texts if not t.bold and t.px == 14 and not t.string.startswith("TR ")]
        assert outside(drawing) == [] or height < 40
        assert overlaps(drawing.texts) == []
        seen.append((len(rows), bool(values)))
    kinds = list(dict.fromkeys(seen))
    assert kinds[:2] == [(7, True), (7, False)]
    assert kinds[-1][0] <= 1
    assert all(rows in (0, 1, 7) for rows, _ in kinds)


def test_where_there_is_room_for_one_gate_it_is_the_one_that_held() -> None:
    made = cases()["records, before matching"]
    assert list(names(in_a_panel(made, 236, 110))) == ["matching"]
    assert list(names(in_a_panel(cases()["running"], 236, 110))) == ["threshold"]


@pytest.mark.parametrize("width", [40, 80, 120, 180, 400])
def test_a_narrow_panel_shortens_its_lines(width: int) -> None:
    for name, made in cases().items():
        drawing = in_a_panel(made, width, 480)
        assert overlaps(drawing.texts) == [], name
        if width >= 80:
            assert outside(drawing) == [], name


def test_the_key_changes_whenever_the_picture_does() -> None:
    """Go through a run: equal keys must mean equal pictures."""
    base = cases()["records"]
    pictures: dict[object, tuple[object, bytes]] = {}
    for view in (View(), *(View(cursor=t) for t in range(95, 480, 7))):
        for n in (478, 479, 480):
            made = replace(base, view=view, live=replace(base.live, n_final=n, n_volumes=n))
            drawing = drawn(made)
            picture = (drawing.texts, drawing.under.tobytes())
            assert pictures.setdefault(gates.key(made), picture) == picture
    assert len(pictures) > 50
    later = replace(base, now_ns=base.now_ns + 10**9)
    assert gates.key(later) == gates.key(base)
