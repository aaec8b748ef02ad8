"""Runs ``rtcog-gl run`` with the stand-in rtcog in a process of its own, and looks at what the viewer gets."""

from __future__ import annotations

import json
import multiprocessing
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from rtcog_gl.model.records import VolumesInfo
from rtcog_gl.session import discovery
from rtcog_gl.session.board import BoardReader
from rtcog_gl.session.segments import ReadOnlySegment
from rtcog_gl.session.volumes import VolumeReader

METHODS = [method for method in ("fork", "spawn") if method in multiprocessing.get_all_start_methods()]
TESTS = Path(__file__).resolve().parent
STANDIN = TESTS / "standin"
MODULE = (sys.executable, "-m", "rtcog_gl")
NT, DISCARD, MATCH_START, COOLDOWN = 40, 2, 5, 4

T = TypeVar("T")


def wait_for(look: Callable[[], T], seconds: float = 60.0) -> T:
    until = time.monotonic() + seconds
    while not (value := look()):
        assert time.monotonic() < until, f"nothing within {seconds} s"
        time.sleep(0.02)
    return value


@contextmanager
def interruptible() -> Iterator[None]:
    """Let what is started meanwhile be interrupted, also where the tests run in the background with SIGINT ignored.

    A signal that is ignored stays so in a new program; one that is handled gets the system's default action there.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Rig:
    """One experiment's folder and settings."""

    def __init__(self, folder: Path, method: str, **changes: Any) -> None:
        self.folder, self.method = folder, method
        self.out = folder / "out"
        self.out.mkdir(parents=True)
        self.prefix = f"rg{secrets.token_hex(4)}_"
        self.config: dict[str, Any] = {
            "exp_type": "esam",
            "nvols": NT,
            "discard": DISCARD,
            "hit_thr": 5.0,
            "matching": {"match_method": "mask", "match_start": MATCH_START, "vols_noaction": COOLDOWN},
            "hits": {"nconsec_vols": 1, "nonline": 1, "do_mot": True, "mot_thr": 0.05},
            "out_dir": str(self.out),
            "out_prefix": "run",
            "segment_prefix": self.prefix,
            "no_segment": False,
            "no_viewer": False,
            "odd_motion": False,
            "fail_at": NT,
            "fail_end": "",
            "kill_viewer_at": -1,
            "action_vols": 3,
            "steps": [],
            "gates": [],
            "no_action": False,
            "status": None,
            **changes,
        }
        self.runtime = folder / "runtime"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RTCOG_GL")},
            "PYTHONPATH": os.pathsep.join([str(STANDIN), str(TESTS.parent)]),
            "STANDIN_START": method,
            "RTCOG_GL_WINDOW": "",
            discovery.FOLDER_VARIABLE: str(self.runtime),
        }

    @property
    def arguments(self) -> list[str]:
        path = self.folder / "config.json"
        path.write_text(json.dumps(self.config))
        return ["-c", str(path)]

    @property
    def flags(self) -> list[str]:
        return ["--segment-prefix", self.prefix]

    def start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        with interruptible():
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=os.name == "posix",
            )

    @contextmanager
    def running(self, command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
        """Start a command; whatever it leaves running is ended."""
        process = self.start(command)
        try:
            yield process
        finally:
            if os.name == "posix":
                for _ in range(2):
                    try:
                        os.killpg(process.pid, signal.SIGKILL)
                    except (ProcessLookupError, PermissionError):
                        break
            else:
                process.kill()
            process.wait(30)

    def run(self, *words: str, command: str = "run") -> tuple[int, str]:
        """Run to the end; return the exit status and what was printed."""
        with self.running([*MODULE, command, *self.flags, *self.arguments, *words]) as process:
            printed, _ = process.communicate(timeout=120)
        return process.returncode, printed

    def alone(self) -> tuple[int, str]:
        """Run the stand-in by itself."""
        code = "import sys; from rtcog.main import main; sys.exit(main())"
        script = self.folder / "alone.py"
        script.write_text(f"if __name__ == '__main__':\n    {code}\n")
        with self.running([sys.executable, str(script), *self.arguments]) as process:
            printed, _ = process.communicate(timeout=120)
        return process.returncode, printed

    def go(self, gate: str) -> None:
        (self.out / gate).touch()

    def board(self) -> BoardReader:
        """Return the board of the viewer, once it is there."""

        def entry() -> str | None:
            os.environ[discovery.FOLDER_VARIABLE] = str(self.runtime)
            try:
                found = discovery.list_sessions()
            finally:
                del os.environ[discovery.FOLDER_VARIABLE]
            return found[0].board if found else None

        return BoardReader(wait_for(entry))

    def produced(self) -> dict[str, bytes]:
        """Return rtcog's files, by name."""
        return {path.name: path.read_bytes() for path in self.out.glob("run.*")}

    def said(self, name: str) -> dict[str, Any]:
        said: dict[str, Any] = json.loads((self.out / name).read_text())
        return said


@contextmanager
def volumes_of(info: VolumesInfo) -> Iterator[VolumeReader]:
    segment = ReadOnlySegment(info.name)
    try:
        yield VolumeReader(segment, info)
    finally:
        segment.close()
