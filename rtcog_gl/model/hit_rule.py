"""When a volume is a hit: rtcog's rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class HitRule:
    """A template hits when it stays at the threshold, alone enough and long enough."""

    hit_thr: float
    """Score at or above which a template counts."""

    nconsec_vols: int = 2
    """Volumes in a row, the present one included, for which the same template must count."""

    nonline: int = 1
    """Largest number of templates that may count at once."""

    mot_thr: float | None = None
    """Largest change of the motion's norm from one volume to the next with which a hit can be declared; None: any.

    The norm is the Euclidean one of all six parameters as they come, degrees and mm alike.
    """

    def winner(self, scores: npt.NDArray[np.floating], t: int) -> int | None:
        """Return the template that hits at volume `t`, or None.

        Parameters
        ----------
        scores : ndarray, (templates, volumes)
            All scores so far; zeros where nothing was scored.
        t : int
            The present volume.
        """
        counting = np.flatnonzero(scores[:, t] >= self.hit_thr)
        first = t - self.nconsec_vols + 1
        if not 1 <= len(counting) <= self.nonline or first < 0:
            return None
        best = int(counting[np.argmax(scores[counting, t])])
        return best if bool(np.all(scores[best, first:t] >= self.hit_thr)) else None
