"""What has to be painted again where two drawings of a panel differ; no OpenGL."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from rtcog_gl.gpu.font import GlyphAtlas
from rtcog_gl.model.damage import damage
from rtcog_gl.model.draw import Drawing, Rect, ShapeList, Shapes, SlicePlane, SlicesView, Text
from rtcog_gl.model.ruler import Ruler

RULER = Ruler(GlyphAtlas())
PANEL = Rect(0, 0, 1000, 1000)
WHITE = (1.0, 1.0, 1.0, 1.0)
NOTHING = Drawing(PANEL, ShapeList().array())


def shapes(places: list[int]) -> Shapes:
    """Return small boxes, one at each place."""
    made = ShapeList()
    for n in places:
        made.box(Rect(100.0 * (n % 10), 100.0 * (n // 10), 10, 10), WHITE)
    return made.array()


def texts(places: list[int]) -> tuple[Text, ...]:
    """Return short lines, one at each place."""
    return tuple(Text(100.0 * (n % 10), 100.0 * (n // 10) + 50, f"{n}", 15, WHITE) for n in places)


def united(boxes: list[Rect]) -> Rect | None:
    """Return the smallest rectangle round some."""
    if not boxes:
        return None
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    return Rect(left, top, max(box.right for box in boxes) - left, max(box.bottom for box in boxes) - top)


PLACES = st.lists(st.integers(0, 99), max_size=12)


@settings(deadline=None)
@given(PLACES, PLACES, PLACES, PLACES)
def test_it_is_what_one_of_the_two_has_more_often(
    start: list[int], old: list[int], new: list[int], end: list[int]
) -> None:
    before, after = start + old + end, start + new + end
    differ = sorted((Counter(before) - Counter(after)) + (Counter(after) - Counter(before)))
    for field, made in (("over", shapes), ("texts", texts)):
        drawn = [replace(NOTHING, **{field: made(places)}) for places in (before, after)]  # type: ignore[arg-type]
        alone = [replace(NOTHING, **{field: made([n])}) for n in differ]  # type: ignore[arg-type]
        boxes = [damage(NOTHING, one, RULER) for one in alone]
        assert damage(drawn[0], drawn[1], RULER) == united([box for box in boxes if box is not None])


def test_a_box_that_moves_is_painted_where_it_was_and_where_it_is() -> None:
    got = damage(replace(NOTHING, over=shapes([11, 55])), replace(NOTHING, over=shapes([11, 57])), RULER)
    assert got == Rect(498, 498, 214, 14)


def test_slices_are_painted_whole() -> None:
    plane = SlicePlane(PANEL, (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    one = replace(NOTHING, slices=(SlicesView((plane,), 1.0),))
    assert damage(one, replace(one, texts=texts([3])), RULER) != PANEL
    moved = replace(plane, origin=(0.0, 0.0, 1.0))
    assert damage(one, replace(one, slices=(SlicesView((moved,), 1.0),)), RULER) == PANEL


def test_the_same_is_not_painted_and_another_background_is() -> None:
    assert damage(NOTHING, NOTHING, RULER) is None
    assert damage(NOTHING, replace(NOTHING, clear=WHITE), RULER) == PANEL
