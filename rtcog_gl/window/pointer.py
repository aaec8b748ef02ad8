"""The mouse over a GLFW window: clicks, drags and the wheel, as positions on what is drawn."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import glfw

from ..model.draw import Target
from .console import Console

_DRAGGED = ("crosshair", "threshold")
"""Actions that follow the mouse while its button is held; others happen once, at the click."""


class _Event(NamedTuple):
    """One thing that the mouse did."""

    kind: Literal["press", "drag", "release", "scroll"]
    x: float = 0.0
    """Framebuffer pixels, like `y`."""

    y: float = 0.0
    steps: float = 0.0
    """Of the wheel; away from the user is positive."""


class Pointer:
    """Collects what the mouse does, and has it done once a turn of the loop: of many positions the latest.

    Parameters
    ----------
    window
        GLFW's handle.
    """

    def __init__(self, window: Any) -> None:
        self._window = window
        self._events: list[_Event] = []
        self._held = False
        self._target: Target | None = None
        self._turned = 0.0
        # Kept, because GLFW does not hold references to Python functions for us.
        self._callbacks = (self._button, self._move, self._scroll)
        glfw.set_mouse_button_callback(window, self._callbacks[0])
        glfw.set_cursor_pos_callback(window, self._callbacks[1])
        glfw.set_scroll_callback(window, self._callbacks[2])

    def apply(self, console: Console) -> bool:
        """Have the console do what the mouse did since the last call; return whether there was anything.

        Nothing happens under the list of keys.
        """
        events, self._events = self._events, []
        for event in events:
            if event.kind == "release" or console.view.help:
                self._target = None
            elif event.kind == "press":
                self._target = console.press(event.x, event.y)
            elif event.kind == "scroll":
                self._wheel(console, event)
            elif self._target is not None and self._target.action in _DRAGGED:
                console.drag(self._target, event.x, event.y)
        return bool(events)

    def _wheel(self, console: Console, event: _Event) -> None:
        """Scroll by whole steps; what a touchpad moves less than one is kept for the next time."""
        if event.steps * self._turned < 0:
            self._turned = 0.0
        self._turned += event.steps
        whole = int(self._turned)
        self._turned -= whole
        if whole:
            console.scroll(event.x, event.y, whole)

    def _button(self, _window: Any, button: int, event: int, _modifiers: int) -> None:
        if button != glfw.MOUSE_BUTTON_LEFT:
            return
        self._held = event == glfw.PRESS
        x, y = self._pixel(*glfw.get_cursor_pos(self._window))
        self._events.append(_Event("press" if self._held else "release", x, y))

    def _move(self, _window: Any, x: float, y: float) -> None:
        if not self._held:
            return
        if self._events and self._events[-1].kind == "drag":
            self._events.pop()
        self._events.append(_Event("drag", *self._pixel(x, y)))

    def _scroll(self, _window: Any, _right: float, away: float) -> None:
        if not away:
            return
        if self._events and self._events[-1].kind == "scroll":
            away += self._events.pop().steps
        x, y = self._pixel(*glfw.get_cursor_pos(self._window))
        self._events.append(_Event("scroll", x, y, away))

    def _pixel(self, x: float, y: float) -> tuple[float, float]:
        """Return the centre of the framebuffer pixel under a position in the window, in units of the desktop.

        What a pixel shows is the value at its centre, and that is what a click on it is to mean.
        """
        wide, high = glfw.get_window_size(self._window)
        width, height = glfw.get_framebuffer_size(self._window)
        return math.floor(x * width / max(1, wide)) + 0.5, math.floor(y * height / max(1, high)) + 0.5
