"""What came of each hit: template, score, survey, cooldown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .actions import cooldown_blocks, hit_markers
from .session import Live, Session


@dataclass(frozen=True)
class Hit:
    """One hit, and what came of it."""

    tr: int
    """TR at which it was declared and the survey began."""

    template: int | None
    """Template with the highest score at that TR; None where nothing was measured."""

    score: float
    """Its score; NaN where nothing was measured."""

    offset: int | None
    """TR at which the survey had ended; None where no end is known."""

    cooldown_end: int | None
    """TR at which the cooldown ended; None where there was none."""


def hits_like(maps: Sequence[int], scores: npt.NDArray[np.floating], tr: int) -> tuple[int, ...]:
    """Return the TRs of all hits of the same template as the one at `tr`, ascending; `tr` is among them.

    Parameters
    ----------
    maps : sequence of int
        TRs of the hits whose map can be had.
    scores : ndarray, (templates, Nt)
        NaN where nothing was measured.
    tr : int
        A hit.
    """
    trs = sorted({tr, *maps})
    best = [None if marker is None else marker.template for marker in hit_markers(scores[:, trs])]
    same = best[trs.index(tr)]
    return (tr,) if same is None else tuple(t for t, template in zip(trs, best, strict=True) if template == same)


def hits(session: Session, live: Live, scores: npt.NDArray[np.floating]) -> tuple[Hit, ...]:
    """Return the hits in order; duplicates and TRs outside the run are passed over.

    Parameters
    ----------
    session : Session
        What does not change in the run.
    live : Live
        Its last state.
    scores : ndarray, (templates, Nt)
        NaN where nothing was measured.
    """
    onsets = sorted({t for t in live.onsets if 0 <= t < session.nt})
    offsets = sorted({t for t in live.offsets if 0 <= t < session.nt})
    cooldowns = dict(cooldown_blocks(live.onsets, live.offsets, session.vols_noaction, session.nt))
    found = []
    for onset, following, best in zip(onsets, [*onsets, session.nt][1:], hit_markers(scores[:, onsets]), strict=True):
        offset = next((t for t in offsets if onset < t <= following), None)
        template, score = (None, float("nan")) if best is None else best
        found.append(Hit(onset, template, score, offset, cooldowns.get(-1 if offset is None else offset)))
    return tuple(found)
