"""The window's process: started, rung, listened to, and started again when it dies."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rtcog_gl.session.interpreter import child_environment, python_command

log = logging.getLogger("rtcog_gl")

CANNOT_OPEN = 3
"""Exit status of a window that found no display or no OpenGL; it has said why on stderr."""

YOUNG_S = 3.0
"""A window that showed its first frame and lived for so long was all right: the next one comes without a delay."""

MINUTE_S = 60.0
MAX_RESTARTS = 5
"""Restarts within a minute of windows that died young; after that one a minute."""

MAX_REFUSALS = 4
"""Starts in a row that may end with `CANNOT_OPEN` before the window is given up."""

LONGEST_LINE = 1 << 16
POSIX = os.name == "posix"


def default_command() -> list[str]:
    """Return the command that opens a window: this interpreter and this package."""
    return python_command("rtcog_gl", "window")


@dataclass
class RestartPolicy:
    """When a window that died young may be started again: at once the first time, then more and more slowly."""

    _starts: deque[float] = field(default_factory=deque)

    def delay(self, now: float) -> float:
        """Return the seconds to wait before a restart, given the restarts of the last minute."""
        while self._starts and now - self._starts[0] >= MINUTE_S:
            self._starts.popleft()
        if not self._starts:
            return 0.0
        if len(self._starts) >= MAX_RESTARTS:
            return self._starts[0] + MINUTE_S - now
        return 0.5 * 2.0 ** (len(self._starts) - 1)

    def started(self, now: float) -> None:
        """Note a restart."""
        self._starts.append(now)

    @property
    def exhausted(self) -> bool:
        """Whether the minute's restarts are used up."""
        return len(self._starts) >= MAX_RESTARTS


@dataclass(frozen=True)
class Handover:
    """What a window needs to find its session."""

    board: str
    """Name of the board's segment."""

    fds: tuple[tuple[str, int], ...] = ()
    """Flag (``--board-fd``, and ``--scores-fd`` and the like by role) and descriptor; empty where names must do."""

    flags: tuple[str, ...] = ()
    """The window's own options."""

    identities: Mapping[str, object] = field(default_factory=dict)
    """By role (``scores``, ``maps``, ``volumes``), what tells one segment of a name from the next."""

    def outdates(self, other: Handover) -> bool:
        """Whether a window that was opened with `other` looks into segments that have been replaced."""
        return any(other.identities.get(role, now) != now for role, now in self.identities.items())

    def arguments(self) -> list[str]:
        """Return the command-line arguments."""
        numbered = [word for flag, fd in self.fds for word in (flag, str(fd))]
        return ["--board", self.board, *numbered, *([] if POSIX else ["--poll"]), *self.flags]


