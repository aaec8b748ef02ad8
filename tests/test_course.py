"""The time course at the crosshair: what is drawn of it, what it says, and when it is drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_panels import RUN, SIZES, outside, published, scene, strings, style_of, upright, with_hits
from test_panels import box as box_of

from rtcog_gl.model.course import Course, CourseRequest, runs, thinned
from rtcog_gl.model.draw import BOX, SEGMENT, Drawing, Rect
from rtcog_gl.model.map_view import MapView
from rtcog_gl.model.panels import brain, course
from rtcog_gl.model.panels.pen import Pen
from rtcog_gl.model.records import no_records
from rtcog_gl.model.scene import Readout, Scene
from rtcog_gl.model.view import View, time_window

N = 480


def made(trs: Sequence[int] | None = None, n: int = N, value: float = 1.0, **changes: object) -> Scene:
    """Return a live session of `n` volumes, and the course of some of them: a slow wave, and a faster one."""
    base = published(with_hits(scene(replace(RUN, slots=300, unit="z"), n), (260, 400, 470)))
    assert base.grid is not None and base.map is not None
    voxel = base.grid.n_voxels // 2
    at = base.grid.mm_of(voxel)
    known = np.arange(n - 300, n) if trs is None else np.asarray(trs, np.int64)
    request = CourseRequest(at, voxel, (voxel - 1, voxel, voxel + 1), 6.0)
    fast, slow = np.sin(known * 0.9) * value, np.sin(known * 0.05) * value
    records = np.array(base.volumes)
    records["has_map"][:n] = 1
    got = replace(
        base,
        map=replace(base.map, at=at),
        course=Course(request, known, fast.astype(np.float32), slow.astype(np.float32)),
        readout=Readout(at, (1, 2, 3), 0.5, True),
        volumes=records,
    )
    return replace(got, **changes)  # type: ignore[arg-type]


def plotted(shown: Scene, size: tuple[int, int] = (1920, 1080), tall: bool = False) -> tuple[Pen, Rect]:
    style = style_of(size, shown)
    pen = Pen(style, style.layout.map)
    inner = pen.rect.inset(pen.dp(18), pen.dp(46), pen.dp(18), pen.dp(14))
    high = pen.dp(course.TIMES_FROM) if tall else max(course.height(pen, inner), 3.6 * pen.px(13))
    rect = Rect(inner.x, inner.bottom - high, inner.w, high)
    course.draw(pen, rect, shown)
    return pen, rect


def picture(shown: Scene, size: tuple[int, int] = (1920, 1080)) -> Drawing:
    return plotted(shown, size)[0].drawing()


def segments(drawing: Drawing, width: float) -> np.ndarray:
    """Return the ends (n, 4) of the lines of a width."""
    shapes = np.concatenate([drawing.under, drawing.over])
    chosen = (shapes["kind"] == SEGMENT) & np.isclose(shapes["style"][:, 0], width / 2)
    return np.array(shapes["geom"][chosen], np.float64)


VOXEL, SPHERE = 1.25, 2.25


def test_a_run_ends_where_a_tr_or_a_value_is_missing() -> None:
    trs = np.array([3, 4, 5, 8, 9, 10, 11, 20])
    values = np.array([1, 2, 3, 4, np.nan, 6, np.inf, 8], np.float32)
    assert runs(trs, values).tolist() == [0, 0, 0, 1, -1, 2, -1, 3]
    assert runs(trs[:0], values[:0]).tolist() == []
    assert runs(trs[4:5], values[4:5]).tolist() == [-1]


@given(
    st.lists(st.one_of(st.floats(-9, 9, width=32), st.just(float("nan"))), max_size=60),
    st.sets(st.integers(0, 59)),
    st.integers(1, 9),
)
def test_thinning_keeps_what_a_line_needs(values: list[float], gaps: set[int], per_column: int) -> None:
    trs = np.array([t for t in range(len(values)) if t not in gaps], np.int64)
    y = np.array(values, np.float32)[trs]
    run, columns = runs(trs, y), trs // per_column
    kept = thinned(columns, y, run)
    assert np.all(np.diff(kept) > 0)
    assert np.isfinite(y[kept]).all()
    for column, part in {(c, r) for c, r in zip(columns.tolist(), run.tolist(), strict=True) if r >= 0}:
        there = (columns == column) & (run == part)
        mine = [i for i in kept.tolist() if there[i]]
        assert 1 <= len(mine) <= 2
        assert (y[mine].min(), y[mine].max()) == (y[there].min(), y[there].max())


def test_the_lines_go_through_the_values() -> None:
    pen, rect = plotted(made())
    drawing = pen.drawing()
    t0, _ = time_window(View(), made().extent)
    n = N - int(max(t0, N - 300))
    for width in (VOXEL, SPHERE):
        ends = segments(drawing, width)
        assert len(ends) == n - 1
        assert np.allclose(ends[1:, :2], ends[:-1, 2:])
        assert rect.x < ends[:, 0].min()
        assert ends[:, 2].max() < rect.right
        assert rect.y <= ends[:, 1::2].min()
        assert ends[:, 1::2].max() <= rect.bottom
    steps = np.diff(segments(drawing, VOXEL)[:, 0])
    assert np.allclose(steps, steps[0], atol=1e-2)
    # Larger values stand higher.
    trs = np.arange(N - n, N - 1)
    assert np.corrcoef(segments(drawing, VOXEL)[:, 1], np.sin(trs * 0.9))[0, 1] < -0.999


def test_lines_never_lead_over_missing_volumes() -> None:
    there = [*range(300, 350), *range(353, 360), 370, *range(375, 400)]
    ends = segments(picture(made(there)), VOXEL)
    one = ends[0, 2] - ends[0, 0]
    assert len(ends) == 49 + 6 + 24
    assert np.allclose(ends[:, 2] - ends[:, 0], one, atol=1e-2)
    # A volume between two gaps is a dot.
    dots = segments(picture(made(there)), 1.6 * VOXEL)
    assert len(dots) == 1
    assert np.array_equal(dots[0, :2], dots[0, 2:])


def test_many_volumes_are_thinned_and_keep_their_extremes() -> None:
    n = 9_990
    few = made(range(n))
    many = replace(
        few,
        session=replace(RUN, nt=10_000, slots=n),
        live=replace(few.live, n_final=n, n_volumes=n),
        scores=np.full((7, 10_000), np.nan, np.float32),
        volumes=no_records(10_000),
        view=View(span=10_000),
    )
    assert many.course is not None
    values = np.array(many.course.voxel)
    values[5_000], values[5_001] = 40.0, -40.0
    pen, rect = plotted(replace(many, course=replace(many.course, voxel=values)))
    ends = segments(pen.drawing(), VOXEL)
    assert len(ends) < 2 * rect.w
    inside = ends[:, 1::2]
    assert inside.max() - inside.min() > 0.8 * (rect.h - 2 * pen.px(13))


def test_each_line_is_named_and_the_unit_is_told() -> None:
    said = strings(picture(made()))
    assert {"voxel", "sphere 6 mm, 3 voxels", "z"} <= set(said)
    alone = made()
    assert alone.course is not None
    request = alone.course.request._replace(sphere=(alone.course.request.voxel,), radius_mm=0.5)
    assert "sphere 0.5 mm, 1 voxel" in strings(picture(replace(alone, course=replace(alone.course, request=request))))


def test_hits_are_ticks_in_their_templates_colours_and_the_one_on_the_screen_reaches_the_top() -> None:
    shown = made()
    pen, rect = plotted(shown)
    drawing = pen.drawing()
    boxes = np.concatenate([drawing.under, drawing.over])
    boxes = boxes[(boxes["kind"] == BOX) & (boxes["geom"][:, 2] == pen.dp(2))]
    colours = [pen.theme.template(t // 5 % 7)[:3] for t in (260, 400, 470)]
    ticks = boxes[boxes["geom"][:, 3] == pen.dp(9)]
    assert np.allclose(ticks["colour"][:, :3], colours)
    tall = boxes[boxes["geom"][:, 3] > rect.h / 2]
    assert np.allclose(tall["colour"][:, :3], colours[2:])


def test_the_same_time_is_in_view_as_above() -> None:
    looking = made(view=View(cursor=300, left=250, span=100))
    low, _ = plotted(looking)
    assert not [text for text in low.texts if text.string.isdigit() and text.anchor == "center"]
    pen, _ = plotted(looking, tall=True)
    ends = segments(pen.drawing(), VOXEL)
    assert len(ends) == 350 - 250
    times = [int(text.string) for text in pen.texts if text.string.isdigit() and text.anchor == "center"]
    assert set(times) <= set(range(250, 351))
    assert len(times) >= 2


@pytest.mark.parametrize("first", [240, 300, 450])
def test_it_says_from_which_tr_on_values_are_known(first: int) -> None:
    said = strings(picture(made(range(first, N))))
    t0, _ = time_window(View(), made().extent)
    assert (f"in memory from TR {first}" in said) == (first > t0 + 50)


def test_volumes_that_were_never_published_are_not_called_forgotten() -> None:
    shown = made(range(400, N))
    records = np.array(shown.volumes)
    records["has_map"][:400] = 0
    assert not any("from TR" in said for said in strings(picture(replace(shown, volumes=records))))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"course": None}, "reading"),
        ({"course": None, "readout": None}, "reading"),
        ({"course": None, "readout": Readout((0, 0, 0), (0, 0, 0), float("nan"), False)}, "outside the mask"),
        ({"view": View(cursor=20, left=0, span=100)}, "no volume in view"),
    ],
)
def test_an_empty_plot_says_why(changes: dict[str, object], words: str) -> None:
    drawing = picture(replace(made(), **changes))  # type: ignore[arg-type]
    assert any(words in said for said in strings(drawing))
    assert len(segments(drawing, VOXEL)) == 0


def test_no_volume_in_memory_is_said() -> None:
    assert "no volume is in memory" in strings(picture(made([])))


def test_while_another_voxel_is_read_the_old_lines_are_pale() -> None:
    shown = made()
    assert shown.grid is not None and shown.map is not None
    away = shown.grid.mm_of(0)
    moved = replace(shown, readout=Readout(away, (0, 0, 0), 0.5, True))
    # Where there is an explanation, the crosshair is not the map's own.
    explained = replace(shown, map=replace(shown.map, at=away))
    before = replace(explained, readout=None)
    other = replace(shown, view=View(map=MapView(sphere_mm=9.0)))
    alphas = []
    for each in (shown, moved, explained, before, other):
        shapes = picture(each).under
        alphas.append(float(shapes["colour"][shapes["kind"] == SEGMENT][:, 3].max()))
    assert alphas == pytest.approx([1.0, course.STALE, 1.0, course.STALE, course.STALE])


def test_the_key_changes_with_what_is_drawn() -> None:
    now = made()
    assert course.key(now) == course.key(made())
    looking = replace(now, view=View(cursor=300, left=250, span=100))
    further = replace(now, view=View(cursor=310, left=250, span=100))
    assert time_window(looking.view, looking.extent) == time_window(further.view, further.extent)
    assert course.key(looking) != course.key(further), "the line at the present moves"
    assert now.course is not None
    longer = replace(now.course, trs=np.append(now.course.trs, N))
    for changed in (
        replace(now, view=View(span=100)),
        replace(now, view=View(cursor=300, left=250)),
        replace(now, live=replace(now.live, offsets=(*now.live.offsets, 479))),
        replace(now, course=None),
        replace(now, course=longer),
    ):
        assert course.key(changed) != course.key(now)


def test_a_column_of_scores_alone_leaves_the_map_panel_as_it_is() -> None:
    now = made()
    for later in (replace(now.live, n_final=N + 1), replace(now.live, n_volumes=N + 1)):
        assert brain.key(replace(now, live=later)) == brain.key(now), "scores would wait for the map's picture"


def test_there_is_no_plot_without_volumes_or_when_it_was_put_away() -> None:
    now = made()
    assert course.is_shown(now)
    rtcog_alone = replace(now, session=replace(now.session, slots=0))
    assert not course.is_shown(rtcog_alone)
    assert course.key(rtcog_alone) is None
    assert not course.is_shown(replace(now, view=View(map=MapView(course=False))))
    assert not course.is_shown(replace(now, map=None))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("value", [1.0, 0.0, 1e-30, 1e30, float("nan")])
def test_words_stay_inside_and_apart(size: tuple[int, int], value: float) -> None:
    for shown in (made(value=value), made(range(420, N), value=value), made(view=View(cursor=300, left=250, span=100))):
        drawing = picture(shown, size)
        assert outside(drawing) == []
        boxes = [box_of(text) for text in upright(drawing.texts)]
        assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.meets(b)]
        assert np.isfinite(drawing.under["geom"]).all()


def test_where_there_is_no_room_there_is_no_plot() -> None:
    shown = made()
    style = style_of((1280, 720), shown)
    pen = Pen(style, style.layout.map)
    assert course.height(pen, Rect(0, 0, 900, 3 * pen.px(13))) == 0
    for size in SIZES:
        other = Pen(style_of(size, shown), Rect(0, 0, *size))
        assert 0 < course.height(other, Rect(0, 0, size[0], size[1] * 0.5)) <= 0.3 * 0.5 * size[1]
    course.draw(pen, Rect(20, 20, 900, 0), shown)
    course.draw(pen, Rect(20, 20, 50, 100), shown)
    assert len(pen.drawing().under) == 0
    assert pen.texts == []


def test_the_map_panel_is_drawn_again_when_the_course_changes() -> None:
    now = made()
    assert now.course is not None
    longer = replace(now.course, trs=np.append(now.course.trs, N))
    assert brain.key(replace(now, course=longer)) != brain.key(now)
    assert any("sphere 6 mm" in said for said in strings(brain.draw(now, style_of((1920, 1080), now))))
