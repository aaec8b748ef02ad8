"""The traces of all templates: one program, one draw call, heights fetched from the score texture."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import numpy.typing as npt
from vispy import gloo

from rtcog_gl.gpu import shaders
from rtcog_gl.gpu.score_texture import FoldedTexture, ScoreTexture
from rtcog_gl.model.draw import Rect, TraceStyle, TraceView
from rtcog_gl.model.fold import MARGIN, MAX_COLUMNS, choose_columns, needed

_CACHED = 8
"""Index buffers kept; zooming back and forth then uploads nothing."""


def quads(n_columns: int, n_templates: int) -> npt.NDArray[np.float32]:
    """Return the vertices (n_columns * n_templates * 4, 3) of all quads: column, template, corner."""
    column, template, corner = np.meshgrid(
        np.arange(n_columns), np.arange(n_templates), np.arange(4), indexing="ij", sparse=False
    )
    return np.stack([column.ravel(), template.ravel(), corner.ravel()], axis=1).astype(np.float32)


def quad_indices(n_quads: int) -> npt.NDArray[np.uint32]:
    """Return the indices (n_quads * 6,) of two triangles a quad."""
    corners = np.array([0, 1, 2, 2, 1, 3], np.uint32)
    return (np.arange(n_quads, dtype=np.uint32)[:, None] * np.uint32(4) + corners).ravel()


def style_texels(styles: tuple[TraceStyle, ...]) -> npt.NDArray[np.float32]:
    """Return the look-up table (2, n, 4): a row of colours, and a row of dash and gap."""
    texels = np.zeros((2, len(styles), 4), np.float32)
    for k, style in enumerate(styles):
        texels[0, k] = style.colour
        texels[1, k, :2] = (style.dash, style.gap)
    return texels


def dash_start(x_of_zero: float, styles: tuple[TraceStyle, ...]) -> float:
    """Return a pixel x, near 0, at which a dash of every style begins, given that one begins at `x_of_zero`.

    Far along a run the pixel of TR 0 is too large a number for float32; whole periods are taken off.
    """
    quarters = [round(4.0 * (style.dash + style.gap)) for style in styles if style.dash > 0 and style.gap > 0]
    period = math.lcm(*quarters) / 4.0 if quarters and min(quarters) > 0 else 0.0
    return math.fmod(x_of_zero, period) if 0.0 < period < 1e5 else x_of_zero


class TracesLayer:
    """Draws the score traces.

    Parameters
    ----------
    texture : ScoreTexture
        The scores.
    n_templates : int
        Number of traces.

    Raises
    ------
    ValueError
        If the texture holds another number of templates.
    """

    def __init__(self, texture: ScoreTexture, n_templates: int) -> None:
        if n_templates != texture.n_templates:
            raise ValueError(
                f"traces: got {n_templates} templates, expected {texture.n_templates} as in the score texture"
            )
        self._texture = texture
        self._n = n_templates
        self.bytes_uploaded = 0
        """Bytes of geometry and styles uploaded so far; scrolling and new TRs add nothing."""
        self._styles: tuple[TraceStyle, ...] = ()
        self._uniforms: dict[str, object] = {}
        self._indices: dict[int, gloo.IndexBuffer] = {}

    @cached_property
    def _style_texture(self) -> gloo.Texture2D:
        return gloo.Texture2D(np.zeros((2, self._n, 4), np.float32), format="rgba", internalformat="rgba32f")

    @cached_property
    def _program(self) -> gloo.Program:
        program = shaders.program("traces")
        vertices = quads(MAX_COLUMNS + MARGIN, self._n)
        self.bytes_uploaded += vertices.nbytes
        program["a_quad"] = gloo.VertexBuffer(vertices)
        scores, blocks = self._texture.scores, self._texture.blocks
        program["u_scores"] = scores.texture
        program["u_fold"] = scores.fold
        # Without blocks the sampler still needs a texture; a fold of zeros says that it is not used.
        program["u_blocks"] = (blocks or FoldedTexture(1, 1, 1)).texture
        program["u_block_fold"] = blocks.fold if blocks else (0.0, 0.0, 0.0, 0.0)
        program["u_styles"] = self._style_texture
        program["u_templates"] = float(self._n)
        return program

    def draw(self, view: TraceView, framebuffer_size: tuple[int, int], part: Rect | None = None) -> None:
        """Draw all traces into the current framebuffer, blended over what is there, clipped to the plot.

        Parameters
        ----------
        view : TraceView
            Axes, styles (one a template) and line width.
        framebuffer_size : tuple of int
            Width and height, pixels.
        part : Rect, optional
            What of the framebuffer will be seen: columns to the left and right of it are not drawn.

        Raises
        ------
        ValueError
            If there is not one style a template, the width is not positive, or the axes are empty.
        """
        if len(view.styles) != self._n:
            raise ValueError(f"traces: got {len(view.styles)} styles, expected {self._n}, one a template")
        if not view.width > 0:
            raise ValueError(f"traces: got a line width of {view.width} pixels, expected more than 0")
        axes, texture, program = view.axes, self._texture, self._program
        columns = choose_columns(axes, texture.blocks is not None)
        if part is not None:
            columns = needed(columns, axes, part, texture.end)
        if columns.n == 0:
            return
        self._set_styles(view.styles)
        self._set("u_framebuffer", framebuffer_size)
        self._set("u_plot", axes.plot)
        self._set("u_times", (axes.t0 - columns.first, axes.t1 - columns.first))
        self._set("u_values", (axes.lo, axes.hi))
        self._set("u_first", float(columns.first))
        self._set("u_bin", float(columns.bin))
        self._set("u_end", float(texture.end))
        self._set("u_complete", float(texture.complete_blocks))
        self._set("u_half_width", view.width / 2.0)
        self._set("u_dash_x", dash_start(float(axes.x(0.0)), view.styles))
        gloo.set_state(blend=True, depth_test=False, cull_face=False)
        gloo.set_blend_func("src_alpha", "one_minus_src_alpha", "one", "one_minus_src_alpha")
        program.draw("triangles", self._index_buffer(columns.n))

    def _set(self, name: str, value: object) -> None:
        """Set a uniform, where it changed: each one set costs as much as a small shape."""
        if self._uniforms.get(name) != value:
            self._uniforms[name] = value
            self._program[name] = value

    def _set_styles(self, styles: tuple[TraceStyle, ...]) -> None:
        if styles == self._styles:
            return
        texels = style_texels(styles)
        self._style_texture.set_data(texels, offset=(0, 0))
        self._styles = styles
        self.bytes_uploaded += texels.nbytes

    def _index_buffer(self, n_columns: int) -> gloo.IndexBuffer:
        """Columns are the outer loop of the geometry, so n columns are the first n * templates quads."""
        if n_columns not in self._indices:
            if len(self._indices) >= _CACHED:
                self._indices.pop(next(iter(self._indices))).delete()
            indices = quad_indices(n_columns * self._n)
            self._indices[n_columns] = gloo.IndexBuffer(indices)
            self.bytes_uploaded += indices.nbytes
        return self._indices[n_columns]
