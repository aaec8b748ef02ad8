"""The slices layer: planes through the mask, a map and the anatomy, all planes of a map in one draw call.

The numbers of the mask's voxels go up once, as 3-D textures; a map is its column, packed (see `map_texture`). Each
pixel finds its voxel through the inverse affine and that voxel's value through its number, so nothing is scattered on
the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from vispy import gloo

from rtcog_gl.gpu.map_texture import MapTexture
from rtcog_gl.gpu.shaders import program
from rtcog_gl.model.anatomy import Anatomy, grey_window
from rtcog_gl.model.draw import Colour, SlicePlane, SlicesView, Source
from rtcog_gl.model.hull import Hull, outline
from rtcog_gl.model.volume import Float64Array, MaskGrid
from rtcog_gl.model.voxel_index import voxel_index

ANATOMY_LIGHT: Colour = (0.70, 0.70, 0.70, 1.0)
"""Brightest grey of the anatomy: muted, so that colours stand out."""

ANATOMY_DARK: Colour = (0.25, 0.25, 0.25, 1.0)
"""Darkest grey of the anatomy on a light ground; on a dark one it is the ground itself."""

_GL_MAX_TEXTURE_SIZE = 0x0D33
_GL_MAX_3D_TEXTURE_SIZE = 0x8073

_CORNER = np.dtype([("a_pixel", "f4", 2), ("a_mm", "f4", 3), ("a_right", "f4", 3), ("a_down", "f4", 3)])
_TRIANGLES = np.array([(0, 1, 2), (0, 2, 3), (7, 0, 3), (7, 3, 4), (6, 7, 4), (6, 4, 5)]).ravel()
"""What an octagon is made of: three bands across, whose seams cost drivers without a GPU least."""

_OVER_ANATOMY = "_anatomy"
"""End of the names of programs that draw over an anatomy."""

Uniform: TypeAlias = "float | tuple[float, ...] | gloo.Texture2D | gloo.Texture3D"


@dataclass
class _Group:
    """One map on the GPU, and the planes through it."""

    values: MapTexture
    planes: tuple[SlicePlane, ...] = ()
    hull: Hull | None = None
    corners: gloo.VertexBuffer | None = None


class _Program:
    """A program that is told only what changed: each value set costs vispy more than to compare it."""

    def __init__(self, name: str) -> None:
        self._program = program(name)
        self._known = {variable[2] for variable in self._program.variables}
        self._last: dict[str, Uniform] = {}
        self._bound: gloo.VertexBuffer | None = None

    def set(self, values: dict[str, Uniform]) -> None:
        """Set those of the values that this program has."""
        for name, value in values.items():
            if name in self._known and (name not in self._last or self._last[name] != value):
                self._program[name] = value
                self._last[name] = value

    def draw(self, corners: gloo.VertexBuffer) -> None:
        """Draw triangles."""
        if corners is not self._bound:
            self._program.bind(corners)
            self._bound = corners
        self._program.draw("triangles")


class SlicesLayer:
    """Draws `SlicesView` with one draw call; needs a current OpenGL context throughout.

    There is a program for each way to sample (nearest, linear) over each ground (mask, anatomy). Of a plane, no more is
    drawn than what may show something: `SlicesView.background` has to be there already.
    """

    def __init__(self) -> None:
        self._programs: dict[str, _Program] = {}
        self._n_voxels = 0
        self._groups: dict[Source, _Group] = {}
        self._still: dict[str, Uniform] = {}
        self._hulls: dict[str, Hull | None] = {}
        self._hull: Hull | None = None
        self.set_anatomy(None)

    def set_grid(self, grid: MaskGrid) -> None:
        """Upload the mask, once a session; every map is empty afterwards.

        Raises
        ------
        ValueError
            If the mask or the column does not fit into a texture of this GPU.
        """
        index = voxel_index(grid)
        _check_3d("mask", index.shape)
        self._n_voxels = grid.n_voxels
        self._groups = {"map": self._new_group()}
        self._cover("mask", grid.hull)
        self._still |= {
            "u_offset": _texture_3d(index.offset, "r8", "nearest"),
            "u_base": _texture_3d(index.base, "r32f", "nearest"),
            "u_box": index.shape,
            "u_mm_to_voxel": _inverse(index.affine),
        }

    def _cover(self, what: str, hull: Hull | None) -> None:
        """Take in how far something reaches that is to be seen."""
        self._hulls[what] = hull
        some = [each for each in self._hulls.values() if each is not None]
        self._hull = reduce(Hull.joined, some) if some else None

    def _new_group(self) -> _Group:
        return _Group(MapTexture(self._n_voxels, _limit(_GL_MAX_TEXTURE_SIZE)))

    def set_anatomy(self, anatomy: Anatomy | None) -> None:
        """Upload the picture under the map, or take it away.

        Raises
        ------
        ValueError
            If it does not fit into a texture of this GPU.
        """
        if anatomy is not None:
            _check_3d("anatomy", anatomy.shape)
        self._cover("anatomy", anatomy.hull if anatomy is not None else None)
        self._ground, self._window = "", (0.0, 1.0)
        for name in [name for name in self._programs if name.endswith(_OVER_ANATOMY)]:
            # A program holds on to its textures.
            del self._programs[name]
        for name in ("u_anatomy", "u_anatomy_size", "u_mm_to_anatomy"):
            self._still.pop(name, None)
        if anatomy is None:
            self._still["u_mm_to_anatomy"] = _inverse(np.eye(4))
            return
        self._ground, self._window = _OVER_ANATOMY, anatomy.window
        self._still |= {
            "u_anatomy": _texture_3d(anatomy.volume, "r8", "linear"),
            "u_anatomy_size": anatomy.shape,
            "u_mm_to_anatomy": _inverse(anatomy.affine),
            "u_light": ANATOMY_LIGHT,
        }

    def write_map(self, column: npt.NDArray[np.float32], source: Source = "map") -> int:
        """Upload a map column (n_voxels,), copied at once, and return the number of bytes.

        Values that are not finite are missing. A texture for `source` is made when it is first needed.

        Raises
        ------
        ValueError
            If there is no mask yet, or the column's length is not the mask's.
        """
        if not self._groups:
            raise ValueError("map: a column came before the mask, expected set_grid first")
        if source not in self._groups:
            self._groups[source] = self._new_group()
        return self._groups[source].values.write(column)

    def drop_map(self, source: Source) -> None:
        """Give up the room of a map; ``map`` itself stays, and one that was never written is passed over."""
        if source == "map" or self._groups.pop(source, None) is None:
            return
        for each in self._programs.values():
            # A program holds on to the texture that it drew last.
            each.set({"u_map": self._groups["map"].values.texture})

    def draw(self, view: SlicesView, framebuffer_size: tuple[int, int], lut: gloo.Texture2D) -> None:
        """Draw every plane of the view.

        Parameters
        ----------
        view : SlicesView
            What to draw, in pixels of the framebuffer.
        framebuffer_size : (int, int)
            Width and height, which the viewport covers.
        lut : Texture2D
            256 diverging colours in one row.

        Raises
        ------
        ValueError
            If there is no mask yet, the colour scale or the grey window is not positive, or the map was never uploaded.
        """
        if self._hull is None or not self._groups:
            raise ValueError("slices: asked to draw before the mask came, expected set_grid first")
        if not view.vmax > 0:
            raise ValueError(f"slices: the colour scale ends at {view.vmax}, expected more than 0")
        if not view.grey[1] > 0:
            raise ValueError(f"slices: the grey window is {view.grey[1]} wide, expected more than 0")
        group = self._groups.get(view.source)
        if group is None:
            raise ValueError(f"slices: asked to draw the {view.source} before it came, expected write_map first")
        if not view.planes:
            return
        name = "slices" + ("_linear" if view.linear else "") + self._ground
        chosen = self._programs.get(name)
        if chosen is None:
            chosen = self._programs[name] = _Program(name)
        level, width = grey_window(self._window, *view.grey)
        chosen.set(self._still)
        chosen.set(
            {
                "u_framebuffer": framebuffer_size,
                "u_lut": lut,
                "u_map": group.values.texture,
                "u_map_texel": group.values.texel,
                "u_has_map": float(view.has_map),
                "u_vmax": view.vmax,
                "u_threshold": view.threshold,
                "u_opacity": view.opacity,
                "u_missing": view.missing,
                "u_background": view.background,
                "u_fill": view.fill,
                "u_outline": view.outline,
                "u_dark": darkest(view.background),
                "u_level": level,
                "u_width": width,
            }
        )
        chosen.draw(_placed(group, view.planes, self._hull))


def _placed(group: _Group, planes: tuple[SlicePlane, ...], hull: Hull) -> gloo.VertexBuffer:
    """Return the corners of a group's planes, uploaded where they changed."""
    if group.corners is None or len(planes) != len(group.planes):
        group.corners = gloo.VertexBuffer(_corners(planes, hull))
    elif planes != group.planes or hull is not group.hull:
        group.corners.set_data(_corners(planes, hull))
    group.planes, group.hull = planes, hull
    return group.corners


