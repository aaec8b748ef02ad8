"""Shared segments of other processes, mapped read-only: never removed, never known to Python's resource tracker."""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

Identity = tuple[int, int]
"""Device and inode: two segments of one name that are not the same differ in it."""


def _open(name: str) -> int:
    import _posixshmem  # type: ignore[import-not-found,unused-ignore]

    # The standard library's SharedMemory would open for writing and, before Python 3.13, register the segment.
    fd: int = _posixshmem.shm_open("/" + name.lstrip("/"), os.O_RDONLY, mode=0o600)
    return fd


def _windows_mapping(name: str) -> mmap.mmap:
    from multiprocessing.shared_memory import SharedMemory

    # Windows makes a mapping that is not there, so that SharedMemory is asked first, which also learns the size.
    shm = SharedMemory(name=name)
    try:
        mapping: Any = mmap.mmap(-1, shm.size, tagname=name, access=mmap.ACCESS_READ)  # type: ignore[call-arg,unused-ignore]
    finally:
        shm.close()
    return mapping  # type: ignore[no-any-return]


def identity(name: str) -> Identity | None:
    """Return what the name stands for now; None when there is no such segment, or the system does not say."""
    if sys.platform == "win32":
        return None
    try:
        fd = _open(name)
    except OSError:
        return None
    try:
        return _identity(fd)
    finally:
        os.close(fd)


def is_removed(name: str) -> bool:
    """Whether there is no segment of that name any more; False where the system cannot tell (Windows)."""
    if sys.platform == "win32":
        return False
    try:
        fd = _open(name)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    os.close(fd)
    return False


def _identity(fd: int) -> Identity | None:
    status = os.fstat(fd)
    return (status.st_dev, status.st_ino) if status.st_ino else None


class ReadOnlySegment:
    """A shared segment, mapped read-only.

    Parameters
    ----------
    target : str or int
        Name of the segment (as given to `multiprocessing.shared_memory.SharedMemory`), or a file descriptor of it
        (POSIX; it is duplicated and stays the caller's).

    Raises
    ------
    FileNotFoundError
        If there is no segment of that name.
    OSError
        If it cannot be opened or mapped.
    ValueError
        If it is empty.
    """

    name: str
    """Name of the segment, or its descriptor in words."""

    size: int
    """Bytes mapped; rounded up to a page by some systems."""

    fd: int
    """Descriptor opened for reading only, for `pass_fds`; -1 on Windows and after `close`."""

    identity: Identity | None
    """Device and inode, where the system tells them."""

    def __init__(self, target: str | int) -> None:
        self.fd, self.identity = -1, None
        self.name = target if isinstance(target, str) else f"file descriptor {target}"
        self._mapping: mmap.mmap | None = None
        if sys.platform == "win32":
            self._mapping = _windows_mapping(self.name)
            self.size = len(self._mapping)
            return
        self.fd = _open(target) if isinstance(target, str) else os.dup(target)
        try:
            self.size = os.fstat(self.fd).st_size
            if self.size == 0:
                raise ValueError(f"the segment {self.name} holds 0 bytes, expected at least 1")
            self.identity = _identity(self.fd)
            self._mapping = mmap.mmap(self.fd, self.size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
        except (OSError, ValueError):
            self.close()
            raise

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._mapping is None

    @property
    def buf(self) -> memoryview:
        """All bytes, read-only.

        Raises
        ------
        ValueError
            If the segment is closed.
        """
        if self._mapping is None:
            raise ValueError(f"the segment {self.name} is closed")
        return memoryview(self._mapping)

    def array(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Return the segment's beginning as a read-only array in C order.

        The array keeps the mapping alive, also past `close`.

        Raises
        ------
        ValueError
            If the segment is smaller than the array, or closed.
        """
        count = int(np.prod(shape, dtype=np.int64))
        needed = count * np.dtype(dtype).itemsize
        if self.size < needed:
            raise ValueError(
                f"the segment {self.name} is too small: got {self.size} bytes, expected at least {needed} "
                f"for {' x '.join(map(str, shape))} values of type {np.dtype(dtype)}"
            )
        if count == 0:
            return np.zeros(shape, dtype)
        # Not np.ndarray(..., buffer): that lets go of the buffer, and closing would unmap memory under the array.
        array: npt.NDArray[Any] = np.frombuffer(self.buf, dtype, count).reshape(shape)
        return array

    def close(self) -> None:
        """Let go of the segment. Arrays made from it stay valid; the memory is unmapped with the last of them."""
        mapping, self._mapping = self._mapping, None
        if mapping is not None:
            with contextlib.suppress(BufferError):
                mapping.close()
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)
