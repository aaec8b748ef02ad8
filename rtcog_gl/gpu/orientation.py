"""The check of left and right: a phantom, drawn off screen by the layers that will draw the map, and read back.

`check` covers what the first pictures need: voxels as measured over the mask, projections and thumbnails.
`check_program` covers each other program of the slices layer before its first picture: compiling all four at the start
would add up to a second to the first frame where the driver has not cached them. A mask in which not all can be seen is
checked with a block of voxels in its place.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from vispy import gloo

from rtcog_gl.gpu.images import ImagesLayer
from rtcog_gl.gpu.slices import ANATOMY_LIGHT, SlicesLayer
from rtcog_gl.gpu.target import prepare
from rtcog_gl.model.draw import ImageName, ImageView, Rect, SlicePlane, SlicesView
from rtcog_gl.model.glass import Projector
from rtcog_gl.model.orientation import KINDS, Slice, Verdict, judge, judge_ramp
from rtcog_gl.model.phantom import VMAX, Phantom, axis_palette, palette, phantom_of, ramp_of, stand_in
from rtcog_gl.model.planes import EdgeLetters, edge_letters, mosaic_planes, ortho_planes, pixel_of, slice_planes
from rtcog_gl.model.thumbnail import thumbnail
from rtcog_gl.model.volume import MaskGrid, Point

log = logging.getLogger("rtcog_gl")

_ROW, _SQUARE, _MOSAIC, _SMALL = (96, 48), (48, 48), (144, 72), (72, 36)
"""Room for slices side by side, two by two, as a mosaic, and for small ones side by side: width and height."""

_GAP, _MARGIN_MM = 2.0, 2.0

_BLACK, _CLEAR = (0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 0.0)
_GL_SCISSOR_BOX, _GL_VIEWPORT = 0x0C10, 0x0BA2
_SWITCHES = {"scissor_test": 0x0C11, "blend": 0x0BE2, "depth_test": 0x0B71, "cull_face": 0x0B44}

Size = tuple[int, int]
_Paint = Callable[[Size, gloo.Texture2D], None]


class _Place(NamedTuple):
    """Where a slice is drawn; the first fields are those of `Slice`."""

    layout: str
    kind: str
    radiological: bool
    depth: int
    plane: SlicePlane


class _Picture(NamedTuple):
    """An image of the phantom and where it is drawn; the first fields are those of `Slice`."""

    layout: str
    kind: str
    radiological: bool
    depth: int
    letters: EdgeLetters | None
    image: npt.NDArray[np.float32]
    rect: Rect
    mirrored: bool


def check(layer: SlicesLayer, images: ImagesLayer, grid: MaskGrid) -> Verdict:
    """Draw a phantom of the mask in both conventions, and return what can be said about left and right.

    Drawn are slices of voxels as measured, in every layout, projections and thumbnails. Framebuffer, viewport and
    scissor are what they were, and of what was uploaded nothing is left on the GPU but room in the atlas of images; the
    blend function becomes that of `target.prepare`. What goes wrong on the way is logged and makes the result
    `unchecked`.

    Parameters
    ----------
    layer : SlicesLayer
        The layer that will draw the map; it has the mask.
    images : ImagesLayer
        The layer that will draw projections and thumbnails.
    grid : MaskGrid
        The layer's mask.
    """
    # Shaders that this driver refuses are no fault of the check: they show themselves here.
    gloo.flush()
    return _said(lambda: _with_another(grid, layer, lambda mask, on, whole: _first(mask, on, images, whole)))


def check_program(layer: SlicesLayer, grid: MaskGrid, linear: bool, anatomy: bool) -> Verdict:
    """Check another program of the slices layer; to be called before its first picture.

    What is on the screen, maps and anatomy included, stays as it is; otherwise see `check`.

    Parameters
    ----------
    layer : SlicesLayer
        The layer that draws the map; it has the mask.
    grid : MaskGrid
        The layer's mask.
    linear : bool
        Whether the program takes values between voxels.
    anatomy : bool
        Whether it draws over an anatomy; then a small one, with the directions of the mask's axes, is drawn by a layer
        of its own.
    """
    gloo.flush()
    if anatomy:
        return _said(lambda: _anatomy(stand_in(grid), linear))
    if not linear:
        raise ValueError("slices: asked to check voxels as measured over the mask, expected another program")
    return _said(lambda: _with_another(grid, layer, _linear))


def _said(check: Callable[[], Verdict]) -> Verdict:
    """Return what a check says, or that it could not be made."""
    try:
        with _state_kept():
            return check()
    except Exception as error:
        # Drivers fail in many ways, and none of them may cost the session its scores.
        log.exception("the check of left and right could not be made")
        reason = " ".join(str(error).split()) or type(error).__name__
        return Verdict("", f"map: left and right could not be checked on this GPU ({reason})")


def _with_another(
    grid: MaskGrid, layer: SlicesLayer, check: Callable[[MaskGrid, SlicesLayer, bool], Verdict]
) -> Verdict:
    """Check a mask, and where something could not be seen in it, a block of voxels in its place."""
    verdict = check(grid, layer, False)
    if verdict.refused or not verdict.unchecked:
        return verdict
    block = stand_in(grid)
    return check(block, _layer_of(block), True)


def _layer_of(grid: MaskGrid) -> SlicesLayer:
    layer = SlicesLayer()
    layer.set_grid(grid)
    return layer


def _first(grid: MaskGrid, layer: SlicesLayer, images: ImagesLayer, whole: bool) -> Verdict:
    """Check voxels as measured, projections and thumbnails."""
    phantom = phantom_of(grid)
    column = phantom.column
    places, top = _places(grid, phantom)
    pictures, bottom = _pictures(grid, phantom, column, top)

    def paint(size: Size, lut: gloo.Texture2D) -> None:
        layer.write_map(column, "phantom")
        layer.draw(_view(places), size, lut)
        images.draw(tuple(views), size, lut)

    names: list[ImageName] = [("phantom", 0, n) for n in range(len(pictures))]
    views = [_image_view(name, picture) for name, picture in zip(names, pictures, strict=True)]
    try:
        for name, picture in zip(names, pictures, strict=True):
            images.write(name, picture.image)
        pixels = _drawn((_MOSAIC[0], bottom), palette(), paint)
    finally:
        images.drop(names)
        layer.drop_map("phantom")
    return judge([*_cut(pixels, places), *_cut_pictures(pixels, pictures)], phantom, whole)


def _linear(grid: MaskGrid, layer: SlicesLayer, whole: bool) -> Verdict:
    """Check values between voxels: an axis after the other, since the octants' values would mix."""
    phantom = phantom_of(grid)
    blocks = [_small("linear", grid, phantom.cursors, float(axis * _SMALL[0])) for axis in range(3)]

    def paint(size: Size, lut: gloo.Texture2D) -> None:
        for axis, places in enumerate(blocks):
            layer.write_map(phantom.along(axis), "phantom")
            layer.draw(_view(places, linear=True), size, lut)
            # vispy leaves out what a later command seems to make unnecessary.
            gloo.flush()

    try:
        pixels = _drawn((3 * _SMALL[0], 2 * len(phantom.cursors) * _SMALL[1]), axis_palette(), paint)
    finally:
        layer.drop_map("phantom")
    return judge([one for places in blocks for one in _cut(pixels, places)], phantom, whole)


