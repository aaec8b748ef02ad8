"""What a session plays: one volume after the other, and how each scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.records import VolumesInfo
from rtcog_gl.model.session import FloatArray
from rtcog_gl.session.synthetic.brains import MNI_VOXELS_2MM, Brain, load_brain, mni_anatomy_path
from rtcog_gl.session.synthetic.motion import PARAMETERS, Motion, head_motion
from rtcog_gl.session.synthetic.networks import NETWORKS, patterns
from rtcog_gl.session.synthetic.noise import ar1, episodes, smooth_fields
from rtcog_gl.session.synthetic.options import DemoError, DemoOptions
from rtcog_gl.session.synthetic.scoring import MaskScorer
from rtcog_gl.session.synthetic.segments import bytes_needed, check_space, free_shared_memory, live_bytes

NVOLS = 300
"""Volumes of a run when nothing else says how many."""

UNIT = "a.u."
"""Unit of the synthetic volumes: they are scaled to the templates' scores, and not standardised."""


@dataclass(frozen=True)
class Header:
    """What a viewer must know of the content."""

    labels: tuple[str, ...]
    nv: int
    nt: int
    """Volumes that the viewer is told to expect."""

    mask_img: Any
    """Brain mask, a nibabel image."""

    anat: Path | None = None
    """An anatomical image that fits under the maps."""

    notes: tuple[str, ...] = ()
    """Sentences for the operator."""

    volumes: VolumesInfo | None = None
    """Where the volumes are published; None where they are not."""

    unit: str = ""
    """Unit of the volumes' values; empty: not known."""


class Content(Protocol):
    """A run to play. `volume` is asked for 0, 1, 2, ... in this order, and `motion` after it."""

    header: Header
    n_volumes: int
    """Volumes that there are; the run ends after them, also where the header promised more."""

    def volume(self, t: int) -> FloatArray:
        """Return the preprocessed volume, (Nv,) float32, Fortran order inside the mask."""
        ...

    def scores(self, t: int, volume: FloatArray) -> npt.NDArray[np.float64]:
        """Return the volume's scores, (templates,)."""
        ...

    def motion(self, t: int) -> Motion | None:
        """Return the head's place at volume `t`: roll, pitch, yaw (degrees), dS, dL, dP (mm); None: not known."""
        ...

    def templates(self) -> FloatArray | None:
        """Return the templates, (templates, Nv), NaN outside a template's own mask; None: there are none."""
        ...


