"""What the tests of the slices layer share: grids, a palette, and drawing against the numpy reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from pixels import Draw, Picture, assert_close, to_bytes
from reference.slices import picture

from rtcog_gl.model.anatomy import Anatomy
from rtcog_gl.model.draw import Rect, SlicePlane, SlicesView
from rtcog_gl.model.planes import slice_planes
from rtcog_gl.model.volume import MaskGrid

SIZE = (311, 127)
PANEL = Rect(5, 4, 301, 119)
BACKGROUND, FILL, OUTLINE = (0.05, 0.06, 0.08, 1.0), (0.15, 0.2, 0.25, 1.0), (0.5, 0.6, 0.7, 0.8)
_x = np.linspace(-1, 1, 256)
LUT = np.rint(
    np.stack([np.where(_x > 0, 1, 1 + _x), 1 - np.abs(_x), np.where(_x < 0, 1, 1 - _x), np.ones(256)], 1) * 255
).astype(np.uint8)
"""Blue, white, red."""


def new_layer() -> Any:
    from rtcog_gl.gpu.slices import SlicesLayer

    return SlicesLayer()


def palette() -> Any:
    from vispy import gloo

    return gloo.Texture2D(LUT[None], format="rgba", internalformat="rgba8", interpolation="linear")


def view_of(planes: tuple[SlicePlane, ...], **changes: Any) -> SlicesView:
    options: dict[str, Any] = {
        "vmax": 3.0,
        "threshold": 0.0,
        "has_map": True,
        "background": BACKGROUND,
        "fill": FILL,
        "outline": OUTLINE,
    }
    return SlicesView(planes, **(options | changes))


def blob(shape: tuple[int, int, int], affine: np.ndarray, seed: int = 0, share: float = 0.7) -> MaskGrid:
    rng = np.random.default_rng(seed)
    inside = rng.random(int(np.prod(shape))) < share
    inside[0] = True
    return MaskGrid(shape, affine, inside)


def values(grid: MaskGrid, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2, grid.n_voxels).astype(np.float32)


def holed(column: np.ndarray, every: int = 5) -> np.ndarray:
    """Return the column with voxels that have no value, of each kind."""
    holes = column.copy()
    for n, hole in enumerate((np.nan, np.inf, -np.inf)):
        holes[1 + n :: 3 * every] = hole
    return holes


def nudged(plane: SlicePlane) -> SlicePlane:
    """Return the plane moved by a fraction of a pixel: symmetric grids have borders right on rows of pixel centres."""
    origin = np.array(plane.origin) + 0.3137 * np.array(plane.right) + 0.2719 * np.array(plane.down)
    return replace(plane, origin=tuple(origin.tolist()))


def drawn(draw: Draw, layer: Any, lut: Any, size: tuple[int, int], *views: SlicesView) -> Picture:
    """Return the picture of views of one background, on which they rely, black outside their planes.

    Nothing is drawn outside the planes.
    """

    def all_of_them() -> None:
        for view in views:
            layer.draw(view, size, lut)

    got = draw(size, all_of_them, clear=(0.0, 0.0, 0.0, 0.0))
    # Slices are opaque: where the picture is still transparent, what was there before is seen.
    untouched = got[..., 3] == 0
    assert (got[~untouched, 3] == 255).all()
    in_planes = np.zeros(untouched.shape, bool)
    for view in views:
        for plane in view.planes:
            x, y, w, h = (int(n) for n in plane.rect)
            in_planes[y : y + h, x : x + w] = True
        got[untouched & in_planes] = to_bytes(np.array(view.background))
    assert not (~untouched & ~in_planes).any()
    got[~in_planes] = (0, 0, 0, 255)
    return got


def check(
    draw: Draw,
    layer: Any,
    lut: Any,
    grid: MaskGrid,
    column: np.ndarray | None,
    anatomy: Anatomy | None = None,
    unsure: float = 0.03,
    name: str = "slices",
    planes: tuple[SlicePlane, ...] | None = None,
    tol: int = 1,
    radiological: bool = False,
    **changes: Any,
) -> Picture:
    """Draw, compare with the reference, and return the picture.

    `unsure` bounds the share of pixels left out; `changes` are fields of the view. Linear sampling may be off by one
    more than `tol`.
    """
    from rtcog_gl.gpu import slices

    layer.set_grid(grid)
    layer.set_anatomy(anatomy)
    if column is not None:
        layer.write_map(column)
    if planes is None:
        # Off the voxel centres by an odd amount, and never near a face.
        cursor = np.array(grid.mm_of(grid.n_voxels // 2)) + grid.affine[:3, :3] @ [0.137, -0.211, 0.173]
        planes = slice_planes(PANEL, grid.bounds, tuple(cursor.tolist()), radiological, 7, 1.2345)
    planes = tuple(map(nudged, planes))
    view = view_of(planes, **({"has_map": column is not None} | changes))
    got = drawn(draw, layer, lut, SIZE, view)
    under, expecting = None, view
    if anatomy is not None:
        # The reference knows stored greys only.
        low, high = anatomy.window
        level, width = view.grey
        expecting = replace(view, grey=(low + level * (high - low), width * (high - low)))
        under = (
            anatomy.volume.transpose(),
            anatomy.affine,
            slices.darkest(view.background),
            slices.ANATOMY_LIGHT,
        )
    expected = picture(expecting, SIZE, grid.shape, grid.affine, grid.inside, column, LUT, under)
    share = (~expected.sure).sum() / expected.in_planes.sum()
    assert share <= unsure, f"{share:.3f} of the pixels are unsure"
    assert_close(got, expected.picture, tol=tol + view.linear, name=name, mask=expected.sure)
    assert expected.in_planes.sum() > 3000
    return got
