"""The filmstrip's picture: which hits there are, in which colours, where they answer to the mouse, what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_panels import RUN, SIZES, outside, scene, strings, style_of, upright, with_hits
from test_panels import box as box_of

from rtcog_gl.model.draw import Drawing, Rect
from rtcog_gl.model.film import on_film
from rtcog_gl.model.map_range import threshold_of
from rtcog_gl.model.map_view import MapView
from rtcog_gl.model.panels import filmstrip
from rtcog_gl.model.panels.pen import Pen
from rtcog_gl.model.scene import FilmHit, Scene
from rtcog_gl.model.view import View

FULL = (1920, 1080)


def made(n: int, here: int | None = None, **changes: object) -> Scene:
    """Return a session with n hits whose thumbnails are there; `here` is the one on the screen."""
    onsets = tuple(range(104, 104 + 20 * n, 20))
    got = with_hits(scene(RUN, 110 + 20 * n), onsets)
    film = tuple(FilmHit(onsets[i], i, i % 7, 20.0, 2.0 + i, i == here, (96, 72)) for i in on_film(onsets, here))
    return replace(got, film=film, **changes)  # type: ignore[arg-type]


def plotted(shown: Scene, size: tuple[int, int] = FULL) -> tuple[Pen, Rect]:
    style = style_of(size, shown)
    pen = Pen(style, style.layout.map)
    inner = pen.rect.inset(pen.dp(18), pen.dp(46), pen.dp(18), pen.dp(14))
    rect = Rect(inner.x, inner.y, filmstrip.width(pen), inner.h)
    filmstrip.draw(pen, rect, shown)
    return pen, rect


def picture(shown: Scene, size: tuple[int, int] = FULL) -> Drawing:
    return plotted(shown, size)[0].drawing()


def trs(drawing: Drawing) -> list[int]:
    return [view.name[1] for view in drawing.images]


@given(st.integers(0, 40), st.one_of(st.none(), st.integers(0, 39)), st.floats(0, 900), st.floats(20, 120))
def test_as_many_as_fit_are_drawn_and_the_one_on_the_screen_is_among_them(
    n: int, here: int | None, room: float, cell: float
) -> None:
    here = None if here is None or here >= n else here
    film = tuple(FilmHit(10 * i, i, None, here=i == here) for i in on_film(range(n), here))
    line = 20.0
    first, end = filmstrip.fitting(film, n, cell, line, room)
    assert 0 <= first <= end <= len(film)
    if end == first:
        assert not film or room < cell + 2 * line
        return
    newer, older = n - 1 - film[first].index, film[end - 1].index
    assert (end - first) * cell + line * ((newer > 0) + (older > 0)) <= room
    if room >= cell + 2 * line:
        assert here is None or here in [hit.index for hit in film[first:end]]
    if here is None:
        assert newer == 0
    if n * cell <= room and n == len(film):
        assert (first, end) == (0, n)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_hits_stand_newest_first_and_those_left_out_are_counted(size: tuple[int, int]) -> None:
    drawing = picture(made(18, 17), size)
    shown = trs(drawing)
    assert len(shown) >= 2
    assert shown == [104 + 20 * i for i in range(17, 17 - len(shown), -1)]
    tops = [view.rect.y for view in drawing.images]
    assert tops == sorted(tops)
    assert f"+{18 - len(shown)} older" in strings(drawing)


def test_few_hits_are_all_there_and_nothing_is_counted() -> None:
    drawing = picture(made(3, 2))
    assert trs(drawing) == [144, 124, 104]
    assert not any("older" in said or "newer" in said for said in strings(drawing))


def test_an_old_hit_on_the_screen_has_hits_on_both_sides() -> None:
    drawing = picture(made(30, 4))
    assert 104 + 20 * 4 in trs(drawing)
    newer = next(said for said in strings(drawing) if "newer" in said)
    older = next(said for said in strings(drawing) if "older" in said)
    assert int(newer[1:].split()[0]) + int(older[1:].split()[0]) + len(trs(drawing)) == 30


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_click_anywhere_on_a_hit_shows_it(size: tuple[int, int]) -> None:
    shown = made(18, 17)
    pen, rect = plotted(shown, size)
    cells = {target.action: target.rect for target in pen.targets}
    for view in pen.images:
        cell = cells[f"hit:{view.name[1]}"]
        assert cell.x <= view.rect.x and view.rect.right <= cell.right
        assert cell.y <= view.rect.y and view.rect.bottom <= cell.bottom
        assert (cell.x, cell.w) == (rect.x, rect.w)
    for target in pen.targets:
        assert rect.y <= target.rect.y and target.rect.bottom <= rect.bottom
    # The count of those left out leads to the nearest of them.
    following = min(trs(pen.drawing())) - 20
    assert pen.targets[-1].action == f"hit:{following}"


def test_only_the_hit_on_the_screen_is_framed() -> None:
    shown = made(4, 2)
    pen, _ = plotted(shown)
    drawing = pen.drawing()
    shapes = np.concatenate([drawing.under, drawing.over])
    tone = np.array(pen.theme.text, np.float32)
    frames = shapes[(shapes["style"][:, 1] > 0) & np.all(shapes["colour"] == tone, axis=1)]
    cells = {target.action: target.rect for target in pen.targets}
    assert frames["geom"].tolist() == [pytest.approx(tuple(cells["hit:144"]))]
    nothing = made(4, None)
    assert not (picture(nothing).over["style"][:, 1] > 0).any()


def test_hits_are_named_in_their_templates_colours() -> None:
    pen, _ = plotted(made(3, 2))
    texts = {text.string: text.colour for text in pen.texts}
    for i in range(3):
        assert f"TR {104 + 20 * i}" in texts
        assert texts[RUN.labels[i]] == pen.theme.template(i)
    bars = [tuple(shape["colour"].tolist()) for shape in pen.under.array()]
    for i in range(3):
        assert any(np.allclose(bar, pen.theme.template(i)) for bar in bars)


@pytest.mark.parametrize("shape", [(96, 72), (60, 96), (1, 96), (96, 1), (7, 5)])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_thumbnails_keep_their_proportions(shape: tuple[int, int], size: tuple[int, int]) -> None:
    shown = made(2, 1)
    film = tuple(replace(hit, shape=shape) for hit in shown.film)
    for view in picture(replace(shown, film=film), size).images:
        zoom = view.rect.h / shape[0]
        assert abs(view.rect.w - max(1.0, shape[1] * zoom)) <= max(1.0, shape[1] / shape[0])
        assert view.rect == Rect(*map(round, view.rect))
        assert min(view.rect.w, view.rect.h) >= 1


def test_a_hit_without_thumbnail_is_there_and_has_no_image() -> None:
    shown = made(3, 2)
    film = (shown.film[0], replace(shown.film[1], shape=(0, 0), vmax=0.0), shown.film[2])
    pen, _ = plotted(replace(shown, film=film))
    assert trs(pen.drawing()) == [144, 104]
    assert "TR 124" in [text.string for text in pen.texts]
    assert "hit:124" in [target.action for target in pen.targets]


def test_colours_follow_the_maps_range_threshold_and_convention() -> None:
    def first(**how: object) -> tuple[float, float, bool, float]:
        view = picture(replace(made(3, 2), view=View(map=MapView(**how)))).images[0]  # type: ignore[arg-type]
        return view.vmax, view.threshold, view.mirrored, view.opacity

    assert first() == (4.0, threshold_of(4.0, -1), False, 1.0)
    assert first(range="fixed", fixed=9.0, threshold=2.5) == (9.0, 2.5, False, 1.0)
    assert first(radiological=True, opacity=0.5, threshold=0.0) == (4.0, 0.0, True, 0.5)
    empty = made(1, 0)
    zero = picture(replace(empty, film=(replace(empty.film[0], vmax=0.0),))).images[0]
    assert zero.vmax > 0


@pytest.mark.parametrize(
    ("slots", "view", "words"),
    [
        (0, View(), "newest"),
        (0, View(hit=0), "End: newest"),
        (0, View(cursor=110, left=50), "End: newest"),
        (300, View(), "live"),
        (300, View(hit=0), "End: live"),
        (300, View(hit=0, maps="hits"), "End: newest"),
    ],
)
def test_it_says_whether_the_newest_is_followed(slots: int, view: View, words: str) -> None:
    shown = made(3, 2)
    shown = replace(shown, session=replace(shown.session, slots=slots), view=view)
    pen, _ = plotted(shown)
    said = {text.string: text.colour for text in pen.texts}
    following = not words.startswith("End")
    assert said[words] == (pen.theme.text3 if following else pen.theme.warn)
    discs = np.all(pen.over.array()["colour"] == np.array(pen.theme.matching, np.float32), axis=1)
    assert bool(discs.any()) == following


@pytest.mark.parametrize("slots", [0, 300])
def test_after_the_end_nothing_is_followed(slots: int) -> None:
    shown = made(3, 2)
    shown = replace(shown, session=replace(shown.session, slots=slots), live=replace(shown.live, ended=True))
    for view, words in ((View(), []), (View(cursor=110, left=50), []), (View(hit=0), ["End: newest"])):
        pen, _ = plotted(replace(shown, view=view))
        said = [text.string for text in pen.texts if "newest" in text.string or "live" in text.string]
        assert said == words
        assert not np.all(pen.over.array()["colour"] == np.array(pen.theme.matching, np.float32), axis=1).any()
    assert "HITS" in strings(picture(shown))


def test_the_pinned_hit_is_marked() -> None:
    shown = made(3, 2)
    assert "beside" not in strings(picture(shown))
    assert strings(picture(replace(shown, view=View(map=MapView(beside=124))))).count("beside") == 1


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("n", [1, 5, 30])
@pytest.mark.parametrize("view", [View(), View(hit=2, map=MapView(beside=104))])
def test_words_stay_inside_and_apart(size: tuple[int, int], n: int, view: View) -> None:
    for labels in (RUN.labels, ("a name that is a whole sentence",) * 7):
        shown = made(n, min(2, n - 1), view=view)
        shown = replace(shown, session=replace(shown.session, labels=labels))
        pen, rect = plotted(shown, size)
        assert outside(pen.drawing()) == []
        boxes = [box_of(text) for text in upright(pen.texts)]
        assert all(box.right <= rect.right + 1 and box.bottom <= rect.bottom + 1 for box in boxes)
        assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.meets(b)]
