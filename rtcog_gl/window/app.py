"""``python -m rtcog_gl window``: the window process, started by the keeper."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

import glfw
import numpy as np
import numpy.typing as npt

from ..gpu.renderer import Renderer
from ..model.options import WindowOptions, add_flags, from_args
from ..model.theme import THEMES
from ..session.board import BoardError, BoardReader
from ..session.child import CANNOT_OPEN
from ..session.discovery import list_sessions
from ..session.segments import ReadOnlySegment
from .backdrop import AnatomyLoader
from .canvas import CannotOpen, Window
from .columns import Columns
from .console import Console
from .feed import MapFeed
from .latency import LatencyLog
from .loop import Loop
from .watch import Watcher

log = logging.getLogger("rtcog_gl")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rtcog-gl window", description="Shows a board (started by the keeper).")
    parser.add_argument("--board", required=True, help="name of the board's segment")
    for name in ("board", "scores", "maps", "volumes"):
        parser.add_argument(f"--{name}-fd", type=int, default=None, help=argparse.SUPPRESS)
    parser.add_argument("--poll", action="store_true", help="there is no doorbell on the standard input")
    add_flags(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Show a board until the window is closed; return the exit status."""
    args = _parser().parse_args(argv)
    options = from_args(args)
    # Ctrl-C in rtcog's terminal is rtcog's business; the window goes when the session goes.
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING, format="rtcog-gl window: %(message)s"
    )
    try:
        reader = BoardReader(args.board if args.board_fd is None else args.board_fd)
    except (BoardError, OSError) as error:
        print(f"rtcog-gl window: {error}", file=sys.stderr)
        return 1
    try:
        return _show(reader, args, options)
    except CannotOpen as error:
        print(f"rtcog-gl window: {error}", file=sys.stderr)
        return CANNOT_OPEN
    finally:
        reader.close()


def _show(reader: BoardReader, args: argparse.Namespace, options: WindowOptions) -> int:
    session = reader.session
    window = Window(f"rtcog-gl  {session.out_prefix}", options)
    bounds = None if reader.grid is None else reader.grid.bounds
    anatomy = AnatomyLoader(options.anat, glfw.post_empty_event, options.anat_window, bounds) if options.anat else None
    try:
        renderer = Renderer(session, reader.grid, THEMES[options.theme].colormap)
    except (RuntimeError, ValueError) as error:
        raise CannotOpen(str(error)) from error
    columns = Columns(reader, {"scores": args.scores_fd, "maps": args.maps_fd, "volumes": args.volumes_fd})
    committed, stamps = _producer_stamps(options.stamps, session.nt)
    doorbell = None if args.poll or os.name == "nt" else sys.stdin.fileno()
    watcher = Watcher(reader, columns, doorbell, glfw.post_empty_event, committed)
    hz = window.refresh_hz
    hardware = f"{_short(renderer.name)} · {hz} Hz" if hz else _short(renderer.name)
    console = Console(session, reader.grid, renderer, options, _feed(watcher), hardware)
    for note in filter(None, [*window.notes, renderer.map_error, renderer.map_unchecked]):
        console.say(note)
    latency = LatencyLog(options.latency_log, renderer.name, reader.session_id)
    columns.prepare()
    watcher.start()
    loop = Loop(window, console, watcher, options, latency, superseded(reader.session_id), anatomy)
    try:
        loop.run()
    except RuntimeError as error:
        if loop.has_shown:
            raise
        # A shader that this driver refuses is found out at the first picture; trying again would not help.
        raise CannotOpen(f"OpenGL ({renderer.name}) cannot draw the session: {error}") from error
    finally:
        watcher.stop()
        columns.close()
        if stamps is not None:
            stamps.close()
        window.close()
    return 0


def _feed(watcher: Watcher) -> MapFeed:
    """Return how maps are asked for."""

    def follow(wanted: bool) -> None:
        watcher.wants_volumes = wanted

    def glass(wanted: bool) -> None:
        watcher.wants_glass = wanted

    return MapFeed(
        hit=watcher.want_map,
        volume=watcher.want_volume,
        follow=follow,
        template=watcher.template,
        template_value=watcher.template_value,
        mean=watcher.want_mean,
        thumb=watcher.want_thumb,
        course=watcher.want_course,
        glass=glass,
        pinned=lambda tr: watcher.want_map(tr, "pinned"),
    )


def _short(renderer: str) -> str:
    """Return the part of the renderer's name that people know."""
    return renderer.split("(")[0].split("/")[0].strip() or renderer


def _producer_stamps(name: str | None, nt: int) -> tuple[npt.NDArray[np.uint64] | None, ReadOnlySegment | None]:
    if not name:
        return None, None
    try:
        segment = ReadOnlySegment(name)
        return segment.array((2, nt), np.dtype(np.uint64)), segment
    except (OSError, ValueError) as error:
        log.error("the producer's stamps cannot be read: %s", error)
        return None, None


def superseded(session_id: str) -> Callable[[], bool]:
    """Return a function that says whether another session was started after this window."""
    began = time.time()

    def newer() -> bool:
        return any(s.id != session_id and s.started > began for s in list_sessions())

    return newer