def _anatomy(block: MaskGrid, linear: bool) -> Verdict:
    """Check an anatomy without a map, as one of the two programs that draw it does."""
    ramp, layer = ramp_of(block), _layer_of(block)
    layer.set_anatomy(ramp.anatomy)
    cursors = phantom_of(block).cursors
    places = _small("linear_anatomy" if linear else "anatomy", block, cursors, 0.0)
    pixels = _drawn(
        (_SMALL[0], 2 * len(cursors) * _SMALL[1]),
        palette(),
        lambda size, lut: layer.draw(_view(places, linear=linear, has_map=False), size, lut),
    )
    x, y, z = (slope * ANATOMY_LIGHT[0] for slope in ramp.per_mm)
    return judge_ramp(_cut(pixels, places), (x, y, z))


def _places(grid: MaskGrid, phantom: Phantom) -> tuple[list[_Place], int]:
    """Return where which slice goes, laid out as the map panel does it, and the height of it all."""
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
    return places, int(top)


def _small(layout: str, grid: MaskGrid, cursors: tuple[Point, ...], left: float) -> list[_Place]:
    """Return where small slices go, from the top, six rows in all."""
    places, top = [], 0.0
    for radiological in (False, True):
        for depth, cursor in enumerate(cursors):
            room = Rect(left, top, *_SMALL)
            planes = slice_planes(room, grid.bounds, cursor, radiological, _GAP, _MARGIN_MM)
            for kind, plane in zip(KINDS, planes, strict=False):
                places.append(_Place(layout, kind, radiological, depth, plane))
            top += _SMALL[1]
    return places


