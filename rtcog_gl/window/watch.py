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

from ..model.course import CourseRequest
from ..model.session import Derived, FloatArray, Live, Mean, Session, Stamps, Update
from ..session.board import BoardReader
from .background import Background, Job
from .columns import Columns
from .hit_maps import HitMaps
from .jobs import CourseReader, Jobs
from .kept import Kept
from .scores import new_scores
from .volume_feed import VolumeFeed

log = logging.getLogger("rtcog_gl")

PATIENCE_S = 0.25
"""The board is read at least this often, even when the doorbell is silent."""

POLL_S = 0.002
"""How often the board is read where there is no doorbell."""

FIRST, SOON, LATER, LAST = range(4)
"""Ranks of what is done between looks: maps that were asked for, figures over them, thumbnails, clearing up."""

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
        self._kept = Kept()
        self._hit_maps = HitMaps(columns, self._kept)
        self._volumes = VolumeFeed(columns, reader.session, self._kept)
        self._jobs = Jobs(reader.session, reader.grid, self._hit_maps, self._volumes)
        self._background = Background()
        self._asked: deque[Callable[[], None]] = deque()
        self._course: CourseReader | None = None
        self._cleared_up = False
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
        self._kept.close()

    def take(self) -> list[Update]:
        """Return the updates since the last call, oldest first."""
        updates = []
        while self._updates:
            updates.append(self._updates.popleft())
        return updates

    @property
    def wants_glass(self) -> bool:
        """Whether maps come with their projections. Set by whoever shows them."""
        return self._jobs.wants_glass

    @wants_glass.setter
    def wants_glass(self, wanted: bool) -> None:
        self._jobs.wants_glass = wanted

    def want_map(self, tr: int, which: str = "map") -> None:
        """Ask for the map of an earlier hit, and of no other hit for the same purpose; it comes as an update."""
        self._ask(lambda: self._add(which, FIRST, self._jobs.hit(tr), Update(Live(), map_tr=tr)))

    def want_volume(self, tr: int) -> None:
        """Ask for an earlier volume and no longer for any other; its update has no column where it is not there."""
        self._ask(lambda: self._add("volume", FIRST, self._jobs.volume(tr), Update(Live(), volume_tr=tr)))

    def want_mean(self, trs: tuple[int, ...]) -> None:
        """Ask for the mean over the maps of the hits at these TRs, and no longer for any other mean."""
        self._ask(lambda: self._add("mean", SOON, self._jobs.mean(trs), Update(Live(), mean=Mean(trs, None))))

    def want_thumb(self, tr: int) -> None:
        """Ask for the thumbnail of a hit; it comes as an update, once, also if it was on its way."""
        self._ask(lambda: self._add_thumb(tr))

    def want_course(self, request: CourseRequest | None) -> None:
        """Ask for a time course, now and after every new volume, and no longer for any other; None: for none."""
        self._ask(lambda: self._follow_course(request))

    def template(self, k: int) -> FloatArray | None:
        """Return the map of template `k`, (Nv,), float32, owned, NaN outside its mask; None where there is none.

        Read on the caller's thread, at any time.
        """
        return self._volumes.template(k)

    def template_value(self, k: int, voxel: int) -> float:
        """Return the value of template `k` at a voxel; NaN outside its mask, or where it is not known.

        Read on the caller's thread, at any time.
        """
        return self._volumes.template_value(k, voxel)

    def _add(self, key: str, rank: int, job: Job, refusal: Update) -> None:
        """Have a job done that is always answered: whoever waits for it hears of it when it fails."""
        self._background.add(key, rank, self._answered(job, refusal))

    def _answered(self, job: Job, refusal: Update) -> Job:
        try:
            return (yield from job)
        except Exception as error:
            self._complain("a map could not be worked on", error)
            return refusal

    def _derived(self, column: FloatArray) -> Derived | None:
        """Work out what the drawing needs; where that fails, the drawing has to."""
        try:
            return self._jobs.derived(column)
        except Exception as error:
            self._complain("a map could not be worked on", error)
            return None

    def _ask(self, what: Callable[[], None]) -> None:
        self._asked.append(what)
        self._wake_thread()

    def _add_thumb(self, tr: int) -> None:
        if ("thumb", tr) not in self._background:
            self._background.add(("thumb", tr), LATER, self._jobs.thumb(tr))

    def _follow_course(self, request: CourseRequest | None) -> None:
        self._course = None if request is None else CourseReader(request, self._volumes)
        self._background.drop("course")
        self._continue_course()

    def _continue_course(self) -> None:
        if self._course is not None and "course" not in self._background:
            self._background.add("course", SOON, self._course.job())

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
        """Log, and let the next look try again."""
        self._complain("the board or the columns could not be read", error)
        time.sleep(PATIENCE_S)

    def _complain(self, what: str, error: Exception) -> None:
        """Log each kind of error once."""
        kind = f"{type(error).__name__}: {error}"
        if kind not in self._errors:
            self._errors.add(kind)
            log.error("%s: %s", what, kind, exc_info=error)

    def _wait(self) -> None:
        """Sleep until the doorbell rings, somebody asks for something, or patience ends; not while there is work."""
        busy = len(self._background) > 0
        if self._nudged is None:
            time.sleep(0 if busy else POLL_S)
            return
        bells = [self._nudged] if self._doorbell is None else [self._nudged, self._doorbell]
        patience = PATIENCE_S if self._doorbell is not None or self._rung_off else POLL_S
        for bell in select.select(bells, [], [], 0 if busy else patience)[0]:
            if not os.read(bell, 4096):
                # The keeper has closed its end: the session is over, or the keeper died.
                self._doorbell, self._rung_off = None, True

    def _look(self) -> None:
        """Tell what is new on the board, then do one step of what was asked for."""
        live = self._reader.newer()
        now = time.monotonic_ns()
        if live is not None:
            news = self.lost or replace(live, heartbeat_ns=self._live.heartbeat_ns) != self._live
            self._live = live
            self.lost = ""
            # What could not be read with the last news is tried again.
            if news or self._copied < min(live.n_final, self._session.nt):
                self._tell(live)
        elif not self._live.ended and not self._live.lost and not self.lost and not self._reader.writer_alive(now):
            self.lost = KEEPER_LOST
            self._push(Update(self._as_told()))
        while self._asked:
            self._asked.popleft()()
        if self._live.ended and not self._cleared_up and self._copied >= self._live.n_final:
            self._cleared_up = True
            self._background.add("keep", LAST, self._jobs.keep(self._live.maps))
        self._step()

    def _step(self) -> None:
        """Do one step; what fails costs the one who asked, and nobody else."""
        try:
            made = self._background.step()
        except Exception as error:
            self._complain("a map could not be worked on", error)
            return
        if made is not None:
            self._push(replace(made, live=self._as_told()))

    def _as_told(self) -> Live:
        """Return the state as far as hits' maps and volumes' records were handed out: none is asked for meanwhile."""
        live = self._volumes.as_copied(self._live)
        return live if len(live.maps) <= self._maps_seen else replace(live, maps=live.maps[: self._maps_seen])

    def _tell(self, live: Live) -> None:
        """Push what is new, each in an update of its own: scores wait neither for a hit's map nor for a volume."""
        pushed = [self._tell_scores(live), self._tell_map(live)]
        volumes = self._volumes.news(live, self.wants_volumes)
        if volumes is not None:
            column = volumes.volume_column
            self._push(volumes if column is None else replace(volumes, volume_derived=self._derived(column)))
            self._continue_course()
        elif not any(pushed):
            self._push(Update(self._as_told()))

    def _push(self, update: Update) -> None:
        self._updates.append(update)
        self._wake()

    def _tell_scores(self, live: Live) -> bool:
        """Push new scores; return whether there are any."""
        first = self._copied
        scores = new_scores(self._columns, self._session, first, live.n_final)
        seen = time.monotonic_ns()
        stamps = tuple(self._stamps(0, t, seen) for t in range(first, first + scores.shape[1]))
        if not stamps:
            return False
        self._copied = first + len(stamps)
        self._push(Update(self._as_told(), first, scores, stamps))
        return True

    def _tell_map(self, live: Live) -> bool:
        """Push the newest hit's map, if it is new; return whether anything was pushed."""
        if len(live.maps) <= self._maps_seen:
            return False
        self._maps_seen = len(live.maps)
        tr = live.maps[-1]
        column = self._hit_maps.column(tr)
        if column is None:
            self._push(Update(self._as_told()))
            return True
        stamps = self._stamps(1, tr, time.monotonic_ns())
        derived = self._derived(column)
        self._push(Update(self._as_told(), map_tr=tr, map_column=column, map_stamps=stamps, map_derived=derived))
        return True

    def _stamps(self, row: int, t: int, seen: int) -> Stamps:
        committed = int(self._committed[row, t]) if self._committed is not None else 0
        return Stamps(committed, self._reader.stamp(row, t), seen)
