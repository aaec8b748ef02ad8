"""``rtcog-gl run``: whose argument is whose, what rtcog is started with, and what is said when it cannot be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from standin_rig import METHODS, MODULE, Rig

from rtcog_gl import run
from rtcog_gl.model.options import ENVIRONMENT, parse_options, words_of

OURS = "rtcog_gl.processor.GLProcessor"
THEIRS = "rtcog.processor.esam_processor.ESAMProcessor"


@pytest.mark.parametrize(
    ("words", "ours", "rest"),
    [
        ("", "", ""),
        ("-c x", "", "-c x"),
        ("--monitor 1 -c x", "--monitor 1", "-c x"),
        ("--monitor=1 --fullscreen -c x", "--monitor=1 --fullscreen", "-c x"),
        ("-c x --fullscreen --monitor 1", "", "-c x --fullscreen --monitor 1"),
        ("--fullscreen -- --monitor 1", "--fullscreen", "--monitor 1"),
        ("-- -- x", "", "-- x"),
        ("--full -c x", "", "--full -c x"),
        ("--fscreen --fullscreen", "", "--fscreen --fullscreen"),
        ("--help", "--help", ""),
        ("-c x --help", "", "-c x --help"),
        ("--linger -1 --debug", "--linger -1", "--debug"),
        ("--monitor", "--monitor", ""),
        ("-m mask.nii -d", "", "-m mask.nii -d"),
    ],
)
def test_options_are_ours_only_where_they_stand_first(words: str, ours: str, rest: str) -> None:
    assert run.split(words.split(), run.parser("run")) == (ours.split(), rest.split())


def test_options_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "--monitor 2 --theme light")
    run.pass_on(["--monitor", "1", "--anat", "a file's.nii"])
    words, messages = words_of(os.environ[ENVIRONMENT])
    options, refused = parse_options(words)
    assert (options.monitor, options.theme, options.anat) == (1, "light", "a file's.nii")
    assert messages + refused == []


def test_no_options_leave_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    run.pass_on([])
    assert ENVIRONMENT not in os.environ


def cli(*words: str, path: Path | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    parts = [str(path)] if path else []
    environment["PYTHONPATH"] = os.pathsep.join([*parts, str(Path(run.__file__).parents[1])])
    return subprocess.run(
        [*MODULE, *words], env=environment, cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    """Return a folder with an rtcog that cannot be imported; tests write what it says."""
    folder = tmp_path / "path" / "rtcog"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    return folder


@pytest.mark.parametrize("command", ["run", "run-min"])
def test_help_says_whose_help_it_is(command: str) -> None:
    done = cli(command, "--help")
    assert done.returncode == 0
    assert f"rtcog-gl {command} [VIEWER OPTIONS] [--] ARGS..." in done.stdout
    assert f"rtcog-gl {command} -c FILE --help" in done.stdout
    assert "--fullscreen" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--monitor", "x"), "argument --monitor: got 'x', expected a number from 0 to 63"),
        (("--monitor",), "argument --monitor: expected one argument"),
        (("--monitor", "-c"), "argument --monitor: expected one argument"),
        (("--fullscreen=1",), "argument --fullscreen: ignored explicit argument '1'"),
    ],
)
def test_bad_option_is_one_sentence_and_rtcog_is_not_started(fake: Path, words: tuple[str, ...], said: str) -> None:
    (fake / "__init__.py").write_text("print('started')")
    done = cli("run", *words, path=fake.parent)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"rtcog-gl run: {said}.\n"


@pytest.mark.parametrize("command", ["run", "run-min"])
def test_without_rtcog_it_says_how_to_get_it(tmp_path: Path, command: str) -> None:
    # Not found as if there was none, also where there is one.
    (tmp_path / "rtcog.py").write_text("raise ModuleNotFoundError('No module named rtcog', name='rtcog')")
    done = cli(command, "-c", "x", path=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "https://github.com/nimh-sfim/rtcog" in done.stderr
    assert "pip install -e" in done.stderr


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "import no_such_psychopy",
            "rtcog was found, but not the module 'no_such_psychopy', which is imported with it",
        ),
        ("raise RuntimeError('AFNI not found')", "rtcog was found but cannot be loaded: RuntimeError: AFNI not found"),
        ("import rtcog.elsewhere", "rtcog was found, but not the module 'rtcog.elsewhere', which is imported with it"),
    ],
)
def test_what_rtcog_misses_is_named(fake: Path, source: str, said: str) -> None:
    (fake / "main.py").write_text(source)
    done = cli("run", "-c", "x", path=fake.parent)
    assert (done.returncode, done.stderr) == (2, f"rtcog-gl run: {said}.\n")


@pytest.mark.parametrize("command", ["run", "run-min"])
@pytest.mark.parametrize("ends", [None, 7, SystemExit(3), KeyboardInterrupt()])
def test_the_command_line_is_rtcogs_only_while_it_runs(
    monkeypatch: pytest.MonkeyPatch, command: str, ends: int | BaseException | None
) -> None:
    seen: list[list[str]] = []

    def program() -> int | None:
        seen.append(sys.argv)
        if isinstance(ends, BaseException):
            raise ends
        return ends

    before = ["our program", "its word"]
    monkeypatch.setattr(sys, "argv", before)
    monkeypatch.setattr(run, "prepare", lambda command: SimpleNamespace(main=program))
    monkeypatch.setattr(run, "check_like_esam", lambda arguments: None)
    monkeypatch.setattr(run, "listen", lambda verbose: None)
    with pytest.raises(type(ends)) if isinstance(ends, BaseException) else nullcontext():
        assert run.main(command, ["-c", "x"]) == (ends or 0)
    assert seen == [[run.PROGRAMS[command][1], "-c", "x"]]
    assert sys.argv is before


def test_registry_gets_both_names() -> None:
    registry = {"basic": {"processor": float, "action": str}, "esam": {"processor": int, "action": bytes}}
    run.register(registry, bool)
    assert registry == {
        "basic": {"processor": float, "action": str},
        "esam": {"processor": bool, "action": bytes},
        "esam_gl": {"processor": bool, "action": bytes},
    }


def test_registry_without_esam_is_refused() -> None:
    with pytest.raises(run.Refused, match=r"\['basic'\], expected 'esam'"):
        run.register({"basic": {}}, bool)


def test_a_class_made_from_ours_stays_and_one_that_would_be_lost_is_refused() -> None:
    registry = {"esam": {"processor": bool, "action": bytes}}
    run.register(registry, int)
    assert {name: entry["processor"] for name, entry in registry.items()} == {"esam": bool, "esam_gl": bool}
    foreign = {"esam": {"processor": float, "action": bytes}}
    with pytest.raises(run.Refused, match=r"'esam' is run by builtins\.float, expected rtcog's own class"):
        run.register(foreign, int)
    assert foreign == {"esam": {"processor": float, "action": bytes}}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["esam", "esam_gl"])
def test_rtcog_runs_with_exactly_its_arguments_and_our_processor(tmp_path: Path, method: str, kind: str) -> None:
    rig = Rig(tmp_path, method, nvols=3)
    status, printed = rig.run("--exp_type", kind, "--nvols", "4")
    assert status == 0, printed
    main, child = rig.said("main.json"), rig.said("child.json")
    assert main["argv"] == ["rtcog", *rig.arguments, "--exp_type", kind, "--nvols", "4"]
    assert child["class"] == OURS
    assert {name: entry["processor"] for name, entry in main["registry"].items()} == {
        "basic": "builtins.object",
        "esam": OURS,
        "esam_gl": OURS,
    }
    assert main["registry"]["esam"]["action"] == main["registry"]["esam_gl"]["action"]


def test_exit_status_is_passed_on(tmp_path: Path) -> None:
    status, printed = Rig(tmp_path, METHODS[0], nvols=3, status=7).run()
    assert status == 7, printed


@pytest.mark.parametrize("method", METHODS)
def test_installed_script_does_the_same(tmp_path: Path, method: str) -> None:
    script = shutil.which("rtcog-gl", path=str(Path(sys.executable).parent))
    if script is None:
        pytest.skip("rtcog-gl is not installed beside this interpreter")
    rig = Rig(tmp_path, method, nvols=3)
    with rig.running([script, "run", *rig.flags, *rig.arguments]) as process:
        printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    assert rig.said("child.json")["class"] == OURS


def test_esam_gl_needs_what_esam_needs(tmp_path: Path) -> None:
    rig = Rig(tmp_path, METHODS[0], hit_thr=None, exp_type="esam_gl")
    status, printed = rig.run()
    assert status == 2
    assert "rtcog: error: The following arguments are required: --hit_thr" in printed
    assert not (rig.out / "main.json").exists()


def test_rtcogs_own_complaints_are_its_own(tmp_path: Path) -> None:
    status, printed = Rig(tmp_path, METHODS[0]).run("--no_such_argument")
    assert status == 2
    assert printed.count("unrecognized arguments: --no_such_argument") == 1


@pytest.mark.parametrize("method", METHODS)
def test_minimal_program_gets_our_processor_and_report(tmp_path: Path, method: str) -> None:
    rig = Rig(tmp_path, method)
    status, printed = rig.run(command="run-min")
    assert status == 0, printed
    assert rig.said("main.json")["argv"] == ["rtcog_min", *rig.arguments]
    assert rig.said("child.json")["class"] == OURS
    assert (rig.out / "run.dyn_report.html").stat().st_size > 0
    assert "Traceback" not in printed
