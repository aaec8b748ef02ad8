"""The board: one shared segment that says all about a session, with one writer and any number of readers.

Layout (little-endian, every part at a multiple of 64 bytes)::

    header   HEADER, magic first; its last field is the CRC-32 of the others
    static   JSON of `Static`                              } one CRC-32 over both, in the header
    mask     affine as 16 float64, then the mask's bits    }
    stamps   uint64 (2, Nt): when each column (row 0) and map (row 1) was found final, monotonic ns; advisory
    slots    two of: SLOT, then JSON of `Live` without its answers, then JSON of the answers

A slot's CRC-32 covers the two JSON texts and the SLOT fields, so a read that overlaps a write is detected.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from rtcog_gl.model.records import VolumesInfo
from rtcog_gl.model.session import Live, Session
from rtcog_gl.model.volume import MaskGrid
from rtcog_gl.session import codec

MAGIC = b"RTCOGGL\0"
VERSION = 1
HEARTBEAT_S = 0.25
"""The writer publishes at least this often."""

SILENCE_S = 2.0
"""A writer that was silent for longer is taken for dead."""

ALIGN = 64
STATIC_LIMIT = 1 << 26
AFFINE = struct.Struct("<16d")
SLOT = struct.Struct("<5Q")
"""Sequence number, heartbeat (ns), bytes of the state, bytes of the answers, CRC-32."""


class BoardError(ValueError):
    """A board cannot be read; the message is one sentence."""


class Header(NamedTuple):
    """Where everything is, in bytes from the start of the segment."""

    magic: bytes
    version: int
    total: int
    pid: int
    session_id: bytes
    static_at: int
    static_len: int
    mask_at: int
    mask_len: int
    static_crc: int
    stamps_at: int
    nt: int
    slot0_at: int
    slot1_at: int
    capacity: int
    crc: int


HEADER = struct.Struct("<8s3Q16s11Q")


@dataclass(frozen=True)
class SegmentInfo:
    """A shared array of rtcog's."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Static:
    """What the board says once."""

    session: Session
    scores: SegmentInfo
    maps: SegmentInfo
    options: tuple[str, ...] = ()
    """The window's flags that the session was started with."""

    volumes: VolumesInfo | None = None
    """Where the session publishes its volumes; None where it does not."""

    grid_shape: tuple[int, ...] = ()
    """Shape of the mask image, set by the writer; empty when there is no usable mask."""


