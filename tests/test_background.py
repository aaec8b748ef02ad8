"""Work in steps, and what is kept on disk when a session is over."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rtcog_gl.model.session import Live, Update
from rtcog_gl.window import kept as kept_module
from rtcog_gl.window.background import Background, Job
from rtcog_gl.window.kept import Kept


def made(background: Background) -> list[int | None]:
    """Do all steps; return the number that each brought."""
    brought = []
    while len(background):
        update = background.step()
        brought.append(None if update is None else update.map_tr)
    return brought


def job(number: int, steps: int = 1) -> Job:
    """Return a job of some steps, the last of which brings a number."""
    for _ in range(steps - 1):
        yield
    return Update(Live(), map_tr=number)


def test_nothing_to_do_is_no_step() -> None:
    background = Background()
    assert (background.step(), len(background)) == (None, 0)


def test_jobs_of_a_rank_take_turns() -> None:
    background = Background()
    background.add("a", 1, job(1, steps=3))
    background.add("b", 1, job(2, steps=2))
    background.add("c", 1, job(3))
    assert made(background) == [None, None, 3, None, 2, 1]


def test_lower_ranks_go_first_whenever_they_come() -> None:
    background = Background()
    background.add("slow", 2, job(1, steps=2))
    assert background.step() is None
    background.add("quick", 0, job(2, steps=3))
    assert made(background) == [None, None, 2, 1]


def test_the_latest_of_a_name_wins_and_does_not_lose_its_turn() -> None:
    background = Background()
    background.add("a", 1, job(1, steps=5))
    background.add("b", 1, job(2))
    background.add("a", 1, job(3))
    assert ("a" in background, "c" in background) == (True, False)
    assert made(background) == [3, 2]


def test_a_job_is_gone_with_what_it_brings() -> None:
    background = Background()
    background.add("a", 1, job(1))
    assert background.step() is not None
    assert "a" not in background


def test_a_job_can_be_given_up() -> None:
    background = Background()
    background.add("a", 1, job(1))
    background.drop("a")
    background.drop("a")
    assert made(background) == []


def test_a_job_that_adds_itself_anew_is_not_undone() -> None:
    background = Background()

    def again() -> Job:
        background.add("a", 1, job(2))
        yield
        return None

    background.add("a", 1, again())
    assert made(background) == [None, 2]


def test_what_fails_is_out_and_the_others_go_on() -> None:
    background = Background()

    def failing() -> Job:
        yield
        raise ValueError("no")

    background.add("bad", 1, failing())
    background.add("good", 1, job(1, steps=3))
    assert [background.step(), background.step()] == [None, None]
    with pytest.raises(ValueError, match="no"):
        background.step()
    assert ("bad" in background, made(background)) == (False, [None, 1])


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    one = Kept(str(tmp_path))
    yield one
    one.close()


def test_what_is_kept_comes_back(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_module, "CHUNK", 7)
    arrays = {("hit", n): np.random.default_rng(n).normal(size=20 + n).astype(np.float32) for n in range(3)}
    arrays["empty"] = np.zeros(0, np.float32)
    arrays["strided"] = np.arange(30, dtype=np.float32)[::3]
    for key, array in arrays.items():
        kept.put(key, array)
    for key, array in arrays.items():
        back = kept.get(key)
        assert back is not None
        assert (key in kept, back.dtype) == (True, np.float32)
        np.testing.assert_array_equal(back, array)
        back[:] = -1
    part = kept.get(("hit", 1), 5, 9)
    assert part is not None
    assert part.tolist() == arrays["hit", 1][5:9].tolist()
    assert (kept.get("nothing"), "nothing" in kept) == (None, False)


@pytest.mark.parametrize("ends", [(0, 4), (3, 4), (-2, -1), (-1, 0), (4, 5), (2, 1)])
def test_values_beyond_an_array_cannot_be_had(kept: Kept, ends: tuple[int, int]) -> None:
    kept.put("a", np.arange(3, dtype=np.float32))
    kept.put("b", np.arange(3, dtype=np.float32))
    assert kept.get("a", *ends) is None


def test_nothing_is_left_on_the_disk(tmp_path: Path) -> None:
    kept = Kept(str(tmp_path))
    kept.put("a", np.zeros(1000, np.float32))
    if sys.platform != "win32":
        assert list(tmp_path.iterdir()) == []
    kept.close()
    assert list(tmp_path.iterdir()) == []
    assert (kept.get("a"), "a" in kept) == (None, False)
    kept.close()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    kept = Kept(str(tmp_path / "nowhere"))
    with pytest.raises(OSError, match="nowhere"):
        kept.put("a", np.zeros(1, np.float32))
    assert kept.get("a") is None


@pytest.mark.skipif(os.name != "posix", reason="the file is cut short through its descriptor")
def test_a_file_that_lost_its_end_gives_nothing(kept: Kept) -> None:
    kept.put("a", np.zeros(100, np.float32))
    assert kept._file is not None
    os.ftruncate(kept._file.fileno(), 200)
    assert kept.get("a") is None
    assert kept.get("a", 0, 50) is not None


def test_threads_read_at_the_same_time(kept: Kept) -> None:
    for n in range(4):
        kept.put(n, np.full(50_000, n, np.float32))
    wrong: list[int] = []

    def read(n: int) -> None:
        for _ in range(50):
            values = kept.get(n)
            if values is None or not (values == n).all():
                wrong.append(n)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
