"""What a panel looks like, in framebuffer pixels: plain data that the GPU room draws and tests read.

Origin of all pixel coordinates: top left of the framebuffer, y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Colour = tuple[float, float, float, float]
"""Red, green, blue, alpha; 0..1, sRGB as stored in the framebuffer, alpha not premultiplied."""


class Rect(NamedTuple):
    """A rectangle of framebuffer pixels."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        """First x that is no longer inside."""
        return self.x + self.w

    @property
    def bottom(self) -> float:
        """First y that is no longer inside."""
        return self.y + self.h

    def holds(self, x: float, y: float) -> bool:
        """Return whether a pixel position lies inside."""
        return self.x <= x < self.right and self.y <= y < self.bottom

    def overlaps(self, other: Rect) -> bool:
        """Return whether two rectangles have a place in common."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom

    def inset(
        self, left: float, top: float | None = None, right: float | None = None, bottom: float | None = None
    ) -> Rect:
        """Return the rectangle less a margin; one number for all sides, or one each."""
        top = left if top is None else top
        right = left if right is None else right
        bottom = top if bottom is None else bottom
        return Rect(self.x + left, self.y + top, max(0.0, self.w - left - right), max(0.0, self.h - top - bottom))


BOX, SEGMENT = 0.0, 1.0
"""Kinds of shapes."""

SHAPE = np.dtype([("geom", "f4", 4), ("colour", "f4", 4), ("style", "f4", 4), ("kind", "f4")])
"""One shape.

``kind`` BOX: ``geom`` is x, y, w, h; ``style`` is corner radius, border width (0: filled; otherwise only a border of
that width, inside the edge), dash length, gap length (0: solid; dashes run along the longer side).
``kind`` SEGMENT: ``geom`` is x0, y0, x1, y1 of a line with round ends; ``style`` is half the width, 0, dash, gap.
All in pixels. Shapes are painted in order, each over the ones before.
"""

Shapes = npt.NDArray[np.void]
"""An array of `SHAPE`."""


