"""rtcog's experience-sampling processor with this viewer; imports rtcog, so that nothing else here imports it early.

The class stands at module level and is found by its name, because the processes that rtcog starts import it anew
where they do not inherit it.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from multiprocessing import Process
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
from rtcog.processor.esam_processor import ESAMProcessor

from rtcog_gl.logs import listen
from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.model.options import ENVIRONMENT, parse_options, words_of
from rtcog_gl.model.session import ActionState
from rtcog_gl.session.publisher import PublishedVolume, Publisher, map_unit, norm_change, template_maps, unallocated
from rtcog_gl.session.volumes import VolumeWriter
from rtcog_gl.streamer import run_streamer

log = logging.getLogger("rtcog_gl")


@dataclass(frozen=True)
class _Before:
    """What rtcog changes while it works on a volume, as it was when the volume came."""

    received: int
    action: bool
    norm: float | None


class GLProcessor(ESAMProcessor):  # type: ignore[misc]
    """rtcog's processor, which starts this viewer and publishes each volume after its scores.

    All work is done by rtcog's class. Nothing that goes wrong in what is added here reaches rtcog.

    Parameters
    ----------
    options : rtcog.utils.options.Options
        The experiment's options.
    sync : rtcog.utils.sync.SyncEvents
        The events that the experiment's processes share.
    minimal : bool
        Whether rtcog runs without a viewer and writes a report at the end; that report is then this package's.
    """

    def __init__(self, options: Any, sync: Any, minimal: bool = False) -> None:
        super().__init__(options, sync, minimal=minimal)
        listen()
        self._publisher = Publisher(None if minimal else partial(_writer, self))

    def start_streaming(self, shared_responses: Any) -> None:
        """Start the viewer in a process of its own.

        Parameters
        ----------
        shared_responses : dict-like or None
            The participant's answers, as rtcog shares them.
        """
        info = self._publisher.info
        self.mp_prc_stream = Process(
            target=run_streamer,
            args=(
                _with_unit(self.streaming_config, self.pipe),
                self.sync,
                self.shared_action_onsets,
                self.shared_action_offsets,
                shared_responses,
            ),
            kwargs={} if info is None else {"volumes": info},
        )
        try:
            self.mp_prc_stream.start()
        except Exception as error:
            log.error("The viewer cannot be started, rtcog goes on: %s: %s.", type(error).__name__, error)
            log.debug("Where that came from", exc_info=error)

    def compute_TR_data(self, motion: Any, extra: Any) -> Any:
        """Let rtcog work on a volume, then publish it.

        Parameters
        ----------
        motion : list of list of float
            Six lists, each indexed by the volume.
        extra : list of list of float
            A list a voxel, each indexed by the volume.

        Returns
        -------
        int
            What rtcog's method returns.
        """
        before = self._publisher.attempt(self._before)
        result = super().compute_TR_data(motion, extra)
        if before is not None:
            self._publisher.publish(partial(self._volume, before, time.monotonic_ns()))
        return result

    def end_run(self, save: bool = True) -> None:
        """Let rtcog end the run, then stop publishing. rtcog calls this twice where a run breaks off.

        Parameters
        ----------
        save : bool
            Whether rtcog writes the volumes to files.
        """
        try:
            super().end_run(save=save)
        finally:
            self._publisher.close()

    def write_report(self) -> None:
        """Write this package's static report in place of rtcog's; only called where rtcog runs without a viewer."""
        try:
            self._write_report()
        except Exception as error:
            log.error("The report cannot be written: %s: %s.", type(error).__name__, error)
            log.debug("Where that came from", exc_info=error)

    def _write_report(self) -> None:
        from rtcog_gl.report import write_static

        scores = self.matcher.scores
        if scores is None:
            self.log.warning("No volume was scored, so that no report is written.")
            return
        state = ActionState(list(self.action_onsets), list(self.action_offsets), False, False, None, False)
        path = write_static(self.streaming_config, scores, state)
        self.log.info(f"Report written to {path}")

    def _before(self) -> _Before:
        # The stamp first: it is when rtcog was handed the volume, not when all of this was looked up.
        received = time.monotonic_ns()
        return _Before(received, bool(self.sync.hit.is_set()), self.hit_detector.enorm_prev)

    def _volume(self, before: _Before, processed: int) -> PublishedVolume:
        motion = [float(value) for value in self.this_motion]
        return PublishedVolume(
            t=self.t,
            # rtcog counts volumes from the first that is not discarded: before that nothing is preprocessed.
            column=None if self.n == 0 else self.pipe.processed_tr,
            received=before.received,
            processed=processed,
            motion=motion,
            norm_change=norm_change(motion, before.norm),
            cooldown_end=self.lastaction_endTR + self.match_opts.vols_noaction,
            action=before.action,
        )


def _with_unit(config: Any, pipeline: Any) -> Any:
    """Return the viewer's configuration with the unit of the maps' values, where the pipeline's steps tell it."""
    unit = map_unit([str(getattr(step, "name", "")) for step in getattr(pipeline, "steps", ())])
    if not unit or not is_dataclass(config):
        return config
    return SimpleNamespace(**{**{field.name: getattr(config, field.name) for field in fields(config)}, "unit": unit})


def _writer(processor: GLProcessor) -> VolumeWriter:
    options, _ = parse_options(words_of(os.environ.get(ENVIRONMENT, ""))[0])
    listen(options.verbose)
    return VolumeWriter(
        processor.Nt,
        processor.mask_Nv,
        slots=options.live_maps,
        templates=_templates(processor.matcher, processor.mask_Nv),
        rule=_rule(processor.hit_opts),
        reserve=_reserve(processor.shm_tr, processor.matcher.shm),
        # rtcog's pipeline keeps every volume twice, as it came and preprocessed, in 8 bytes a voxel.
        private=2 * 8 * processor.mask_Nv * processor.Nt,
    )


def _rule(options: Any) -> HitRule:
    threshold = float(options.mot_thr) if options.do_mot else None
    return HitRule(float(options.hit_thr), int(options.nconsec_vols), int(options.nonline), threshold)


def _templates(matcher: Any, nv: int) -> npt.NDArray[np.float32] | None:
    """Return the template maps of a matcher that has loaded them; None of one that has not."""
    if not all(hasattr(matcher, name) for name in ("template_labels", "masks", "masked_templates")):
        return None
    try:
        return template_maps(matcher.template_labels, matcher.masks, matcher.masked_templates, nv)
    except Exception as error:
        log.warning("The template maps cannot be shown: %s: %s.", type(error).__name__, error)
        return None


def _reserve(*segments: Any) -> int:
    # The descriptor is a private name of the standard library's; without it all of the segment is counted.
    return sum(unallocated(getattr(segment, "_fd", -1), segment.size) for segment in segments)
