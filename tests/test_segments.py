"""Segments are mapped read-only, never removed, never tracked; populating stops when it should."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import pytest

from rtcog_gl.session import populate
from rtcog_gl.session.populate import Populating
from rtcog_gl.session.segments import ReadOnlySegment, identity

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX shared memory")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux populates mappings")


@pytest.fixture
def shm() -> Iterator[SharedMemory]:
    made = SharedMemory(name=f"rg{secrets.token_hex(6)}", create=True, size=40000)
    yield made
    made.close()
    made.unlink()


def test_reads_what_others_write(shm: SharedMemory) -> None:
    segment = ReadOnlySegment(shm.name)
    view = segment.array((100, 100), np.float32)
    np.ndarray((100, 100), np.float32, shm.buf)[3, 7] = 2.5
    assert view[3, 7] == 2.5
    assert segment.size >= 40000
    segment.close()
    assert segment.closed
    assert view[3, 7] == 2.5


def test_cannot_be_written(shm: SharedMemory) -> None:
    segment = ReadOnlySegment(shm.name)
    view = segment.array((10,), np.float32)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1
    with pytest.raises(ValueError, match="cannot set WRITEABLE"):
        view.flags.writeable = True
    with pytest.raises(TypeError):
        segment.buf[0] = 1
    segment.close()


def test_too_small_names_all(shm: SharedMemory) -> None:
    segment = ReadOnlySegment(shm.name)
    with pytest.raises(
        ValueError, match=rf"{shm.name} is too small: got {segment.size} .* at least 400000 .*100 x 1000"
    ):
        segment.array((100, 1000), np.float32)
    segment.close()
    segment.close()
    with pytest.raises(ValueError, match="closed"):
        segment.array((1,), np.float32)


def test_missing() -> None:
    with pytest.raises(FileNotFoundError):
        ReadOnlySegment("rg_there_is_no_such_segment")
    assert identity("rg_there_is_no_such_segment") is None


@posix
def test_the_tracker_never_hears_of_it(shm: SharedMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(resource_tracker, "register", lambda *args: told.append(args))
    monkeypatch.setattr(resource_tracker, "unregister", lambda *args: told.append(args))
    ReadOnlySegment(shm.name).close()
    assert told == []


@posix
def test_a_strangers_exit_leaves_the_segment(shm: SharedMemory) -> None:
    code = (
        "import sys; from rtcog_gl.session.segments import ReadOnlySegment\n"
        "s = ReadOnlySegment(sys.argv[1]); print(s.size); a = s.array((10,), 'f4'); s.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, shm.name], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(done.stdout) >= 40000
    assert done.stderr == ""
    assert identity(shm.name) is not None


@posix
def test_by_descriptor_after_the_name_is_gone() -> None:
    made = SharedMemory(name=f"rg{secrets.token_hex(6)}", create=True, size=4096)
    made.buf[5] = 77
    segment = ReadOnlySegment(made.name)
    assert segment.identity == identity(made.name)
    made.close()
    made.unlink()
    assert identity(made.name) is None
    code = (
        "import sys; from rtcog_gl.session.segments import ReadOnlySegment as R\n"
        "fd = int(sys.argv[1]); s = R(fd); print(s.buf[5], s.fd != fd)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(segment.fd)], pass_fds=[segment.fd], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["77", "True"], done.stderr
    # The descriptor itself does not allow writing either.
    with pytest.raises(OSError):
        os.write(segment.fd, b"x")
    segment.close()


@posix
def test_another_segment_of_the_same_name_is_another(shm: SharedMemory) -> None:
    segment = ReadOnlySegment(shm.name)
    shm.unlink()
    again = SharedMemory(name=shm.name, create=True, size=40000)
    try:
        assert identity(shm.name) not in (None, segment.identity)
    finally:
        again.close()
        segment.close()


@linux
def test_populating_brings_every_page(shm: SharedMemory) -> None:
    segment = ReadOnlySegment(shm.name)
    work = Populating(segment, reserve=0)
    assert work.join(10)
    if "not possible" in work.reason:
        pytest.skip(f"this kernel cannot populate: {work.reason}")
    assert (work.complete, work.reason) == (True, "")
    assert os.fstat(segment.fd).st_blocks * 512 >= 40000
    segment.close()


@pytest.mark.parametrize(
    ("available", "reserve", "reason"),
    [(1 << 20, 1 << 30, "memory is short"), (1 << 62, 1 << 60, "shared memory is short")],
)
@linux
def test_populating_leaves_a_reserve(shm: SharedMemory, monkeypatch, available, reserve, reason) -> None:
    monkeypatch.setattr(populate, "available_memory", lambda: available)
    segment = ReadOnlySegment(shm.name)
    work = Populating(segment, reserve=reserve)
    assert work.join(10)
    assert work.reason.startswith(reason)
    assert work.done == 0
    segment.close()


def test_populating_is_never_an_error(shm: SharedMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(populate, "MADV_POPULATE_READ", 9999)
    segment = ReadOnlySegment(shm.name)
    work = Populating(segment, reserve=0)
    assert work.join(10)
    assert work.reason != ""
    segment.close()


def test_closing_stops_populating(shm: SharedMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(populate, "CHUNK", 4096)
    monkeypatch.setattr(populate, "PAUSE_S", 0.2)
    segment = ReadOnlySegment(shm.name)
    work = Populating(segment, reserve=0)
    segment.close()
    assert work.join(10)
    assert not work.complete


MIB = 1 << 20


@pytest.mark.parametrize(
    ("cgroup", "files", "expected"),
    [
        ("0::/\n", {}, 1000),
        ("0::/\n", {"cgroup.controllers": "memory", "memory.max": 400 * MIB, "memory.current": 100 * MIB}, 300),
        ("0::/a/b\n", {"cgroup.controllers": "", "a/memory.max": 400 * MIB, "a/memory.current": 390 * MIB}, 10),
        (
            "0::/a/b\n",
            {"cgroup.controllers": "", "a/b/memory.max": "max", "a/memory.max": 50 * MIB, "a/memory.current": 60 * MIB},
            0,
        ),
        ("0::/a\n", {"cgroup.controllers": "", "a/memory.max": 400 * MIB}, 0),
        (
            "4:cpu,memory:/job/x\n0::/\n",
            {"memory/job/memory.limit_in_bytes": 700 * MIB, "memory/job/memory.usage_in_bytes": 200 * MIB},
            500,
        ),
        ("4:memory:/host/x\n", {"memory/memory.limit_in_bytes": 9 * MIB, "memory/memory.usage_in_bytes": MIB}, 8),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": 9223372036854771712}, 1000),
        ("3:cpuset:/\n1:name=systemd:/\nnonsense\n", {"memory/memory.limit_in_bytes": MIB}, 1000),
        ("1:name=systemd:/\n0::/u\n", {"unified/u/memory.max": 8 * MIB, "unified/u/memory.current": 3 * MIB}, 5),
    ],
)
def test_memory_is_what_the_control_groups_leave(
    tmp_path: Path, cgroup: str, files: dict[str, object], expected: int
) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemFree: 1 kB\nMemAvailable: 1024000 kB\n")
    (tmp_path / "proc/self/cgroup").write_text(cgroup)
    for name, content in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    assert populate.available_memory(tmp_path) == expected * MIB


@linux
def test_available_memory_is_known() -> None:
    assert populate.available_memory() > 1 << 20
