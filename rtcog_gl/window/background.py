"""Work in small steps: whoever does it can look for what matters more in between."""

from __future__ import annotations

from collections.abc import Generator, Hashable

from ..model.session import Update

Job = Generator[None, None, Update | None]
"""Work: each `next` is a step; what the last one returns is for the window, unless it is None."""


class Background:
    """Jobs that wait for their next step; for one thread.

    Of those of the lowest rank, each gets a step in turn; those of higher ranks wait until these are done.
    """

    def __init__(self) -> None:
        self._jobs: dict[Hashable, tuple[int, Job]] = {}

    def __len__(self) -> int:
        """Jobs that are not done."""
        return len(self._jobs)

    def __contains__(self, key: Hashable) -> bool:
        """Whether a job of that name is not done yet."""
        return key in self._jobs

    def add(self, key: Hashable, rank: int, job: Job) -> None:
        """Put a job in the queue; one of the same name is given up, and its place is taken.

        Parameters
        ----------
        key : hashable
            The job's name.
        rank : int
            Lower goes first.
        job : generator
        """
        self._jobs[key] = (rank, job)

    def drop(self, key: Hashable) -> None:
        """Give a job up, if there is one of that name."""
        self._jobs.pop(key, None)

    def step(self) -> Update | None:
        """Do one step of one job; return what came of the job if it is done by that.

        Raises
        ------
        Exception
            Whatever the job raised; it is out of the queue then.
        """
        if not self._jobs:
            return None
        key = min(self._jobs, key=lambda name: self._jobs[name][0])
        rank, job = self._jobs.pop(key)
        try:
            next(job)
        except StopIteration as done:
            made: Update | None = done.value
            return made
        self._jobs.setdefault(key, (rank, job))
        return None
