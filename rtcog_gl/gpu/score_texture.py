"""All scores of a run on the GPU: one folded float texture, written by offset; long runs keep minima and maxima too."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from vispy import gloo

from rtcog_gl.model.draw import LARGEST
from rtcog_gl.model.fold import BLOCK, LONG, fold_shape

MISSING = np.float32(3e38)
"""What stands for a score that is not there; GLSL 1.20 cannot ask for NaN."""


class FoldedTexture:
    """Rows of float32 values in a texture, folded into strips of `height` rows.

    Parameters
    ----------
    items : int
        Number of rows.
    channels : int
        Values a row.
    max_size : int
        GL_MAX_TEXTURE_SIZE.

    Raises
    ------
    ValueError
        If they do not fit.
    """

    def __init__(self, items: int, channels: int, max_size: int) -> None:
        self.items = items
        self.channels = channels
        self.height, self.width = fold_shape(items, channels, max_size)
        self.texture = gloo.Texture2D(
            np.full((self.height, self.width, 1), MISSING, np.float32),
            format="red",
            internalformat="r32f",
            interpolation="nearest",
            wrapping="clamp_to_edge",
        )

    @property
    def fold(self) -> tuple[float, float, float, float]:
        """What `scores.glsl` calls a fold: values a row, rows a strip, width and height in texels."""
        return (float(self.channels), float(self.height), float(self.width), float(self.height))

    def write(self, first: int, rows: npt.NDArray[np.float32]) -> int:
        """Upload rows (k, channels) from row `first` on, one upload a strip; return the number of bytes."""
        start = 0
        while start < len(rows):
            strip, y = divmod(first + start, self.height)
            part = rows[start : start + self.height - y]
            # vispy uploads later: the memory must be ours and must stay as it is until then.
            owned = np.array(part[:, :, None], np.float32, order="C", copy=True)
            self.texture.set_data(owned, offset=(y, strip * self.channels))
            start += len(part)
        return int(rows.shape[0] * rows.shape[1] * 4)


class ScoreTexture:
    """The scores of a run.

    Parameters
    ----------
    n_templates : int
        Rows of the scores.
    nt : int
        TRs of the run.
    max_size : int, optional
        GL_MAX_TEXTURE_SIZE.

    Raises
    ------
    ValueError
        If there are no templates or TRs, or no texture holds them.
    """

    def __init__(self, n_templates: int, nt: int, max_size: int = 4096) -> None:
        if n_templates < 1 or nt < 1:
            raise ValueError(f"scores: got {n_templates} templates and {nt} TRs, expected at least one of each")
        self.n_templates = n_templates
        self.nt = nt
        self.end = 0
        """One past the last TR that was written."""
        self.bytes_uploaded = 0
        """Bytes that all calls of `write` have uploaded together."""
        self.scores = FoldedTexture(nt, n_templates, max_size)
        self.blocks: FoldedTexture | None = None
        """Minimum and maximum of every block of 16 TRs (values a row: 2 a template), in long runs only."""
        self._history = np.zeros((0, n_templates), np.float32)
        if nt > LONG:
            self.blocks = FoldedTexture(-(-nt // BLOCK), 2 * n_templates, max_size)
            self._history = np.full((nt, n_templates), MISSING, np.float32)

    @property
    def complete_blocks(self) -> int:
        """Number of blocks whose minimum and maximum are known."""
        return 0 if self.blocks is None else self.end // BLOCK

    def write(self, first_tr: int, scores: npt.NDArray[np.float32]) -> int:
        """Upload the columns from `first_tr` on and return the number of bytes.

        Parameters
        ----------
        first_tr : int
            TR of the first column.
        scores : ndarray, (n_templates, k), float32
            NaN and infinite values become gaps.

        Raises
        ------
        ValueError
            If the columns do not lie within the run, or are not one value a template.
        """
        if scores.ndim != 2 or scores.shape[0] != self.n_templates:
            raise ValueError(f"scores: got an array of shape {scores.shape}, expected ({self.n_templates}, k)")
        stop = first_tr + scores.shape[1]
        if first_tr < 0 or stop > self.nt:
            raise ValueError(f"scores: got TRs {first_tr} to {stop - 1}, expected them within 0 to {self.nt - 1}")
        rows = np.where(np.isfinite(scores), np.clip(scores, -LARGEST, LARGEST), MISSING).T.astype(np.float32)
        sent = self.scores.write(first_tr, rows)
        before, self.end = self.end, max(self.end, stop)
        if self.blocks is not None:
            self._history[first_tr:stop] = rows
            sent += self._write_blocks(self.blocks, min(first_tr, before) // BLOCK, -(-stop // BLOCK))
        self.bytes_uploaded += sent
        return sent

    def _write_blocks(self, blocks: FoldedTexture, first: int, stop: int) -> int:
        stop = min(stop, self.complete_blocks)
        if stop <= first:
            return 0
        values = self._history[first * BLOCK : stop * BLOCK].reshape(stop - first, BLOCK, self.n_templates)
        highest = np.where(values == MISSING, -MISSING, values).max(axis=1)
        extent = np.stack([values.min(axis=1), np.where(highest == -MISSING, MISSING, highest)], axis=-1)
        return blocks.write(first, extent.reshape(stop - first, 2 * self.n_templates))
