"""What the operator's actions on the map change. Pure: an action makes a new `View` out of the old one."""

from __future__ import annotations

from dataclasses import dataclass

from .draw import Target
from .view import View
from .volume import FloatArray, MaskGrid, Point


@dataclass(frozen=True, eq=False)
class MapState:
    """What there is to act on."""

    grid: MaskGrid | None = None
    at: Point | None = None
    """Where the crosshair is (RAS+ mm); None while there is no map."""

    column: FloatArray | None = None
    """The map on the screen, (n_voxels,)."""

    vmax: float = 1.0
    """Present end of the colours."""

    threshold: float = 0.0
    """Present threshold, automatic or not."""

    hit: int | None = None
    """Index of the hit on the screen, or else of the newest; None while there is none."""

    maps: tuple[int, ...] = ()
    """The TRs of the hits, in the order in which their maps came."""


def apply_to_map(view: View, action: str, state: MapState) -> View:
    """Return the view after an action on the map; actions that do not concern it leave it as it is.

    Parameters
    ----------
    view : View
        The view before.
    action : str
        A name from `rtcog_gl.model.keys.BINDINGS`, or ``hit:TR`` of a thumbnail.
    state : MapState
        What there is to act on.
    """
    return view


def point_at(view: View, target: Target, x: float, y: float, state: MapState) -> View:
    """Return the view after a click at, or a drag to, a pixel of a target."""
    return view


def scroll_at(view: View, target: Target, steps: float, state: MapState) -> View:
    """Return the view after the mouse wheel turned by `steps` (away from the user is positive) over a target."""
    return view
