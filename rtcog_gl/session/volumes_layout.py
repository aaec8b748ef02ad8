"""The volumes' segment: what a producer publishes of each volume, with one writer and any number of readers.

Layout (little-endian, every part at a multiple of 64 bytes)::

    header     HEADER, magic first; its last field is the CRC-32 of the others; written last, when all else is in place
    count      uint64 on a cache line of its own: one more than the last volume published
    records    nt of `VOLUME`, each with a CRC-32 of its own
    tags       int64, one a slot: the volume that the slot holds; NOTHING while it is written, and at first
    templates  float32 (n_templates, nv), NaN outside a template's own mask
    columns    float32 (slots, nv): the ring; volume t is in slot t mod slots, its voxels one after the other

Nothing is locked. The writer takes the tag away, copies the column, sets the tag, fills the record, raises the count;
a reader looks at the tag, copies the column, and looks again. A tag never comes back, because volumes only rise.
"""

from __future__ import annotations

import struct
import threading
import zlib
from typing import NamedTuple

from rtcog_gl.model.records import VOLUME, VolumesInfo
from rtcog_gl.session.board_layout import ALIGN, aligned
from rtcog_gl.session.segments import ReadOnlySegment

MAGIC = b"RTGLVOL\0"
VERSION = 1
NOTHING = -1
"""Tag of a slot that holds no volume."""

RECORD = VOLUME.itemsize
CHECKED = RECORD - VOLUME["check"].itemsize
"""Bytes of a record that its CRC-32 covers: all but the CRC-32 itself, which is last."""

FLOAT = 4
"""Bytes of a voxel."""

LARGEST = 1 << 30
"""More volumes, voxels, slots or templates than this are a mistake."""


class Header(NamedTuple):
    """How much of everything there is, and where, in bytes from the start of the segment."""

    magic: bytes
    version: int
    total: int
    nt: int
    nv: int
    slots: int
    n_templates: int
    count_at: int
    records_at: int
    tags_at: int
    templates_at: int
    columns_at: int
    crc: int


HEADER = struct.Struct("<8s12Q")


def layout(nt: int, nv: int, slots: int, n_templates: int) -> Header:
    """Return the header of a segment of this size, its CRC-32 included."""
    at = [aligned(HEADER.size)]
    for size in (ALIGN, RECORD * nt, 8 * slots, FLOAT * nv * n_templates, FLOAT * nv * slots):
        at.append(aligned(at[-1] + size))
    count, records, tags, templates, columns, total = at
    head = Header(MAGIC, VERSION, total, nt, nv, slots, n_templates, count, records, tags, templates, columns, 0)
    return head._replace(crc=zlib.crc32(HEADER.pack(*head)[:-8]))


def read_header(segment: ReadOnlySegment, info: VolumesInfo) -> Header:
    """Check that the segment is what `info` says, the bounds of every part included.

    Raises
    ------
    ValueError
        If it is not.
    """
    what = f"the volumes' segment {segment.name}"
    sizes = (info.nt, info.nv, info.slots, info.n_templates)
    if not 0 <= min(sizes) <= max(sizes) <= LARGEST:
        raise ValueError(f"{what} is said to have {sizes} volumes, voxels, slots, templates, expected 0 to {LARGEST}")
    wanted = layout(*sizes)
    if segment.size < wanted.total:
        raise ValueError(f"{what} is too small: got {segment.size} bytes, expected at least {wanted.total}")
    raw = bytes(segment.buf[: HEADER.size])
    head = Header(*HEADER.unpack(raw))
    if head.magic != MAGIC:
        raise ValueError(f"{what} holds something else: it begins with {head.magic!r}, expected {MAGIC!r}")
    if head.version != VERSION:
        raise ValueError(f"{what} has another layout: got version {head.version}, expected {VERSION}")
    if head.crc != zlib.crc32(raw[:-8]):
        raise ValueError(f"{what} has a damaged header: got CRC-32 {zlib.crc32(raw[:-8])}, expected {head.crc}")
    for name, got, expected in zip(Header._fields, head, wanted, strict=True):
        if got != expected:
            raise ValueError(f"{what} is not the one announced: got {name} {got}, expected {expected}")
    return head


def barrier() -> None:
    """Let every memory access before this call be done before any access after it, as other processes see them.

    Processors other than x86 may reorder what different addresses are given. Python has no fence; but to give a lock
    back is a store-release and to take it again a load-acquire, and nothing passes such a pair in either direction
    (ARMv8 orders the two; where they are atomic exchanges, each is a full fence). To take and then give back would not
    do: what is before and what is after could meet between the two. The lock is a new one, so that it is never waited
    for.
    """
    fence = threading.Lock()
    fence.acquire()
    fence.release()
    fence.acquire()
