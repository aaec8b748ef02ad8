"""The watcher: a thread that copies what is new out of shared memory and wakes the window."""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..model.session import FloatArray, Live, Session, Stamps, Update
from ..session.board import BoardReader
from .columns import Columns
from .volume_feed import VolumeFeed

log = logging.getLogger("rtcog_gl")

PATIENCE_S = 0.25
"""The board is read at least this often, even when the doorbell is silent."""

POLL_S = 0.002
"""How often the board is read where there is no doorbell."""

KEPT_BYTES = 1 << 28
"""Maps of a session that has ended are kept up to this size; beyond it, rtcog's own memory is."""

KEEPER_LOST = "the viewer's keeper is gone: what is shown is no longer live"


class Watcher:
    """Follows a board and turns what is new into `Update` objects.

    Parameters
    ----------
    reader : BoardReader
        The board; used by the watcher's thread alone once it runs.
    columns : Columns
        The session's segments.
    doorbell : int or None
        File descriptor that becomes readable when the board has news; None polls.
    wake : callable
        Called from the thread when an update is waiting.
    committed : (2, Nt) uint64 array or None
        The producer's own stamps, where there are any.
    """

    def __init__(
        self,
        reader: BoardReader,
        columns: Columns,
        doorbell: int | None,
        wake: Callable[[], None],
        committed: npt.NDArray[np.uint64] | None = None,
    ) -> None:
        self._reader = reader
        self._columns = columns
        self._doorbell = doorbell
        self._wake = wake
        self._committed = committed
        self._session: Session = reader.session
        self._updates: deque[Update] = deque()
        self._copied = 0
        self._maps_seen = 0
        self._live = Live()
        self._volumes = VolumeFeed(columns, reader.session)
        self._wanted: deque[int] = deque()
        self._wanted_volumes: deque[int] = deque()
        self._kept: dict[int, FloatArray] = {}
        self._rung_off = False
        self._stop = threading.Event()
        self._errors: set[str] = set()
        # On Windows pipes cannot be selected, and the board is polled there anyway.
        self._nudged: int | None = None
        self._nudge: int | None = None
        if os.name == "posix":
            self._nudged, self._nudge = os.pipe()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self.lost = ""
        """Why nothing new can come; empty while the keeper lives."""

        self.wants_volumes = True
        """Whether the newest volume is copied as it comes; its record always is. Set by whoever shows it."""

    def start(self) -> None:
        """Begin to follow the board."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following; returns within half a second."""
        self._stop.set()
        self._wake_thread()
        self._thread.join(2 * PATIENCE_S)

    def take(self) -> list[Update]:
        """Return the updates since the last call, oldest first."""
        updates = []
        while self._updates:
            updates.append(self._updates.popleft())
        return updates

    def want_map(self, tr: int) -> None:
        """Ask for the map of an earlier hit; it comes as an update."""
        self._wanted.append(tr)
        self._wake_thread()

    def want_volume(self, tr: int) -> None:
        """Ask for an earlier volume; it comes as an update, without a column where it is no longer there."""
        self._wanted_volumes.append(tr)
        self._wake_thread()

    def template(self, k: int) -> FloatArray | None:
        """Return the map of template `k`, (Nv,), float32, owned, NaN outside its mask; None where there is none.

        Read on the caller's thread, at any time.
        """
        return self._volumes.template(k)

    def _wake_thread(self) -> None:
        if self._nudge is not None:
            os.write(self._nudge, b".")

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except Exception as error:
                self._failed(error)
            self._wait()

    def _failed(self, error: Exception) -> None:
        """Log each kind of error once; the next look tries again."""
        kind = f"{type(error).__name__}: {error}"
        if kind not in self._errors:
            self._errors.add(kind)
            log.error("the board or the columns could not be read: %s", kind, exc_info=error)
        time.sleep(PATIENCE_S)

    def _wait(self) -> None:
        """Sleep until the doorbell rings, somebody wants a map, or patience ends."""
        if self._nudged is None:
            time.sleep(POLL_S)
            return
        bells = [self._nudged] if self._doorbell is None else [self._nudged, self._doorbell]
        patience = PATIENCE_S if self._doorbell is not None or self._rung_off else POLL_S
        for bell in select.select(bells, [], [], patience)[0]:
            if not os.read(bell, 4096):
                # The keeper has closed its end: the session is over, or the keeper died.
                self._doorbell, self._rung_off = None, True

    def _look(self) -> None:
        live = self._reader.newer()
        now = time.monotonic_ns()
        if live is not None:
            news = self.lost or replace(live, heartbeat_ns=self._live.heartbeat_ns) != self._live
            self._live = live
            self.lost = ""
            if news:
                self._tell(live)
        elif not self._live.ended and not self._live.lost and not self.lost and not self._reader.writer_alive(now):
            self.lost = KEEPER_LOST
            self._push(Update(self._volumes.as_copied(self._live)))
        while self._wanted:
            tr = self._wanted.popleft()
            self._push(Update(self._volumes.as_copied(self._live), map_tr=tr, map_column=self._map(tr)))
        while self._wanted_volumes:
            tr = self._wanted_volumes.popleft()
            column = self._volumes.column(tr)
            self._push(Update(self._volumes.as_copied(self._live), volume_tr=tr, volume_column=column))
        if self._live.ended and not self._kept and self._copied >= self._live.n_final:
            self._let_go()

    def _let_go(self) -> None:
        """After the end, keep the maps and give rtcog's memory back: a window can stay open long after a session."""
        columns = {tr: column for tr in self._live.maps if (column := self._map(tr)) is not None}
        if sum(column.nbytes for column in columns.values()) <= KEPT_BYTES:
            self._kept = columns or {-1: np.zeros(0, np.float32)}
            self._columns.close("scores", "maps")
            self._volumes.let_go()

    def _tell(self, live: Live) -> None:
        """Push what is new; scores and hits do not wait while a volume is copied."""
        update = self._update(self._volumes.as_copied(live))
        has_columns = update.scores.shape[1] > 0 or update.map_tr is not None
        if has_columns:
            self._push(update)
        volumes = self._volumes.news(live, self.wants_volumes)
        if volumes is not None:
            self._push(volumes)
        elif not has_columns:
            self._push(update)

    def _push(self, update: Update) -> None:
        self._updates.append(update)
        self._wake()

    def _update(self, live: Live) -> Update:
        first = self._copied
        scores = self._new_scores(first, live.n_final)
        seen = time.monotonic_ns()
        stamps = tuple(self._stamps(0, t, seen) for t in range(first, first + scores.shape[1]))
        self._copied = first + scores.shape[1]
        tr, column, map_stamps = None, None, Stamps()
        if len(live.maps) > self._maps_seen:
            tr = live.maps[-1]
            column = self._map(tr)
            if column is None:
                tr = None
            else:
                map_stamps = self._stamps(1, tr, time.monotonic_ns())
            self._maps_seen = len(live.maps)
        return Update(live, first, scores, stamps, tr, column, map_stamps)

    def _new_scores(self, first: int, end: int) -> FloatArray:
        """Copy columns ``first .. end - 1``; those before the first scored volume are not measured."""
        session = self._session
        end = min(end, session.nt)
        if end <= first:
            return np.zeros((session.n_templates, 0), np.float32)
        owned = np.full((session.n_templates, end - first), np.nan, np.float32)
        scored = max(first, session.match_start)
        if scored < end:
            array = self._columns.array("scores")
            if array is None:
                return owned[:, :0]
            owned[:, scored - first :] = array[:, scored:end]
        return owned

    def _map(self, tr: int) -> FloatArray | None:
        if self._kept:
            return self._kept.get(tr)
        array = self._columns.array("maps")
        if array is None or not 0 <= tr < array.shape[1]:
            return None
        return np.array(array[:, tr], np.float32)

    def _stamps(self, row: int, t: int, seen: int) -> Stamps:
        committed = int(self._committed[row, t]) if self._committed is not None else 0
        return Stamps(committed, self._reader.stamp(row, t), seen)
