"""The set-up script, run against pretended machines: every program that it calls is a stand-in that keeps a record."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libX11.so.6": "libx11-6",
    "libXcursor.so.1": "libxcursor1",
    "libXi.so.6": "libxi6",
    "libXinerama.so.1": "libxinerama1",
    "libXrandr.so.2": "libxrandr2",
    "libGLX_mesa.so.0": "libglx-mesa0",
    "libEGL_mesa.so.0": "libegl-mesa0",
}
TOOLS = ("sh", "cat", "cksum", "dirname", "env", "grep", "mkdir", "sleep", "chmod", "cp", "true")
INSTALL = "apt-get install -y --no-install-recommends"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the set-up script is for Linux and macOS")


@dataclass
class Machine:
    """A pretended machine: its programs lie in `bin`, what they were asked to do in `record`."""

    root: Path

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    @property
    def record(self) -> list[str]:
        log = self.root / "log"
        return log.read_text().splitlines() if log.exists() else []

    def forget(self) -> None:
        (self.root / "log").unlink(missing_ok=True)

    def program(self, name: str, body: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def python(self, name: str, version: str, able: str = "venv") -> None:
        """Add a Python that answers the script's question, makes a .venv, and plays that .venv's pip."""
        major, minor, _ = version.split(".")
        self.program(
            name,
            f"""case "$1 $2" in
            -c*) echo "{version} {major}{int(minor):02d} {able}" ;;
            "-m venv")
                echo "venv {version}" >>{self.root}/log
                mkdir -p .venv/bin && cp "$0" .venv/bin/python
                echo "VIRTUAL_ENV=$(pwd -P)/.venv" >.venv/bin/activate ;;
            "-m pip")
                for last; do :; done
                echo "pip $last" >>{self.root}/log ;;
            esac""",
        )

    def libraries(self, names: list[str]) -> None:
        lines = [f"\t{name} (libc6,x86-64) => /lib/x86_64-linux-gnu/{name}" for name in names]
        (self.root / "libraries").write_text("\n".join(lines) + "\n")

    def user(self, uid: int, sudo: str | None = None) -> None:
        """Be root (0) or not; `sudo` is None (not there), 'free' (asks nothing) or 'asks' (wants a password)."""
        self.program("id", f"echo {uid}")
        if sudo:
            run = '[ "$1" = -n ] && shift; echo "sudo $1" >>' + f'{self.root}/log; exec "$@"'
            self.program("sudo", run if sudo == "free" else "exit 1")

    def setup(self, mode: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.bin / "sh", "tools/setup.sh", mode],
            cwd=self.root / "checkout",
            env={"PATH": str(self.bin), **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a Debian machine that has everything, as root."""
    made = Machine(tmp_path)
    (tmp_path / "checkout" / "tools").mkdir(parents=True)
    made.bin.mkdir()
    shutil.copy(REPOSITORY / "tools" / "setup.sh", tmp_path / "checkout" / "tools")
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path / "checkout")
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (made.bin / tool).symlink_to(found)
    made.program("uname", "echo Linux")
    made.program("ldconfig", f"cat {tmp_path}/libraries")
    made.program("Xvfb", "exit 1")
    made.program("xauth", "exit 1")
    made.program("xdotool", "exit 1")
    # Whatever is installed, all libraries are there afterwards.
    lines = "\\n".join(f"{name} (libc6)" for name in LIBRARIES)
    made.program("apt-get", f'echo "apt-get $*" >>{tmp_path}/log; printf "{lines}\\n" >{tmp_path}/libraries')
    made.libraries(list(LIBRARIES))
    made.python("python3", "3.11.2")
    made.user(0)
    return made


@pytest.mark.parametrize(("mode", "extras"), [("demo", "demo"), ("test", "demo,test")])
def test_a_second_run_does_nothing(machine: Machine, mode: str, extras: str) -> None:
    first = machine.setup(mode)
    assert first.returncode == 0, first.stderr
    assert machine.record == ["venv 3.11.2", f"pip .[{extras}]"]
    machine.forget()
    second = machine.setup(mode)
    assert (second.returncode, second.stdout, machine.record) == (0, "", [])


def test_set_up_for_tests_is_set_up_for_the_demo_but_not_the_reverse(machine: Machine) -> None:
    machine.setup("demo")
    machine.forget()
    machine.setup("test")
    assert machine.record == ["pip .[demo,test]"]
    machine.forget()
    machine.setup("demo")
    assert machine.record == []


