"""The board's writer and its readers; `board_layout` draws the layout."""

from __future__ import annotations

import contextlib
import os
import secrets
import struct
import time
import zlib
from dataclasses import dataclass, replace
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.records import VolumesInfo
from rtcog_gl.model.session import Answer, Live, Session
from rtcog_gl.model.volume import MaskGrid
from rtcog_gl.session import codec
from rtcog_gl.session.board_layout import (
    AFFINE,
    HEADER,
    HEARTBEAT_S,
    MAGIC,
    SILENCE_S,
    SLOT,
    VERSION,
    BoardError,
    Header,
    SegmentInfo,
    Static,
    aligned,
    encode_state,
    fit,
    header_crc,
    read_grid,
    read_header,
    read_static,
    slot_capacity,
    slot_crc,
)
from rtcog_gl.session.segments import ReadOnlySegment

__all__ = ["HEARTBEAT_S", "SILENCE_S", "BoardError", "BoardReader", "BoardWriter", "SegmentInfo", "Static"]

UInt64Array = npt.NDArray[np.uint64]


class BoardWriter:
    """Makes a board and writes to it; never blocks.

    Parameters
    ----------
    static : Static
        What does not change.
    grid : MaskGrid or None
        The mask in space.

    Raises
    ------
    OSError
        If there is no room for another shared segment.
    """

    def __init__(self, static: Static, grid: MaskGrid | None = None) -> None:
        self.session_id = secrets.token_hex(8)
        text = codec.dump(static if grid is None else replace(static, grid_shape=tuple(map(int, grid.shape))))
        mask = b"" if grid is None else AFFINE.pack(*np.ravel(grid.affine)) + np.packbits(grid.inside).tobytes()
        nt = max(0, static.session.nt)
        self._capacity = slot_capacity(static.session)
        offsets = [aligned(HEADER.size)]
        for size in (len(text), len(mask), 16 * nt, SLOT.size + self._capacity, SLOT.size + self._capacity):
            offsets.append(aligned(offsets[-1] + size))
        self._shm, self._buf = _create(offsets[-1])
        self._slots = (offsets[3], offsets[4])
        self._stamps: UInt64Array = np.ndarray((2, nt), "<u8", self._buf, offsets[2])
        self._sequence = self._n_stamped = self._n_maps = 0
        self._live: Live | None = None
        self._state, self._answers, self._body_crc = b"", b"", 0
        buf = self._buf
        buf[offsets[0] : offsets[0] + len(text)] = text
        buf[offsets[1] : offsets[1] + len(mask)] = mask
        head = Header(
            MAGIC,
            VERSION,
            offsets[-1],
            os.getpid(),
            self.session_id.encode("ascii"),
            offsets[0],
            len(text),
            offsets[1],
            len(mask),
            zlib.crc32(mask, zlib.crc32(text)),
            offsets[2],
            nt,
            *self._slots,
            self._capacity,
            0,
        )
        self.publish(Live())
        buf[: HEADER.size] = HEADER.pack(*head._replace(crc=header_crc(HEADER.pack(*head))))

    @property
    def name(self) -> str:
        """Name of the segment."""
        return self._shm.name

    def publish(self, live: Live, final_ns: UInt64Array | None = None, now_ns: int | None = None) -> None:
        """Write the state into the older slot.

        Parameters
        ----------
        live : Live
            The state; its `heartbeat_ns` is set here. Shortened (oldest messages first) if it is too long.
        final_ns : ndarray, optional
            uint64, (2, Nt): monotonic ns at which each column and map was found final.
        now_ns : int, optional
            The heartbeat, monotonic ns.
        """
        if final_ns is not None:
            self._copy_stamps(live, final_ns)
        if live is not self._live:
            self._encode(live)
        now = time.monotonic_ns() if now_ns is None else now_ns
        self._sequence += 1
        fields = (self._sequence, now, len(self._state), len(self._answers))
        at = self._slots[self._sequence % 2]
        body = at + SLOT.size
        buf = self._buf
        buf[body : body + len(self._state)] = self._state
        body += len(self._state)
        buf[body : body + len(self._answers)] = self._answers
        SLOT.pack_into(buf, at, *fields, slot_crc(self._body_crc, *fields))

    def _copy_stamps(self, live: Live, final_ns: UInt64Array) -> None:
        nt = self._stamps.shape[1]
        upto = min(live.n_final, nt)
        self._stamps[0, self._n_stamped : upto] = final_ns[0, self._n_stamped : upto]
        self._n_stamped = max(self._n_stamped, upto)
        for t in live.maps[self._n_maps :]:
            if 0 <= t < nt:
                self._stamps[1, t] = final_ns[1, t]
        self._n_maps = len(live.maps)

    def _encode(self, live: Live) -> None:
        """Refresh the JSON; the answers are encoded anew only when they changed."""
        state = encode_state(live)
        answers = self._answers
        if not answers or self._live is None or live.answers is not self._live.answers:
            answers = codec.dump(live.answers)
        if len(state) + len(answers) > self._capacity:
            _, state, answers = fit(live, self._capacity)
        self._live, self._state, self._answers = live, state, answers
        self._body_crc = zlib.crc32(answers, zlib.crc32(state))

    def close(self) -> None:
        """Unmap the board and remove its name; readers that have mapped it keep it."""
        self._stamps, self._buf = np.zeros((2, 0), np.uint64), None
        with contextlib.suppress(BufferError):
            self._shm.close()
        with contextlib.suppress(FileNotFoundError):
            self._shm.unlink()


