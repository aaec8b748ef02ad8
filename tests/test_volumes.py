"""The volumes' segment: what is published is read, what is torn or damaged is not, and the session keeps its room."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.model.records import VOLUME, VolumesInfo
from rtcog_gl.session import volumes_room
from rtcog_gl.session.segments import ReadOnlySegment, is_removed
from rtcog_gl.session.volumes import VolumeReader, VolumeWriter
from rtcog_gl.session.volumes_layout import ALIGN, CHECKED, HEADER, RECORD, Header, layout
from rtcog_gl.session.volumes_room import BOARD_BYTES, MARGIN_BYTES, Room, find_room, plans

NT, NV, SLOTS = 10, 37, 4
MIB = 1 << 20
TEMPLATES = np.where(np.arange(3 * NV).reshape(3, NV) % 5 == 0, np.nan, np.arange(3 * NV).reshape(3, NV))
TEMPLATES = TEMPLATES.astype(np.float32)
RULE = HitRule(1.5, nconsec_vols=3, nonline=2, mot_thr=0.2)
PLAIN: dict[str, Any] = {
    "received": 11,
    "processed": 22,
    "motion": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
    "norm_change": 0.25,
    "cooldown_end": 7,
    "action": True,
}
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX shared memory")
allocates = pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no posix_fallocate here")


def filled(t: int) -> npt.NDArray[np.float64]:
    """Return volume `t`, every voxel `t`, as rtcog has it: double precision, one column."""
    return np.full((NV, 1), t, np.float64)


@pytest.fixture
def writer() -> Iterator[VolumeWriter]:
    made = VolumeWriter(NT, NV, slots=SLOTS, templates=TEMPLATES, rule=RULE)
    yield made
    made.close()


@contextmanager
def reading(info: VolumesInfo) -> Iterator[VolumeReader]:
    segment = ReadOnlySegment(info.name)
    try:
        yield VolumeReader(segment, info)
    finally:
        segment.close()


@pytest.fixture
def reader(writer: VolumeWriter) -> Iterator[VolumeReader]:
    with reading(writer.info) as opened:
        yield opened


def raw(made: VolumeWriter) -> bytes:
    segment = ReadOnlySegment(made.info.name)
    try:
        return bytes(segment.buf)
    finally:
        segment.close()


def test_what_is_published_is_read(writer: VolumeWriter, reader: VolumeReader) -> None:
    began = time.monotonic_ns()
    writer.publish(0, np.arange(NV, dtype=np.float64)[:, None], **PLAIN)
    assert reader.count == 1
    (record,) = reader.records(0, 1)
    assert (record["received"], record["processed"], record["norm_change"]) == (11, 22, 0.25)
    assert (record["cooldown_end"], record["action"], record["has_map"]) == (7, 1, 1)
    assert record["motion"].tolist() == list(PLAIN["motion"])
    assert began <= record["committed"] <= time.monotonic_ns()
    column = reader.column(0)
    assert column is not None
    assert (column.dtype, column.tolist()) == (np.float32, list(range(NV)))
    assert writer.info == VolumesInfo(writer.info.name, NT, NV, SLOTS, 3, RULE)
    assert (reader.info, writer.note) == (writer.info, "")


@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", "<f8", ">f8", np.longdouble])
def test_every_floating_type_and_stride_is_taken(writer: VolumeWriter, reader: VolumeReader, dtype: Any) -> None:
    whole = np.arange(2 * 3 * NV).reshape(2 * NV, 3).astype(dtype)
    for t, column in enumerate(
        (whole[:NV, 1], whole[::2, 1:2], whole[NV - 1 :: -1, 0], np.asfortranarray(whole)[:NV, 2:])
    ):
        writer.publish(t, column, **PLAIN)
        seen = reader.column(t)
        assert seen is not None
        assert np.array_equal(seen, np.ravel(column).astype(np.float32))


def test_nothing_is_there_at_first(reader: VolumeReader) -> None:
    records = reader.records(0, NT)
    assert (reader.count, len(records)) == (0, NT)
    assert not records["committed"].any()
    assert np.isnan(records["motion"]).all()
    assert [reader.column(t) for t in range(-1, NT + 1)] == [None] * (NT + 2)


def test_the_ring_keeps_the_newest(writer: VolumeWriter, reader: VolumeReader) -> None:
    for t in range(NT):
        writer.publish(t, filled(t), **PLAIN)
        for old in range(-2, NT + 2):
            seen = reader.column(old)
            assert (seen is not None) == (max(0, t - SLOTS + 1) <= old <= t)
            assert seen is None or set(seen.tolist()) == {old}
    assert reader.count == NT
    assert reader.records(0, NT)["committed"].all()


def test_volumes_passed_over_have_no_record(writer: VolumeWriter, reader: VolumeReader) -> None:
    writer.publish(1, filled(1), **PLAIN)
    writer.publish(6, filled(6), **PLAIN)
    assert reader.count == 7
    records = reader.records(0, NT)
    assert np.flatnonzero(records["committed"]).tolist() == [1, 6]
    assert np.flatnonzero(~np.isnan(records["motion"][:, 0])).tolist() == [1, 6]
    assert [t for t in range(NT) if reader.column(t) is not None] == [1, 6]


def test_records_outside_the_run_are_left_out(writer: VolumeWriter, reader: VolumeReader) -> None:
    writer.publish(3, None, **PLAIN)
    assert [len(reader.records(*pair)) for pair in ((-5, 2), (3, 3), (4, 3), (8, 99), (NT, NT + 1))] == [2, 0, 0, 2, 0]
    assert reader.records(-2, 99)["has_map"].tolist() == [0] * NT
    assert np.flatnonzero(reader.records(-2, 99)["committed"]).tolist() == [3]


def test_a_volume_without_its_map_leaves_the_ring_alone(writer: VolumeWriter, reader: VolumeReader) -> None:
    writer.publish(0, filled(0), **PLAIN)
    for t in range(1, SLOTS + 1):
        writer.publish(t, None, **PLAIN)
    assert reader.records(0, SLOTS + 1)["has_map"].tolist() == [1, 0, 0, 0, 0]
    assert reader.column(0) is not None
    assert reader.column(SLOTS) is None


def test_without_slots_there_are_records_alone() -> None:
    made = VolumeWriter(NT, NV, slots=0)
    try:
        with reading(made.info) as opened:
            made.publish(0, filled(0), **PLAIN)
            assert (opened.count, opened.column(0), opened.template(0)) == (1, None, None)
            assert opened.records(0, 1)["has_map"].tolist() == [0]
        assert (made.info.slots, made.note) == (0, "")
        with pytest.raises(ValueError, match="shape"):
            made.publish(1, np.zeros(NV + 1), **PLAIN)
    finally:
        made.close()


def test_templates_come_back(reader: VolumeReader) -> None:
    for k in range(3):
        assert np.array_equal(reader.template(k), TEMPLATES[k], equal_nan=True)
    assert [reader.template(k) for k in (-1, 3)] == [None, None]


def test_no_motion_is_not_a_number(writer: VolumeWriter, reader: VolumeReader) -> None:
    writer.publish(0, None, **{**PLAIN, "motion": None, "norm_change": np.nan, "action": np.False_})
    (record,) = reader.records(0, 1)
    assert np.isnan(record["motion"]).all()
    assert np.isnan(record["norm_change"])
    assert (record["action"], record["committed"] > 0) == (0, True)


def test_what_is_read_is_the_readers_own(writer: VolumeWriter, reader: VolumeReader) -> None:
    writer.publish(0, filled(0), **PLAIN)
    for copy in (reader.records(0, 1), reader.column(0), reader.template(0)):
        assert copy is not None
        assert copy.flags.owndata
        copy[:] = copy


def test_too_large_numbers_become_infinite_and_nobody_is_warned(writer: VolumeWriter, reader: VolumeReader) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        writer.publish(0, np.where(np.arange(NV) == 3, 1e300, np.nan), **PLAIN)
    column = reader.column(0)
    assert column is not None
    assert np.isposinf(column[3])
    assert np.isnan(column).sum() == NV - 1


@pytest.mark.parametrize(
    ("t", "column", "more", "words"),
    [
        (-1, filled(0), {}, r"volume -1 .* expected 6 to 9"),
        (NT, filled(0), {}, r"volume 10 .* expected 6 to 9"),
        (5, filled(0), {}, r"volume 5 .* expected 6 to 9"),
        (6, np.zeros(NV - 1), {}, r"shape \(36,\), expected \(37,\) or \(37, 1\)"),
        (6, np.zeros((1, NV)), {}, r"shape \(1, 37\)"),
        (6, np.zeros((NV, 2)), {}, r"shape \(37, 2\)"),
        (6, np.zeros(NV, complex), {}, "type complex128"),
        (6, np.zeros(NV, object), {}, "type object"),
        (6, filled(0), {"motion": (1.0, 2.0)}, "2 numbers, expected 6"),
        (6, filled(0), {"motion": "motion"}, "could not convert"),
    ],
)
def test_nonsense_is_an_error_that_changes_nothing(
    writer: VolumeWriter, reader: VolumeReader, t: int, column: Any, more: dict[str, Any], words: str
) -> None:
    for good in range(6):
        writer.publish(good, filled(good), **PLAIN)
    before = raw(writer)
    with pytest.raises(ValueError, match=words):
        writer.publish(t, column, **{**PLAIN, **more})
    assert raw(writer) == before
    writer.publish(6, filled(6), **PLAIN)
    assert reader.count == 7


@pytest.mark.parametrize(
    ("nt", "nv", "more"),
    [
        (-1, NV, {}),
        (NT, 0, {}),
        (NT, NV, {"slots": -2}),
        (NT, NV, {"templates": TEMPLATES[:, 1:]}),
        (NT, NV, {"templates": TEMPLATES[0]}),
        (NT, NV, {"templates": TEMPLATES.astype(complex)}),
        (1 << 40, NV, {}),
    ],
)
def test_sizes_that_make_no_sense_are_refused(nt: int, nv: int, more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected|volumes cannot be published"):
        VolumeWriter(nt, nv, **more)


def test_a_copy_that_breaks_off_leaves_no_volume(
    writer: VolumeWriter, reader: VolumeReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    for t in range(SLOTS):
        writer.publish(t, filled(t), **PLAIN)
    copyto = np.copyto

    def half(target: npt.NDArray[Any], source: npt.NDArray[Any], **kinds: Any) -> None:
        copyto(target[: NV // 2], source[: NV // 2], **kinds)
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(np, "copyto", half)
        with pytest.raises(MemoryError):
            writer.publish(SLOTS, filled(SLOTS), **PLAIN)
    assert reader.count == SLOTS
    assert [reader.column(t) is None for t in range(SLOTS + 1)] == [True, False, False, False, True]
    writer.publish(SLOTS, filled(SLOTS), **PLAIN)
    assert reader.column(SLOTS) is not None


def test_a_run_of_no_volumes_has_a_segment() -> None:
    made = VolumeWriter(0, NV)
    try:
        with reading(made.info) as opened:
            assert (opened.count, len(opened.records(0, 5)), opened.column(0)) == (0, 0, None)
    finally:
        made.close()


def test_closed_is_gone_by_name_and_stays_mapped(writer: VolumeWriter, reader: VolumeReader) -> None:
    writer.publish(0, filled(3), **PLAIN)
    writer.close()
    writer.close()
    column = reader.column(0)
    assert column is not None
    assert set(column.tolist()) == {3.0}
    with pytest.raises(ValueError, match="volume 1 cannot be published: the volumes' segment is closed"):
        writer.publish(1, filled(1), **PLAIN)
    with pytest.raises(FileNotFoundError):
        ReadOnlySegment(writer.info.name)


def test_the_mapping_outlives_the_readers_segment(writer: VolumeWriter) -> None:
    writer.publish(0, filled(3), **PLAIN)
    segment = ReadOnlySegment(writer.info.name)
    opened = VolumeReader(segment, writer.info)
    segment.close()
    column = opened.column(0)
    assert column is not None
    assert set(column.tolist()) == {3.0}
    assert opened.records(0, 1)["committed"].all()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="shared memory is not a folder here")
def test_for_the_user_alone_and_all_pages_there(writer: VolumeWriter) -> None:
    status = Path("/dev/shm", writer.info.name).stat()
    assert status.st_mode & 0o777 == 0o600
    assert status.st_blocks * 512 >= status.st_size >= layout(NT, NV, SLOTS, 3).total
    assert len("/" + writer.info.name) <= 31
    assert writer.info.name.startswith("rtgl_v")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
def test_the_writer_has_mapped_every_page_before_the_first_volume() -> None:
    """A page that is not mapped yet costs the volume that comes to it a fault."""
    made = VolumeWriter(200, 5000, slots=100)
    try:
        text = Path("/proc/self/smaps").read_text()
        mapping = text[text.index(made.info.name) :]
        resident = int(mapping[mapping.index("\nRss:") :].split()[1]) * 1024
        assert resident >= layout(200, 5000, 100, 0).total
    finally:
        made.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_does_not_remove_it(writer: VolumeWriter, reader: VolumeReader) -> None:
    script = (
        "import os, sys\n"
        "from rtcog_gl.session.segments import is_removed\n"
        "from rtcog_gl.session.volumes import VolumeWriter\n"
        f"made = VolumeWriter({NT}, {NV}, slots=2)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    made.close()\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "there = not is_removed(made.info.name)\n"
        "made.close()\n"
        "print(there, is_removed(made.info.name))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout.split(), done.stderr) == (["True", "True"], "")


@posix
def test_a_killed_writer_leaves_nothing() -> None:
    script = (
        "import time\n"
        "from rtcog_gl.session.volumes import VolumeWriter\n"
        f"made = VolumeWriter({NT}, {NV}, slots=2)\n"
        "print(made.info.name, flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    assert not is_removed(name)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    process.stdout.close()
    deadline = time.monotonic() + 30
    while not is_removed(name) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert is_removed(name)


class Meddling:
    """Columns that are written to while somebody copies them."""

    def __init__(self, columns: Any, meddle: Any) -> None:
        self._columns, self._meddle = columns, meddle

    def __getitem__(self, slot: int) -> Any:
        column = self._columns[slot].copy()
        self._meddle()
        return column


@pytest.mark.parametrize(("newer", "kept"), [(SLOTS - 1, True), (SLOTS, False), (2 * SLOTS, False)])
def test_a_column_overwritten_meanwhile_is_none(
    writer: VolumeWriter, reader: VolumeReader, newer: int, kept: bool
) -> None:
    writer.publish(0, filled(0), **PLAIN)
    reader._columns = Meddling(reader._columns, lambda: writer.publish(newer, filled(newer), **PLAIN))
    assert (reader.column(0) is not None) == kept


def test_a_column_that_comes_meanwhile_is_none(writer: VolumeWriter, reader: VolumeReader) -> None:
    writer.publish(0, filled(0), **PLAIN)
    reader._columns = Meddling(reader._columns, lambda: writer.publish(SLOTS, filled(SLOTS), **PLAIN))
    assert reader.column(SLOTS) is None


def test_some_voxels_of_all_volumes_that_are_there(writer: VolumeWriter, reader: VolumeReader) -> None:
    voxels = np.array([3, 0, NV - 1])
    trs, values = reader.values(voxels)
    assert (trs.tolist(), values.shape) == ([], (0, 3))
    for t in range(6):
        writer.publish(t, None if t == 4 else filled(t) + np.arange(NV)[:, np.newaxis] / 64, **PLAIN)
    trs, values = reader.values(voxels)
    # TR 4 came without a map, so that its slot still holds TR 0.
    assert trs.tolist() == [0, 2, 3, 5]
    expected = np.float32([[t + 3 / 64, t, t + (NV - 1) / 64] for t in (0, 2, 3, 5)])
    assert (values.tolist(), values.dtype) == (expected.tolist(), np.float32)
    assert reader.values(voxels, 3)[0].tolist() == [3, 5]
    assert reader.values(voxels, 1, 5)[0].tolist() == [2, 3]
    assert reader.values(voxels, -5, 99)[0].tolist() == [0, 2, 3, 5]
    assert reader.values(voxels[:0])[1].shape == (4, 0)


def test_values_overwritten_meanwhile_are_left_out(writer: VolumeWriter, reader: VolumeReader) -> None:
    for t in range(SLOTS):
        writer.publish(t, filled(t), **PLAIN)
    reader._columns = Meddling(reader._columns, lambda: writer.publish(SLOTS + 1, filled(SLOTS + 1), **PLAIN))
    trs, values = reader.values(np.array([0, 1]))
    assert trs.tolist() == [0, *range(2, SLOTS)]
    assert values.tolist() == [[t, t] for t in trs.tolist()]


@pytest.mark.parametrize("voxels", [[-1], [0, NV]])
def test_voxels_beyond_a_volume_are_an_error(reader: VolumeReader, voxels: list[int]) -> None:
    with pytest.raises(IndexError, match=f"voxels .* of a volume, expected 0 to {NV - 1}"):
        reader.values(np.array(voxels))


def test_without_slots_there_are_no_values() -> None:
    made = VolumeWriter(NT, NV, slots=0)
    try:
        with reading(made.info) as opened:
            assert opened.values(np.array([0]))[1].shape == (0, 1)
    finally:
        made.close()


def test_one_value_of_a_template(reader: VolumeReader) -> None:
    assert reader.template_value(1, 4) == TEMPLATES[1, 4]
    for k, voxel in ((0, 0), (3, 1), (-1, 1), (0, NV), (0, -1)):
        assert np.isnan(reader.template_value(k, voxel))


LAPS_NV, LAPS_NT = 20_000, 400_000


def _write_restlessly(stop: Any, connection: Any) -> None:
    made = VolumeWriter(LAPS_NT, LAPS_NV, slots=2)
    connection.send(made.info)
    column, t = np.zeros((LAPS_NV, 1)), 0
    while not stop.is_set() and t < LAPS_NT:
        column[:] = t
        made.publish(t, column, **{**PLAIN, "received": t, "processed": 3 * t})
        t += 1
    connection.send(t)
    made.close()


def test_no_column_is_of_two_volumes_while_a_process_writes() -> None:
    context = multiprocessing.get_context("spawn")
    stop, (here, there) = context.Event(), context.Pipe()
    process = context.Process(target=_write_restlessly, args=(stop, there))
    process.start()
    good = lost = last = 0
    try:
        assert here.poll(30)
        with reading(here.recv()) as opened:
            deadline = time.monotonic() + 60
            while good < 2000 and time.monotonic() < deadline:
                count = opened.count
                assert count >= last
                last = count
                # The older one of the two slots is overwritten any moment.
                for t in (count - 1, count - 2):
                    column = opened.column(t)
                    if column is None:
                        lost += 1
                        continue
                    good += 1
                    assert column.min() == column.max() == t
                trs, values = opened.values(np.array([0, LAPS_NV // 2, LAPS_NV - 1]))
                assert (values == trs[:, np.newaxis]).all()
                records = opened.records(count - 3, count + 2)
                there_already = records[: len(records) - 2 if count > 3 else 0]
                assert (there_already["committed"] > 0).all()
                whole = records[records["committed"] > 0]
                assert (whole["processed"] == 3 * whole["received"]).all()
    finally:
        stop.set()
        process.join(30)
    assert process.exitcode == 0
    assert good >= 2000
    assert here.recv() >= last > 100


def _sample() -> tuple[bytes, VolumesInfo]:
    made = VolumeWriter(NT, NV, slots=SLOTS, templates=TEMPLATES)
    for t in range(7):
        made.publish(t, filled(t), **PLAIN)
    data = raw(made)
    made.close()
    return data[: layout(NT, NV, SLOTS, 3).total], made.info


SAMPLE, SAMPLE_INFO = _sample()
HEAD = Header(*HEADER.unpack(SAMPLE[: HEADER.size]))


@contextmanager
def segment_of(data: bytes) -> Iterator[ReadOnlySegment]:
    shm = SharedMemory(create=True, size=max(1, len(data)))
    buf: Any = shm.buf
    buf[: len(data)] = data
    segment = ReadOnlySegment(shm.name)
    try:
        yield segment
    finally:
        segment.close()
        del buf
        shm.close()
        shm.unlink()


def _use(opened: VolumeReader) -> int:
    """Read all that there is, and more; return how many volumes have a record."""
    assert 0 <= opened.count <= NT
    records = opened.records(-3, 1 << 40)
    assert records.shape == (NT,)
    assert np.isnan(records["motion"][records["committed"] == 0]).all()
    for t in (*range(-2, NT + 2), 1 << 40):
        column = opened.column(t)
        assert column is None or column.shape == (NV,)
    for k in (-1, 0, 2, 3):
        template = opened.template(k)
        assert (template is not None) == (k in (0, 2))
        assert opened.template_value(k, NV) != opened.template_value(k, NV)
    trs, values = opened.values(np.array([NV - 1, 0]), -3, 1 << 40)
    assert values.shape == (len(trs), 2)
    assert (np.diff(trs) > 0).all()
    for t, row in zip(trs.tolist(), values, strict=True):
        whole = opened.column(t)
        assert whole is not None
        assert np.array_equal(whole[[NV - 1, 0]], row, equal_nan=True)
    return int(np.count_nonzero(records["committed"]))


def test_the_sample_is_sound() -> None:
    with segment_of(SAMPLE) as segment:
        assert _use(VolumeReader(segment, SAMPLE_INFO)) == 7


QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUIET
@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=30))
def test_random_damage_is_an_error_or_harmless(damage: list[tuple[int, int]]) -> None:
    data = bytearray(SAMPLE)
    for at, value in damage:
        data[at] = value
    with segment_of(bytes(data)) as segment:
        if data[: HEADER.size] != SAMPLE[: HEADER.size]:
            with pytest.raises(ValueError, match="volumes' segment"):
                VolumeReader(segment, SAMPLE_INFO)
            return
        at = range(HEAD.records_at, HEAD.records_at + RECORD * NT, RECORD)
        hurt = sum(data[i : i + RECORD] != SAMPLE[i : i + RECORD] for i in at[:7])
        assert _use(VolumeReader(segment, SAMPLE_INFO)) == 7 - hurt


@pytest.mark.parametrize(("count", "seen"), [(NT, NT), (NT + 1, NT), (2**63, NT), (2**64 - 1, NT), (3, 3)])
def test_a_count_beyond_the_run_is_the_run(count: int, seen: int) -> None:
    data = bytearray(SAMPLE)
    data[HEAD.count_at : HEAD.count_at + 8] = count.to_bytes(8, "little")
    with segment_of(bytes(data)) as segment:
        opened = VolumeReader(segment, SAMPLE_INFO)
        assert opened.count == seen
        assert _use(opened) == 7


def test_a_record_that_was_never_committed_is_none_although_its_check_holds() -> None:
    data, record = bytearray(SAMPLE), np.zeros(1, VOLUME)
    record["check"] = zlib.crc32(record.tobytes()[:CHECKED])
    data[HEAD.records_at : HEAD.records_at + RECORD] = record.tobytes()
    with segment_of(bytes(data)) as segment:
        opened = VolumeReader(segment, SAMPLE_INFO)
        assert _use(opened) == 6
        assert np.isnan(opened.records(0, 1)["motion"]).all()


NUMBERS = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 4096), st.sampled_from([2**32, 2**63, 2**64 - 64]))


@QUIET
@given(st.dictionaries(st.sampled_from(Header._fields[1:-1]), NUMBERS, min_size=1))
def test_headers_that_lie_are_errors(lies: dict[str, int]) -> None:
    """The header's checksum holds, so that only its numbers are wrong."""
    head = HEAD._replace(**lies)
    raw_head = HEADER.pack(*head)
    raw_head = raw_head[:-8] + HEADER.pack(*head._replace(crc=zlib.crc32(raw_head[:-8])))[-8:]
    with segment_of(raw_head + SAMPLE[HEADER.size :]) as segment:
        if head == HEAD:
            assert _use(VolumeReader(segment, SAMPLE_INFO)) == 7
            return
        with pytest.raises(ValueError, match="volumes' segment"):
            VolumeReader(segment, SAMPLE_INFO)


