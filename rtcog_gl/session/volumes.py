"""The writer of a producer's volumes and their readers; `volumes_layout` draws the layout and says who orders what."""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.model.records import VOLUME, VolumeRecords, VolumesInfo, no_records
from rtcog_gl.model.session import FloatArray
from rtcog_gl.model.volume import IntArray
from rtcog_gl.session.segments import ReadOnlySegment
from rtcog_gl.session.volumes_layout import (
    CHECKED,
    HEADER,
    LARGEST,
    NOTHING,
    RECORD,
    Header,
    barrier,
    read_header,
)
from rtcog_gl.session.volumes_room import find_room, make

__all__ = ["VolumeReader", "VolumeWriter"]


class VolumeWriter:
    """Makes a segment of volumes and publishes them; never blocks.

    Parameters
    ----------
    nt : int
        Volumes expected in the run.
    nv : int
        Voxels of a volume.
    slots : int
        Newest volumes to keep whole; 0: none, -1: as many as fit into 512 MiB. Never more than `nt`, and fewer where
        the machine has no room for them (see `note`).
    templates : ndarray, (n, nv), optional
        Template maps, NaN outside a template's own mask.
    rule : HitRule, optional
        When the producer declares a hit.
    reserve : int
        Bytes of shared memory that the session itself may still come to occupy: they stay free.
    private : int
        Bytes of other memory that it may still come to occupy.

    Raises
    ------
    OSError
        If there is no room for the records alone.
    ValueError
        If a size makes no sense.
    """

    info: VolumesInfo
    """What a reader needs to know."""

    note: str
    """One sentence for the operator when there is less than was wanted; else empty."""

    def __init__(
        self,
        nt: int,
        nv: int,
        *,
        slots: int = -1,
        templates: npt.NDArray[np.float32] | None = None,
        rule: HitRule | None = None,
        reserve: int = 0,
        private: int = 0,
    ) -> None:
        nt, nv, slots = int(nt), int(nv), int(slots)
        if not (0 <= nt <= LARGEST and 1 <= nv <= LARGEST and -1 <= slots <= LARGEST):
            raise ValueError(f"volumes cannot be published: got {nt} volumes of {nv} voxels and {slots} slots for them")
        maps = np.zeros((0, nv), np.float32) if templates is None else np.asarray(templates)
        if maps.ndim != 2 or maps.shape[1] != nv:
            raise ValueError(f"the templates have shape {maps.shape}, expected (n, {nv})")
        _check_type("templates have", maps)
        shm, head, self.note = make(nt, nv, slots, len(maps), find_room(reserve, private))
        self._owner, self._head, self._n = os.getpid(), head, 0
        buf: Any = shm.buf
        self._buf = buf
        self._count, self._tags, shown, self._columns = _arrays(buf, head)
        self._tags[:] = NOTHING
        with np.errstate(all="ignore"):
            np.copyto(shown, maps[: len(shown)], casting="same_kind")
        barrier()
        buf[: HEADER.size] = HEADER.pack(*head)
        # Last, so that a writer that nobody closed lets go of its arrays before its segment.
        self._shm = shm
        self.info = VolumesInfo(shm.name, nt, nv, head.slots, head.n_templates, rule, self.note)

    def publish(
        self,
        t: int,
        column: npt.NDArray[np.floating] | None,
        *,
        received: int,
        processed: int,
        motion: Sequence[float] | None,
        norm_change: float,
        cooldown_end: int,
        action: bool,
    ) -> None:
        """Publish volume `t`. Volumes that are passed over stay without a record.

        Parameters
        ----------
        t : int
            The volume: larger than the last one published, below `nt`.
        column : ndarray, (nv,) or (nv, 1), optional
            The volume itself, of any type of floating point; None publishes the record alone.
        received, processed : int
            Monotonic ns at which the producer was handed the volume, and had done all of its own work on it.
        motion : sequence of 6 float, optional
            Roll, pitch, yaw (degrees), dS, dL, dP (mm).
        norm_change : float
            Change of the motion's norm; NaN where there was nothing to compare with.
        cooldown_end : int
            First TR at which a hit can be declared again.
        action : bool
            Whether the survey was running when the volume came.

        Raises
        ------
        ValueError
            If `t` is out of range, the column has another length, or the segment is closed; nothing is changed then.
        """
        t = int(t)
        if self._buf is None:
            raise ValueError(f"volume {t} cannot be published: the volumes' segment is closed")
        if not self._n <= t < self._head.nt:
            raise ValueError(f"volume {t} cannot be published: expected {self._n} to {self._head.nt - 1}")
        flat = None if column is None else _flat(column, self._head.nv)
        whole = flat is not None and self._head.slots > 0
        record = np.zeros(1, VOLUME)
        record["received"], record["processed"] = received, processed
        record["motion"] = np.nan if motion is None else _six(motion)
        record["norm_change"], record["cooldown_end"] = norm_change, cooldown_end
        record["action"], record["has_map"] = bool(action), whole
        if flat is not None and whole:
            self._copy(t, flat)
        record["committed"] = time.monotonic_ns()
        record["check"] = zlib.crc32(record.tobytes()[:CHECKED])
        at = self._head.records_at + RECORD * t
        self._buf[at : at + RECORD] = record.tobytes()
        barrier()
        self._count[0] = self._n = t + 1

    def _copy(self, t: int, flat: npt.NDArray[Any]) -> None:
        slot = t % self._head.slots
        self._tags[slot] = NOTHING
        barrier()
        # Too large a number becomes infinite, as in the producer's own single precision, and is no reason to warn.
        with np.errstate(all="ignore"):
            np.copyto(self._columns[slot], flat, casting="same_kind")
        barrier()
        self._tags[slot] = t

    def close(self) -> None:
        """Unmap the segment and remove its name; readers that have mapped it keep it. Does nothing the second time."""
        if self._buf is None:
            return
        self._count = self._tags = self._columns = self._buf = None
        with contextlib.suppress(BufferError):
            self._shm.close()
        # A forked child has a copy of this object, and the segment is not its to remove.
        if os.getpid() == self._owner:
            with contextlib.suppress(FileNotFoundError):
                self._shm.unlink()


