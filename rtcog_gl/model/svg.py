"""A panel's drawing as an SVG element: for pages and prints, where there is no OpenGL.

Lengths are the drawing's own pixels, in a ``viewBox``, so that the picture fills whatever width it is given.
"""

from __future__ import annotations

import html
import math
import unicodedata

import numpy as np
import numpy.typing as npt

from .draw import BOX, Axes, Colour, Drawing, Rect, Shapes, Text, TraceStyle, TraceView
from .ruler import Ruler

DENSE = 4.0
"""TRs a pixel beyond which a trace is drawn by the lowest and the highest score of each column of pixels."""

FONTS = "'Open Sans','Noto Sans','Segoe UI','Helvetica Neue',Arial,'Liberation Sans',sans-serif"
"""The viewer's own typeface, and those nearest to it where it is not installed."""

Points = npt.NDArray[np.float64]
"""Pixels, (k, 2): x and y."""

_ANCHORS = {"left": "start", "center": "middle", "right": "end"}


def svg(
    drawing: Drawing,
    scores: npt.NDArray[np.floating] | None = None,
    ruler: Ruler | None = None,
    *,
    name: str = "panel",
    label: str = "",
) -> str:
    """Return a drawing as one ``<svg>`` element, valid inside HTML and as XML.

    Dashes of traces run along the line, not along x as on the screen; those of outlines run around the box.

    Parameters
    ----------
    drawing : Drawing
        A panel without slices and colour bar.
    scores : ndarray, (templates, Nt), optional
        What the traces show; needed where the drawing has traces. What is not finite is a gap.
    ruler : Ruler, optional
        What the panel measured its text with: each line is then as wide as there, whatever typeface draws it.
    name : str
        Identifier of the element, unlike any other on the page: a letter, then letters, figures or hyphens.
    label : str
        What the picture shows, for those who do not see it.

    Raises
    ------
    ValueError
        If the drawing has slices or a colour bar, or if the scores do not fit its traces.
    """
    if drawing.slices or drawing.ramps:
        raise ValueError(f"SVG {name!r}: got a drawing with slices or a colour bar, expected one without")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" viewBox="{_numbers(*drawing.rect)}" role="img" '
        f'aria-label="{escaped(label)}" xml:space="preserve" font-family="{FONTS}">'
    ]
    if drawing.clear is not None:
        parts.append(_rect(drawing.rect, _paint("fill", drawing.clear)))
    parts += _shapes(drawing.under)
    if drawing.traces is not None:
        parts += _traces(drawing.traces, scores, name)
    parts += _shapes(drawing.over)
    parts += [_text(text, ruler) for text in drawing.texts if text.string]
    return "\n".join([*parts, "</svg>\n"])


def escaped(string: str) -> str:
    """Return a string as it may stand in HTML and XML, between tags or in a quoted attribute, on one line.

    Control characters and white space become spaces; what no file can hold (lone surrogates) or no XML may
    (noncharacters) becomes the replacement character.
    """
    return html.escape("".join(map(_allowed, string)), quote=True)


def hex_colour(colour: Colour) -> str:
    """Return a colour without its alpha as ``#rrggbb``."""
    return "#" + "".join(f"{round(255 * min(1.0, max(0.0, part))):02x}" for part in colour[:3])


def stroke(style: TraceStyle, width: float) -> str:
    """Return the attributes of a line in a trace's style, `width` pixels wide with round ends."""
    attributes = f'{_paint("stroke", style.colour)} stroke-width="{_number(width)}" stroke-linecap="round"'
    if style.dash > 0 and style.gap > 0:
        # The round ends add half the width on both sides of every dash.
        dash = max(0.0, style.dash - width)
        attributes += f' stroke-dasharray="{_numbers(dash, style.dash + style.gap - dash)}"'
    return attributes


def trace_points(axes: Axes, scores: npt.NDArray[np.floating]) -> list[Points]:
    """Return the points of one trace, one array for each stretch without a gap.

    Parameters
    ----------
    axes : Axes
        From TRs and scores to pixels; what lies outside its TRs by more than one is left out.
    scores : ndarray, (Nt,)
        Scores from TR 0; what is not finite is a gap.
    """
    first, last = max(0, math.floor(axes.t0) - 1), min(len(scores), math.ceil(axes.t1) + 2)
    values = np.asarray(scores[first:last], np.float64)
    finite = np.isfinite(values)
    kept = np.flatnonzero(finite)
    if not len(kept):
        return []
    x = axes.x(first + kept)
    if axes.t1 - axes.t0 > DENSE * axes.plot.w:
        chosen = _extremes(np.floor(x), values[kept])
        x, kept = x[chosen], kept[chosen]
    gaps_before = np.cumsum(~finite)[kept]
    return np.split(np.stack([x, axes.y(values[kept])], axis=1), np.flatnonzero(np.diff(gaps_before)) + 1)


