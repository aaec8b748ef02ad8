"""rtcog's lists and answers, which live in other processes: read on threads of their own, because a read can hang."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.managers import BaseProxy, DictProxy, RemoteError
from typing import Any, Protocol

from rtcog_gl.model.session import Answer

log = logging.getLogger("rtcog_gl")

EVERY_S = 0.5
"""Without news, the proxies are read this often."""

HANGS_S = 2.0
"""A read that takes longer counts as hanging."""

GONE = (BrokenPipeError, EOFError, ConnectionError, FileNotFoundError)
"""What a proxy raises once its manager's process is gone."""

Rating = float | int | str | None


class Read(Protocol):
    """What `ProxyThread` calls."""

    def __call__(self) -> None:
        """Read once; whatever goes wrong is raised."""


class ProxyThread:
    """Calls a function on a daemon thread: when kicked, and every `EVERY_S` seconds.

    Parameters
    ----------
    what : str
        What is read, for the sentences.
    read : callable
        Does one read.
    """

    problem: str
    """A sentence while something is wrong; empty while all is well."""

    read_ns: int
    """Monotonic time at which the last completed read began; 0 before the first."""

    def __init__(self, what: str, read: Read) -> None:
        self.problem, self.read_ns = "", 0
        self._what, self._read = what, read
        self._since_ns = 0
        self._news, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=what, daemon=True)
        self.gone = False
        """Whether the manager's process is gone."""

        self._thread.start()

    def kick(self) -> None:
        """Read again now."""
        self._news.set()

    def read_since(self, ns: int) -> bool:
        """Whether a read that began at `ns` or later is done, or none can be done any more."""
        return self.read_ns >= ns or not self._thread.is_alive()

    def look_for_hanging(self, now_ns: int) -> None:
        """Note a read that takes too long; does not wait."""
        since = self._since_ns
        if since and not self.problem and now_ns - since > HANGS_S * 1e9:
            self.problem = f"rtcog's manager has not answered for {HANGS_S:g} s, so {self._what} may be missing."

    def close(self) -> None:
        """Stop soon; a read that hangs is left to itself."""
        self._stop.set()
        self._news.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._news.clear()
            self._since_ns = began = time.monotonic_ns()
            try:
                self._read()
            except Exception as error:  # A proxy passes on whatever its manager raised.
                if isinstance(error, GONE) or _dropped(error):
                    if not self._stop.is_set():
                        self.gone = True
                        self.problem = f"rtcog's manager is gone ({_kind(error)}), so new {self._what} cannot be read."
                    return
                if not self.problem:
                    self.problem = f"{self._what.capitalize()} could not be read: {_kind(error)}; it is tried again."
                    log.debug("Reading %s", self._what, exc_info=error)
            else:
                self.problem = ""
            finally:
                self._since_ns = 0
            self.read_ns = began
            self._news.wait(EVERY_S)


def _dropped(error: BaseException) -> bool:
    """Whether a manager no longer knows what a proxy stands for.

    A spawned process's proxies do not count as users of it, so that it goes when rtcog's own process lets go of it.
    """
    return isinstance(error, RemoteError) and _last_line(error).startswith("KeyError: ")


def _kind(error: BaseException) -> str:
    words = _last_line(error)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _last_line(error: BaseException) -> str:
    """Return what an error says; of a manager's, which is a whole traceback, the line that says it."""
    lines = [line for line in str(error).splitlines() if line.strip("- ")]
    return lines[-1].strip() if lines else ""


@dataclass(frozen=True)
class Lists:
    """Onsets and offsets as of one read."""

    onsets: tuple[int, ...] = ()
    offsets: tuple[int, ...] = ()


def _trs(values: Any) -> tuple[int, ...]:
    """Read a list of TRs in one round trip; what is no integer becomes -1, so that positions stay."""
    return tuple(_tr(value) for value in values[:])


def _tr(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return -1


class ListsReader:
    """Reads the onsets and offsets."""

    value: Lists
    """The newest read; replaced as a whole."""

    def __init__(self, onsets: Any, offsets: Any) -> None:
        self.value = Lists()
        self._onsets, self._offsets = onsets, offsets

    def __call__(self) -> None:
        """Read once."""
        new = Lists(_trs(self._onsets), _trs(self._offsets))
        if new != self.value:
            self.value = new


def is_dict(responses: Any) -> bool:
    """Whether the responses are a dictionary, or a proxy of one."""
    return isinstance(responses, (Mapping, DictProxy)) or (
        isinstance(responses, BaseProxy) and hasattr(responses, "keys")
    )


def rating(value: Any) -> Rating:
    """Return the rating in a response, mostly a tuple (rating, reaction time); None where there is none."""
    if isinstance(value, (tuple, list)):
        value = value[0] if value else None
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if value is None or isinstance(value, (int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def ratings(responses: Mapping[str, Any], questions: Sequence[str]) -> tuple[Rating, ...]:
    """Return one rating a question."""
    named = {str(name): value for name, value in responses.items()}
    return tuple(rating(named.get(name)) for name in questions)


class AnswersReader:
    """Reads what the participant answered.

    The order of the looks decides what the dictionary can be taken for. The participant's side fills it, then sets
    `action_end`; rtcog appends the offset at its next volume, clears `action_end`, and appends the next onset later.
    So if the k-th onset was listed *before* `action_end` was seen, and k offsets are listed *after*, it is the
    k-th action that ended; and if no further onset is listed after the dictionary was read, nobody has filled it anew.
    """

    questions: tuple[str, ...]
    """Names of the questions; empty until `known` is set, and longer when an answer brings new ones."""

    answers: tuple[Answer, ...]
    """One entry an answered action; replaced as a whole."""

    def __init__(self, onsets: Any, offsets: Any, responses: Any, action_ended: Callable[[], bool]) -> None:
        self.questions, self.answers = (), ()
        self.known = threading.Event()
        self._onsets, self._offsets, self._responses = onsets, offsets, responses
        self._action_ended = action_ended
        self._rows: dict[int, Answer] = {}

    def __call__(self) -> None:
        """Read once."""
        if not self.known.is_set():
            self._learn_questions()
        before = len(self._onsets)
        ended = self._action_ended()
        finished = len(self._offsets)
        if ended and before > finished:
            finished += 1
        self._read_answer(finished - 1)

    def _learn_questions(self) -> None:
        # A reader can catch the dictionary empty, between the participant's clear and update.
        for _ in range(10):
            names = tuple(str(name) for name in self._responses.copy())
            if names:
                break
            time.sleep(0.02)
        self.questions = names
        self.known.set()

    def _read_answer(self, k: int) -> None:
        row = self._rows.get(k)
        if k < 0 or (row is not None and None not in row.ratings):
            return
        responses = self._responses.copy()
        onsets = _trs(self._onsets)
        filled_anew = len(onsets) > k + 1
        if k >= len(onsets) or (filled_anew and row is not None):
            return
        # A name that comes later is a question more: the dictionary can have been empty, or half filled, at the start.
        new_names = tuple(str(name) for name in responses if str(name) not in self.questions)
        if new_names:
            self.questions = (*self.questions, *new_names)
        new = Answer(onsets[k], ratings(responses, self.questions))
        if new != row:
            self._rows[k] = new
            self.answers = tuple(self._rows[i] for i in sorted(self._rows))
