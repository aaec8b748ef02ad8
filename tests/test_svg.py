"""Drawings as SVG: read back with the standard library's parser and compared with the arrays they show."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from rtcog_gl.gpu.font import GlyphAtlas
from rtcog_gl.model.draw import Axes, Drawing, RampView, Rect, ShapeList, Text, TraceStyle, TraceView
from rtcog_gl.model.ruler import Ruler
from rtcog_gl.model.svg import DENSE, escaped, svg, trace_points

NS = "{http://www.w3.org/2000/svg}"
RECT = Rect(0, 0, 400, 200)
PLOT = Rect(40, 20, 300, 150)
RED = (1.0, 0.0, 0.0, 1.0)
PALE = (0.0, 0.5, 1.0, 0.25)


def parsed(drawing: Drawing, scores: np.ndarray | None = None, **more: object) -> ET.Element:
    return ET.fromstring(svg(drawing, scores, **more))  # type: ignore[arg-type]


def shapes(fill: object) -> list[ET.Element]:
    """Return what a function that fills a list of shapes becomes."""
    made = ShapeList()
    fill(made)  # type: ignore[operator]
    return list(parsed(Drawing(RECT, made.array())))


def tracing(axes: Axes, *styles: TraceStyle, width: float = 2.0) -> Drawing:
    return Drawing(RECT, ShapeList().array(), traces=TraceView(axes, styles, width))


def numbers(element: ET.Element, *names: str) -> list[float]:
    return [float(element.attrib[name]) for name in names]


def stretches(d: str) -> list[np.ndarray]:
    """Return the points of a path of ``M x y l dx dy ...`` and ``M x y h dx``, one array a stretch."""
    found = []
    for start, kind, steps in re.findall(r"M([^lhM]*)([lh])([^M]*)", d):
        origin = np.array(start.split(), float)
        if kind == "h":
            found.append(origin[None])
            continue
        moves = np.array(steps.split(), float).reshape(-1, 2)
        found.append(np.concatenate([origin[None], origin + moves.cumsum(axis=0)]))
    return found


def test_the_picture_has_the_drawings_pixels_and_its_ground() -> None:
    root = parsed(Drawing(Rect(10, 20, 400, 200), ShapeList().array(), clear=(1.0, 1.0, 1.0, 1.0)), label="a <b>")
    assert root.tag == f"{NS}svg"
    assert root.attrib["viewBox"] == "10 20 400 200"
    assert root.attrib["aria-label"] == "a <b>"
    (ground,) = root
    assert numbers(ground, "x", "y", "width", "height") == [10, 20, 400, 200]
    assert ground.attrib["fill"] == "#ffffff"


def test_boxes_borders_discs_and_rings() -> None:
    def fill(made: ShapeList) -> None:
        made.box(Rect(1, 2, 30, 10), RED, radius=3)
        made.box(Rect(1, 2, 30, 10), PALE, radius=3, border=2)
        made.disc(100, 50, 9, PALE)
        made.disc(100, 50, 9, RED, border=1.5)

    box, border, disc, ring = shapes(fill)
    assert numbers(box, "x", "y", "width", "height", "rx") == [1, 2, 30, 10, 3]
    assert box.attrib["fill"] == "#ff0000" and "fill-opacity" not in box.attrib
    assert numbers(border, "x", "y", "width", "height", "rx") == [2, 3, 28, 8, 2]
    assert (border.attrib["fill"], border.attrib["stroke"], border.attrib["stroke-opacity"]) == (
        "none",
        "#0080ff",
        "0.25",
    )
    assert numbers(disc, "cx", "cy", "r", "fill-opacity") == [100, 50, 9, 0.25]
    assert numbers(ring, "cx", "cy", "r", "stroke-width") == [100, 50, 8.25, 1.5]


def test_dashed_boxes_are_dashed_along_their_longer_side() -> None:
    def fill(made: ShapeList) -> None:
        made.box(Rect(10, 20, 100, 4), RED, dash=(8, 6))
        made.box(Rect(10, 20, 4, 100), RED, dash=(8, 6))

    across, down = shapes(fill)
    assert numbers(across, "x1", "y1", "x2", "y2", "stroke-width") == [10, 22, 110, 22, 4]
    assert numbers(down, "x1", "y1", "x2", "y2", "stroke-width") == [12, 20, 12, 120, 4]
    assert across.attrib["stroke-dasharray"] == "8 6"


def test_segments_have_round_ends_or_dashes() -> None:
    def fill(made: ShapeList) -> None:
        made.segment(1, 2, 30, 40, 3, RED)
        made.segment(1, 2, 30, 40, 3, RED, (5, 4))

    plain, dashed = shapes(fill)
    assert numbers(plain, "x1", "y1", "x2", "y2", "stroke-width") == [1, 2, 30, 40, 3]
    assert plain.attrib["stroke-linecap"] == "round"
    assert dashed.attrib["stroke-dasharray"] == "5 4" and "stroke-linecap" not in dashed.attrib


def test_what_cannot_be_seen_is_not_written() -> None:
    def fill(made: ShapeList) -> None:
        made.box(Rect(1, 2, 0, 10), RED)
        made.box(Rect(1, 2, 5, 10), (1.0, 0.0, 0.0, 0.0))

    assert shapes(fill) == []


def test_shapes_under_the_traces_come_before_and_those_over_them_after() -> None:
    under, over = ShapeList(), ShapeList()
    under.box(Rect(0, 0, 5, 5), RED)
    over.disc(9, 9, 5, RED)
    view = TraceView(Axes(PLOT, 0, 3, 0, 1), (TraceStyle(RED),), 2.0)
    text = Text(1, 2, "x", 12, RED)
    root = parsed(Drawing(RECT, under.array(), traces=view, over=over.array(), texts=(text,)), np.zeros((1, 3)))
    assert [child.tag.removeprefix(NS) for child in root] == ["rect", "clipPath", "g", "circle", "text"]


def test_text_keeps_its_place_size_turn_and_width() -> None:
    ruler = Ruler(GlyphAtlas())
    texts = (
        Text(10, 20, "−1.5  <&>", 15, RED, bold=True, anchor="right"),
        Text(30, 40, "SPACED", 13, PALE, anchor="center", spacing=1.6, angle=90.0),
        Text(0, 0, "", 13, RED),
    )
    root = parsed(Drawing(RECT, ShapeList().array(), texts=texts), ruler=ruler)
    first, second = root
    assert first.text == "−1.5  <&>"
    assert numbers(first, "x", "y", "font-size", "font-weight") == [10, 20, 15, 700]
    assert (first.attrib["text-anchor"], first.attrib["fill"]) == ("end", "#ff0000")
    assert float(first.attrib["textLength"]) == ruler.width("−1.5  <&>", 15, True)
    assert (second.attrib["text-anchor"], second.attrib["letter-spacing"]) == ("middle", "1.6")
    assert second.attrib["transform"] == "rotate(-90 30 40)"
    assert "textLength" not in second.attrib


def test_traces_go_through_every_score_and_stay_in_the_plot() -> None:
    axes = Axes(PLOT, 0, 50, -3, 3)
    scores = np.random.default_rng(1).normal(0, 1, (2, 50))
    root = parsed(tracing(axes, TraceStyle(RED), TraceStyle(PALE, 9, 5), width=2), scores, name="p")
    clip, group = root
    assert numbers(clip[0], "x", "y", "width", "height") == list(PLOT)
    assert group.attrib["clip-path"] == "url(#p-plot)" and clip.attrib["id"] == "p-plot"
    for path, row in zip(group, scores, strict=True):
        (points,) = stretches(path.attrib["d"])
        assert np.abs(points[:, 0] - axes.x(np.arange(50))).max() <= 0.051
        assert np.abs(points[:, 1] - axes.y(row)).max() <= 0.051
    # Round ends add a pixel on both sides of each dash.
    assert group[1].attrib["stroke-dasharray"] == "7 7" and "stroke-dasharray" not in group[0].attrib


def test_what_is_not_finite_is_a_gap_and_a_lonely_score_a_dot() -> None:
    row = np.array([np.nan, 1.0, 2.0, np.inf, 3.0, np.nan, np.nan, 1.0, 0.0])
    axes = Axes(PLOT, 0, 9, 0, 4)
    got = trace_points(axes, row)
    assert [np.round(axes.t0 + (p[:, 0] - 40) / 300 * 9).tolist() for p in got] == [[1, 2], [4], [7, 8]]
    path = parsed(tracing(axes, TraceStyle(RED)), row[None])[1][0]
    assert [len(p) for p in stretches(path.attrib["d"])] == [2, 1, 2]
    assert path.attrib["stroke-linecap"] == "round"


@pytest.mark.parametrize("row", [np.full(9, np.nan), np.zeros(0)])
def test_a_trace_without_scores_is_not_there(row: np.ndarray) -> None:
    assert trace_points(Axes(PLOT, 0, 9, 0, 4), row) == []
    assert len(parsed(tracing(Axes(PLOT, 0, 9, 0, 4), TraceStyle(RED)), row[None])[1]) == 0


def test_only_what_is_in_view_is_written() -> None:
    got = trace_points(Axes(PLOT, 100, 120, 0, 4), np.ones(1000))
    assert len(got[0]) == 23


def test_a_dense_trace_keeps_each_pixels_lowest_and_highest_score() -> None:
    n = 20_000
    row = np.random.default_rng(2).normal(0, 1, n)
    row[7000:7200] = np.nan
    axes = Axes(PLOT, 0, n, -6, 6)
    assert n > DENSE * PLOT.w
    got = trace_points(axes, row)
    assert len(got) == 2
    points = np.concatenate(got)
    assert len(points) <= 2 * 300
    known = np.flatnonzero(np.isfinite(row))
    pixel, kept = np.floor(axes.x(known)), np.floor(points[:, 0])
    for column in np.unique(pixel):
        y = axes.y(row[known[pixel == column]])
        mine = points[kept == column, 1]
        assert (mine.min(), mine.max()) == (y.min(), y.max())
    assert (np.diff(points[:, 0]) > 0).all()


def test_a_trace_just_below_the_limit_keeps_every_score() -> None:
    n = int(DENSE * PLOT.w)
    assert len(trace_points(Axes(PLOT, 0, n, -6, 6), np.zeros(n))[0]) == n


def test_a_hidden_trace_is_not_written() -> None:
    root = parsed(tracing(Axes(PLOT, 0, 3, 0, 1), TraceStyle((1, 0, 0, 0)), TraceStyle(RED)), np.zeros((2, 3)))
    assert len(root[1]) == 1


@pytest.mark.parametrize("scores", [None, np.zeros(3), np.zeros((2, 3))])
def test_scores_that_do_not_fit_are_told(scores: np.ndarray | None) -> None:
    with pytest.raises(ValueError, match=r"SVG 'panel': got scores of shape .*, expected \(1, TRs\)"):
        svg(tracing(Axes(PLOT, 0, 3, 0, 1), TraceStyle(RED)), scores)


def test_a_colour_bar_is_refused() -> None:
    bar = RampView(RECT, 1.0, 0.0, RED)
    with pytest.raises(ValueError, match="a colour bar, expected one without"):
        svg(Drawing(RECT, ShapeList().array(), ramps=(bar,)))


def test_escaped_text_is_one_line_that_html_and_xml_can_hold() -> None:
    hostile = "<b>\"'&\n\t\x00\x0b\ud800\ufffe日"
    again = ET.fromstring(f'<a b="{escaped(hostile)}">{escaped(hostile)}</a>')
    assert again.text == again.attrib["b"] == "<b>\"'&    \ufffd\ufffd日"
    escaped(hostile).encode("utf-8")
