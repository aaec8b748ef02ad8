"""The images layer: small images of map values, magnified, with the colours of the map; all in one draw call.

Their values share one float texture, the atlas; colours, range and threshold are applied as they are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from vispy import gloo

from rtcog_gl.gpu.quads import CORNERS, QuadBuffer
from rtcog_gl.gpu.shaders import program
from rtcog_gl.model.draw import LARGEST, NO_VALUE, OUTSIDE, Colour, ImageName, ImageView

VERTEX = np.dtype(
    [
        ("pixel", "f4", 2),
        ("texel", "f4", 2),
        ("cell", "f4", 4),
        ("step", "f4", 2),
        ("range", "f4", 4),
        ("background", "f4", 3),
        ("fill", "f4", 3),
        ("missing", "f4", 3),
        ("outline", "f4", 4),
    ]
)

SMALLEST_ATLAS = 256
"""Side of the atlas at first, texels."""

_GL_MAX_TEXTURE_SIZE = 0x0D33

Values = npt.NDArray[np.float32]
Place = tuple[int, int]
"""Row and column of a cell's first texel."""


class ImagesLayer:
    """Draws every `ImageView` of a panel; needs a current OpenGL context throughout.

    Parameters
    ----------
    max_size : int, optional
        Largest side of the atlas; GL_MAX_TEXTURE_SIZE if not given.
    """

    def __init__(self, max_size: int | None = None) -> None:
        self._program = program("images")
        self._limit = max_size or int(gloo.gl.glGetParameter(_GL_MAX_TEXTURE_SIZE))
        self._images: dict[ImageName, Values] = {}
        self._places: dict[ImageName, Place] = {}
        self._shelves = Shelves(0, 0)
        self._texture: gloo.Texture2D | None = None
        self._quads = QuadBuffer(VERTEX, 16)
        self._shown: tuple[ImageView, ...] | None = None
        self._size = (0, 0)
        self._lut: gloo.Texture2D | None = None

    @property
    def atlas_size(self) -> tuple[int, int]:
        """Rows and columns of the atlas, texels; (0, 0) while there is none."""
        return (self._shelves.rows, self._shelves.columns)

    def write(self, name: ImageName, image: Values) -> int:
        """Upload an image (rows, columns), float32, copied at once, and return the number of bytes.

        That is 4 a pixel, and where the atlas has to be made anew, 4 a texel of it. Values that are not finite are
        missing, like `NO_VALUE`.

        Raises
        ------
        ValueError
            If it is no image, or there is no room for it on this GPU; what was there before then stays.
        """
        if image.ndim != 2 or 0 in image.shape:
            raise ValueError(f"image {name}: got values of shape {image.shape}, expected (rows, columns)")
        values = _owned(image)
        before = self._images.get(name)
        if before is None or before.shape != values.shape:
            place = self._shelves.place(values.shape)
            if place is None:
                return self._anew(name, values)
            self.drop([name])
            self._places[name] = place
            self._shown = None
        self._images[name] = values
        assert self._texture is not None
        # vispy uploads later, from this very memory; it is ours and lives as long as the image.
        self._texture.set_data(values[..., np.newaxis], offset=self._places[name])
        return values.nbytes

    def drop(self, names: Iterable[ImageName]) -> None:
        """Forget images; names that were never written are passed over."""
        for name in names:
            if name in self._images:
                self._shelves.free(self._images.pop(name).shape, self._places.pop(name))
                self._shown = None

    def _anew(self, name: ImageName, values: Values) -> int:
        """Make an atlas in which every image has room, one more among them; return the bytes uploaded."""
        images = {**self._images, name: values}
        shelves, places = _arranged(images, self.atlas_size, self._limit, name)
        atlas = np.full((shelves.rows, shelves.columns, 1), OUTSIDE, np.float32)
        for each, (row, column) in places.items():
            rows, columns = images[each].shape
            atlas[row : row + rows, column : column + columns, 0] = images[each]
        if self._texture is not None:
            self._texture.delete()
        self._texture = gloo.Texture2D(
            atlas, format="red", internalformat="r32f", interpolation="nearest", wrapping="clamp_to_edge"
        )
        # Otherwise vispy keeps every upload until the atlas is first drawn, which may never be.
        gloo.get_current_canvas().context.glir.associate(self._texture.glir)
        self._program["u_atlas"] = self._texture
        self._program["u_atlas_size"] = (shelves.columns, shelves.rows)
        self._images, self._places, self._shelves, self._shown = images, places, shelves, None
        return atlas.nbytes

    def draw(self, views: tuple[ImageView, ...], framebuffer_size: tuple[int, int], lut: gloo.Texture2D) -> None:
        """Draw images, in order; one that was never written is left out.

        Their rectangles are taken to whole pixels.

        Parameters
        ----------
        views : tuple of ImageView
            What to draw, in pixels of the framebuffer.
        framebuffer_size : (int, int)
            Width and height, which the viewport covers.
        lut : Texture2D
            256 diverging colours in one row.

        Raises
        ------
        ValueError
            If a colour scale is not positive.
        """
        if views != self._shown:
            there = [view for view in views if view.name in self._places]
            quads = [self._quad(view) for view in there]
            self._quads.upload(np.concatenate([np.zeros(0, VERTEX), *quads]))
            self._shown = views
        if not self._quads.count:
            return
        if framebuffer_size != self._size:
            self._size = framebuffer_size
            self._program["u_framebuffer"] = framebuffer_size
        if lut is not self._lut:
            self._lut = lut
            self._program["u_lut"] = lut
        self._quads.draw(self._program)

    def _quad(self, view: ImageView) -> npt.NDArray[np.void]:
        """Return the four vertices of an image."""
        if not (math.isfinite(view.vmax) and view.vmax > 0):
            raise ValueError(f"image {view.name}: the colour scale ends at {view.vmax}, expected more than 0")
        row, column = self._places[view.name]
        rows, columns = self._images[view.name].shape
        rect = view.rect
        left, top, right, bottom = (math.floor(v + 0.5) for v in (rect.x, rect.y, rect.right, rect.bottom))
        width, height = max(0, right - left), max(0, bottom - top)
        corners = (CORNERS + 1) / 2
        out = np.zeros(4, VERTEX)
        out["pixel"] = corners * (width, height) + np.array([left, top])
        across = 1 - corners[:, 0] if view.mirrored else corners[:, 0]
        out["texel"] = np.stack([across * columns, corners[:, 1] * rows], axis=1)
        out["cell"] = (column, row, columns, rows)
        out["step"] = (columns / max(1, width), rows / max(1, height))
        out["range"] = (view.vmax, view.threshold, view.opacity, view.line)
        fill = _over(view.background, view.fill)
        out["background"], out["fill"] = view.background[:3], fill[:3]
        out["missing"], out["outline"] = _over(fill, view.missing)[:3], view.outline
        return out


