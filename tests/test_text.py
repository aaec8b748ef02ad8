"""Where glyphs go, how wide lines are, and what is cut where there is no room; no OpenGL."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtcog_gl.gpu import strokes
from rtcog_gl.gpu.font import ATLAS_WIDTH, GlyphAtlas
from rtcog_gl.model import text as text_module
from rtcog_gl.model.draw import Text
from rtcog_gl.model.text import GLYPH_VERTEX, Glyph, elide, layout, string_width, width, wrap

WHITE = (1.0, 1.0, 1.0, 1.0)
ATLAS = GlyphAtlas()


class Fixed:
    """Every character is 10 wide and 8 high, but for the space, which shows nothing."""

    def glyph(self, ch: str, px: int, bold: bool) -> Glyph:
        return Glyph(10, 0, 0, 0, 0, 0, 0) if ch == " " else Glyph(10, 1, 8, 9, 8, 3 * ord(ch), 5)

    def ascent(self, px: int, bold: bool) -> int:
        return 8


FIXED = Fixed()


def test_vertices_of_one_glyph() -> None:
    got = layout([Text(20, 30, "a", 13, (0.1, 0.2, 0.3, 0.4))], FIXED)
    assert got.dtype == GLYPH_VERTEX
    u = 3 * ord("a")
    assert got["place"].tolist() == [[21, 22, u, 5], [30, 22, u + 9, 5], [30, 30, u + 9, 13], [21, 30, u, 13]]
    np.testing.assert_allclose(got["colour"], np.tile(np.float32([0.1, 0.2, 0.3, 0.4]), (4, 1)))


@pytest.mark.parametrize(("anchor", "first"), [("left", 100), ("center", 80), ("right", 60)])
def test_anchors(anchor: str, first: int) -> None:
    got = layout([Text(100, 50, "a bc", 13, WHITE, anchor=anchor)], FIXED)  # type: ignore[arg-type]
    assert got["place"][0::4, 0].tolist() == [first + 1, first + 21, first + 31]


def test_spacing_widens_between_characters_only() -> None:
    text = Text(0, 0, "abcd", 13, WHITE, spacing=2.5)
    assert width(text, FIXED) == 47.5
    assert layout([text], FIXED)["place"][0::4, 0].tolist() == [1, 14, 26, 39]


def test_rotation_is_counter_clockwise_about_the_anchor() -> None:
    up = layout([Text(50, 60, "ab", 13, WHITE, angle=90)], FIXED)["place"]
    assert up[:4, :2].tolist() == [[42, 59], [42, 50], [50, 50], [50, 59]]
    assert up[4, 1] == 49
    slant = layout([Text(50, 60, "ab", 13, WHITE, angle=30)], FIXED)["place"]
    along = slant[4, :2] - slant[0, :2]
    np.testing.assert_allclose(along, [10 * np.cos(np.pi / 6), -10 * np.sin(np.pi / 6)], rtol=1e-5)


@given(st.floats(-50, 2000), st.floats(-50, 2000), st.sampled_from([0.0, 90.0, 180.0, -90.0]))
def test_upright_text_lies_on_whole_pixels(x: float, y: float, angle: float) -> None:
    place = layout([Text(x, y, "Match −0.5", 13, WHITE, anchor="center", angle=angle)], ATLAS)["place"]
    assert len(place) == 4 * 9
    assert (place == np.rint(place)).all()


def test_nothing_to_write() -> None:
    assert len(layout([], FIXED)) == 0
    assert len(layout([Text(0, 0, "", 13, WHITE), Text(0, 0, "  ", 13, WHITE)], FIXED)) == 0
    assert string_width("", 13, False, FIXED, spacing=3.0) == 0


@pytest.mark.parametrize("bold", [False, True])
def test_figures_and_signs_have_one_advance(bold: bool) -> None:
    for px in range(7, 100):
        assert len({ATLAS.glyph(ch, px, bold).advance for ch in "0123456789+−"}) == 1, px


def test_every_printable_character_has_a_picture_inside_the_atlas() -> None:
    font = GlyphAtlas()
    for px in (11, 42, 90):
        for code in [*range(33, 127), *range(161, 173), *range(174, 384), 0x2212, 0x2026, 0x2190]:
            glyph = font.glyph(chr(code), px, False)
            assert glyph.advance > 0
            cut = font.atlas[glyph.v : glyph.v + glyph.height, glyph.u : glyph.u + glyph.width]
            assert cut.shape == (glyph.height, glyph.width)
            assert cut.max() > 64, chr(code)
    assert font.atlas.shape[1] == ATLAS_WIDTH


def test_pictures_do_not_touch() -> None:
    font = GlyphAtlas()
    owner = np.zeros((4096, ATLAS_WIDTH), np.uint8)
    for px in (13, 15, 42):
        for code in range(33, 127):
            glyph = font.glyph(chr(code), px, px == 15)
            owner[glyph.v : glyph.v + glyph.height + 1, glyph.u : glyph.u + glyph.width + 1] += 1
    assert owner.max() == 1


def test_growing_keeps_what_is_there() -> None:
    font = GlyphAtlas()
    first = font.glyph("g", 15, False)
    cut = np.array(font.atlas[first.v : first.v + first.height, first.u : first.u + first.width])
    height = len(font.atlas)
    for code in range(33, 127):
        font.glyph(chr(code), 96, True)
    assert len(font.atlas) > height
    assert font.glyph("g", 15, False) == first
    assert (font.atlas[first.v : first.v + first.height, first.u : first.u + first.width] == cut).all()


def test_unknown_characters_share_one_visible_box() -> None:
    font = GlyphAtlas()
    box = font.glyph("日", 19, False)
    assert box.width > 0
    assert font.atlas[box.v : box.v + box.height, box.u : box.u + box.width].max() == 255
    font.take_changes()
    assert font.glyph("本", 19, False) == box
    assert font.take_changes() is None


def test_own_signs_differ_from_the_box() -> None:
    for name in strokes.SIGNS:
        picture, advance, _, top = strokes.rasterise(name, 19, False)
        assert picture.max() == 255
        assert 0 < picture.shape[1] <= advance + 1
        assert 0 < top <= 19


def test_control_characters_are_blank() -> None:
    assert ATLAS.glyph("\t", 15, False).width == 0
    assert ATLAS.glyph("\u200b", 15, False).width == 0


def test_changes_name_the_new_texels() -> None:
    font = GlyphAtlas()
    glyph = font.glyph("Q", 24, False)
    assert font.take_changes() == (glyph.u, glyph.v, glyph.width, glyph.height)
    font.glyph("Q", 24, False)
    assert font.take_changes() is None


def test_a_full_atlas_leaves_blanks_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    font = GlyphAtlas()
    for px in (900, 901, 902, 903, 904, 905):
        for ch in "MWQ":
            assert font.glyph(ch, px, True).advance > 0
    assert len([record for record in caplog.records if "glyph atlas: no room" in record.message]) == 1


def test_a_size_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="font size of 'a': got 0 pixels, expected at least 1"):
        ATLAS.glyph("a", 0, False)


def test_elide() -> None:
    assert elide("abcdef", 60, 13, False, FIXED) == "abcdef"
    assert elide("abcdef", 59, 13, False, FIXED) == "abcd…"
    assert elide("abc def", 59, 13, False, FIXED) == "abc…"
    assert elide("abcdef", 10, 13, False, FIXED) == "…"
    assert elide("abcdef", 9, 13, False, FIXED) == ""


def test_wrap() -> None:
    assert wrap("one two three", 70, 13, False, FIXED, 3) == ("one two", "three")
    assert wrap("one two three", 50, 13, False, FIXED, 2) == ("one", "two…")
    assert wrap("abcdefgh ij", 30, 13, False, FIXED, 9) == ("abc", "def", "gh", "ij")
    assert wrap("  ", 30, 13, False, FIXED, 2) == ()
    assert wrap("one", 30, 13, False, FIXED, 0) == ()


@given(st.text(max_size=60), st.integers(15, 300), st.integers(1, 4))
def test_what_is_made_to_fit_fits(string: str, room: int, lines: int) -> None:
    assert string_width(elide(string, room, 15, False, ATLAS), 15, False, ATLAS) <= room
    wrapped = wrap(string, room, 15, False, ATLAS, lines)
    assert len(wrapped) <= lines
    widest = max((ATLAS.glyph(ch, 15, False).advance for ch in string), default=0)
    assert all(string_width(line, 15, False, ATLAS) <= max(room, widest) for line in wrapped)


@given(st.text(max_size=20), st.floats(0, 3), st.booleans())
def test_a_line_is_as_wide_measured_as_drawn(string: str, spacing: float, bold: bool) -> None:
    drawn = layout([Text(1000, 0, string + "H", 15, WHITE, bold, "right", spacing)], ATLAS)["place"][:, 0]
    wide = string_width(string + "H", 15, bold, ATLAS, spacing)
    glyph = ATLAS.glyph("H", 15, bold)
    start = np.floor(1000 - wide + 0.5)
    last = np.floor(wide - glyph.advance + 0.5) + glyph.left + glyph.width
    assert abs(drawn[-2] - (start + last)) <= 1
    assert start == np.floor(1000 - width(Text(0, 0, string + "H", 15, WHITE, bold, spacing=spacing), ATLAS) + 0.5)


def test_what_is_remembered_is_bounded() -> None:
    for n in range(10_000):
        string_width(f"{n}", 13, False, FIXED)
    for n in range(3_000):
        layout([Text(0, 0, f"{n}", 13, WHITE)], FIXED)
    assert string_width.cache_info().currsize <= 8192
    assert text_module._line.cache_info().currsize <= 2048
