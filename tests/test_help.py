"""The list of keys fits every window, whole where a window is of any use; the footer's hints fit as well."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_panels import FULL, cases, outside, ruler, strings, style_of, upright
from test_panels import box as box_of

from rtcog_gl.model.draw import Drawing
from rtcog_gl.model.keys import BINDINGS, GROUPS, MOUSE
from rtcog_gl.model.layout import SMALLEST_TYPE
from rtcog_gl.model.panels import footer, help

USEFUL = ((640, 360), (800, 600), (1024, 768), (1280, 720), (1366, 768), (1600, 900), (1080, 1920), (1920, 1080))
ENTRIES = (*BINDINGS, *MOUSE)


def picture(size: tuple[int, int], wanted: float = 0.0) -> Drawing:
    return help.draw(style_of(size, cases()["running"], wanted=wanted))


def meets(drawing: Drawing) -> list[tuple[str, str]]:
    texts = upright(drawing.texts)
    boxes = [box_of(text) for text in texts]
    return [(texts[i].string, texts[j].string) for i in range(len(texts)) for j in range(i) if boxes[i].meets(boxes[j])]


@pytest.mark.parametrize("size", USEFUL, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_key_and_gesture_is_told_in_full(size: tuple[int, int]) -> None:
    drawing = picture(size)
    assert outside(drawing) == []
    assert meets(drawing) == []
    said = " ".join(strings(drawing))
    assert [entry.label for entry in ENTRIES if entry.label not in strings(drawing)] == []
    assert [entry.help for entry in ENTRIES if entry.help not in said] == []
    assert "…" not in said
    assert [group for group in (*GROUPS, "mouse") if group.upper() not in strings(drawing)] == []


@pytest.mark.parametrize(("size", "least"), [((1280, 720), 13), ((1920, 1080), 17), ((3840, 2160), 34)])
def test_the_list_is_legible(size: tuple[int, int], least: int) -> None:
    labels = {entry.label for entry in ENTRIES}
    assert min(text.px for text in picture(size).texts if text.string in labels) >= least


@given(st.tuples(st.integers(320, 3840), st.integers(200, 2160)), st.sampled_from((0.0, 0.5, 1.0, 2.0)))
def test_the_list_lies_in_any_window(size: tuple[int, int], wanted: float) -> None:
    drawing = picture(size, wanted)
    rect = drawing.rect
    assert 0 <= rect.x <= rect.right <= size[0]
    assert 0 <= rect.y <= rect.bottom <= size[1]
    assert meets(drawing) == []
    if size >= (640, 0) and size[1] >= 360:
        assert outside(drawing) == []
        labels = strings(drawing)
        assert [binding.label for binding in BINDINGS if binding.label not in labels] == []


def test_a_heading_is_never_the_last_of_a_column() -> None:
    headings = {group.upper() for group in (*GROUPS, "mouse")}
    for size in USEFUL:
        texts = picture(size).texts
        for heading in (text for text in texts if text.string in headings):
            below = [text for text in texts if text.x == heading.x and heading.y < text.y < heading.y + 4 * heading.px]
            assert below, (size, heading.string)


def test_hints_are_whole_and_end_before_the_hardware() -> None:
    for size in USEFUL:
        for slots, templates in ((0, False), (300, True)):
            made = cases()["running"]
            made = replace(made, session=replace(made.session, slots=slots, has_templates=templates))
            drawing = footer.draw(made, style_of(size, made))
            hardware, hints = upright(drawing.texts)
            assert "…" not in hints.string
            assert hints.string.startswith("? all keys")
            assert ruler().width(hints.string, hints.px) + hints.x < box_of(hardware).left
    made = cases()["running"]
    said = strings(footer.draw(made, style_of((1280, 720), made)))[1]
    assert "V map" in said and "C crosshair" in said


def test_keys_of_the_map_are_hinted_at_where_there_is_one() -> None:
    made = cases()["running"]
    style = style_of(FULL, made)
    assert "V map" not in strings(footer.draw(replace(made, grid=None), style))[1]
    assert footer.key(replace(made, grid=None)) != footer.key(made)
    assert "M every volume" not in strings(footer.draw(made, style))[1]
    live = replace(made, session=replace(made.session, slots=9))
    assert "M every volume" in strings(footer.draw(live, style))[1]


def test_every_hint_is_a_key_that_there_is() -> None:
    made = replace(cases()["running"], session=replace(cases()["running"].session, slots=9, has_templates=True))
    labels = {binding.label for binding in BINDINGS}
    for hint in footer._hints(made):
        assert hint.split(" ")[0] in labels, hint
    assert style_of(FULL, made).layout.px(14) >= SMALLEST_TYPE
