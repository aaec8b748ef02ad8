"""The one table of keys and of gestures: the window, the help overlay, the README and the tests read it."""

from __future__ import annotations

from typing import Literal, NamedTuple

Group = Literal["time", "hits", "map", "window"]

GROUPS: tuple[Group, ...] = ("time", "hits", "map", "window")
"""What keys and gestures are about, in the order in which lists show them."""

SHIFT = "SHIFT+"
"""Before the name of a key that is held together with Shift."""


class Binding(NamedTuple):
    """One action and the keys that call it."""

    action: str
    """Name of the action (see `rtcog_gl.model.view.apply` and `map_actions.apply_to_map`; the window has its own)."""

    keys: tuple[str, ...]
    """Key names as GLFW has them (``KEY_`` dropped, `SHIFT` before), or characters typed."""

    label: str
    """The keys as people read them."""

    help: str
    """What it does."""

    group: Group
    """What it is about."""

    repeats: bool = False
    """Whether it acts again and again while the key is held."""


class Gesture(NamedTuple):
    """One thing to do with the mouse."""

    label: str
    """The gesture, and where."""

    help: str
    """What it does."""

    group: Group
    """What it is about."""


BINDINGS = (
    Binding("older", ("LEFT",), "←", "one TR back", "time", True),
    Binding("newer", ("RIGHT",), "→", "one TR forward", "time", True),
    Binding("page_older", ("PAGE_UP",), "Page up", "half a window back", "time", True),
    Binding("page_newer", ("PAGE_DOWN",), "Page down", "half a window forward", "time", True),
    Binding("oldest", ("HOME",), "Home", "to the first TR", "time"),
    Binding("live", ("END",), "End", "back to live; the crosshair stays", "time"),
    Binding("closer", ("+", "="), "+", "fewer TRs in view", "time", True),
    Binding("wider", ("-",), "−", "more TRs in view", "time", True),
    Binding("whole_run", ("W",), "W", "the whole run, and back", "time"),
    Binding("previous_hit", ("[",), "[", "map of the previous hit", "hits", True),
    Binding("next_hit", ("]",), "]", "map of the next hit", "hits", True),
    Binding("map_mode", ("M",), "M", "map: every volume or hits", "hits"),
    Binding("beside", ("H",), "H", "pin this hit beside the map, and unpin", "hits"),
    Binding("mean", ("E",), "E", "mean of this template's hits, and back", "hits"),
    Binding("explain", ("X",), "X", "explain: hit, template, product", "hits"),
    Binding("map_view", ("V",), "V", "three planes, lightbox or glass brain", "map"),
    Binding("map_axis", ("A",), "A", "lightbox: axial, coronal or sagittal", "map"),
    Binding("step_left", ("SHIFT+LEFT",), "Shift ←", "crosshair one voxel left, as seen", "map", True),
    Binding("step_right", ("SHIFT+RIGHT",), "Shift →", "crosshair one voxel right, as seen", "map", True),
    Binding("step_front", ("SHIFT+UP",), "Shift ↑", "crosshair one voxel to the front", "map", True),
    Binding("step_back", ("SHIFT+DOWN",), "Shift ↓", "crosshair one voxel to the back", "map", True),
    Binding("step_up", ("SHIFT+PAGE_UP",), "Shift Page up", "crosshair one voxel up", "map", True),
    Binding("step_down", ("SHIFT+PAGE_DOWN",), "Shift Page down", "crosshair one voxel down", "map", True),
    Binding("crosshair_auto", ("C",), "C", "crosshair to the map's own: a hit's peak", "map"),
    Binding("peak_positive", ("P",), "P", "crosshair to the largest value above 0", "map"),
    Binding("peak_negative", ("N",), "N", "crosshair to the largest value below 0", "map"),
    Binding("peak_next", ("K",), "K", "crosshair to the next peak", "map", True),
    Binding("threshold_lower", (",",), ",", "lower threshold", "map", True),
    Binding("threshold_higher", (".",), ".", "higher threshold", "map", True),
    Binding("threshold_auto", ("/",), "/", "automatic threshold", "map"),
    Binding("map_range", ("Z",), "Z", "colours end: largest, robust, as now", "map"),
    Binding("opacity", ("O",), "O", "opacity of the map: 100, 75, 50, 25 %", "map"),
    Binding("colormap", ("J",), "J", "next colour map", "map"),
    Binding("sampling", ("I",), "I", "voxels as measured, or smooth", "map"),
    Binding("convention", ("R",), "R", "left is left, or right", "map"),
    Binding("grey_darker", ("1",), "1", "darker anatomy", "map", True),
    Binding("grey_brighter", ("2",), "2", "brighter anatomy", "map", True),
    Binding("grey_flatter", ("3",), "3", "less contrast in the anatomy", "map", True),
    Binding("grey_harder", ("4",), "4", "more contrast in the anatomy", "map", True),
    Binding("grey_auto", ("0",), "0", "automatic greys of the anatomy", "map"),
    Binding("course", ("Y",), "Y", "time course at the crosshair: on, off", "map"),
    Binding("arrangement", ("TAB",), "Tab", "all panels, the map or the scores alone", "window"),
    Binding("fullscreen", ("F", "F11"), "F", "full screen, and back", "window"),
    Binding("screenshot", ("S",), "S", "save a picture of the window", "window"),
    Binding("help", ("?", "F1"), "?", "this list", "window"),
    Binding("escape", ("ESCAPE",), "Esc Esc", "close the window (Esc once closes this list)", "window"),
    Binding("close", ("Q",), "Q", "close the window; the session goes on", "window"),
)

MOUSE = (
    Gesture("click a thumbnail", "its map; the newest: follow the newest", "hits"),
    Gesture("wheel on thumbnails", "map of the next or previous hit", "hits"),
    Gesture("click or drag a slice", "crosshair there, in all views", "map"),
    Gesture("wheel on a slice", "crosshair one slice on or back", "map"),
    Gesture("click or drag the bar", "threshold at that value", "map"),
    Gesture("wheel on the bar", "higher or lower threshold", "map"),
)
"""What the mouse does."""


def binding_of(key: str) -> Binding | None:
    """Return what a key calls, or None (see `action_of`)."""
    name = key.upper()
    return next((binding for binding in BINDINGS if name in binding.keys), None)


def action_of(key: str) -> str | None:
    """Return the action that a key calls, or None.

    Parameters
    ----------
    key : str
        A GLFW key name without ``KEY_`` (`SHIFT` before, if that is held), or a typed character; letters in either
        case.
    """
    binding = binding_of(key)
    return None if binding is None else binding.action


def markdown() -> str:
    """Return the tables of keys and of gestures as Markdown, as the README shows them."""
    keys = _table("key", BINDINGS, "`{}`")
    return f"{keys}\n{_table('mouse', MOUSE, '{}')}"


def _table(head: str, entries: tuple[Binding, ...] | tuple[Gesture, ...], label: str) -> str:
    rows = []
    for group in GROUPS:
        own = [entry for entry in entries if entry.group == group]
        rows += [f"| **{group.capitalize()}** | |"] if own else []
        rows += [f"| {label.format(entry.label)} | {entry.help} |" for entry in own]
    return "\n".join([f"| {head} | what it does |", "| --- | --- |", *rows, ""])
