"""Why a volume was no hit: the gates that rtcog puts before one, in its own order, and which of them held."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from .hit_rule import HitRule
from .records import VolumeRecords
from .session import Live, Session
from .ticks import MINUS

Verdict = Literal["open", "closed", "unknown"]
Outcome = Literal["hit", "held", "unknown", "odd"]

NAMES = ("matching", "survey", "cooldown", "motion", "threshold", "one at a time", "in a row")
"""The gates, in the order in which rtcog asks them."""

NOT_PUBLISHED = "not published"


@dataclass(frozen=True)
class Gate:
    """One condition of a hit."""

    name: str
    """One of `NAMES`."""

    verdict: Verdict
    """``open``: a hit could pass; ``closed``: none could; ``unknown``: the session does not publish enough to say."""

    value: str = ""
    """What the verdict rests on, in a few words."""


@dataclass(frozen=True)
class Decision:
    """What was decided at one volume, and why."""

    t: int
    """The volume (TR); -1 where there is none yet."""

    gates: tuple[Gate, ...]
    """One a name of `NAMES`, in that order."""

    hit: bool
    """Whether an action began at this very TR, as rtcog lists it."""

    @property
    def reason(self) -> Gate | None:
        """The first gate that was closed: the one that held, as far as the gates before it are known."""
        return next((gate for gate in self.gates if gate.verdict == "closed"), None)

    @property
    def outcome(self) -> Outcome:
        """Whether what is listed agrees with the gates.

        ``hit``: listed, and no gate was closed; ``held``: not listed, and `reason` says why; ``unknown``: not listed,
        and what is not published must be why; ``odd``: a hit past a closed gate, or none although all were open.
        """
        if self.hit:
            return "hit" if self.reason is None else "odd"
        if self.reason is not None:
            return "held"
        return "unknown" if any(gate.verdict == "unknown" for gate in self.gates) else "odd"

    @property
    def remark(self) -> str:
        """What the gates themselves do not say; empty where they say it all."""
        if self.outcome == "odd":
            return f"hit listed, {self.reason.name} closed" if self.reason else "all open, no hit listed"
        return "the rest is not known" if self.outcome == "unknown" and self.t >= 0 else ""


def decide(session: Session, live: Live, scores: npt.NDArray[np.floating], records: VolumeRecords, t: int) -> Decision:
    """Return the gates of one volume.

    Parameters
    ----------
    session, live
        The run and its present state.
    scores : ndarray, (templates, Nt)
        NaN where nothing was measured.
    records : ndarray of `VOLUME`, (Nt,)
        ``committed`` is 0 where there is no record.
    t : int
        The volume, 0 .. ``live.n_final - 1``; anything else gives a decision of which nothing is known.
    """
    if not 0 <= t < min(live.n_final, session.nt):
        return Decision(-1, tuple(Gate(name, "unknown", "\u2013") for name in NAMES), False)
    record = records[t] if t < len(records) and records[t]["committed"] else None
    gates = (
        _matching(session, t),
        _survey(session, live, record, t),
        _cooldown(session, live, record, t),
        _motion(session.rule, record),
        *_scored(session, scores, t),
    )
    return Decision(t, gates, t in live.onsets)


def _gate(name: str, is_open: bool, value: str) -> Gate:
    return Gate(name, "open" if is_open else "closed", value)


def _matching(session: Session, t: int) -> Gate:
    begun = t >= session.match_start
    return _gate("matching", begun, f"{'since' if begun else 'from'} TR {session.match_start}")


def _survey(session: Session, live: Live, record: np.void | None, t: int) -> Gate:
    if record is not None:
        running = bool(record["action"])
    else:
        # The volume of an onset is decided before its survey begins; that of an offset, after it ended.
        began = max((o for o in live.onsets if o < t), default=-1)
        ended = max((o for o in live.offsets if o <= t), default=-1)
        running = began >= 0 and ended <= began
    asked = bool(session.questions or live.questions)
    words = ("on screen" if asked else "action not ended") if running else "none running"
    return _gate("survey", not running, words)


def _cooldown(session: Session, live: Live, record: np.void | None, t: int) -> Gate:
    if record is not None:
        end = int(record["cooldown_end"])
    else:
        # A run begins as if an action had ended at TR 0.
        end = max((o for o in live.offsets if 0 <= o <= t), default=0) + session.vols_noaction
    return _gate("cooldown", t >= end, "over" if t >= end else f"{min(end, session.nt) - t} left")


def _motion(rule: HitRule | None, record: np.void | None) -> Gate:
    if rule is None:
        return Gate("motion", "unknown", NOT_PUBLISHED)
    if rule.mot_thr is None:
        return Gate("motion", "open", "not used")
    if record is None:
        return Gate("motion", "unknown", "not known")
    change = float(record["norm_change"])
    if math.isnan(change):
        return Gate("motion", "open", "nothing to compare with")
    closed = change > rule.mot_thr
    value, limit = _told_apart(change, rule.mot_thr)
    return _gate("motion", not closed, f"{value} {'>' if closed else '≤'} {limit}")


def _scored(session: Session, scores: npt.NDArray[np.floating], t: int) -> tuple[Gate, Gate, Gate]:
    """Return the gates that look at scores."""
    rule = session.rule
    published = rule is not None
    if t < session.match_start:
        return (
            Gate("threshold", "unknown", "no score"),
            Gate("one at a time", "unknown", "no score" if published else NOT_PUBLISHED),
            Gate("in a row", "unknown", "no score" if published else NOT_PUBLISHED),
        )
    threshold = session.hit_thr if rule is None else rule.hit_thr
    counting = np.flatnonzero(scores[:, t] >= _as_scored(threshold, scores))
    first = _gate("threshold", len(counting) > 0, _distance(scores[:, t], threshold))
    if rule is None:
        return first, Gate("one at a time", "unknown", NOT_PUBLISHED), Gate("in a row", "unknown", NOT_PUBLISHED)
    alone = _gate("one at a time", len(counting) <= rule.nonline, f"{len(counting)} above, {rule.nonline} allowed")
    best = int(counting[np.argmax(scores[counting, t])]) if len(counting) else None
    return first, alone, _in_a_row(rule, scores, best, t, session.match_start)


def _in_a_row(rule: HitRule, scores: npt.NDArray[np.floating], best: int | None, t: int, match_start: int) -> Gate:
    wanted = rule.nconsec_vols
    if best is None:
        return Gate("in a row", "closed", f"0 of {wanted}")
    row = scores[best, max(0, t - wanted + 1) : t]
    # What was not scored yet is zero in rtcog, and zero can be above a threshold.
    unscored = np.arange(t - len(row), t) < match_start
    below = np.flatnonzero(~(np.where(unscored, 0.0, row) >= _as_scored(rule.hit_thr, scores)))
    run = 1 + (len(row) - 1 - int(below[-1]) if len(below) else len(row))
    return _gate("in a row", run >= wanted, f"{min(run, max(wanted, 1))} of {wanted}")


def _as_scored(threshold: float, scores: npt.NDArray[np.floating]) -> np.floating:
    """Return the threshold as precise as the scores are, so that a score just at it counts."""
    with np.errstate(over="ignore"):
        return scores.dtype.type(threshold)


def _distance(column: npt.NDArray[np.floating], threshold: float) -> str:
    """Return how far the best score is from the threshold."""
    known = column[~np.isnan(column)]
    if not known.size or not math.isfinite(threshold):
        return f"threshold is {threshold:g}".replace("-", MINUS) if known.size else "not a number"
    best = float(known.max())
    away = abs(best - threshold)
    if math.isfinite(best) and away <= 1e-6 * max(abs(best), abs(threshold)):
        return "just at it"
    return f"{_amount(away)} {'above' if best > threshold else 'below'}"


def _amount(value: float) -> str:
    """Return a number with two decimals, or as many as it takes to be no zero."""
    return (f"{value:.2f}" if 0.005 <= value < 1e4 else f"{value:.2g}").replace("e-", f"e{MINUS}")


def _told_apart(value: float, limit: float) -> tuple[str, str]:
    """Return two numbers with as few decimals as leave them in their order."""
    short = f"{limit:.4g}"
    # Adding zero makes a negative zero a plain one.
    texts = [f"{round(value, digits) + 0.0:.{digits}f}" for digits in range(2, 7)]
    fitting = (text for text in texts if (float(text) > float(short)) == (value > limit))
    text = next(fitting, "")
    if not text:
        text, short = repr(value), repr(limit)
    return text.replace("-", MINUS), short.replace("-", MINUS)
