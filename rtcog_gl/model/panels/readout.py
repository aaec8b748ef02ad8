"""The column beside a map: the colour bar, how it was made, and what is under the crosshair."""

from __future__ import annotations

import math

from ..draw import Rect
from ..map_range import how_found
from ..scene import Readout, Scene, ShownMap
from ..ticks import mm, signed
from ..volume import Point
from . import colour_bar
from .colour_bar import Line, digits
from .pen import Pen

WIDEST = (Line("−000, −000, −00 mm", size=13), Line("−00.00 z", bold=True, size=24))
"""As wide as a line usually gets; the column's width does not depend on the values, so that nothing moves."""


INDENT = 10
"""Room left of a bar that has its figures beside it, in the design's pixels."""


def width(pen: Pen) -> float:
    """Return the width of the column."""
    return max(pen.dp(128), colour_bar.width(pen, WIDEST))


def width_beside(pen: Pen) -> float:
    """Return the width of a column in which the figures stand beside the bar."""
    return pen.dp(INDENT) + colour_bar.bar_width(pen, "−00.00") + pen.dp(12) + colour_bar.width(pen, WIDEST)


def draw(pen: Pen, box: Rect, scene: Scene, shown: ShownMap, vmax: float, threshold: float) -> None:
    """Draw the column.

    Parameters
    ----------
    pen : Pen
        Draws.
    box : Rect
        Room for it, as wide as `width` or `width_beside` says.
    scene, shown
        What there is to show, and the map.
    vmax, threshold : float
        Ends of the colours, > 0, and the smallest size that is drawn.
    """
    colour_bar.draw(pen, box, vmax, threshold, lines(scene, shown, vmax, threshold), INDENT, unit=scene.session.unit)


def lines(scene: Scene, shown: ShownMap, vmax: float, threshold: float = 0.0) -> tuple[Line, ...]:
    """Return the figures, from the top down."""
    missing = (Line(count(shown.n_missing), "warn", rank=1),) if shown.n_missing else ()
    return (*notes(scene, vmax, threshold, shown), Line("", rank=6), *missing, *_here(scene, shown, vmax))


def notes(scene: Scene, vmax: float, threshold: float, *shown: ShownMap) -> tuple[Line, ...]:
    """Return quiet words on how the values became colours."""
    how = scene.view.map
    said = [Line(f"range: {how_found(how, *shown)}", "text3", rank=4)]
    peaks = [abs(one.peak_value) for one in shown if math.isfinite(one.peak_value)]
    if peaks and threshold > max(peaks):
        said.append(Line("all below threshold", "warn", rank=2))
    elif how.threshold > 0:
        said.append(Line(f"threshold {signed(threshold, digits(vmax)).lstrip('+')}", "text3", rank=4))
    opacity = f"opacity {how.opacity * 100:.0f} %" if how.opacity < 1 else ""
    sampling = "linear" if how.sampling == "linear" and (how.mode != "glass" or len(shown) > 1) else ""
    if opacity or sampling:
        said.append(Line(", ".join(filter(None, (opacity, sampling))), "text3", rank=4))
    return tuple(said)


def count(n_missing: int) -> str:
    """Say how many voxels have no finite value."""
    return f"{n_missing} voxel{'' if n_missing == 1 else 's'} missing"


def position(at: Point) -> str:
    """Write a position in mm."""
    return ", ".join(mm(along) for along in at) + " mm"


def amount(scene: Scene, value: float, vmax: float) -> str:
    """Write a value of the map with its unit."""
    unit = scene.session.unit
    return signed(value, digits(vmax)) + (f" {unit}" if unit and math.isfinite(value) else "")


def value_here(scene: Scene, shown: ShownMap) -> float:
    """Return the map's value at the crosshair; NaN where it has none."""
    told = scene.readout
    if told is not None and told.at == shown.crosshair:
        return told.value
    return shown.peak_value if shown.at is None else shown.value_at


def _here(scene: Scene, shown: ShownMap, vmax: float) -> tuple[Line, ...]:
    """Tell what is under the crosshair, and where the peak is if that is somewhere else."""
    at_peak = shown.at is None and math.isfinite(shown.peak_value)
    value, told = value_here(scene, shown), scene.readout
    words = amount(scene, value, vmax)
    outside = told is not None and not told.in_mask
    if outside:
        words = "outside the mask"
    elif told is not None and told.in_mask and not math.isfinite(value):
        words = "missing here"
    size = 24 if math.isfinite(value) else 15
    return (
        Line("peak" if at_peak else "crosshair", "text3" if at_peak else "text", not at_peak, rank=3),
        Line(words, "text", True, size),
        Line(position(shown.crosshair), "text" if not at_peak else "text2", rank=1),
        *(() if told is None else _voxel(scene, told)),
        *(() if at_peak else _peak(scene, shown, vmax)),
    )


def _voxel(scene: Scene, told: Readout) -> tuple[Line, ...]:
    voxel = Line("voxel " + ", ".join(f"{index}".replace("-", "−") for index in told.ijk), "text3", rank=3)
    if told.template is None or not told.in_mask:
        return (voxel,)
    name = scene.session.labels[told.template]
    there = signed(told.template_value) if math.isfinite(told.template_value) else "none"
    return voxel, Line(there, "text2", rank=3, name=name)


def _peak(scene: Scene, shown: ShownMap, vmax: float) -> tuple[Line, ...]:
    """Say where the peak is; with the key that leads there, where it does."""
    key = "C: " if scene.view.map.at is not None and shown.is_hit else ""
    peak = Line(f"{key}peak {amount(scene, shown.peak_value, vmax)}", "text3", rank=2)
    return Line("", rank=6), peak, Line(position(shown.peak_mm), "text3", rank=5)
