"""What runs in the session's processes."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.session.contract import SyncEvents
from rtcog_gl.session.proxies import GONE
from rtcog_gl.session.synthetic.content import Content, load_content
from rtcog_gl.session.synthetic.life import Life
from rtcog_gl.session.synthetic.options import DemoError, DemoOptions
from rtcog_gl.session.synthetic.participant import participate
from rtcog_gl.session.synthetic.producer import SyntheticProducer
from rtcog_gl.session.synthetic.segments import Segments, bytes_needed
from rtcog_gl.session.volumes import VolumeWriter

log = logging.getLogger("rtcog_gl")


class _Clock:
    """The scanner's pace: volume t arrives t TRs after the first, whether or not we are ready for it."""

    def __init__(self, life: Life, options: DemoOptions) -> None:
        self._life, self._tr = life, options.tr
        self._preprocess_s = float(options.preprocess_s or 0)
        self._write_s = options.write_s
        self._arrived = time.monotonic()

    def lead_in(self, server_ready: Any, longest_s: float) -> float:
        """Wait for the viewer, but not for ever; return the time of the first volume."""
        deadline = time.monotonic() + longest_s
        while time.monotonic() < deadline and not server_ready.is_set() and self._life.sleep(0.02):
            pass
        return time.monotonic()

    def volume(self, arrival: float) -> bool:
        """Wait for a volume; return whether the session goes on."""
        going = self._life.sleep_until(arrival)
        self._arrived = time.monotonic()
        return going

    def preprocess(self) -> None:
        """Wait until the volume that came last is preprocessed."""
        self._life.sleep_until(self._arrived + self._preprocess_s)

    def write(self) -> None:
        """Wait as long as writing the run's files takes."""
        self._life.sleep(self._write_s)


def produce(options: DemoOptions, sync: SyncEvents, onsets: Any, offsets: Any, prefix: str, answer: Connection) -> None:
    """Be the producer's process: load, report through `answer`, play, clean up.

    `answer` gets the content's `Header` once the segments exist, or the sentence that says why there is no session.
    """
    arrays: Segments | None = None
    writer: VolumeWriter | None = None

    def unlink() -> None:
        if arrays is not None:
            arrays.unlink()
        if writer is not None:
            writer.close()

    life = Life(sync.end, unlink)
    rule = hit_rule(options)
    try:
        content = load_content(options)
        header = content.header
        arrays = Segments(prefix, len(header.labels), header.nv, header.nt)
    except DemoError as error:
        answer.send(str(error))
        return
    try:
        writer, note = volume_writer(content, rule, options.live_maps)
        sync.shm_ready.set()
        notes = (*header.notes, note) if note else header.notes
        answer.send(replace(header, notes=notes, volumes=writer.info if writer else None))
        clock = _Clock(life, options)
        start, cooldown = options.match_start or 0, options.vols_noaction or 0
        producer = SyntheticProducer(
            content, rule, start, cooldown, sync, onsets, offsets, arrays, clock.preprocess, clock.write, writer
        )
        _play(producer, clock, sync, options)
    finally:
        arrays.close()
        if writer is not None:
            writer.close()


def hit_rule(options: DemoOptions) -> HitRule:
    """Return the rule that resolved options ask for; nothing is held against motion that is not known."""
    mot_thr = options.mot_thr if options.bold is None else None
    return HitRule(float(options.hit_thr or 0), options.nconsec_vols, options.nonline, mot_thr)


def volume_writer(content: Content, rule: HitRule | None, live_maps: int) -> tuple[VolumeWriter | None, str]:
    """Return where a run publishes its volumes, and a sentence for the operator if there is less than was asked for.

    Without live maps there is None: the run then publishes nothing of them, as rtcog by itself.
    """
    if live_maps == 0:
        return None, ""
    header = content.header
    # The session's own segments are there but empty: their pages are taken when they are written.
    reserve = bytes_needed(len(header.labels), header.nv, header.nt)
    templates = content.templates()
    try:
        writer = VolumeWriter(header.nt, header.nv, slots=live_maps, templates=templates, rule=rule, reserve=reserve)
    except OSError as error:
        return None, f"the session publishes no live maps and no motion: {error.strerror or error}."
    return writer, writer.note


def _play(producer: SyntheticProducer, clock: _Clock, sync: SyncEvents, options: DemoOptions) -> None:
    first = clock.lead_in(sync.server_ready, options.lead_in_s)
    try:
        for t in range(producer.content.n_volumes):
            if not clock.volume(first + t * options.tr):
                break
            for _ in producer.volume(t):
                pass
        else:
            clock.volume(first + producer.content.n_volumes * options.tr)
    except GONE as error:
        log.warning("the session's manager is gone (%s), so the synthetic run ends early", type(error).__name__)
    for _ in producer.finish():
        pass


def answer_hits(options: DemoOptions, sync: SyncEvents, responses: Any) -> None:
    """Be the participant's process."""
    life = Life(sync.end)
    survey_s = (options.survey_trs or 0) * options.tr
    try:
        participate(sync, responses, options.questions, survey_s, options.tr, options.seed, life.sleep)
    except GONE as error:
        log.warning("the session's manager is gone (%s), so the participant leaves", type(error).__name__)