@QUIET
@given(st.binary(max_size=len(SAMPLE) + 100))
def test_other_content_is_an_error(data: bytes) -> None:
    with segment_of(data) as segment, pytest.raises(ValueError, match="volumes' segment"):
        VolumeReader(segment, SAMPLE_INFO)


@pytest.mark.parametrize("length", [1, 64, 4096, 8192])
def test_truncated_is_an_error(length: int) -> None:
    info = replace(SAMPLE_INFO, nv=5000)
    with (
        segment_of(SAMPLE[:length]) as segment,
        pytest.raises(ValueError, match=r"too small: got .*, expected at least"),
    ):
        VolumeReader(segment, info)


@QUIET
@given(
    st.dictionaries(
        st.sampled_from(["nt", "nv", "slots", "n_templates"]),
        st.one_of(st.integers(-3, 100), st.integers(-(10**40), 10**40)),
        min_size=1,
    )
)
def test_info_that_lies_is_an_error(lies: dict[str, int]) -> None:
    info = replace(SAMPLE_INFO, **lies)
    with segment_of(SAMPLE) as segment:
        if info == SAMPLE_INFO:
            assert _use(VolumeReader(segment, info)) == 7
            return
        with pytest.raises(ValueError, match="volumes' segment"):
            VolumeReader(segment, info)


