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
from rtcog_gl.model.map_range import how_found, range_of, threshold_of
from rtcog_gl.model.map_view import MapView
from rtcog_gl.model.options import Arrangement
from rtcog_gl.model.panels import brain, readout
from rtcog_gl.model.panels.map_title import title
from rtcog_gl.model.panels.pen import Pen
from rtcog_gl.model.planes import mm_at, normal_axis, ortho_planes, pixel_of
from rtcog_gl.model.records import no_records
from rtcog_gl.model.ruler import Ruler
from rtcog_gl.model.scene import FilmHit, Readout, Scene, ShownMap, Style
from rtcog_gl.model.session import Live, Session
from rtcog_gl.model.theme import THEMES
from rtcog_gl.model.view import View
from rtcog_gl.model.volume import Bounds, MaskGrid

SECOND = 1_000_000_000
NOW = 100 * SECOND
NT = 200
SESSION = Session(NT, ("SMot", "VPol", "DMN"), 1.5, 20, 10, questions=("alert",), slots=60, has_templates=True)
HITS = (40, 80, 119)
SIZES = ((640, 360), (1024, 600), (1280, 720), (1920, 1080), (3840, 2160))
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


def style(size: tuple[int, int], theme: str = "dark", arrangement: Arrangement = "all") -> Style:
    return Style(layout(size, auto_scale(size), True, True, arrangement), THEMES[theme], ruler())


FULL = style((1920, 1080))
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
    "newest hit, looking back at another volume": (
        replace(LIVE, map=hit(2), view=View(maps="hits", cursor=100)),
        "VPol | TR 119   hit 3 of 3 | the newest hit; TR 100 has no map of its own",
    ),
    "newest hit asked for, ended": (
        replace(ENDED, map=hit(2), view=View(hit=2)),
        "VPol | TR 119   hit 3 of 3 | (End: newest)",
    ),
    "hit asked for, ended": (
        replace(ENDED, map=hit(0), view=View(hit=0)),
        "VPol | TR 40   hit 1 of 3 | OLDER, newest is TR 119   (End: newest)",
    ),
    "a mean, explained": (
        replace(LIVE, map=replace(hit(), mean_of=HITS), view=View(explain=True, map=MapView(mean=True))),
        "mean of 3 hits of VPol | TR 40, 80, 119 | following newest | a mean is not explained",
    ),
    "a mean of hits without values": (
        replace(LIVE, map=replace(hit(), mean_of=HITS, n_empty=2), view=View(map=MapView(mean=True))),
        "mean of 3 hits of VPol | TR 40, 80, 119 (2 without a value) | following newest",
    ),
    "hits only": (replace(LIVE, map=hit(), view=View(maps="hits")), "VPol | TR 119   hit 3 of 3 | following newest"),
    "hits only, an older one": (
        replace(LIVE, map=hit(1), view=View(maps="hits", hit=1)),
        "VPol | TR 80   hit 2 of 3 | OLDER, newest is TR 119   (End: newest)",
    ),
    "hits only, ended": (replace(ENDED, map=hit(), view=View(maps="hits")), "VPol | TR 119   hit 3 of 3"),
    "hits only, rtcog gone": (
        replace(LIVE, live=replace(LIVE.live, lost="gone"), map=hit(), view=View(maps="hits")),
        "VPol | TR 119   hit 3 of 3",
    ),
    "a mean": (
        replace(LIVE, map=replace(hit(), mean_of=HITS), view=View(map=MapView(mean=True))),
        "mean of 3 hits of VPol | TR 40, 80, 119 | following newest",
    ),
    "a mean of one": (
        replace(LIVE, map=replace(hit(0), mean_of=(40,)), view=View(hit=0, map=MapView(mean=True))),
        "mean of 1 hit of VPol | TR 40 | OLDER, newest is TR 119   (End: live)",
    ),
    "a mean that is on its way": (
        replace(LIVE, map=hit(), view=View(map=MapView(mean=True))),
        "VPol | TR 119   hit 3 of 3 | following newest | the mean of its template's hits is not there yet",
    ),
    "a hit beside": (
        replace(HELD, view=View(map=MapView(beside=40)), beside=hit(0)),
        "VPol | TR 119   hit 3 of 3 | held while the survey runs | beside TR 40, pinned",
    ),
    "a hit beside, on its way": (
        replace(LIVE, view=View(map=MapView(beside=40))),
        "LIVE | TR 143 | TR 40, pinned, is not there yet",
    ),
    "a hit beside that there is not": (replace(LIVE, view=View(map=MapView(beside=41))), "LIVE | TR 143"),
    "a hit beside, explained": (
        replace(HELD, view=View(explain=True, map=MapView(beside=40)), beside=hit(0), explained=TOLD),
        "VPol | TR 119   hit 3 of 3 | held while the survey runs",
    ),
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


