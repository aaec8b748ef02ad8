"""How long a process of the session lives: until the end, a signal, or its parent's death."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

log = logging.getLogger("rtcog_gl")

_PIECE_S = 0.05
_GRACE_S = 2.0


def when_orphaned(act: Callable[[], None]) -> None:
    """Call `act` on a thread once the process that started this one is gone."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    started_by = os.getppid()

    def watch() -> None:
        # The sentinel can be kept open by a process that the parent forked later; hence the look at the id as well.
        while parent.is_alive() and os.getppid() == started_by:
            parent.join(0.5)
        act()

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


def die_with_parent() -> None:
    """Leave at once when the process that started this one is gone."""
    when_orphaned(lambda: os._exit(1))


class Life:
    """Says when to stop, and sleeps no longer than that.

    From its making, SIGINT and SIGTERM only ask the process to stop. A process whose parent is gone is asked, too, and
    ended after two seconds if it has not left by then.

    Parameters
    ----------
    end : event
        The session's end.
    last : callable
        Called before the process is ended by force.
    """

    def __init__(self, end: Any, last: Callable[[], None] = lambda: None) -> None:
        self._end = end
        self._last = last
        self._asked = False
        for name in ("SIGINT", "SIGTERM"):
            signal.signal(getattr(signal, name), self._ask)
        when_orphaned(self._orphaned)

    def _ask(self, *_: object) -> None:
        self._asked = True

    def _orphaned(self) -> None:
        self._asked = True
        time.sleep(_GRACE_S)
        self._last()
        os._exit(1)

    def over(self) -> bool:
        """Whether to stop."""
        return self._asked or bool(self._end.is_set())

    def sleep_until(self, deadline: float) -> bool:
        """Sleep until ``time.monotonic()`` is `deadline`, or it is over; return whether to go on."""
        while not self.over():
            left = deadline - time.monotonic()
            if left <= 0:
                return True
            time.sleep(min(left, _PIECE_S))
        return False

    def sleep(self, seconds: float) -> bool:
        """Sleep, or until it is over; return whether to go on."""
        return self.sleep_until(time.monotonic() + seconds)
