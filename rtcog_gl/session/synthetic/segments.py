"""The shared memory of a session: scores, maps and the producer's stamps."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.records import VOLUME
from rtcog_gl.session.contract import SharedMemoryManager
from rtcog_gl.session.synthetic.options import DemoError

log = logging.getLogger("rtcog_gl")

SCORES, MAPS, STAMPS = "match_scores", "tr_data", "stamps"
"""Names of the segments, after the prefix."""

FEW_MAPS = 16
"""So many of the newest volumes are kept at least where the session chooses its own size."""

MAX_NAME = 30
"""macOS takes 31 characters, one of which is the leading slash that Python adds."""


def unique_prefix() -> str:
    """Return a prefix that no other session has, short enough for every platform."""
    return f"rg{os.getpid() & 0xFFFFFF:x}{secrets.token_hex(3)}_"


def segment_names(prefix: str) -> tuple[str, str, str]:
    """Return the names of scores, maps and stamps.

    Raises
    ------
    DemoError
        If a name would be too long for macOS.
    """
    names = prefix + SCORES, prefix + MAPS, prefix + STAMPS
    if len(names[0]) > MAX_NAME:
        raise DemoError(
            f"segment prefix {prefix!r} has {len(prefix)} characters, expected {MAX_NAME - len(SCORES)} or fewer"
        )
    return names


def segment_sizes(n_templates: int, nv: int, nt: int) -> tuple[int, int, int]:
    """Return the bytes of scores, maps and stamps."""
    return 4 * n_templates * nt, 4 * nv * nt, 16 * nt


def bytes_needed(n_templates: int, nv: int, nt: int) -> int:
    """Return the bytes of shared memory that a session can come to occupy."""
    return sum(segment_sizes(n_templates, nv, nt))


def live_bytes(n_templates: int, nv: int, nt: int, live_maps: int) -> int:
    """Return the bytes with which a session can publish its volumes worth looking at: all but its older maps.

    Parameters
    ----------
    live_maps : int
        As asked for (`DemoOptions.live_maps`). More than `FEW_MAPS` are kept only where there is room.
    """
    if live_maps == 0:
        return 0
    slots = FEW_MAPS if live_maps < 0 else min(live_maps, FEW_MAPS)
    return VOLUME.itemsize * nt + 4 * nv * (n_templates + slots)


def free_shared_memory() -> int | None:
    """Return the bytes free in the shared-memory file system, or None where there is no such limit to ask for."""
    place = Path("/dev/shm")
    return shutil.disk_usage(place).free if place.is_dir() else None


def check_space(n_templates: int, nv: int, nt: int) -> None:
    """Raise a `DemoError` if a session does not fit into the shared memory that is free.

    Pages are only taken when they are written, and a write for which there is no page kills the process; hence the
    question beforehand.
    """
    needed, free = bytes_needed(n_templates, nv, nt), free_shared_memory()
    if free is not None and needed > free:
        raise DemoError(
            f"shared memory for {nv:,} voxels and {nt:,} volumes: got {free / 1e6:,.0f} MB free in /dev/shm, "
            f"expected {needed / 1e6:,.0f} MB"
        )


class Segments:
    """Makes the three segments, zero-filled, and removes them.

    Attributes
    ----------
    scores : ndarray, (templates, Nt), float32
    maps : ndarray, (Nv, Nt), float32
    stamps : ndarray, (2, Nt), uint64
        Monotonic nanoseconds at which a column of the scores (row 0) or of the maps (row 1) was written; 0: not yet.

    Raises
    ------
    DemoError
        If a name is too long, or the file system has not enough room.
    """

    def __init__(self, prefix: str, n_templates: int, nv: int, nt: int) -> None:
        check_space(n_templates, nv, nt)
        self.prefix = prefix
        self._managers: list[SharedMemoryManager] = []
        names = segment_names(prefix)
        try:
            for name, size in zip(names, segment_sizes(n_templates, nv, nt), strict=True):
                self._managers.append(SharedMemoryManager(name, create=True, size=size))
                self._managers[-1].open()
        except OSError as error:
            self.close()
            raise DemoError(f"shared memory {name!r} of {size:,} bytes cannot be made: {error}") from error
        buffers = [manager.shm.buf for manager in self._managers if manager.shm is not None]
        self.scores: npt.NDArray[np.float32] = np.ndarray((n_templates, nt), np.float32, buffers[0])
        self.maps: npt.NDArray[np.float32] = np.ndarray((nv, nt), np.float32, buffers[1])
        self.stamps: npt.NDArray[np.uint64] = np.ndarray((2, nt), np.uint64, buffers[2])

    def unlink(self) -> None:
        """Remove the names; the arrays stay readable. On Windows the names go when everybody has closed."""
        for manager in self._managers:
            if manager.shm is not None:
                try:
                    manager.shm.unlink()
                except FileNotFoundError:
                    log.debug("shared memory %r was removed by another process", manager.name)

    def close(self) -> None:
        """Remove the names and unmap; the arrays become empty, because looking into what is gone would crash."""
        self.scores = self.maps = np.zeros((0, 0), np.float32)
        self.stamps = np.zeros((2, 0), np.uint64)
        managers, self._managers = self._managers, []
        for manager in managers:
            manager.cleanup()


def remove_left_over(prefix: str, *others: str) -> list[str]:
    """Remove segments that a producer of ours, now dead, left behind, and those of other names; return their names."""
    removed = []
    for name in (*segment_names(prefix), *others):
        try:
            left = SharedMemory(name=name)
        except FileNotFoundError:
            continue
        left.close()
        try:
            left.unlink()
        except FileNotFoundError:
            continue
        removed.append(name)
        log.info("removed shared memory %r, left behind by the synthetic session", name)
    return removed
