"""Plays rtcog's part of a session, one step of the contract at a time.

The steps of volume t, in order (each is yielded by `SyntheticProducer.volume` once it is done):

========================  ==============================================================================
``status``                ``hit`` and ``action_end`` are looked at, before anything else
``tr_index``              ``tr_index.value = t - 1``
``preprocess``            the volume is computed
``offset``                only if ``action_end`` was set: ``offsets.append(t)``
``action_end.clear``      likewise
``score``                 from ``match_start`` on, once a template: one value of ``match_scores[:, t]``
``new_tr.set``            likewise, after the last of them
``hit.clear``             only if the volume is a hit, and so are the rest
``onset``                 ``onsets.append(t)``
``map``                   ``tr_data[:, t]`` is written
``hit.set``
``volume``                only where volumes are published: the volume's record, and the volume itself
========================  ==============================================================================

and of the run's end: ``write``, ``unlink``, ``end.set``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.session.publisher import norm_change
from rtcog_gl.session.synthetic.content import Content


class Arrays(Protocol):
    """What the producer writes into (`Segments`, or a stand-in)."""

    scores: Any
    maps: Any
    stamps: Any

    def unlink(self) -> None:
        """Remove the segments' names."""
        ...


class Writer(Protocol):
    """Where the volumes are published (`VolumeWriter`, or a stand-in)."""

    def publish(
        self,
        t: int,
        column: npt.NDArray[Any] | None,
        *,
        received: int,
        processed: int,
        motion: Sequence[float] | None,
        norm_change: float,
        cooldown_end: int,
        action: bool,
    ) -> None:
        """Publish volume `t`."""
        ...

    def close(self) -> None:
        """Remove the segment's name."""
        ...


class Script:
    """Declares hits at given volumes, whatever the scores and whatever else is going on."""

    def __init__(self, hits: Collection[int]) -> None:
        self._hits = frozenset(hits)

    def __contains__(self, t: int) -> bool:
        return t in self._hits


class SyntheticProducer:
    """The producer of a session.

    Parameters
    ----------
    content : Content
        The run.
    rule : HitRule or Script
        What a hit is. A rule is asked only while no action runs and no cooldown; a script is followed blindly.
    match_start, vols_noaction : int
        First TR that is scored; length of the cooldown, which also runs from TR 0 as if an action had ended there.
    sync : SyncEvents
    onsets, offsets : list or list proxy
    arrays : Arrays
    preprocess, write : callable
        Called for the time that preprocessing takes, after the volume is computed, and for writing the files.
    publisher : Writer, optional
        Where each volume is published once it is done; None, as in rtcog by itself: nowhere.
    """

    def __init__(
        self,
        content: Content,
        rule: HitRule | Script,
        match_start: int,
        vols_noaction: int,
        sync: Any,
        onsets: Any,
        offsets: Any,
        arrays: Arrays,
        preprocess: Callable[[], None] = lambda: None,
        write: Callable[[], None] = lambda: None,
        publisher: Writer | None = None,
    ) -> None:
        self.content, self.rule = content, rule
        self.match_start, self.vols_noaction = match_start, vols_noaction
        self.sync, self.onsets, self.offsets, self.arrays = sync, onsets, offsets, arrays
        self._preprocess, self._write = preprocess, write
        self._publisher = publisher
        self._norm: float | None = None
        self._last_offset = 0
        n_templates = len(content.header.labels)
        self._scores: npt.NDArray[np.float64] = np.zeros((n_templates, content.header.nt))

    def volume(self, t: int) -> Iterator[str]:
        """Play volume `t`, yielding the name of each step when it is done."""
        received = time.monotonic_ns()
        hit_status = self.sync.hit.is_set()
        action_end_status = self.sync.action_end.is_set()
        yield "status"
        self.sync.tr_index.value = t - 1
        yield "tr_index"
        volume = self.content.volume(t)
        scores = self.content.scores(t, volume) if t >= self.match_start else None
        self._preprocess()
        yield "preprocess"
        if action_end_status:
            self._last_offset = t
            self.offsets.append(t)
            yield "offset"
            self.sync.action_end.clear()
            yield "action_end.clear"
        motion = self.content.motion(t)
        change = self._norm_change(t, motion, hit_status)
        if scores is not None:
            yield from self._publish_scores(t, scores)
            if self._is_hit(t, hit_status, change):
                yield from self._publish_hit(t, volume)
        if self._publisher is not None:
            self._publisher.publish(
                t,
                volume,
                received=received,
                processed=time.monotonic_ns(),
                motion=motion,
                norm_change=change,
                cooldown_end=self._cooldown_end,
                action=hit_status,
            )
            yield "volume"

    @property
    def _cooldown_end(self) -> int:
        return self._last_offset + self.vols_noaction

    def _norm_change(self, t: int, motion: Sequence[float] | None, hit_status: bool) -> float:
        """Return the change of the motion's norm since rtcog last asked for it, however long ago.

        It asks right before matching begins, and then whenever a hit could be declared.
        """
        if motion is None:
            return math.nan
        change = norm_change(motion, self._norm)
        free = t >= self.match_start and not (hit_status or t < self._cooldown_end)
        if free or t == max(0, self.match_start - 1):
            self._norm = norm_change(motion, 0.0)
        return change

    def _publish_scores(self, t: int, scores: npt.NDArray[np.float64]) -> Iterator[str]:
        self._scores[:, t] = scores
        for k, score in enumerate(scores):
            self.arrays.scores[k, t] = score
            yield "score"
        self.arrays.stamps[0, t] = time.monotonic_ns()
        self.sync.new_tr.set()
        yield "new_tr.set"

    def _is_hit(self, t: int, hit_status: bool, norm_change: float) -> bool:
        if isinstance(self.rule, Script):
            return t in self.rule
        moved = self.rule.mot_thr is not None and norm_change > self.rule.mot_thr
        free = not (hit_status or t < self._cooldown_end or moved)
        return free and self.rule.winner(self._scores, t) is not None

    def _publish_hit(self, t: int, volume: npt.NDArray[np.float32]) -> Iterator[str]:
        self.sync.hit.clear()
        yield "hit.clear"
        self.onsets.append(t)
        yield "onset"
        self.arrays.maps[:, t] = volume
        self.arrays.stamps[1, t] = time.monotonic_ns()
        yield "map"
        self.sync.hit.set()
        yield "hit.set"

    def finish(self) -> Iterator[str]:
        """Play the end of the run, yielding the name of each step when it is done."""
        self._write()
        yield "write"
        self.arrays.unlink()
        if self._publisher is not None:
            self._publisher.close()
        yield "unlink"
        self.sync.end.set()
        yield "end.set"
