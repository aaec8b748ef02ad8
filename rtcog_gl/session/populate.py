"""Touch a mapped segment's pages beforehand, in the background, so that nobody waits for them later.

A column of ``tr_data`` lies on as many pages as there are voxels. Populating brings them into this process, and makes
the kernel allocate those that nobody has written yet, which spares rtcog that work in its first hit.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import mmap
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rtcog_gl.session.segments import ReadOnlySegment

log = logging.getLogger("rtcog_gl")

MADV_POPULATE_READ = 22
"""Linux 5.14 and newer."""

CHUNK = 4 << 20
PAUSE_S = 0.004
"""Pause between chunks, so that the memory bus and rtcog get their turn."""

NICE = 15
"""The thread's own priority (Linux has one for each thread): whoever else has work goes first."""

RESERVE = 512 << 20
"""Bytes that stay free, both in the machine's memory and (a quarter of it) in the shared-memory file system."""


UNLIMITED = 1 << 60
"""A limit this large is none: version 1 of control groups writes the largest number of pages that there is."""


def available_memory(root: Path | str = "/") -> int:
    """Return the bytes that can be taken without swapping: the machine's, or what this process's control groups leave.

    Parameters
    ----------
    root : path
        Where ``proc`` and ``sys`` are.
    """
    room = 0
    for line in _read(Path(root, "proc/meminfo")).splitlines():
        if line.startswith("MemAvailable:"):
            room = int(line.split()[1]) * 1024
    for limit, used in _limits(Path(root)):
        room = min(room, max(0, limit - used))
    return room


def _limits(root: Path) -> Iterator[tuple[int, int]]:
    """Yield limit and use of this process's control groups and of all those above them.

    A limit whose use cannot be read leaves nothing.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        names = controllers.split(",") if controllers else []
        if names and "memory" not in names:
            continue
        where = root / "sys/fs/cgroup" / ("memory" if names else "")
        if not names and not (where / "cgroup.controllers").is_file():
            where /= "unified"
        files = ("memory.limit_in_bytes", "memory.usage_in_bytes") if names else ("memory.max", "memory.current")
        yield from _limits_along(where, path, *files)


def _limits_along(where: Path, path: str, limit_file: str, used_file: str) -> Iterator[tuple[int, int]]:
    # In a container, the path can be the host's while the container's own group is mounted at the top.
    here = where.joinpath(*(part for part in path.split("/") if part not in ("", "..")))
    for folder in (here, *here.parents):
        limit, used = _read(folder / limit_file).strip(), _read(folder / used_file).strip()
        if limit.isdecimal() and int(limit) < UNLIMITED:
            yield int(limit), int(used) if used.isdecimal() else int(limit)
        if folder == where:
            return


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, ValueError):
        return ""


class Populating:
    """Populates one segment on a thread of its own.

    Parameters
    ----------
    segment : ReadOnlySegment
        What to populate; closing it stops the work.
    reserve : int
        Bytes of memory to leave free.
    """

    done: int
    """Bytes populated so far."""

    reason: str
    """Why the work stopped short; empty while it goes on, and when it was completed."""

    def __init__(self, segment: ReadOnlySegment, reserve: int = RESERVE) -> None:
        self.done, self.reason = 0, ""
        self._segment, self._reserve = segment, reserve
        self._stop = threading.Event()
        # The view keeps the mapping in place while the thread works, whoever closes the segment.
        self._view = np.frombuffer(segment.buf, np.uint8)
        self._thread = threading.Thread(target=self._run, name=f"populate {segment.name}", daemon=True)
        self._thread.start()

    @property
    def complete(self) -> bool:
        """Whether every page was populated."""
        return self.done >= self._segment.size

    def stop(self) -> None:
        """Stop soon; does not wait."""
        self._stop.set()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the thread; return whether it is done."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.reason = self._populate()
        except (OSError, ValueError, AttributeError) as error:
            self.reason = f"not possible here ({error})"
        del self._view
        if self.reason:
            done, size = self.done >> 20, self._segment.size >> 20
            log.info("segment %s: %d of %d MiB populated: %s", self._segment.name, done, size, self.reason)

    def _populate(self) -> str:
        if not sys.platform.startswith("linux"):
            return "only Linux can"
        # Through ctypes, because mmap.madvise would hold the interpreter while the kernel works.
        madvise = ctypes.CDLL(None, use_errno=True).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        start, size = self._view.ctypes.data, self._view.size
        while self.done < size:
            length = min(CHUNK, size - self.done)
            if self._stop.is_set() or self._segment.closed:
                return "stopped"
            if short := self._shortage(length):
                return short
            if madvise(start + self.done, length, MADV_POPULATE_READ):
                code = ctypes.get_errno()
                if code in (errno.EINTR, errno.EAGAIN):
                    continue
                raise OSError(code, os.strerror(code))
            self.done += -(-length // mmap.PAGESIZE) * mmap.PAGESIZE
            self._stop.wait(PAUSE_S)
        return ""

    def _shortage(self, length: int) -> str:
        """Return what there is too little of for `length` more bytes, or nothing."""
        if (free := available_memory()) < length + self._reserve:
            return f"memory is short: {free >> 20} MiB available, {self._reserve >> 20} MiB stay free"
        fd = self._segment.fd
        if fd < 0:
            return "stopped"
        system = os.fstatvfs(fd)
        free = system.f_bavail * system.f_frsize
        if system.f_blocks and free < length + self._reserve // 4:
            return f"shared memory is short: {free >> 20} MiB free, {self._reserve >> 22} MiB stay free"
        return ""