def _extremes(columns: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Return the indices of each column's lowest and highest value, in their own order; `columns` never falls."""
    by_value = np.lexsort((values, columns))
    starts = np.flatnonzero(np.diff(columns, prepend=-np.inf))
    ends = np.append(starts[1:], len(columns)) - 1
    return np.unique(np.concatenate([by_value[starts], by_value[ends]]))


def _traces(view: TraceView, scores: npt.NDArray[np.floating] | None, name: str) -> list[str]:
    shape = None if scores is None else scores.shape
    if scores is None or scores.ndim != 2 or len(scores) != len(view.styles):
        raise ValueError(
            f"SVG {name!r}: got scores of shape {shape}, expected ({len(view.styles)}, TRs) for its traces"
        )
    parts = [
        f'<clipPath id="{name}-plot">{_rect(view.axes.plot)}</clipPath>',
        f'<g clip-path="url(#{name}-plot)" fill="none" stroke-linejoin="round">',
    ]
    for row, style in zip(scores, view.styles, strict=True):
        path = "".join(map(_path, trace_points(view.axes, row)))
        if path and style.colour[3] > 0:
            parts.append(f'<path {stroke(style, view.width)} d="{path}"/>')
    return [*parts, "</g>"]


def _path(points: Points) -> str:
    """Return a stretch of a trace, to a tenth of a pixel: steps are shorter to write than places."""
    tenths = np.rint(points * 10).astype(np.int64)
    start = " ".join(map(_tenths, tenths[0].tolist()))
    steps = np.diff(tenths, axis=0).ravel().tolist()
    # A point on its own is as short as a line can be and still be drawn.
    return f"M{start}l{' '.join(map(_tenths, steps))}" if steps else f"M{start}h.1"


def _tenths(value: int) -> str:
    whole, tenth = divmod(abs(value), 10)
    return f"{'-' if value < 0 else ''}{whole}{f'.{tenth}' if tenth else ''}"


def _shapes(shapes: Shapes) -> list[str]:
    parts = []
    for shape in shapes:
        colour = tuple(shape["colour"].tolist())
        draw = _box if shape["kind"] == BOX else _segment
        if colour[3] > 0:
            parts.append(draw(tuple(shape["geom"].tolist()), colour, tuple(shape["style"].tolist())))
    return [part for part in parts if part]


def _box(geom: tuple[float, ...], colour: Colour, style: tuple[float, ...]) -> str:
    rect = Rect(*geom)
    radius, border, dash, gap = style
    if rect.w <= 0 or rect.h <= 0:
        return ""
    dashes = f' stroke-dasharray="{_numbers(dash, gap)}"' if dash > 0 else ""
    if border > 0:
        half = border / 2
        paint = f'fill="none" {_paint("stroke", colour)} stroke-width="{_number(border)}"{dashes}'
        rect, radius = rect.inset(half), max(0.0, radius - half)
    elif dashes:
        return _dashed(rect, colour, dashes)
    else:
        paint = _paint("fill", colour)
    if rect.w == rect.h and radius >= rect.w / 2:
        centre = f'cx="{_number(rect.x + radius)}" cy="{_number(rect.y + radius)}"'
        return f'<circle {centre} r="{_number(radius)}" {paint}/>'
    return _rect(rect, paint, radius)


def _dashed(rect: Rect, colour: Colour, dashes: str) -> str:
    """Return a filled box of dashes: a dashed line along its longer side, as thick as the shorter."""
    x, y = rect.x + rect.w / 2, rect.y + rect.h / 2
    ends = (rect.x, y, rect.right, y) if rect.w >= rect.h else (x, rect.y, x, rect.bottom)
    return _line(ends, f'{_paint("stroke", colour)} stroke-width="{_number(min(rect.w, rect.h))}"{dashes}')


def _segment(geom: tuple[float, ...], colour: Colour, style: tuple[float, ...]) -> str:
    half, _, dash, gap = style
    ends = f' stroke-dasharray="{_numbers(dash, gap)}"' if dash > 0 else ' stroke-linecap="round"'
    return _line(geom, f'{_paint("stroke", colour)} stroke-width="{_number(2 * half)}"{ends}')


def _text(text: Text, ruler: Ruler | None) -> str:
    parts = [
        f'<text x="{_number(text.x)}" y="{_number(text.y)}" font-size="{text.px}" {_paint("fill", text.colour)}',
        ' font-weight="700"' if text.bold else "",
        f' text-anchor="{_ANCHORS[text.anchor]}"' if text.anchor != "left" else "",
        f' letter-spacing="{_number(text.spacing)}"' if text.spacing else "",
        f' transform="rotate({_numbers(-text.angle, text.x, text.y)})"' if text.angle else "",
    ]
    if ruler is not None and not text.spacing:
        width = ruler.width(text.string, text.px, text.bold)
        parts.append(f' textLength="{_number(width)}" lengthAdjust="spacingAndGlyphs"')
    return "".join(parts) + f">{escaped(text.string)}</text>"


def _line(ends: tuple[float, ...], paint: str) -> str:
    x0, y0, x1, y1 = map(_number, ends)
    return f'<line x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}" {paint}/>'


def _rect(rect: Rect, paint: str = "", radius: float = 0.0) -> str:
    x, y, w, h = map(_number, rect)
    corners = f' rx="{_number(radius)}"' if radius > 0 else ""
    return f'<rect x="{x}" y="{y}" width="{w}" height="{h}"{corners} {paint}/>'


def _paint(what: str, colour: Colour) -> str:
    alpha = f' {what}-opacity="{_number(colour[3])}"' if colour[3] < 1 else ""
    return f'{what}="{hex_colour(colour)}"{alpha}'


def _number(value: float) -> str:
    """Return a number to a hundredth, as short as it can be."""
    string = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if string == "-0" else string


def _numbers(*values: float) -> str:
    return " ".join(map(_number, values))


def _allowed(ch: str) -> str:
    category = unicodedata.category(ch)
    if ch.isspace() or category == "Cc":
        return " "
    return "\ufffd" if category == "Cs" or ord(ch) & 0xFFFE == 0xFFFE else ch
