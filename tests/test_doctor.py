"""The doctor: what each check says of good and bad machines, that none takes the others down, and the whole of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtcog_gl import doctor
from rtcog_gl.model.finding import Finding, examine, ok, problem, warning

REPOSITORY = Path(__file__).resolve().parent.parent
GOOD = ok("fonts", "there")
WARNED = warning("renderer", "slow", "buy a faster one")
BAD = problem("window", "none", "open one")


def findings_of(arguments: list[str], **environment: str) -> tuple[int, dict[str, Any]]:
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")} | environment
    command = [sys.executable, "-m", "rtcog_gl", "doctor", "--json", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=200)
    report: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, report


def levels(report: dict[str, Any]) -> dict[str, str]:
    return {finding["name"]: finding["level"] for finding in report["findings"]}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a display cannot be taken away")
def test_without_a_display_it_says_so_and_checks_the_rest(tmp_path: Path) -> None:
    status, report = findings_of([], RTCOG_GL_RUNTIME_DIR=str(tmp_path / "run"), PYGLFW_LIBRARY_VARIANT="x11")
    got = levels(report)
    assert status == 1
    assert report["can_show"] is False
    assert [name for name, level in got.items() if level == "problem"] == ["window"]
    window = report["findings"][0]
    assert "DISPLAY" in window["found"]
    assert "xvfb-run" in window["advice"]
    assert {"monitors", "off-screen OpenGL", "software", "fonts", "shared memory", "events"} <= got.keys()
    if got["off-screen OpenGL"] == "ok":
        opengl = ("OpenGL version", "shaders", "float textures", "vertex textures", "orientation")
        assert [got[name] for name in opengl] == ["ok"] * len(opengl)


@pytest.mark.display
def test_with_a_display_a_session_can_be_shown(tmp_path: Path) -> None:
    shown = {name: os.environ[name] for name in ("DISPLAY", "WAYLAND_DISPLAY") if name in os.environ}
    if not shown:
        pytest.skip("no display: neither DISPLAY nor WAYLAND_DISPLAY is set")
    status, report = findings_of([], RTCOG_GL_RUNTIME_DIR=str(tmp_path / "run"), **shown)
    got = levels(report)
    assert (status, report["can_show"]) == (0, True)
    assert "problem" not in got.values()
    assert [got[name] for name in ("window", "shaders", "orientation")] == ["ok"] * 3
    assert "off-screen OpenGL" not in got


def test_status_and_verdict() -> None:
    assert doctor.can_show([GOOD, WARNED])
    assert not doctor.can_show([GOOD, WARNED, BAD])
    assert doctor.verdict([GOOD]) == "A session can be shown on this machine."
    assert doctor.verdict([GOOD, WARNED]) == "A session can be shown on this machine, with 1 warning."
    assert doctor.verdict([WARNED, BAD]) == "A session cannot be shown on this machine: window."


@pytest.mark.parametrize(("found", "status"), [([GOOD, WARNED], 0), ([GOOD, BAD], 1)])
@pytest.mark.parametrize("as_json", [False, True])
def test_main_prints_and_returns_the_status(
    found: list[Finding],
    status: int,
    as_json: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(doctor, "diagnose", lambda: found)
    assert doctor.main(as_json=as_json) == status
    printed = capsys.readouterr().out
    if as_json:
        assert [Finding(**f) for f in json.loads(printed)["findings"]] == found
    else:
        assert printed.rstrip().endswith(doctor.verdict(found))


def test_the_report_stands_in_columns() -> None:
    long = warning("shared memory", "word " * 60, "advice " * 40)
    lines = doctor.report([GOOD, long, BAD], 90).splitlines()
    assert lines[0] == "ok       fonts          there"
    column = lines[0].index("there")
    assert max(map(len, lines)) <= 90
    heads = [line for line in lines[:-2] if line[:column].strip()]
    assert [line.split()[0] for line in heads] == ["ok", "warning", "problem"]
    assert all(line[column - 1] == " " and line[column] != " " for line in heads)
    assert sum("-> " in line for line in lines) == 2


def test_a_check_that_raises_is_its_own_problem() -> None:
    def broken() -> Finding:
        raise KeyError("glyphs")

    finding = examine("fonts", broken)
    assert (finding.name, finding.level) == ("fonts", "problem")
    assert "KeyError: 'glyphs'" in finding.found
    assert finding.advice


def test_one_broken_check_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Finding:
        raise OSError("no such device")

    monkeypatch.setattr(doctor, "display", lambda: [GOOD])
    monkeypatch.setattr(doctor, "shared_memory", broken)
    got = {finding.name: finding.level for finding in doctor.diagnose()}
    assert got["shared memory"] == "problem"
    assert [got[name] for name in ("software", "fonts", "events")] == ["ok"] * 3


def line(message: object) -> str:
    return json.dumps(message) + "\n"


FOUND = line({"name": "window", "level": "ok", "found": "opened", "advice": ""})


def test_the_probes_findings_are_collected_among_other_output() -> None:
    output = "libGL: hello\n" + line({"checking": "window"}) + "[1, 2]\n" + FOUND + line({"of": "someone else"})
    assert doctor.collect(output, "window", "ended early") == [ok("window", "opened")]


@pytest.mark.parametrize(
    ("output", "names"),
    [
        ("", ["window"]),
        (line({"checking": "window"}), ["window"]),
        (line({"checking": "window"}) + FOUND + line({"checking": "shaders"}) + '{"name": "sha', ["window", "shaders"]),
    ],
)
def test_a_probe_that_dies_is_a_problem_of_the_check_it_was_at(output: str, names: list[str]) -> None:
    got = doctor.collect(output, "window", "the process died with signal 11")
    assert [finding.name for finding in got] == names
    assert (got[-1].level, got[-1].found) == ("problem", "the process died with signal 11")


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    (tmp_path / "rtcog_gl_stand_in.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(doctor, "PROBE", "rtcog_gl_stand_in")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to die of")
def test_a_driver_that_crashes_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = 'import os, signal\nprint(\'{"checking": "renderer"}\', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n'
    stand_in(tmp_path, monkeypatch, code)
    (finding,) = doctor.probe([])
    assert (finding.name, finding.level, finding.found) == ("renderer", "problem", "the process died with signal 9")


def test_a_driver_that_hangs_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, 'import time\nprint(\'{"checking": "shaders"}\', flush=True)\ntime.sleep(60)\n')
    (finding,) = doctor.probe([], timeout_s=2.0)
    assert (finding.name, finding.level, finding.found) == ("shaders", "problem", "no answer for 2 s")


def test_a_probe_that_cannot_start_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, "raise ImportError('no module glfw')\n")
    (finding,) = doctor.probe([])
    assert (finding.name, finding.level) == ("window", "problem")
    assert "no module glfw" in finding.found


GIB = 1 << 30


@pytest.mark.parametrize(
    ("free", "level"), [(None, "ok"), (2 * GIB, "ok"), (GIB, "warning"), (64 << 20, "warning"), (1 << 20, "problem")]
)
def test_shared_memory_must_have_room(free: int | None, level: str) -> None:
    finding = doctor.judge_room(free, 4 * doctor.VOXELS * doctor.TRS)
    assert finding.level == level
    assert "needs 1.1 GiB" in finding.found
    assert ("/dev/shm" in finding.advice) == (level != "ok")


def test_shared_memory_is_written_read_and_removed() -> None:
    if not Path("/dev/shm").is_dir():
        pytest.skip("segments are not files on this system")
    assert doctor.round_trip() == ""
    assert list(Path("/dev/shm").glob("rgdoctor*")) == []


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        ((True, True, True), "ok"),
        ((True, False, True), "warning"),
        ((True, False, False), "warning"),
        ((False, True, True), "problem"),
    ],
)
def test_events(facts: tuple[bool, bool, bool], level: str) -> None:
    finding = doctor.judge_events(*facts)
    assert finding.level == level
    assert bool(finding.advice) == (level != "ok")


def test_this_machines_events_work() -> None:
    assert doctor.events().level in ("ok", "warning")


def test_missing_software_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.software().level == "ok"
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package-as-this"))
    finding = doctor.software()
    assert finding.level == "problem"
    assert finding.advice == "pip install no-such-package-as-this"


def test_a_runtime_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RTCOG_GL_RUNTIME_DIR", str(tmp_path / "file" / "below"))
    finding = doctor.runtime_folder()
    assert finding.level == "warning"
    assert "RTCOG_GL_RUNTIME_DIR" in finding.advice


@pytest.fixture
def probe(canvas: Any) -> Any:
    from rtcog_gl.gpu import probe as module

    return module


@pytest.mark.parametrize(
    ("opengl", "glsl", "level"),
    [
        ("4.5 (Compatibility Profile) Mesa 22.3.6", "4.50", "ok"),
        ("2.1 Metal - 88", "1.20", "ok"),
        ("4.6.0 NVIDIA 550.54", "4.60 NVIDIA", "ok"),
        ("1.4 (2.1 Mesa 7.0)", "1.20", "problem"),
        ("2.1.0", "1.10", "problem"),
        ("OpenGL ES 3.2 Mesa", "OpenGL ES GLSL ES 3.20", "problem"),
        ("1.1.0", "None", "problem"),
    ],
)
def test_versions(probe: Any, opengl: str, glsl: str, level: str) -> None:
    finding = probe.judge_version(opengl, glsl)
    assert finding.level == level
    assert opengl in finding.found


@pytest.mark.parametrize(("sides", "level"), [((4096, 256), "ok"), ((2048, 512), "warning"), ((8192, 128), "warning")])
def test_texture_sizes(probe: Any, sides: tuple[int, int], level: str) -> None:
    assert probe.judge_sizes(*sides).level == level


@pytest.mark.parametrize(
    ("name", "software"),
    [
        ("llvmpipe (LLVM 15.0.6, 256 bits) by Mesa/X.org", True),
        ("GDI Generic by Microsoft Corporation", True),
        ("Apple Software Renderer by Apple Inc.", True),
        ("NVIDIA GeForce RTX 3080/PCIe/SSE2 by NVIDIA Corporation", False),
        ("Apple M2 by Apple", False),
        ("Mesa Intel(R) UHD Graphics 620 (KBL GT2) by Intel", False),
    ],
)
def test_software_renderers_are_named_as_such(probe: Any, name: str, software: bool) -> None:
    assert probe.is_software(name) == software


@pytest.mark.gl
def test_every_check_of_this_opengl_passes(probe: Any) -> None:
    got = {name: examine(name, check) for name, check in probe.checks()}
    assert [finding for finding in got.values() if finding.level == "problem"] == []
    pairs = sorted(path.stem for path in (REPOSITORY / "shaders").glob("*.vert"))
    assert got["shaders"].found == f"{len(pairs)} compiled: {', '.join(pairs)}"


@pytest.mark.gl
def test_a_shader_that_does_not_compile_is_named(probe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from vispy import gloo

    good = probe.shaders.program

    def program(name: str) -> Any:
        return gloo.Program("nonsense;", "nonsense;") if name == "ramp" else good(name)

    monkeypatch.setattr(probe.shaders, "program", program)
    finding = probe.compilation()
    assert finding.level == "problem"
    assert "ramp: " in finding.found
    assert "shapes: " not in finding.found


@pytest.mark.gl
def test_values_come_back_through_float_textures(probe: Any) -> None:
    for value in (5.0, -3.5, 0.25, 9.5, -9.5):
        assert probe.drawn_value(value) == pytest.approx(value, abs=0.1)
    assert probe.trace_heights() == pytest.approx(probe.VALUES, abs=0.1)


@pytest.mark.gl
def test_textures_of_eight_bits_are_caught(probe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from vispy import gloo

    from rtcog_gl.gpu import map_texture

    class Cheap:
        """What gloo offers, but float textures of eight bits."""

        @staticmethod
        def Texture2D(*args: Any, **options: Any) -> Any:
            return gloo.Texture2D(*args, **(options | {"internalformat": "r8"}))

    monkeypatch.setattr(map_texture, "gloo", Cheap)
    assert probe.float_textures().level == "problem"


@pytest.mark.gl
def test_traces_that_are_not_there_are_caught(probe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe.TracesLayer, "draw", lambda self, view, size: None)
    finding = probe.vertex_textures()
    assert finding.level == "problem"
    assert "nan" in finding.found


@pytest.mark.gl
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(3)), signs=st.tuples(*[st.sampled_from((-4.0, 4.0))] * 3), seed=st.integers(0, 999))
def test_the_phantom_lies_right_for_every_affine(
    probe: Any, order: list[int], signs: tuple[float, float, float], seed: int
) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.diag(signs)[:, order] + np.random.default_rng(seed).uniform(-0.6, 0.6, (3, 3))
    affine[:3, 3] = (12.0, -30.0, 5.0)
    assert probe.wrong_sides(affine) == []


@pytest.mark.gl
@pytest.mark.parametrize(
    ("turn", "said"),
    [
        (lambda picture: picture[::-1], "S is not at the top of the coronal slice"),
        (lambda picture: picture[:, ::-1], "L is not at the left of the coronal slice"),
    ],
)
def test_a_picture_that_is_turned_over_is_caught(
    probe: Any, monkeypatch: pytest.MonkeyPatch, turn: Callable[[Any], Any], said: str
) -> None:
    good = probe._picture
    monkeypatch.setattr(probe, "_picture", lambda size, paint: turn(good(size, paint)))
    finding = probe.orientation()
    assert finding.level == "problem"
    assert said in finding.found


@pytest.mark.gl
def test_a_mirrored_affine_in_the_layer_is_caught(probe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from rtcog_gl.gpu import slices

    good = slices._inverse
    monkeypatch.setattr(slices, "_inverse", lambda affine: good(np.diag([-1.0, 1, 1, 1]) @ affine))
    wrong = probe.wrong_sides(np.diag([4.0, 4, 4, 1]) - [[0, 0, 0, 32], [0, 0, 0, 32], [0, 0, 0, 32], [0, 0, 0, 0]])
    assert "L is not at the left of the axial slice" in wrong
    assert [words for words in wrong if "sagittal" in words] == []


def monitor(hz: int, number: int = 0) -> Any:
    from rtcog_gl.window.monitors import Monitor

    return Monitor(number, "DELL", 0, 0, 1920, 1080, hz, None)


@pytest.mark.parametrize(
    ("hz", "fastest", "level"), [(60, 60, "ok"), (59, 60, "ok"), (60, 144, "warning"), (0, 0, "ok"), (0, 60, "ok")]
)
def test_monitors(hz: int, fastest: int, level: str) -> None:
    window = pytest.importorskip("rtcog_gl.window.probe")
    finding = window.judge_monitors([(monitor(hz), window.Modes(3, (3840, 2160), fastest))])
    assert finding.level == level
    assert "0: DELL, 1920x1080" in finding.found
    assert "3 modes up to 3840x2160" in finding.found
    assert ("refresh rate unknown" in finding.found) == (hz == 0)


def test_no_monitor_is_a_warning() -> None:
    window = pytest.importorskip("rtcog_gl.window.probe")
    assert window.judge_monitors([]).level == "warning"


def test_it_says_where_rtcog_is_without_importing_it(tmp_path: Path) -> None:
    (tmp_path / "rtcog").mkdir()
    (tmp_path / "rtcog" / "__init__.py").write_text("raise RuntimeError('AFNI not found')\n")
    code = "import rtcog_gl.doctor as d; f = d.rtcog(); print(f.level, f.found)"
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("ok ") and str(tmp_path / "rtcog") in done.stdout


def test_a_machine_without_rtcog_can_show_a_session() -> None:
    found = doctor.judge_rtcog(None)
    assert found.level == "ok" and "rtcog-gl run" in found.found
