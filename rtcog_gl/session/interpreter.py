"""Fresh interpreters that run this package's modules, and never those of the folder that one happens to stand in."""

from __future__ import annotations

import importlib.util
import multiprocessing.spawn
import os
import site
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

CLEAN = (
    "import sys; sys.path[:1] = filter(None, sys.path[:1]); import runpy; "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)
"""What ``-P -m MODULE`` does, for Python 3.10, which knows no ``-P``; the module is the first argument."""


def python_command(module: str, *arguments: str, version: tuple[int, ...] = sys.version_info[:2]) -> list[str]:
    """Return the command that runs a module in this interpreter (not in the launcher that may hide it).

    The present folder stays off ``sys.path``, because an experiment's folder can hold a ``random.py`` of its own.

    Parameters
    ----------
    module : str
        As for ``python -m``.
    *arguments : str
        The module's arguments.
    version : tuple of int
        The interpreter's version.
    """
    executable = os.fsdecode(multiprocessing.spawn.get_executable() or sys.executable)
    how = ["-P", "-m"] if version >= (3, 11) else ["-c", CLEAN]
    return [executable, *how, module, *arguments]


def child_environment() -> dict[str, str]:
    """Return the environment in which a fresh interpreter finds the same package as this one.

    Entries that this process added to ``sys.path`` are passed on only when the package comes from one of them; of the
    present folder and that of the main script, only the one that holds the package.
    """
    environment = dict(os.environ, PYTHONSAFEPATH="1")
    spec = importlib.util.find_spec("rtcog_gl")
    home = _real(Path(spec.origin).parent.parent) if spec and spec.origin else ""
    added = [path for path in _absolute(sys.path) if path not in _standard_paths()]
    # An empty entry would stand for the present folder.
    known = [path for path in environment.pop("PYTHONPATH", "").split(os.pathsep) if path]
    if home in map(_real, added):
        known = [*(path for path in added if _real(path) == home or _real(path) not in _accidental()), *known]
    if known:
        environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(known))
    return environment


def _accidental() -> set[str]:
    """Return the folders that Python puts on the path by itself: the present one, and the main script's."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    return {_real("."), *([_real(Path(script).parent)] if script else [])}


def _real(path: Path | str) -> str:
    return str(Path(path).resolve())


def _absolute(paths: Sequence[str]) -> list[str]:
    return [os.path.abspath(path) for path in paths]  # noqa: PTH100 - "" is the present folder, links are kept


def _standard_paths() -> set[str]:
    standard = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    standard |= {site.getusersitepackages(), *site.getsitepackages()}
    standard |= {str(Path(sysconfig.get_path("platstdlib")) / "lib-dynload")}
    standard |= {path for path in sys.path if path.endswith(".zip")}
    return set(_absolute([path for path in standard if path]))
