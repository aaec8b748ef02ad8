"""The one table of keys: the window, the help overlay, the README and the tests read it."""

from __future__ import annotations

from typing import NamedTuple


class Binding(NamedTuple):
    """One action and the keys that call it."""

    action: str
    """Name of the action (see `rtcog_gl.model.view.apply`; the window handles its own)."""

    keys: tuple[str, ...]
    """Key names as GLFW has them (``KEY_`` dropped), or characters typed."""

    label: str
    """The keys as people read them."""

    help: str
    """What it does."""


BINDINGS = (
    Binding("older", ("LEFT",), "←", "one TR back"),
    Binding("newer", ("RIGHT",), "→", "one TR forward"),
    Binding("page_older", ("PAGE_UP",), "Page up", "half a window back"),
    Binding("page_newer", ("PAGE_DOWN",), "Page down", "half a window forward"),
    Binding("oldest", ("HOME",), "Home", "to the first TR"),
    Binding("live", ("END",), "End", "back to live"),
    Binding("closer", ("+", "="), "+", "fewer TRs in view"),
    Binding("wider", ("-",), "−", "more TRs in view"),
    Binding("whole_run", ("W",), "W", "the whole run, and back"),
    Binding("previous_hit", ("[",), "[", "map of the previous hit"),
    Binding("next_hit", ("]",), "]", "map of the next hit"),
    Binding("map_mode", ("M",), "M", "map: every volume or hits"),
    Binding("explain", ("X",), "X", "explain: hit, template, product"),
    Binding("fullscreen", ("F", "F11"), "F", "full screen, and back"),
    Binding("screenshot", ("S",), "S", "save a picture of the window"),
    Binding("help", ("?", "F1"), "?", "this list"),
    Binding("escape", ("ESCAPE",), "Esc Esc", "close the window (Esc once closes this list)"),
    Binding("close", ("Q",), "Q", "close the window; the session goes on"),
)


def action_of(key: str) -> str | None:
    """Return the action that a key calls, or None.

    Parameters
    ----------
    key : str
        A GLFW key name without ``KEY_``, or a typed character; letters in either case.
    """
    name = key.upper()
    for binding in BINDINGS:
        if name in binding.keys:
            return binding.action
    return None


def markdown() -> str:
    """Return the table as Markdown, as the README shows it."""
    rows = "\n".join(f"| `{b.label}` | {b.help} |" for b in BINDINGS)
    return f"| key | what it does |\n| --- | --- |\n{rows}\n"