class SyntheticContent:
    """Autocorrelated noise with episodes of resting-state networks.

    A volume is the sum of smooth random fields with AR(1) weights, a little white noise, and each network's pattern
    times its own AR(1) fluctuation and its episodes. A template is the positive part of a pattern (above 0.15), scaled
    so that a volume that is s times the pattern scores s; without episodes the scores stay within about 1 of zero.
    The head moves (`head_motion`), and the volumes do not show it, as after good preprocessing.

    Parameters
    ----------
    brain : Brain
    nt, match_start, seed : int
        Equal arguments give equal volumes and scores.
    """

    N_FIELDS = 20
    SPATIAL_SD = 0.4
    WHITE_SD = 0.06
    FLUCTUATION_SD = 0.32
    TEMPLATE_THR = 0.15

    def __init__(self, brain: Brain, nt: int, match_start: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.n_volumes = nt
        shapes = patterns(NETWORKS, brain.mask, brain.affine)
        fields = smooth_fields(rng, brain.mask, brain.voxel_mm, self.N_FIELDS)
        self._bank = np.concatenate([fields, np.stack(shapes)])
        drift = ar1(rng, self.N_FIELDS, nt, 0.6) * (self.SPATIAL_SD / np.sqrt(self.N_FIELDS))
        network = self.FLUCTUATION_SD * ar1(rng, len(shapes), nt, 0.6)
        network += episodes(rng, len(shapes), nt, first=match_start + 6)
        self._weights = np.ascontiguousarray(np.concatenate([drift, network]).T, np.float32)
        self._white = self.WHITE_SD * rng.standard_normal(brain.nv + 4096, np.float32)
        self._shift = rng.integers(0, 4096, nt)
        masks = [shape > self.TEMPLATE_THR for shape in shapes]
        scaled = [shape / np.mean(shape[mask] ** 2) for shape, mask in zip(shapes, masks, strict=True)]
        self.scorer = MaskScorer(scaled, masks)
        labels = tuple(network.label for network in NETWORKS)
        anat = mni_anatomy_path() if brain.mni else None
        self.header = Header(labels, brain.nv, nt, brain.image(), anat, brain.notes, unit=UNIT)
        # Of its own numbers, so that a moving head changes no score.
        self._motion = head_motion(np.random.default_rng([seed, 2]), nt, match_start)

    def volume(self, t: int) -> FloatArray:
        """Return volume `t`, (Nv,) float32."""
        first = int(self._shift[t])
        result: FloatArray = np.einsum("k,kv->v", self._weights[t], self._bank)
        result += self._white[first : first + len(result)]
        return result

    def scores(self, t: int, volume: FloatArray) -> npt.NDArray[np.float64]:
        """Return the volume's scores, (templates,)."""
        return self.scorer(volume)

    def motion(self, t: int) -> Motion:
        """Return the head's place at volume `t`."""
        place: list[float] = self._motion[t].tolist()
        return place

    def templates(self) -> FloatArray:
        """Return the templates, (templates, Nv), NaN outside a template's own mask."""
        return self.scorer.templates(self.header.nv)


class ScriptedContent:
    """Given scores and given maps, for tests: no brain, no rule.

    Parameters
    ----------
    scores : array, (templates, Nt)
    maps : mapping from TR to array, (Nv,)
        The volumes; others are zeros.
    header : Header
    motion : array, (Nt, 6), optional
    templates : array, (templates, Nv), optional
        NaN outside a template's own mask.
    """

    def __init__(
        self,
        scores: npt.ArrayLike,
        maps: Mapping[int, npt.ArrayLike],
        header: Header,
        motion: npt.ArrayLike | None = None,
        templates: npt.ArrayLike | None = None,
    ) -> None:
        self._scores = np.asarray(scores, np.float64)
        self._maps = {t: np.asarray(values, np.float32) for t, values in maps.items()}
        self.header = header
        self.n_volumes = self._scores.shape[1]
        self._motion = None if motion is None else np.asarray(motion, np.float64)
        self._templates = None if templates is None else np.asarray(templates, np.float32)
        self._fits("motion", self._motion, (self.n_volumes, PARAMETERS))
        self._fits("templates", self._templates, (len(self._scores), header.nv))

    @staticmethod
    def _fits(name: str, array: npt.NDArray[Any] | None, shape: tuple[int, int]) -> None:
        if array is not None and array.shape != shape:
            raise DemoError(f"{name} has shape {array.shape}, expected {shape}")

    def volume(self, t: int) -> FloatArray:
        """Return the scripted map of volume `t`, or zeros."""
        found = self._maps.get(t)
        return np.zeros(self.header.nv, np.float32) if found is None else found

    def scores(self, t: int, volume: FloatArray) -> npt.NDArray[np.float64]:
        """Return column `t` of the scripted scores."""
        return self._scores[:, t]

    def motion(self, t: int) -> Motion | None:
        """Return row `t` of the scripted motion, if there is any."""
        if self._motion is None:
            return None
        place: list[float] = self._motion[t].tolist()
        return place

    def templates(self) -> FloatArray | None:
        """Return the scripted templates, if there are any."""
        return self._templates


def load_content(options: DemoOptions) -> Content:
    """Return what resolved options ask for.

    Raises
    ------
    DemoError
        If a file cannot be used, or shared memory is too small for the session.
    """
    if options.bold is not None:
        from rtcog_gl.session.synthetic.bold import BoldContent

        return BoldContent(options)
    nt = options.nvols or NVOLS
    brain = _brain_that_fits(options, nt)
    check_space(len(NETWORKS), brain.nv, nt)
    return SyntheticContent(brain, nt, options.match_start or 0, options.seed)


def _brain_that_fits(options: DemoOptions, nt: int) -> Brain:
    """Take the brain asked for; where none was, the finest one for which there is shared memory, live maps included."""
    if options.voxels is not None:
        return load_brain(options.voxels, options.phantom)

    def needed(voxels: int) -> int:
        live = live_bytes(len(NETWORKS), voxels, nt, options.live_maps)
        return bytes_needed(len(NETWORKS), voxels, nt) + live

    free = free_shared_memory()
    if free is None or needed(MNI_VOXELS_2MM) <= free:
        return load_brain(MNI_VOXELS_2MM, options.phantom)
    for voxels in (70_000, 29_000, 8_000):
        least = needed(int(1.1 * voxels))
        if least <= free:
            break
    else:
        raise DemoError(
            f"shared memory is too small even for a brain of {voxels:,} voxels and {nt:,} volumes: "
            f"got {free / 1e6:,.0f} MB free, expected {least / 1e6:,.0f} MB"
        )
    brain = load_brain(voxels, options.phantom)
    note = (
        f"shared memory has {free / 1e6:,.0f} MB free, so the brain has {brain.nv:,} voxels "
        f"instead of {MNI_VOXELS_2MM:,}."
    )
    return replace(brain, notes=(*brain.notes, note))
