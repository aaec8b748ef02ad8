"""Reads the anatomy beside the drawing: the first picture does not wait for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ..model.anatomy import Anatomy

log = logging.getLogger("rtcog_gl")


class AnatomyLoader:
    """Reads an anatomy on a thread of its own.

    Parameters
    ----------
    path : str
        NIfTI file.
    wake : callable
        Called from the thread when there is a result.
    """

    def __init__(self, path: str, wake: Callable[[], None]) -> None:
        self._path = path
        self._wake = wake
        self._result: Anatomy | str | None = None
        threading.Thread(target=self._run, name="anatomy", daemon=True).start()

    def take(self) -> Anatomy | str | None:
        """Return the anatomy, or a sentence that says what is wrong with it, once; None while and after that."""
        result, self._result = self._result, None
        return result

    def _run(self) -> None:
        # Imported here: reading images needs modules whose import alone takes as long as opening the window.
        from ..session.images import load_anatomy

        try:
            self._result = load_anatomy(self._path)
        except (OSError, ValueError) as error:
            log.error("%s", error)
            self._result = str(error)
        self._wake()
