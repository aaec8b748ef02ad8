"""Writes the report that a run without a viewer leaves behind, where rtcog's own would lie.

The picture in it is the viewer's own score panel, as SVG. No display and no OpenGL are needed, and the page needs
neither scripts nor a network.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rtcog_gl import report_page
from rtcog_gl.model.ruler import Ruler
from rtcog_gl.model.session import Live, Session
from rtcog_gl.report_page import Scores, checked
from rtcog_gl.session.describe import describe

log = logging.getLogger("rtcog_gl")

SUFFIX = ".dyn_report.html"
"""What follows the run's prefix in the file's name; rtcog's own reports are called so too."""


def write_static(config: Any, scores: npt.ArrayLike, action_state: Any) -> Path:
    """Write the report of a finished run into its folder, whole or not at all, and return where it lies.

    Parameters
    ----------
    config : StreamingConfig
        What does not change in a run; any object with the same fields.
    scores : array_like, (templates, Nt)
        All scores, zeros where nothing was scored: before ``match_start``, and after the last volume of a run that
        ended early.
    action_state : ActionState
        Only its ``action_onsets`` and ``action_offsets`` are used.

    Raises
    ------
    ValueError
        If the scores are not of the shape that the configuration names.
    OSError
        If the file cannot be written; one sentence.
    """
    described = describe(config)
    for message in described.messages:
        log.info("Report: %s", message)
    session = described.session
    array = checked(session, scores)
    onsets, offsets = (tuple(map(int, trs)) for trs in (action_state.action_onsets, action_state.action_offsets))
    n_scored = _n_scored(array)
    n_final = max((t + 1 for t in (*onsets, *offsets) if 0 <= t < session.nt), default=0)
    live = Live(n_final=max(n_scored, n_final), onsets=onsets, offsets=offsets, ended=True)
    known = np.where(np.arange(session.nt) < n_scored, array, np.nan)
    page = static_page(session, live, known, time.strftime("%Y-%m-%d %H:%M"))
    path = report_path(session.out_dir, session.out_prefix)
    _write(path, page)
    return path


def report_path(out_dir: str, out_prefix: str) -> Path:
    """Return where a run's report belongs: beside the run's other files, never outside its folder.

    Like rtcog, a prefix such as ``sub/run1`` leads into a folder of that name inside `out_dir`. One that would lead
    out of it (``../run1``, ``/tmp/run1``) has its separators replaced by underscores, and so has one with a character
    that no file's name can hold.
    """
    folder = Path(out_dir).absolute()
    path = folder / (out_prefix + SUFFIX)
    inside = Path(os.path.normpath(path)).is_relative_to(os.path.normpath(folder))
    if inside and "\0" not in out_prefix:
        return path
    name = "".join("_" if ch in "/\\:\0" else ch for ch in out_prefix) + SUFFIX
    log.warning("The prefix %r leads out of %s, so the report is called %r.", out_prefix, out_dir, name)
    return folder / name


def static_page(session: Session, live: Live, scores: npt.ArrayLike, written: str = "") -> str:
    """Return the report as one HTML page.

    Parameters
    ----------
    session : Session
        What does not change in the run.
    live : Live
        Its last state; ``n_final`` is the number of volumes that there were.
    scores : array_like, (templates, Nt)
        All scores. Those before ``match_start`` and from ``n_final`` on count as not measured, whatever they are.
    written : str
        When the page was made, as people read it.

    Raises
    ------
    ValueError
        If the scores are not of the shape that the session names.
    """
    return report_page.page(session, live, scores, _ruler(), written)


def _n_scored(scores: Scores) -> int:
    """Return the number of volumes up to the last one with a score that is not zero."""
    begun = np.flatnonzero((scores != 0).any(axis=0))
    return int(begun[-1]) + 1 if len(begun) else 0


@cache
def _ruler() -> Ruler:
    # FreeType alone measures the text, without OpenGL; imported late, because a run in progress imports this module.
    from rtcog_gl.gpu.font import GlyphAtlas

    return Ruler(GlyphAtlas())


def _write(path: Path, page: str) -> None:
    """Write the page beside its place first: whoever opens the file finds all of it, or what was there before."""
    beside = path.with_name(f".dyn_report.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("x", encoding="utf-8", newline="\n") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OSError(f"report: {path} cannot be written ({reason}), expected a folder that can be") from error
    finally:
        _remove(beside)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        log.debug("report: %s stays: %s", path, error)
