"""What a check of this machine found, and how a check that fails becomes a finding itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    name: str
    """What was looked at."""

    level: Level
    """``ok``; ``warning``: a session can be shown, but not as well as it could; ``problem``: it cannot."""

    found: str
    """What was found."""

    advice: str = ""
    """What to do; empty when nothing is wrong."""


def ok(name: str, found: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(name, "ok", found)


def warning(name: str, found: str, advice: str) -> Finding:
    """Return a finding with which a session can still be shown."""
    return Finding(name, "warning", found, advice)


def problem(name: str, found: str, advice: str) -> Finding:
    """Return a finding with which no session can be shown."""
    return Finding(name, "problem", found, advice)


def examine(name: str, check: Callable[[], Finding]) -> Finding:
    """Return what a check finds; if it raises, that is its finding, and the other checks go on."""
    try:
        return check()
    except Exception as error:
        words = " ".join(str(error).split())[:600]
        return problem(
            name,
            f"the check failed: {type(error).__name__}: {words}",
            "install rtcog-gl again; if that does not help, report this line",
        )
