"""The board: what is written is read, torn and hostile content is refused in one sentence."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.model.records import VolumesInfo
from rtcog_gl.model.session import Answer, Live, Session
from rtcog_gl.model.volume import MaskGrid
from rtcog_gl.session import board_layout, codec
from rtcog_gl.session.board import BoardError, BoardReader, BoardWriter, SegmentInfo, Static
from rtcog_gl.session.board_layout import HEADER, SLOT, Header, header_crc

SESSION = Session(
    nt=1200,
    labels=("Motor", "Motor", "naïve \ud800 “label”"),
    hit_thr=0.25,
    match_start=100,
    vols_noaction=45,
    nv=5,
    out_prefix="sub-01",
    questions=tuple(f"question {i}" for i in range(12)),
    expected_tr_s=1.5,
    unit="z",
)
STATIC = Static(
    SESSION,
    SegmentInfo("match_scores", (3, 1200), "float32"),
    SegmentInfo("tr_data", (5, 1200), "float32"),
    ("--anat=head.nii.gz",),
)


def static_of(nt: int) -> Static:
    scores, maps = replace(STATIC.scores, shape=(3, nt)), replace(STATIC.maps, shape=(5, nt))
    return replace(STATIC, session=replace(SESSION, nt=nt), scores=scores, maps=maps)


INSIDE = np.arange(3 * 5 * 7) % 3 == 1
GRID = MaskGrid((3, 5, 7), np.array([[-2, 0.1, 0, 90], [0, 2, 0, -126], [0, 0, 1 / 3, 0], [0, 0, 0, 1]], float), INSIDE)
FULL = Live(
    n_final=1200,
    onsets=tuple(range(500)),
    offsets=tuple(range(1, 501)),
    maps=tuple(range(500)),
    answers=tuple(Answer(t, (None, *range(9), 3.5, "often")) for t in range(500)),
    started_ns=5,
    tr_s=1.0,
    messages=("first", "second"),
)


@pytest.fixture
def writer() -> Iterator[BoardWriter]:
    made = BoardWriter(STATIC, GRID)
    yield made
    made.close()


@pytest.fixture
def reader(writer: BoardWriter) -> Iterator[BoardReader]:
    opened = BoardReader(writer.name)
    yield opened
    opened.close()


def test_static_part_comes_back(writer: BoardWriter, reader: BoardReader) -> None:
    assert reader.session == SESSION
    assert reader.grid is not None
    assert reader.grid.shape == (3, 5, 7)
    assert np.array_equal(reader.grid.affine, GRID.affine)
    assert np.array_equal(reader.grid.inside, INSIDE)
    assert (reader.scores, reader.maps, reader.options) == (STATIC.scores, STATIC.maps, STATIC.options)
    assert reader.writer_pid == os.getpid()
    assert reader.session_id == writer.session_id
    assert len("/" + writer.name) <= 31


VOLUMES = VolumesInfo("rtgl_v", 1200, 5, 40, 3, HitRule(0.25, 2, 1, 0.3))
PUBLISHING = replace(
    STATIC,
    session=replace(SESSION, rule=VOLUMES.rule, slots=40, volume_records=True, has_templates=True),
    volumes=VOLUMES,
)


@pytest.mark.parametrize("mot_thr", [0.3, 1, None])
def test_what_is_published_of_volumes_comes_back(mot_thr: float | None) -> None:
    rule = HitRule(0.25, 3, 2, mot_thr)
    static = replace(
        PUBLISHING, session=replace(PUBLISHING.session, rule=rule), volumes=replace(VOLUMES, rule=rule, slots=40)
    )
    made = BoardWriter(static)
    opened = BoardReader(made.name)
    try:
        assert opened.session == static.session
        assert opened.volumes == static.volumes
        made.publish(Live(n_final=8, n_volumes=7), now_ns=1)
        assert opened.newer() == Live(n_final=8, n_volumes=7, heartbeat_ns=1)
    finally:
        opened.close()
        made.close()


def test_a_board_of_rtcogs_alone_has_no_volumes(reader: BoardReader) -> None:
    assert reader.volumes is None


def test_board_without_a_mask_has_no_grid() -> None:
    made = BoardWriter(STATIC, None)
    opened = BoardReader(made.name)
    try:
        assert opened.grid is None
    finally:
        opened.close()
        made.close()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="shared memory is not a folder here")
def test_board_is_for_the_user_alone(writer: BoardWriter) -> None:
    assert Path("/dev/shm", writer.name).stat().st_mode & 0o777 == 0o600


def test_500_hits_with_12_answers_fit(writer: BoardWriter, reader: BoardReader) -> None:
    writer.publish(FULL, now_ns=77)
    assert reader.newer() == replace(FULL, heartbeat_ns=77)
    assert reader.newer() is None


def test_heartbeat_alone_is_newer(writer: BoardWriter, reader: BoardReader) -> None:
    live = Live(n_final=3)
    writer.publish(live, now_ns=1_000_000_000)
    first = reader.newer()
    writer.publish(live, now_ns=2_000_000_000)
    second = reader.newer()
    assert first is not None
    assert second == replace(first, heartbeat_ns=2_000_000_000)
    assert reader.writer_alive(3_900_000_000)
    assert not reader.writer_alive(4_100_000_000)


def test_answers_change_and_the_rest_stays(writer: BoardWriter, reader: BoardReader) -> None:
    one = Live(answers=(Answer(4, (1, 2)),))
    two = replace(one, answers=(*one.answers, Answer(9, (None, 5))))
    three = replace(two, n_final=12)
    for live in (one, two, three, one):
        writer.publish(live, now_ns=1)
        assert reader.newer() == replace(live, heartbeat_ns=1)


def test_readers_at_different_times_see_the_newest(writer: BoardWriter, reader: BoardReader) -> None:
    for n in range(10):
        writer.publish(Live(n_final=n))
    seen = reader.newer()
    assert seen is not None
    assert seen.n_final == 9


def test_stamps_are_copied(writer: BoardWriter, reader: BoardReader) -> None:
    table = np.arange(2 * 1200, dtype=np.uint64).reshape(2, 1200) + 1
    writer.publish(Live(n_final=10, maps=(4,)), table)
    writer.publish(Live(n_final=12, maps=(4, 11)), table)
    seen = reader.final_ns()
    assert np.array_equal(seen[0, :12], table[0, :12])
    assert not seen[0, 12:].any()
    assert np.flatnonzero(seen[1]).tolist() == [4, 11]
    assert reader.stamp(1, 11) == int(table[1, 11])
    assert reader.stamp(0, 1200) == reader.stamp(2, 0) == 0


def test_too_long_a_state_loses_its_oldest_messages(writer: BoardWriter, reader: BoardReader) -> None:
    long = replace(FULL, messages=tuple(f"{i} " + "x" * 9_990 for i in range(200)))
    writer.publish(long, now_ns=1)
    seen = reader.newer()
    assert seen is not None
    assert 0 < len(seen.messages) < 200
    assert seen.messages == long.messages[-len(seen.messages) :]
    assert replace(seen, messages=()) == replace(long, messages=(), heartbeat_ns=1)


def test_too_many_answers_lose_the_oldest(writer: BoardWriter, reader: BoardReader) -> None:
    long = replace(FULL, answers=tuple(Answer(i, (1.2345678901234567e-200,) * 80) for i in range(500)))
    writer.publish(long)
    seen = reader.newer()
    assert seen is not None
    assert 0 < len(seen.answers) < 500
    assert seen.answers == long.answers[-len(seen.answers) :]
    assert seen.onsets == FULL.onsets
    assert f"Only the last {len(seen.answers)} of 500 answers are shown" in seen.messages[-1]


def test_long_words_in_answers_are_cut_before_answers_go(writer: BoardWriter, reader: BoardReader) -> None:
    long = replace(FULL, answers=tuple(Answer(i, ("z" * 500, i) * 6) for i in range(500)))
    writer.publish(long)
    seen = reader.newer()
    assert seen is not None
    assert [answer.onset for answer in seen.answers] == list(range(500))
    word, number = seen.answers[3].ratings[:2]
    assert (str(word)[:5], str(word)[-1], number) == ("zzzzz", "…", 3)
    assert f"cut after {len(str(word))} characters" in seen.messages[-1]


def test_run_of_no_volumes_has_a_board() -> None:
    made = BoardWriter(static_of(0))
    opened = BoardReader(made.name)
    try:
        assert opened.newer() is not None
        assert opened.final_ns().shape == (2, 0)
    finally:
        opened.close()
        made.close()


def test_closed_board_is_gone_by_name_and_stays_mapped(writer: BoardWriter, reader: BoardReader) -> None:
    writer.publish(Live(n_final=7))
    writer.close()
    seen = reader.newer()
    assert seen is not None
    assert seen.n_final == 7
    with pytest.raises(BoardError, match="cannot be opened"):
        BoardReader(writer.name)


def test_reader_does_not_remove_the_board(writer: BoardWriter) -> None:
    BoardReader(writer.name).close()
    BoardReader(writer.name).close()


def _write_restlessly(static: Static, stop: multiprocessing.synchronize.Event, connection: object) -> None:
    made = BoardWriter(static)
    connection.send(made.name)  # type: ignore[attr-defined]
    small, large = Live(n_final=1), replace(FULL, n_final=2, answers=FULL.answers[:40])
    n = 0
    while not stop.is_set():
        made.publish(small if n % 2 else large)
        n += 1
    connection.send(n)  # type: ignore[attr-defined]
    made.close()


def test_torn_reads_are_detected_while_a_process_writes() -> None:
    context = multiprocessing.get_context("spawn")
    stop, (here, there) = context.Event(), context.Pipe()
    process = context.Process(target=_write_restlessly, args=(STATIC, stop, there))
    process.start()
    try:
        assert here.poll(30)
        opened = BoardReader(here.recv())
        small, large = Live(n_final=1), replace(FULL, n_final=2, answers=FULL.answers[:40])
        torn, good, last, deadline = 0, {0: 0, 1: 0, 2: 0}, 0, time.monotonic() + 60
        while (good[1] < 300 or good[2] < 300) and time.monotonic() < deadline:
            newest = max(SLOT.unpack_from(opened._buf, at)[0] for at in (opened._head.slot0_at, opened._head.slot1_at))
            live = opened.newer()
            torn += live is None and newest > last
            if live is None:
                continue
            assert opened.sequence > last
            last = opened.sequence
            good[live.n_final] += 1
            assert replace(live, heartbeat_ns=0) in (Live(), small, large)
        assert good[1] >= 300
        assert good[2] >= 300
    finally:
        stop.set()
        process.join(30)
    assert process.exitcode == 0
    assert here.recv() > 600


def test_half_written_slot_is_passed_over(writer: BoardWriter, reader: BoardReader) -> None:
    """Both slots are overwritten step by step, as a write would, and no step shows a state that was not published."""
    writer.publish(Live(n_final=1, messages=("old",)), now_ns=1)
    writer.publish(Live(n_final=2, messages=("older slot",)), now_ns=2)
    before = bytes(writer._buf)
    writer.publish(Live(n_final=3, messages=("the new state",)), now_ns=3)
    after = bytes(writer._buf)
    changed = [i for i in range(len(before)) if before[i] != after[i]]
    allowed = {1, 2, 3}
    writer._buf[:] = before
    for i in reversed(changed):
        writer._buf[i] = after[i]
        reader._sequence = 0
        seen = reader.newer()
        assert seen is not None
        assert seen.n_final in allowed
    assert seen.n_final == 3


def _open(data: bytes) -> Live | None:
    """Open a board with these bytes, read it, and return what it says."""
    shm = SharedMemory(create=True, size=max(1, len(data)))
    try:
        shm.buf[: len(data)] = data  # type: ignore[index]
        opened = BoardReader(shm.name)
        try:
            opened.final_ns()
            return opened.newer()
        finally:
            opened.close()
    finally:
        shm.close()
        shm.unlink()


def _sample() -> bytes:
    made = BoardWriter(static_of(20), GRID)
    made.publish(Live(n_final=5, answers=(Answer(3, (1, None, 2.5)),), messages=("hello",)), now_ns=1)
    data = bytes(made._buf)
    made.close()
    return data


SAMPLE = _sample()
HEAD = Header(*HEADER.unpack(SAMPLE[: HEADER.size]))


def test_sample_is_sound() -> None:
    live = _open(SAMPLE)
    assert live is not None
    assert live.messages == ("hello",)


QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUIET
@given(st.lists(st.tuples(st.integers(0, HEAD.slot0_at + 400), st.integers(0, 255)), min_size=1, max_size=30))
def test_random_damage_is_an_error_or_an_older_state(damage: list[tuple[int, int]]) -> None:
    data = bytearray(SAMPLE)
    for at, value in damage:
        data[at] = value
    try:
        live = _open(bytes(data))
    except BoardError as error:
        assert str(error)
        return
    assert live is None or live.n_final in (0, 5)


@QUIET
@given(st.integers(0, len(SAMPLE)))
def test_truncation_is_an_error(length: int) -> None:
    page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
    try:
        live = _open(SAMPLE[:length])
    except BoardError as error:
        assert str(error)
        return
    assert length + page > len(SAMPLE) or live is None or live.n_final in (0, 5)


@QUIET
@given(st.sampled_from(Header._fields[1:-1]), st.integers(0, 2**64 - 1))
def test_hostile_header_with_a_good_checksum(name: str, value: int) -> None:
    """A writer that lies about sizes cannot make the reader leave the segment or allocate more than it holds."""
    lie: object = value.to_bytes(16, "big") if name == "session_id" else value
    raw = HEADER.pack(*HEAD._replace(**{name: lie}))  # type: ignore[arg-type]
    raw = HEADER.pack(*HEAD._replace(**{name: lie, "crc": header_crc(raw)}))  # type: ignore[arg-type]
    try:
        live = _open(raw + SAMPLE[HEADER.size :])
    except BoardError as error:
        assert str(error)
        return
    assert name in ("pid", "total", "capacity", "slot0_at", "slot1_at") or value == getattr(HEAD, name)
    assert live is None or live.n_final in (0, 5)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["nt", "labels", "session", "scores", "grid_shape", "volumes", "n_final", "answers", "maps"])


@QUIET
@given(JSON | st.dictionaries(FIELDS, JSON, max_size=6))
def test_any_json_is_a_state_or_a_value_error(data: object) -> None:
    for kind in (Static, Live, Session, Answer):
        try:
            made = codec.build(kind, data)
        except ValueError as error:
            assert str(error)
            continue
        assert codec.build(kind, codec.load(codec.dump(made))) == made or "nan" in str(made).lower()


@pytest.mark.parametrize("text", [b"[" * 200_000, b'{"n_final":' * 50_000, b"1" * 100_000, b"\xff\xfe", b"", b"nul"])
def test_hostile_json_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        codec.build(Live, codec.load(text))


def test_foreign_objects_become_text() -> None:
    class Odd:
        def __str__(self) -> str:
            return "odd"

    answer = Answer(3, (np.float32(2.5), np.int64(4), Odd(), True, 10**30))  # type: ignore[arg-type]
    read = codec.load(codec.dump(answer))
    assert read == {"onset": 3, "ratings": [2.5, 4, "odd", True, str(10**30)]}


def test_column_beyond_the_run_is_refused(writer: BoardWriter, reader: BoardReader) -> None:
    states = (Live(n_final=1201), Live(maps=(1200,)), Live(maps=(-1,)), Live(n_volumes=1201), Live(n_volumes=-1))
    for live in states:
        writer.publish(live)
        with pytest.raises(BoardError, match="1200"):
            reader.newer()


def test_other_segment_is_no_board() -> None:
    shm = SharedMemory(create=True, size=100_000)
    try:
        with pytest.raises(BoardError, match="not a board"):
            BoardReader(shm.name)
    finally:
        shm.close()
        shm.unlink()


@pytest.mark.parametrize(
    ("static", "grid", "words"),
    [
        (replace(STATIC, scores=SegmentInfo("s", (2, 1200), "float32")), GRID, "scores have shape"),
        (replace(STATIC, maps=SegmentInfo("m", (5, 1201), "float32")), GRID, "maps have shape"),
        (replace(STATIC, maps=SegmentInfo("m", (), "float32")), GRID, "maps have shape"),
        (replace(PUBLISHING, volumes=replace(VOLUMES, nt=1199)), GRID, "volumes are 1199, expected 1200"),
        (replace(PUBLISHING, volumes=replace(VOLUMES, nv=4)), GRID, "volumes have 4 voxels, expected 5"),
        (replace(PUBLISHING, volumes=replace(VOLUMES, slots=-1)), GRID, "slots = -1"),
        (replace(PUBLISHING, volumes=replace(VOLUMES, n_templates=-2)), GRID, "n_templates = -2"),
        (replace(PUBLISHING, volumes=replace(VOLUMES, slots=39)), GRID, "40 volumes in memory, expected 0 or 39"),
        (STATIC, SimpleNamespace(shape=GRID.shape, affine=np.zeros((4, 4)), inside=INSIDE), "mask makes no sense"),
        (STATIC, SimpleNamespace(shape=GRID.shape, affine=GRID.affine, inside=INSIDE & False), "mask makes no sense"),
    ],
)
def test_whole_boards_that_make_no_sense_are_refused(static: Static, grid: MaskGrid, words: str) -> None:
    made = BoardWriter(static, grid)
    try:
        with pytest.raises(BoardError, match=words):
            BoardReader(made.name)
    finally:
        made.close()


def test_missing_board_is_one_sentence() -> None:
    with pytest.raises(BoardError, match="rtgl_nothing_there"):
        BoardReader("rtgl_nothing_there")


def test_fit_always_ends() -> None:
    state = replace(FULL, messages=("m" * 10_000,) * 20, lost="l" * 9_000)
    for capacity in (100_000, 10_000, 2_000, 1_000):
        live, text, answers = board_layout.fit(state, capacity)
        assert len(text) + len(answers) <= capacity
        assert live.n_final == state.n_final
