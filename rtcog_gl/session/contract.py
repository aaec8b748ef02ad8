"""The names that rtcog's code uses, as plain data: what a session hands to its viewer.

Everything here is duck-typed against rtcog: rtcog's own objects have the same fields and work in their place.
"""

from __future__ import annotations

import logging
import multiprocessing
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import c_int
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.context import BaseContext
from multiprocessing.shared_memory import SharedMemory
from typing import Any

from rtcog_gl.model.session import ActionState

__all__ = [
    "ActionState",
    "MatchingOpts",
    "SharedMemoryManager",
    "StreamingConfig",
    "SyncEvents",
    "attach",
    "new_sync",
]

log = logging.getLogger("rtcog_gl")


@dataclass(frozen=True)
class MatchingOpts:
    """How volumes are scored."""

    match_method: str
    """``mask``, ``svr`` or a custom name."""

    match_start: int
    """First TR that is scored."""

    vols_noaction: int
    """Length of the cooldown after an action, in TRs."""


@dataclass(frozen=True)
class StreamingConfig:
    """What does not change in a run."""

    Nt: int
    """Volumes (TRs) expected in the run."""

    template_labels: list[str]
    """One label a row of the scores."""

    hit_thr: float
    """Score at or above which a template can hit."""

    matching_opts: MatchingOpts
    """How volumes are scored."""

    mask_img: Any
    """Brain mask, a nibabel image; voxels with a value above 0 are in it."""

    Nv: int
    """Rows of ``tr_data``."""

    out_dir: str
    """Folder where the run writes its files."""

    out_prefix: str
    """Prefix of the run's files."""

    unit: str = ""
    """Unit of the maps' values; empty: not known. rtcog's own configuration does not have this field."""


@dataclass(frozen=True)
class SyncEvents:
    """The multiprocessing primitives that the processes of a session share."""

    hit: Any
    """Event: a hit was declared and its map is written; cleared when the survey is done."""

    action_end: Any
    """Event: the survey is done."""

    end: Any
    """Event: the run is over."""

    new_tr: Any
    """Event: a score column was written."""

    shm_ready: Any
    """Event: the segments exist."""

    server_ready: Any
    """Event: the viewer shows something."""

    tr_index: Any
    """Shared C int: index of the volume before the one that arrived last; -1 at first."""


def new_sync(context: BaseContext | None = None) -> SyncEvents:
    """Return fresh events and a ``tr_index`` of -1, for processes that `context` starts."""
    ctx: Any = context or multiprocessing.get_context()
    return SyncEvents(
        hit=ctx.Event(),
        action_end=ctx.Event(),
        end=ctx.Event(),
        new_tr=ctx.Event(),
        shm_ready=ctx.Event(),
        server_ready=ctx.Event(),
        tr_index=ctx.Value(c_int, -1),
    )


class _Attached(SharedMemory):
    """A segment of somebody else: it can be closed, never removed."""

    def unlink(self) -> None:
        """Do nothing, because the segment belongs to the process that made it."""
        log.debug("segment %s was not removed: only its creator may do that", self._name)  # type: ignore[attr-defined]


_tracker_lock = threading.Lock()


@contextmanager
def _untracked() -> Iterator[None]:
    """Keep segments that this thread opens out of the resource tracker, which would remove them when we exit."""
    register: Callable[[str, str], None] = resource_tracker.register
    thread = threading.get_ident()

    def selective(name: str, rtype: str) -> None:
        if rtype != "shared_memory" or threading.get_ident() != thread:
            register(name, rtype)

    with _tracker_lock:
        resource_tracker.register = selective  # type: ignore[assignment]
        try:
            yield
        finally:
            resource_tracker.register = register  # type: ignore[assignment]


def attach(name: str) -> SharedMemory:
    """Attach to an existing segment without owning it: it is neither tracked nor removable through the result.

    Raises
    ------
    FileNotFoundError
        If there is no segment of that name.
    """
    if sys.version_info >= (3, 13):
        return _Attached(name=name, track=False)
    with _untracked():
        return _Attached(name=name)


class SharedMemoryManager:
    """Opens and releases one segment of shared memory.

    Parameters
    ----------
    name : str
        Name of the segment.
    create : bool
        Whether to make the segment (and to remove it in `cleanup`) rather than to attach to an existing one.
    size : int, optional
        Bytes; needed with `create`.

    Raises
    ------
    ValueError
        If `create` is set without a `size`.
    """

    def __init__(self, name: str, create: bool = False, size: int | None = None) -> None:
        if create and size is None:
            raise ValueError(f"shared memory {name!r} cannot be created without a size: got None, expected bytes > 0")
        self.name = name
        self.shm: SharedMemory | None = None
        self._owner = create
        self._size = size or 0

    def open(self) -> SharedMemory:
        """Return the segment: attached, or made anew in place of an old one of the same name."""
        self.shm = self._create() if self._owner else attach(self.name)
        return self.shm

    def _create(self) -> SharedMemory:
        try:
            return SharedMemory(name=self.name, create=True, size=self._size)
        except FileExistsError:
            log.info("shared memory %r was left by another session and is replaced", self.name)
            old = SharedMemory(name=self.name)
            old.close()
            old.unlink()
            return SharedMemory(name=self.name, create=True, size=self._size)

    def cleanup(self) -> None:
        """Close the segment, and remove it if it was made here. Calling it again does nothing."""
        shm, self.shm = self.shm, None
        if shm is None:
            return
        try:
            shm.close()
        except BufferError:
            log.debug("shared memory %r stays mapped: an array still looks into it", self.name)
        if self._owner:
            try:
                shm.unlink()
            except FileNotFoundError:
                log.debug("shared memory %r was removed by another process", self.name)