def test_what_is_under_the_crosshair_is_on_the_picture() -> None:
    quiet = shown_as(LOOKED_AT, course=False)
    for changed in (None, replace(HERE, value=2.0), replace(HERE, template_value=0.5), replace(HERE, ijk=(1, 2, 3))):
        assert brain.key(replace(quiet, readout=changed)) != brain.key(quiet)
    assert brain.key(replace(quiet, readout=replace(HERE))) == brain.key(quiet)


@pytest.mark.parametrize("mode", ["ortho", "mosaic"])
def test_another_mean_with_the_same_newest_hit_is_another_view(mode: str) -> None:
    def data(*mean_of: int) -> tuple[int, ...]:
        (view,) = drawn(shown_as(replace(HELD, map=replace(hit(), mean_of=mean_of)), mode=mode)).slices
        return view.data

    assert (data(), data(40, 119), data(*HITS)) == ((119,), (119, 40, 119), (119, *HITS))


def test_a_new_volume_alone_leaves_a_held_hit_as_it_is() -> None:
    quiet = shown_as(HELD, course=False)
    assert brain.key(quiet) == brain.key(shown_as(scene(126, (45, 85), map=hit()), course=False))


def drawn(made: Scene, size: tuple[int, int] = (1920, 1080), arrangement: Arrangement = "all") -> Drawing:
    return brain.draw(made, style(size, arrangement=arrangement))


def shown_as(made: Scene, **choices: Any) -> Scene:
    """Return the scene with other choices for the map."""
    return replace(made, view=replace(made.view, map=replace(made.view.map, **choices)))


def strings(drawing: Drawing) -> list[str]:
    return [text.string for text in drawing.texts]


def test_a_volumes_planes_stay_and_its_own_peak_is_told() -> None:
    first, second = drawn(LIVE), drawn(replace(LIVE, map=replace(volume(142), peak_mm=(1.0, 2.0, 3.0), peak_value=3.0)))
    assert first.slices[0].planes == second.slices[0].planes
    assert "−42, −18, +52 mm" in strings(first)
    assert {"peak +3.00", "+1, +2, +3 mm", "crosshair"} <= set(strings(second))
    assert "x = 0 mm" in strings(first)
    assert first.slices[0].vmax == 4.0


def test_threshold_is_a_round_part_of_the_range_or_the_one_asked_for() -> None:
    assert drawn(LIVE).slices[0].threshold == threshold_of(4.0, -1.0) == pytest.approx(1.3)
    assert drawn(shown_as(LIVE, threshold=2.5)).slices[0].threshold == 2.5
    told = shown_as(replace(HELD, explained=TOLD), threshold=2.5)
    assert [view.threshold for view in drawn(told).slices] == pytest.approx([2.5, 1.0, 4.0])


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
    assert got.count("S") == got.count("I") == got.count("A") == got.count("P") == 6
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
FILM = tuple(FilmHit(tr, n, n % 3, 12.0, 4.0, tr == 119) for n, tr in reversed(list(enumerate(HITS))))
UNITS = replace(SESSION, unit="z")
MOVED = (10.0, -52.0, 26.0)
HERE = Readout(MOVED, (11, 7, 11), -1.25, True, 1, 0.87)
LOOKED_AT = shown_as(
    replace(LIVE, map=replace(hit(), at=MOVED, value_at=-1.25), readout=HERE, film=FILM, session=UNITS),
    at=MOVED,
    radiological=True,
    sampling="linear",
    opacity=0.5,
)
PAIR = shown_as(replace(LOOKED_AT, beside=replace(hit(0), at=MOVED, value_at=2.5, vmax=6.0, n_missing=12)), beside=40)
MODES = {
    "ortho": LOOKED_AT,
    "mosaic": shown_as(LOOKED_AT, mode="mosaic"),
    "mosaic, sagittal": shown_as(LOOKED_AT, mode="mosaic", axis=0),
    "mosaic, coronal, at the peak": shown_as(replace(HELD, film=FILM), mode="mosaic", axis=1),
    "mosaic, nothing yet": shown_as(scene(0, ()), mode="mosaic"),
    "beside": PAIR,
    "beside, at the peaks": replace(HELD, beside=hit(0)),
    "beside, outside the mask": replace(PAIR, map=replace(hit(), at=MOVED), readout=replace(HERE, in_mask=False)),
    "explained, moved": replace(LOOKED_AT, view=replace(LOOKED_AT.view, explain=True), explained=TOLD),
    "mean": shown_as(replace(LOOKED_AT, map=replace(hit(), mean_of=HITS)), mean=True),
}