def _create(size: int) -> tuple[SharedMemory, Any]:
    """Make a segment whose pages exist, so that a full file system is an error here and not a crash at a write.

    Returns
    -------
    shm : SharedMemory
        The segment.
    buf : memoryview
        Its bytes.
    """
    shm = SharedMemory(name=f"rtgl_{secrets.token_hex(8)}", create=True, size=size)
    fd = getattr(shm, "_fd", -1)
    if hasattr(os, "posix_fallocate") and fd >= 0:
        try:
            os.posix_fallocate(fd, 0, size)
        except OSError as error:
            shm.close()
            shm.unlink()
            raise OSError(
                error.errno, f"no room in shared memory for the board: got {error.strerror}, expected {size} bytes free"
            ) from None
    return shm, shm.buf


class BoardReader:
    """Maps a board read-only and checks everything before use.

    Parameters
    ----------
    target : str or int
        Name of the segment, or a file descriptor of it.

    Raises
    ------
    BoardError
        If it is not there, not a board, of another version, or damaged.
    """

    session_id: str
    """Random hexadecimal name of the session."""

    writer_pid: int
    """Process that writes the board."""

    session: Session
    grid: MaskGrid | None
    scores: SegmentInfo
    """rtcog's segment of the scores."""

    maps: SegmentInfo
    """rtcog's segment of the maps."""

    volumes: VolumesInfo | None
    """The segment in which the session publishes each volume; None where it does not."""

    options: tuple[str, ...]
    """The window's flags that the session was started with."""

    def __init__(self, target: str | int) -> None:
        try:
            self._segment = ReadOnlySegment(target)
        except (OSError, ValueError) as error:
            raise BoardError(f"the board {target!r} cannot be opened: {error}") from None
        try:
            self._buf = self._segment.buf
            self._head = read_header(self._buf)
            static = read_static(self._buf, self._head)
            self.grid = read_grid(self._buf, self._head, static.grid_shape)
        except BoardError:
            self.close()
            raise
        self.session, self.options = static.session, static.options
        self.scores, self.maps, self.volumes = static.scores, static.maps, static.volumes
        self.session_id = self._head.session_id.decode("ascii")
        self.writer_pid = self._head.pid
        self._sequence = self._heartbeat = 0
        self._answers_json, self._answers = b"", tuple[Answer, ...]()
        self._state_json, self._live = b"", Live()

    @property
    def name(self) -> str:
        """Name of the segment, or its descriptor in words."""
        return str(self._segment.name)

    @property
    def sequence(self) -> int:
        """Sequence number of the state that `newer` returned last; 0 before the first."""
        return self._sequence

    def newer(self) -> Live | None:
        """Return the newest state whose checksum holds, or None when there is none newer than the last one.

        A heartbeat alone makes a state newer.

        Raises
        ------
        BoardError
            If a checksum holds and the state is nonsense nevertheless.
        """
        starts = (self._head.slot0_at, self._head.slot1_at)
        slots = [(SLOT.unpack_from(self._buf, at), at) for at in starts]
        for fields, at in sorted(slots, reverse=True):
            if fields[0] <= self._sequence:
                return None
            body = self._body(fields, at)
            if body is None:
                continue
            self._sequence, self._heartbeat = fields[0], fields[1]
            return replace(self._decode(body, fields[2]), heartbeat_ns=self._heartbeat)
        return None

    def _body(self, fields: tuple[int, ...], at: int) -> bytes | None:
        """Return the two texts of a slot, or None when they are torn."""
        sequence, heartbeat, n_state, n_answers, crc = fields
        if n_state + n_answers > self._head.capacity or heartbeat > codec.LARGEST:
            return None
        body = bytes(self._buf[at + SLOT.size : at + SLOT.size + n_state + n_answers])
        return body if slot_crc(zlib.crc32(body), sequence, heartbeat, n_state, n_answers) == crc else None

    def _decode(self, body: bytes, n_state: int) -> Live:
        state, answers = body[:n_state], body[n_state:]
        try:
            if answers != self._answers_json:
                self._answers = codec.build(_Answers, {"answers": codec.load(answers)}).answers
                self._answers_json = answers
                self._state_json = b""
            if state != self._state_json:
                self._live = replace(codec.build(Live, codec.load(state)), answers=self._answers)
                self._state_json = state
        except ValueError as error:
            raise BoardError(f"the board {self.name} has a state that makes no sense: {error}") from None
        nt, live = self._head.nt, self._live
        if not (0 <= live.n_final <= nt and 0 <= live.n_volumes <= nt) or not all(0 <= t < nt for t in live.maps):
            raise BoardError(f"the board {self.name} has columns beyond the run: expected at most {nt}")
        return self._live

    def final_ns(self) -> UInt64Array:
        """Return uint64 (2, Nt): when each column (row 0) and map (row 1) was found final, monotonic ns; a copy."""
        nt, at = self._head.nt, self._head.stamps_at
        return np.frombuffer(bytes(self._buf[at : at + 16 * nt]), "<u8").reshape(2, nt)

    def stamp(self, row: int, t: int) -> int:
        """Return one entry of that table: row 0 for the scores' column `t`, row 1 for its map; 0 if unknown."""
        if not (row in (0, 1) and 0 <= t < self._head.nt):
            return 0
        value: int = struct.unpack_from("<Q", self._buf, self._head.stamps_at + 8 * (row * self._head.nt + t))[0]
        return min(value, codec.LARGEST)

    def writer_alive(self, now_ns: int) -> bool:
        """Whether the last state that `newer` returned is younger than `SILENCE_S`."""
        return now_ns - self._heartbeat < SILENCE_S * 1e9

    def close(self) -> None:
        """Unmap the board; it is never removed."""
        self._segment.close()


@dataclass(frozen=True)
class _Answers:
    answers: tuple[Answer, ...]