def _pictures(
    grid: MaskGrid, phantom: Phantom, column: npt.NDArray[np.float32], top: int
) -> tuple[list[_Picture], int]:
    """Return projections and thumbnails, placed and mirrored as their panels do it, and the height of it all."""
    projector = Projector(grid)
    glass, frame = projector.project(column), projector.frame
    thumbs = [thumbnail(grid, column, voxel, 0, VMAX).image for voxel in phantom.voxels]
    pictures = []
    for radiological in (False, True):
        room = Rect(0.0, float(top), *_ROW)
        planes = slice_planes(room, grid.bounds, grid.bounds.centre, radiological, _GAP, _MARGIN_MM)
        for kind, plane, image in zip(KINDS, planes, glass.images, strict=False):
            (x0, y0), (x1, y1) = pixel_of(plane, frame.low), pixel_of(plane, frame.high)
            rect = Rect(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))
            pictures.append(_Picture("glass", kind, radiological, 0, edge_letters(plane), image, rect, x1 < x0))
        top += _ROW[1]
        for depth, image in enumerate(thumbs):
            rows, columns = image.shape
            zoom = min(_SQUARE[0] / columns, _SQUARE[1] / rows)
            w, h = max(1, round(columns * zoom)), max(1, round(rows * zoom))
            rect = Rect(float(depth * _SQUARE[0]), float(top), w, h)
            pictures.append(_Picture("thumbnail", "axial", radiological, depth, None, image, rect, radiological))
        top += _SQUARE[1]
    return pictures, top


def _view(places: list[_Place], linear: bool = False, has_map: bool = True) -> SlicesView:
    planes = tuple(place.plane for place in places)
    return SlicesView(
        planes,
        VMAX,
        source="phantom" if has_map else "map",
        has_map=has_map,
        background=_BLACK,
        outline=_BLACK,
        fill=_BLACK,
        linear=linear,
    )


def _image_view(name: ImageName, picture: _Picture) -> ImageView:
    return ImageView(
        name, picture.rect, VMAX, mirrored=picture.mirrored, background=_BLACK, fill=_BLACK, outline=_CLEAR, line=0.0
    )


def _drawn(size: Size, colours: npt.NDArray[np.uint8], paint: _Paint) -> npt.NDArray[np.uint8]:
    """Return what is painted on black, (h, w, 4), uint8, top row first."""
    blank = np.zeros((size[1], size[0], 4), np.uint8)
    picture = gloo.Texture2D(blank, format="rgba", internalformat="rgba8", interpolation="nearest")
    lut = gloo.Texture2D(colours[np.newaxis], format="rgba", internalformat="rgba8", interpolation="nearest")
    frame = gloo.FrameBuffer(color=picture)
    try:
        with frame:
            prepare(size)
            gloo.clear(color=_BLACK, depth=False, stencil=False)
            paint(size, lut)
            return np.array(frame.read("color", alpha=True), np.uint8)
    finally:
        for thing in (frame, picture, lut):
            thing.delete()
        gloo.flush()


def _cut(picture: npt.NDArray[np.uint8], places: list[_Place]) -> list[Slice]:
    cut = []
    for layout, kind, radiological, depth, plane in places:
        mm = float(np.linalg.norm(plane.right))
        cut.append(Slice(layout, kind, radiological, depth, edge_letters(plane), _part(picture, plane.rect), mm))
    return cut


def _cut_pictures(picture: npt.NDArray[np.uint8], places: list[_Picture]) -> list[Slice]:
    return [
        Slice(one.layout, one.kind, one.radiological, one.depth, one.letters, _part(picture, one.rect))
        for one in places
    ]


def _part(picture: npt.NDArray[np.uint8], rect: Rect) -> npt.NDArray[np.uint8]:
    left, top, right, bottom = (int(np.floor(v + 0.5)) for v in (rect.x, rect.y, rect.right, rect.bottom))
    return picture[max(0, top) : bottom, max(0, left) : right]


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
