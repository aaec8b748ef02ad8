"""Every panel at every size with content as it comes and as nobody wishes for: all of it stays where it belongs."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtcog_gl.gpu.font import GlyphAtlas
from rtcog_gl.model.draw import SHAPE, Drawing, Rect, Text
from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.model.keys import BINDINGS
from rtcog_gl.model.layout import auto_scale, layout
from rtcog_gl.model.panels import answers, brain, colour_bar, footer, gates, help, labels, lanes, scores, strip
from rtcog_gl.model.panels.pen import Pen
from rtcog_gl.model.records import no_records
from rtcog_gl.model.ruler import Ruler
from rtcog_gl.model.scene import Latency, Scene, ShownMap, Style, empty_scores
from rtcog_gl.model.session import Answer, Live, Session
from rtcog_gl.model.theme import THEMES
from rtcog_gl.model.ticks import MINUS, signed
from rtcog_gl.model.view import View
from rtcog_gl.model.volume import MaskGrid

SIZES = ((640, 360), (1280, 720), (1920, 1080), (3840, 2160))
SECOND = 1_000_000_000
NOW = 10_000 * SECOND
LABELS = ("SMot0", "VSpt1", "Audi0", "DMNx4", "WMem2", "Lang3", "Subc0")
QUESTIONS = ("alertness", "valence", "vividness", "self", "others", "time", "time")


@cache
def ruler() -> Ruler:
    return Ruler(GlyphAtlas())


@cache
def head() -> MaskGrid:
    ijk = np.indices((20, 24, 20)).reshape(3, -1, order="F")
    centred = (ijk.T - np.array([9.5, 11.5, 9.5])) / np.array([9, 11, 9])
    affine = np.diag([8.0, 8.0, 8.0, 1.0])
    affine[:3, 3] = (-76, -110, -60)
    return MaskGrid((20, 24, 20), affine, (centred**2).sum(axis=1) < 1)


@cache
def voxel() -> MaskGrid:
    return MaskGrid((1, 1, 1), np.diag([2.0, 2.0, 2.0, 1.0]), np.ones(1, np.bool_))


def made_scores(session: Session, n_final: int, scale: float = 1.0) -> np.ndarray:
    got = empty_scores(session)
    rng = np.random.default_rng(7)
    first = min(session.match_start, n_final)
    got[:, first:n_final] = rng.normal(0, scale, (session.n_templates, n_final - first)).astype(np.float32)
    return got


def answered(session: Session, onsets: tuple[int, ...]) -> tuple[Answer, ...]:
    return tuple(Answer(t, tuple(float(t % 7) for _ in session.questions)) for t in onsets)


def scene(session: Session, n_final: int, scale: float = 1.0, **changes: object) -> Scene:
    live = Live(n_final=n_final, newest_ns=NOW - SECOND // 2 if n_final else 0, tr_s=1.2, started_ns=NOW - 500 * SECOND)
    made = Scene(
        session,
        live,
        View(),
        made_scores(session, n_final, scale),
        no_records(session.nt),
        NOW,
        "14:03:22",
        head(),
        None,
        Latency(n_final, 4.2, 9.7) if n_final else Latency(),
        "NVIDIA GeForce RTX 3080 · 60 Hz",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def with_hits(made: Scene, onsets: tuple[int, ...], offsets: tuple[int, ...] | None = None, **live: object) -> Scene:
    if offsets is None:
        offsets = tuple(t + 6 for t in onsets)
    maps = tuple(t for t in onsets if t < made.live.n_final)
    changed = replace(
        made.live, onsets=onsets, offsets=offsets, maps=maps, answers=answered(made.session, maps), **live
    )  # type: ignore[arg-type]
    columns = np.array(made.scores)
    for t in maps:
        best = np.nanmax(columns[:, t], initial=-np.inf)
        columns[t // 5 % len(columns), t] = max(best, 1.4 * made.session.hit_thr)
    shown = ShownMap(maps[-1], len(maps) - 1, 4.21, (-42.0, -18.0, 52.0), -4.21) if maps else None
    return replace(made, live=changed, map=shown, scores=columns)


RUN = Session(
    nt=1200,
    labels=LABELS,
    hit_thr=1.5,
    match_start=100,
    vols_noaction=45,
    out_dir="/tmp",
    out_prefix="sub-07_run-2",
    questions=QUESTIONS,
)
LONG = "a name that somebody wrote as a whole sentence, no less, and did not stop"
MANY = replace(
    RUN,
    labels=tuple(f"{LONG} {k % 15}" for k in range(30)),
    questions=tuple(f"How much did you {LONG}? {k}" for k in range(40)),
    out_prefix="a_prefix_" * 12,
)
GIVEN = HitRule(1.5, nconsec_vols=2, nonline=1, mot_thr=0.2)
UNICODE = replace(
    RUN,
    labels=("Здравствуй", "日本語テンプレート", "🧠🧠🧠", "naïve", "", "​", "e\u0301\u0301\u0301"),
    questions=("Müdigkeit", "疲れ", "", "\u202eright to left", "a\nb", "\t"),
    out_prefix="прогон №7 日本",
)


def published(made: Scene, rule: HitRule | None = GIVEN, n: int | None = None, **fields: object) -> Scene:
    """Return the scene of a session that publishes a record of each volume."""
    n = made.live.n_final if n is None else n
    session = replace(made.session, volume_records=True, rule=rule)
    records, rng = no_records(session.nt), np.random.default_rng(11)
    head_moves = rng.normal(0, 0.02, (session.nt, 6)).cumsum(axis=0)
    received = np.arange(1, session.nt + 1) * 1_200_000_000
    filled = {
        "received": received,
        "processed": received + 190_000_000,
        "committed": received + rng.integers(200_000_000, 260_000_000, session.nt),
        "motion": head_moves,
        "norm_change": rng.normal(0, 0.1, session.nt),
        "cooldown_end": session.vols_noaction,
    }
    for name, values in (filled | fields).items():
        records[name][:n] = np.broadcast_to(values, records[name].shape)[:n]  # type: ignore[arg-type]
    return replace(made, session=session, volumes=records, live=replace(made.live, n_volumes=n))


def nan_scene() -> Scene:
    made = with_hits(scene(RUN, 400), (150, 300))
    return replace(
        made,
        scores=empty_scores(RUN),
        map=ShownMap(300, 1, 1.0, (0.0, 0.0, 0.0), math.nan, head().n_voxels),
        live=replace(made.live, answers=(Answer(150, ()), Answer(300, (None,) * 7))),
    )


def mixed_answers() -> Scene:
    made = with_hits(scene(RUN, 400), (150, 300))
    ratings = (Answer(150, (3, 4.5, "very much so, thank you for asking", None, 1e-9, math.nan, 10**12)),)
    return replace(made, live=replace(made.live, answers=(*ratings, Answer(300, (1,) * 9))))


@cache
def cases() -> dict[str, Scene]:
    hits = tuple(range(110, 1110, 5))
    plain = with_hits(scene(RUN, 480), (130, 260, 410))
    return {
        "nothing yet": scene(RUN, 0, clock=""),
        "before matching": scene(RUN, 50),
        "first scored": scene(RUN, 101),
        "running": plain,
        "no survey": with_hits(scene(replace(RUN, questions=()), 480), (130, 260)),
        "action": with_hits(scene(RUN, 480), (130, 470), (140,)),
        "cooldown": with_hits(scene(RUN, 480), (130, 460), (140, 470)),
        "onset ahead": with_hits(scene(RUN, 480), (130, 480), (140,)),
        "looking back": replace(plain, view=View(cursor=200, left=100, hit=0)),
        "whole run": replace(plain, view=View(span=1200)),
        "last volume": with_hits(scene(RUN, 1200), (130, 1190), (140,)),
        "ended": with_hits(scene(RUN, 1200), (130, 1000), ended=True),
        "stalled": replace(plain, now_ns=NOW + 75_000 * SECOND),
        "lost": replace(plain, live=replace(plain.live, lost=f"rtcog is gone: {LONG}")),
        "keeper lost": replace(plain, keeper_lost=LONG * 3),
        "messages": replace(plain, live=replace(plain.live, messages=(LONG, LONG * 4)), hardware=LONG * 2),
        "note": replace(plain, note=LONG * 3),
        "slow": replace(plain, latency=Latency(480, 12345.6, 98765.4), live=replace(plain.live, tr_s=123.456)),
        "many": with_hits(scene(MANY, 1115), hits),
        "many, live edge": with_hits(scene(MANY, 200), (130,)),
        "many, all equal": replace(scene(MANY, 480), scores=np.ones((30, 1200), np.float32)),
        "200 hits, whole run": replace(with_hits(scene(RUN, 1200), hits), view=View(span=1200)),
        "repeated labels": with_hits(scene(replace(RUN, labels=("same",) * 7), 480), (130,)),
        "one template": with_hits(scene(replace(RUN, labels=("only",)), 480), (130,)),
        "unicode": with_hits(scene(UNICODE, 480), (130, 260)),
        "NaN": nan_scene(),
        "NaN threshold": scene(replace(RUN, hit_thr=math.nan), 480),
        "threshold far away": scene(replace(RUN, hit_thr=1e7), 480),
        "huge scores": with_hits(scene(RUN, 480, 1e30), (130,)),
        "tiny scores": with_hits(scene(replace(RUN, hit_thr=1e-30), 480, 1e-30), (130,)),
        "constant scores": replace(scene(RUN, 480), scores=np.full((7, 1200), 12.5, np.float32)),
        "huge map": replace(plain, map=ShownMap(410, 2, 1.2e30, (-123.0, 123.0, -123.0), -1.2e30, 123456)),
        "tiny map": replace(plain, map=ShownMap(410, 2, 1.2e-30, (0.0, 0.0, 0.0), 1.2e-30)),
        "map of zeros": replace(plain, map=ShownMap(410, 2, 0.0, (-2.0, 3.0, 4.0), 0.0)),
        "no grid": replace(plain, grid=None, map=None),
        "one voxel": replace(plain, grid=voxel(), map=ShownMap(410, 2, 2.0, (0.0, 0.0, 0.0), 2.0)),
        "mixed answers": mixed_answers(),
        "Nt 1": scene(replace(RUN, nt=1, match_start=0), 1),
        "Nt 1, nothing": scene(replace(RUN, nt=1, match_start=0), 0),
        "Nt 100000": with_hits(scene(replace(RUN, nt=100_000), 99_990), (130, 99_000)),
        "Nt 100000, whole run": replace(
            with_hits(scene(replace(RUN, nt=100_000), 99_990), (130, 99_000)), view=View(span=100_000)
        ),
        "no prefix": replace(plain, session=replace(RUN, out_prefix="", out_dir="")),
        "never matching": scene(replace(RUN, match_start=5000), 480),
    } | records_cases(plain, hits)


def records_cases(plain: Scene, hits: tuple[int, ...]) -> dict[str, Scene]:
    long_run = with_hits(scene(replace(RUN, nt=10_000), 9_990), (130, 9_000))
    unusual = {"motion": 1e9, "norm_change": -1e9, "cooldown_end": 10**9, "action": 1}
    return {
        "records": published(plain),
        "records, nothing yet": published(scene(RUN, 0, clock="")),
        "records, first": published(scene(RUN, 1)),
        "records, before matching": published(scene(RUN, 50)),
        "records, one behind": published(plain, n=479),
        "records, ahead": published(plain, n=490),
        "records, looking back": replace(published(plain), view=View(cursor=200, left=100, hit=0)),
        "records, a hit": published(with_hits(scene(RUN, 480), (130, 479), (140,))),
        "records, no rule": published(plain, None),
        "records, motion not used": published(plain, HitRule(1.5, 3, 2)),
        "records, no motion": published(plain, motion=math.nan, norm_change=math.nan),
        "records, motion without a rule": published(plain, None, norm_change=math.nan),
        "records, unusual": published(plain, HitRule(1.5, 99_999, 12_345, 1e-12), **unusual),
        "records, still": published(plain, motion=0.0, norm_change=0.0),
        "records, slow": published(plain, committed=10**15),
        "records, near a TR": published(plain, committed=np.arange(1, 1201) * 1_200_000_000 + 1_100_000_000),
        "records, torn": published(plain, committed=0, motion=math.nan, norm_change=math.nan),
        "records, many": published(with_hits(scene(MANY, 1115), hits)),
        "records, no survey": published(with_hits(scene(replace(RUN, questions=()), 480), (130, 260))),
        "records, Nt 1": published(scene(replace(RUN, nt=1, match_start=0), 1)),
        "records, Nt 10000, whole run": replace(published(long_run), view=View(span=10_000)),
        "records, ended": published(with_hits(scene(RUN, 1200), (130, 1000), ended=True)),
    }


NAMES = tuple(cases())


def style_of(size: tuple[int, int], made: Scene, content_scale: float = 1.0, wanted: float = 0.0) -> Style:
    scale = auto_scale(size, content_scale, wanted)
    arranged = layout(size, scale, bool(made.session.questions), made.session.volume_records)
    return Style(arranged, THEMES["dark"], ruler())


def drawings(made: Scene, style: Style) -> dict[str, Drawing]:
    got = {
        "strip": strip.draw(made, style),
        "scores": scores.draw(made, style),
        "gates": gates.draw(made, style),
        "map": brain.draw(made, style),
        "footer": footer.draw(made, style),
        "help": help.draw(style),
    }
    if style.layout.answers is not None:
        got["answers"] = answers.draw(made, style, style.layout.answers)
    if style.layout.lanes is not None:
        got["lanes"] = lanes.draw(made, style, style.layout.lanes)
    return got


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box, by: float = 1.0) -> bool:
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > by and down > by


def box(text: Text) -> Box:
    """Return where a text's capitals stand, in pixels; unrotated texts only."""
    width = ruler().width(text.string, text.px, text.bold, text.spacing)
    left = text.x - {"left": 0.0, "center": 0.5, "right": 1.0}[text.anchor] * width
    return Box(left, text.y - 0.72 * text.px, left + width, text.y)


