"""Monitors, and full screen on one of them in its own mode."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import glfw

log = logging.getLogger("rtcog_gl")


@dataclass(frozen=True)
class Monitor:
    """A monitor as the desktop has it."""

    number: int
    name: str
    x: int
    y: int
    width: int
    height: int
    refresh_hz: int
    handle: Any

    def __str__(self) -> str:
        """Return what the operator recognises it by."""
        return f"monitor {self.number}: {self.name}, {self.width}x{self.height} at {self.refresh_hz} Hz"


def monitors() -> list[Monitor]:
    """Return all monitors, the primary one first; GLFW must be initialised."""
    found = []
    for number, handle in enumerate(glfw.get_monitors()):
        mode = glfw.get_video_mode(handle)
        x, y = glfw.get_monitor_pos(handle)
        raw = glfw.get_monitor_name(handle)
        name = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
        found.append(Monitor(number, name, x, y, mode.size.width, mode.size.height, mode.refresh_rate, handle))
    return found


def choose(number: int) -> tuple[Monitor | None, str]:
    """Return the monitor of that number and an empty sentence, or the primary one and what is wrong."""
    found = monitors()
    if not found:
        return None, "no monitor was found; the window opens where the desktop puts it"
    if number < len(found):
        return found[number], ""
    last = len(found) - 1
    return found[0], f"--monitor: there is no monitor {number}, expected 0 to {last}; the primary one is used"


def positions_are_known() -> bool:
    """Whether the desktop tells and sets the positions of windows; Wayland does neither."""
    platform = getattr(glfw, "get_platform", None)
    return platform is None or platform() != getattr(glfw, "PLATFORM_WAYLAND", None)


def under(window: Any) -> Monitor | None:
    """Return the monitor that shows most of a window."""
    if not positions_are_known():
        return next(iter(monitors()), None)
    wx, wy = glfw.get_window_pos(window)
    ww, wh = glfw.get_window_size(window)

    def shared(m: Monitor) -> int:
        across = min(wx + ww, m.x + m.width) - max(wx, m.x)
        down = min(wy + wh, m.y + m.height) - max(wy, m.y)
        return max(0, across) * max(0, down)

    return max(monitors(), key=shared, default=None)


class FullScreen:
    """Switches a window between full screen, in the monitor's own mode, and the place it had before."""

    def __init__(self, window: Any) -> None:
        self._window = window
        self._before: tuple[int, int, int, int] | None = None

    @property
    def on(self) -> bool:
        """Whether the window covers a monitor."""
        return bool(glfw.get_window_monitor(self._window))

    def toggle(self, monitor: Monitor | None = None) -> None:
        """Go to full screen on `monitor` (or the one that shows the window), or back."""
        if self.on:
            self._back()
            return
        target = monitor or under(self._window)
        if target is None:
            log.error("full screen: no monitor was found")
            return
        x, y = glfw.get_window_pos(self._window) if positions_are_known() else (target.x, target.y)
        width, height = glfw.get_window_size(self._window)
        self._before = (x, y, width, height)
        glfw.set_window_monitor(
            self._window, target.handle, 0, 0, target.width, target.height, target.refresh_hz or glfw.DONT_CARE
        )

    def _back(self) -> None:
        x, y, w, h = self._before or (80, 80, 1280, 720)
        glfw.set_window_monitor(self._window, None, x, y, w, h, glfw.DONT_CARE)  # type: ignore[arg-type]
