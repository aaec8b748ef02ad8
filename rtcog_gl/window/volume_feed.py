"""What the watcher brings of the published volumes: new records, the newest volume, and earlier ones when asked."""

from __future__ import annotations

import time
from dataclasses import replace

from ..model.session import FloatArray, Live, Session, Stamps, Update
from .columns import Columns

TEMPLATE_BYTES = 64 << 20
"""Template maps of a session that has ended are copied up to this size; beyond it, the segment is kept."""


class VolumeFeed:
    """Copies volumes out of shared memory; for the watcher's thread, but for `template`.

    Parameters
    ----------
    columns : Columns
        The session's segments.
    session : Session
        What does not change in the run.
    """

    copied: int
    """Volumes whose record was handed out: ``0 .. copied - 1``."""

    def __init__(self, columns: Columns, session: Session) -> None:
        self.copied = 0
        self._columns, self._session = columns, session
        self._kept: dict[int, FloatArray] = {}
        self._templates: dict[int, FloatArray] = {}

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
        return self._kept.get(tr) if reader is None else reader.column(tr)

    def template(self, k: int) -> FloatArray | None:
        """Return the map of template `k`, (Nv,), a copy, NaN outside its mask; None where there is none. Any thread."""
        if not self._session.has_templates:
            return None
        reader = self._columns.volumes()
        if reader is not None:
            return reader.template(k)
        kept = self._templates.get(k)
        return None if kept is None else kept.copy()

    def let_go(self) -> None:
        """After the end, keep the newest volume and the templates, and give the rest of the memory back."""
        reader, session = self._columns.volumes(), self._session
        if reader is not None:
            n = session.n_templates if session.has_templates else 0
            if 4 * n * session.nv > TEMPLATE_BYTES:
                return
            newest = self.column(self.copied - 1)
            self._kept = {} if newest is None else {self.copied - 1: newest}
            # Before the segment goes, because another thread may ask for a template right now.
            self._templates = {k: map_ for k in range(n) if (map_ := reader.template(k)) is not None}
        self._columns.close("volumes")
