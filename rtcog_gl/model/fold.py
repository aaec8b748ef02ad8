"""Where a score lies in its texture, and which columns a view of the traces draws.

`shaders/common/scores.glsl` is the GLSL twin of the fold.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from rtcog_gl.model.draw import Axes, Rect

FOLD = 4096
"""Rows of a folded texture: TRs (or blocks of TRs) under each other before the next strip of columns begins."""

BLOCK = 16
"""TRs whose minimum and maximum are kept together in a long session."""

LONG = 16_384
"""TRs up to which no minima and maxima are kept: the vertices look at every score."""

MAX_COLUMNS = 2048
"""Most columns that span a plot."""

MARGIN = 3
"""Columns beyond those that span the plot: begun ones at both ends."""

MAX_STEPS = 64
"""Bound of the shader's loops: scores, or blocks, that one column covers."""

RAW_PX = 1.0
"""Pixels a TR from which every TR is drawn as it is."""

COLUMN_PX = 3.0
"""Pixels that a column of several TRs should have."""


class Columns(NamedTuple):
    """The columns that a view draws: column c covers TRs ``first + c * bin`` up to ``first + (c + 1) * bin``."""

    first: int
    """First TR of column 0, a multiple of `bin`; can be negative."""

    bin: int
    """TRs a column; 1: a segment from each TR to the next."""

    n: int
    """Number of columns."""


def fold_shape(items: int, channels: int, max_size: int) -> tuple[int, int]:
    """Return (height, width) in texels of the texture that holds `items` rows of `channels` values.

    Raises
    ------
    ValueError
        If no texture of at most `max_size` texels a side holds them.
    """
    height = max(1, min(items, FOLD, max_size))
    width = max(1, -(-items // height) * channels)
    if width > max_size:
        raise ValueError(
            f"scores: {items} rows of {channels} values need a texture {width} texels wide, "
            f"expected at most {max_size} (GL_MAX_TEXTURE_SIZE)"
        )
    return height, width


def fold(item: int, channel: int, channels: int, height: int) -> tuple[int, int]:
    """Return the texel (x, y) of one value."""
    return (item // height) * channels + channel, item % height


def choose_columns(axes: Axes, has_blocks: bool) -> Columns:
    """Return the columns for a view; the bin depends on its span and width only, so that scrolling does not shimmer.

    Parameters
    ----------
    axes : Axes
        What is visible, and where.
    has_blocks : bool
        Whether minima and maxima of blocks are kept (a long session).

    Raises
    ------
    ValueError
        If the axes are empty or reversed.
    """
    # Rounded, because t1 - t0 loses its last digits differently at each place along the run.
    span = round(axes.t1 - axes.t0, 6)
    if not (0 < span < math.inf and 0 < axes.hi - axes.lo < math.inf and axes.plot.w > 0 and axes.plot.h > 0):
        raise ValueError(f"traces: got {axes}, expected a plot and ranges that are finite and not empty")
    step = _bin(span, axes.plot.w, has_blocks)
    if step == 1:
        return Columns(math.floor(axes.t0) - 1, 1, math.ceil(span) + MARGIN)
    return Columns((math.floor(axes.t0 / step) - 1) * step, step, math.ceil(span / step) + MARGIN)


def needed(columns: Columns, axes: Axes, part: Rect, end: int) -> Columns:
    """Return those columns that can be seen in a part of the framebuffer, and hold data.

    Parameters
    ----------
    columns : Columns
        All columns of the view.
    axes : Axes
        Where they are.
    part : Rect
        What will be seen.
    end : int
        TRs that have been uploaded.

    Returns
    -------
    Columns
        Some more than needed, so that few sizes occur (a power of two, or all).
    """
    margin = (MARGIN + 1) * columns.bin
    start = max(columns.first, math.floor(axes.t_at(part.x)) - margin)
    stop = min(columns.first + columns.n * columns.bin, end + columns.bin, math.ceil(axes.t_at(part.right)) + margin)
    if stop <= start:
        return Columns(columns.first, columns.bin, 0)
    skipped = (start - columns.first) // columns.bin
    wanted = -(-(stop - columns.first) // columns.bin) - skipped
    n = min(columns.n, max(16, 1 << (wanted - 1).bit_length()))
    return Columns(columns.first + min(skipped, columns.n - n) * columns.bin, columns.bin, n)


def _bin(span: float, width: float, has_blocks: bool) -> int:
    if span <= MAX_COLUMNS and width / span >= RAW_PX:
        return 1
    step = max(2, math.ceil(span / min(MAX_COLUMNS, width / COLUMN_PX)))
    if not has_blocks:
        return min(step, MAX_STEPS)
    return step if step <= BLOCK else min(-(-step // BLOCK), MAX_STEPS) * BLOCK
