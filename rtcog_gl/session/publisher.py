"""What a running experiment calls to have its volumes published: nothing that goes wrong in here reaches it."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.records import VolumesInfo
from rtcog_gl.session.volumes import VolumeWriter

log = logging.getLogger("rtcog_gl")

PATIENCE = 3
"""Failures in a row after which no more is tried."""

BLOCK = 512
"""Bytes of what ``stat`` counts as a block."""

T = TypeVar("T")


@dataclass(frozen=True)
class PublishedVolume:
    """What is published of one volume; the fields are those of `rtcog_gl.model.records.VOLUME`."""

    t: int
    """Index of the volume."""

    column: npt.NDArray[Any] | None
    """The preprocessed volume, (Nv,) or (Nv, 1), of any float dtype; None where nothing was preprocessed."""

    received: int
    """Monotonic ns at which the volume was handed over."""

    processed: int
    """Monotonic ns at which all work on it was done."""

    motion: Sequence[float] | None
    """Roll, pitch, yaw (degrees), dS, dL, dP (mm)."""

    norm_change: float
    """What the hit rule's ``mot_thr`` is held against; NaN where there was nothing to compare with."""

    cooldown_end: int
    """First TR at which a hit can be declared again."""

    action: bool
    """Whether the survey was running when the volume came."""


class Publisher:
    """Publishes volumes as long as that works, and never raises.

    The first failure is logged. After `PATIENCE` failures in a row the segment is closed and no more is tried.

    Parameters
    ----------
    make : callable or None
        Makes the segment's writer; None: nothing is published.
    """

    def __init__(self, make: Callable[[], VolumeWriter] | None) -> None:
        self._writer: VolumeWriter | None = None
        self._failures = 0
        self._told = False
        self.info: VolumesInfo | None = None
        """Where the volumes are published; None where they are not."""
        if make is None:
            return
        try:
            self._writer = make()
            self.info = self._writer.info
            if self._writer.note:
                log.warning("%s", self._writer.note)
        except Exception as error:
            log.warning("Volumes cannot be published, the viewer does without: %s: %s.", type(error).__name__, error)
            log.debug("Where that came from", exc_info=error)
            self.close()

    @property
    def active(self) -> bool:
        """Whether volumes are being published."""
        return self._writer is not None

    def attempt(self, look: Callable[[], T]) -> T | None:
        """Return what `look` returns; None if it raises, or if nothing is published any more."""
        if self._writer is None:
            return None
        try:
            return look()
        except Exception as error:
            self._failed(error)
            return None

    def publish(self, collect: Callable[[], PublishedVolume]) -> None:
        """Publish what `collect` returns."""
        writer = self._writer
        if writer is None:
            return
        try:
            volume = collect()
            writer.publish(
                volume.t,
                volume.column,
                received=volume.received,
                processed=volume.processed,
                motion=volume.motion,
                norm_change=volume.norm_change,
                cooldown_end=volume.cooldown_end,
                action=volume.action,
            )
        except Exception as error:
            self._failed(error)
        else:
            self._failures = 0

    def close(self) -> None:
        """Remove the segment's name. What readers have mapped stays theirs. Calling it again does nothing."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            writer.close()
        except Exception as error:
            log.warning("The volumes' segment could not be closed: %s: %s.", type(error).__name__, error)

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if not self._told:
            log.warning("A volume could not be published: %s: %s.", type(error).__name__, error)
            log.debug("Where that came from", exc_info=error)
            self._told = True
        if self._failures >= PATIENCE:
            log.warning("%d volumes in a row could not be published: no more is tried.", self._failures)
            self.close()


def norm_change(motion: Sequence[float], previous: float | None) -> float:
    """Return by how much the Euclidean norm of all six motion parameters grew since it was `previous`.

    Parameters
    ----------
    motion : sequence of float
        Roll, pitch, yaw (degrees), dS, dL, dP (mm).
    previous : float or None
        The norm to compare with; None: NaN is returned.
    """
    return math.nan if previous is None else math.sqrt(sum(x**2 for x in motion)) - previous


def map_unit(steps: Sequence[str]) -> str:
    """Return the unit of what rtcog's preprocessing steps make of a volume; empty where they do not tell.

    ``snorm`` makes z values over the voxels of a volume. ``windowing`` sums those of the newest volumes, with weights
    that fall off with their age, so that they no longer have a standard deviation of 1. What other steps leave behind
    depends on the scanner.

    Parameters
    ----------
    steps : sequence of str
        Names of the steps that are enabled, in their order.
    """
    last = [step.lower() for step in steps[-2:]]
    if last[-1:] == ["snorm"]:
        return "z"
    return "windowed z" if last == ["snorm", "windowing"] else ""


def template_maps(
    labels: Sequence[str], masks: Mapping[str, Any], values: Mapping[str, Any], nv: int
) -> npt.NDArray[np.float32]:
    """Return templates that are known inside masks of their own as whole maps.

    Parameters
    ----------
    labels : sequence of str
        The templates' names, in the order of the scores' rows.
    masks : mapping of str to ndarray
        Which voxels a template has values for: (nv,) of bool, or their indices.
    values : mapping of str to ndarray
        A template's values, one a voxel of its mask.
    nv : int
        Voxels of a map.

    Returns
    -------
    maps : ndarray, (n, nv) float32
        NaN outside a template's mask.

    Raises
    ------
    KeyError, IndexError, ValueError
        If a template is missing, or does not fit its mask or `nv`.
    """
    maps = np.full((len(labels), nv), np.nan, np.float32)
    for row, label in zip(maps, labels, strict=True):
        mask, inside = np.asarray(masks[label]), np.asarray(values[label])
        if mask.dtype == bool and mask.shape != (nv,):
            raise ValueError(
                f"template {label!r} has a mask of shape {mask.shape}, expected ({nv},): it is on another grid"
            )
        count = len(row[mask])
        if inside.shape != (count,):
            raise ValueError(f"template {label!r} has values of shape {inside.shape}, expected ({count},) by its mask")
        row[mask] = inside
    return maps


def unallocated(fd: int, size: int) -> int:
    """Return how many bytes a shared segment can still come to occupy, because nothing was written there yet.

    Parameters
    ----------
    fd : int
        Descriptor of the segment; negative where there is none.
    size : int
        Bytes of the segment, which are all counted where the system does not say more.
    """
    if fd < 0:
        return size
    status = os.fstat(fd)
    return max(0, status.st_size - getattr(status, "st_blocks", 0) * BLOCK)