def upright(texts: tuple[Text, ...] | list[Text]) -> list[Text]:
    return [text for text in texts if text.angle == 0 and text.string.strip()]


def outside(drawing: Drawing) -> list[str]:
    rect = drawing.rect
    wrong = []
    for text in upright(drawing.texts):
        place = box(text)
        if place.left < rect.x - 1 or place.right > rect.right + 1 or not rect.y <= text.y <= rect.bottom + 1:
            wrong.append(f"{text.string!r} at {tuple(map(round, place))}")
    return wrong


def overlaps(texts: tuple[Text, ...] | list[Text]) -> list[str]:
    pairs = combinations(upright(texts), 2)
    return [
        f"{a.string!r} {tuple(map(round, box(a)))} over {b.string!r} {tuple(map(round, box(b)))}"
        for a, b in pairs
        if box(a).meets(box(b))
    ]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", NAMES)
def test_texts_stay_in_their_panel(name: str, size: tuple[int, int]) -> None:
    made = cases()[name]
    style = style_of(size, made)
    got = {panel: wrong for panel, d in drawings(made, style).items() if (wrong := outside(d))}
    assert got == {}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", NAMES)
def test_no_two_texts_of_the_strip_overlap(name: str, size: tuple[int, int]) -> None:
    made = cases()[name]
    assert overlaps(strip.draw(made, style_of(size, made)).texts) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_two_labels_of_the_traces_overlap(name: str) -> None:
    made = cases()[name]
    got = {}
    for size in SIZES:
        style = style_of(size, made)
        pen = Pen(style, style.layout.scores)
        labels.draw(pen, made, scores.axes(made, style))
        written = [text for text in pen.texts if text.string != "waiting for the first scored volume"]
        assert len(written) >= 2
        if wrong := overlaps(written):
            got[size] = wrong
    assert got == {}