def _over(below: Colour, above: Colour) -> Colour:
    r, g, b = (a * above[3] + c * (1 - above[3]) for c, a in zip(below[:3], above[:3], strict=True))
    return (r, g, b, 1.0)


def _owned(image: Values) -> Values:
    """Return a copy in which all but the two marks is finite and smaller than them."""
    values = np.where(np.isfinite(image), image, NO_VALUE)
    return np.where(values >= NO_VALUE, values, np.clip(values, -LARGEST, LARGEST)).astype(np.float32)


class Shelves:
    """Room for rectangles in a larger one: they stand on shelves, each as high as the first that stands there.

    Parameters
    ----------
    rows, columns : int
        Size of the whole.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self.rows = rows
        self.columns = columns
        self._shelves: list[list[int]] = []  # row, height, columns in use
        self._free: dict[tuple[int, ...], list[Place]] = {}

    def place(self, shape: tuple[int, ...]) -> Place | None:
        """Return where a rectangle (rows, columns) goes, or None where there is no room."""
        if self._free.get(shape):
            return self._free[shape].pop()
        rows, columns = shape
        fits = [shelf for shelf in self._shelves if shelf[1] >= rows and shelf[2] + columns <= self.columns]
        if fits:
            shelf = min(fits, key=lambda each: each[1])
        else:
            top = sum(each[1] for each in self._shelves)
            if top + rows > self.rows or columns > self.columns:
                return None
            shelf = [top, rows, 0]
            self._shelves.append(shelf)
        shelf[2] += columns
        return (shelf[0], shelf[2] - columns)

    def free(self, shape: tuple[int, ...], place: Place) -> None:
        """Give back the room of a rectangle, for others of the same size."""
        self._free.setdefault(shape, []).append(place)


def _arranged(
    images: dict[ImageName, Values], size: tuple[int, int], limit: int, newest: ImageName
) -> tuple[Shelves, dict[ImageName, Place]]:
    """Return the smallest room, but none smaller than `size`, for some images, and their places there."""
    rows, columns = max(size[0], min(SMALLEST_ATLAS, limit)), max(size[1], min(SMALLEST_ATLAS, limit))
    names = sorted(images, key=lambda name: images[name].shape, reverse=True)
    while True:
        shelves = Shelves(rows, columns)
        places = {name: place for name in names if (place := shelves.place(images[name].shape)) is not None}
        if len(places) == len(names):
            return shelves, places
        if rows >= limit and columns >= limit:
            high, wide = images[newest].shape
            raise ValueError(
                f"image {newest}: {high} x {wide} values do not fit beside {len(names) - 1} others into a texture of "
                f"this GPU, expected at most {limit} x {limit} in all"
            )
        if columns < limit and (columns <= rows or rows >= limit):
            columns = min(limit, 2 * columns)
        else:
            rows = min(limit, 2 * rows)
