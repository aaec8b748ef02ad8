"""The static report: what its picture and its tables say is what the arrays hold, whatever the run was like."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_svg import NS, stretches

from rtcog_gl import report
from rtcog_gl.gpu.font import GlyphAtlas
from rtcog_gl.model.draw import Axes, Rect
from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.model.hits import Hit, hits
from rtcog_gl.model.layout import layout
from rtcog_gl.model.panels import scores as panel
from rtcog_gl.model.records import no_records
from rtcog_gl.model.ruler import Ruler
from rtcog_gl.model.scene import Scene, Style
from rtcog_gl.model.session import ActionState, Live, Session
from rtcog_gl.model.theme import LIGHT
from rtcog_gl.model.view import View
from rtcog_gl.report import report_path, static_page, write_static
from rtcog_gl.report_page import FORMATS
from rtcog_gl.session.contract import MatchingOpts, StreamingConfig

LABELS = ("SMot0", "VSpt1", "Audi0", "DMNx4", "WMem2", "Lang3", "Subc0")
HOSTILE = ("<script>alert('x')</script>", '"><img src=http://x onerror=y>&amp;', "a\x00b\ud800\u202ec\nd")
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """What a page holds: its tags, its tables, its text; closed properly."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.texts: list[str] = []
        self._open: list[str] = []
        self._rows: list[list[str]] = []
        self.feed(page)
        self.close()
        assert self._open == []
        self.svgs = {
            root.attrib["id"]: root for root in map(ET.fromstring, re.findall(r"<svg xmlns.*?</svg>", page, re.DOTALL))
        }

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self._rows = self.tables.setdefault(dict(attrs)["id"] or "", [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.texts.append(data)
        if "td" in self._open or "th" in self._open:
            self._rows[-1][-1] += data


def session_of(nt: int, labels: tuple[str, ...] = LABELS, **more: Any) -> Session:
    return Session(nt=nt, labels=labels, hit_thr=1.5, **more)


def config_of(session: Session, out_dir: Path | str) -> StreamingConfig:
    matching = MatchingOpts(session.match_method, session.match_start, session.vols_noaction)
    labels = list(session.labels)
    return StreamingConfig(session.nt, labels, session.hit_thr, matching, None, 8, str(out_dir), session.out_prefix)


def actions(onsets: Any = (), offsets: Any = ()) -> ActionState:
    return ActionState(list(onsets), list(offsets), False, False, None, False)


def made_scores(session: Session, end: int | None = None, seed: int = 3) -> np.ndarray:
    got = np.random.default_rng(seed).normal(0, 1, (session.n_templates, session.nt))
    got[:, : session.match_start] = 0
    got[:, session.nt if end is None else end :] = 0
    return got


def axes_of(session: Session, live: Live, scores: np.ndarray, which: int = 0) -> Axes:
    """Return the axes that the panel has at the size of one of the page's pictures."""
    made = FORMATS[which]
    place = replace(layout(made.size, made.scale, False), scores=Rect(0, 0, *made.size))
    shown = scores.astype(np.float32)
    scene = Scene(session, live, View(span=session.nt), shown, no_records(session.nt), 0)
    return panel.axes(scene, Style(place, LIGHT, Ruler(GlyphAtlas())))


def traces(root: ET.Element) -> list[list[np.ndarray]]:
    return [stretches(path.attrib["d"]) for path in root.iter(f"{NS}path")]


def texts(root: ET.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{NS}text")]


RUN = session_of(300, match_start=40, vols_noaction=12, out_prefix="sub01")
ONSETS, OFFSETS = (60, 100, 287), (66, 107, 294)


def the_run() -> tuple[Live, np.ndarray]:
    return Live(n_final=300, onsets=ONSETS, offsets=OFFSETS, ended=True), made_scores(RUN)


def test_the_traces_are_the_scores_and_begin_with_matching() -> None:
    live, scores = the_run()
    page = Page(static_page(RUN, live, scores))
    assert set(page.svgs) == {"wide", "narrow"}
    for which, root in enumerate(page.svgs.values()):
        known = np.where(np.arange(300) < 40, np.nan, scores)
        axes = axes_of(RUN, live, known, which)
        drawn = traces(root)
        assert len(drawn) == 7
        for (points,), row in zip(drawn, scores, strict=True):
            assert np.abs(points[:, 0] - axes.x(np.arange(40, 300))).max() <= 0.06
            assert np.abs(points[:, 1] - axes.y(row[40:])).max() <= 0.06


def test_each_hit_is_marked_at_the_highest_score_of_its_tr() -> None:
    live, scores = the_run()
    root = Page(static_page(RUN, live, scores)).svgs["wide"]
    axes = axes_of(RUN, live, np.where(np.arange(300) < 40, np.nan, scores))
    discs = [c for c in root.iter(f"{NS}circle") if c.attrib["fill"] != "none"]
    assert len(discs) == 3
    for disc, t in zip(discs, ONSETS, strict=True):
        assert float(disc.attrib["cx"]) == pytest.approx(float(axes.x(t)), abs=0.01)
        assert float(disc.attrib["cy"]) == pytest.approx(float(axes.y(scores[:, t].max())), abs=0.01)
        code = LIGHT.template(int(scores[:, t].argmax()))
        assert disc.attrib["fill"] == "#" + "".join(f"{round(255 * part):02x}" for part in code[:3])


def test_shaded_times_and_the_threshold_are_where_they_belong() -> None:
    live, scores = the_run()
    root = Page(static_page(RUN, live, scores)).svgs["wide"]
    axes = axes_of(RUN, live, np.where(np.arange(300) < 40, np.nan, scores))
    spans: dict[str, list[tuple[float, float]]] = {}
    for rect in root.iter(f"{NS}rect"):
        if float(rect.attrib["height"]) == axes.plot.h and "fill-opacity" in rect.attrib:
            x = float(rect.attrib["x"])
            spans.setdefault(rect.attrib["fill"], []).append((x, x + float(rect.attrib["width"])))

    def pixels(*blocks: tuple[int, int]) -> list[tuple[float, float]]:
        return [(round(float(axes.x(a))), round(float(axes.x(b)))) for a, b in blocks]

    assert spans["#808080"] == pixels((0, 40))
    assert spans["#0000ff"] == pixels((60, 66), (100, 107), (287, 294))
    assert spans["#00ffff"] == pixels((66, 78), (107, 119), (294, 300))
    dashed = [line for line in root.iter(f"{NS}line") if line.attrib["x1"] == str(int(axes.plot.x))]
    (threshold,) = (line for line in dashed if float(line.attrib["x2"]) == axes.plot.right)
    assert float(threshold.attrib["y1"]) == pytest.approx(float(axes.y(1.5)), abs=2)
    assert "threshold 1.5" in texts(root)


def test_the_tables_hold_the_hits_and_the_templates() -> None:
    live, scores = the_run()
    page = Page(static_page(RUN, live, scores))
    best = scores[:, ONSETS].argmax(axis=0)
    cells = [
        [f"{t}", LABELS[k], f"{scores[k, t]:#.4g}", f"{t} to {o - 1}", f"{o - t}", f"{o + 12}"]
        for t, o, k in zip(ONSETS, OFFSETS, best, strict=True)
    ]
    cells[-1][-1] = "end of run"
    assert page.tables["hits"][1:] == cells
    known = scores[:, 40:]
    assert page.tables["templates"][1:] == [
        [label, f"{(best == k).sum()}", f"{known[k].max():#.4g}", f"{40 + known[k].argmax()}"]
        for k, label in enumerate(LABELS)
    ]
    assert "3 hits. Scored: TR 40 to 299." in page.text


def test_settings_and_software_are_named() -> None:
    live, scores = the_run()
    text = Page(static_page(RUN, live, scores, "2026-01-02 03:04")).text
    for words in ("1.5 (hit_thr)", "from TR 40 (match_start)", "12 volumes (vols_noaction)", "300 volumes (Nt)"):
        assert words in text
    for words in ("rtcog-gl", np.__version__, sys.version.split()[0], "2026-01-02 03:04", "static report"):
        assert words in text


def test_the_page_needs_no_network_and_no_scripts() -> None:
    live, scores = the_run()
    page = Page(static_page(RUN, live, scores))
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert not [name for _, attrs in page.tags for name in attrs if name in ("src", "href") or name.startswith("on")]
    wanted = static_page(RUN, live, scores).replace("http://www.w3.org/2000/svg", "")
    assert "http" not in wanted and "@import" not in wanted


def test_hostile_names_are_text() -> None:
    session = session_of(20, HOSTILE, out_prefix="</title><script>x</script>", match_method="<b>")
    live = Live(n_final=20, onsets=(3, 8), offsets=(5,), ended=True)
    page = Page(static_page(session, live, made_scores(session)))
    tags = [tag for tag, _ in page.tags]
    assert tags.count("title") == 1 and "script" not in tags and "img" not in tags and "b" not in tags
    assert [row[0] for row in page.tables["templates"][1:]] == [*HOSTILE[:2], "a b\ufffd\u202ec d"]
    assert "</title><script>x</script>: rtcog report" in page.text


def test_equal_labels_are_told_apart() -> None:
    session = session_of(20, ("time", "self", "time"))
    page = Page(static_page(session, Live(n_final=20, ended=True), made_scores(session)))
    assert [row[0] for row in page.tables["templates"][1:]] == ["time (row 0)", "self", "time (row 2)"]


def test_thirty_templates_have_thirty_looks() -> None:
    session = session_of(120, tuple(f"Network {k}" for k in range(30)))
    page = Page(static_page(session, Live(n_final=120, ended=True), made_scores(session)))
    paths = list(page.svgs["wide"].iter(f"{NS}path"))
    assert len({(p.attrib["stroke"], p.attrib.get("stroke-dasharray")) for p in paths}) == 30
    keys = [attrs for tag, attrs in page.tags if tag == "path" and attrs["d"] == "M2 4h30"]
    assert len({(a["stroke"], a.get("stroke-dasharray")) for a in keys}) == 30


def test_hits_without_ends_and_doubled_ones() -> None:
    session = session_of(100, ("a", "b"), vols_noaction=10)
    scores = np.full((2, 100), np.nan)
    scores[:, 20] = (1.0, 2.0)
    live = Live(n_final=100, onsets=(50, 20, 20, 60, -1, 400), offsets=(25, 60, 500), ended=True)
    got = hits(session, live, scores)
    nan = float("nan")
    assert [replace(h, score=0.0) for h in got] == [
        Hit(20, 1, 0.0, 25, 35),
        Hit(50, None, 0.0, 60, None),
        Hit(60, None, 0.0, None, None),
    ]
    assert [h.score for h in got] == pytest.approx([2.0, nan, nan], nan_ok=True)
    rows = Page(static_page(session, live, np.nan_to_num(scores))).tables["hits"][1:]
    assert rows[2][3:] == ["from 60, no end known", "–", "–"]


def test_a_run_that_ended_early_has_nothing_after_its_end(tmp_path: Path) -> None:
    scores = made_scores(RUN, end=180)
    path = write_static(config_of(RUN, tmp_path), scores, actions((60, 170), (66,)))
    page = Page(path.read_text(encoding="utf-8"))
    assert "Scored: TR 40 to 179; the run was to go on to TR 299." in page.text
    (points,) = traces(page.svgs["wide"])[0]
    assert len(points) == 140
    known = np.where((np.arange(300) < 40) | (np.arange(300) >= 180), np.nan, scores)
    axes = axes_of(RUN, Live(n_final=180, onsets=(60, 170), offsets=(66,), ended=True), known)
    assert points[-1, 0] == pytest.approx(float(axes.x(179)), abs=0.06)


def test_a_true_zero_in_the_middle_is_a_score(tmp_path: Path) -> None:
    scores = made_scores(RUN)
    scores[:, 100] = 0
    path = write_static(config_of(RUN, tmp_path), scores, actions())
    (points,) = traces(Page(path.read_text(encoding="utf-8")).svgs["wide"])[0]
    assert len(points) == 260


@pytest.mark.parametrize("match_start", [50, 80])
def test_without_any_score_the_page_says_so(tmp_path: Path, match_start: int) -> None:
    session = session_of(50, match_start=match_start)
    path = write_static(config_of(session, tmp_path), np.zeros((7, 50)), actions())
    page = Page(path.read_text(encoding="utf-8"))
    assert f"No volume was scored (the run was to have 50, with matching from TR {match_start})." in page.text
    assert "There was no hit." in page.text
    assert traces(page.svgs["wide"]) == []


@pytest.mark.parametrize("nt", [1, 2, 9])
@pytest.mark.parametrize("value", [0.0, 1.0, np.nan, np.inf, -np.inf, 1e300, 5e-324])
@pytest.mark.parametrize("n", [1, 3])
def test_short_runs_and_odd_scores(tmp_path: Path, nt: int, value: float, n: int) -> None:
    session = session_of(nt, LABELS[:n], vols_noaction=3)
    scores = np.full((n, nt), value)
    page = Page(write_static(config_of(session, tmp_path), scores, actions((0, nt - 1))).read_text(encoding="utf-8"))
    assert len(page.tables["hits"]) == 1 + len({0, nt - 1})
    assert not [text for root in page.svgs.values() for text in texts(root) if "nan" in text or "inf" in text]
    # Only what float32 can hold is drawn.
    assert len(traces(page.svgs["wide"])) == (n if value in (1.0, 5e-324) else 0)


def test_gaps_in_the_scores_are_gaps_in_the_traces(tmp_path: Path) -> None:
    session = session_of(30, ("a",))
    scores = np.ones((1, 30))
    scores[0, [0, 10, 12, 20]] = np.nan, np.inf, -np.inf, np.nan
    page = Page(write_static(config_of(session, tmp_path), scores, actions()).read_text(encoding="utf-8"))
    assert [len(points) for points in traces(page.svgs["wide"])[0]] == [9, 1, 7, 9]


def test_a_long_run_makes_a_small_file(tmp_path: Path) -> None:
    session = session_of(1200, match_start=100, vols_noaction=30, out_prefix="long")
    onsets = tuple(range(150, 1190, 60))
    config, state = config_of(session, tmp_path), actions(onsets, [t + 8 for t in onsets])
    assert write_static(config, made_scores(session), state).stat().st_size < 300_000


def test_a_very_long_run_does_too(tmp_path: Path) -> None:
    session = session_of(30_000)
    assert write_static(config_of(session, tmp_path), made_scores(session), actions()).stat().st_size < 400_000


def test_the_real_run(tmp_path: Path, shared_data: Path) -> None:
    from rtcog_gl.session.synthetic import DemoOptions
    from rtcog_gl.session.synthetic.content import load_content

    files = {key: str(shared_data / f"bold155{end}.nii.gz") for key, end in FILES.items()}
    content = load_content(replace(DemoOptions(), **files).resolved())  # type: ignore[arg-type]
    nt, labels = content.n_volumes, content.header.labels
    scores = np.zeros((len(labels), nt))
    for t in range(20, nt):
        scores[:, t] = content.scores(t, content.volume(t))
    rule = HitRule(1.5)
    onsets = [t for t in range(21, nt) if rule.winner(scores, t) is not None and rule.winner(scores, t - 1) is None]
    session = session_of(nt, labels, match_start=20, out_prefix="real")
    path = write_static(config_of(session, tmp_path), scores, actions(onsets))
    page = Page(path.read_text(encoding="utf-8"))
    assert len(onsets) > 3
    assert [int(row[0]) for row in page.tables["hits"][1:]] == onsets
    assert [len(points) for (points,) in traces(page.svgs["wide"])] == [nt - 20] * len(labels)


FILES = {"bold": "", "mask": "_mask", "templates": "_templates"}


def test_the_file_has_rtcogs_name_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    config, scores = config_of(RUN, tmp_path), made_scores(RUN)
    path = write_static(config, scores, actions(ONSETS, OFFSETS))
    assert path == tmp_path / "sub01.dyn_report.html"
    before = path.read_text(encoding="utf-8")
    assert "3 hits" in before
    write_static(config, scores, actions())
    assert "3 hits" not in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_others_may_read_the_file_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = write_static(config_of(RUN, tmp_path), made_scores(RUN), actions())
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        ("", ".dyn_report.html"),
        ("sub-01 run 3", "sub-01 run 3.dyn_report.html"),
        ("sub/run1", "sub/run1.dyn_report.html"),
        ("sub/../run1", "sub/../run1.dyn_report.html"),
        ("..", "...dyn_report.html"),
        ("../run1", ".._run1.dyn_report.html"),
        ("sub/../../run1", "sub_.._.._run1.dyn_report.html"),
        ("/tmp/run1", "_tmp_run1.dyn_report.html"),
        ("a\0b", "a_b.dyn_report.html"),
    ],
)
def test_the_report_lies_where_rtcog_would_put_it_but_never_outside(tmp_path: Path, prefix: str, name: str) -> None:
    assert report_path(str(tmp_path), prefix) == tmp_path / name


def test_a_relative_folder_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out" / "sub").mkdir(parents=True)
    session = replace(RUN, out_prefix="sub/run1")
    path = write_static(config_of(session, "out"), made_scores(session), actions())
    assert path == tmp_path / "out" / "sub" / "run1.dyn_report.html" and path.is_file()


@pytest.mark.parametrize("prefix", ["sub01", "x" * 300])
def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path, prefix: str) -> None:
    folder = tmp_path / "missing" if prefix == "sub01" else tmp_path
    session = replace(RUN, out_prefix=prefix)
    with pytest.raises(OSError, match=r"^report: .* cannot be written \(.*\), expected a folder that can be$"):
        write_static(config_of(session, folder), made_scores(session), actions())
    assert list(tmp_path.iterdir()) == []