@pytest.mark.parametrize("name", NAMES)
def test_no_two_texts_of_the_score_panel_overlap(name: str) -> None:
    made = cases()[name]
    drawn_at = {size: scores.draw(made, style_of(size, made)).texts for size in SIZES[1:]}
    assert {size: wrong for size, texts in drawn_at.items() if (wrong := overlaps(texts))} == {}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_hit_just_at_the_threshold_is_named_beside_its_words(size: tuple[int, int]) -> None:
    made = scene(replace(RUN, match_start=0), 200)
    columns = np.array(made.scores)
    columns[:, 25] = np.linspace(-1, made.session.hit_thr, 7)
    made = replace(made, scores=columns, live=replace(made.live, onsets=(25,)))
    texts = scores.draw(made, style_of(size, made)).texts
    assert LABELS[6] in [text.string for text in texts]
    assert overlaps(texts) == []


def test_the_end_of_a_long_run_is_written_beside_the_axis_name() -> None:
    made = cases()["Nt 100000, whole run"]
    texts = scores.draw(made, style_of((640, 360), made)).texts
    axis = [text for text in texts if text.string in ("TR", "100000")]
    assert [text.string for text in axis] in (["TR"], ["100000"], ["100000", "TR"])
    assert overlaps(axis) == []


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("session", [RUN, MANY], ids=["short names", "long names"])
@pytest.mark.parametrize("ago", [1, 2, 5, 10])
def test_a_hit_of_just_now_is_named_beside_the_traces_names(session: Session, ago: int, size: tuple[int, int]) -> None:
    made = with_hits(scene(session, 480), (480 - ago,), ())
    assert overlaps(scores.draw(made, style_of(size, made)).texts) == []


