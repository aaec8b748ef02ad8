"""The map panel: what it says is what is shown, live or not, and why a map matches its template."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtcog_gl.gpu.font import GlyphAtlas
from rtcog_gl.model.draw import Drawing, Rect, Text
from rtcog_gl.model.explained import Explained, MapFacts
from rtcog_gl.model.layout import auto_scale, layout
from rtcog_gl.model.panels import brain
from rtcog_gl.model.map_range import threshold_of
from rtcog_gl.model.panels.map_title import title
from rtcog_gl.model.planes import mm_at, normal_axis, ortho_planes, pixel_of
from rtcog_gl.model.records import no_records
from rtcog_gl.model.ruler import Ruler
from rtcog_gl.model.scene import Scene, ShownMap, Style
from rtcog_gl.model.session import Live, Session
from rtcog_gl.model.theme import THEMES
from rtcog_gl.model.view import View
from rtcog_gl.model.volume import Bounds, MaskGrid

SECOND = 1_000_000_000
NOW = 100 * SECOND
NT = 200
SESSION = Session(NT, ("SMot", "VPol", "DMN"), 1.5, 20, 10, questions=("alert",), slots=60, has_templates=True)
HITS = (40, 80, 119)
SIZES = ((640, 360), (1280, 720), (1920, 1080), (3840, 2160))
AT = (-42.0, -18.0, 52.0)
FACTS = MapFacts(4.21, -4.21, 1.5)
TOLD = Explained(119, 1, 1.83, 1.83, False, 1234, AT, FACTS, MapFacts(3.0, 3.0, 2.0), MapFacts(12.6, 11.0, 3.0))


@cache
def head() -> MaskGrid:
    ijk = np.indices((20, 24, 20)).reshape(3, -1, order="F")
    centred = (ijk.T - np.array([9.5, 11.5, 9.5])) / np.array([9, 11, 9])
    affine = np.diag([8.0, 8.0, 8.0, 1.0])
    affine[:3, 3] = (-76, -110, -60)
    return MaskGrid((20, 24, 20), affine, (centred**2).sum(axis=1) < 1)


@cache
def ruler() -> Ruler:
    return Ruler(GlyphAtlas())


def scene(n: int = 144, offsets: tuple[int, ...] = (45, 85, 125), **changes: Any) -> Scene:
    scores = np.full((3, NT), np.nan, np.float32)
    scores[:, 20:n] = 0.1
    scores[1, [t for t in HITS if t < n]] = 1.83
    onsets = tuple(t for t in HITS if t < n)
    live = Live(n, onsets, offsets, onsets, n, newest_ns=NOW - SECOND // 2, tr_s=2.0)
    return replace(Scene(SESSION, live, View(), scores, no_records(NT), NOW, grid=head()), **changes)


def volume(tr: int) -> ShownMap:
    return ShownMap(tr, -1, 4.0, AT, -4.6, at=(0.0, 0.0, 0.0))


def hit(index: int = 2) -> ShownMap:
    return ShownMap(HITS[index], index, 4.21, AT, -4.21)


LIVE = scene(map=volume(143))
ENDED = replace(LIVE, live=replace(LIVE.live, ended=True))
HELD = scene(125, (45, 85), map=hit())


def words(made: Scene) -> str:
    told = title(made)
    return " | ".join(piece.string for piece in (told.lead, *told.rest))


TITLES = {
    "live": (LIVE, "LIVE | TR 143"),
    "its record came first": (replace(LIVE, map=volume(142)), "LIVE | TR 142"),
    "late": (replace(LIVE, now_ns=NOW + 3 * SECOND), "LIVE | TR 143"),
    "stalled": (replace(LIVE, now_ns=NOW + 60 * SECOND), "TR 143 | NOT LIVE"),
    "rtcog gone": (replace(LIVE, live=replace(LIVE.live, lost="gone")), "TR 143 | NOT LIVE"),
    "keeper gone": (replace(LIVE, keeper_lost="gone"), "TR 143 | NOT LIVE"),
    "ended": (ENDED, "TR 143 | the last volume"),
    "volumes stopped": (replace(LIVE, map=volume(139)), "TR 139 | OLDER, newest is TR 143"),
    "records stopped": (
        replace(LIVE, live=replace(LIVE.live, n_volumes=100), map=volume(99)),
        "TR 99 | OLDER, newest is TR 143",
    ),
    "looking back": (replace(LIVE, map=volume(100), view=View(cursor=100)), "TR 100 | (looking back)"),
    "back to live, not there yet": (replace(LIVE, map=volume(100)), "TR 100 | OLDER, newest is TR 143"),
    "looking back, not there yet": (replace(LIVE, view=View(cursor=100)), "TR 143 | (looking back)"),
    "looking back at a hit": (
        replace(LIVE, map=hit(1), view=View(cursor=80)),
        "VPol | TR 80   hit 2 of 3 | (looking back)",
    ),
    "held": (HELD, "VPol | TR 119   hit 3 of 3 | held while the survey runs"),
    "held, stalled": (replace(HELD, now_ns=NOW + 60 * SECOND), "VPol | TR 119   hit 3 of 3"),
    "held, ended": (replace(HELD, live=replace(HELD.live, ended=True)), "VPol | TR 119   hit 3 of 3"),
    "hit asked for": (
        replace(LIVE, map=hit(0), view=View(hit=0)),
        "VPol | TR 40   hit 1 of 3 | OLDER, newest is TR 119   (End: live)",
    ),
    "newest hit asked for": (
        replace(LIVE, map=hit(2), view=View(hit=2)),
        "VPol | TR 119   hit 3 of 3 | (End: live)",
    ),
    "hits only": (replace(LIVE, map=hit(), view=View(maps="hits")), "VPol | TR 119   hit 3 of 3"),
    "no longer there": (replace(LIVE, map=None, map_note="TR 12 is gone"), "TR 12 is gone"),
    "no volume yet": (scene(0, ()), "no volume yet"),
    "hits only, none": (scene(30, (), view=View(maps="hits")), "no hit yet"),
    "nothing to explain": (
        scene(15, (), map=volume(14), view=View(explain=True)),
        "LIVE | TR 14 | not scored, so there is nothing to explain",
    ),
    "explained": (
        replace(HELD, view=View(explain=True), explained=TOLD),
        "VPol | TR 119   hit 3 of 3 | held while the survey runs",
    ),
}


@pytest.mark.parametrize("name", TITLES)
def test_the_title_says_what_is_shown(name: str) -> None:
    made, expected = TITLES[name]
    assert words(made) == expected


def test_only_what_is_live_is_green() -> None:
    for name, (made, expected) in TITLES.items():
        told = title(made)
        tones = {told.dot, *(piece.tone for piece in (told.lead, *told.rest))}
        assert ("matching" in tones) == expected.startswith("LIVE"), name
    assert title(TITLES["looking back"][0]).rest[0].tone == "warn"
    assert title(TITLES["stalled"][0]).rest[0].tone == "bad"


def test_a_picture_that_is_no_longer_live_is_another_one() -> None:
    later = replace(LIVE, now_ns=LIVE.now_ns + SECOND)
    assert brain.key(LIVE) == brain.key(later)
    for changed in (replace(LIVE, now_ns=NOW + 60 * SECOND), ENDED, replace(LIVE, keeper_lost="gone")):
        assert brain.key(LIVE) != brain.key(changed)
    assert brain.key(HELD) != brain.key(replace(HELD, explained=TOLD))
    stopped = replace(LIVE, live=replace(LIVE.live, n_final=146))
    assert brain.key(LIVE) != brain.key(stopped)


def test_a_new_volume_alone_leaves_a_held_hit_as_it_is() -> None:
    assert brain.key(HELD) == brain.key(scene(126, (45, 85), map=hit()))


def style(size: tuple[int, int], wanted: float = 0.0, theme: str = "dark") -> Style:
    return Style(layout(size, auto_scale(size, 1.0, wanted), True, True), THEMES[theme], ruler())


def drawn(made: Scene, size: tuple[int, int] = (1920, 1080), **options: float) -> Drawing:
    return brain.draw(made, style(size), **options)


def strings(drawing: Drawing) -> list[str]:
    return [text.string for text in drawing.texts]


def test_a_volumes_planes_stay_and_its_own_peak_is_told() -> None:
    first, second = drawn(LIVE), drawn(replace(LIVE, map=replace(volume(142), peak_mm=(1.0, 2.0, 3.0), peak_value=3.0)))
    assert first.slices[0].planes == second.slices[0].planes
    assert "−42, −18, +52" in strings(first)
    assert {"peak +3.00 at", "+1, +2, +3", "here –"} <= set(strings(second))
    assert "x = 0 mm" in strings(first)
    assert first.slices[0].vmax == 4.0


def test_threshold_is_a_round_part_of_the_range_or_the_one_asked_for() -> None:
    assert drawn(LIVE).slices[0].threshold == threshold_of(4.0, -1.0) == pytest.approx(1.3)
    assert drawn(LIVE, threshold=2.5).slices[0].threshold == 2.5
    told = replace(HELD, explained=TOLD)
    assert [view.threshold for view in drawn(told, threshold=2.5).slices] == pytest.approx([2.5, 1.0, 4.0])


def test_the_three_groups_share_their_planes_but_for_where_they_stand() -> None:
    drawing = drawn(replace(HELD, explained=TOLD))
    assert [view.source for view in drawing.slices] == ["map", "template", "product"]
    assert [view.vmax for view in drawing.slices] == [4.21, 3.0, 12.6] == [ramp.vmax for ramp in drawing.ramps]
    for planes in zip(*(view.planes for view in drawing.slices), strict=True):
        assert len({(p.rect.w, p.rect.h, p.rect.y, p.origin, p.right, p.down) for p in planes}) == 1
        assert len({p.rect.x for p in planes}) == 3
        assert all(p.right[0] > 0 for p in planes if p.right[0]), "left is left"
    got = strings(drawing)
    assert got.count("L") == got.count("R") == 6
    for said in ("TR 119", "× VPol", "= product", "mean +1.83 = score +1.83", "at −42, −18, +52"):
        assert said in got
    assert [text for text in got if text.startswith("here")] == ["here +1.50", "here +2.00", "here +3.0"]


def test_another_score_is_said_to_differ() -> None:
    other = replace(TOLD, score=2.5, differs=True)
    (text,) = [t for t in drawn(replace(HELD, explained=other)).texts if "differs" in t.string]
    assert text.string == "mean +1.83, score +2.50: differs"
    assert text.colour == THEMES["dark"].warn
    assert "mean +1.83" in strings(drawn(replace(HELD, explained=replace(TOLD, score=math.nan))))


def test_new_data_alone_is_another_view() -> None:
    views = drawn(replace(HELD, explained=TOLD)).slices
    template = drawn(replace(HELD, explained=replace(TOLD, template=2))).slices
    volume_too = drawn(replace(HELD, explained=replace(TOLD, tr=118))).slices
    assert [a == b for a, b in zip(views, template, strict=True)] == [True, False, False]
    assert [a == b for a, b in zip(views, volume_too, strict=True)] == [False, True, False]


def box(text: Text) -> tuple[float, float, float, float]:
    width = ruler().width(text.string, text.px, text.bold, text.spacing)
    left = text.x - {"left": 0.0, "center": 0.5, "right": 1.0}[text.anchor] * width
    return left, text.y - 0.72 * text.px, left + width, text.y


def overlap(a: Text, b: Text) -> bool:
    (l1, t1, r1, b1), (l2, t2, r2, b2) = box(a), box(b)
    return min(r1, r2) - max(l1, l2) > 1 and min(b1, b2) - max(t1, t2) > 1


LONG = "a name that somebody wrote as a whole sentence, no less, and did not stop"
AWKWARD = {
    **{name: made for name, (made, _) in TITLES.items()},
    "long name": replace(HELD, explained=TOLD, session=replace(SESSION, labels=(LONG,) * 3)),
    "long name, asked for": replace(
        LIVE, map=hit(0), view=View(hit=0), session=replace(SESSION, labels=(LONG,) * 3, slots=540)
    ),
    "huge": replace(
        HELD,
        explained=replace(
            TOLD,
            mean=-1.23e30,
            score=-1.24e30,
            differs=True,
            volume=MapFacts(1.2e30, -1.2e30, math.nan),
            product=MapFacts(1.2e-30, -1.2e-30, 1.2e-30),
        ),
    ),
    "all missing": replace(LIVE, map=ShownMap(143, -1, 0.0, AT, math.nan, 123_456, at=AT)),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", AWKWARD)
def test_texts_stay_in_the_panel_and_off_each_other(name: str, size: tuple[int, int]) -> None:
    drawing = drawn(AWKWARD[name], size)
    rect = drawing.rect
    for text in drawing.texts:
        left, _, right, bottom = box(text)
        assert rect.x - 1 <= left, text.string
        assert right <= rect.right + 1, text.string
        assert rect.y <= bottom <= rect.bottom + 1, text.string
    assert [(a.string, b.string) for a, b in combinations(drawing.texts, 2) if overlap(a, b)] == []


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(tuple(AWKWARD)), st.tuples(st.integers(320, 3840), st.integers(200, 2160)))
def test_any_window_can_be_drawn(name: str, size: tuple[int, int]) -> None:
    drawing = drawn(AWKWARD[name], size)
    rect = drawing.rect
    for part in [p.rect for view in drawing.slices for p in view.planes] + [ramp.rect for ramp in drawing.ramps]:
        assert rect.x <= part.x < part.right <= rect.right
        assert rect.y <= part.y < part.bottom <= rect.bottom + 1
    assert all(view.vmax > 0 for view in drawing.slices)


BOX = Bounds((-70.0, -100.0, -50.0), (70.0, 80.0, 90.0))


@given(
    st.builds(Rect, *[st.integers(0, 50)] * 2, *[st.integers(40, 900)] * 2),
    st.tuples(*[st.floats(-40, 60)] * 3),
)
def test_two_by_two_planes_cross_in_one_line(room: Rect, at: tuple[float, float, float]) -> None:
    (coronal, sagittal, axial), free = ortho_planes(room, BOX, at, gap=8, margin_mm=5)
    assert [normal_axis(p) for p in (coronal, sagittal, axial)] == [1, 0, 2]
    assert pixel_of(coronal, at)[1] == pytest.approx(pixel_of(sagittal, at)[1], abs=1e-6)
    assert pixel_of(coronal, at)[0] == pytest.approx(pixel_of(axial, at)[0], abs=1e-6)
    for plane in (coronal, sagittal, axial):
        rect = plane.rect
        assert room.x - 1 <= rect.x < rect.right <= room.right + 1
        assert room.y - 1 <= rect.y < rect.bottom <= room.bottom + 1
        assert mm_at(plane, *pixel_of(plane, at)) == pytest.approx(at)
    assert axial.rect.y > coronal.rect.bottom
    assert free.x == sagittal.rect.x > coronal.rect.right
    assert (free.y, free.h) == (axial.rect.y, axial.rect.h)


def test_no_planes_without_room() -> None:
    assert ortho_planes(Rect(0, 0, 9, 100), BOX, (0.0, 0.0, 0.0), gap=8)[0] == ()
    assert ortho_planes(Rect(0, 0, 100, 0), BOX, (0.0, 0.0, 0.0), gap=8)[0] == ()
