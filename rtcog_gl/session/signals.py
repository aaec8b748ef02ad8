"""Looks at rtcog's events and counter that can never hold a lock which rtcog needs.

``Event.is_set()`` takes the lock of the event's condition, and a process that is killed meanwhile takes it to its
grave: rtcog's next ``set()`` then blocks for ever. In CPython the flag of an event is a semaphore, and reading it, or
taking it without waiting, is one system-level operation without that lock. Both are private names, so they are
checked once; where they are not what they should be, `Look` falls back to ``is_set()`` and ``clear()``, and
`Sparing` sees to it that they are used seldom.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from multiprocessing import synchronize
from typing import Any

SPARING_S = 0.25
"""Without news, an event whose look takes a lock is asked no more often than this."""


def _flag(event: Any) -> Any:
    """Return the event's semaphore if everything is as it should be, else None."""
    flag = getattr(event, "_flag", None)
    if type(event) is not synchronize.Event or not isinstance(flag, synchronize.Semaphore):
        return None
    if getattr(getattr(flag, "_semlock", None), "kind", None) != synchronize.SEMAPHORE:  # type: ignore[attr-defined]
        return None
    return flag if callable(getattr(flag, "acquire", None)) else None


def _can_be_read(flag: Any) -> bool:
    # On Windows, reading the value means taking and giving back: while rtcog sets the event, that would leave it
    # set twice. macOS cannot read it at all.
    if sys.platform == "win32":
        return False
    try:
        return flag.get_value() in (0, 1)
    except (AttributeError, NotImplementedError, OSError):
        return False


class Look:
    """Looks at a multiprocessing event; never waits in it, which would leave its condition counting on us.

    Parameters
    ----------
    event : multiprocessing.Event
        Anything with ``is_set`` and ``clear`` will do.
    """

    lock_free: bool
    """Whether `is_set` takes no lock."""

    clears_lock_free: bool
    """Whether `test_and_clear` is one atomic operation without a lock (also on systems that cannot just look)."""

    can_wait: bool
    """Whether `wait_and_clear` sleeps in the kernel, where a process can be killed without harm to anybody.

    Elsewhere the standard library waits for a semaphore by looking at it again and again.
    """

    def __init__(self, event: Any) -> None:
        flag = _flag(event)
        self.clears_lock_free = flag is not None
        self.lock_free = flag is not None and _can_be_read(flag)
        self.can_wait = self.lock_free and sys.platform.startswith("linux")
        self._event = event
        self._take: Callable[..., bool] | None = None if flag is None else flag.acquire
        self._value: Callable[[], int] | None = flag.get_value if self.lock_free else None

    def is_set(self) -> bool:
        """Whether the event is set.

        Where it is lock-free, an event that is being set once more can read as clear for an instant.
        """
        if self._value is not None:
            return self._value() > 0
        return bool(self._event.is_set())

    def test_and_clear(self) -> bool:
        """Clear the event, and return whether it was set."""
        if self._take is not None:
            return self._take(False)
        if not self._event.is_set():
            return False
        self._event.clear()
        return True

    def wait_and_clear(self, seconds: float) -> bool:
        """Sleep until the event is set, and clear it; return False if that took too long. Only if `can_wait`.

        The flag alone is waited for: rtcog's ``set()`` gives it to whoever waits, and asks nothing of him.
        """
        return self._take is not None and bool(self._take(True, seconds))


class Sparing:
    """Asks a look as often as one likes if that takes no lock, and seldom otherwise.

    Parameters
    ----------
    ask : callable
        ``look.is_set`` or ``look.test_and_clear``.
    lock_free : bool
        Whether `ask` takes no lock.
    """

    def __init__(self, ask: Callable[[], bool], lock_free: bool) -> None:
        self.lock_free = lock_free
        self._ask = ask
        self._due_ns = 0

    def ask(self, now_ns: int, news: bool = False) -> bool | None:
        """Return what the look says, or None when it is not asked this time.

        Parameters
        ----------
        now_ns : int
            Monotonic time (ns).
        news : bool
            Whether something else says that it is worth asking now.
        """
        if self.lock_free:
            return self._ask()
        if not news and now_ns < self._due_ns:
            return None
        self._due_ns = now_ns + int(SPARING_S * 1e9)
        return self._ask()


def counter(value: Any) -> Callable[[], int]:
    """Return a function that reads a multiprocessing ``Value`` without its lock, where that is possible."""
    get_obj = getattr(value, "get_obj", None)
    raw = get_obj() if callable(get_obj) else value
    if not isinstance(getattr(raw, "value", None), int):
        raw = value
    return lambda: int(raw.value)
