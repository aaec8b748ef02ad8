"""The lightbox: one draw call, millimetres in each slice, letters at the rows' ends, one slice marked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_brain import FULL, HELD, LOOKED_AT, MOVED, ruler, scene, shown_as

from rtcog_gl.model.draw import Drawing, Rect, Text
from rtcog_gl.model.layout import auto_scale, layout
from rtcog_gl.model.map_range import threshold_of
from rtcog_gl.model.panels import brain
from rtcog_gl.model.panels.mosaic import layer_mm
from rtcog_gl.model.planes import nearest_plane
from rtcog_gl.model.scene import Scene, Style
from rtcog_gl.model.theme import THEMES
from rtcog_gl.model.ticks import MINUS
from rtcog_gl.model.volume import MaskGrid


def drawn(made: Scene, axis: int = 2, **choices: object) -> Drawing:
    return brain.draw(shown_as(made, mode="mosaic", axis=axis, **choices), FULL)


def inside(drawing: Drawing, rect: Rect) -> list[Text]:
    return [text for text in drawing.texts if rect.x <= text.x < rect.right and rect.y <= text.y < rect.bottom + 1]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_all_slices_are_one_view_and_each_answers_to_the_mouse(axis: int) -> None:
    drawing = drawn(HELD, axis)
    (view,) = drawing.slices
    assert len(view.planes) >= 8
    targets = [target for target in drawing.targets if target.action == "crosshair"]
    assert [target.plane for target in targets] == list(view.planes)
    assert [target.rect for target in targets] == [plane.rect for plane in view.planes]
    assert len(drawing.ramps) == 1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_each_slice_says_where_it_lies(axis: int) -> None:
    drawing = drawn(HELD, axis)
    for n, plane in enumerate(drawing.slices[0].planes):
        along = plane.origin[axis]
        number = f"{along:+.0f}".replace("-", MINUS) if along else "0"
        words = f"{'xyz'[axis]} {number}" if n == 0 else number
        assert words in [text.string for text in inside(drawing, plane.rect)]
    name = ("sagittal", "coronal", "axial")[axis]
    spacing = drawing.slices[0].planes[1].origin[axis] - drawing.slices[0].planes[0].origin[axis]
    assert f"{name}, every {spacing:g} mm" in [text.string for text in drawing.texts]


@pytest.mark.parametrize("radiological", [False, True])
def test_letters_stand_at_the_ends_of_each_row(radiological: bool) -> None:
    drawing = drawn(HELD, 2, radiological=radiological)
    planes = drawing.slices[0].planes
    rows = {plane.rect.y for plane in planes}
    assert len(rows) > 1
    for top in rows:
        row = [plane.rect for plane in planes if plane.rect.y == top]
        first, last = min(rect.x for rect in row), max(rect.right for rect in row)
        letters = [t for t in drawing.texts if t.string in ("L", "R") and top <= t.y < top + row[0].h and t.x < last]
        left, right = sorted(letters, key=lambda text: text.x)
        assert left.string + right.string == ("RL" if radiological else "LR")
        assert left.x - first < 0.2 * row[0].w
        assert last - right.x < 0.2 * row[0].w
    assert sorted(t.string for t in drawing.texts if t.string in tuple("APSI")) == ["A", "P"]


def test_the_slice_with_the_crosshair_is_marked() -> None:
    drawing = drawn(LOOKED_AT)
    planes = drawing.slices[0].planes
    here = nearest_plane(planes, MOVED)
    assert here is not None
    bold = [n for n, p in enumerate(planes) if any(t.bold and t.string not in "LRAP" for t in inside(drawing, p.rect))]
    assert bold == [here]
    rect = planes[here].rect
    dotted = [s["geom"] for s in drawing.over if s["style"][2] > 0 and rect.x <= s["geom"][0] < rect.right]
    dotted = [g for g in dotted if rect.y <= g[1] < rect.bottom]
    assert len(dotted) == 4
    every = [s for s in drawing.over if s["style"][2] > 0 and s["geom"][0] < planes[-1].rect.right]
    assert len([s for s in every if any(_in(s["geom"], plane.rect) for plane in planes)]) == 4


def _in(geom: np.ndarray, rect: Rect) -> bool:
    return bool(rect.x <= geom[0] < rect.right and rect.y <= geom[1] < rect.bottom)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_crosshair_between_two_slices_says_how_far_off_it_is(axis: int) -> None:
    planes = drawn(HELD, axis).slices[0].planes
    spacing = planes[1].origin[axis] - planes[0].origin[axis]
    for off, words in ((0.0, []), (0.2, []), (-0.2, []), (0.3, ["0.3 mm off its slice"])):
        at = [1.0, 2.0, 3.0]
        at[axis] = planes[2].origin[axis] + off
        said = strings_at(axis, at)
        assert [s for s in said if "off its slice" in s] == words
    at[axis] = planes[2].origin[axis] - spacing / 2 + 0.1
    assert f"{spacing / 2 - 0.1:.1f} mm off its slice" in strings_at(axis, at)


def strings_at(axis: int, at: list[float]) -> list[str]:
    """Return what a lightbox says with the crosshair at a position."""
    x, y, z = at
    assert HELD.map is not None
    return [text.string for text in drawn(replace(HELD, map=replace(HELD.map, at=(x, y, z))), axis).texts]


def test_before_the_first_map_the_slices_are_there() -> None:
    drawing = drawn(scene(0, ()))
    (view,) = drawing.slices
    assert len(view.planes) >= 8
    assert not view.has_map
    assert drawing.ramps == ()


@pytest.mark.parametrize("threshold", [-1.0, 0.0, 2.5])
def test_threshold_and_range_are_those_of_the_other_pictures(threshold: float) -> None:
    drawing = drawn(HELD, threshold=threshold)
    (view,), (ramp,) = drawing.slices, drawing.ramps
    wanted = threshold_of(4.21, threshold)
    assert (view.threshold, ramp.threshold) == (wanted, wanted)
    assert (view.vmax, ramp.vmax) == (4.21, 4.21)
    assert threshold_of(4.21, -1.0) == pytest.approx(1.4)


def test_in_a_narrow_panel_the_letter_at_the_bottom_makes_way_for_the_millimetres() -> None:
    size = (640, 360)
    style = Style(layout(size, auto_scale(size), True, True), THEMES["dark"], ruler())
    drawing = brain.draw(shown_as(HELD, mode="mosaic"), style)
    letters = [text.string for text in drawing.texts if text.string in ("A", "P")]
    assert letters == ["A"]


def test_slices_are_no_closer_than_layers_of_voxels() -> None:
    assert HELD.grid is not None
    assert [layer_mm(HELD.grid, axis) for axis in range(3)] == [8.0] * 3
    turned = np.array([[0, -3, 0.0, 1], [-2.8, 0, -1.1, 2], [-0.9, 0, 3.6, 3], [0, 0, 0, 1]])
    oblique = MaskGrid((40, 40, 40), turned, np.ones(64_000, np.bool_))
    assert [layer_mm(oblique, axis) for axis in range(3)] == pytest.approx([3, np.hypot(2.8, 0.9), np.hypot(1.1, 3.6)])
    (view,) = brain.draw(shown_as(replace(HELD, grid=oblique), mode="mosaic"), FULL).slices
    assert view.planes[1].origin[2] - view.planes[0].origin[2] >= 3.75
