"""How large a segment of volumes may be without taking what the session itself still needs.

Shared memory takes its pages when they are written, and a write for which there is no page kills the process. rtcog
writes its maps long after it asked for them, so that what looks free is not all to be had.
"""

from __future__ import annotations

import errno
import mmap
import os
import secrets
from collections.abc import Iterator
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rtcog_gl.session.populate import available_memory
from rtcog_gl.session.volumes_layout import FLOAT, Header, layout

DEFAULT_BYTES = 512 << 20
"""What the ring may occupy when nobody says how many volumes to keep."""

MARGIN_BYTES = 64 << 20
MARGIN_PART = 20
"""What stays free beside what the session may need: 64 MiB, or a 20th of the file system where that is less."""

BOARD_BYTES = 4 << 20
"""What the viewer's board may come to take, which is made later."""

MEMORY_PART = 4
"""At most this part of the memory that is available is taken."""

UNLIMITED = 1 << 62
SHARED = Path("/dev/shm")
MEMINFO = Path("/proc/meminfo")


NOT_POSSIBLE = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)
"""The file system cannot allocate beforehand, which says nothing about its room."""


class Room(NamedTuple):
    """The largest segment that harms nobody."""

    size: int
    """Bytes; `UNLIMITED` where the system tells nothing."""

    why: str
    """What limits it, in words."""


class Plan(NamedTuple):
    """A segment that could be made."""

    head: Header
    note: str
    """What the operator should know; empty when all that was wanted is there."""


def shared_free() -> tuple[int, int] | None:
    """Return free and all bytes of the shared-memory file system; None where there is none, or it has no limit."""
    if not hasattr(os, "statvfs"):
        return None
    try:
        system = os.statvfs(SHARED)
    except OSError:
        return None
    return (system.f_bavail * system.f_frsize, system.f_blocks * system.f_frsize) if system.f_blocks else None


def memory_free() -> int | None:
    """Return the bytes of memory that can be taken without swapping; None where the system does not tell."""
    return available_memory() if MEMINFO.is_file() else None


def find_room(reserve: int, private: int = 0) -> Room:
    """Return how large the segment may be.

    Parameters
    ----------
    reserve : int
        Bytes of shared memory that the session itself may still come to occupy.
    private : int
        Bytes of other memory that it may still come to occupy.
    """
    rooms = [Room(UNLIMITED, "the system sets no limit")]
    shared, memory = shared_free(), memory_free()
    if shared is not None:
        free, total = shared
        kept = reserve + BOARD_BYTES + min(MARGIN_BYTES, total // MARGIN_PART)
        rooms.append(Room(free - kept, f"{_mib(free)} of shared memory are free and {_mib(kept)} are to stay free"))
    if memory is not None:
        kept = reserve + private + MARGIN_BYTES
        rooms.append(Room(memory - kept, f"{_mib(memory)} of memory are available and {_mib(kept)} are to stay so"))
        part = memory // MEMORY_PART
        rooms.append(Room(part, f"{_mib(memory)} of memory are available, of which {_mib(part)} may be taken"))
    tightest = min(rooms)
    return tightest._replace(size=max(0, tightest.size))


def plans(nt: int, nv: int, slots: int, n_templates: int, room: Room) -> Iterator[Plan]:
    """Yield the segments to try, the best first: with fewer slots, then without the templates.

    Parameters
    ----------
    nt, nv : int
        Volumes of the run and voxels of a volume.
    slots : int
        Volumes to keep whole; -1: as many as fit into `DEFAULT_BYTES`.
    n_templates : int
        Template maps.
    room : Room
        What `find_room` returned.
    """
    wanted = min(nt, DEFAULT_BYTES // max(1, FLOAT * nv) if slots < 0 else slots)
    for templates in dict.fromkeys((n_templates, 0)):
        had = _slots_that_fit(nt, nv, wanted, templates, room.size)
        # A second try is one after the system refused, whatever it had said of its room.
        for fewer in dict.fromkeys((had, 0)) if had >= 0 else ():
            why = room.why if fewer == had else "the system refused more"
            yield Plan(layout(nt, nv, fewer, templates), _note(fewer, wanted, templates, n_templates, why))


def _slots_that_fit(nt: int, nv: int, wanted: int, n_templates: int, size: int) -> int:
    """Return how many slots of those wanted fit into `size` bytes; -1 when not even the rest does."""
    left = size - layout(nt, nv, 0, n_templates).total
    fitting = min(wanted, left // (FLOAT * nv + 8)) if left >= 0 else -1
    # The parts' ends are rounded up, which can cost a few slots of very small volumes.
    while fitting > 0 and layout(nt, nv, fitting, n_templates).total > size:
        fitting -= 1
    return fitting


def _note(slots: int, wanted: int, templates: int, wanted_templates: int, why: str) -> str:
    missing = []
    if slots < wanted:
        missing.append(f"{slots} instead of {wanted} volumes are kept whole")
    if templates < wanted_templates:
        missing.append(f"the {wanted_templates} template maps are left out")
    return f"{' and '.join(missing).capitalize()}: {why}." if missing else ""


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


def make(nt: int, nv: int, slots: int, n_templates: int, room: Room) -> tuple[SharedMemory, Header, str]:
    """Make the best segment that there is room for, all of its pages in place."""
    why = room.why
    for head, note in plans(nt, nv, slots, n_templates, room):
        try:
            return _segment(head.total), head, note
        except OSError as error:
            why = error.strerror or str(error)
    needed = layout(nt, nv, 0, 0).total
    raise OSError(
        errno.ENOSPC, f"no room in shared memory for the volumes' records: expected {needed} bytes, but {why}"
    )


def _segment(size: int) -> SharedMemory:
    shm = SharedMemory(name=f"rtgl_v{secrets.token_hex(8)}", create=True, size=size)
    try:
        _allocate(getattr(shm, "_fd", -1), size)
    except OSError:
        shm.close()
        shm.unlink()
        raise
    # Each page is brought into this process now: later it would be done while rtcog waits for its volume.
    buf: Any = shm.buf
    np.frombuffer(buf, np.uint8)[:: mmap.PAGESIZE] = 0
    return shm


def _allocate(fd: int, size: int) -> None:
    if fd < 0 or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        if error.errno not in NOT_POSSIBLE:
            raise
