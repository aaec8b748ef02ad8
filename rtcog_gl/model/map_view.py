"""How the operator wants the map to be shown. Pure data; `rtcog_gl.model.map_actions` changes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .volume import Point

Mode = Literal["ortho", "mosaic", "glass"]
"""Three planes through the crosshair; a lightbox of parallel slices; projections through a glass brain."""

MODES: tuple[Mode, ...] = ("ortho", "mosaic", "glass")

Range = Literal["largest", "robust", "fixed"]
"""End of the colours: the map's largest absolute value (a live map's held range), the larger of its 2nd and 98th
percentile without sign, or a number that stays."""

RANGES: tuple[Range, ...] = ("largest", "robust", "fixed")

Sampling = Literal["nearest", "linear"]
"""Voxels as measured, or weighted by distance among those inside the mask."""

AXES = ("sagittal", "coronal", "axial")
"""Names of slices perpendicular to the world's x, y and z axis."""

OPACITIES = (1.0, 0.75, 0.5, 0.25)
"""Opacities of the map that a key goes through."""


@dataclass(frozen=True)
class MapView:
    """The operator's choices for the map panel."""

    mode: Mode = "ortho"

    axis: int = 2
    """World axis to which the mosaic's slices are perpendicular: 0, 1 or 2."""

    sampling: Sampling = "nearest"

    radiological: bool = False
    """Whether the left of the head is at the right of the picture."""

    at: Point | None = None
    """Where the operator put the crosshair (RAS+ mm); None: wherever the map itself says (its peak)."""

    threshold: float = -1.0
    """Values with ``abs(value)`` below it are not drawn; negative: a third of the range."""

    range: Range = "largest"

    fixed: float = 0.0
    """End of the colours where `range` is ``fixed``; > 0 then."""

    opacity: float = 1.0
    """Opacity of the map over what is under it, 0..1."""

    level: float = 0.5
    """Middle of the anatomy's grey window, where 0 and 1 are the ends of its automatic window."""

    width: float = 1.0
    """Width of the anatomy's grey window, > 0; 1 is the automatic one."""

    colormap: str = ""
    """Name of a colour map of the package `cmap`; empty: the theme's."""

    beside: int | None = None
    """TR of the hit that is pinned beside the map; None: one map alone."""

    mean: bool = False
    """Whether the mean over all hits of the shown hit's template is shown in its place."""

    course: bool = True
    """Whether the time course at the crosshair is shown, where the session publishes volumes."""

    sphere_mm: float = 6.0
    """Radius of the sphere whose mean time course is shown, in mm."""
