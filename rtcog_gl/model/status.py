"""What state the session is in, in one word, how fresh the picture is, and how long volumes take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .actions import STALL_TRS, STALL_UNKNOWN_S, cooldown_blocks, state_word
from .records import VolumeRecords
from .scene import Scene

AMBER_TRS = 1.5
"""Age of the newest column, in expected TRs, from which it is late."""


@dataclass(frozen=True)
class Status:
    """The state of the session."""

    word: str
    """WAITING, MATCHING, ACTION, COOLDOWN, ENDED or STALLED."""

    detail: str
    """A few words more."""

    fraction: float
    """How much of the cooldown is left, 0..1."""

    age_s: float | None
    """Age of the newest column in tenths of a second; None before the first and after the end."""

    freshness: str
    """``none``, ``fresh``, ``late`` or ``stalled``."""


def status(scene: Scene) -> Status:
    """Return the state at the time of a scene."""
    word, detail = state_word(scene.session, scene.live, scene.now_ns)
    age = _age(scene)
    freshness = _freshness(scene, age, word)
    if scene.keeper_lost and word != "ENDED":
        return Status("STALLED", "nothing new can come", 0.0, age, "stalled")
    fraction = _cooldown_left(scene) if word == "COOLDOWN" else 0.0
    return Status(word, detail, fraction, age, freshness)


def _age(scene: Scene) -> float | None:
    since = scene.live.newest_ns
    if not since or scene.live.ended or scene.live.n_final >= scene.session.nt:
        return None
    return max(0, scene.now_ns - since) // 100_000_000 / 10


def _freshness(scene: Scene, age: float | None, word: str) -> str:
    if age is None:
        return "none"
    if word == "STALLED":
        return "stalled"
    expected = scene.live.tr_s or scene.session.expected_tr_s
    late = AMBER_TRS * expected if expected else STALL_UNKNOWN_S * AMBER_TRS / STALL_TRS
    return "late" if age >= late else "fresh"


def _cooldown_left(scene: Scene) -> float:
    """Return the part of the running cooldown that is left, 0..1."""
    session, last = scene.session, scene.live.n_final - 1
    blocks = cooldown_blocks(scene.live.onsets, scene.live.offsets, session.vols_noaction, session.nt)
    left = max((end - last for _, end in blocks), default=0)
    return min(1.0, max(0.0, left / max(1, session.vols_noaction)))


def processing_ms(records: VolumeRecords) -> npt.NDArray[np.float64]:
    """Return how long each volume took from being handed to the producer to being published.

    Parameters
    ----------
    records : ndarray of `VOLUME`, (n,)

    Returns
    -------
    ndarray, (n,), float64
        ms; NaN where there is no record, or its stamps make no sense.
    """
    received, committed = records["received"], records["committed"]
    known = (received > 0) & (committed >= received)
    return np.where(known, committed - received, np.nan) / 1e6
