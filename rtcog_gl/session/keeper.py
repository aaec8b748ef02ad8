"""The keeper: follows a session's source, writes the board, and keeps a window open. No OpenGL here."""

from __future__ import annotations

import contextlib
import logging
import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.records import VolumesInfo
from rtcog_gl.model.session import Live, Session
from rtcog_gl.model.volume import MaskGrid
from rtcog_gl.session import discovery
from rtcog_gl.session.board import HEARTBEAT_S, BoardWriter, SegmentInfo, Static
from rtcog_gl.session.child import POSIX, Handover, WindowProcess
from rtcog_gl.session.segments import ReadOnlySegment

log = logging.getLogger("rtcog_gl")

END_SHOWN_S = 2.0
"""Longest time that the keeper waits for the window to say that it showed the session's end."""

SEGMENTS_S = 0.5
"""Longest time that the first window waits for rtcog's segments; a window that starts without them uses their names."""

ROLES = frozenset({"scores", "maps"})
"""The segments that the first window waits for."""

AFTER_ERROR_S = 0.05
"""Pause after a poll that failed."""

PASSING_S = 30.0
"""What is over, such as a window that died and is back, is said for so long."""

MAX_ERRORS = 100
"""Kinds of errors that are said; a source that finds ever new words is not listened to any longer."""

MAX_MESSAGES = 50
LONGEST_MESSAGE = 500


class Source(Protocol):
    """What the keeper follows: rtcog, a replay, a test."""

    @property
    def session(self) -> Session:
        """What does not change."""

    @property
    def grid(self) -> MaskGrid | None:
        """The mask in space, or None when it cannot be used."""

    @property
    def live(self) -> Live:
        """The state after the last poll."""

    @property
    def final_ns(self) -> npt.NDArray[np.uint64]:
        """(2, Nt): when each column and map was found final."""

    @property
    def segments(self) -> Mapping[str, Any]:
        """The mapped segments by role (``scores``, ``maps``, ``volumes``), each with `name`, `fd` and `identity`."""

    @property
    def volumes(self) -> VolumesInfo | None:
        """Where the session publishes each volume; None where it does not."""

    def poll(self) -> bool:
        """Look for news; return whether `live` changed."""

    def wait_hint(self) -> float:
        """Return the seconds that the next poll can wait."""

    def pause(self, seconds: float) -> None:
        """Sleep until the next poll, or until there is news, where that wakes."""

    def close(self) -> None:
        """Let go of everything."""


class ParentWatch:
    """Tells whether rtcog's process is gone, for a keeper that runs in a process of its own."""

    def __init__(self) -> None:
        self._parent = multiprocessing.parent_process()
        self._ppid = os.getppid()

    def gone(self) -> bool:
        """Whether the process that started this one has died.

        The number of the parent is asked too, because siblings that were forked later keep the parent's sentinel open.
        """
        if self._parent is None:
            return False
        return (POSIX and os.getppid() != self._ppid) or not self._parent.is_alive()


@contextlib.contextmanager
def tidy_signals(stop: Callable[[], None] = lambda: None) -> Iterator[None]:
    """In a process that rtcog started, pass over Ctrl-C (rtcog decides) and call `stop` on SIGTERM.

    What was there before is put back in the end. Anywhere else nothing is changed. Handlers that do nothing are
    installed rather than ``SIG_IGN``, which the window's process would inherit.
    """
    own_process = multiprocessing.parent_process() is not None
    if not own_process or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: stop()),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


