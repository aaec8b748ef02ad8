"""The static report as a page: the score panel's picture, the hits, the templates, the settings, the software."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from string import Template
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rtcog_gl import __version__
from rtcog_gl.model.draw import Rect
from rtcog_gl.model.hits import Hit, hits
from rtcog_gl.model.layout import layout
from rtcog_gl.model.panels import scores as panel
from rtcog_gl.model.records import no_records
from rtcog_gl.model.ruler import Ruler
from rtcog_gl.model.scene import Scene, Style
from rtcog_gl.model.session import Live, Session
from rtcog_gl.model.svg import escaped, hex_colour, stroke, svg
from rtcog_gl.model.theme import LIGHT, trace_styles
from rtcog_gl.model.view import View


class Format(NamedTuple):
    """How the picture is made for one kind of reader."""

    name: str
    size: tuple[int, int]
    """Width and height, pixels."""

    scale: float
    """Size of type and spacing relative to the control room's screen."""

    label: float
    """Widest name of a template, pixels."""


FORMATS = (Format("wide", (1280, 540), 1.0, 150.0), Format("narrow", (440, 460), 0.8, 72.0))
"""For screens and paper, and for telephones."""

LINE = 1.3
"""Width of the traces: a page is read from nearer than a screen in the control room, and shows the whole run."""

Scores = npt.NDArray[np.float64]


def page(session: Session, live: Live, scores: npt.ArrayLike, ruler: Ruler, written: str = "") -> str:
    """Return the report as one HTML page.

    Parameters
    ----------
    session, live, scores, written
        As for `rtcog_gl.report.static_page`.
    ruler : Ruler
        Measures the picture's text.

    Raises
    ------
    ValueError
        If the scores are not of the shape that the session names.
    """
    measured = np.full((session.n_templates, session.nt), np.nan)
    part = slice(min(session.match_start, session.nt), live.n_final)
    measured[:, part] = checked(session, scores)[:, part]
    found = hits(session, live, measured)
    name = session.out_prefix or "rtcog run"
    pictures = "".join(
        f'<div class="{made.name}">{_picture(session, live, measured, ruler, made)}</div>' for made in FORMATS
    )
    return _PAGE.substitute(
        title=escaped(f"{name}: rtcog report"),
        heading=escaped(name),
        summary=escaped(_summary(session, measured, found)),
        pictures=pictures,
        hits=_hit_table(session, found) if found else "<p>There was no hit.</p>",
        templates=_template_table(session, measured, found),
        settings=_pairs(_settings(session)),
        software=_pairs(_software(written)),
    )


def checked(session: Session, scores: npt.ArrayLike) -> Scores:
    """Return the scores, (templates, Nt), float64.

    Raises
    ------
    ValueError
        If they are not of the shape that the session names.
    """
    array = np.asarray(scores, np.float64)
    expected = (session.n_templates, session.nt)
    if array.shape != expected:
        raise ValueError(f"report: got scores of shape {array.shape}, expected {expected}, templates and volumes")
    return array


def _picture(session: Session, live: Live, scores: Scores, ruler: Ruler, made: Format) -> str:
    place = replace(layout(made.size, made.scale, has_answers=False), scores=Rect(0, 0, *made.size))
    labels = (ruler.shorten(label, made.label, place.px(15), bold=True) for label in session.labels)
    with np.errstate(over="ignore"):
        shown = scores.astype(np.float32)
    scene = Scene(
        session=replace(session, labels=tuple(labels)),
        live=replace(live, ended=True),
        view=View(span=session.nt),
        scores=shown,
        volumes=no_records(session.nt),
        now_ns=0,
    )
    drawing = panel.draw(scene, Style(place, LIGHT, ruler))
    if drawing.traces is not None:
        drawing = replace(drawing, traces=replace(drawing.traces, width=LINE))
    return svg(drawing, shown, ruler, name=made.name, label="Match scores of all templates over the run, with its hits")


def _summary(session: Session, scores: Scores, found: Sequence[Hit]) -> str:
    scored = np.flatnonzero((~np.isnan(scores)).any(axis=0))
    if not len(scored):
        return f"No volume was scored (the run was to have {session.nt}, with matching from TR {session.match_start})."
    last = int(scored[-1])
    hits_found = "no hit" if not found else "1 hit" if len(found) == 1 else f"{len(found)} hits"
    early = f"; the run was to go on to TR {session.nt - 1}" if last < session.nt - 1 else ""
    return f"{hits_found[0].upper()}{hits_found[1:]}. Scored: TR {int(scored[0])} to {last}{early}."


def _hit_table(session: Session, found: Sequence[Hit]) -> str:
    head = ("TR", "Template", "Score", "Survey on screen, TR", "Volumes", "Cooldown over at TR")
    return _table("hits", head, [_hit_row(session, hit) for hit in found])


def _hit_row(session: Session, hit: Hit) -> list[str]:
    template = "not scored" if hit.template is None else _template(session, hit.template)
    if hit.offset is None:
        survey = [f"from {hit.tr}, no end known", "–"]
    else:
        survey = [f"{hit.tr} to {hit.offset - 1}", f"{hit.offset - hit.tr}"]
    over = "–" if hit.cooldown_end is None else f"{hit.cooldown_end}"
    end = "end of run" if hit.cooldown_end == session.nt else over
    return [f"{hit.tr}", template, _score(hit.score), *survey, end]