AWKWARD = {
    **MODES,
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


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_map_alone_keeps_its_texts_apart(name: str, size: tuple[int, int]) -> None:
    drawing = drawn(MODES[name], size, "map")
    assert drawing.rect.w > 0.9 * size[0]
    assert [(a.string, b.string) for a, b in combinations(drawing.texts, 2) if overlap(a, b)] == []


def area(made: Scene, arrangement: Arrangement) -> float:
    return sum(p.rect.w * p.rect.h for view in drawn(made, arrangement=arrangement).slices for p in view.planes)


@pytest.mark.parametrize("name", ["ortho", "mosaic", "beside", "explained, moved"])
def test_the_map_alone_has_larger_slices(name: str) -> None:
    assert area(MODES[name], "map") > 1.8 * area(MODES[name], "all")


def test_the_time_course_has_the_height_that_a_row_of_slices_leaves() -> None:
    alone, among_others = (
        brain.rooms_of(Pen(used, used.layout.map), LOOKED_AT) for used in (style((1920, 1080), arrangement="map"), FULL)
    )
    assert alone.course is not None
    assert among_others.course is not None
    assert alone.course.h > 1.5 * among_others.course.h


def test_a_small_panel_is_all_picture() -> None:
    used = style((640, 360))
    rooms = brain.rooms_of(Pen(used, used.layout.map), LOOKED_AT)
    assert (rooms.film, rooms.course) == (None, None)
    assert brain.rooms_of(Pen(FULL, FULL.layout.map), LOOKED_AT).film is not None


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("name", MODES)
def test_the_convention_is_always_written(name: str, theme: str) -> None:
    made = MODES[name]
    for radiological, words in ((False, "NEUROLOGICAL · LEFT IS LEFT"), (True, "RADIOLOGICAL · LEFT IS RIGHT")):
        turned = shown_as(made, radiological=radiological)
        for size in SIZES:
            drawing = brain.draw(turned, style(size, theme))
            assert words in strings(drawing)
            steps = [p.right[0] for view in drawing.slices for p in view.planes if p.right[0]]
            assert all((step < 0) == radiological for step in steps)


def sides(drawing: Drawing, plane_rect: Rect) -> dict[str, tuple[float, float]]:
    """Return the letters on a slice, and how far right and down they stand, 0..1."""
    inside = {}
    for text in drawing.texts:
        left, top, right, bottom = box(text)
        x, y = (left + right) / 2 - plane_rect.x, (top + bottom) / 2 - plane_rect.y
        if text.string in "LRAPSI" and 0 < x < plane_rect.w and 0 < y < plane_rect.h:
            inside[text.string] = (x / plane_rect.w, y / plane_rect.h)
    return inside


def test_letters_stand_at_all_four_edges_of_each_slice() -> None:
    for radiological, left, right in ((False, "L", "R"), (True, "R", "L")):
        drawing = drawn(shown_as(HELD, radiological=radiological))
        coronal, sagittal, axial = (sides(drawing, plane.rect) for plane in drawing.slices[0].planes)
        for letters, edges in ((coronal, left + right + "SI"), (sagittal, "PASI"), (axial, left + right + "AP")):
            assert sorted(letters) == sorted(edges)
            assert letters[edges[0]][0] < 0.1
            assert letters[edges[1]][0] > 0.9
            assert letters[edges[2]][1] < 0.1
            assert letters[edges[3]][1] > 0.9


@given(st.tuples(*[st.floats(-60, 60)] * 3))
@settings(max_examples=30)
def test_letters_make_way_for_the_crosshair(at: tuple[float, float, float]) -> None:
    drawing = drawn(shown_as(replace(HELD, map=replace(hit(), at=at)), at=at))
    lines = [s for s in drawing.over if min(s["geom"][2:]) <= 2 and max(s["geom"][2:]) > 20 and s["style"][2] > 0]
    assert lines
    for text in drawing.texts:
        if text.string in tuple("LRAPSI"):
            left, top, right, bottom = box(text)
            for x, y, w, h in (line["geom"] for line in lines):
                across, down = min(right, x + w) - max(left, x), min(bottom, y + h) - max(top, y)
                assert not (across > 0 and down > 0), text.string


def test_the_colour_bar_says_how_it_was_made() -> None:
    got = strings(drawn(LOOKED_AT))
    assert {"z", "+4.21", "−4.21", "+1.40", "−1.40", "range: largest", "opacity 50 %, linear"} <= set(got)
    plain = strings(drawn(HELD))
    assert "z" not in plain
    assert not any(words.startswith("opacity") for words in plain)
    robust = shown_as(replace(HELD, map=replace(hit(), robust=2.0)), range="robust")
    assert "range: robust 2–98 %" in strings(drawn(robust))
    assert drawn(robust).slices[0].vmax == 2.0
    fixed = drawn(shown_as(HELD, range="fixed", fixed=9.0))
    assert "range: fixed" in strings(fixed)
    assert fixed.ramps[0].vmax == fixed.slices[0].vmax == 9.0
    assert "range: 99.9 %, held" in strings(drawn(LIVE))


def notes(made: Scene) -> list[str]:
    """Return what is said of how the values became colours, the range left out."""
    assert made.map is not None
    shown = (made.map,) if made.beside is None else (made.map, made.beside)
    vmax = range_of(made.view.map, *shown)
    threshold = max(0.0, threshold_of(vmax, made.view.map.threshold))
    said = [line.string for line in readout.notes(made, vmax, threshold, *shown)]
    assert said[0].startswith("range: ")
    return said[1:]


def test_all_below_threshold_is_said_of_the_maps_own_values() -> None:
    assert "all below threshold" in strings(drawn(shown_as(HELD, threshold=5.0)))
    assert notes(shown_as(HELD, threshold=4.21)) == ["threshold 4.21"], "the largest value is drawn"
    wild = shown_as(LIVE, threshold=4.5)
    assert notes(wild) == ["threshold 4.50"], "a value beyond the held range of 4"
    assert notes(shown_as(wild, threshold=4.7)) == ["all below threshold"]
    assert notes(shown_as(HELD, range="fixed", fixed=30.0)) == ["all below threshold"], "an automatic one too"
    both = replace(HELD, beside=replace(hit(0), peak_value=9.0))
    assert notes(shown_as(both, threshold=5.0)) == ["threshold 5.00"], "one of two maps is drawn"
    empty = replace(LIVE, map=ShownMap(143, -1, 0.0, AT, math.nan, 9, at=AT))
    assert notes(shown_as(empty, threshold=2.0)) == ["threshold 2.00"]


def test_a_threshold_that_was_set_is_written_and_others_are_not() -> None:
    assert notes(HELD) == notes(shown_as(HELD, threshold=0.0)) == []
    assert notes(shown_as(HELD, threshold=2.5)) == ["threshold 2.50"]
    assert notes(shown_as(HELD, threshold=2.5, range="fixed", fixed=30.0)) == ["threshold 2.5"]
    assert "threshold 2.50" in strings(drawn(shown_as(HELD, threshold=2.5)))


def test_projections_are_not_called_linear() -> None:
    linear = shown_as(HELD, sampling="linear")
    assert notes(linear) == notes(shown_as(linear, mode="mosaic")) == ["linear"]
    assert notes(shown_as(linear, mode="glass")) == []
    assert notes(shown_as(linear, mode="glass", opacity=0.5)) == ["opacity 50 %"]
    both = replace(linear, beside=hit(0))
    assert notes(shown_as(both, mode="glass")) == ["linear"], "side by side are slices"


def test_a_map_without_any_value_has_a_crosshair_and_no_peak() -> None:
    empty = replace(HELD, map=ShownMap(119, 2, 0.0, AT, math.nan, 7))
    said = [line.string for line in readout.lines(empty, empty.map, 1.0)]  # type: ignore[arg-type]
    assert "crosshair" in said
    assert "peak" not in said


def test_how_the_range_was_found() -> None:
    how = MapView()
    assert how_found(how, volume(143)) == "99.9 %, held"
    assert how_found(how, hit()) == "largest"
    assert how_found(how, hit(), volume(143)) == "largest", "the words are those of the map that decided"
    assert how_found(how, hit(), replace(volume(143), vmax=8.0)) == "99.9 %, held"
    assert how_found(how, replace(volume(143), vmax=0.0)) == "no values"
    assert how_found(replace(how, range="robust"), replace(volume(143), robust=2.0)) == "robust 2–98 %"
    assert how_found(replace(how, range="robust"), volume(143)) == "99.9 %, held"
    assert how_found(replace(how, range="fixed", fixed=3.0), volume(143)) == "fixed"


def test_the_bar_answers_to_the_mouse_a_little_beside_it_too() -> None:
    for made in MODES.values():
        drawing = drawn(made)
        targets = [target.rect for target in drawing.targets if target.action == "threshold"]
        assert len(targets) == (1 if made.map else 0)
        for rect, ramp in zip(targets, drawing.ramps, strict=False):
            assert rect.x < ramp.rect.x < ramp.rect.right < rect.right
            assert (rect.y, rect.h) == (ramp.rect.y, ramp.rect.h)


def test_figures_tell_what_is_under_the_crosshair() -> None:
    got = strings(drawn(LOOKED_AT))
    for words in ("crosshair", "−1.25 z", "+10, −52, +26 mm", "voxel 11, 7, 11", "VPol", "+0.87", "C: peak −4.21 z"):
        assert words in got, words
    (tone,) = {text.bold for text in drawn(LOOKED_AT).texts if text.string == "crosshair"}
    assert tone
    assert "crosshair" not in strings(drawn(HELD))
    assert {"peak", "−4.21", "−42, −18, +52 mm"} <= set(strings(drawn(HELD)))
    outside = replace(LOOKED_AT, readout=replace(HERE, value=math.nan, in_mask=False))
    assert "outside the mask" in strings(drawn(outside))
    assert "+0.87" not in strings(drawn(outside))
    assert "missing here" in strings(drawn(replace(LOOKED_AT, readout=replace(HERE, value=math.nan))))
    assert "1 voxel missing" in strings(drawn(replace(HELD, map=replace(hit(), n_missing=1))))


def test_two_hits_share_range_threshold_crosshair_and_bar() -> None:
    drawing = drawn(PAIR)
    assert [view.source for view in drawing.slices] == ["beside", "map"]
    assert [view.data for view in drawing.slices] == [(40,), (119,)]
    assert {view.vmax for view in drawing.slices} == {6.0}
    assert len({view.threshold for view in drawing.slices}) == 1
    assert len(drawing.ramps) == 1
    for left, right in zip(*(view.planes for view in drawing.slices), strict=True):
        assert left.rect.x < right.rect.x
        assert (left.rect.w, left.rect.h, left.rect.y) == (right.rect.w, right.rect.h, right.rect.y)
        assert mm_at(left, *pixel_of(left, MOVED)) == pytest.approx(MOVED)
        assert mm_at(right, *pixel_of(right, MOVED)) == pytest.approx(MOVED)
    got = strings(drawn(replace(PAIR, film=())))
    assert {"TR 40", "TR 119", "pinned", "+2.50 z", "−1.25 z", "12 voxels missing"} <= set(got)
    assert got.count("VPol") == 3, "the title and both headings"


def test_an_explained_map_has_the_operators_colours() -> None:
    told = shown_as(replace(HELD, explained=TOLD), range="fixed", fixed=9.0, opacity=0.5, sampling="linear")
    drawing = drawn(told)
    assert [view.vmax for view in drawing.slices] == [9.0, 3.0, 12.6]
    assert {(view.opacity, view.linear) for view in drawing.slices} == {(0.5, True)}
    assert "crosshair −42, −18, +52" in strings(drawn(shown_as(told, at=AT)))


def test_numbers_are_never_cut_short() -> None:
    for made in AWKWARD.values():
        for size in SIZES:
            for text in drawn(made, size).texts:
                assert not (text.string.endswith("…") and text.string[:1] in "+−0123456789"), text.string


def test_sides_that_could_not_be_checked_are_said_as_long_as_the_map_is_there() -> None:
    def convention(scene: Scene) -> Text:
        return next(text for text in drawn(scene).texts if text.string.startswith("NEUROLOGICAL"))

    assert "NOT CHECKED" not in convention(LIVE).string
    told = convention(replace(LIVE, map_unchecked=True))
    assert told.string.endswith("NOT CHECKED") and told.colour == THEMES["dark"].warn