OTHER_WINDOWS = (
    ((640, 360), 1.0, 2.0),
    ((640, 360), 1.0, 0.5),
    ((1280, 720), 2.0, 0.0),
    ((1280, 720), 2.0, 2.0),
    ((640, 1000), 1.0, 1.0),
    ((1920, 360), 1.0, 1.0),
    ((1080, 1920), 1.25, 0.0),
    ((3840, 2160), 2.0, 1.0),
    ((3840, 2160), 1.0, 8.0),
)


@pytest.mark.parametrize(("vmax", "threshold"), [(4.21, 1.4), (5.0, 0.0), (12.6, 5.0)])
def test_ticks_of_the_colour_bar_stand_on_both_sides_of_zero(vmax: float, threshold: float) -> None:
    made = cases()["running"]
    pen = Pen(style_of((1920, 1080), made), Rect(0, 0, 400, 900))
    colour_bar.draw(pen, Rect(0, 0, 400, 900), vmax, threshold, ())
    heights = {text.string: text.y for text in pen.texts}
    below = {name: y for name, y in heights.items() if name.startswith(MINUS)}
    above = {name: y for name, y in heights.items() if name.startswith("+")}
    assert len(below) >= 3
    assert {name[1:] for name in below} == {name[1:] for name in above}
    assert "0" in heights
    middle = heights["0"]
    for name, y in below.items():
        assert y - middle == pytest.approx(middle - above["+" + name[1:]], abs=2)
        assert y > middle
    lines = pen.over.array()["geom"][:, 1]
    (ramp,) = pen.ramps
    centre = ramp.rect.y + ramp.rect.h / 2
    assert len(lines) == len(heights)
    assert abs(int((lines > centre).sum()) - int((lines < centre - 2).sum())) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_texts_stay_in_their_panel_at_other_scales_and_shapes(name: str) -> None:
    made = cases()[name]
    got = {}
    for window in OTHER_WINDOWS:
        made_drawings = drawings(made, style_of(window[0], made, *window[1:]))
        for panel, drawing in made_drawings.items():
            if wrong := outside(drawing):
                got[window, panel] = wrong
        assert overlaps(made_drawings["strip"].texts) == []
    assert got == {}


