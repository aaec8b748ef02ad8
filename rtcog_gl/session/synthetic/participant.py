"""Plays the participant's part: sees a hit, fills in the survey, says that it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Answers = dict[str, tuple[int | None, float | None]]
"""Rating and reaction time (s) a question; (None, None) where it was left out."""


def draw_answers(rng: np.random.Generator, questions: Sequence[str]) -> Answers:
    """Return ratings of 1 to 5 with reaction times; one survey in three leaves a question out."""
    answers: Answers = {
        name: (int(rng.integers(1, 6)), round(float(rng.gamma(4.0, 0.6)) + 0.4, 2)) for name in questions
    }
    if questions and rng.random() < 1 / 3:
        answers[questions[int(rng.integers(len(questions)))]] = (None, None)
    return answers


def end_action(sync: Any, responses: Any, answers: Answers) -> None:
    """Hand in a survey in rtcog's order: responses cleared, refilled, ``hit`` cleared, ``action_end`` set."""
    if responses is not None:
        responses.clear()
        responses.update(answers)
    sync.hit.clear()
    sync.action_end.set()


def participate(
    sync: Any,
    responses: Any,
    questions: Sequence[str],
    survey_s: float,
    jitter_s: float,
    seed: int,
    sleep: Callable[[float], bool],
) -> None:
    """Answer hits until the session is over.

    Parameters
    ----------
    survey_s, jitter_s : float
        A survey takes `survey_s`, give or take `jitter_s`, seconds.
    sleep : callable
        Sleeps that many seconds; returns False, and early, once the session is over.
    """
    rng = np.random.default_rng([seed, 1])
    while sleep(0.01):
        if sync.hit.is_set():
            if not sleep(max(0.0, survey_s + jitter_s * rng.uniform(-1, 1))):
                return
            end_action(sync, responses, draw_answers(rng, questions))
