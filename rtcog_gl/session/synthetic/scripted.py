"""A session in this very process, stepped by hand: for tests that need to know who did what, when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.session.contract import MatchingOpts, StreamingConfig, SyncEvents, new_sync
from rtcog_gl.session.synthetic.content import Header, ScriptedContent
from rtcog_gl.session.synthetic.options import DemoError
from rtcog_gl.session.synthetic.participant import Answers, end_action
from rtcog_gl.session.synthetic.processes import volume_writer
from rtcog_gl.session.synthetic.producer import Script, SyntheticProducer
from rtcog_gl.session.synthetic.segments import STAMPS, Segments, unique_prefix


class ScriptedSession:
    """Real shared memory and real events, given scores and hits, no process and no waiting.

    Parameters
    ----------
    scores : array, (templates, Nt)
    hits : mapping from TR to array, (Nv,)
        The volumes that are hits, and the map of each.
    labels, match_start, vols_noaction, hit_thr, questions, out_dir, out_prefix
        As in `StreamingConfig`.
    nv : int, optional
        Voxels of a map; taken from the first hit if there is one, otherwise 8.
    mask_img : nibabel image, optional
        By default a mask of `nv` voxels in one row.
    context : multiprocessing context, optional
        What the events are made for.
    onsets, offsets, responses : optional
        Lists and dict, or a manager's proxies; by default plain ones of this process.
    segment_prefix : str, optional
        By default a unique one.
    live_maps : int
        Newest volumes that are kept whole, as in `DemoOptions`; 0: nothing of volumes is published.
    maps : mapping from TR to array, (Nv,), optional
        The volumes that are no hits; zeros where there is none.
    motion : array, (Nt, 6), optional
        The head's place at each volume; by default it is not known.
    templates : array, (templates, Nv), optional
        NaN outside a template's own mask.
    rule : HitRule, optional
        What is said of the rule of hits. What is a hit stays scripted.

    Examples
    --------
    >>> with ScriptedSession([[0.0, 2.0]], {1: [5.0, 6.0]}) as session:
    ...     session.run_volume()  # all of volume 0
    ...     session.step(), session.step()  # the first two steps of volume 1
    ...     session.run_until("onset")  # the map of volume 1 is not written yet
    """

    def __init__(
        self,
        scores: npt.ArrayLike,
        hits: Mapping[int, npt.ArrayLike] | None = None,
        *,
        labels: Sequence[str] | None = None,
        match_start: int = 0,
        vols_noaction: int = 3,
        hit_thr: float = 1.5,
        questions: Sequence[str] = (),
        nv: int | None = None,
        mask_img: Any = None,
        out_dir: str = ".",
        out_prefix: str = "scripted",
        context: Any = None,
        onsets: Any = None,
        offsets: Any = None,
        responses: Any = None,
        segment_prefix: str | None = None,
        live_maps: int = 0,
        maps: Mapping[int, npt.ArrayLike] | None = None,
        motion: npt.ArrayLike | None = None,
        templates: npt.ArrayLike | None = None,
        rule: HitRule | None = None,
    ) -> None:
        values, played = np.atleast_2d(np.asarray(scores, np.float64)), {**(hits or {}), **(maps or {})}
        n_templates, nt = values.shape
        voxels = _voxels(nv, played)
        names = tuple(labels) if labels is not None else tuple(f"T{k + 1}" for k in range(n_templates))
        image = mask_img if mask_img is not None else _row_mask(voxels)
        content = ScriptedContent(values, played, Header(names, voxels, nt, image), motion, templates)
        matching = MatchingOpts("mask", match_start, vols_noaction)
        self.config = StreamingConfig(nt, list(names), hit_thr, matching, image, voxels, out_dir, out_prefix)
        self.sync: SyncEvents = new_sync(context)
        self.onsets: Any = [] if onsets is None else onsets
        self.offsets: Any = [] if offsets is None else offsets
        self.responses: Any = responses
        if responses is None and questions:
            self.responses = dict.fromkeys(questions, (None, None))
        self.segment_prefix = unique_prefix() if segment_prefix is None else segment_prefix
        self.segments = Segments(self.segment_prefix, n_templates, voxels, nt)
        self._writer, _ = volume_writer(content, rule, live_maps)
        self.volumes = self._writer.info if self._writer else None
        """Where the volumes are published, for ``run_streamer(..., volumes=)``; None where they are not."""

        self.sync.shm_ready.set()
        shared = self.sync, self.onsets, self.offsets, self.segments
        self.producer = SyntheticProducer(
            content, Script(hits or {}), match_start, vols_noaction, *shared, publisher=self._writer
        )
        self.t = -1
        """The volume of the last step."""

        self.last = ""
        """The name of the last step."""

        self._steps: Iterator[str] = iter(())
        self._finishing = False

    @property
    def stamps_name(self) -> str:
        """Name of the segment with the producer's stamps."""
        return self.segment_prefix + STAMPS

    def step(self) -> str:
        """Do the next step and return its name (see `producer`); an empty name after the last one."""
        return self._step_here() or (self._step_here() if self._go_on() else "")

    def _step_here(self) -> str:
        """Do the next step of the volume under way (or of the run's end); an empty name if there is none."""
        name = next(self._steps, "")
        self.last = name or self.last
        return name

    def _go_on(self) -> bool:
        """Turn to the next volume, or to the run's end; return whether there was something to turn to."""
        if self._finishing:
            return False
        if self.t + 1 < self.config.Nt:
            self.t += 1
            self._steps = self.producer.volume(self.t)
        else:
            self._finishing = True
            self._steps = self.producer.finish()
        return True

    def run_until(self, name: str, t: int | None = None) -> None:
        """Do steps up to and including the next one of that name (of volume `t`).

        Raises
        ------
        LookupError
            If the session ends without it.
        """
        while self.step():
            if self.last == name and (t is None or self.t == t):
                return
        raise LookupError(f"the session ended without step {name!r} of volume {t}")

    def run_volume(self, n: int = 1) -> None:
        """Do all steps of the next volume, `n` times; the rest of one that is under way counts as one."""
        for _ in range(n):
            if not self._step_here() and not (self.t + 1 < self.config.Nt and self._go_on()):
                return
            while self._step_here():
                pass

    def end_action(self, answers: Answers | None = None) -> None:
        """Play the participant's part: hand in the survey."""
        end_action(self.sync, self.responses, answers or {})

    def finish(self) -> None:
        """Do all steps that are left, the end of the run included."""
        while self.step():
            pass

    def close(self) -> None:
        """Remove and unmap the segments."""
        self.segments.close()
        if self._writer is not None:
            self._writer.close()

    def __enter__(self) -> ScriptedSession:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def _voxels(nv: int | None, maps: Mapping[int, npt.ArrayLike]) -> int:
    sizes = {t: np.asarray(values).size for t, values in maps.items()}
    voxels = nv or next(iter(sizes.values()), 8)
    for t, size in sizes.items():
        if size != voxels:
            raise DemoError(f"the map of TR {t} has {size} voxels, expected {voxels}")
    return voxels


def _row_mask(voxels: int) -> Any:
    import nibabel

    return nibabel.Nifti1Image(np.ones((voxels, 1, 1), np.uint8), np.diag([2.0, 2.0, 2.0, 1.0]))
