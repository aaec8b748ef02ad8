"""The glyphs layer against numpy, and what it uploads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pixels import Draw, assert_close
from reference import glyphs as reference

from rtcog_gl.gpu.font import GlyphAtlas
from rtcog_gl.model.draw import Colour, Text
from rtcog_gl.model.text import GLYPH_VERTEX

pytestmark = pytest.mark.gl
SIZE = (230, 120)
WHITE: Colour = (0.91, 0.93, 0.95, 1.0)
GREY: Colour = (0.37, 0.42, 0.48, 0.8)
DARK: Colour = (0.047, 0.059, 0.078, 1.0)
TEXTS = (
    Text(5, 16, "TR 214 / 1200", 13, WHITE),
    Text(115.5, 40.4, "COOLDOWN", 24, (0.22, 0.78, 0.84, 1.0), bold=True, anchor="center"),
    Text(225, 60, "−0.36", 15, GREY, anchor="right"),
    Text(5, 80, "MATCH SCORE", 13, GREY, bold=True, spacing=1.3),
    Text(5, 100, "fjord Ωж日 → “x”", 19, WHITE),
)
QUAD_BYTES = 4 * GLYPH_VERTEX.itemsize + 6 * 4


@pytest.mark.parametrize("clear", [DARK, (1.0, 1.0, 1.0, 1.0)])
def test_text_is_what_numpy_makes_of_it(draw: Draw, clear: Colour) -> None:
    from rtcog_gl.gpu.glyphs import GlyphsLayer

    font = GlyphAtlas()
    layer = GlyphsLayer(font)
    got = draw(SIZE, lambda: layer.draw("panel", TEXTS, SIZE), clear)
    assert_close(got, reference.paint(TEXTS, font, SIZE, clear), name="glyphs")
    assert (got[..., 3] == 255).all()


def test_a_quarter_turn_moves_the_same_pixels(draw: Draw) -> None:
    from rtcog_gl.gpu.glyphs import GlyphsLayer

    layer = GlyphsLayer(GlyphAtlas())
    flat = draw((80, 40), lambda: layer.draw("flat", (Text(10, 25, "score 7", 15, WHITE),), (80, 40)))
    up = draw((40, 80), lambda: layer.draw("up", (Text(25, 70, "score 7", 15, WHITE, angle=90),), (40, 80)))
    assert_close(up, np.rot90(flat), name="glyphs-quarter-turn")


def test_slanted_text_keeps_its_ink(draw: Draw) -> None:
    from rtcog_gl.gpu.glyphs import GlyphsLayer

    layer = GlyphsLayer(GlyphAtlas())
    size = (160, 160)
    flat, slanted = (
        draw(size, lambda angle=angle: layer.draw(angle, (Text(60, 80, "modality", 19, WHITE, angle=angle),), size))
        for angle in (0.0, 37.0)
    )
    assert (slanted != flat).any()
    assert slanted[..., 0].sum() == pytest.approx(flat[..., 0].sum(), rel=0.04)


def test_all_text_in_one_draw_call(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    from vispy import gloo

    from rtcog_gl.gpu.glyphs import GlyphsLayer

    calls = []
    drawing = gloo.Program.draw
    monkeypatch.setattr(gloo.Program, "draw", lambda *args: (calls.append(args[1]), drawing(*args)))
    layer = GlyphsLayer(GlyphAtlas())
    draw(SIZE, lambda: layer.draw("panel", TEXTS, SIZE))
    assert len(calls) == 1
    draw(SIZE, lambda: layer.draw("empty", (), SIZE))
    assert len(calls) == 1


def test_only_what_changed_is_uploaded(draw: Draw) -> None:
    from rtcog_gl.gpu.glyphs import GlyphsLayer

    font = GlyphAtlas()
    layer = GlyphsLayer(font)
    once = draw(SIZE, lambda: layer.draw("panel", TEXTS, SIZE))
    sent, texels = layer.bytes_uploaded, layer.atlas_bytes_uploaded
    assert sent == QUAD_BYTES * sum(len(text.string.replace(" ", "")) for text in TEXTS)
    equal = tuple(replace(text) for text in TEXTS)
    again = draw(SIZE, lambda: layer.draw("panel", equal, SIZE))
    assert_close(again, once, tol=0, name="glyphs-again")
    assert (layer.bytes_uploaded, layer.atlas_bytes_uploaded) == (sent, texels)

    more = (Text(5, 16, "TR 4", 13, WHITE), Text(60, 16, "Z", 13, WHITE))
    changed = draw(SIZE, lambda: layer.draw("panel", more, SIZE))
    assert_close(changed, reference.paint(more, font, SIZE), name="glyphs-changed")
    glyph = font.glyph("Z", 13, False)
    assert layer.bytes_uploaded == sent + 4 * QUAD_BYTES
    assert layer.atlas_bytes_uploaded == texels + glyph.width * glyph.height


def test_text_survives_a_growing_atlas(draw: Draw) -> None:
    from rtcog_gl.gpu.glyphs import GlyphsLayer

    font = GlyphAtlas()
    layer = GlyphsLayer(font)
    draw(SIZE, lambda: layer.draw("panel", TEXTS, SIZE))
    height = len(font.atlas)
    large = tuple(Text(0, 90, ch, 90, WHITE) for ch in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop")
    draw(SIZE, lambda: layer.draw("large", large, SIZE))
    assert len(font.atlas) > height
    got = draw(SIZE, lambda: layer.draw("panel", TEXTS, SIZE))
    assert_close(got, reference.paint(TEXTS, font, SIZE), name="glyphs-grown")
