"""The window's options: one table of flags for the command line and for ``RTCOG_GL_OPTIONS``."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, NoReturn

from .map_view import AXES, MODES, Mode, Sampling
from .option_values import map_range, number, percentiles, size

Arrangement = Literal["all", "map", "scores"]
"""Which panels have the room between strip and footer: all, the map alone, or the scores (and lanes) alone."""

ARRANGEMENTS: tuple[Arrangement, ...] = ("all", "map", "scores")
SAMPLINGS: tuple[Sampling, ...] = ("nearest", "linear")
THEMES = ("dark", "light")
ENVIRONMENT = "RTCOG_GL_OPTIONS"


@dataclass(frozen=True)
class WindowOptions:
    """What the operator can choose for a window. Field names are flag names with ``_`` for ``-``."""

    size: tuple[int, int] = (1600, 900)
    """Size of the window in screen units, width x height."""

    fullscreen: bool = False
    """Open full screen on the monitor, in the monitor's own mode."""

    monitor: int = 0
    """Number of the monitor, 0 is the primary one."""

    theme: str = "dark"
    """``dark`` or ``light``."""

    vsync: bool = True
    """Wait for the monitor's vblank when swapping."""

    scale: float = 0.0
    """Size of type and spacing relative to 1920 x 1080; 0 chooses it from the window."""

    anat: str | None = None
    """NIfTI file with the anatomy to show under the map."""

    map_threshold: float = -1.0
    """Voxels with ``abs(value)`` below it are not drawn; negative: a third of the range."""

    map_mode: Mode = "ortho"
    """``ortho``, ``mosaic`` or ``glass``."""

    mosaic_axis: str = "axial"
    """Slices of the mosaic: ``axial``, ``coronal`` or ``sagittal``."""

    radiological: bool = False
    """Show the left of the head at the right."""

    sampling: Sampling = "nearest"
    """``nearest``: voxels as measured; ``linear``: weighted by distance among the voxels inside the mask."""

    map_range: float = 0.0
    """End of the colours: a number; 0: the map's largest absolute value; negative: its robust percentile."""

    map_opacity: float = 1.0
    """Opacity of the map over the anatomy, 0..1."""

    colormap: str = ""
    """Name of a colour map of the package `cmap`; empty: the theme's."""

    anat_window: tuple[float, float] = (2.0, 99.5)
    """Percentiles of the anatomy's voxels above zero that become black and white."""

    sphere: float = 6.0
    """Radius of the sphere whose mean time course is shown, in mm; 0: of its middle voxel alone."""

    arrangement: Arrangement = "all"
    """``all`` panels, the ``map`` alone or the ``scores`` alone."""

    window_trs: int = 0
    """Number of TRs in view; 0 chooses (the whole run, at most 300)."""

    duration: float = 0.0
    """Seconds after which the window closes; 0 never."""

    screenshot: str | None = None
    """PNG file, written when the window closes."""

    latency_log: str | None = None
    """File that gets one JSON line for each TR shown."""

    photodiode: bool = False
    """Draw a 32-pixel square in the lower right corner: white while the newest TR is odd, black while even."""

    linger: float = -1.0
    """Seconds that the window stays after the session's end; negative: until it is closed or another session starts."""

    live_maps: int = -1
    """Newest volumes that the session keeps whole for the map panel; negative: as many as fit into 512 MB; 0: none."""

    verbose: bool = False
    """Log what is being done."""

    stamps: str | None = None
    """Name of a shared segment with the producer's own commit times (for measuring)."""

    segment_prefix: str = ""
    """Put before the names of rtcog's shared segments (for synthetic sessions)."""

    def argv(self) -> list[str]:
        """Return the flags that lead to these options."""
        default = WindowOptions()
        flags: list[str] = []
        for f in fields(self):
            value = getattr(self, f.name)
            if value == getattr(default, f.name):
                continue
            name = "--" + f.name.replace("_", "-")
            if f.name == "vsync":
                flags.append("--no-vsync")
            elif isinstance(value, bool):
                flags.append(name)
            elif f.name == "size":
                flags.append(f"{name}={value[0]}x{value[1]}")
            elif f.name == "anat_window":
                flags.append(f"{name}={value[0]!r}:{value[1]!r}")
            elif f.name == "map_range" and value < 0:
                flags.append(f"{name}=robust")
            else:
                flags.append(f"{name}={value}")
        return flags


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the window's flags to a parser."""
    add = parser.add_argument_group("window").add_argument
    default = WindowOptions()
    add("--size", type=size, default=default.size, metavar="WxH", help="size of the window (default: 1600x900)")
    add("--fullscreen", action="store_true", help="full screen from the start, in the monitor's own mode")
    add(
        "--monitor", type=number(0, 63, int), default=default.monitor, metavar="N", help="monitor; 0 is the primary one"
    )
    add("--theme", choices=THEMES, default=default.theme, help="for the control room, or with the old page's colours")
    add("--no-vsync", dest="vsync", action="store_false", help="do not wait for the monitor when swapping")
    add("--scale", type=number(0, 8), default=default.scale, metavar="S", help="size of type (default: by the window)")
    add("--anat", default=None, metavar="FILE", help="anatomy to show under the map, a 3-D NIfTI on any grid")
    grey = "percentiles of the anatomy's voxels above 0 that are black and white (default: 2:99.5)"
    add("--anat-window", type=percentiles, default=default.anat_window, metavar="LOW:HIGH", help=grey)
    modes = "map as three planes through the crosshair, as a lightbox or as a glass brain (default: ortho)"
    add("--map-mode", choices=MODES, default=default.map_mode, help=modes)
    slices = "slices of the lightbox (default: axial)"
    add("--mosaic-axis", choices=AXES[::-1], default=default.mosaic_axis, help=slices)
    add("--radiological", action="store_true", help="left of the head at the right (default: left is left)")
    how = "voxels as measured, or smooth: weighted by distance inside the mask (default: nearest)"
    add("--sampling", choices=SAMPLINGS, default=default.sampling, help=how)
    low = "hide smaller values; 0 shows all (default: a third of the range)"
    add("--map-threshold", type=number(-1, 1e30), default=default.map_threshold, metavar="V", help=low)
    ends = "where the colours end: largest value, robust (2nd or 98th percentile) or a number (default: largest)"
    add("--map-range", type=map_range, default=default.map_range, metavar="END", help=ends)
    solid = "opacity of the map, 0 to 1 (default: 1)"
    add("--map-opacity", type=number(0, 1), default=default.map_opacity, metavar="A", help=solid)
    names = "colours of the map: a name that the package cmap knows, best a diverging one (default: the theme's)"
    add("--colormap", default=default.colormap, metavar="NAME", help=names)
    sphere = "radius in mm of the sphere at the crosshair whose mean time course is shown (default: 6)"
    add("--sphere", type=number(0, 20), default=default.sphere, metavar="MM", help=sphere)
    panels = "all panels, the map alone or the scores alone (default: all)"
    add("--arrangement", choices=ARRANGEMENTS, default=default.arrangement, help=panels)
    trs = "TRs in view (default: the whole run, at most 300)"
    add("--window-trs", type=number(0, 10_000_000, int), default=0, metavar="N", help=trs)
    add("--duration", type=number(0, 1e7), default=default.duration, metavar="S", help="close after S seconds")
    add("--screenshot", default=None, metavar="FILE", help="write a PNG when the window closes")
    log = "write a JSON line for each TR shown, and a summary beside it"
    add("--latency-log", default=None, metavar="FILE", help=log)
    add("--photodiode", action="store_true", help="32-pixel square, lower right: white while the newest TR is odd")
    linger = "close S seconds after the session's end (default: when closed, or when the next session starts)"
    add("--linger", type=number(-1, 1e7), default=default.linger, metavar="S", help=linger)
    kept = "newest volumes kept for the live map; 0: none, in the demo as plain rtcog (default: what fits into 512 MB)"
    add("--live-maps", type=number(-1, 1_000_000, int), default=default.live_maps, metavar="N", help=kept)
    add("--verbose", action="store_true", help="log what is being done")
    add("--stamps", default=None, help=argparse.SUPPRESS)
    add("--segment-prefix", default="", help=argparse.SUPPRESS)


