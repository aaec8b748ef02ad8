"""``rtcog-gl doctor``: can this machine show a session, and what to do if it cannot.

What needs OpenGL runs in another process (`rtcog_gl.window.probe`), so that a driver that crashes or hangs is a line of
the report and not its end.
"""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import os
import platform
import secrets
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import metadata
from importlib.machinery import ModuleSpec
from typing import Any

from rtcog_gl import __version__
from rtcog_gl.model.finding import Finding, examine, ok, problem, warning

PROBE_S = 90.0
"""Seconds after which the OpenGL checks count as hung."""

PROBE = "rtcog_gl.window.probe"
NO_DISPLAY = "not asked: no window could be opened"

VOXELS, TRS = 235_375, 1200
"""A brain at 2 mm and a long run, whose maps should fit into shared memory."""

LEAST_SHM = 64 << 20
"""Bytes of shared memory without which not even the scores and the board are safe."""

PACKAGES = ("numpy", "vispy", "glfw", "PyOpenGL", "nibabel", "freetype-py", "cmap", "platformdirs")


def main(as_json: bool = False) -> int:
    """Examine the machine, print the report, and return 0 if a session can be shown, else 1."""
    findings = diagnose()
    text = as_json_text(findings) if as_json else report(findings, shutil.get_terminal_size((110, 24)).columns)
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))
    return 0 if can_show(findings) else 1


def diagnose() -> list[Finding]:
    """Run every check and return what they found."""
    checks: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("software", software),
        ("rtcog", rtcog),
        ("fonts", fonts),
        ("shared memory", shared_memory),
        ("events", events),
        ("runtime folder", runtime_folder),
    )
    return [*display(), *(examine(name, check) for name, check in checks)]


def can_show(findings: Sequence[Finding]) -> bool:
    """Whether nothing found keeps a session from being shown."""
    return all(finding.level != "problem" for finding in findings)


def display() -> list[Finding]:
    """Check window, monitors and OpenGL; without a window, what OpenGL can do off the screen."""
    found = probe([])
    if can_show(found[:1]):
        return found
    monitors = warning("monitors", NO_DISPLAY, "run the doctor again once there is a display")
    if not sys.platform.startswith("linux"):
        return [*found, monitors]
    # EGL without a display has to be asked for before vispy and PyOpenGL are imported.
    return [*found, monitors, *probe(["--off-screen"], EGL_PLATFORM="surfaceless", PYOPENGL_PLATFORM="egl")]


