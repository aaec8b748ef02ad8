"""Which sessions run on this machine: one small file each in the user's own runtime folder."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import stat
import sys
import tempfile
import time
import warnings
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import platformdirs

FOLDER_VARIABLE = "RTCOG_GL_RUNTIME_DIR"
"""Environment variable that names another folder."""

_ID = re.compile(r"[0-9a-f]{8,32}")
_BOARD = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LARGEST_FILE = 65536


@dataclass(frozen=True)
class Entry:
    """One running session."""

    id: str
    """Random hexadecimal name, as on the board."""

    board: str
    """Name of the board's segment."""

    pid: int
    """The keeper's process."""

    prefix: str
    """The run's prefix, for people; never part of a path."""

    started: float
    """Seconds since 1970."""


def folder() -> Path:
    """Return the folder of the entries, made on first use, mode 0700.

    Raises
    ------
    OSError
        If no folder can be had that belongs to this user alone.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return _private(Path(named))
    try:
        return _private(_runtime_folder())
    except OSError:
        return _private(_fallback_folder())


def _runtime_folder() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Path(platformdirs.user_runtime_dir("rtcog-gl", appauthor=False))


def _fallback_folder() -> Path:
    user = os.getuid() if sys.platform != "win32" else os.environ.get("USERNAME", "user")
    return Path(tempfile.gettempdir()) / f"rtcog-gl-{user}"


def _private(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32":
        return path
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(f"{path} belongs to user {found.st_uid}, expected a folder of user {os.getuid()}")
    if stat.S_IMODE(found.st_mode) & 0o077:
        path.chmod(0o700)
    return path


def announce(entry: Entry) -> Path:
    """Write the file of a session: whole or not at all, mode 0600.

    Returns
    -------
    Path
        The file, for `withdraw`.

    Raises
    ------
    ValueError
        If the id is not hexadecimal.
    OSError
        If it cannot be written.
    """
    if not _ID.fullmatch(entry.id):
        raise ValueError(f"the session's id is {entry.id!r}, expected 8 to 32 hexadecimal digits")
    where = folder()
    handle, scratch = tempfile.mkstemp(prefix=f".{entry.id}-", dir=where)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            json.dump(asdict(entry), file)
        final = where / f"{entry.id}.json"
        Path(scratch).replace(final)
    except OSError:
        Path(scratch).unlink(missing_ok=True)
        raise
    return final


def withdraw(path: Path) -> None:
    """Remove the file of a session."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def list_sessions() -> list[Entry]:
    """Return the sessions whose keeper lives, newest first; files of dead ones are removed."""
    try:
        where = folder()
    except OSError:
        return []
    found: list[Entry] = []
    for path in where.glob("*.json"):
        entry = _read(path)
        if entry is None:
            continue
        if pid_alive(entry.pid):
            found.append(entry)
        else:
            withdraw(path)
    return sorted(found, key=lambda entry: entry.started, reverse=True)


def _read(path: Path) -> Entry | None:
    """Return an entry, or None for anything that is not one."""
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(_LARGEST_FILE))
        entry = Entry(**{field.name: data[field.name] for field in fields(Entry)})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    kinds = (entry.id, str), (entry.board, str), (entry.pid, int), (entry.prefix, str), (entry.started, (int, float))
    if not all(isinstance(value, kind) for value, kind in kinds):
        return None
    named = _ID.fullmatch(entry.id) and path.stem == entry.id and _BOARD.fullmatch(entry.board)
    return entry if named and 0 < entry.pid < 2**31 else None


def pid_alive(pid: int) -> bool:
    """Whether a process with this number exists."""
    if sys.platform == "win32":
        return _pid_alive_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _pid_alive_windows(pid: int) -> bool:
    """Ask the process object: on Windows ``os.kill(pid, 0)`` would send Ctrl-C."""
    synchronize, timed_out = 0x00100000, 0x102
    kernel32 = getattr(ctypes, "windll").kernel32  # noqa: B009
    handle = kernel32.OpenProcess(synchronize, False, pid)
    if not handle:
        return False
    alive: bool = kernel32.WaitForSingleObject(handle, 0) == timed_out
    kernel32.CloseHandle(handle)
    return alive


def entry_for(session_id: str, board: str, prefix: str) -> Entry:
    """Return the entry of a session that this process keeps."""
    return Entry(session_id, board, os.getpid(), prefix, time.time())
