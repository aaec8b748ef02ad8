"""The session's segments as the window maps them: read-only, and opened when they are first needed."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping

import numpy as np

from ..model.session import FloatArray
from ..session.board import BoardReader
from ..session.populate import Populating
from ..session.segments import ReadOnlySegment
from ..session.volumes import VolumeReader

log = logging.getLogger("rtcog_gl")


class Columns:
    """The session's segments, mapped read-only; opened when they are first needed, because rtcog may make them late.

    Parameters
    ----------
    reader : BoardReader
        Says what the segments are called and hold.
    fds : mapping from role to int or None
        Descriptors of the segments where there are any; the others are found by name.
    """

    def __init__(self, reader: BoardReader, fds: Mapping[str, int | None]) -> None:
        self._infos = {"scores": reader.scores, "maps": reader.maps}
        self._published = reader.volumes
        self._fds = dict(fds)
        self._segments: dict[str, ReadOnlySegment] = {}
        self._volumes: VolumeReader | None = None
        # The volumes are read on the watcher's thread, the templates on the window's.
        self._opening = threading.Lock()
        self._closed: set[str] = set()
        self._complained: set[str] = set()
        self._populating: Populating | None = None

    def prepare(self) -> None:
        """Touch the maps' pages in the background, so that the first hit does not wait for them.

        The keeper does that for the memory itself; but each process has its own table of pages, and filling that one
        by one while a hit is copied takes as long as drawing it. Segments known by name alone may be made later.
        """
        if self._fds.get("maps") is not None and self.array("maps") is not None:
            self._populating = Populating(self._segments["maps"])

    def array(self, which: str) -> FloatArray | None:
        """Return a read-only view of ``scores`` or ``maps``, or None while it cannot be mapped."""
        info = self._infos[which]
        if which in self._closed:
            return None
        try:
            return self._segment(which, info.name).array(info.shape, np.dtype(np.float32))
        except (OSError, ValueError) as error:
            self._complain(which, error)
            return None

    def volumes(self) -> VolumeReader | None:
        """Return the reader of the published volumes; None where there are none, they cannot be read, or are closed."""
        info = self._published
        if info is None:
            return None
        with self._opening:
            if self._volumes is None and "volumes" not in self._closed:
                try:
                    self._volumes = VolumeReader(self._segment("volumes", info.name), info)
                except (OSError, ValueError) as error:
                    self._complain("volumes", error)
            return self._volumes

    def size(self, which: str) -> int:
        """Return the bytes that a role's segment has mapped; 0 where it is not."""
        with self._opening:
            segment = self._segments.get(which)
            return 0 if segment is None else segment.size

    def _segment(self, which: str, name: str) -> ReadOnlySegment:
        if which not in self._segments:
            fd = self._fds.get(which)
            self._segments[which] = ReadOnlySegment(name if fd is None else fd)
        return self._segments[which]

    def _complain(self, which: str, error: Exception) -> None:
        if which not in self._complained:
            self._complained.add(which)
            log.error("%s cannot be read: %s", which, error)

    def close(self, *roles: str) -> None:
        """Unmap these roles' segments (all by default) and close the keeper's descriptors: they hold the memory too."""
        for which in roles or ("scores", "maps", "volumes"):
            if which == "maps" and self._populating is not None:
                self._populating.stop()
            with self._opening:
                # What is closed is not opened again: by now the name can be another session's.
                self._closed.add(which)
                if which == "volumes":
                    self._volumes = None
                segment, fd = self._segments.pop(which, None), self._fds.pop(which, None)
            if segment is not None:
                segment.close()
            if fd is not None:
                os.close(fd)
