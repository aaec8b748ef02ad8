"""Latency: a line for each TR that reached the screen, and the figures of the session."""

from __future__ import annotations

import json
import logging
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from ..model.scene import Latency
from ..model.session import Stamps

log = logging.getLogger("rtcog_gl")

RECENT = 512
KINDS = ("scores", "map", "volume")
"""What reaches the screen: a column of scores, the map of a hit, and the map of any other volume."""

NOTE = (
    "bytes: score, map or volume data uploaded for this TR; drawn: glFinish returned; swapped: the swap call returned"
)


@dataclass(frozen=True)
class Shown:
    """One column on its way through the window, in monotonic nanoseconds."""

    t: int
    kind: str
    """One of `KINDS`."""

    stamps: Stamps
    uploaded: int
    n_bytes: int


def origin(stamps: Stamps) -> int:
    """Return when the column was written, as well as it is known."""
    return stamps.committed or stamps.final


class LatencyLog:
    """Collects what was shown; writes it to a file where one is wanted.

    Parameters
    ----------
    path : str or None
        File that gets one JSON line for each TR shown.
    hardware : str
        Renderer, for the summary.
    session : str
        Name of the session. A file of the same session is continued: a window that comes back destroys no measurement.
    """

    def __init__(self, path: str | None, hardware: str = "", session: str = "") -> None:
        self._file: TextIO | None = None
        self._path = Path(path) if path else None
        self._recent: dict[str, deque[float]] = {kind: deque(maxlen=RECENT) for kind in KINDS}
        self._all: dict[tuple[str, str], list[float]] = {}
        self._hardware = hardware
        self._session = session
        self._opened = 0
        self._latency = Latency()
        if self._path:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("a" if self._is_ours(self._path) else "w", encoding="utf-8")
            except OSError as error:
                log.error("latency log: %s cannot be written (%s); the session is shown all the same", path, error)

    def _is_ours(self, path: Path) -> bool:
        """Whether a file holds lines of this very session."""
        if not path.is_file() or not self._session:
            return False
        with path.open(encoding="utf-8", errors="replace") as file:
            return f'"session": "{self._session}"' in file.readline()

    def _is_history(self, column: Shown) -> bool:
        """Whether a column was written before this window's first picture: shown, but no measurement of anything."""
        return 0 < origin(column.stamps) < self._opened

    def shown(self, columns: list[Shown], drawn: int, swapped: int) -> None:
        """Note that a frame with these columns is on the screen."""
        self._opened = self._opened or swapped
        for column in columns:
            self._write(column, drawn, swapped)
            start = origin(column.stamps)
            if not start or self._is_history(column):
                continue
            self._recent[column.kind].append((swapped - start) / 1e6)
            for stage, at in (("drawn", drawn), ("swapped", swapped)):
                self._all.setdefault((column.kind, stage), []).append((at - start) / 1e6)
        if columns:
            self._summarise()

    def _write(self, column: Shown, drawn: int, swapped: int) -> None:
        if self._file is None:
            return
        line = {
            "t": column.t,
            "kind": column.kind,
            "committed": column.stamps.committed or None,
            "final": column.stamps.final or None,
            "seen": column.stamps.seen or None,
            "uploaded": column.uploaded,
            "drawn": drawn,
            "swapped": swapped,
            "bytes": column.n_bytes,
            "history": self._is_history(column),
            "session": self._session,
        }
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            log.error("latency log: writing failed (%s); no more lines are written", error)
            self._file = None

    def _summarise(self) -> None:
        recent = self._recent["scores"]
        if recent:
            p50, p95 = np.percentile(recent, [50, 95])
            self._latency = Latency(len(recent), float(p50), float(p95))

    def latency(self) -> Latency:
        """Return the figures of the last columns, written to swapped."""
        return self._latency

    def summary(self) -> dict[str, Any]:
        """Return the figures of the whole session; every figure names its last stage."""
        figures: dict[str, Any] = {}
        for (kind, stage), values in self._all.items():
            p50, p95, p99 = np.percentile(values, [50, 95, 99])
            figures[f"{kind}_written_to_{stage}_ms"] = {
                "n": len(values),
                "median": round(float(p50), 3),
                "p95": round(float(p95), 3),
                "p99": round(float(p99), 3),
                "max": round(float(max(values)), 3),
            }
        return {"renderer": self._hardware, "note": NOTE, **figures}

    def close(self) -> None:
        """Close the file and leave the summary beside it (``*-summary.json``)."""
        if self._file is None or self._path is None:
            return
        self._file.close()
        self._file = None
        target = self._path.with_name(self._path.stem + "-summary.json")
        try:
            target.write_text(json.dumps(self.summary(), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            log.error("latency summary: %s cannot be written (%s)", target, error)
