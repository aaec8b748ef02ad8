"""What the watcher brings of the published volumes: new records, the newest volume, and earlier ones when asked."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..model.session import FloatArray, Live, Session, Stamps, Update
from ..model.volume import IntArray
from ..session.volumes_room import shared_free
from .columns import Columns
from .kept import Kept

PLENTY = 4
"""Volumes stay in shared memory after the end where so many times as much is free."""

TEMPLATE_BYTES = 256 << 20
"""Template maps of a session that has ended are kept up to this size; beyond it, the segment is."""


class VolumeFeed:
    """Copies volumes out of shared memory; for the watcher's thread, but for `template` and `template_value`.

    Parameters
    ----------
    columns : Columns
        The session's segments.
    session : Session
        What does not change in the run.
    kept : Kept
        What is left of the volumes after the end.
    """

    copied: int
    """Volumes whose record was handed out: ``0 .. copied - 1``."""

    def __init__(self, columns: Columns, session: Session, kept: Kept) -> None:
        self.copied = 0
        self._columns, self._session, self._kept = columns, session, kept

    def as_copied(self, live: Live) -> Live:
        """Return the state as far as its records were handed out."""
        return live if live.n_volumes == self.copied else replace(live, n_volumes=self.copied)

    def news(self, live: Live, whole: bool) -> Update | None:
        """Return an update with the records that are new, or None.

        Parameters
        ----------
        live : Live
            The board's state.
        whole : bool
            Whether the newest volume shall come with its record, if the session has volumes.
        """
        first, end = self.copied, min(live.n_volumes, self._session.nt)
        reader = self._columns.volumes() if end > first else None
        if reader is None:
            return None
        records = reader.records(first, end)
        self.copied = end
        update = Update(self.as_copied(live), first_volume=first, volumes=records)
        column = self.column(end - 1) if whole else None
        if column is None:
            return update
        stamps = Stamps(int(records["committed"][-1]), 0, time.monotonic_ns())
        return replace(update, volume_tr=end - 1, volume_column=column, volume_stamps=stamps)

    def column(self, tr: int) -> FloatArray | None:
        """Return volume `tr`, (Nv,), a copy; None where it is no longer there, or never was."""
        if not self._session.slots:
            return None
        reader = self._columns.volumes()
        return self._kept.get(("volume", tr)) if reader is None else reader.column(tr)

    def values(self, voxels: IntArray, first: int, end: int) -> tuple[IntArray, FloatArray]:
        """Return TRs (k,) and values (k, n) of some voxels in volumes ``first .. end - 1``, as far as they are there.

        Raises
        ------
        IndexError
            If a voxel is out of range.
        """
        reader = self._columns.volumes() if self._session.slots else None
        if reader is not None:
            return reader.values(voxels, first, end)
        there = [tr for tr in range(first, end) if ("volume", tr) in self._kept]
        columns = {tr: column for tr in there if (column := self.column(tr)) is not None}
        values = np.zeros((len(columns), len(voxels)), np.float32)
        for row, column in zip(values, columns.values(), strict=True):
            row[:] = column[voxels]
        return np.array(list(columns), np.int64), values

    def template(self, k: int) -> FloatArray | None:
        """Return the map of template `k`, (Nv,), a copy, NaN outside its mask; None where there is none. Any thread."""
        if not self._session.has_templates:
            return None
        reader = self._columns.volumes()
        return self._kept.get(("template", k)) if reader is None else reader.template(k)

    def template_value(self, k: int, voxel: int) -> float:
        """Return the value of template `k` at a voxel; NaN outside its mask, or where it is not known. Any thread."""
        if not self._session.has_templates:
            return math.nan
        reader = self._columns.volumes()
        if reader is not None:
            return reader.template_value(k, voxel)
        value = self._kept.get(("template", k), voxel, voxel + 1)
        return math.nan if value is None else float(value[0])

    def keep(self) -> Iterator[None]:
        """After the end, keep all volumes where shared memory is plentiful, so that the run can be looked through.

        Elsewhere keep the newest volume and the templates in steps, and give the rest of the memory back.

        Raises
        ------
        OSError
            If there is no room for them.
        """
        reader, session = self._columns.volumes(), self._session
        if reader is not None:
            if self._plenty():
                return
            n = session.n_templates if session.has_templates else 0
            if 4 * n * session.nv > TEMPLATE_BYTES:
                return
            newest = self.column(self.copied - 1)
            if newest is not None:
                self._kept.put(("volume", self.copied - 1), newest)
            # Before the segment goes, because another thread may ask for a template right now.
            for k in range(n):
                template = reader.template(k)
                if template is not None:
                    self._kept.put(("template", k), template)
                yield
        self._columns.close("volumes")

    def _plenty(self) -> bool:
        """Return whether the next session has shared memory enough although the volumes stay in theirs."""
        free = shared_free()
        return free is not None and free[0] >= PLENTY * self._columns.size("volumes")
