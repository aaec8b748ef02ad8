"""rtcog's part of a measured session: light on the processor, and at random phase."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.model.session import FloatArray
from rtcog_gl.session.contract import MatchingOpts, StreamingConfig
from rtcog_gl.session.synthetic.brains import Brain
from rtcog_gl.session.synthetic.content import SyntheticContent
from rtcog_gl.session.synthetic.motion import Motion
from rtcog_gl.session.synthetic.networks import NETWORKS
from rtcog_gl.session.synthetic.participant import draw_answers, end_action
from rtcog_gl.session.synthetic.processes import volume_writer
from rtcog_gl.session.synthetic.producer import Script, SyntheticProducer
from rtcog_gl.session.synthetic.segments import Segments, unique_prefix

NT = 1200
QUESTIONS = ("attention to screen", "inner speech", "mood", "sleepiness")
MATCH_START, VOLS_NOACTION, SURVEY_TRS = 2, 3, 4
RULE = HitRule(1.5, mot_thr=0.2)

BANK = 32
"""Different volumes that are played in turn: computing each when it is due would keep a core busy."""

WAIT_S = 60.0


@dataclass(frozen=True)
class Plan:
    """What a session plays."""

    tr_s: float
    volumes: int
    """Volumes that are played in real time."""

    hits: tuple[int, ...] = ()
    """Which of those volumes are hits."""

    history: int = 0
    """Volumes that were written before the viewer starts."""

    method: str = "fork"
    """How the viewer's process is started."""

    nt: int = NT
    """Volumes that the session expects, and has room for."""

    weigh: tuple[int, ...] = ()
    """After so many hits the window's memory is taken."""

    live_maps: int = 0
    """Newest volumes that are published whole; negative: as many as fit; 0: nothing of volumes, as rtcog by itself."""


class Bank:
    """A short synthetic run, played over and over."""

    def __init__(self, brain: Brain, nt: int) -> None:
        source = SyntheticContent(brain, BANK, 0, seed=0)
        self._volumes = [source.volume(t) for t in range(BANK)]
        self._scores = [source.scores(t, volume) for t, volume in enumerate(self._volumes)]
        self._motion = [source.motion(t) for t in range(BANK)]
        self._templates = source.templates()
        self.header = replace(source.header, nt=nt)
        self.n_volumes = nt

    def volume(self, t: int) -> FloatArray:
        return self._volumes[t % BANK]

    def scores(self, t: int, volume: FloatArray) -> npt.NDArray[np.float64]:
        scores = self._scores[t % BANK]
        return scores + 0.05 * np.sin(t * np.arange(1, len(scores) + 1))

    def motion(self, t: int) -> Motion:
        return self._motion[t % BANK]

    def templates(self) -> FloatArray:
        return self._templates


def configuration(brain: Brain, nt: int = NT) -> StreamingConfig:
    """Return the first argument of run_streamer."""
    labels = [network.label for network in NETWORKS]
    matching = MatchingOpts("mask", MATCH_START, VOLS_NOACTION)
    return StreamingConfig(nt, labels, RULE.hit_thr, matching, brain.image(), brain.nv, ".", "benchmark")


def produce(plan: Plan, brain: Brain, prefix: str, shared: tuple[Any, ...], go: Any, answer: Connection) -> None:
    """Be rtcog's process: make the segments, then play volumes in the contract's order once `go` is set.

    `answer` gets the `VolumesInfo`, or None where volumes are not published; and when all volumes were played, the
    milliseconds that the write of each hit took.
    """
    sync, onsets, offsets, responses = shared
    rng = np.random.default_rng(1)
    bank = Bank(brain, plan.nt)
    arrays = Segments(prefix, len(NETWORKS), brain.nv, plan.nt)
    preprocess_s = [0.0]
    script = Script([plan.history + hit for hit in plan.hits])
    writer, note = volume_writer(bank, RULE, plan.live_maps)
    if note:
        print(note, file=sys.stderr, flush=True)
    pace = {"preprocess": lambda: time.sleep(preprocess_s[0]), "publisher": writer}
    producer = SyntheticProducer(bank, script, MATCH_START, VOLS_NOACTION, sync, onsets, offsets, arrays, **pace)
    writes_ms: list[float] = []
    try:
        answer.send(writer.info if writer else None)
        for t in range(plan.history):
            list(producer.volume(t))
        sync.shm_ready.set()
        go.wait(WAIT_S)
        first = time.monotonic()
        for i in range(plan.volumes):
            time.sleep(max(0.0, first + (i + 0.2 * rng.random()) * plan.tr_s - time.monotonic()))
            preprocess_s[0] = rng.uniform(0.1, 0.2) if plan.tr_s >= 1 else plan.tr_s * rng.uniform(0.15, 0.5)
            if i - SURVEY_TRS in plan.hits:
                end_action(sync, responses, draw_answers(rng, QUESTIONS))
            writes_ms += _play(producer, plan.history + i)
        answer.send(writes_ms)
        time.sleep(1.0)
        list(producer.finish())
    finally:
        arrays.close()
        if writer is not None:
            writer.close()


def _play(producer: SyntheticProducer, t: int) -> list[float]:
    """Play a volume; return the milliseconds that the write of its map took, if it is a hit."""
    taken, before = [], 0
    for step in producer.volume(t):
        now = time.perf_counter_ns()
        if step == "map":
            taken.append((now - before) / 1e6)
        before = now
    return taken


def write_alone(nv: int, nt: int, hits: int, answer: Connection) -> None:
    """Be rtcog without a viewer: write `hits` maps into a fresh segment, and answer how many milliseconds each took."""
    values = np.random.default_rng(0).standard_normal(nv, np.float32)
    arrays = Segments(unique_prefix(), 1, nv, nt)
    try:
        taken = []
        for k in range(hits):
            before = time.perf_counter_ns()
            arrays.maps[:, k * nt // hits] = values
            taken.append((time.perf_counter_ns() - before) / 1e6)
        answer.send(taken)
    finally:
        arrays.close()