SIZES = st.tuples(st.integers(0, 3000), st.integers(1, 300_000), st.integers(-1, 3000), st.integers(0, 30))


@settings(max_examples=300, deadline=None)
@given(SIZES, st.one_of(st.integers(0, 1 << 20), st.integers(0, 1 << 32)))
def test_plans_fit_and_waste_nothing(sizes: tuple[int, int, int, int], room: int) -> None:
    nt, nv, slots, n_templates = sizes
    made = list(plans(nt, nv, slots, n_templates, Room(room, "there is little")))
    least = layout(nt, nv, 0, 0).total
    assert bool(made) == (least <= room)
    wanted = min(nt, (512 * MIB) // (4 * nv) if slots < 0 else slots)
    for head, note in made:
        assert head.total <= room
        assert head.slots <= wanted
        assert head.slots * nv * 4 <= 512 * MIB or slots > 0
        assert bool(note) == (head.slots < wanted or head.n_templates < n_templates)
        assert all(at % ALIGN == 0 for at in head[7:12])
    if made:
        best = made[0].head
        assert (best.n_templates == n_templates) == (layout(nt, nv, 0, n_templates).total <= room)
        assert best.slots == wanted or layout(nt, nv, best.slots + 1, best.n_templates).total > room


def machine(monkeypatch: pytest.MonkeyPatch, shared: tuple[int, int] | None, memory: int | None) -> None:
    monkeypatch.setattr(volumes_room, "shared_free", lambda: shared)
    monkeypatch.setattr(volumes_room, "memory_free", lambda: memory)


def test_what_the_session_needs_stays_free(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, (8 << 30, 12 << 30), 40 << 30)
    assert find_room(1 << 30).size == (7 << 30) - MARGIN_BYTES - BOARD_BYTES
    machine(monkeypatch, (60 * MIB, 64 * MIB), 40 << 30)
    assert find_room(10 * MIB).size == 60 * MIB - 10 * MIB - BOARD_BYTES - 64 * MIB // 20
    machine(monkeypatch, (8 << 30, 12 << 30), 2 << 30)
    assert find_room(1 << 30).size == (2 << 30) // 4
    machine(monkeypatch, (8 << 30, 12 << 30), 2 << 30)
    assert find_room(3 << 29).size == (1 << 29) - MARGIN_BYTES
    machine(monkeypatch, (8 << 30, 12 << 30), 6 << 30)
    assert find_room(1 << 30, private=9 << 29).size == (1 << 29) - MARGIN_BYTES
    machine(monkeypatch, (1 << 20, 12 << 30), 40 << 30)
    assert find_room(1 << 30).size == 0
    machine(monkeypatch, None, None)
    assert find_room(1 << 30).size > 1 << 60


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/dev/shm and /proc are Linux's")
def test_this_machine_tells_its_room() -> None:
    shared, memory = volumes_room.shared_free(), volumes_room.memory_free()
    assert shared is not None
    assert 0 < shared[0] <= shared[1]
    assert memory is not None
    assert memory > 0


def test_fewer_slots_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    nv, room = 1000, 32 * 1024
    machine(monkeypatch, (7 * MIB + room, 40 * MIB), None)
    made = VolumeWriter(NT, nv, slots=9, templates=np.zeros((2, nv)), reserve=MIB)
    made.close()
    assert (made.info.slots, made.info.n_templates) == (5, 2)
    assert made.note == (
        "5 instead of 9 volumes are kept whole: 7 MiB of shared memory are free and 7 MiB are to stay free."
    )


def test_templates_go_before_the_records_do(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, (6 * MIB + 6000, 40 * MIB), None)
    made = VolumeWriter(NT, 1000, slots=9, templates=np.zeros((2, 1000)))
    made.close()
    assert (made.info.slots, made.info.n_templates) == (1, 0)
    assert made.note.startswith("1 instead of 9 volumes are kept whole and the 2 template maps are left out: 6 MiB of")
    machine(monkeypatch, (6 * MIB + 6000, 40 * MIB), None)
    made = VolumeWriter(NT, 1000, slots=1, templates=np.zeros((2, 1000)))
    made.close()
    assert made.note.startswith("The 2 template maps are left out: 6 MiB of")


def test_no_room_for_the_records_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, (63 * MIB, 12 << 30), None)
    with pytest.raises(OSError, match=r"no room .* expected \d+ bytes, but 63 MiB of shared memory are free") as caught:
        VolumeWriter(NT, NV)
    assert caught.value.errno == errno.ENOSPC


