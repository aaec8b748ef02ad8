"""The window's loop: sleep until something happens, take it in, draw what changed, swap."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import glfw
from vispy.io import write_png

from ..gpu import renderer as gpu
from ..model.options import WindowOptions
from .backdrop import AnatomyLoader
from .canvas import Window
from .console import Console
from .keyboard import Keyboard
from .latency import LatencyLog
from .pointer import Pointer
from .watch import Watcher

log = logging.getLogger("rtcog_gl")

TICK_S = 0.2
"""How often the age of the newest column is written anew."""

SETTLE_S = 1.0
"""A window whose size changed is drawn whole for so long.

The driver learns of the new size when the desktop has carried it out, which may be after a picture or two; until then
it keeps a back buffer of the old size, and what falls beyond that is lost.
"""

MAX_SLEEP_S = 1.0
ESCAPE_S = 1.5
"""Two presses of Esc within this time close the window."""


def tell(event: str, **fields: Any) -> None:
    """Say something to the keeper: one JSON line on the standard output."""
    try:
        sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        log.debug("nobody listens to %r", event)


class Loop:
    """Runs a window until it is closed.

    Parameters
    ----------
    window, console, watcher
        What is shown where, and where it comes from.
    options : WindowOptions
        When to close, what to write.
    latency : LatencyLog
        Gets every column that reached the screen.
    superseded : callable
        Whether a newer session has begun, so that a window left over from this one can go.
    anatomy : AnatomyLoader or None
        Brings the anatomy, after the first picture.
    """

    def __init__(
        self,
        window: Window,
        console: Console,
        watcher: Watcher,
        options: WindowOptions,
        latency: LatencyLog,
        superseded: Any,
        anatomy: AnatomyLoader | None = None,
    ) -> None:
        self._window = window
        self._console = console
        self._watcher = watcher
        self._options = options
        self._latency = latency
        self._superseded = superseded
        self._anatomy = anatomy
        self._keyboard = Keyboard(window.handle, self._act)
        self._pointer = Pointer(window.handle)
        self._started = time.monotonic()
        self._next_tick = 0.0
        self._shown_ns = 0
        self._escaped = -ESCAPE_S
        self._ended_at: float | None = None
        self._next_look = 0.0
        self._first = True
        self._size, self._settled = (0, 0), 0.0
        self._by_hand = False

    @property
    def has_shown(self) -> bool:
        """Whether a picture was on the screen."""
        return not self._first

    def run(self) -> None:
        """Run until the window is closed, the time is up, or the session has ended and the window may go."""
        while not self._window.should_close:
            glfw.wait_events_timeout(self._sleep())
            self._turn()
            self._consider_closing()
        self._leave()

    def _sleep(self) -> float:
        now = time.monotonic()
        wait = min(MAX_SLEEP_S, max(0.0, self._next_tick - now))
        if self._options.duration:
            wait = min(wait, max(0.0, self._started + self._options.duration - now))
        return max(0.0005, wait)

    def _turn(self) -> None:
        """Take in what is new and draw what changed."""
        updates = self._watcher.take()
        columns = [column for update in updates for column in self._console.absorb(update)]
        # A volume that came with columns waits until they are on the screen.
        data_first = bool(columns)
        if not columns:
            columns = self._console.catch_up()
        self._console.keeper_lost = self._watcher.lost
        backdrop = self._anatomy.take() if self._anatomy is not None and not self._first else None
        if backdrop is not None:
            self._console.show_anatomy(backdrop)
        if self._pointer.apply(self._console):
            self._next_tick = 0.0
        now = time.monotonic()
        if updates or now >= self._next_tick:
            self._shown_ns = time.monotonic_ns()
            self._next_tick = now + TICK_S
        size = self._window.size
        if min(size) < 1:
            return
        if size != self._size:
            self._size, self._settled = size, now + SETTLE_S
        redraw, self._window.damaged = self._window.damaged or now < self._settled, False
        # New columns go to the screen at once; the words round them follow in a picture of their own.
        if data_first or self._console.waiting:
            self._next_tick = 0.0
        data_first = data_first and not redraw
        scale = self._window.content_scale
        if not (
            (data_first and self._console.paint(self._shown_ns, size, scale, data_first=True))
            or self._console.paint(self._shown_ns, size, scale, redraw)
        ):
            return
        gpu.finish()
        drawn = time.monotonic_ns()
        self._window.swap()
        swapped = time.monotonic_ns()
        self._latency.shown(columns, drawn, swapped)
        self._console.latency = self._latency.latency()
        if self._first:
            self._first = False
            tell("first_frame", ns=swapped)
        if self._console.live.ended and self._ended_at is None:
            self._ended_at = time.monotonic()
            tell("end_shown")

    def _consider_closing(self) -> None:
        now = time.monotonic()
        if self._options.duration and now >= self._started + self._options.duration:
            self._window.request_close()
        over = self._ended_at
        live = self._console.live
        if over is None and (live.ended or live.lost or self._console.keeper_lost):
            over = self._ended_at = now
        if over is None or now < self._next_look:
            return
        self._next_look = now + MAX_SLEEP_S
        # A keeper that died does not mean that the session is over.
        lingered = (live.ended or live.lost) and 0 <= self._options.linger <= now - over
        if lingered or self._superseded():
            self._window.request_close()

    def _act(self, action: str) -> None:
        self._next_tick = 0.0
        # What the mouse did before the key was pressed comes before it.
        self._pointer.apply(self._console)
        if action == "fullscreen":
            self._window.full_screen.toggle()
        elif action == "close":
            self._close_by_hand()
        elif action == "escape":
            self._escape()
        elif action == "screenshot":
            self._screenshot(None)
        else:
            self._console.act(action)

    def _close_by_hand(self) -> None:
        self._by_hand = True
        self._window.request_close()

    def _escape(self) -> None:
        if self._console.view.help:
            self._console.act("help")
            return
        now = time.monotonic()
        if now - self._escaped < ESCAPE_S:
            self._close_by_hand()
            return
        self._escaped = now
        self._console.say("Esc once more closes the window; the session goes on")

    def _screenshot(self, path: str | None) -> None:
        """Write what is on the screen as a PNG, into `path` or the session's folder."""
        session = self._console.session
        name = f"{session.out_prefix or 'rtcog'}.viewer_{time.strftime('%Y%m%d-%H%M%S')}.png"
        target = Path(path) if path else Path(session.out_dir) / Path(name).name
        self._console.paint(self._shown_ns, self._window.size, self._window.content_scale, redraw=True)
        gpu.finish()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_png(str(target), self._console.picture())
        except OSError as error:
            log.error("screenshot: %s cannot be written (%s)", target, error)
            self._console.say(f"screenshot: {target} cannot be written ({error.strerror or error})")
            return
        log.info("screenshot: %s", target)
        self._console.say(f"saved {target}")

    def _leave(self) -> None:
        if min(self._window.size) >= 1 and self._options.screenshot:
            self._screenshot(self._options.screenshot)
        self._latency.close()
        lasting = self._ended_at is not None or bool(self._options.duration)
        if self._by_hand or lasting or self._window.should_close:
            tell("closed")
