"""What the operator chose to look at. Pure: an action makes a new `View` out of the old one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from .map_view import AXES, MapView
from .options import ARRANGEMENTS, Arrangement, WindowOptions

Maps = Literal["auto", "volumes", "hits"]
"""Which maps are shown where every volume's can be had: the newest volume, but a hit while its survey is running and
where the cursor stands on one; always volumes; or the newest hit."""

MAPS: tuple[Maps, ...] = ("auto", "volumes", "hits")

DEFAULT_SPAN = 300
MIN_SPAN = 10
LEAD = 0.14
"""Part of a scrolling window that stays empty right of the newest TR, for the labels."""

PAGE = 0.1
"""A scrolling window moves by this part of itself, and stands still in between: calmer, and cheaper to paint."""


@dataclass(frozen=True)
class View:
    """The operator's choices."""

    span: int = 0
    """TRs in view; 0 is the default for the run's length; a span of Nt or more is the whole run."""

    cursor: int | None = None
    """TR looked at, or None while following live."""

    left: int = 0
    """First TR in view while looking back."""

    hit: int | None = None
    """Index of the hit whose map is shown; None for the newest, or for whatever `maps` says."""

    maps: Maps = "auto"
    """Which maps are shown where every volume's can be had."""

    explain: bool = False
    """Whether a map is shown beside the template that it matches, and their product."""

    help: bool = False
    """Whether the list of keys is shown."""

    map: MapView = field(default_factory=MapView)
    """How the map is shown."""

    arrangement: Arrangement = "all"
    """Which panels are shown."""

    @property
    def live(self) -> bool:
        """Whether the view follows the newest TR."""
        return self.cursor is None


def initial_view(options: WindowOptions) -> View:
    """Return the view with which a window opens."""
    how = MapView(
        mode=options.map_mode,
        axis=AXES.index(options.mosaic_axis),
        sampling=options.sampling,
        radiological=options.radiological,
        threshold=options.map_threshold,
        range="fixed" if options.map_range > 0 else "robust" if options.map_range < 0 else "largest",
        fixed=max(0.0, options.map_range),
        opacity=options.map_opacity,
        colormap=options.colormap,
        sphere_mm=options.sphere,
    )
    return View(span=options.window_trs, map=how, arrangement=options.arrangement)


@dataclass(frozen=True)
class Extent:
    """What there is to look at."""

    nt: int
    """TRs expected in the run."""

    n_final: int
    """TRs that can be shown."""

    n_maps: int
    """Hits whose map can be shown."""

    live_maps: bool = False
    """Whether every volume's map can be had."""

    templates: bool = False
    """Whether the templates' maps can be had."""

    hit: int | None = None
    """Index of the hit that is shown where every volume's map can be had; None while a volume is."""

    maps: tuple[int, ...] = ()
    """The TRs of the hits, in the order in which their maps came."""


def span_of(view: View, nt: int) -> int:
    """Return the number of TRs in view, from 1 to `nt`."""
    return max(1, min(view.span or DEFAULT_SPAN, nt))