def darkest(background: Colour) -> Colour:
    """Return the darkest grey of an anatomy on a background."""
    return background if max(background[:3]) < 0.5 else ANATOMY_DARK


def _corners(planes: tuple[SlicePlane, ...], hull: Hull) -> npt.NDArray[np.void]:
    rows = np.array([(*plane.rect[:2], *plane.origin, *plane.right, *plane.down) for plane in planes])[:, None]
    place, origin, right, down = np.split(rows, [2, 5, 8], axis=-1)
    pixels = np.array([outline(plane, hull) for plane in planes])[:, _TRIANGLES]
    corners = np.zeros(pixels.shape[:2], _CORNER)
    corners["a_pixel"] = pixels + place
    corners["a_mm"] = origin + pixels[..., :1] * right + pixels[..., 1:] * down
    corners["a_right"] = right
    corners["a_down"] = down
    return corners.reshape(-1)


def _texture_3d(volume: npt.NDArray[np.generic], internalformat: str, interpolation: str) -> gloo.Texture3D:
    return gloo.Texture3D(
        volume[..., np.newaxis],
        format="red",
        internalformat=internalformat,
        interpolation=interpolation,
        wrapping="clamp_to_edge",
    )


def _inverse(affine: Float64Array) -> tuple[float, ...]:
    # Transposed: OpenGL reads matrices column by column.
    return tuple(np.linalg.inv(affine).T.ravel().tolist())


def _limit(name: int) -> int:
    return int(gloo.gl.glGetParameter(name))


def _check_3d(what: str, shape: tuple[int, ...]) -> None:
    limit = _limit(_GL_MAX_3D_TEXTURE_SIZE)
    if max(shape) > limit:
        raise ValueError(f"{what}: a box of {shape} voxels does not fit this GPU, expected at most {limit} a side")
