"""Scores, copied out of rtcog's memory."""

from __future__ import annotations

import numpy as np

from ..model.session import FloatArray, Session
from .columns import Columns


def new_scores(columns: Columns, session: Session, first: int, end: int) -> FloatArray:
    """Return columns ``first .. end - 1`` of the scores, templates x k, owned; none while they cannot be read.

    Those before the first scored volume are not measured.
    """
    end = min(end, session.nt)
    if end <= first:
        return np.zeros((session.n_templates, 0), np.float32)
    owned = np.full((session.n_templates, end - first), np.nan, np.float32)
    scored = max(first, session.match_start)
    if scored < end:
        array = columns.array("scores")
        if array is None:
            return owned[:, :0]
        owned[:, scored - first :] = array[:, scored:end]
    return owned
