"""Everything that a picture is made of, at one moment."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from .course import Course
from .explained import Explained
from .layout import Layout
from .records import VolumeRecords
from .ruler import Ruler
from .session import FloatArray, Live, Session
from .theme import Theme
from .view import Extent, View
from .volume import MaskGrid, Point


@dataclass(frozen=True)
class ShownMap:
    """The map on the screen."""

    tr: int
    """TR of the hit, or of the volume."""

    index: int
    """Which hit it is, from 0; -1 for a volume that is shown as such. Of a mean: the hit in whose place it is."""

    vmax: float
    """Value at the ends of the colours: a hit's largest absolute value, a volume's held range."""

    peak_mm: Point
    """World position of the voxel that holds it (RAS+ mm)."""

    peak_value: float
    """Its value, signed."""

    n_missing: int = 0
    """Voxels that are not finite."""

    at: Point | None = None
    """Where the planes cross (RAS+ mm); None: at the peak."""

    value_at: float = math.nan
    """Value where they cross; NaN outside the mask."""

    robust: float = 0.0
    """The larger of the 2nd and 98th percentile without its sign; 0 where no value is finite."""

    mean_of: tuple[int, ...] = ()
    """TRs of the hits whose mean it is; empty for a single map."""

    n_empty: int = 0
    """How many of these have no finite value at all."""

    glass: bool = False
    """Whether its projections are on the GPU."""

    @property
    def is_hit(self) -> bool:
        """Whether it is shown as a hit's map."""
        return self.index >= 0

    @property
    def crosshair(self) -> Point:
        """Where the planes cross (RAS+ mm)."""
        return self.peak_mm if self.at is None else self.at


@dataclass(frozen=True)
class Readout:
    """What there is under the crosshair."""

    at: Point
    """RAS+ mm."""

    ijk: tuple[int, int, int]
    """Indices of the voxel that holds it, on the grid or off it."""

    value: float
    """Value of the map there; NaN outside the mask, and where it is missing."""

    in_mask: bool

    template: int | None = None
    """Template that the map matches best, where its map is known."""

    template_value: float = math.nan
    """Its value there; NaN outside its own mask."""


@dataclass(frozen=True)
class FilmHit:
    """One hit of the filmstrip."""

    tr: int
    index: int
    """Which hit it is, from 0."""

    template: int | None
    """Template that matched best; None where nothing was measured."""

    z_mm: float = math.nan
    """Where its thumbnail's slice lies; NaN while there is none."""

    vmax: float = 0.0
    """Its largest absolute value; 0 while there is no thumbnail, or where none is finite."""

    here: bool = False
    """Whether it is the map on the screen."""

    shape: tuple[int, int] = (0, 0)
    """Rows and columns of its thumbnail; (0, 0) while there is none."""


@dataclass(frozen=True)
class Latency:
    """How long columns took to the screen in this session, up to the stage that `stage` names."""

    n: int = 0
    """Columns measured."""

    p50_ms: float = 0.0
    p95_ms: float = 0.0
    stage: str = "to swap"


@dataclass(frozen=True)
class Scene:
    """What there is to show."""

    session: Session
    live: Live
    view: View
    scores: FloatArray
    """Templates x Nt; NaN where nothing was measured."""

    volumes: VolumeRecords
    """Records of the volumes, (Nt,); ``committed`` is 0 where there is none."""

    now_ns: int
    """Monotonic time of this picture (ns)."""

    clock: str = ""
    """Wall-clock time, as people read it."""

    grid: MaskGrid | None = None
    """Geometry of the map; None when there is none to show."""

    map: ShownMap | None = None
    latency: Latency = field(default_factory=Latency)
    hardware: str = ""
    """Renderer and refresh rate."""

    note: str = ""
    """Short message that goes away by itself."""

    corner_px: int = 0
    """Side of a square in the lower right corner that is not for text (the light sensor's), in pixels."""

    keeper_lost: str = ""
    """Why the picture can no longer become newer; empty while the keeper is alive."""

    map_note: str = ""
    """Why the map that should be shown is not; empty otherwise."""

    explained: Explained | None = None
    """Why the map matches its template, where that is asked for and known."""

    readout: Readout | None = None
    """What is under the crosshair; None while there is no map."""

    beside: ShownMap | None = None
    """The hit that is pinned beside the map, once its map is there."""

    film: tuple[FilmHit, ...] = ()
    """Hits of the filmstrip, newest first, as many as are kept ready."""

    course: Course | None = None
    """Time course at the crosshair."""

    anatomy: bool = False
    """Whether there is an anatomy under the map."""

    map_refused: str = ""
    """Why no map may be shown although there are some: a check of left and right failed; empty otherwise."""

    beside_refused: bool = False
    """Whether the pinned hit's map cannot be read."""

    map_unchecked: bool = False
    """Whether the check of left and right could not be carried out."""

    @property
    def questions(self) -> tuple[str, ...]:
        """Names of the survey's questions, as far as they are known."""
        return self.live.questions or self.session.questions

    @property
    def records_stopped(self) -> bool:
        """Whether volumes come whose record does not: what the newest record says is no longer the present."""
        return self.live.n_final - self.live.n_volumes > 1

    @property
    def extent(self) -> Extent:
        """What the view can walk through."""
        return Extent(self.session.nt, self.live.n_final, len(self.live.maps))


@dataclass(frozen=True)
class Style:
    """How pictures are made at this moment: layout, colours, type."""

    layout: Layout
    theme: Theme
    ruler: Ruler


def empty_scores(session: Session) -> FloatArray:
    """Return the scores of a session in which nothing was measured yet."""
    return np.full((session.n_templates, session.nt), np.nan, np.float32)
