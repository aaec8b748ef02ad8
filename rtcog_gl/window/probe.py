"""The doctor's checks of the display, in a process of their own: a driver that crashes takes only this one with it.

``python -m rtcog_gl.window.probe [--off-screen]`` writes one JSON object a line: the name of each check before it
begins, and what it found.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import glfw

from ..model.finding import Finding, examine, ok, problem, warning
from ..model.options import WindowOptions
from . import monitors
from .canvas import CannotOpen, Window

OFF_SCREEN = "--off-screen"
Check = Callable[[], Finding]

NO_WINDOW = (
    "use the desktop of a machine with a display (over ssh: set DISPLAY, as in DISPLAY=:0), or run under a virtual "
    "one: xvfb-run -a rtcog-gl doctor"
)


def tell(message: dict[str, Any]) -> None:
    """Write one line for the doctor."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def run(name: str, check: Check) -> Finding:
    """Run a check between the two lines that tell of it."""
    tell({"checking": name})
    finding = examine(name, check)
    tell(asdict(finding))
    return finding


def main(argv: Sequence[str]) -> int:
    """Run all checks of a window, or of OpenGL without one."""
    if OFF_SCREEN in argv:
        return _off_screen()
    return _on_screen()


def _on_screen() -> int:
    opened: list[Window] = []
    if run("window", lambda: _open(opened)).level == "problem":
        return 1
    run("monitors", lambda: judge_monitors([(m, modes(m)) for m in monitors.monitors()]))
    _opengl()
    opened[0].close()
    return 0


def _open(opened: list[Window]) -> Finding:
    """Open a window, which is kept in `opened`, and put a frame on the screen."""
    try:
        window = Window("rtcog-gl doctor", WindowOptions(size=(480, 320), vsync=False))
    except CannotOpen as error:
        return problem("window", str(error), NO_WINDOW)
    window.swap()
    opened.append(window)
    width, height = window.size
    found = f"opened with {width} x {height} pixels, scale {window.content_scale:g}, GLFW {'.'.join(map(str, _glfw()))}"
    return ok("window", found)


def _glfw() -> tuple[int, int, int]:
    major, minor, revision = glfw.get_version()
    return int(major), int(minor), int(revision)


@dataclass(frozen=True)
class Modes:
    """What a monitor could show."""

    count: int
    largest: tuple[int, int]
    """Width x height of the mode with the most pixels."""

    fastest_hz: int
    """Highest refresh rate at the monitor's present size."""


def modes(monitor: monitors.Monitor) -> Modes:
    """Return the modes of a monitor."""
    found = glfw.get_video_modes(monitor.handle)
    sizes = [(m.size.width, m.size.height) for m in found]
    present = (monitor.width, monitor.height)
    rates = [m.refresh_rate for m, size in zip(found, sizes, strict=True) if size == present]
    largest = max(sizes, key=lambda size: size[0] * size[1], default=present)
    return Modes(len(found), largest, max(rates, default=monitor.refresh_hz))


def judge_monitors(found: Sequence[tuple[monitors.Monitor, Modes]]) -> Finding:
    """Judge monitors by what they show and what they could show."""
    if not found:
        return warning("monitors", "none", "connect one; the window opens where the desktop puts it")
    words = "; ".join(_describe(monitor, modes) for monitor, modes in found)
    slow = [str(monitor.number) for monitor, modes in found if 0 < monitor.refresh_hz < modes.fastest_hz - 1]
    if slow:
        advice = f"choose the highest refresh rate of monitor {', '.join(slow)} in the desktop's settings"
        return warning("monitors", words, advice)
    return ok("monitors", words)


def _describe(monitor: monitors.Monitor, modes: Modes) -> str:
    rate = (
        f"at {monitor.refresh_hz} Hz (fastest {modes.fastest_hz})" if monitor.refresh_hz else "(refresh rate unknown)"
    )
    many = f"{modes.count} mode{'s' * (modes.count != 1)} up to {modes.largest[0]}x{modes.largest[1]}"
    return f"{monitor.number}: {monitor.name}, {monitor.width}x{monitor.height} {rate}, {many}"


def _off_screen() -> int:
    made: list[Any] = []
    if run("off-screen OpenGL", lambda: _egl(made)).level != "ok":
        return 1
    _opengl()
    return 0


def _egl(made: list[Any]) -> Finding:
    """Make a context without a display; it is kept in `made`."""
    name = "off-screen OpenGL"
    try:
        import vispy
        from vispy import app

        vispy.use(app="egl", gl="gl+")
        canvas = app.Canvas(size=(64, 64), show=False, autoswap=False, dpi=96)
        canvas.set_current()
    except Exception as error:
        words = " ".join(str(error).split())[:300]
        return warning(name, f"not to be had, so OpenGL was not checked ({words})", "install EGL (Debian: libegl1)")
    made.append(canvas)
    return ok(name, "through EGL; what follows was checked without a window")


def _opengl() -> None:
    from ..gpu import probe

    for name, check in probe.checks():
        run(name, check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