def _template_table(session: Session, scores: Scores, found: Sequence[Hit]) -> str:
    counts = np.bincount([hit.template for hit in found if hit.template is not None], minlength=session.n_templates)
    known = np.where(np.isfinite(scores), scores, -np.inf)
    best = known.argmax(axis=1) if session.nt else np.zeros(session.n_templates, np.intp)
    rows = []
    for k, t in enumerate(best.tolist()):
        top = float(known[k, t])
        rows.append([_template(session, k), f"{counts[k]}", _score(top), f"{t}" if np.isfinite(top) else "–"])
    return _table("templates", ("Template", "Hits", "Highest score", "at TR"), rows)


def _template(session: Session, k: int) -> str:
    """Return a template's line and label, and its row in the scores where others have the same label."""
    style = trace_styles(LIGHT, session.n_templates, 1.0)[k]
    label = session.labels[k]
    row = f" (row {k})" if session.labels.count(label) > 1 else ""
    line = f'<svg class="key" viewBox="0 0 34 8"><path {stroke(style, 3.0)} d="M2 4h30"/></svg>'
    return f'{line}<bdi style="color:{hex_colour(style.colour)}">{escaped(label)}</bdi>{row}'


def _settings(session: Session) -> tuple[tuple[str, str], ...]:
    cooldown = f"{session.vols_noaction} volumes (vols_noaction)"
    return (
        ("Templates", f"{session.n_templates}"),
        ("Scored by", session.match_method),
        ("Threshold", f"{session.hit_thr:g} (hit_thr)"),
        ("Matching", f"from TR {session.match_start} (match_start)"),
        ("Cooldown", cooldown),
        ("Run", f"{session.nt} volumes (Nt), TR 0 to {session.nt - 1}"),
        ("Files", str(Path(session.out_dir, session.out_prefix + ".*"))),
    )


def _software(written: str) -> tuple[tuple[str, str], ...]:
    versions = [("rtcog-gl", __version__), *((name, _version(name)) for name in ("rtcog", "numpy"))]
    known = [(name, version) for name, version in versions if version]
    system = f"{platform.system()} {platform.release()}".strip()
    made = [("Written", written)] if written else []
    return (*known, ("Python", platform.python_version()), ("System", system), *made)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _score(value: float) -> str:
    return f"{value:#.4g}" if np.isfinite(value) else "–"


def _table(name: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are HTML already."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll"><table id="{name}"><thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'
    )


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{escaped(k)}</dt><dd><bdi>{escaped(v)}</bdi></dd>" for k, v in pairs) + "</dl>"


_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
* { box-sizing: border-box; print-color-adjust: exact; -webkit-print-color-adjust: exact }
body { margin: 0 auto; max-width: 1328px; padding: 20px 24px 32px; background: #fff; color: #141a22;
  font: 15px/1.5 'Open Sans','Noto Sans','Segoe UI','Helvetica Neue',Arial,sans-serif }
h1 { font-size: 24px; line-height: 1.25; margin: 0; overflow-wrap: anywhere }
h2 { font-size: 13px; letter-spacing: .12em; text-transform: uppercase; color: #4a5665; margin: 32px 0 8px }
p { margin: 4px 0; color: #4a5665; max-width: 84ch }
.narrow { display: none }
.wide > svg, .narrow > svg { display: block; width: 100%; height: auto; margin: 12px 0 4px }
.key { width: 34px; height: 8px; margin-right: 8px; vertical-align: middle }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: 5px 20px 5px 0; border-bottom: 1px solid #d3d9e1; white-space: nowrap }
th { font-weight: 600; font-size: 13px; color: #4a5665; vertical-align: bottom }
#hits th:nth-child(2), #hits td:nth-child(2), #templates th:first-child, #templates td:first-child { text-align: left }
#hits th:first-child, #hits td:first-child { padding-left: 8px }
bdi { font-weight: 600 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 24px; margin: 0 }
dt { color: #4a5665 }
dd { margin: 0; overflow-wrap: anywhere }
dd bdi { font-weight: 400 }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr)); gap: 0 48px }
@media (max-width: 760px) {
  body { padding: 12px 12px 24px }
  .wide { display: none }
  .narrow { display: block }
  table, th { font-size: 13px }
  th { white-space: normal }
  th, td { padding-right: 10px }
  .key { width: 24px; margin-right: 4px }
}
@media print {
  body { padding: 0; font-size: 10pt }
  .wide { display: block }
  .narrow { display: none }
  .wide, tr, dl { break-inside: avoid }
  h2 { break-after: avoid }
  .scroll { overflow: visible }
}
@page { size: landscape; margin: 12mm }
</style>
</head>
<body>
<h1>$heading</h1>
<p>$summary</p>
$pictures
<p>Grey: no matching yet. Blue: survey on screen. Cyan: cooldown. Dashes: threshold. Disc: a hit, at the highest score
of its TR. Where a line is missing, nothing was measured.</p>
<h2>Hits</h2>
$hits
<div class="columns">
<section><h2>Templates</h2>
$templates</section>
<section><h2>Settings</h2>
$settings</section>
<section><h2>Software</h2>
$software</section>
</div>
<p style="margin-top: 32px">This is the static report of a run without a viewer, made from its scores when it had ended.
It cannot be zoomed, and it has neither maps nor answers: those are shown by the viewer while a run goes on, and lie in
the run&#39;s other files.</p>
</body>
</html>
""")
