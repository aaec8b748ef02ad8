"""What a synthetic session is asked to be, and the flags that ask for it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

MNI_VOXELS_1MM = 1_882_989
"""Voxels of the MNI152 brain mask at 1 mm; at r mm there are about r**3 times fewer."""

QUESTIONS = (
    "alert",
    "motion",
    "visual",
    "audio",
    "tactile",
    "internal",
    "time",
    "modality",
    "valence",
    "intent",
    "awareness",
)
"""Names of the survey's questions."""

MAX_VOXELS = 8_000_000
MIN_VOXELS = 500


class DemoError(ValueError):
    """A synthetic session cannot be had as asked; the message is one sentence for the user."""


@dataclass(frozen=True)
class DemoOptions:
    """How a synthetic session runs. None: chosen to suit the content (see `resolved`)."""

    nvols: int | None = None
    """Volumes of the run: 300, or as many as the file given as `bold` has."""

    tr: float = 1.0
    """Length of a TR in seconds."""

    hit_thr: float | None = None
    """Score at or above which a template can hit: 1.5, or 2.0 with `bold`."""

    match_start: int | None = None
    """First TR that is scored: 10, or 20 with `bold`."""

    vols_noaction: int | None = None
    """Length of the cooldown in TRs: 12, or 8 with `bold`."""

    nconsec_vols: int = 2
    """Volumes in a row for which a template must be at the threshold."""

    nonline: int = 1
    """Largest number of templates at the threshold at once that still makes a hit."""

    mot_thr: float | None = 0.2
    """Largest change of the motion's norm with which a hit can be declared; None: any, as with `bold`."""

    survey_trs: int | None = None
    """Length of the survey in TRs, give or take one: 8, or 6 with `bold`."""

    questions: tuple[str, ...] = QUESTIONS
    """Names of the survey's questions; none: the session has no responses."""

    seed: int = 0
    """The same seed gives the same scores and maps."""

    voxels: int | None = None
    """About how many voxels the brain mask shall have: 235,375, or fewer where shared memory is short."""

    bold: Path | None = None
    """A 4-D run to play instead."""

    mask: Path | None = None
    """Brain mask of `bold`."""

    templates: Path | None = None
    """Templates on the grid of `bold`, 4-D (or 3-D for one)."""

    labels: tuple[str, ...] = ()
    """One label a template; none: ``T1``, ``T2``, ..."""

    phantom: bool = False
    """Whether to take the analytic head phantom even where the MNI152 brain can be had."""

    out_dir: str = "."
    """Folder where the run would write its files."""

    out_prefix: str = "demo"
    """Name of the run."""

    segment_prefix: str | None = None
    """Put before the names of the segments; None: a prefix of its own. The empty one is rtcog's own naming."""

    live_maps: int = -1
    """Newest volumes that are kept whole; negative: as many as fit into 512 MB; 0: nothing of volumes is published."""

    preprocess_s: float | None = None
    """Time from a volume's arrival to its scores: 0.15 s, or 30 % of a TR shorter than half a second."""

    lead_in_s: float = 2.0
    """Longest wait for the viewer (``server_ready``) before the first volume."""

    write_s: float = 0.5
    """Time that writing the files takes at the end of the run."""

    def resolved(self) -> DemoOptions:
        """Return the options with everything but `nvols` and `voxels` chosen.

        Raises
        ------
        DemoError
            If a value cannot be used; the message names it, what was got and what is expected.
        """
        file = self.bold is not None
        full = replace(
            self,
            hit_thr=_or(self.hit_thr, 2.0 if file else 1.5),
            match_start=_or(self.match_start, 20 if file else 10),
            vols_noaction=_or(self.vols_noaction, 8 if file else 12),
            survey_trs=_or(self.survey_trs, 6 if file else 8),
            preprocess_s=_or(self.preprocess_s, min(0.15, 0.3 * self.tr)),
        )
        _check(full)
        return full


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


_LEAST: dict[str, float] = {
    "nvols": 1,
    "match_start": 0,
    "vols_noaction": 0,
    "nconsec_vols": 1,
    "nonline": 1,
    "survey_trs": 0,
    "seed": 0,
    "preprocess_s": 0,
    "lead_in_s": 0,
    "write_s": 0,
}