class ShapeList:
    """Collects shapes in painting order."""

    def __init__(self) -> None:
        self._rows: list[tuple[tuple[float, ...], Colour, tuple[float, ...], float]] = []
        self._blocks: list[Shapes] = []

    def box(
        self,
        rect: Rect,
        colour: Colour,
        radius: float = 0.0,
        border: float = 0.0,
        dash: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Add a box, filled or (with `border`) as an outline."""
        self._rows.append((tuple(rect), colour, (radius, border, *dash), BOX))

    def disc(self, x: float, y: float, radius: float, colour: Colour, border: float = 0.0) -> None:
        """Add a disc, filled or (with `border`) as a ring."""
        self.box(Rect(x - radius, y - radius, 2 * radius, 2 * radius), colour, radius, border)

    def segment(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        width: float,
        colour: Colour,
        dash: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Add a line with round ends."""
        self._rows.append(((x0, y0, x1, y1), colour, (width / 2, 0.0, *dash), SEGMENT))

    def boxes(
        self, geom: npt.NDArray[np.floating], colour: npt.NDArray[np.floating] | Colour, radius: float = 0.0
    ) -> None:
        """Add n filled boxes at once: `geom` is (n, 4), `colour` one for all or (n, 4)."""
        self._flush()
        block = np.zeros(len(geom), SHAPE)
        block["geom"] = geom
        block["colour"] = colour
        block["style"][:, 0] = radius
        self._blocks.append(block)

    def segments(self, ends: npt.NDArray[np.floating], width: float, colour: Colour) -> None:
        """Add n lines with round ends at once: `ends` is (n, 4), x0, y0, x1, y1."""
        self._flush()
        block = np.zeros(len(ends), SHAPE)
        block["geom"] = ends
        block["colour"] = colour
        block["style"][:, 0] = width / 2
        block["kind"] = SEGMENT
        self._blocks.append(block)

    def _flush(self) -> None:
        if self._rows:
            self._blocks.append(np.array(self._rows, SHAPE))
            self._rows = []

    def array(self) -> Shapes:
        """Return everything added so far, in order."""
        self._flush()
        return np.concatenate(self._blocks) if self._blocks else np.zeros(0, SHAPE)


@dataclass(frozen=True)
class Text:
    """One line of text."""

    x: float
    """Where it starts, is centred, or ends (see `anchor`)."""

    y: float
    """Baseline."""

    string: str
    px: int
    """Height of the em square in framebuffer pixels; glyphs are rasterised at this very size."""

    colour: Colour
    bold: bool = False
    anchor: Literal["left", "center", "right"] = "left"
    spacing: float = 0.0
    """Extra space after each character, in pixels."""

    angle: float = 0.0
    """Rotation about (x, y), degrees, counter-clockwise as seen."""


@dataclass(frozen=True)
class Axes:
    """From (TR, score) to pixels. `shaders/common/axes.glsl` is the GLSL twin."""

    plot: Rect
    """Where the data go."""

    t0: float
    """TR at the plot's left edge."""

    t1: float
    """TR at the plot's right edge."""

    lo: float
    """Score at the bottom."""

    hi: float
    """Score at the top."""

    def x(self, t: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Pixel x of TR `t`."""
        return self.plot.x + (np.asarray(t, np.float64) - self.t0) / (self.t1 - self.t0) * self.plot.w

    def y(self, value: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Pixel y of a score."""
        return self.plot.y + (self.hi - np.asarray(value, np.float64)) / (self.hi - self.lo) * self.plot.h

    def t_at(self, x: float) -> float:
        """TR under pixel `x`."""
        return self.t0 + (x - self.plot.x) / self.plot.w * (self.t1 - self.t0)


@dataclass(frozen=True)
class TraceStyle:
    """How one template's trace is drawn."""

    colour: Colour
    dash: float = 0.0
    """Length of a dash along x, in pixels; 0 is a solid line."""

    gap: float = 0.0
    """Length of the gap along x, in pixels."""


@dataclass(frozen=True)
class TraceView:
    """What the traces layer draws."""

    axes: Axes
    styles: tuple[TraceStyle, ...]
    """One a template; alpha 0 hides it."""

    width: float
    """Line width in pixels."""

    n: int = 0
    """Columns that have been uploaded: tells two views apart that differ in nothing but new data."""


@dataclass(frozen=True)
class SlicePlane:
    """One slice: a rectangle of pixels and the plane of world space (RAS+ mm) that it shows."""

    rect: Rect
    origin: tuple[float, float, float]
    """World position (mm) of the rectangle's top left corner."""

    right: tuple[float, float, float]
    """World step (mm) for one pixel to the right."""

    down: tuple[float, float, float]
    """World step (mm) for one pixel downwards."""


Source = Literal["map", "template", "product", "beside", "phantom"]
"""Maps that can be uploaded at once: a volume's or a hit's, the template that it matches, their product, the hit that
is pinned beside it, and what left and right are checked with."""


@dataclass(frozen=True)
class SlicesView:
    """What the slices layer draws in one go."""

    planes: tuple[SlicePlane, ...]
    vmax: float
    """Value of the colour scale's ends, symmetric about zero; > 0."""

    source: Source = "map"
    """Which of the uploaded maps is drawn."""

    data: tuple[int, ...] = ()
    """What the map is of (a TR, a template): tells two views apart that differ in nothing but new data."""

    threshold: float = 0.0
    """Values with ``abs(value) < threshold`` are not drawn."""

    has_map: bool = False
    """Whether a map column is there; without one only the anatomy or the mask's outline is drawn."""

    background: Colour = (0.0, 0.0, 0.0, 1.0)
    """Colour outside the brain."""

    outline: Colour = (0.5, 0.5, 0.5, 1.0)
    """Colour of the mask's outline."""

    fill: Colour = (0.2, 0.2, 0.2, 1.0)
    """Colour of the mask's inside where no value is drawn and there is no anatomy."""

    missing: Colour = (0.0, 0.0, 0.0, 0.0)
    """Colour laid over voxels of the mask whose value is not finite; alpha 0: they look like values not drawn."""

    linear: bool = False
    """Whether values are weighted by distance among the voxels inside the mask; otherwise voxels as measured."""

    opacity: float = 1.0
    """Of the values, 0..1."""

    grey: tuple[float, float] = (0.5, 1.0)
    """Level and width (> 0) of the anatomy's window; (0.5, 1) is the automatic one."""


ImageName = tuple[str, int, int]
"""Name of an image on the GPU: what it is (``thumb``, ``glass``), of which TR or source, and its number there."""

LARGEST = np.float32(9e37)
"""Largest size of a value on the GPU; larger ones are cut, because 1e38 and above stand for no value."""

OUTSIDE, NO_VALUE = np.float32(3e38), np.float32(2e38)
"""What stands in an image for pixels outside the mask, and for those inside it that have no finite value."""


@dataclass(frozen=True)
class ImageView:
    """A small image of map values, magnified: a thumbnail, or a projection through a glass brain.

    It was uploaded under its name (`Renderer.write_image`); colours, threshold and range are applied as it is drawn.
    """

    name: ImageName
    rect: Rect
    """Where the image goes; each of its pixels becomes a rectangle of the same size."""

    vmax: float
    """Value of the colour scale's ends; > 0."""

    data: tuple[int, ...] = ()
    """What the image is of: tells two views apart that differ in nothing but new data."""

    threshold: float = 0.0
    mirrored: bool = False
    """Whether left and right change places."""

    background: Colour = (0.0, 0.0, 0.0, 1.0)
    fill: Colour = (0.2, 0.2, 0.2, 1.0)
    """Colour of the mask where no value is drawn."""

    outline: Colour = (0.5, 0.5, 0.5, 1.0)
    """Colour of the outermost framebuffer pixels of the mask."""

    missing: Colour = (0.0, 0.0, 0.0, 0.0)
    opacity: float = 1.0

    line: float = 1.5
    """Width of the outline, in pixels; a part of a pixel is one that is less opaque."""


@dataclass(frozen=True)
class Target:
    """A place that answers to the mouse."""

    rect: Rect
    action: str
    """What a click does: ``crosshair`` (with a plane), ``threshold`` (the colour bar), ``hit:TR``."""

    plane: SlicePlane | None = None
    """The plane that is seen there, where it is one."""

    keep: int | None = None
    """World axis along which the crosshair stays where it is: projections have no depth. None: the plane has one."""


@dataclass(frozen=True)
class RampView:
    """The colour bar: from +vmax at the top to -vmax at the bottom."""

    rect: Rect
    vmax: float
    threshold: float
    cut: Colour
    """Colour of the part below the threshold."""


@dataclass(frozen=True)
class Drawing:
    """One panel, complete: painted inside `rect` and clipped to it, in the order of the fields."""

    rect: Rect
    under: Shapes
    clear: Colour | None = None
    """What the rectangle is filled with before anything else; the cheapest way to fill it."""

    traces: TraceView | None = None
    slices: tuple[SlicesView, ...] = ()
    images: tuple[ImageView, ...] = ()
    ramps: tuple[RampView, ...] = ()
    over: Shapes = field(default_factory=lambda: np.zeros(0, SHAPE))
    texts: tuple[Text, ...] = ()
    targets: tuple[Target, ...] = ()
    """Places that answer to the mouse, the last of those that overlap first; not painted."""
