"""What a producer publishes of each volume, as the source sees it: opened once, counted, and missed when it stops."""

from __future__ import annotations

from dataclasses import replace

from rtcog_gl.model.records import VolumesInfo
from rtcog_gl.model.session import Session
from rtcog_gl.session.segments import ReadOnlySegment
from rtcog_gl.session.volumes import VolumeReader

DUE_NS = 250_000_000
"""A record comes shortly after its column of scores; so long after the column, none is waited for any more."""

SILENT_VOLUMES = 3
"""A producer that published nothing for so many volumes in a row has stopped, which is worth a sentence."""


class Published:
    """Follows the records of one session; without `info` there are none, and everything here is empty.

    Parameters
    ----------
    info : VolumesInfo or None
        What the producer says of its segment.
    session : Session
        The session as its configuration describes it.
    """

    info: VolumesInfo | None
    """What the board says of the segment; None where there is none that can be used."""

    session: Session
    """The session with what the producer adds to it."""

    messages: tuple[str, ...]
    """What is wrong with the segment, in sentences."""

    segments: dict[str, ReadOnlySegment]
    """The mapped segment by its role, ``volumes``; empty where there is none."""

    def __init__(self, info: VolumesInfo | None, session: Session) -> None:
        self.info, self.session, self.messages, self.segments = None, session, (), {}
        self._reader: VolumeReader | None = None
        self._count = 0
        if info is None:
            return
        if not isinstance(info, VolumesInfo):
            self.messages = (f"volumes is a {type(info).__name__}, expected VolumesInfo or None.",)
            return
        try:
            self._open(info)
        except (OSError, ValueError, TypeError) as error:
            self.messages = (f"What the session publishes of its volumes cannot be read and is not shown: {error}.",)

    def _open(self, info: VolumesInfo) -> None:
        if info.nt != self.session.nt:
            raise ValueError(f"the segment {info.name} is for {info.nt} volumes, expected {self.session.nt}")
        segment = ReadOnlySegment(info.name)
        try:
            self._reader = VolumeReader(segment, info)
        except (ValueError, TypeError):
            segment.close()
            raise
        self.info, self.segments = info, {"volumes": segment}
        self.session, unfit = _extended(self.session, info)
        self.messages = (*filter(None, [info.note]), *unfit)

    def count(self) -> int:
        """Return for how many volumes there is a record; it never falls, and 0 where there are none."""
        if self._reader is not None:
            self._count = max(self._count, min(self._reader.count, self.session.nt))
        return self._count

    def due(self, n_final: int, since_ns: int) -> bool:
        """Whether the next record can be expected now.

        Parameters
        ----------
        n_final : int
            Columns of scores that are final.
        since_ns : int
            For how long the newest of them has been so (ns).
        """
        return self.speaks(n_final) and self._count < n_final and since_ns < DUE_NS

    def speaks(self, n_final: int) -> bool:
        """Whether records can be expected at all: there are some, and not too many are missing."""
        return self._reader is not None and n_final - self._count < SILENT_VOLUMES

    def problems(self, n_final: int) -> tuple[str, ...]:
        """Return a sentence while the producer is silent, though volumes come."""
        if self._reader is None or self.speaks(n_final):
            return ()
        since = f"since TR {self._count - 1}" if self._count else "yet"
        return (f"rtcog has published no motion, times or live maps {since}; scores and hits are shown as ever.",)

    def close(self) -> None:
        """Let go of the segment."""
        self._reader = None
        for segment in self.segments.values():
            segment.close()


def _extended(session: Session, info: VolumesInfo) -> tuple[Session, tuple[str, ...]]:
    """Return the session with what the producer adds, and sentences on what of it cannot be shown."""
    wanted, slots, templates = [], info.slots, info.n_templates
    if info.nv != session.nv and (slots or templates):
        wanted.append(f"The session publishes volumes of {info.nv} voxels, expected {session.nv}; live maps are off.")
        slots = templates = 0
    elif templates not in (0, session.n_templates):
        wanted.append(
            f"The session publishes {templates} template maps, expected {session.n_templates}; they are not shown."
        )
        templates = 0
    extended = replace(session, rule=info.rule, slots=slots, volume_records=True, has_templates=templates > 0)
    return extended, tuple(wanted)
