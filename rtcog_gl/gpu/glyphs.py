"""Text: every glyph of a panel in one draw call, cut out of one atlas."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from vispy import gloo

from rtcog_gl.gpu import shaders
from rtcog_gl.gpu.font import GlyphAtlas
from rtcog_gl.gpu.quads import QuadBuffer
from rtcog_gl.model.draw import Text
from rtcog_gl.model.text import GLYPH_VERTEX, layout


@dataclass
class _Slot:
    texts: tuple[Text, ...]
    quads: QuadBuffer


class GlyphsLayer:
    """Draws texts with one program and one draw call; a panel whose texts did not change uploads nothing.

    Parameters
    ----------
    font
        Where the glyphs come from; the layer that draws is the only one that takes its changes.
    """

    def __init__(self, font: GlyphAtlas) -> None:
        self._font = font
        self._program = shaders.program("glyphs")
        self._slots: dict[Hashable, _Slot] = {}
        self._size = (0, 0)
        self._atlas: gloo.Texture2D | None = None
        self.bytes_uploaded = 0
        """Vertex and index bytes handed to OpenGL so far."""

        self.atlas_bytes_uploaded = 0
        """Texels handed to OpenGL so far: once a glyph."""

    def draw(self, key: Hashable, texts: tuple[Text, ...], framebuffer_size: tuple[int, int]) -> None:
        """Paint `texts` into the bound framebuffer.

        Parameters
        ----------
        key
            Names the slot, for example the panel's name.
        texts
            What to write, painted in order.
        framebuffer_size
            Width and height in pixels; the viewport covers all of it.
        """
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = _Slot((), QuadBuffer(GLYPH_VERTEX, 256))
        if texts is not slot.texts:
            if texts != slot.texts:
                self.bytes_uploaded += slot.quads.upload(layout(texts, self._font))
            slot.texts = texts
        if not slot.quads.count:
            return
        self._upload_atlas()
        if framebuffer_size != self._size:
            self._size = framebuffer_size
            self._program["u_framebuffer"] = framebuffer_size
        slot.quads.draw(self._program)

    def _upload_atlas(self) -> None:
        """Send the texels of new glyphs."""
        changed = self._font.take_changes()
        atlas = self._font.atlas
        if self._atlas is None or self._atlas.shape[:2] != atlas.shape:
            self._atlas = gloo.Texture2D(np.array(atlas), format="luminance", interpolation="linear")
            self._program["u_atlas"] = self._atlas
            self._program["u_atlas_size"] = (atlas.shape[1], atlas.shape[0])
            self.atlas_bytes_uploaded += atlas.nbytes
        elif changed is not None:
            x, y, w, h = changed
            self._atlas.set_data(np.array(atlas[y : y + h, x : x + w]), offset=(y, x))
            self.atlas_bytes_uploaded += w * h
