"""The check of left and right: a phantom, drawn off screen by the layer that will draw the map, and read back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from vispy import gloo

from rtcog_gl.gpu.slices import SlicesLayer
from rtcog_gl.gpu.target import prepare
from rtcog_gl.model.draw import Rect, SlicePlane, SlicesView
from rtcog_gl.model.orientation import KINDS, VMAX, Phantom, Slice, Verdict, judge, palette, phantom_of
from rtcog_gl.model.planes import edge_letters, mosaic_planes, ortho_planes, slice_planes
from rtcog_gl.model.volume import MaskGrid

log = logging.getLogger("rtcog_gl")

_ROW, _SQUARE, _MOSAIC = (96, 48), (48, 48), (144, 72)
"""Room for three slices side by side, for three two by two, and for a mosaic: width and height in pixels."""

_GAP, _MARGIN_MM = 2.0, 2.0

_BLACK = (0.0, 0.0, 0.0, 1.0)
_GL_SCISSOR_BOX, _GL_VIEWPORT = 0x0C10, 0x0BA2
_SWITCHES = {"scissor_test": 0x0C11, "blend": 0x0BE2, "depth_test": 0x0B71, "cull_face": 0x0B44}


Size = tuple[int, int]


class _Place(NamedTuple):
    """Where a slice is drawn; the fields are those of `Slice`."""

    layout: str
    kind: str
    radiological: bool
    depth: int
    plane: SlicePlane


def check(layer: SlicesLayer, grid: MaskGrid) -> Verdict:
    """Draw a phantom of the mask in both conventions, and return what can be said about left and right.

    The layer has no map afterwards. Framebuffer, viewport and scissor are what they were, and nothing is left on the
    GPU; the blend function becomes that of `target.prepare`. What goes wrong on the way is logged and makes the result
    `unchecked`.

    Parameters
    ----------
    layer : SlicesLayer
        The layer that will draw the map; it has the mask, and no map yet.
    grid : MaskGrid
        The layer's mask.
    """
    # Shaders that this driver refuses are no fault of the check: they show themselves here.
    gloo.flush()
    try:
        phantom = phantom_of(grid)
        places, size = _places(grid, phantom)
        with _state_kept():
            pixels = _drawn(layer, phantom, places, size)
    except Exception as error:
        # Drivers fail in many ways, and none of them may cost the session its scores.
        log.exception("the check of left and right could not be made")
        reason = " ".join(str(error).split()) or type(error).__name__
        return Verdict("", f"map: left and right could not be checked on this GPU ({reason})", "")
    return judge([_cut(pixels, place) for place in places], phantom)


def _places(grid: MaskGrid, phantom: Phantom) -> tuple[list[_Place], Size]:
    """Return where which slice goes, laid out as the map panel does it, and the size of the picture for them all."""
    places, top = [], 0.0
    for radiological in (False, True):
        for depth, cursor in enumerate(phantom.cursors):
            row, square = Rect(0.0, top, *_ROW), Rect(float(_ROW[0]), top, *_SQUARE)
            for layout, planes in (
                ("row", slice_planes(row, grid.bounds, cursor, radiological, _GAP, _MARGIN_MM)),
                ("square", ortho_planes(square, grid.bounds, cursor, radiological, _GAP, _MARGIN_MM)[0]),
            ):
                for kind, plane in zip(KINDS, planes, strict=False):
                    places.append(_Place(layout, kind, radiological, depth, plane))
            top += _SQUARE[1]
        for axis, kind in enumerate(("sagittal", "coronal", "axial")):
            room = Rect(0.0, top, *_MOSAIC)
            planes = mosaic_planes(room, grid.bounds, axis, radiological, _GAP, _MARGIN_MM)
            places += [_Place("mosaic", kind, radiological, depth, plane) for depth, plane in enumerate(planes)]
            top += _MOSAIC[1]
    return places, (_MOSAIC[0], int(top))


def _drawn(layer: SlicesLayer, phantom: Phantom, places: list[_Place], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return the phantom's picture, (h, w, 4), uint8, top row first."""
    blank = np.zeros((size[1], size[0], 4), np.uint8)
    picture = gloo.Texture2D(blank, format="rgba", internalformat="rgba8", interpolation="nearest")
    lut = gloo.Texture2D(palette()[np.newaxis], format="rgba", internalformat="rgba8", interpolation="linear")
    frame = gloo.FrameBuffer(color=picture)
    planes = tuple(place.plane for place in places)
    view = SlicesView(planes, VMAX, has_map=True, background=_BLACK, outline=_BLACK, fill=_BLACK)
    try:
        with frame:
            prepare(size)
            gloo.clear(color=_BLACK, depth=False, stencil=False)
            layer.write_map(phantom.column)
            layer.draw(view, size, lut)
            return np.array(frame.read("color", alpha=True), np.uint8)
    finally:
        layer.write_map(np.full(len(phantom.column), np.nan, np.float32))
        for thing in (frame, picture, lut):
            thing.delete()
        gloo.flush()


def _cut(picture: npt.NDArray[np.uint8], place: _Place) -> Slice:
    x, y, w, h = (int(n) for n in place.plane.rect)
    letters = edge_letters(place.plane)
    return Slice(place.layout, place.kind, place.radiological, place.depth, letters, picture[y : y + h, x : x + w])


@contextmanager
def _state_kept() -> Iterator[None]:
    """Leave viewport, scissor and switches of OpenGL as they are now."""
    viewport, box = (gloo.gl.glGetParameter(name) for name in (_GL_VIEWPORT, _GL_SCISSOR_BOX))
    switches = {word: bool(gloo.gl.glIsEnabled(name)) for word, name in _SWITCHES.items()}
    try:
        yield
    finally:
        gloo.set_viewport(*(int(n) for n in viewport))
        gloo.set_scissor(*(int(n) for n in box))
        gloo.set_state(**switches)
        gloo.flush()