@allocates
@pytest.mark.parametrize(
    ("refused_above", "slots", "n_templates"), [(20_000, 0, 2), (5_000, 0, 0), (1_000, None, None)]
)
def test_a_refusal_of_the_system_is_taken(
    monkeypatch: pytest.MonkeyPatch, refused_above: int, slots: int | None, n_templates: int | None
) -> None:
    tried: list[str] = []

    class Noted(SharedMemory):
        def __init__(self, name: str, create: bool, size: int) -> None:
            super().__init__(name=name, create=create, size=size)
            tried.append(name)

    def allocate(fd: int, offset: int, size: int) -> None:
        if size > refused_above:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(volumes_room, "SharedMemory", Noted)
    monkeypatch.setattr(os, "posix_fallocate", allocate)
    if slots is None:
        with pytest.raises(OSError, match=r"no room .* but No space left on device"):
            VolumeWriter(NT, 1000, slots=9, templates=np.zeros((2, 1000)))
    else:
        made = VolumeWriter(NT, 1000, slots=9, templates=np.zeros((2, 1000)))
        assert (made.info.slots, made.info.n_templates) == (slots, n_templates)
        assert made.note.endswith(": the system refused more.")
        assert made.info.name == tried[-1]
        made.close()
    assert len(tried) >= 2
    assert all(is_removed(name) for name in tried)


@allocates
def test_a_file_system_that_cannot_allocate_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(fd: int, offset: int, size: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", cannot)
    made = VolumeWriter(NT, NV, slots=SLOTS)
    made.close()
    assert (made.info.slots, made.note) == (SLOTS, "")