@pytest.mark.parametrize("name", NAMES)
def test_no_two_texts_of_the_other_panels_overlap(name: str) -> None:
    made = cases()[name]
    got = {}
    for size in SIZES:
        for panel, drawing in drawings(made, style_of(size, made)).items():
            if panel not in ("strip", "scores") and (wrong := overlaps(drawing.texts)):
                got[size, panel] = wrong
    assert got == {}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", NAMES)
def test_slanted_names_stay_in_their_panel(name: str, size: tuple[int, int]) -> None:
    made = cases()[name]
    style = style_of(size, made)
    if style.layout.answers is None:
        assert made.session.questions == ()
        return
    drawing = answers.draw(made, style, style.layout.answers)
    rect = drawing.rect
    for text in drawing.texts:
        if text.angle and text.string.strip():
            width = ruler().width(text.string, text.px, text.bold)
            x = text.x + width * math.cos(math.radians(text.angle))
            y = text.y - width * math.sin(math.radians(text.angle))
            assert rect.x - 1 <= x <= rect.right + 1, text.string
            assert rect.y - 1 <= y <= rect.bottom + 1, text.string


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", NAMES)
def test_shapes_are_finite_and_the_pictures_parts_lie_in_their_panel(name: str, size: tuple[int, int]) -> None:
    made = cases()[name]
    for panel, drawing in drawings(made, style_of(size, made)).items():
        rect = drawing.rect
        for shapes in (drawing.under, drawing.over):
            assert shapes.dtype == SHAPE
            for field in ("geom", "colour", "style"):
                assert np.isfinite(shapes[field]).all(), panel
            assert ((shapes["colour"] >= 0) & (shapes["colour"] <= 1)).all(), panel
        parts = [ramp.rect for ramp in drawing.ramps]
        parts += [] if drawing.traces is None else [drawing.traces.axes.plot]
        parts += [plane.rect for view in drawing.slices for plane in view.planes]
        for part in parts:
            assert rect.x <= part.x < part.right <= rect.right, panel
            assert rect.y <= part.y < part.bottom <= rect.bottom, panel


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(NAMES),
    st.tuples(st.integers(640, 3840), st.integers(360, 2160)),
    st.floats(1.0, 2.0),
    st.sampled_from((0.0, 0.5, 1.0, 2.0)),
)
def test_any_window_can_be_drawn(name: str, size: tuple[int, int], content_scale: float, wanted: float) -> None:
    made = cases()[name]
    style = style_of(size, made, content_scale, wanted)
    for panel, drawing in drawings(made, style).items():
        assert drawing.texts or panel == "footer"
        for text in drawing.texts:
            assert math.isfinite(text.x)
            assert math.isfinite(text.y)


