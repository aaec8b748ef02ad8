"""Starts the session's processes and takes them down again."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
import time
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.managers import SyncManager
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any

from rtcog_gl.model.records import VolumesInfo
from rtcog_gl.session.contract import MatchingOpts, StreamingConfig, SyncEvents, new_sync
from rtcog_gl.session.synthetic.content import Header
from rtcog_gl.session.synthetic.life import die_with_parent
from rtcog_gl.session.synthetic.options import DemoError, DemoOptions
from rtcog_gl.session.synthetic.processes import answer_hits, produce
from rtcog_gl.session.synthetic.segments import STAMPS, remove_left_over, segment_names, unique_prefix

log = logging.getLogger("rtcog_gl")

LOADING_S = 120.0
"""Longest wait for the producer to load its content."""


@dataclass
class RunningSession:
    """A session that runs in processes of its own. As a context manager it stops them on leaving."""

    config: StreamingConfig
    """First argument of ``run_streamer``; the next four are `sync`, `onsets`, `offsets` and `responses`."""

    sync: SyncEvents
    onsets: Any
    offsets: Any
    responses: Any
    """Manager's dict, or None when there are no questions."""

    segment_prefix: str
    """Put before ``match_scores``, ``tr_data`` and ``stamps``."""

    anat: Path | None
    """An anatomical image that fits under the maps."""

    notes: tuple[str, ...]
    """Sentences for the operator."""

    volumes: VolumesInfo | None
    """Where the volumes are published, for ``run_streamer(..., volumes=)``; None where they are not."""

    producer: BaseProcess
    participant: BaseProcess
    _manager: SyncManager
    _stopped: bool = field(default=False, init=False)

    @property
    def stamps_name(self) -> str:
        """Name of the segment with the producer's stamps: uint64 (2, Nt), monotonic ns, scores and maps."""
        return self.segment_prefix + STAMPS

    @property
    def alive(self) -> bool:
        """Whether the producer is still at work."""
        return self.producer.is_alive()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the run is over; return whether it is."""
        self.producer.join(timeout)
        return not self.producer.is_alive()

    def stop(self) -> None:
        """End the run now, if it has not ended: no process and no shared memory stays. Can be called again."""
        if self._stopped:
            return
        self._stopped = True
        # A viewer that was killed at the wrong moment can block this for ever, hence the thread.
        threading.Thread(target=self.sync.end.set, daemon=True).start()
        _take_down(self.producer, self.participant)
        if self.producer.exitcode != 0:
            remove_left_over(self.segment_prefix, *([self.volumes.name] if self.volumes else []))
        self._manager.shutdown()

    def __enter__(self) -> RunningSession:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()


def start(options: DemoOptions | None = None, method: str | None = None) -> RunningSession:
    """Start a synthetic session: producer, participant and manager, each in a process of its own.

    Parameters
    ----------
    options : DemoOptions, optional
    method : str, optional
        ``fork`` or ``spawn``; None is the platform's default.

    Raises
    ------
    DemoError
        If the session cannot be had as asked; one sentence. Nothing is left behind.
    """
    options = (options or DemoOptions()).resolved()
    prefix = unique_prefix() if options.segment_prefix is None else options.segment_prefix
    segment_names(prefix)
    ctx: Any = multiprocessing.get_context(method)
    if os.name == "posix":
        # One tracker for all processes of the session: a child's own would remove the segments when the child exits.
        resource_tracker.ensure_running()
    manager = SyncManager(ctx=ctx)
    manager.start(die_with_parent)
    started: list[BaseProcess] = []
    try:
        sync = new_sync(ctx)
        onsets, offsets = manager.list(), manager.list()
        responses = manager.dict(dict.fromkeys(options.questions, (None, None))) if options.questions else None
        ours, theirs = ctx.Pipe(duplex=False)
        given: tuple[Any, ...] = (options, sync, onsets, offsets, prefix, theirs)
        started.append(ctx.Process(target=produce, args=given, name="synthetic producer", daemon=True))
        started[0].start()
        theirs.close()
        header = _await_header(ours, started[0])
        given = (options, sync, responses)
        started.append(ctx.Process(target=answer_hits, args=given, name="synthetic participant", daemon=True))
        started[1].start()
    except BaseException:
        _take_down(*started)
        remove_left_over(prefix)
        manager.shutdown()
        raise
    config = _config(options, header)
    said = header.anat, header.notes, header.volumes
    return RunningSession(config, sync, onsets, offsets, responses, prefix, *said, started[0], started[1], manager)


def _config(options: DemoOptions, header: Header) -> StreamingConfig:
    matching = MatchingOpts("mask", options.match_start or 0, options.vols_noaction or 0)
    thr = float(options.hit_thr or 0)
    labels = list(header.labels)
    where = options.out_dir, options.out_prefix
    return StreamingConfig(header.nt, labels, thr, matching, header.mask_img, header.nv, *where, header.unit)


def _await_header(answer: Any, producer: BaseProcess) -> Header:
    deadline = time.monotonic() + LOADING_S
    while not answer.poll(0.05):
        if time.monotonic() > deadline:
            raise DemoError(f"the synthetic session took {LOADING_S:.0f} s to load, expected it to be ready by then")
        if not producer.is_alive() and not answer.poll(0):
            break
    try:
        header = answer.recv()
    except EOFError:
        raise DemoError(
            f"the synthetic session's process ended with exit status {producer.exitcode}, expected it to load its data"
        ) from None
    finally:
        answer.close()
    if isinstance(header, str):
        raise DemoError(header)
    received: Header = header
    return received


def _take_down(*processes: BaseProcess) -> None:
    """Ask, then tell, then end the processes."""
    for ask, patience in ((lambda _: None, 2.0), (BaseProcess.terminate, 2.0), (BaseProcess.kill, 5.0)):
        deadline = time.monotonic() + patience
        for process in processes:
            if process.is_alive():
                ask(process)
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
