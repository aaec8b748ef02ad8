"""Plays no sound."""

from __future__ import annotations


def playsound(path: str) -> None:
    """Do nothing."""
