"""The slices layer: planes through the mask, a map and the anatomy, all planes of a map in one draw call.

The mask's voxel numbers go up once, as a 3-D texture; a map is its column, packed (see `map_texture`). Each pixel finds
its voxel through the inverse affine and that voxel's value through its number, so nothing is scattered on the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from vispy import gloo

from rtcog_gl.gpu.map_texture import MapTexture
from rtcog_gl.gpu.shaders import program
from rtcog_gl.model.anatomy import Anatomy
from rtcog_gl.model.draw import Colour, SlicePlane, SlicesView, Source
from rtcog_gl.model.volume import Float64Array, MaskGrid

ANATOMY_LIGHT: Colour = (0.70, 0.70, 0.70, 1.0)
"""Brightest grey of the anatomy: muted, so that colours stand out."""

ANATOMY_DARK: Colour = (0.25, 0.25, 0.25, 1.0)
"""Darkest grey of the anatomy on a light ground; on a dark one it is the ground itself."""

_GL_MAX_TEXTURE_SIZE = 0x0D33
_GL_MAX_3D_TEXTURE_SIZE = 0x8073

_CORNER = np.dtype([("a_pixel", "f4", 2), ("a_mm", "f4", 3), ("a_right", "f4", 3), ("a_down", "f4", 3)])
_TRIANGLES = np.array([(0, 0), (1, 0), (0, 1), (0, 1), (1, 0), (1, 1)], np.float64)


@dataclass
class _Group:
    """One map on the GPU, and the planes through it."""

    values: MapTexture
    planes: tuple[SlicePlane, ...] = ()
    corners: gloo.VertexBuffer | None = None


class SlicesLayer:
    """Draws `SlicesView` with one program and one draw call; needs a current OpenGL context throughout."""

    def __init__(self) -> None:
        self._program = program("slices")
        self._n_voxels = 0
        self._groups: dict[Source, _Group] = {}
        self._bound: gloo.VertexBuffer | None = None
        self._values: MapTexture | None = None
        self.set_anatomy(None)

    def set_grid(self, grid: MaskGrid) -> None:
        """Upload the mask, once a session; every map is empty afterwards.

        Raises
        ------
        ValueError
            If the grid or the column does not fit into a texture of this GPU.
        """
        _check_3d("mask", grid.shape)
        self._n_voxels = grid.n_voxels
        self._groups = {"map": self._new_group()}
        self._program["u_index"] = gloo.Texture3D(
            grid.index_volume()[..., np.newaxis],
            format="red",
            internalformat="r32f",
            interpolation="nearest",
            wrapping="clamp_to_edge",
        )
        self._program["u_index_size"] = grid.shape
        self._program["u_mm_to_voxel"] = _inverse(grid.affine)

    def _new_group(self) -> _Group:
        return _Group(MapTexture(self._n_voxels, _limit(_GL_MAX_TEXTURE_SIZE)))

    def set_anatomy(self, anatomy: Anatomy | None) -> None:
        """Upload the picture under the map, or take it away.

        Raises
        ------
        ValueError
            If it does not fit into a texture of this GPU.
        """
        volume = np.zeros((1, 1, 1), np.uint8) if anatomy is None else anatomy.volume
        shape = volume.shape[::-1]
        _check_3d("anatomy", shape)
        self._program["u_anatomy"] = gloo.Texture3D(
            volume[..., np.newaxis],
            format="red",
            internalformat="r8",
            interpolation="linear",
            wrapping="clamp_to_edge",
        )
        self._program["u_anatomy_size"] = shape
        self._program["u_mm_to_anatomy"] = np.eye(4, dtype=np.float32) if anatomy is None else _inverse(anatomy.affine)
        self._program["u_has_anatomy"] = 0.0 if anatomy is None else 1.0
        self._program["u_neighbours"] = 4 if anatomy is None else 0
        self._program["u_anatomy_light"] = ANATOMY_LIGHT

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
        if source != "map":
            self._groups.pop(source, None)

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
            If there is no mask yet, the colour scale is not positive, or the map was never uploaded.
        """
        if not self._groups:
            raise ValueError("slices: asked to draw before the mask came, expected set_grid first")
        if not view.vmax > 0:
            raise ValueError(f"slices: the colour scale ends at {view.vmax}, expected more than 0")
        group = self._groups.get(view.source)
        if group is None:
            raise ValueError(f"slices: asked to draw the {view.source} before it came, expected write_map first")
        if not view.planes:
            return
        self._place(group, view.planes)
        self._program["u_framebuffer"] = framebuffer_size
        self._program["u_lut"] = lut
        self._program["u_has_map"] = float(view.has_map)
        self._program["u_vmax"] = view.vmax
        self._program["u_threshold"] = view.threshold
        self._program["u_background"] = view.background
        self._program["u_anatomy_dark"] = darkest(view.background)
        self._program["u_fill"] = view.fill
        self._program["u_outline"] = view.outline
        self._program.draw("triangles")

    def _place(self, group: _Group, planes: tuple[SlicePlane, ...]) -> None:
        """Have the program draw a group's planes and values; what is so already is left."""
        if planes != group.planes or group.corners is None:
            corners = np.concatenate([_corners(plane) for plane in planes])
            if group.corners is None or len(planes) != len(group.planes):
                group.corners = gloo.VertexBuffer(corners)
            else:
                group.corners.set_data(corners)
            group.planes = planes
        if group.corners is not self._bound:
            self._program.bind(group.corners)
            self._bound = group.corners
        if group.values is not self._values:
            self._program["u_map"] = group.values.texture
            self._program["u_map_size"] = group.values.size
            self._values = group.values


def darkest(background: Colour) -> Colour:
    """Return the darkest grey of an anatomy on a background."""
    return background if max(background[:3]) < 0.5 else ANATOMY_DARK


def _corners(plane: SlicePlane) -> npt.NDArray[np.void]:
    corners = np.zeros(len(_TRIANGLES), _CORNER)
    pixels = _TRIANGLES * (plane.rect.w, plane.rect.h)
    corners["a_pixel"] = pixels + np.array([plane.rect.x, plane.rect.y])
    corners["a_mm"] = np.array(plane.origin) + pixels @ np.array([plane.right, plane.down])
    corners["a_right"] = plane.right
    corners["a_down"] = plane.down
    return corners


def _inverse(affine: Float64Array) -> npt.NDArray[np.float32]:
    # Transposed: OpenGL reads matrices column by column.
    return np.ascontiguousarray(np.linalg.inv(affine).T, np.float32)


def _limit(name: int) -> int:
    return int(gloo.gl.glGetParameter(name))


def _check_3d(what: str, shape: tuple[int, ...]) -> None:
    limit = _limit(_GL_MAX_3D_TEXTURE_SIZE)
    if max(shape) > limit:
        raise ValueError(f"{what}: a grid of {shape} voxels does not fit this GPU, expected at most {limit} a side")
