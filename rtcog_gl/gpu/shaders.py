"""Reads GLSL from ``shaders/``: beside the package in a checkout, inside it in an installed wheel."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from vispy import gloo

_INCLUDE = re.compile(r'^\s*//\s*include\s+"([^"]+)"\s*$', re.MULTILINE)


@cache
def folder() -> Path:
    """Return the folder that holds the shaders.

    Raises
    ------
    FileNotFoundError
        If neither place has them.
    """
    package = Path(__file__).resolve().parent.parent
    for place in (package / "shaders", package.parent / "shaders"):
        if (place / "common").is_dir():
            return place
    raise FileNotFoundError(
        f"shaders: found neither {package / 'shaders'} nor {package.parent / 'shaders'}; install rtcog-gl again"
    )


@cache
def source(name: str) -> str:
    """Return the text of ``shaders/<name>`` with its ``// include "common/x.glsl"`` lines replaced by those files."""
    text = (folder() / name).read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda match: source(match.group(1)), text)


def program(name: str) -> gloo.Program:
    """Return a new program made of ``<name>.vert`` and ``<name>.frag``."""
    return gloo.Program(source(f"{name}.vert"), source(f"{name}.frag"))