def test_a_failure_half_way_leaves_the_old_report_and_no_scrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, scores = config_of(RUN, tmp_path), made_scores(RUN)
    path = write_static(config, scores, actions())
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report.os, "fsync", full)
    with pytest.raises(OSError, match=r"cannot be written \(No space left on device\)"):
        write_static(config, scores, actions(ONSETS))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_scores_of_another_shape_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"report: got scores of shape \(7, 299\), expected \(7, 300\)"):
        write_static(config_of(RUN, tmp_path), made_scores(RUN)[:, 1:], actions())
    assert list(tmp_path.iterdir()) == []


def test_what_the_caller_handed_over_is_left_as_it_was(tmp_path: Path) -> None:
    scores = made_scores(RUN, end=200)
    before = scores.copy()
    write_static(config_of(RUN, tmp_path), scores, actions())
    assert np.array_equal(scores, before)


def test_no_graphics_are_loaded(tmp_path: Path) -> None:
    code = (
        "import json, sys\n"
        "import numpy as np\n"
        "from rtcog_gl.model.session import Live, Session\n"
        "from rtcog_gl.report import static_page\n"
        "page = static_page(Session(3, ('a',), 1.0), Live(3, (1,)), np.ones((1, 3)))\n"
        "print(len(page), sorted({'vispy', 'glfw', 'OpenGL'} & set(sys.modules)))"
    )
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)
    assert run.returncode == 0, run.stderr
    size, loaded = run.stdout.strip().split(" ", 1)
    assert int(size) > 5000 and loaded == "[]"