def test_a_changed_pyproject_installs_again_into_the_same_venv(machine: Machine) -> None:
    machine.setup("test")
    machine.forget()
    with (machine.root / "checkout" / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    machine.setup("test")
    assert machine.record == ["pip .[demo,test]"]


def test_another_python_makes_the_venv_anew(machine: Machine) -> None:
    machine.setup("test")
    machine.forget()
    machine.python("mine", "3.12.1")
    machine.setup("test", PYTHON="mine")
    assert machine.record == ["venv 3.12.1", "pip .[demo,test]"]
    machine.forget()
    machine.setup("test", PYTHON="mine")
    assert machine.record == []


def test_a_moved_checkout_makes_the_venv_anew(machine: Machine) -> None:
    machine.setup("test")
    (machine.root / "checkout").rename(machine.root / "elsewhere")
    (machine.root / "elsewhere").rename(machine.root / "other")
    (machine.root / "checkout").symlink_to(machine.root / "other")
    machine.forget()
    machine.setup("test")
    assert machine.record[0] == "venv 3.11.2"


def test_the_newest_python_that_runs_is_taken(machine: Machine) -> None:
    machine.program("python3.14", "exit 127")
    machine.python("python3.12", "3.12.4")
    machine.python("python3.10", "3.10.13")
    machine.setup("demo")
    assert machine.record[0] == "venv 3.12.4"


def test_a_python_that_can_make_a_venv_is_preferred(machine: Machine) -> None:
    machine.python("python3.13", "3.13.1", able="bare")
    machine.setup("demo")
    assert machine.record == ["venv 3.11.2", "pip .[demo]"]


@pytest.mark.parametrize("environment", [{}, {"PYTHON": "python3"}])
def test_too_old_a_python_gets_one_sentence(machine: Machine, environment: dict[str, str]) -> None:
    machine.python("python3", "3.9.18")
    result = machine.setup("test", **environment)
    assert result.returncode == 1
    assert result.stderr == (
        "setup: python3 is Python 3.9.18, but rtcog-gl needs 3.10 or newer: "
        "install one and run make PYTHON=/path/to/python3.\n"
    )
    assert machine.record == []


def test_a_python_that_does_not_run_gets_one_sentence(machine: Machine) -> None:
    result = machine.setup("test", PYTHON="/nowhere/python3")
    assert result.returncode == 1
    assert result.stderr == "setup: PYTHON: /nowhere/python3 does not run, expected Python 3.10 or newer.\n"


@pytest.mark.parametrize(("library", "package"), LIBRARIES.items())
def test_root_installs_what_is_missing_and_only_that(machine: Machine, library: str, package: str) -> None:
    machine.libraries([name for name in LIBRARIES if name != library])
    result = machine.setup("test")
    assert result.returncode == 0, result.stderr
    update, install, *rest = machine.record
    assert update.startswith("apt-get update")
    assert install.startswith("apt-get install -y")
    assert install.endswith(f"Use-Pty=0 {package}")
    assert rest == ["venv 3.11.2", "pip .[demo,test]"]


def test_a_sudo_that_asks_nothing_is_used(machine: Machine) -> None:
    machine.libraries([])
    machine.user(1000, sudo="free")
    assert machine.setup("test").returncode == 0
    assert [line for line in machine.record if line.startswith("apt-get")]
    assert "sudo apt-get" in machine.record


@pytest.mark.parametrize(("sudo", "prefix"), [(None, "su -c"), ("asks", "sudo sh -c")])
def test_a_user_gets_the_one_command(machine: Machine, sudo: str | None, prefix: str) -> None:
    machine.libraries([name for name in LIBRARIES if name not in ("libEGL.so.1", "libfontconfig.so.1")])
    (machine.bin / "Xvfb").unlink()
    machine.user(1000, sudo)
    result = machine.setup("test")
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "setup: missing: Xvfb, libEGL.so.1, libfontconfig.so.1. This one command installs them; then run make again:",
        f"    {prefix} 'apt-get update && {INSTALL} xvfb libegl1 libfontconfig1'",
    ]
    assert machine.record == []


def test_without_apt_the_libraries_are_named(machine: Machine) -> None:
    (machine.bin / "apt-get").unlink()
    machine.libraries([name for name in LIBRARIES if name != "libGL.so.1"])
    result = machine.setup("test")
    assert result.returncode == 1
    assert "missing: libGL.so.1." in result.stderr
    assert machine.setup("test", SKIP_SYSTEM_CHECK="1").returncode == 0


