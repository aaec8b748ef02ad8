"""How a volume is scored: rtcog's mask method.

For template i with the voxels v of its own mask M_i:

    score_i = (sum over v in M_i of template_i[v] * volume[v]) / |M_i|

which is the mean over M_i of the product of template and volume.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.session import FloatArray


class MaskScorer:
    """Scores volumes against templates.

    Parameters
    ----------
    templates : sequence of ndarray, (Nv,), float
        One value a voxel of the brain mask, in Fortran order.
    masks : sequence of ndarray, (Nv,), bool
        The voxels that count, one mask a template; none may be empty.
    """

    def __init__(self, templates: Sequence[npt.ArrayLike], masks: Sequence[npt.NDArray[np.bool_]]) -> None:
        self._voxels = [np.flatnonzero(mask) for mask in masks]
        self._values = [
            np.asarray(template, np.float32)[voxels] for template, voxels in zip(templates, self._voxels, strict=True)
        ]

    @property
    def voxel_counts(self) -> tuple[int, ...]:
        """Voxels of each template's mask."""
        return tuple(len(voxels) for voxels in self._voxels)

    def templates(self, nv: int) -> FloatArray:
        """Return the templates as they count, (templates, `nv`); NaN outside a template's own mask."""
        result = np.full((len(self._voxels), nv), np.nan, np.float32)
        for row, voxels, values in zip(result, self._voxels, self._values, strict=True):
            row[voxels] = values
        return result

    def __call__(self, volume: FloatArray) -> npt.NDArray[np.float64]:
        """Return the scores of a volume, (Nv,) in, (templates,) out."""
        pairs = zip(self._values, self._voxels, strict=True)
        return np.array(
            [np.einsum("v,v->", values, volume[voxels]) / len(voxels) for values, voxels in pairs], np.float64
        )