def time_window(view: View, extent: Extent) -> tuple[float, float]:
    """Return the first TR in view and the end of the view (exclusive), in TRs."""
    span = span_of(view, extent.nt)
    if span >= extent.nt:
        return 0.0, float(max(1, extent.nt))
    if view.live:
        ahead = max(0, extent.n_final - max(1, span - math.ceil(span * LEAD)))
        page = max(1, int(span * PAGE))
        left = -(-ahead // page) * page
    else:
        left = view.left
    left = min(max(0, left), extent.nt - span)
    return float(left), float(left + span)


def shown_hit(view: View, n_maps: int) -> int | None:
    """Return the index of the hit to show, or None while there is none."""
    if n_maps == 0:
        return None
    return n_maps - 1 if view.hit is None else min(max(0, view.hit), n_maps - 1)


def apply(view: View, action: str, extent: Extent) -> View:
    """Return the view after an action.

    Parameters
    ----------
    view : View
        The view before.
    action : str
        A name from `rtcog_gl.model.keys.BINDINGS`; actions that do not concern the view leave it as it is.
    extent : Extent
        What there is to look at.
    """
    span = span_of(view, extent.nt)
    half = max(1, span // 2)
    moves = {"older": -1, "newer": 1, "page_older": -half, "page_newer": half, "oldest": -extent.nt}
    if action in moves:
        return _move(view, moves[action], extent)
    if action == "live":
        return replace(_one_map(view), cursor=None, hit=None)
    if action in ("closer", "wider"):
        new = span // 2 if action == "closer" else span * 2
        return _zoom(view, max(min(MIN_SPAN, extent.nt), min(new, extent.nt)), extent)
    if action == "whole_run":
        default = min(DEFAULT_SPAN, max(MIN_SPAN, extent.nt // 4))
        return _zoom(view, default if span >= extent.nt else extent.nt, extent)
    if action in ("previous_hit", "next_hit"):
        return _other_hit(_one_map(view), -1 if action == "previous_hit" else 1, extent)
    if action == "map_mode" and extent.live_maps:
        return replace(_one_map(view), maps=MAPS[(MAPS.index(view.maps) + 1) % len(MAPS)], hit=None)
    if action == "explain" and (extent.templates or view.explain):
        return replace(view, explain=not view.explain)
    if action == "help":
        return replace(view, help=not view.help)
    if action == "arrangement":
        following = ARRANGEMENTS.index(view.arrangement) + 1
        return replace(view, arrangement=ARRANGEMENTS[following % len(ARRANGEMENTS)])
    return view


def _move(view: View, by: int, extent: Extent) -> View:
    last = extent.n_final - 1
    if last < 0:
        return view
    cursor = max(0, (last if view.cursor is None else view.cursor) + by)
    if cursor >= last and by > 0:
        return replace(view, cursor=None)
    left, right = time_window(view, extent)
    cursor = min(cursor, last)
    span = int(right - left)
    left = min(max(left, cursor - span + 1), cursor)
    return replace(view, cursor=cursor, left=int(left))


def _zoom(view: View, span: int, extent: Extent) -> View:
    zoomed = replace(view, span=span)
    if view.cursor is None:
        return zoomed
    left, right = time_window(view, extent)
    fraction = (view.cursor - left) / (right - left)
    wished = round(view.cursor - fraction * span)
    return replace(zoomed, left=max(0, min(max(wished, view.cursor - span + 1), view.cursor)))


def _other_hit(view: View, by: int, extent: Extent) -> View:
    newest = extent.n_maps - 1
    if newest < 0:
        return view
    if view.cursor is not None and extent.maps:
        return _hit_beside(view, view.cursor, by, extent)
    if extent.live_maps and view.maps != "hits":
        # From a volume, either key first leads to the newest hit; it stays until told otherwise.
        return replace(view, hit=newest if extent.hit is None else min(max(0, extent.hit + by), newest))
    now = shown_hit(view, extent.n_maps)
    new = min(max(0, (newest if now is None else now) + by), newest)
    return replace(view, hit=None if new == newest else new)


def _hit_beside(view: View, cursor: int, by: int, extent: Extent) -> View:
    """Look back at the hit before or after the TR looked at."""
    beside = [t for t in extent.maps if (t < cursor if by < 0 else t > cursor)]
    return _look_back(view, max(beside) if by < 0 else min(beside), cursor, extent) if beside else view


def _look_back(view: View, tr: int, cursor: int, extent: Extent) -> View:
    """Look back at a hit, so that all panels speak of the same TR."""
    index = None if extent.live_maps and view.maps == "auto" else extent.maps.index(tr)
    return replace(_move(view, tr - cursor, extent), hit=index)


def show_hit(view: View, tr: int, extent: Extent) -> View:
    """Return the view that shows the map of one hit, and while looking back its TR.

    The newest one is followed: a hit that comes later takes its place. Where every volume's map can be had, volumes
    are what is followed; the newest hit then stays, until it is asked for again.

    Parameters
    ----------
    view : View
        The view before.
    tr : int
        TR of the hit; one whose map cannot be had changes nothing.
    extent : Extent
        What there is to look at.
    """
    if tr not in extent.maps:
        return view
    view = _one_map(view)
    if view.cursor is not None:
        return _look_back(view, tr, view.cursor, extent)
    index = extent.maps.index(tr)
    newest = index == len(extent.maps) - 1
    volumes = extent.live_maps and view.maps != "hits"
    return replace(view, hit=None if newest and (not volumes or view.hit == index) else index)


def _one_map(view: View) -> View:
    """Return the view with a single map instead of a mean."""
    return replace(view, map=replace(view.map, mean=False)) if view.map.mean else view
