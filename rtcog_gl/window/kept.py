"""What a window keeps of a session that is over: on disk, so that memory is free for the next session."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import threading
from collections.abc import Hashable
from io import FileIO

import numpy as np

from ..model.session import FloatArray

log = logging.getLogger("rtcog_gl")

CHUNK = 1 << 18
"""Values handed to the system in one go."""


class Kept:
    """Arrays in a file without a name, which goes with the process; any thread may read.

    Nothing of it is private memory: the system writes the file's pages out when it needs them.

    Parameters
    ----------
    folder : str, optional
        Where the file is; the system's folder for temporary files by default.
    """

    def __init__(self, folder: str | None = None) -> None:
        self._folder = folder
        self._file: FileIO | None = None
        self._places: dict[Hashable, tuple[int, int]] = {}
        self._end = 0
        # One position in the file for all threads.
        self._lock = threading.Lock()

    def __contains__(self, key: Hashable) -> bool:
        """Whether an array of that name is kept."""
        return key in self._places

    def put(self, key: Hashable, values: FloatArray) -> None:
        """Keep an array (n,), float32.

        Raises
        ------
        OSError
            If there is no room for it.
        """
        with self._lock:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="rtcog-gl-", dir=self._folder, buffering=0)  # noqa: SIM115
            self._file.seek(4 * self._end)
            for first in range(0, len(values), CHUNK):
                part = np.ascontiguousarray(values[first : first + CHUNK], np.float32).view(np.uint8).data
                while part:
                    part = part[self._file.write(part) :]
            self._places[key] = (self._end, len(values))
            self._end += len(values)

    def get(self, key: Hashable, first: int = 0, end: int | None = None) -> FloatArray | None:
        """Return values ``first .. end - 1`` of an array (all by default), owned; None where they cannot be had."""
        place = self._places.get(key)
        if place is None:
            return None
        at, length = place
        end = length if end is None else end
        if not 0 <= first <= end <= length:
            return None
        values = np.empty(end - first, np.float32)
        try:
            return values if self._read(at + first, values) else None
        except OSError as error:
            log.error("what was kept of the session cannot be read: %s", error)
            return None

    def _read(self, at: int, values: FloatArray) -> bool:
        """Fill an array from the file; return whether all of it came."""
        into = values.view(np.uint8).data
        with self._lock:
            if self._file is None:
                return False
            self._file.seek(4 * at)
            while into:
                got = self._file.readinto(into)
                if not got:
                    return False
                into = into[got:]
        return True

    def close(self) -> None:
        """Give the file back; nothing is kept any more."""
        with self._lock:
            self._places = {}
            if self._file is not None:
                with contextlib.suppress(OSError):
                    self._file.close()
            self._file, self._end = None, 0
