"""``rtcog-gl demo``: a session without scanner, shown exactly as rtcog's would be."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from rtcog_gl.model import options as window_options
from rtcog_gl.model.options import ENVIRONMENT, WindowOptions
from rtcog_gl.session import synthetic
from rtcog_gl.session.synthetic import DemoError, RunningSession
from rtcog_gl.streamer import ESAMStreamer

log = logging.getLogger("rtcog_gl")

CHECK_S = 0.1

NO_DISPLAY = "there is no display (DISPLAY and WAYLAND_DISPLAY are empty): set one, or run under xvfb-run"


def display_is_there() -> bool:
    """Whether a window can be hoped for; only systems that name their displays in the environment can tell."""
    named = sys.platform.startswith(("linux", "freebsd"))
    return not named or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def run(args: argparse.Namespace) -> int:
    """Show the session that the arguments ask for; return the exit status."""
    if not display_is_there():
        print(f"rtcog-gl demo: {NO_DISPLAY}", file=sys.stderr)
        return 1
    try:
        options = window_options.from_args(args)
        wanted = replace(synthetic.from_args(args), live_maps=options.live_maps)
        with synthetic.start(wanted) as session:
            for note in session.notes:
                print(note, file=sys.stderr)
            return _show(session, _with_session(options, session))
    except DemoError as error:
        print(f"rtcog-gl demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _with_session(options: WindowOptions, session: RunningSession) -> WindowOptions:
    """Return the options with what the window needs to find this session's memory."""
    anat = options.anat or (str(session.anat) if session.anat else None)
    return replace(options, anat=anat, stamps=session.stamps_name, segment_prefix=session.segment_prefix)


def _show(session: RunningSession, options: WindowOptions) -> int:
    os.environ[ENVIRONMENT] = shlex.join(options.argv())
    five = session.config, session.sync, session.onsets, session.offsets, session.responses
    streamer = ESAMStreamer(*five, volumes=session.volumes)
    threading.Thread(target=_end_with_window, args=(session, streamer), daemon=True).start()
    try:
        streamer.run()
    except KeyboardInterrupt:
        if streamer.window is not None:
            streamer.window.terminate()
        raise
    window = streamer.window
    if window is None or window.given_up or not session.sync.server_ready.is_set():
        print("rtcog-gl demo: no window could be opened; rtcog-gl doctor says what to do", file=sys.stderr)
        return 1
    window.wait()
    for kind, path in (("screenshot", options.screenshot), ("latency log", options.latency_log)):
        if path and Path(path).is_file():
            print(f"{kind}: {Path(path).resolve()}")
    return 0


def _end_with_window(session: RunningSession, streamer: ESAMStreamer) -> None:
    """End the session when its window is closed, or when there can be none."""
    while session.alive:
        window = streamer.window
        if window is not None and (window.closed or window.given_up):
            log.info("the window is closed, the session ends")
            session.stop()
            return
        time.sleep(CHECK_S)
