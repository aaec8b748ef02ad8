"""rtcog's two segments: found, mapped, kept; what is wrong with them becomes sentences."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.session import Session
from rtcog_gl.session.populate import Populating
from rtcog_gl.session.segments import ReadOnlySegment, identity, is_removed

RETRY_NS = 50_000_000
"""Time between two looks for a segment that is not there."""

RECHECK_NS = 500_000_000
"""Time between two looks whether a doubtful name now stands for another segment."""

MISSING_NS = 2_000_000_000
"""A segment that is not there after this long is worth a sentence."""


@dataclass(frozen=True)
class Wanted:
    """One segment as the session describes it."""

    role: str
    """``scores`` or ``maps``."""

    name: str
    shape: tuple[int, int]
    """Rows and columns that are used, C order, 4 bytes each."""

    made: int
    """Bytes that rtcog made it with; a system may round up to pages."""

    what: str
    """What the rows are, in words."""

    @property
    def needed(self) -> int:
        """Bytes that are used."""
        return 4 * self.shape[0] * self.shape[1]

    def fits(self, size: int) -> bool:
        """Whether `size` bytes are what rtcog would have made."""
        pages = {1, mmap.PAGESIZE, 4096, 16384, 65536}
        return size in {-(-self.made // page) * page for page in pages}


def wanted_segments(session: Session, rows: int, prefix: str) -> tuple[Wanted, Wanted]:
    """Return what a session's segments should be.

    Parameters
    ----------
    session : Session
        What does not change in the run.
    rows : int
        Rows of ``tr_data`` as rtcog made it; `Session.nv` of them are used.
    prefix : str
        Put before the names.
    """
    n, nt = session.n_templates, session.nt
    return (
        Wanted("scores", f"{prefix}match_scores", (n, nt), 4 * n * nt, "templates"),
        Wanted("maps", f"{prefix}tr_data", (session.nv, nt), 4 * rows * nt, "voxels"),
    )


class SessionSegments:
    """Opens the segments of a session as soon as they are there, and keeps them open.

    Parameters
    ----------
    wanted : tuple of Wanted
        The scores, then the maps.
    populate : bool
        Whether to populate the maps in the background.
    """

    def __init__(self, wanted: tuple[Wanted, ...], populate: bool = True) -> None:
        self.mapped: dict[str, ReadOnlySegment] = {}
        self.bits: npt.NDArray[np.uint32] | None = None
        self.maps: npt.NDArray[np.float32] | None = None
        self._wanted = {each.role: each for each in wanted if min(each.shape) > 0}
        self._problems: dict[str, tuple[str, ...]] = dict.fromkeys(self._wanted, ())
        self._populate = populate
        self._populating: Populating | None = None
        self._ready = self._doubtful = False
        self._began_ns = self._due_ns = 0

    @property
    def messages(self) -> tuple[str, ...]:
        """What is wrong at present, in sentences."""
        return tuple(sentence for said in self._problems.values() for sentence in said)

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to look for."""
        return self._ready and not self._doubtful and len(self.mapped) == len(self._wanted)

    def tend(self, now_ns: int, ready: bool, tr_index: int) -> None:
        """Look for what is missing; cheap until a look is due.

        Parameters
        ----------
        now_ns : int
            Monotonic time (ns).
        ready : bool
            Whether `shm_ready` is set.
        tr_index : int
            rtcog's `tr_index`.
        """
        self._began_ns = self._began_ns or now_ns
        became_ready = ready and not self._ready
        if now_ns < self._due_ns and not became_ready:
            return
        self._ready = self._ready or ready
        if became_ready or (self._doubtful and tr_index < 0):
            self._drop_replaced()
        self._doubtful = self._doubtful and tr_index < 0
        for role, wanted in self._wanted.items():
            if role not in self.mapped:
                self._open(wanted, now_ns, tr_index)
        complete = len(self.mapped) == len(self._wanted)
        self._due_ns = now_ns + (RECHECK_NS if complete else RETRY_NS)

    def written(self, t: int) -> bool:
        """Whether the scores of column `t` are no longer all zero (NaN counts as written)."""
        return self.bits is not None and bool(self.bits[:, t].any())

    def unlinked(self) -> bool:
        """Whether rtcog has removed the names of its segments, which it does after writing its files."""
        return bool(self.mapped) and all(is_removed(segment.name) for segment in self.mapped.values())

    def close(self) -> None:
        """Let go of everything."""
        self._forget(*self.mapped)

    def _open(self, wanted: Wanted, now_ns: int, tr_index: int) -> None:
        try:
            segment = ReadOnlySegment(wanted.name)
        except (OSError, ValueError) as error:
            if now_ns - self._began_ns >= MISSING_NS or (self._ready and not isinstance(error, FileNotFoundError)):
                reason = "there is none" if isinstance(error, FileNotFoundError) else str(error)
                sentence = f"The segment {wanted.name} cannot be opened ({reason}), expected {self._size(wanted)}."
                self._problems[wanted.role] = (sentence,)
            return
        try:
            array: npt.NDArray[Any] = segment.array(wanted.shape, np.uint32)
        except ValueError:
            sentence = f"The segment {wanted.name} holds {segment.size} bytes, expected {self._size(wanted)}."
            self._problems[wanted.role] = (sentence,)
            segment.close()
            return
        self._problems[wanted.role] = ()
        if not wanted.fits(segment.size):
            self._say(
                wanted.role,
                f"The segment {wanted.name} holds {segment.size} bytes, expected {self._size(wanted)}; "
                f"its first {wanted.shape[0]} rows are shown.",
            )
        self.mapped[wanted.role] = segment
        if wanted.role == "scores":
            self.bits = array
            if tr_index < 0:
                self._look_for_leftovers(wanted.name, array)
        else:
            self.maps = array.view(np.float32)
            self._populating = Populating(segment) if self._populate else None

    def _size(self, wanted: Wanted) -> str:
        return f"{wanted.made} for {wanted.made // (4 * wanted.shape[1])} {wanted.what} x {wanted.shape[1]} TRs"

    def _look_for_leftovers(self, name: str, bits: npt.NDArray[np.uint32]) -> None:
        """Before the second volume arrives, only column 0 can have been written."""
        later = np.flatnonzero(bits[:, 1:].any(axis=0))
        if later.size:
            self._doubtful = True
            self._say(
                "scores",
                f"The segment {name} already holds scores at TR {int(later[0]) + 1} while tr_index is -1, "
                "expected zeros: it may be left over from a session that died.",
            )

    def _drop_replaced(self) -> None:
        """Let go of segments whose name now stands for another one."""
        for role, segment in list(self.mapped.items()):
            now = identity(segment.name)
            if now is not None and segment.identity is not None and now != segment.identity:
                self._forget(role)
                self._doubtful = False

    def _forget(self, *roles: str) -> None:
        for role in roles:
            if role == "scores":
                self.bits = None
            else:
                self.maps = None
                if self._populating is not None:
                    self._populating.stop()
            self.mapped.pop(role).close()
            self._problems[role] = ()

    def _say(self, role: str, sentence: str) -> None:
        self._problems[role] = (*self._problems[role], sentence)
