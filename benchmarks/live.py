"""Runs sessions, each with a producer, a keeper and a window in processes of their own, and watches from outside."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import shlex
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import machine
import numpy as np
import psutil
from producer import NT as NT
from producer import QUESTIONS, WAIT_S, Plan, configuration, produce

from rtcog_gl import run_streamer
from rtcog_gl.model.options import ENVIRONMENT, WindowOptions
from rtcog_gl.model.records import VolumesInfo
from rtcog_gl.session.contract import SyncEvents, new_sync
from rtcog_gl.session.discovery import FOLDER_VARIABLE
from rtcog_gl.session.segments import ReadOnlySegment
from rtcog_gl.session.synthetic.brains import Brain
from rtcog_gl.session.synthetic.segments import STAMPS, unique_prefix

SIZE = (1920, 1080)

DRAWN_S = 0.15
"""So long after a column was written, its frame is certainly on the screen."""

SETTLED_S = 0.6
"""So long after a hit was written, all that it brings about is done."""

SAMPLE_S = 0.01


@dataclass
class Result:
    """What was seen of a session."""

    first_frame_s: float
    """From the call of run_streamer to the first frame."""

    to_first_volume_s: float
    """From the call of run_streamer to the first volume that was played."""

    cpu: dict[str, dict[str, float]]
    """Per cent of one core: ``whole`` and ``between`` volumes, for each process."""

    watched_s: dict[str, float]
    """Seconds that went into each."""

    memory: dict[str, int]
    """Private bytes of each process, near the end."""

    log: list[dict[str, Any]] = field(default_factory=list)
    """The window's latency log, without the history."""

    writes_ms: list[float] = field(default_factory=list)
    """How long the producer took to write each hit's map."""

    weighed: dict[int, int] = field(default_factory=dict)
    """The bytes that the window made for itself (`machine.own_bytes`), after so many hits (`Plan.weigh`)."""


def run(plan: Plan, brain: Brain, anat: Path | None) -> Result:
    """Run one session and return what was seen."""
    with tempfile.TemporaryDirectory() as folder:
        session = _Session(plan, brain, anat, Path(folder))
        try:
            return session.watch()
        finally:
            session.close()


