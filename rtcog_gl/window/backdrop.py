"""Reads the anatomy beside the drawing: the first picture does not wait for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ..model.anatomy import PERCENTILES, Anatomy
from ..model.volume import Bounds

log = logging.getLogger("rtcog_gl")


class AnatomyLoader:
    """Reads an anatomy on a thread of its own.

    Parameters
    ----------
    path : str
        NIfTI file.
    wake : callable
        Called from the thread when there is a result.
    window : tuple of float
        Percentiles of the voxels above zero that become black and white.
    bounds : Bounds or None
        World box of the mask, which the anatomy has to meet; None where there is no mask.
    """

    def __init__(
        self,
        path: str,
        wake: Callable[[], None],
        window: tuple[float, float] = PERCENTILES,
        bounds: Bounds | None = None,
    ) -> None:
        self._path = path
        self._wake = wake
        self._window = window
        self._bounds = bounds
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
            self._result = load_anatomy(self._path, self._window, self._bounds)
        except ValueError as error:
            log.error("%s", error)
            self._result = str(error)
        except Exception as error:
            # An exception that ends a thread is seen by nobody, and the operator would wait for the picture.
            log.exception("anatomy %s cannot be shown", self._path)
            self._result = f"anatomy {self._path}: it cannot be shown ({type(error).__name__}: {error})"
        self._wake()
