"""Looks at events take no lock, so that a viewer that is killed leaves rtcog unharmed."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from typing import Any

import pytest

from rtcog_gl.session.signals import SPARING_S, Look, Sparing, counter

fork = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux reads a semaphore without a lock")


def mp() -> Any:
    return multiprocessing.get_context("spawn" if sys.platform == "win32" else "fork")


@linux
def test_a_real_event_is_read_without_its_lock() -> None:
    event = mp().Event()
    look = Look(event)
    assert (look.lock_free, look.clears_lock_free) == (True, True)
    with event._cond:
        # A look that took the condition's lock from another thread would wait here for ever.
        seen: list[bool] = []
        asking = threading.Thread(target=lambda: seen.extend([look.is_set(), look.test_and_clear()]), daemon=True)
        asking.start()
        asking.join(10)
    assert seen == [False, False]


@pytest.mark.parametrize("make", [lambda: mp().Event(), threading.Event], ids=["multiprocessing", "threading"])
def test_looks_agree_with_the_event(make) -> None:
    event = make()
    look = Look(event)
    assert (look.is_set(), look.test_and_clear()) == (False, False)
    event.set()
    assert (look.is_set(), look.is_set()) == (True, True)
    event.set()
    assert (look.test_and_clear(), event.is_set(), look.test_and_clear()) == (True, False, False)
    event.set()
    assert look.is_set()
    event.clear()
    assert not look.is_set()


def _report(event: Any, value: Any, found: Any) -> None:
    look = Look(event)
    found.put((look.lock_free, look.clears_lock_free, look.test_and_clear(), look.is_set(), counter(value)()))


@linux
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_looks_work_in_processes_started_either_way(method: str) -> None:
    ctx = multiprocessing.get_context(method)
    event, value, found = ctx.Event(), ctx.Value(ctypes.c_int, 5), ctx.Queue()
    event.set()
    process = ctx.Process(target=_report, args=(event, value, found))
    process.start()
    assert found.get(timeout=60) == (True, True, True, False, 5)
    process.join()
    assert not event.is_set()


class Odd:
    """An event whose private parts are not what they were."""

    def __init__(self, flag: Any) -> None:
        self._flag = flag
        self.event = threading.Event()
        self.is_set, self.set, self.clear = self.event.is_set, self.event.set, self.event.clear


@pytest.mark.parametrize("flag", [None, 3, object()])
def test_falls_back_where_the_private_names_differ(flag: Any) -> None:
    odd = Odd(flag)
    look = Look(odd)
    assert (look.lock_free, look.clears_lock_free) == (False, False)
    odd.set()
    assert look.is_set()
    assert look.test_and_clear()
    assert not odd.event.is_set()


def test_a_flag_of_another_kind_is_not_used() -> None:
    event = mp().Event()
    event._flag = mp().Lock()
    assert Look(event).lock_free is False
    event._flag = mp().BoundedSemaphore(1)
    event._flag._semlock = None
    assert Look(event).clears_lock_free is False


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_systems_that_cannot_just_look(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    event = mp().Event()
    if platform == "win32":
        monkeypatch.setattr("rtcog_gl.session.signals.sys.platform", "win32")
    else:

        def refuse() -> int:
            raise NotImplementedError

        monkeypatch.setattr(event._flag, "get_value", refuse)
    look = Look(event)
    assert (look.lock_free, look.clears_lock_free) == (False, True)
    event.set()
    assert look.is_set()
    assert look.test_and_clear()
    assert not look.is_set()


def test_sparing_asks_seldom_without_news() -> None:
    asked = []
    sparing = Sparing(lambda: bool(asked.append(1)), False)
    answers = [sparing.ask(ms * 1_000_000) for ms in range(1, 2001)]
    assert len(asked) == 2000 / (SPARING_S * 1000)
    assert answers.count(False) == len(asked)
    assert answers.count(None) == 2000 - len(asked)
    assert sparing.ask(2_000_000_001, news=True) is False
    free = Sparing(lambda: bool(asked.append(1)), True)
    asked.clear()
    assert [free.ask(n) for n in range(100)] == [False] * 100
    assert len(asked) == 100


def test_the_counter_is_read_without_its_lock() -> None:
    value = mp().Value(ctypes.c_int, -1)
    read = counter(value)
    assert read() == -1
    with value.get_lock():
        value.value = 41
        seen: list[int] = []
        asking = threading.Thread(target=lambda: seen.append(read()), daemon=True)
        asking.start()
        asking.join(10)
    assert seen == [41]
    assert counter(mp().Value(ctypes.c_int, 7, lock=False))() == 7


def _look_for_ever(event: Any, polls: Any) -> None:
    look = Look(event)
    while True:
        for _ in range(100):
            look.is_set()
            look.test_and_clear()
        polls.value += 100


def _wait_for_ever(event: Any, polls: Any) -> None:
    look = Look(event)
    while True:
        look.wait_and_clear(0.002)
        polls.value += 1


def _ask_for_ever(event: Any, polls: Any) -> None:
    while True:
        event.is_set()
        polls.value += 1


def _kill_pollers(poll: Any, enough: int, at_most: int) -> tuple[bool, int, int]:
    """Kill processes that poll, at random moments, until the event blocks or there were enough polls.

    Returns
    -------
    blocked : bool
        Whether the producer can no longer use the event.
    polls, kills : int
        How often it was polled, and how many processes were killed.
    """
    ctx = multiprocessing.get_context("fork")
    event, polls = ctx.Event(), ctx.Value(ctypes.c_longlong, 0, lock=False)
    moments = random.Random(7)
    for kills in range(1, at_most + 1):
        before = polls.value
        process = ctx.Process(target=poll, args=(event, polls), daemon=True)
        process.start()
        while polls.value == before:
            time.sleep(0.001)
        time.sleep(moments.random() * 0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.join()

        def use() -> None:
            event.set()
            event.is_set()
            event.clear()

        producer = threading.Thread(target=use, daemon=True)
        producer.start()
        producer.join(1.0)
        if producer.is_alive():
            return True, polls.value, kills
        if polls.value >= enough and kills >= 20:
            break
    return False, polls.value, kills


@fork
@linux
def test_killing_a_viewer_that_looks_never_blocks_rtcog() -> None:
    blocked, polls, kills = _kill_pollers(_look_for_ever, 100_000, 60)
    assert not blocked
    assert polls >= 100_000
    assert kills >= 20


@fork
@linux
def test_killing_a_viewer_that_waits_for_the_flag_never_blocks_rtcog() -> None:
    """Unlike ``Event.wait()``, on which the event itself counts."""
    blocked, _, kills = _kill_pollers(_wait_for_ever, 0, 40)
    assert not blocked
    assert kills >= 20


@fork
@linux
def test_a_signal_ends_a_wait_at_once_and_is_taken_by_it() -> None:
    ctx = multiprocessing.get_context("fork")
    event = ctx.Event()
    look = Look(event)
    assert look.can_wait
    assert look.wait_and_clear(0.001) is False
    process = ctx.Process(target=event.set, daemon=True)
    process.start()
    assert look.wait_and_clear(60.0) is True
    assert not event.is_set()
    process.join()


@fork
@linux
def test_killing_a_viewer_that_asks_does_block_rtcog() -> None:
    """The harm that the looks avoid: without it, the test above would prove nothing."""
    blocked, _, _ = _kill_pollers(_ask_for_ever, 10**12, 60)
    assert blocked


@fork
@linux
def test_taking_the_flag_while_rtcog_sets_it_loses_and_doubles_nothing() -> None:
    ctx = multiprocessing.get_context("fork")
    event = ctx.Event()
    look = Look(event)
    done = ctx.Value(ctypes.c_int, 0, lock=False)

    def set_often() -> None:
        for _ in range(20_000):
            event.set()
        done.value = 1

    process = ctx.Process(target=set_often, daemon=True)
    process.start()
    taken = 0
    while not done.value:
        taken += look.test_and_clear()
    process.join()
    last = look.test_and_clear()
    assert taken + last >= 1
    # However the steps fell together, the flag holds 0 or 1, never more.
    assert look.test_and_clear() is False
    event.set()
    assert (look.test_and_clear(), look.test_and_clear()) == (True, False)