def test_what_apt_could_not_bring_is_named(machine: Machine) -> None:
    machine.program("apt-get", "exit 0")
    machine.libraries([name for name in LIBRARIES if name != "libGL.so.1"])
    result = machine.setup("test")
    assert result.returncode == 1
    assert result.stderr == "setup: still missing after apt-get install: libGL.so.1.\n"


def test_a_bare_python_and_no_python_ask_for_packages(machine: Machine) -> None:
    machine.user(1000)
    machine.python("python3", "3.11.2", able="bare")
    assert machine.setup("demo").stderr.endswith(f"{INSTALL} python3.11-venv'\n")
    (machine.bin / "python3").unlink()
    assert machine.setup("demo").stderr.endswith(f"{INSTALL} python3 python3-venv'\n")


def test_a_virtual_display_is_wanted_only_where_there_is_none(machine: Machine) -> None:
    machine.user(1000)
    (machine.bin / "Xvfb").unlink()
    for display in ("DISPLAY", "WAYLAND_DISPLAY"):
        assert machine.setup("demo", **{display: ":0"}).returncode == 0
    assert machine.setup("demo").returncode == 1
    assert machine.setup("test", DISPLAY=":0").returncode == 1


def test_the_tests_need_a_hand_on_the_keys_and_the_demo_does_not(machine: Machine) -> None:
    machine.user(1000)
    (machine.bin / "xdotool").unlink()
    assert machine.setup("demo").returncode == 0
    result = machine.setup("test")
    assert result.returncode == 1
    assert result.stderr.endswith(f"{INSTALL} xdotool'\n")


def test_a_mac_needs_no_libraries(machine: Machine) -> None:
    machine.program("uname", "echo Darwin")
    for name in ("Xvfb", "xauth", "xdotool", "ldconfig", "apt-get"):
        (machine.bin / name).unlink()
    assert machine.setup("test").returncode == 0
    assert machine.record == ["venv 3.11.2", "pip .[demo,test]"]


def test_a_wrong_mode_is_refused(machine: Machine) -> None:
    result = machine.setup("everything")
    assert (result.returncode, result.stderr) == (2, "setup: got 'everything', expected demo or test\n")


def _make(*arguments: str, **environment: str) -> str:
    """Return what make would run."""
    if not shutil.which("make") or not sys.platform.startswith("linux"):
        pytest.skip("needs make, on Linux")
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "PYTEST_ARGS", "MAKEFLAGS")}
    return subprocess.run(
        ["make", "-n", *arguments], cwd=REPOSITORY, env=kept | environment, capture_output=True, text=True, check=True
    ).stdout


def test_demo_without_a_display_runs_on_a_virtual_one() -> None:
    commands = _make("demo", "DEMO_ARGS=--nvols 9")
    assert 'xvfb-run -a -s "-screen 0 1920x1080x24" .venv/bin/rtcog-gl demo' in commands
    for words in (
        "--duration 45 --size 1920x1080",
        "--screenshot out/demo.png",
        "--latency-log out/demo-latency.jsonl",
    ):
        assert words in commands
    assert "--nvols 9" in commands
    assert "out/demo-latency-summary.json" in commands


def test_demo_with_a_display_uses_it() -> None:
    commands = _make("demo", DISPLAY=":0")
    assert "xvfb-run" not in commands
    assert ".venv/bin/rtcog-gl demo" in commands


def test_the_drawing_tests_run_a_second_time_as_old_opengl() -> None:
    passes = [line for line in _make("test").splitlines() if " -m pytest" in line]
    assert [line.split('-m "')[1].split('"')[0] for line in passes] == [
        "not display and not soak",
        "display and not soak",
        "gl and not display and not soak",
    ]
    assert "MESA_GL_VERSION_OVERRIDE=2.1 MESA_GLSL_VERSION_OVERRIDE=120" in passes[2]


def test_the_pass_with_windows_fails_where_there_can_be_none() -> None:
    assert ["RTCOG_GL_REQUIRE_DISPLAY=1" in line for line in _make("test").splitlines() if " -m pytest" in line] == [
        False,
        True,
        False,
    ]
    asked = os.environ | {"RTCOG_GL_REQUIRE_DISPLAY": "1", "DISPLAY": ""}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "display", "tests/test_live.py"]
    done = subprocess.run(command, cwd=REPOSITORY, env=asked, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode not in (0, 5)
    assert "there is no X display (DISPLAY is empty)" in done.stdout


def test_continuous_integration_calls_make_test() -> None:
    script = REPOSITORY / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "make test"