class WindowProcess:
    """Keeps one window open; every method returns at once.

    Parameters
    ----------
    command : sequence of str
        Opens a window; the arguments of `Handover` are appended.
    on_first_frame : callable
        Called, on a thread of its own, when a window has shown its first frame.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        command: Sequence[str],
        on_first_frame: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = list(command)
        self._on_first_frame = on_first_frame
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._policy = RestartPolicy()
        self._started = 0.0
        self._shown = False
        self._telling: threading.Thread | None = None
        self._detached: subprocess.Popen[bytes] | None = None
        self._handover = Handover("")
        self._due: float | None = None
        self._refusals = 0
        self.end_shown = threading.Event()
        """Set when a window has shown the session's end."""

        self.closed = False
        """Whether the operator closed the window on purpose."""

        self.given_up = False
        """Whether no window can be opened here."""

        self.hung_up = False
        """Whether a window let go of its end of the line, which mostly means that it died; `watch` looks."""

    @property
    def pid(self) -> int | None:
        """Process of the window, or None when there is none."""
        return self._process.pid if self._process is not None else None

    @property
    def expected(self) -> bool:
        """Whether a window is there, or about to be."""
        return not (self.closed or self.given_up) and (self._process is not None or self._due is not None)

    def start(self, handover: Handover) -> list[str]:
        """Open the window.

        Returns
        -------
        list of str
            What the operator should know: sentences, mostly none.
        """
        self._due, self._handover = None, handover
        self._started, self._shown = self._clock(), False
        try:
            self._process = _spawn([*self._command, *handover.arguments()], [fd for _, fd in handover.fds])
        except (OSError, ValueError) as error:
            self.given_up = True
            return [f"The window cannot be started: {error} (command: {self._command[0]})."]
        threading.Thread(target=self._listen, args=(self._process,), name="rtcog_gl window", daemon=True).start()
        return []

    def watch(self, handover: Handover) -> list[str]:
        """Start the window again if it died; call it often.

        Returns
        -------
        list of str
            What the operator should know: sentences, mostly none.
        """
        if self._process is not None:
            status = self._process.poll()
            if status is not None:
                return self._died(status, handover)
            if handover.outdates(self._handover):
                return self._replace(handover)
            return []
        if self._due is not None and self._clock() >= self._due and not self.closed:
            return self.start(handover)
        return []

    def _died(self, status: int, handover: Handover) -> list[str]:
        process, self._process, self.hung_up = self._process, None, False
        if process is not None and process.stdin is not None:
            process.stdin.close()
        if self.closed or status == 0:
            self.closed = True
            return []
        now = self._clock()
        if status == CANNOT_OPEN:
            return self._refused(now)
        self._refusals = 0
        delay, exhausted = self._delay(now)
        self._due = now + delay
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        if exhausted:
            return [
                f"The window died again ({how}), {MAX_RESTARTS} times in a minute; the next try is in {delay:.0f} s."
            ]
        return [f"The window died ({how}) and is opened again.", *(self.watch(handover) if delay == 0 else [])]

    def _delay(self, now: float) -> tuple[float, bool]:
        """Return the seconds until the next start, and whether that is the minute's last resort."""
        if self._shown and now - self._started >= YOUNG_S:
            return 0.0, False
        delay, exhausted = self._policy.delay(now), self._policy.exhausted
        self._policy.started(now + delay)
        return delay, exhausted

    def _replace(self, handover: Handover) -> list[str]:
        """Open a window on the new segments in place of the one that looks into old ones."""
        old = self._process
        self.detach()
        if old is not None:
            old.terminate()
            threading.Thread(target=old.wait, name="rtcog_gl old window", daemon=True).start()
        return self.start(handover)

    def _refused(self, now: float) -> list[str]:
        self._refusals += 1
        if self._refusals >= MAX_REFUSALS:
            self.given_up = True
            return [
                f"No window can be opened here after {self._refusals} tries (exit status {CANNOT_OPEN}); "
                "the session is followed without one."
            ]
        self._due = now + 0.5 * 2.0**self._refusals
        return []

    def ring(self) -> None:
        """Wake the window: one byte; a window that does not read never blocks this process."""
        pipe = None if self._process is None else self._process.stdin
        if pipe is not None and not pipe.closed:
            with contextlib.suppress(OSError):
                os.write(pipe.fileno(), b"\n")

    def detach(self) -> None:
        """Let the window go: it stays, and closes by itself."""
        process, self._process, self._due = self._process, None, None
        self._detached = process
        if process is not None and process.stdin is not None:
            process.stdin.close()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for a window that was let go; return whether it is gone."""
        if self._detached is None:
            return True
        try:
            self._detached.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def terminate(self) -> None:
        """End the window now, also one that was let go."""
        for process in (self._process, self._detached):
            if process is not None and process.poll() is None:
                process.terminate()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Read the window's JSON lines until it closes its end."""
        pipe = process.stdout
        if pipe is None:
            return
        with pipe:
            pending = b""
            while chunk := os.read(pipe.fileno(), LONGEST_LINE):
                *lines, pending = (pending + chunk).split(b"\n")
                pending = pending[:LONGEST_LINE]
                for line in lines:
                    self._hear(line, process)
        self.hung_up = self.hung_up or process is self._process

    def _hear(self, line: bytes, process: subprocess.Popen[bytes]) -> None:
        event = _parse(line)
        name = event.get("event")
        if name == "first_frame":
            self._refusals = 0
            self._shown = self._shown or process is self._process
            self._tell()
        elif name == "end_shown":
            self.end_shown.set()
        elif name == "closed":
            self.closed = True
        elif line.strip():
            log.debug("The window said %r, expected a JSON object with an event.", line[:200])

    def _tell(self) -> None:
        """Say that there is a picture: on another thread, because rtcog's event can block, and this one must hear."""
        if self._telling is None or not self._telling.is_alive():
            self._telling = threading.Thread(target=self._on_first_frame, name="rtcog_gl first frame", daemon=True)
            self._telling.start()


def _parse(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


# Otherwise the C library keeps the memory of maps that are long gone, as much again as the map on the screen. These
# are glibc's names; other systems pass them over. Whoever set them before is right.
_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20), "MALLOC_TRIM_THRESHOLD_": str(4 << 20)}


def _environment() -> dict[str, str]:
    """Return the window's environment."""
    return {**_ALLOCATOR, **child_environment()}


def _spawn(command: list[str], fds: list[int]) -> subprocess.Popen[bytes]:
    """Start a process that shares nothing with this one but a doorbell, its words and the given descriptors."""
    if not POSIX:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=_environment(),
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        pass_fds=fds,
        start_new_session=True,
        env=_environment(),
    )
    if process.stdin is not None:
        os.set_blocking(process.stdin.fileno(), False)
    return process