def aligned(size: int) -> int:
    """Return the next multiple of `ALIGN`."""
    return -(-size // ALIGN) * ALIGN


def header_crc(head: bytes) -> int:
    """Return the CRC-32 of a header without its last field."""
    return zlib.crc32(head[: HEADER.size - 8])


def slot_crc(body_crc: int, sequence: int, heartbeat: int, n_state: int, n_answers: int) -> int:
    """Return a slot's CRC-32: that of its texts, carried on over its fields."""
    return zlib.crc32(struct.pack("<4Q", sequence, heartbeat, n_state, n_answers), body_crc)


def slot_capacity(session: Session) -> int:
    """Return how many bytes of JSON a slot holds: 512 actions with every question answered, and room to spare."""
    actions = min(512, max(session.nt, 1))
    answers = actions * (32 + 28 * max(12, len(session.questions)))
    return aligned(65536 + answers + 36 * min(max(session.nt, 1), 16384))


def fit(live: Live, capacity: int) -> tuple[Live, bytes, bytes]:
    """Shorten `live` until its JSON fits, and say so in a message if more than messages had to go.

    The oldest messages go first; then the answers' long words are cut; then the oldest answers go, and the oldest hits.

    Returns
    -------
    live : Live
        What is left.
    state, answers : bytes
        Its JSON.
    """
    for shorter in _shorter(live):
        state, answers = encode_state(shorter), codec.dump(shorter.answers)
        if len(state) + len(answers) <= capacity:
            return shorter, state, answers
    raise ValueError(f"a state without anything in it does not fit in {capacity} bytes")


def _shorter(live: Live) -> Iterator[Live]:
    """Yield `live`, then less and less of it."""
    yield live
    while len(live.messages) > 1:
        live = replace(live, messages=live.messages[-(len(live.messages) // 2) :])
        yield live
    live = replace(live, messages=tuple(message[:500] for message in live.messages), lost=live.lost[:500])
    yield live
    whole, said = live.answers, live.messages
    for longest in (200, 50, 12):
        cut = tuple(replace(answer, ratings=tuple(_cut(r, longest) for r in answer.ratings)) for answer in whole)
        message = f"Words in the answers are cut after {longest} characters: there is no room for more."
        live = replace(live, answers=cut, messages=(*said, message))
        yield live
    while live.answers:
        kept = live.answers[(len(live.answers) + 1) // 2 :]
        message = f"Only the last {len(kept)} of {len(whole)} answers are shown: there is no room for more."
        live = replace(live, answers=kept, messages=(*said, message))
        yield live
    while live.onsets or live.offsets or live.maps:
        halves = {name: getattr(live, name)[(len(getattr(live, name)) + 1) // 2 :] for name in _TR_LISTS}
        live = replace(live, **halves)
        yield live
    yield replace(live, messages=())


def _cut(rating: Any, longest: int) -> Any:
    return rating[: longest - 1] + "…" if isinstance(rating, str) and len(rating) > longest else rating


_TR_LISTS = ("onsets", "offsets", "maps")


def encode_state(live: Live) -> bytes:
    """Return the JSON of everything but the answers and the heartbeat."""
    state = codec.plain(replace(live, answers=()))
    del state["answers"], state["heartbeat_ns"]
    return codec.dump(state)


def read_header(buf: Any) -> Header:
    """Check the header, the bounds of every part included.

    Raises
    ------
    BoardError
        If it is not a board, or a damaged one.
    """
    if len(buf) < HEADER.size:
        raise BoardError(f"the board is too small: got {len(buf)} bytes, expected at least {HEADER.size}")
    raw = bytes(buf[: HEADER.size])
    head = Header(*HEADER.unpack(raw))
    if head.magic != MAGIC:
        raise BoardError(f"the segment is not a board: it begins with {head.magic!r}, expected {MAGIC!r}")
    if head.version != VERSION:
        raise BoardError(f"the board has another layout: got version {head.version}, expected {VERSION}")
    if head.crc != header_crc(raw):
        raise BoardError("the board's header is damaged: its checksum does not hold")
    if not all(c in b"0123456789abcdef" for c in head.session_id):
        raise BoardError(f"the board's session id is {head.session_id!r}, expected hexadecimal digits")
    parts = (
        (head.static_at, head.static_len),
        (head.mask_at, head.mask_len),
        (head.stamps_at, 16 * head.nt),
        (head.slot0_at, SLOT.size + head.capacity),
        (head.slot1_at, SLOT.size + head.capacity),
    )
    end = HEADER.size
    for at, size in parts:
        if at % ALIGN or at < end or at + size > head.total or head.total > len(buf):
            raise BoardError(f"the board's parts do not fit: got {at} + {size} of {head.total} in {len(buf)} bytes")
        end = at + size
    if head.static_len > STATIC_LIMIT:
        raise BoardError(f"the board's description has {head.static_len} bytes, expected at most {STATIC_LIMIT}")
    return head


def read_static(buf: Any, head: Header) -> Static:
    """Read what the board says once, and check its sum.

    Raises
    ------
    BoardError
        If it is damaged.
    """
    text = bytes(buf[head.static_at : head.static_at + head.static_len])
    mask = buf[head.mask_at : head.mask_at + head.mask_len]
    if zlib.crc32(mask, zlib.crc32(text)) != head.static_crc:
        raise BoardError("the board's description is damaged: its checksum does not hold")
    try:
        static = codec.build(Static, codec.load(text))
    except ValueError as error:
        raise BoardError(f"the board's description makes no sense: {error}") from None
    if max(0, static.session.nt) != head.nt:
        raise BoardError(f"the board's table has {head.nt} columns, expected {static.session.nt}")
    session = static.session
    wanted = {"scores": (session.n_templates, session.nt), "maps": (session.nv, session.nt)}
    for role, shape in wanted.items():
        got = getattr(static, role).shape
        if got != shape or min(shape[0], *got, 0) < 0:
            raise BoardError(f"the board's {role} have shape {got}, expected {shape}")
    if static.volumes is not None:
        _check_volumes(static.volumes, session)
    return static


def _check_volumes(info: VolumesInfo, session: Session) -> None:
    if info.nt != session.nt:
        raise BoardError(f"the board's volumes are {info.nt}, expected {session.nt}")
    for what in ("nv", "slots", "n_templates"):
        if getattr(info, what) < 0:
            raise BoardError(f"the board's volumes have {what} = {getattr(info, what)}, expected at least 0")
    if (session.slots or session.has_templates) and info.nv != session.nv:
        raise BoardError(f"the board's volumes have {info.nv} voxels, expected {session.nv}")
    if session.slots not in (0, info.slots):
        raise BoardError(f"the board's session has {session.slots} volumes in memory, expected 0 or {info.slots}")


def read_grid(buf: Any, head: Header, shape: tuple[int, ...]) -> MaskGrid | None:
    """Read the mask; None when the board has none.

    Raises
    ------
    BoardError
        If its shape and its bytes disagree.
    """
    if not shape:
        return None
    count = 1
    for n in shape:
        count *= n
    if len(shape) != 3 or min(shape) < 1 or head.mask_len != AFFINE.size + -(-count // 8):
        raise BoardError(f"the board's mask has shape {shape} in {head.mask_len} bytes, which do not agree")
    affine = np.array(AFFINE.unpack_from(buf, head.mask_at)).reshape(4, 4)
    packed = np.frombuffer(bytes(buf[head.mask_at + AFFINE.size : head.mask_at + head.mask_len]), np.uint8)
    inside = np.unpackbits(packed, count=count).view(np.bool_)
    try:
        return MaskGrid((shape[0], shape[1], shape[2]), affine, inside)
    except ValueError as error:
        raise BoardError(f"the board's mask makes no sense: {error}") from None
