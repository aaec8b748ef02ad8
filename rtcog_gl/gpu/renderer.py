"""The renderer: every layer once, and panels drawn with them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
from vispy import gloo

from ..model.anatomy import Anatomy
from ..model.draw import Colour, Drawing, ImageName, Rect, Source
from ..model.orientation import Verdict
from ..model.session import FloatArray, Session
from ..model.volume import MaskGrid
from . import orientation
from .colormaps import lut_texture
from .font import GlyphAtlas
from .glyphs import GlyphsLayer
from .images import ImagesLayer
from .ramp import RampLayer
from .score_texture import ScoreTexture
from .shapes import ShapesLayer
from .slices import SlicesLayer
from .target import CachedTarget, DirectTarget, Target
from .traces import TracesLayer

log = logging.getLogger("rtcog_gl")

KEEPS_BACK_BUFFER = ("llvmpipe", "softpipe", "swrast")
"""Renderers (Mesa's, in software) whose swap copies, so that the back buffer still holds the last picture."""

_GL_MAX_VERTEX_TEXTURE_IMAGE_UNITS = 0x8B4C

Size = tuple[int, int]


class Renderer:
    """Draws panels; needs a current OpenGL context throughout.

    Parameters
    ----------
    session : Session
        What the scores are of.
    grid : MaskGrid or None
        Geometry of the map; None draws no map.
    colormap : str
        Name of a diverging colour map.
    """

    def __init__(self, session: Session, grid: MaskGrid | None, colormap: str) -> None:
        self.name = renderer_name()
        check_opengl()
        self.font = GlyphAtlas()
        self._shapes = ShapesLayer()
        self._glyphs = GlyphsLayer(self.font)
        self._scores: ScoreTexture | None = None
        self._traces: TracesLayer | None = None
        if session.n_templates > 0 and session.nt > 0:
            self._scores = ScoreTexture(session.n_templates, session.nt)
            self._traces = TracesLayer(self._scores, session.n_templates)
        self._slices: SlicesLayer | None = None
        self.map_error = ""
        """Why there is no map panel although there is a mask; empty otherwise."""
        self.map_refused = ""
        """Why no map may be shown: the check of left and right failed; empty otherwise."""
        self.map_unchecked = ""
        """What of left and right, front and back, up and down this GPU left unchecked; empty otherwise."""
        self._images = ImagesLayer()
        self._grid = grid
        self._over_anatomy = False
        self._checked = {(False, False)}
        """Programs of the slices layer that were checked: whether between voxels, and whether over an anatomy."""
        if grid is not None:
            self._open_map(grid)
        self._ramp = RampLayer()
        self._lut = lut_texture(colormap)
        self._target: Target = DirectTarget() if self.keeps_back_buffer else CachedTarget()

    @property
    def keeps_back_buffer(self) -> bool:
        """Whether a panel that did not change need not be drawn again."""
        return any(word in self.name.lower() for word in KEEPS_BACK_BUFFER)

    def _open_map(self, grid: MaskGrid) -> None:
        layer = SlicesLayer()
        try:
            layer.set_grid(grid)
        except ValueError as error:
            self.map_error = str(error)
            log.error("%s", error)
            return
        self._slices = layer
        self._take_in(orientation.check(layer, self._images, grid))

    def _take_in(self, verdict: Verdict) -> None:
        """Take in what a check of left and right says; what an earlier one said stays."""
        self.map_refused = self.map_refused or verdict.refused
        self.map_unchecked = self.map_unchecked or verdict.unchecked
        if verdict.refused:
            log.error("%s", verdict.refused)
        if verdict.unchecked:
            log.warning("%s", verdict.unchecked)

    def _check(self, linear: bool) -> None:
        """Check the program that draws the slices next, before its first picture."""
        program = (linear, self._over_anatomy)
        if program in self._checked or self._slices is None or self._grid is None:
            return
        self._checked.add(program)
        self._take_in(orientation.check_program(self._slices, self._grid, *program))

    def set_anatomy(self, anatomy: Anatomy | None) -> None:
        """Show an anatomy under the map, or none.

        Raises
        ------
        ValueError
            If it does not fit into a texture of this GPU.
        """
        if self._slices is not None:
            self._slices.set_anatomy(anatomy)
            self._over_anatomy = anatomy is not None

    def write_scores(self, first: int, scores: FloatArray) -> int:
        """Upload new columns (templates x k) and return the number of bytes."""
        return self._scores.write(first, scores) if self._scores is not None and scores.shape[1] else 0

    def write_map(self, column: npt.NDArray[np.float32], source: Source = "map") -> int:
        """Upload a map column and return the number of bytes."""
        return self._slices.write_map(column, source) if self._slices is not None else 0

    def drop_map(self, source: Source) -> None:
        """Give up the room of a map that is no longer shown; one that was never written is passed over."""
        if self._slices is not None:
            self._slices.drop_map(source)

    def write_image(self, name: ImageName, image: npt.NDArray[np.float32]) -> int:
        """Upload an image of map values (rows, columns), top row first, and return the number of bytes."""
        return self._images.write(name, image)

    def drop_images(self, names: Iterable[ImageName]) -> None:
        """Give up the room of these images; names that were never written are passed over."""
        self._images.drop(names)

    def set_colormap(self, name: str) -> None:
        """Show maps in other colours.

        Raises
        ------
        ValueError
            If there is no colour map of that name; the colours then stay.
        """
        self._lut = lut_texture(name)

    def begin(self, size: Size) -> bool:
        """Begin a picture of that size; return True if everything has to be drawn again."""
        return self._target.begin(size)

    def clear(self, colour: Colour) -> None:
        """Fill the picture with one colour."""
        gloo.clear(color=colour, depth=False, stencil=False)

    def draw(self, drawings: Mapping[str, Drawing], parts: Mapping[str, Rect], size: Size) -> None:
        """Draw parts of panels, in that order, and put the picture into the window's framebuffer.

        Maps are left out once `map_refused` says something, which may be in the midst of this.
        """
        for linear in {slices.linear for name in parts for slices in drawings[name].slices}:
            self._check(linear)
        for name, part in parts.items():
            drawing = drawings[name]
            with self._target.panel(part, drawing.clear):
                self._panel(name, drawing, size, part)
        self._target.present()

    def _panel(self, name: str, drawing: Drawing, size: Size, part: Rect) -> None:
        if len(drawing.under):
            self._shapes.draw((name, "under"), drawing.under, size)
        if drawing.traces is not None and self._traces is not None and min(drawing.traces.axes.plot[2:]) > 0:
            self._traces.draw(drawing.traces, size, part)
        if self._slices is not None and not self.map_refused:
            for slices in drawing.slices:
                self._slices.draw(slices, size, self._lut)
        if drawing.images and not self.map_refused:
            self._images.draw(drawing.images, size, self._lut)
        for ramp in drawing.ramps:
            self._ramp.draw(ramp, self._lut, size)
        if len(drawing.over):
            self._shapes.draw((name, "over"), drawing.over, size)
        if drawing.texts:
            self._glyphs.draw(name, drawing.texts, size)


class CannotDraw(RuntimeError):
    """OpenGL lacks something here that every picture needs; the message is one sentence."""


def check_opengl() -> None:
    """Check that the current context can draw at all.

    Raises
    ------
    CannotDraw
        If its version is below 2.1, or vertex shaders cannot read textures (the traces do).
    """
    version = str(gloo.gl.glGetParameter(gloo.gl.GL_VERSION))
    numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:2])
    if numbers < (2, 1):
        raise CannotDraw(f"OpenGL: got version {version}, expected 2.1 or newer; update the graphics card's driver")
    units = int(gloo.gl.glGetParameter(_GL_MAX_VERTEX_TEXTURE_IMAGE_UNITS))
    if units < 1:
        raise CannotDraw(
            f"OpenGL: vertex shaders can read {units} textures here, expected 1 or more; update the driver"
        )


def use_desktop_gl() -> None:
    """Have vispy take all of desktop OpenGL (3-D textures among it); before a context is made."""
    gloo.gl.use_gl("gl+")


def renderer_name() -> str:
    """Return what OpenGL calls its renderer."""
    return str(gloo.gl.glGetParameter(gloo.gl.GL_RENDERER))


def picture(size: Size) -> npt.NDArray[np.uint8]:
    """Return the framebuffer's content, (height, width, 3), uint8, top row first."""
    pixels = gloo.read_pixels((0, 0, size[0], size[1]), alpha=False)
    return np.ascontiguousarray(pixels, np.uint8)


def finish() -> None:
    """Wait until the GPU has drawn everything."""
    gloo.finish()


def flush() -> None:
    """Hand everything that is queued to OpenGL."""
    gloo.flush()