def from_args(args: argparse.Namespace) -> WindowOptions:
    """Return the window's options out of parsed arguments."""
    return WindowOptions(**{f.name: getattr(args, f.name) for f in fields(WindowOptions)})


def words_of(line: str) -> tuple[list[str], list[str]]:
    """Split a line like a shell.

    Returns
    -------
    words : list of str
        The words.
    messages : list of str
        A sentence if the quotes do not pair; then they are dropped and the line is split at blanks.
    """
    try:
        if os.name == "posix":
            return shlex.split(line), []
        # Paths on Windows are full of backslashes, which POSIX rules would eat; quotes then stay and go here.
        return [_unquoted(word) for word in shlex.split(line, posix=False)], []
    except ValueError as error:
        message = f"{ENVIRONMENT} is {line!r}, which cannot be split into flags: {error}."
        return line.replace("'", " ").replace('"', " ").split(), [message]


def _unquoted(word: str) -> str:
    quoted = len(word) >= 2 and word[0] in "\"'" and word[0] == word[-1]
    return word[1:-1] if quoted else word


class _Refused(Exception):
    """A flag was refused."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Refused(message)


def parse_options(argv: Sequence[str]) -> tuple[WindowOptions, list[str]]:
    """Read flags leniently: what is wrong becomes a sentence and the default is used, nothing is raised.

    Parameters
    ----------
    argv : sequence of str
        Flags, as on the command line.

    Returns
    -------
    options : WindowOptions
        The options; flags that were refused have their defaults.
    messages : list of str
        One sentence for each flag that was refused.
    """
    good: list[str] = []
    messages: list[str] = []
    for flag in _flags(argv):
        parser = _Parser(add_help=False, allow_abbrev=False)
        add_flags(parser)
        try:
            parser.parse_args(flag)
            good += flag
        except _Refused as refused:
            messages.append(f"{ENVIRONMENT}: {refused}; the default is used")
    parser = _Parser(add_help=False, allow_abbrev=False)
    add_flags(parser)
    return from_args(parser.parse_args(good)), messages


def _flags(argv: Sequence[str]) -> list[list[str]]:
    """Split arguments into flags with their values, so that one bad flag does not spoil the others."""
    parser = argparse.ArgumentParser(add_help=False)
    add_flags(parser)
    values = {name: action.nargs != 0 for action in parser._actions for name in action.option_strings}
    groups: list[list[str]] = []
    for word in argv:
        belongs = False
        if groups and not word.startswith("--"):
            flag = groups[-1][0]
            name, joined, _ = flag.partition("=")
            belongs = not joined and (name not in values or (values[name] and len(groups[-1]) == 1))
        if belongs:
            groups[-1].append(word)
        else:
            groups.append([word])
    return groups


def markdown() -> str:
    """Return the table of flags as Markdown, as the README shows it."""
    parser = argparse.ArgumentParser(add_help=False)
    add_flags(parser)
    rows = []
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        value = action.metavar or " or ".join(action.choices or ())
        flag = f"{action.option_strings[0]} {value}".strip()
        rows.append(f"| `{flag}` | {action.help} |")
    return "| option | what it does |\n| --- | --- |\n" + "\n".join(rows) + "\n"
