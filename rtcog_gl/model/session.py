"""What every room speaks: the session, its present state, and what is new in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rtcog_gl.model.column_facts import ColumnFacts
from rtcog_gl.model.course import Course
from rtcog_gl.model.glass import Glass
from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.model.records import VOLUME, VolumeRecords
from rtcog_gl.model.thumbnail import Thumb
from rtcog_gl.model.volume import FloatArray as FloatArray


@dataclass(frozen=True)
class Session:
    """What does not change in a run (contract, "The five arguments")."""

    nt: int
    """Volumes (TRs) expected in the run."""

    labels: tuple[str, ...]
    """One label a template, in the order of the rows of the scores. Labels can repeat."""

    hit_thr: float
    """Score at or above which a template can hit."""

    match_start: int = 0
    """First TR that is scored."""

    vols_noaction: int = 0
    """Length of the cooldown after an action, in TRs."""

    match_method: str = "mask"
    """How rtcog scores: ``mask``, ``svr`` or a custom name."""

    nv: int = 0
    """Voxels in a map column (rows of ``tr_data``)."""

    out_dir: str = "."
    """Folder where the run writes its files."""

    out_prefix: str = ""
    """Prefix of the run's files, shown as the name of the run."""

    questions: tuple[str, ...] = ()
    """Names of the survey's questions; empty when the session asks none."""

    rule: HitRule | None = None
    """When a hit is declared, where the session says it; None where only `hit_thr` is known."""

    slots: int = 0
    """Newest volumes whose map can be had, hit or not; 0: maps of hits only."""

    volume_records: bool = False
    """Whether the session publishes motion and stamps of each volume."""

    has_templates: bool = False
    """Whether the session publishes the maps of its templates."""

    expected_tr_s: float | None = None
    """Length of a TR in seconds where it is known beforehand; otherwise it is estimated from arrivals."""

    unit: str = ""
    """Unit of the maps' values (``z``), where the session says how they were made; empty where it is not known."""

    @property
    def n_templates(self) -> int:
        """Number of templates."""
        return len(self.labels)


@dataclass(frozen=True)
class ActionState:
    """rtcog's own fields, unchanged (contract, "What the session means")."""

    action_onsets: list[int]
    """TR indices at which action blocks start."""

    action_offsets: list[int]
    """TR indices at which action blocks end."""

    in_action: bool
    """Whether an action is running now."""

    in_cooldown: bool
    """Whether the last shown TR is before the latest offset + ``vols_noaction``."""

    cooldown_end: int | None
    """TR at which the cooldown ends, or None if there was none yet."""

    hit: bool
    """Whether an action starts at this very TR."""


@dataclass(frozen=True)
class Answer:
    """What the participant answered after one action."""

    onset: int
    """TR at which the action began (the row's name)."""

    ratings: tuple[float | int | str | None, ...]
    """One rating a question, in the order of `Session.questions`; None where there is none."""


@dataclass(frozen=True)
class Live:
    """The small state that changes: what the board says now."""

    n_final: int = 0
    """Number of final columns: columns ``0 .. n_final - 1`` may be shown."""

    onsets: tuple[int, ...] = ()
    """TRs at which an action began, as rtcog listed them."""

    offsets: tuple[int, ...] = ()
    """TRs at which an action ended."""

    maps: tuple[int, ...] = ()
    """The onsets whose map column is final, in the order in which they became so."""

    n_volumes: int = 0
    """Volumes whose record is there: ``0 .. n_volumes - 1``; always 0 where the session publishes none."""

    answers: tuple[Answer, ...] = ()
    """One entry an answered action, oldest first."""

    questions: tuple[str, ...] = ()
    """Names of the questions where more are known by now than `Session.questions` has; empty otherwise."""

    started_ns: int = 0
    """Monotonic time at which the keeper started (ns)."""

    newest_ns: int = 0
    """Monotonic time at which the newest column was seen to be final (ns); 0 before the first."""

    map_ns: int = 0
    """Monotonic time at which the newest map was seen to be final (ns); 0 before the first."""

    tr_s: float | None = None
    """Expected TR (median of the arrivals, seconds); None until there are two arrivals."""

    ended: bool = False
    """Whether the session said that it is over."""

    lost: str = ""
    """Why the session is no longer followed, although it did not end (rtcog is gone); empty otherwise."""

    messages: tuple[str, ...] = ()
    """Sentences for the operator, oldest first."""

    heartbeat_ns: int = 0
    """Monotonic time of the keeper's last publication (ns)."""


@dataclass(frozen=True)
class Stamps:
    """One TR's way to the screen, in monotonic nanoseconds; 0 where it is not known."""

    committed: int = 0
    """The producer finished writing the column."""

    final: int = 0
    """The keeper found the column to be final."""

    seen: int = 0
    """The window's watcher copied the column."""


@dataclass(frozen=True, eq=False)
class Derived:
    """What was worked out of a map column on the way, so that the drawing need not wait for it."""

    facts: ColumnFacts
    glass: Glass | None = None
    """Its projections; None where nobody wants them."""


@dataclass(frozen=True)
class Mean:
    """The mean over several hits' maps."""

    trs: tuple[int, ...]
    """The hits, ascending."""

    column: FloatArray | None
    """(Nv,): mean over the finite values of each voxel, NaN where there is none; None where a map cannot be read."""

    derived: Derived | None = None
    n_empty: int = 0
    """How many of the hits have no finite value at all, and so no part in the mean."""


@dataclass(frozen=True)
class Update:
    """What is new since the last update; everything in it is owned, nothing is a view of shared memory."""

    live: Live
    """The state that the update leads to."""

    first: int = 0
    """First TR of `scores`."""

    scores: FloatArray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    """New final columns, templates x k; NaN where a volume was not scored."""

    stamps: tuple[Stamps, ...] = ()
    """One entry a new column."""

    map_tr: int | None = None
    """TR of `map_column`, or None when there is no new map."""

    map_column: FloatArray | None = None
    """The map of `map_tr`, (Nv,), float32; None where it cannot be read."""

    map_stamps: Stamps = Stamps()
    """The way of the map."""

    map_derived: Derived | None = None
    """What was worked out of the map already."""

    first_volume: int = 0
    """TR of the first of `volumes`."""

    volumes: VolumeRecords = field(default_factory=lambda: np.zeros(0, VOLUME))
    """New records of volumes, (k,)."""

    volume_tr: int | None = None
    """TR of `volume_column`, or None when no volume comes with this update."""

    volume_column: FloatArray | None = None
    """The whole volume `volume_tr`, hit or not, (Nv,), float32; None where it is no longer there, or never was."""

    volume_stamps: Stamps = Stamps()
    """The way of that volume; ``committed`` is the producer's own stamp."""

    volume_derived: Derived | None = None
    """What was worked out of the volume already."""

    mean: Mean | None = None
    """A mean that was asked for, or None when none comes with this update."""

    thumbs: tuple[Thumb, ...] = ()
    """New thumbnails of hits."""

    course: Course | None = None
    """A time course that was asked for, or None when none comes with this update."""