def _flat(column: npt.NDArray[np.floating], nv: int) -> npt.NDArray[Any]:
    """Return the column as (nv,), without a copy."""
    array = np.asarray(column)
    if array.shape not in ((nv,), (nv, 1)):
        raise ValueError(f"the volume has shape {array.shape}, expected ({nv},) or ({nv}, 1)")
    _check_type("volume has", array)
    return array if array.ndim == 1 else array[:, 0]


def _check_type(what: str, array: npt.NDArray[Any]) -> None:
    if not np.can_cast(array.dtype, np.float32, "same_kind"):
        raise ValueError(f"the {what} type {array.dtype}, expected floating-point numbers")


def _six(motion: Sequence[float]) -> npt.NDArray[np.float64]:
    values = np.asarray(motion, np.float64).reshape(-1)
    if values.size != 6:
        raise ValueError(f"the motion has {values.size} numbers, expected 6")
    return values


def _arrays(buf: Any, head: Header) -> tuple[Any, Any, Any, Any]:
    """Return count, tags, templates and columns as arrays that keep the mapping in place."""
    return (
        np.frombuffer(buf, "<u8", 1, head.count_at),
        _array(buf, "<i8", (head.slots,), head.tags_at),
        _array(buf, "<f4", (head.n_templates, head.nv), head.templates_at),
        _array(buf, "<f4", (head.slots, head.nv), head.columns_at),
    )


def _array(buf: Any, dtype: str, shape: tuple[int, ...], at: int) -> npt.NDArray[Any]:
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(buf, dtype, count, at).reshape(shape) if count else np.zeros(shape, dtype)