def probe(arguments: Sequence[str], timeout_s: float = PROBE_S, **environment: str) -> list[Finding]:
    """Run the checks that need OpenGL in another process, and return what they found."""
    from rtcog_gl.session.interpreter import child_environment, python_command

    command = python_command(PROBE, *arguments)
    name = "off-screen OpenGL" if arguments else "window"
    try:
        done = subprocess.run(
            command,
            env=child_environment() | environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as error:
        output = error.stdout or b""
        text = output.decode("utf-8", "replace") if isinstance(output, bytes) else output
        return collect(text, name, f"no answer for {timeout_s:g} s")
    except OSError as error:
        return [problem(name, f"the checks cannot be started: {error}", "install Python and rtcog-gl again")]
    return collect(done.stdout, name, _ending(done))


def _ending(done: subprocess.CompletedProcess[str]) -> str:
    """Return how a process ended if that was not by itself, or nothing."""
    if done.returncode in (0, 1):
        lines = done.stderr.strip().splitlines()
        return f"ended early: {lines[-1]}" if lines else "ended early"
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"status {done.returncode}"
    return f"the process died with {how}"


def collect(output: str, name: str, ending: str) -> list[Finding]:
    """Return the findings in a probe's output; a check without its finding ended as `ending` says."""
    findings: list[Finding] = []
    pending = name
    for line in output.splitlines():
        message = _message(line)
        if "checking" in message:
            pending = str(message["checking"])
        elif message:
            findings.append(Finding(**message))
            pending = ""
    if pending:
        advice = "update the graphics card's driver; OpenGL or the desktop does not survive this check"
        findings.append(problem(pending, ending, advice))
    return findings


def _message(line: str) -> dict[str, Any]:
    # Libraries write to the standard output, too.
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    wanted = isinstance(message, dict) and ("checking" in message or {"name", "level", "found"} <= message.keys())
    return message if wanted else {}


def software() -> Finding:
    """Name the versions of Python and of what rtcog-gl needs."""
    missing = []
    parts = [f"rtcog-gl {__version__}", f"Python {platform.python_version()}", platform.platform(terse=True)]
    for package in PACKAGES:
        try:
            parts.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        return problem(
            "software", f"{', '.join(parts)}; missing: {', '.join(missing)}", f"pip install {' '.join(missing)}"
        )
    return ok("software", ", ".join(parts))


def rtcog() -> Finding:
    """Check whether rtcog is in this environment; it is not imported, because it needs AFNI for that."""
    return judge_rtcog(importlib.util.find_spec("rtcog"))


def judge_rtcog(spec: ModuleSpec | None) -> Finding:
    """Judge where rtcog was found; a machine without it can show sessions all the same."""
    if spec is None:
        return ok("rtcog", "not in this environment; only rtcog-gl run and run-min need it")
    try:
        version = metadata.version("rtcog")
    except metadata.PackageNotFoundError:
        version = "of unknown version"
    places = list(spec.submodule_search_locations or ())
    return ok("rtcog", f"{version}, in {places[0] if places else spec.origin}: rtcog-gl run will use it")


def fonts() -> Finding:
    """Rasterise a letter of each font."""
    from rtcog_gl.gpu.font import GlyphAtlas, font_file

    atlas = GlyphAtlas()
    for bold in (False, True):
        if not atlas.glyph("H", 15, bold).width:
            return problem("fonts", f"{font_file(bold)} has no letters", "install vispy again: its fonts are damaged")
    return ok("fonts", f"{font_file(False).stem} and {font_file(True).stem}, from vispy")


def shared_memory() -> Finding:
    """Make a small segment, read it as the viewer does, remove it, and see how much room there is."""
    wrong = round_trip()
    if wrong:
        return problem("shared memory", wrong, "rtcog needs shared memory as well: ask who looks after this machine")
    return judge_room(_free_shared_memory(), 4 * VOXELS * TRS)


def round_trip() -> str:
    """Return what is wrong with a segment that is written and read back read-only, or nothing."""
    from multiprocessing.shared_memory import SharedMemory

    from rtcog_gl.session.segments import ReadOnlySegment

    written = bytes(range(1, 65))
    made = SharedMemory(create=True, size=len(written), name=f"rgdoctor{secrets.token_hex(4)}")
    try:
        writable: Any = made.buf
        writable[: len(written)] = written
        del writable
        segment = ReadOnlySegment(made.name)
        view = segment.buf
        read = bytes(view[: len(written)])
        view.release()
        segment.close()
    finally:
        made.close()
        made.unlink()
    return "" if read == written else f"a segment came back changed: got {read[:4]!r}, expected {written[:4]!r}"


def _free_shared_memory() -> int | None:
    """Return the free bytes of the file system that holds segments, or None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    room = os.statvfs("/dev/shm")
    return room.f_bavail * room.f_frsize


def judge_room(free: int | None, wanted: int) -> Finding:
    """Judge the free bytes, given those that a long run at 2 mm takes."""
    name, run = "shared memory", f"a run of {TRS} TRs at 2 mm needs {_size(wanted)}"
    if free is None:
        return ok(name, f"segments can be made and read; {run}, limited by memory only")
    found = f"{_size(free)} free in /dev/shm; {run}"
    larger = f"make it larger (sudo mount -o remount,size={-(-wanted * 5 // 4 >> 30)}G /dev/shm; in Docker: --shm-size)"
    if free < LEAST_SHM:
        return problem(name, f"{found}, and a small one {_size(LEAST_SHM)}", f"{larger}, or remove old files in it")
    if free < wanted:
        return warning(name, found, f"{larger}, or use a smaller mask or a shorter run")
    return ok(name, found)


def _size(n: int) -> str:
    return f"{n / 2**30:.1f} GiB" if n >= 2**30 else f"{n / 2**20:.0f} MiB"


def events() -> Finding:
    """Check that rtcog's events can be looked at without taking their locks."""
    from rtcog_gl.session.signals import Look, counter

    event, index = multiprocessing.Event(), multiprocessing.Value("i", -1)
    look = Look(event)
    seen = [look.is_set()]
    event.set()
    seen += [look.is_set(), look.test_and_clear(), event.is_set(), bool(counter(index)() != -1)]
    return judge_events(seen == [False, True, True, False, False], look.lock_free, look.clears_lock_free)


def judge_events(right: bool, lock_free: bool, clears_lock_free: bool) -> Finding:
    """Judge how events can be looked at."""
    if not right:
        advice = "use a Python (CPython 3.10 or newer) whose multiprocessing events work"
        return problem("events", "an event reads otherwise than it was set", advice)
    if lock_free:
        return ok("events", "looked at without locks")
    how = "cleared without locks, but looked at with one" if clears_lock_free else "looked at with locks"
    return warning(
        "events", f"{how}, so seldom", "this works; but close the viewer by its window, and do not kill the keeper"
    )


def runtime_folder() -> Finding:
    """Check that there is a folder in which running sessions are listed."""
    from rtcog_gl.session import discovery

    try:
        folder = discovery.folder()
    except OSError as error:
        advice = f"set {discovery.FOLDER_VARIABLE} to a folder that is yours alone"
        return warning("runtime folder", f"sessions cannot be listed: {error}", advice)
    return ok("runtime folder", str(folder))


def as_json_text(findings: Sequence[Finding]) -> str:
    """Return the report as JSON."""
    whole = {"version": __version__, "can_show": can_show(findings), "findings": [asdict(f) for f in findings]}
    return json.dumps(whole, indent=2)


def report(findings: Sequence[Finding], width: int = 110) -> str:
    """Return the report as text in columns, lines no longer than `width` characters where words allow it."""
    level_w = max(len("problem"), *(len(f.level) for f in findings)) + 2
    name_w = max(len(f.name) for f in findings) + 2
    indent = " " * (level_w + name_w)
    lines = []
    for f in findings:
        room = max(40, width)
        head = f"{f.level:<{level_w}}{f.name:<{name_w}}"
        lines += textwrap.wrap(f.found, room, initial_indent=head, subsequent_indent=indent) or [head.rstrip()]
        if f.advice:
            lines += textwrap.wrap(
                f.advice, room, initial_indent=f"{indent}-> ", subsequent_indent=f"{indent}   ", break_on_hyphens=False
            )
    return "\n".join([*lines, "", verdict(findings)])


def verdict(findings: Sequence[Finding]) -> str:
    """Return the last line of the report."""
    bad = [f.name for f in findings if f.level == "problem"]
    if bad:
        return f"A session cannot be shown on this machine: {', '.join(bad)}."
    warned = sum(f.level == "warning" for f in findings)
    return "A session can be shown on this machine" + (
        f", with {warned} warning{'s' * (warned > 1)}." if warned else "."
    )