def strings(drawing: Drawing) -> list[str]:
    return [text.string for text in drawing.texts]


FULL = (1920, 1080)


def drawn(name: str, size: tuple[int, int] = FULL) -> dict[str, Drawing]:
    made = cases()[name]
    return drawings(made, style_of(size, made))


def test_the_strip_says_what_it_must() -> None:
    got = strings(drawn("running")["strip"])
    for words in ("MATCHING", "TR 479", " / 1200", "  TR 410", "3", "0.5 s", " of 1.2 s", "9.7 ms", "sub-07_run-2"):
        assert words in got, words
    assert "TR –" in strings(drawn("nothing yet")["strip"])
    assert "COOLDOWN" in strings(drawn("cooldown")["strip"])
    assert "36 volumes left" in strings(drawn("cooldown")["strip"])


def test_the_strips_figures_do_not_move_with_the_session() -> None:
    def places(made: Scene) -> dict[str, float]:
        texts = strip.draw(made, style_of(FULL, made)).texts
        labels = ("last hit", "hits", "newest column")
        return {text.string: text.x for text in texts if text.string in labels or text.string.startswith("TR ")}

    first = places(scene(RUN, 1, scores=made_scores(RUN, 480)))
    later = places(scene(RUN, 480))
    assert {k: v for k, v in first.items() if not k.startswith("TR")} == {
        k: v for k, v in later.items() if not k.startswith("TR")
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_clock_and_the_beginning_of_the_runs_name_can_always_be_read(name: str) -> None:
    made = cases()[name]
    for size in SIZES:
        got = strings(strip.draw(made, style_of(size, made)))
        assert made.clock in got, size
        prefix = made.session.out_prefix or "rtcog"
        assert any(words == prefix or (words.endswith("…") and words[:8] == prefix[:8]) for words in got), size


def test_the_states_attention_is_a_shape_as_well() -> None:
    style = style_of(FULL, cases()["running"])
    plain = len(strip.draw(cases()["running"], style).under)
    assert len(strip.draw(cases()["stalled"], style).under) > plain
    assert len(strip.draw(cases()["cooldown"], style).under) > plain


def test_traces_are_named_with_their_present_value() -> None:
    made = cases()["running"]
    got = strings(drawn("running")["scores"])
    for k, label in enumerate(LABELS):
        assert label in got
        assert signed(float(made.scores[k, 479])) in got
    assert "threshold 1.5" in got
    assert "LIVE" in got


def test_more_traces_than_rows_say_how_many_are_missing() -> None:
    got = strings(drawn("many", (640, 360))["scores"])
    more = [words for words in got if words.startswith("+ ") and words.endswith(" lower")]
    assert len(more) == 1
    made = cases()["many"]
    style = style_of((640, 360), made)
    pen = Pen(style, style.layout.scores)
    labels.draw(pen, made, scores.axes(made, style))
    named = (len([t for t in pen.texts if not t.string.endswith(" lower")])) // 2
    assert named + int(more[0].split()[1]) == 30


def test_every_finite_score_in_view_is_inside_the_axes() -> None:
    for name, made in cases().items():
        ax = scores.axes(made, style_of(FULL, made))
        inside = made.scores[:, max(0, int(ax.t0)) : min(int(ax.t1), made.live.n_final)]
        finite = inside[np.isfinite(inside)]
        assert (finite >= ax.lo).all(), name
        assert (finite <= ax.hi).all(), name
        if math.isfinite(made.session.hit_thr):
            assert ax.lo <= made.session.hit_thr <= ax.hi, name


def test_looking_back_is_said() -> None:
    got = strings(drawn("looking back")["scores"])
    assert any(words.startswith(f"LOOKING BACK   {MINUS}279 TRs") for words in got)
    assert "TR 200" in got
    assert "LIVE" not in got


def test_the_map_says_where_and_when() -> None:
    got = strings(drawn("running")["map"])
    for words in ("TR 410   hit 3 of 3", "x = −42 mm", "y = −18 mm", "z = +52 mm", "L", "R", "A", "P"):
        assert words in got, words
    assert "NEUROLOGICAL · LEFT IS LEFT" in got
    assert "no hit yet" in strings(drawn("before matching")["map"])
    assert not any("hit 1" in words for words in strings(drawn("no grid")["map"]))


def test_slices_need_a_positive_scale() -> None:
    for name in NAMES:
        assert all(view.vmax > 0 for view in drawn(name)["map"].slices), name


def test_answers_are_listed_newest_first() -> None:
    drawing = drawn("running")["answers"]
    rows = sorted((text.y, text.string) for text in drawing.texts if text.bold and text.string.isdigit())
    assert [string for _, string in rows] == ["410", "260", "130"]
    slanted = [text.string for text in drawing.texts if text.angle]
    assert slanted == list(QUESTIONS)
    assert "no answers yet" in strings(drawn("before matching")["answers"])


@pytest.mark.parametrize("size", SIZES[1:], ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_rating_of_forty_questions_is_there(size: tuple[int, int]) -> None:
    made = cases()["many, live edge"]
    drawing = answers.draw(made, style_of(size, made), layout(size, auto_scale(size), True).answers or Rect(0, 0, 1, 1))
    assert len([text for text in drawing.texts if text.angle]) == 40
    ratings = [text for text in upright(drawing.texts) if text.anchor == "center"]
    assert len(ratings) == 40
    assert {text.string for text in ratings} == {"4"}


def test_the_footer_says_the_gravest_thing_first() -> None:
    assert strings(drawn("keeper lost")["footer"])[1].startswith(LONG[:20])
    assert strings(drawn("lost")["footer"])[1].startswith("rtcog is gone")
    assert strings(drawn("messages")["footer"])[1].startswith(LONG[:20])
    assert strings(drawn("running")["footer"])[1].startswith("? all keys")


def test_help_lists_every_key() -> None:
    got = strings(drawn("running")["help"])
    for binding in BINDINGS:
        assert binding.label in got
        assert binding.help in got


def test_help_names_every_key_in_a_small_window() -> None:
    got = strings(drawn("running", (640, 360))["help"])
    assert [binding.label for binding in BINDINGS if binding.label not in got] == []


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_help_lies_in_the_window(size: tuple[int, int]) -> None:
    rect = help.draw(style_of(size, cases()["running"])).rect
    assert rect.x >= 0
    assert rect.y >= 0
    assert rect.right <= size[0]
    assert rect.bottom <= size[1]


def test_keys_differ_when_the_picture_does() -> None:
    made = cases()["running"]
    later = replace(made, now_ns=NOW + SECOND)
    assert strip.key(made) != strip.key(later)
    assert scores.key(made) == scores.key(replace(made, now_ns=NOW + 1))
    assert brain.key(made) == brain.key(later)
    assert scores.key(made) != scores.key(replace(made, view=View(cursor=3)))
    assert brain.key(made) != brain.key(replace(made, view=View(hit=0)))
    assert answers.key(made) != answers.key(cases()["mixed answers"])
    assert footer.key(made) != footer.key(replace(made, note="saved"))


@pytest.mark.parametrize("name", NAMES)
def test_a_panel_whose_key_stays_has_the_same_picture(name: str) -> None:
    made = cases()[name]
    style = style_of(FULL, made)
    later = replace(made, now_ns=made.now_ns + SECOND // 20)
    for panel in (strip, scores, gates, brain, footer):
        if panel.key(made) == panel.key(later):
            assert panel.draw(made, style).texts == panel.draw(later, style).texts