class _Session:
    def __init__(self, plan: Plan, brain: Brain, anat: Path | None, folder: Path) -> None:
        self._plan = plan
        self._log = folder / "latency.jsonl"
        prefix = unique_prefix()
        ctx: Any = multiprocessing.get_context(plan.method)
        resource_tracker.ensure_running()
        self._manager = ctx.Manager()
        self._sync: SyncEvents = new_sync(ctx)
        responses = self._manager.dict(dict.fromkeys(QUESTIONS, (None, None)))
        # Kept, because a manager forgets what nobody holds a proxy of.
        self._shared = shared = self._sync, self._manager.list(), self._manager.list(), responses
        self._go = ctx.Event()
        ours, theirs = ctx.Pipe(duplex=False)
        self._producer = ctx.Process(target=produce, args=(plan, brain, prefix, shared, self._go, theirs))
        self._producer.start()
        _await(self._sync.shm_ready.is_set, "the producer's segments")
        self._segment = ReadOnlySegment(prefix + STAMPS)
        self._stamps = self._segment.array((2, plan.nt), np.uint64)
        options = WindowOptions(
            size=SIZE,
            vsync=False,
            linger=0.0,
            anat=str(anat) if anat else None,
            latency_log=str(self._log),
            stamps=prefix + STAMPS,
            segment_prefix=prefix,
        )
        environment = {ENVIRONMENT: shlex.join(options.argv()), FOLDER_VARIABLE: str(folder / "runtime")}
        self._called = ctx.Value("q", 0)
        volumes = ours.recv()
        self._answer = ours
        arguments = self._called, environment, (configuration(brain, plan.nt), *shared), volumes
        self._keeper = ctx.Process(target=_follow, args=arguments)
        self._keeper.start()
        self._window: psutil.Process | None = None
        self._weighed: dict[int, int] = {}

    def watch(self) -> Result:
        _await(self._sync.server_ready.is_set, "the first frame")
        first_frame_s = self._since_call()
        keeper = psutil.Process(self._keeper.pid)
        (self._window,) = (child for child in keeper.children() if "window" in child.cmdline())
        pids = {"keeper": keeper.pid, "window": self._window.pid}
        time.sleep(1.0)
        self._go.set()
        to_first_volume_s = self._since_call()
        samples = self._sample(list(pids.values()))
        cpu, watched_s = self._use(samples, list(pids))
        memory = {name: machine.private_bytes(pid) for name, pid in pids.items()}
        writes_ms = self._answer.recv() if self._answer.poll(WAIT_S) else []
        self._producer.join(WAIT_S)
        self._window.wait(WAIT_S)
        lines = [json.loads(line) for line in self._log.read_text(encoding="utf-8").splitlines()]
        log = [line for line in lines if line["t"] >= self._plan.history]
        return Result(first_frame_s, to_first_volume_s, cpu, watched_s, memory, log, writes_ms, self._weighed)

    def _since_call(self) -> float:
        return (time.monotonic_ns() - int(self._called.value)) / 1e9

    def _sample(self, pids: list[int]) -> list[tuple[float, ...]]:
        """Return rows of seconds, volumes arrived, and processor seconds of each process, until the last column."""
        last = self._plan.history + self._plan.volumes - 1
        counter = self._sync.tr_index.get_obj()
        rows = []
        while not (self._stamps[0, last] and time.monotonic_ns() > int(self._stamps[0, last]) + DRAWN_S * 1e9):
            if not (self._producer.is_alive() and self._keeper.is_alive()):
                raise RuntimeError("the producer or the keeper ended before the last volume")
            rows.append((time.monotonic(), float(counter.value), *map(machine.cpu_seconds, pids)))
            self._weigh()
            time.sleep(SAMPLE_S)
        return rows

    def _weigh(self) -> None:
        """Take the window's memory where it is due: after the hit is on the screen, and what follows it is done."""
        for hits in self._plan.weigh:
            written = int(self._stamps[1, self._plan.history + self._plan.hits[hits - 1]])
            due = written and time.monotonic_ns() > written + SETTLED_S * 1e9
            if due and hits not in self._weighed and self._window is not None:
                self._weighed[hits] = machine.own_bytes(self._window.pid)

    def _use(self, rows: list[tuple[float, ...]], names: list[str]) -> tuple[dict[str, Any], dict[str, float]]:
        """Return the per cent of a core that the processes used, and the seconds in which they did."""
        seconds = {"whole": 0.0, "between": 0.0}
        used = {stretch: dict.fromkeys(names, 0.0) for stretch in seconds}
        for before, after in itertools.pairwise(rows):
            # tr_index is the volume before the one that arrived last.
            written = int(self._stamps[0, int(before[1]) + 1]) / 1e9
            quiet = after[1] == before[1] and 0 < written < before[0] - DRAWN_S
            for stretch in ("whole", "between") if quiet else ("whole",):
                seconds[stretch] += after[0] - before[0]
                for k, name in enumerate(names, start=2):
                    used[stretch][name] += after[k] - before[k]
        percent = {
            stretch: {name: 100 * value / max(seconds[stretch], 1e-9) for name, value in processes.items()}
            for stretch, processes in used.items()
        }
        return percent, seconds

    def close(self) -> None:
        """See that nothing is left."""
        for process in (self._producer, self._keeper):
            process.join(1.0)
            if process.is_alive():
                process.terminate()
                process.join(WAIT_S)
        if self._window is not None and self._window.is_running():
            self._window.terminate()
        self._segment.close()
        self._manager.shutdown()


def _follow(called: Any, environment: dict[str, str], arguments: tuple[Any, ...], volumes: VolumesInfo | None) -> None:
    """Be the process that rtcog starts for its viewer."""
    os.environ.update(environment)
    called.value = time.monotonic_ns()
    run_streamer(*arguments, volumes=volumes)


def _await(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not come within {WAIT_S:g} s")
        time.sleep(0.001)