class Keeper:
    """Follows one session to its end.

    Parameters
    ----------
    source : Source
        What to follow; closed at the end.
    window : WindowProcess or None
        Keeps a window open; None for none.
    flags : sequence of str
        The window's options.
    messages : sequence of str
        Sentences for the operator, known beforehand.
    prefix : str
        Put before the names of rtcog's segments.
    """

    def __init__(
        self,
        source: Source,
        window: WindowProcess | None = None,
        flags: Sequence[str] = (),
        messages: Sequence[str] = (),
        prefix: str = "",
    ) -> None:
        self._source = source
        self._window = window
        self._flags = tuple(flags)
        self._prefix = prefix
        self._parent = ParentWatch()
        self._messages: dict[str, float] = {}
        self._errors: set[tuple[type, str]] = set()
        self._lost = ""
        self._stop = threading.Event()
        self._board: BoardWriter | None = None
        self._own: ReadOnlySegment | None = None
        self._live = Live()
        self._published = self._tended = 0.0
        self._dirty = True
        for message in messages:
            self.say(message)

    @property
    def live(self) -> Live:
        """The state as published last."""
        return self._live

    @property
    def board_name(self) -> str | None:
        """Name of the board's segment while there is one."""
        return None if self._board is None else self._board.name

    def say(self, message: str, for_s: float = math.inf) -> None:
        """Log a sentence and show it to the operator, for so many seconds; said again, it stays longer.

        Parameters
        ----------
        message : str
            The sentence.
        for_s : float
            Seconds after which it goes; for ever by default.
        """
        message = message[:LONGEST_MESSAGE]
        new = message not in self._messages
        self._messages[message] = time.monotonic() + for_s
        if new:
            log.warning("%s", message)
            self._messages = dict(list(self._messages.items())[-MAX_MESSAGES:])
            self._dirty = True

    def _forget(self, now: float) -> None:
        """Drop the sentences whose time is over."""
        kept = {message: until for message, until in self._messages.items() if now < until}
        self._dirty = self._dirty or len(kept) < len(self._messages)
        self._messages = kept

    def stop(self) -> None:
        """Ask `run` to return soon."""
        self._stop.set()

    def run(self) -> None:
        """Follow the session until it ends, rtcog is gone, or `stop` is called."""
        announced: Path | None = None
        with tidy_signals(self.stop):
            try:
                self._open_board()
                # Whoever finds the board from now on finds the session's state on it.
                self._step()
                announced = self._announce()
                self._follow()
            finally:
                self._close(announced)

    def _follow(self) -> None:
        window_due = time.monotonic() + SEGMENTS_S
        started = False
        while not self._stop.is_set():
            self._step()
            if not started and (self._source.segments.keys() >= ROLES or time.monotonic() >= window_due):
                started = True
                self._start_window()
            if self._live.ended or self._live.lost:
                self._await_window()
                return
            self._source.pause(self._pause())

    def _step(self) -> None:
        """Poll and publish; whatever goes wrong is said once, and the next step tries again."""
        try:
            self._dirty = self._source.poll() or self._dirty
        except Exception as error:
            self._failed(error)
        try:
            self._publish()
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        kind = (type(error), str(error))
        if kind in self._errors or len(self._errors) < MAX_ERRORS:
            what = f"{type(error).__name__}: {error}"
            self.say(f"The session could not be followed for a moment: {what}; it is tried again.", PASSING_S)
        if kind not in self._errors and len(self._errors) < MAX_ERRORS:
            self._errors.add(kind)
            log.debug("Where that came from", exc_info=error)
        self._stop.wait(AFTER_ERROR_S)

    def _publish(self) -> None:
        """Write the board when something changed or the heartbeat is due, and ring when something changed."""
        now = time.monotonic()
        if now - self._tended >= HEARTBEAT_S or (self._window is not None and self._window.hung_up):
            self._tended = now
            self._tend()
        if self._dirty:
            live = self._source.live
            self._live = replace(live, messages=(*live.messages, *self._messages), lost=live.lost or self._lost)
        elif now - self._published < HEARTBEAT_S:
            return
        if self._board is not None:
            self._board.publish(self._live, self._source.final_ns)
        self._published = now
        if self._dirty and self._window is not None:
            self._window.ring()
        self._dirty = False

    def _tend(self) -> None:
        """Do what is done a few times a second: look after the window and rtcog's process."""
        if self._window is not None:
            handover = self._handover()
            for message in self._window.watch(handover):
                self.say(message, math.inf if self._window.given_up else PASSING_S)
        self._forget(time.monotonic())
        if not self._lost and self._parent.gone():
            self._lost = "rtcog's process is gone; the session is no longer followed."
            log.warning("%s", self._lost)
            self._dirty = True

    def _pause(self) -> float:
        """Return how long to sleep: what the source says, but no longer than to the next heartbeat."""
        to_beat = min(self._published, self._tended) + HEARTBEAT_S - time.monotonic()
        return max(0.0, min(self._source.wait_hint(), to_beat))

    def _open_board(self) -> None:
        session = self._source.session
        static = Static(
            session,
            SegmentInfo(f"{self._prefix}match_scores", (session.n_templates, session.nt), "float32"),
            SegmentInfo(f"{self._prefix}tr_data", (session.nv, session.nt), "float32"),
            self._flags,
            self._source.volumes,
        )
        try:
            self._board = BoardWriter(static, self._source.grid)
            self._own = ReadOnlySegment(self._board.name)
        except (OSError, ValueError) as error:
            self.say(f"The session cannot be shown: {error}.")

    def _announce(self) -> Path | None:
        if self._board is None:
            return None
        prefix = self._source.session.out_prefix
        try:
            return discovery.announce(discovery.entry_for(self._board.session_id, self._board.name, prefix))
        except OSError as error:
            self.say(f"Other windows will not find this session by themselves: {error}.")
            return None

    def _start_window(self) -> None:
        if self._window is not None and self._board is not None:
            for message in self._window.start(self._handover()):
                self.say(message)

    def _handover(self) -> Handover:
        """Return what a window needs now; by descriptor, so that a restarted window maps this very session."""
        board = self._board.name if self._board is not None else ""
        if not POSIX or self._own is None:
            return Handover(board, (), self._flags)
        segments = self._source.segments
        fds = [("--board-fd", self._own.fd), *((f"--{role}-fd", segment.fd) for role, segment in segments.items())]
        return Handover(board, tuple(fds), self._flags, {role: segment.identity for role, segment in segments.items()})

    def _await_window(self) -> None:
        """Give the window a little time to show the end; keep the heart beating meanwhile."""
        window = self._window
        deadline = time.monotonic() + END_SHOWN_S
        while window is not None and window.expected and not window.end_shown.wait(0.05):
            if time.monotonic() >= deadline or self._stop.is_set():
                return
            self._publish()

    def _close(self, announced: Path | None) -> None:
        """Leave nothing behind; the window stays and has its own mappings."""
        with contextlib.ExitStack() as last:
            last.callback(self._source.close)
            if self._board is not None:
                last.callback(self._board.close)
            if self._own is not None:
                last.callback(self._own.close)
            if announced is not None:
                last.callback(discovery.withdraw, announced)
            if self._window is not None:
                last.callback(self._window.detach)
                last.callback(self._window.ring)
