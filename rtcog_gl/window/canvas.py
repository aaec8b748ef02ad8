"""One GLFW window with an OpenGL context that vispy.gloo draws with."""

from __future__ import annotations

import logging
import sys
from typing import Any

import glfw
from vispy import app

from ..gpu.renderer import use_desktop_gl
from ..model.options import WindowOptions
from . import monitors
from .monitors import FullScreen

log = logging.getLogger("rtcog_gl")


class CannotOpen(RuntimeError):
    """There is no display, or no OpenGL that can be used; the message is one sentence."""


class Window:
    """A window: vispy's canvas, held and not inherited, with the callbacks that matter taken over.

    Parameters
    ----------
    title : str
        Title of the window.
    options : WindowOptions
        Size, monitor, full screen, vsync.
    focus : bool
        Whether the window may take the keyboard's focus when it opens.

    Raises
    ------
    CannotOpen
        If it cannot be opened.
    """

    def __init__(self, title: str, options: WindowOptions, focus: bool = False) -> None:
        self.notes: list[str] = []
        """What the operator should know about how the window opened."""
        self.damaged = True
        """Whether the desktop asked for the whole picture again."""
        application = _application()
        # A survey on another screen takes the focus all the time; this window must neither hide then, nor take it.
        glfw.window_hint(glfw.AUTO_ICONIFY, glfw.FALSE)
        glfw.window_hint(glfw.FOCUS_ON_SHOW, glfw.TRUE if focus else glfw.FALSE)
        glfw.window_hint(glfw.FOCUSED, glfw.TRUE if focus else glfw.FALSE)
        try:
            self._canvas = app.Canvas(
                title=title,
                size=options.size,
                show=False,
                vsync=options.vsync,
                autoswap=False,
                dpi=96,
                app=application,
                config={"depth_size": 0, "stencil_size": 0, "samples": 0},
            )
        except Exception as error:
            raise CannotOpen(f"no window with OpenGL can be opened: {error}") from error
        self.handle: Any = self._canvas.native._id if hasattr(self._canvas.native, "_id") else self._canvas._backend._id
        self.full_screen = FullScreen(self.handle)
        self._callbacks = (self._on_damage, self._on_resize)
        glfw.set_window_refresh_callback(self.handle, self._callbacks[0])
        glfw.set_framebuffer_size_callback(self.handle, self._callbacks[1])
        # vispy's own close callback would destroy the window under our feet; the loop asks should_close instead.
        glfw.set_window_close_callback(self.handle, None)  # type: ignore[arg-type]
        self._place(options)
        glfw.show_window(self.handle)

    def _place(self, options: WindowOptions) -> None:
        monitor, note = monitors.choose(options.monitor)
        if note:
            self.notes.append(note)
            log.warning("%s", note)
        if monitor is None:
            return
        if options.fullscreen:
            self.full_screen.toggle(monitor)
        elif options.monitor and monitors.positions_are_known():
            left = monitor.x + max(0, (monitor.width - options.size[0]) // 2)
            top = monitor.y + max(0, (monitor.height - options.size[1]) // 2)
            glfw.set_window_pos(self.handle, left, top)

    def _on_damage(self, _window: Any) -> None:
        self.damaged = True

    def _on_resize(self, _window: Any, _width: int, _height: int) -> None:
        self.damaged = True

    @property
    def size(self) -> tuple[int, int]:
        """Framebuffer, width x height, in pixels; (0, 0) while minimised."""
        width, height = glfw.get_framebuffer_size(self.handle)
        return int(width), int(height)

    @property
    def content_scale(self) -> float:
        """Framebuffer pixels for each of the design's pixels that the desktop wishes for on this monitor."""
        return float(glfw.get_window_content_scale(self.handle)[0])

    @property
    def refresh_hz(self) -> int:
        """Refresh rate of the monitor that shows the window; 0 if it is not known."""
        monitor = monitors.under(self.handle)
        return monitor.refresh_hz if monitor else 0

    @property
    def should_close(self) -> bool:
        """Whether the window was asked to close."""
        return bool(glfw.window_should_close(self.handle))

    def request_close(self) -> None:
        """Ask the window to close."""
        glfw.set_window_should_close(self.handle, True)

    def swap(self) -> None:
        """Put the back buffer on the screen."""
        glfw.swap_buffers(self.handle)

    def close(self) -> None:
        """Destroy the window."""
        self._canvas.close()


def _application() -> app.Application:
    problems: list[str] = []
    try:
        application = app.Application("glfw")
        use_desktop_gl()
        glfw.set_error_callback(lambda code, words: problems.append(f"{_text(words)} ({code})"))
        _ = application.native
    except Exception as error:
        raise CannotOpen(_no_display(str(error))) from error
    finally:
        glfw.set_error_callback(_report)
    return application


def _no_display(why: str) -> str:
    if sys.platform.startswith("linux"):
        return f"no display can be opened: set DISPLAY or WAYLAND_DISPLAY, or run under xvfb-run ({why})"
    return f"no display can be opened ({why})"


def _text(words: object) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)


def _report(code: int, words: object) -> None:
    log.warning("GLFW: %s (%s)", _text(words), code)