class VolumeReader:
    """Reads a segment of volumes; whatever its bytes are, it neither fails nor reads beside it once it is made.

    What it returns is the caller's own and stays when the segment is closed.

    Parameters
    ----------
    segment : ReadOnlySegment
        The segment, which stays the caller's.
    info : VolumesInfo
        What it is said to hold.

    Raises
    ------
    ValueError
        If it does not hold what `info` says.
    """

    info: VolumesInfo
    """What the segment holds."""

    def __init__(self, segment: ReadOnlySegment, info: VolumesInfo) -> None:
        self._head = read_header(segment, info)
        self._buf, self.info = segment.buf, info
        self._count, self._tags, self._templates, self._columns = _arrays(self._buf, self._head)

    @property
    def count(self) -> int:
        """Volumes whose record is there, or was passed over: 0 to nt."""
        count = int(self._count[0])
        barrier()
        return min(count, self._head.nt)

    def records(self, first: int, end: int) -> VolumeRecords:
        """Return the records of volumes `first` to `end` (not included), as far as the run has such volumes.

        Those that are not there, or fail their check, are as `no_records` makes them.
        """
        first, end = max(0, int(first)), min(int(end), self._head.nt)
        if first >= end:
            return no_records(0)
        at = self._head.records_at
        raw = bytes(self._buf[at + RECORD * first : at + RECORD * end])
        records = np.frombuffer(raw, VOLUME).copy()
        view = memoryview(raw)
        sums = [zlib.crc32(view[i : i + CHECKED]) for i in range(0, len(raw), RECORD)]
        bad = (records["check"] != np.array(sums, np.uint32)) | (records["committed"] <= 0)
        records[bad] = no_records(1)[0]
        return records

    def column(self, t: int) -> FloatArray | None:
        """Return volume `t`, (nv,); None where it was overwritten, is being written, or was never published."""
        t = int(t)
        if not (0 <= t < self._head.nt and self._head.slots):
            return None
        slot = t % self._head.slots
        if self._tags[slot] != t:
            return None
        barrier()
        column: FloatArray = np.array(self._columns[slot], np.float32)
        barrier()
        return column if self._tags[slot] == t else None

    def template(self, k: int) -> FloatArray | None:
        """Return template `k`, (nv,), NaN outside its mask; None where there is none."""
        k = int(k)
        if not 0 <= k < self._head.n_templates:
            return None
        template: FloatArray = np.array(self._templates[k], np.float32)
        return template

    def template_value(self, k: int, voxel: int) -> float:
        """Return the value of template `k` at a voxel; NaN outside the template's own mask, or where there is none."""
        k, voxel = int(k), int(voxel)
        if not (0 <= k < self._head.n_templates and 0 <= voxel < self._head.nv):
            return float("nan")
        return float(self._templates[k, voxel])

    def values(self, voxels: IntArray, first: int = 0, end: int | None = None) -> tuple[IntArray, FloatArray]:
        """Return some voxels of all volumes that are still there.

        Parameters
        ----------
        voxels : array, (n,), int64
            Indices into a volume, each from 0 to nv - 1.
        first, end : int
            Volumes ``first`` to ``end - 1`` are looked at; `end` is `nt` by default.

        Returns
        -------
        trs : array, (k,), int64
            Volumes that could be read, ascending; one that was overwritten, is being written, or came without a map
            is left out.
        values : array, (k, n), float32

        Raises
        ------
        IndexError
            If a voxel is out of range.
        """
        voxels = np.asarray(voxels, np.int64)
        if voxels.size and not 0 <= voxels.min() <= voxels.max() < self._head.nv:
            raise IndexError(f"voxels {voxels.min()} to {voxels.max()} of a volume, expected 0 to {self._head.nv - 1}")
        end = self._head.nt if end is None else min(int(end), self._head.nt)
        before = np.array(self._tags, np.int64)
        # A tag that does not belong into its slot is damage.
        own = before % max(1, self._head.slots) == np.arange(self._head.slots)
        there = np.flatnonzero(own & (before >= max(0, int(first))) & (before < end))
        there = there[np.argsort(before[there])]
        barrier()
        values = np.array(self._columns[there[:, None], voxels[None, :]], np.float32)
        barrier()
        whole = self._tags[there] == before[there]
        return before[there[whole]], values[whole]