def _check(options: DemoOptions) -> None:
    for name, least in _LEAST.items():
        value = getattr(options, name)
        if value is not None and not value >= least:
            raise DemoError(f"{name} is {value}, expected {least} or more")
    if not 0 < options.tr < float("inf"):
        raise DemoError(f"tr is {options.tr}, expected seconds above 0")
    if not abs(float(options.hit_thr or 0)) < float("inf"):
        raise DemoError(f"hit_thr is {options.hit_thr}, expected a finite number")
    if options.mot_thr is not None and not options.mot_thr >= 0:
        raise DemoError(f"mot_thr is {options.mot_thr}, expected 0 or more")
    if options.voxels is not None and not MIN_VOXELS <= options.voxels <= MAX_VOXELS:
        raise DemoError(f"voxels is {options.voxels:,}, expected {MIN_VOXELS:,} to {MAX_VOXELS:,}")
    if len(set(options.questions)) != len(options.questions):
        raise DemoError(f"questions are {list(options.questions)}, expected each name once")
    _check_files(options)


def _check_files(options: DemoOptions) -> None:
    files = {"--bold": options.bold, "--mask": options.mask, "--templates": options.templates}
    given = [flag for flag, file in files.items() if file is not None]
    if given and len(given) < len(files):
        raise DemoError(f"got {' and '.join(given)} only, expected --bold, --mask and --templates together")
    if options.labels and not given:
        raise DemoError(
            f"--labels {','.join(options.labels)} names templates of a file, expected --templates beside it"
        )
    if given and options.voxels is not None:
        raise DemoError(f"--voxels {options.voxels} came with --bold, expected one or the other")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the synthetic session to a parser."""
    group = parser.add_argument_group("session", "what the synthetic session plays")
    group.add_argument("--bold", type=Path, metavar="FILE", help="play this 4-D run (with --mask and --templates)")
    group.add_argument("--mask", type=Path, metavar="FILE", help="brain mask of the run")
    group.add_argument("--templates", type=Path, metavar="FILE", help="templates on the run's grid, 4-D")
    group.add_argument("--labels", metavar="A,B", help="template labels, in the file's order (default: T1, T2, ...)")
    group.add_argument("--nvols", metavar="N", help="volumes (default: 300, or the whole of --bold)")
    group.add_argument("--tr", metavar="S", help="seconds a volume (default: 1)")
    group.add_argument("--hit-thr", metavar="X", help="score that makes a hit (default: 1.5; 2 with --bold)")
    group.add_argument("--match-start", metavar="N", help="first volume that is scored (default: 10; 20 with --bold)")
    group.add_argument("--vols-noaction", metavar="N", help="volumes of cooldown (default: 12; 8 with --bold)")
    group.add_argument("--seed", metavar="N", help="seed of the synthetic data and answers (default: 0)")
    group.add_argument(
        "--voxels", metavar="N", help="about how many voxels the brain has, or their size: 1mm (default: 235375)"
    )


def from_args(namespace: argparse.Namespace) -> DemoOptions:
    """Return the options that parsed flags ask for, checked.

    Raises
    ------
    DemoError
        If a value cannot be used.
    """
    given: dict[str, Any] = {"bold": namespace.bold, "mask": namespace.mask, "templates": namespace.templates}
    for name in ("nvols", "match_start", "vols_noaction", "seed"):
        given[name] = _number(name, getattr(namespace, name), int)
    given["voxels"] = _voxels(namespace.voxels)
    for name in ("tr", "hit_thr"):
        given[name] = _number(name, getattr(namespace, name), float)
    if namespace.labels is not None:
        given["labels"] = tuple(label.strip() for label in namespace.labels.split(","))
    options = DemoOptions(**{name: value for name, value in given.items() if value is not None})
    options.resolved()
    return options


def _voxels(text: str | None) -> int | float | None:
    """Return how many voxels are asked for, by their number or (``2mm``) by their size in the MNI152 brain."""
    if text is None or not text.endswith("mm"):
        return _number("voxels", text, int)
    try:
        voxels = MNI_VOXELS_1MM / float(text[:-2]) ** 3
    except (ValueError, ZeroDivisionError, OverflowError):
        voxels = 0.0
    if not 1 <= voxels < float("inf"):
        raise DemoError(f"--voxels is {text!r}, expected a whole number, or a size such as 1mm")
    return round(voxels)


def _number(name: str, text: str | None, kind: type[int] | type[float]) -> int | float | None:
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError:
        flag = "--" + name.replace("_", "-")
        raise DemoError(f"{flag} is {text!r}, expected {'a whole number' if kind is int else 'a number'}") from None
