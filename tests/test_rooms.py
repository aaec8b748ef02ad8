"""Who may import whom: read from every module's source, so that imports inside functions count as well."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "rtcog_gl"
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMS = ("model", "session", "gpu", "window")

LOWER = {
    "model": {"model"},
    "session": {"session", "model"},
    "gpu": {"gpu", "model"},
    "window": {"window", "gpu", "session", "model"},
}
"""The rooms that a room's modules may import."""

HOME = {"vispy.gloo": "gpu", "glfw": "window", "vispy.app": "window"}
"""What one room alone may import."""

GRAPHICS = {"vispy", "glfw", "OpenGL"}


def module_name(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(node: ast.AST, package: str) -> set[str]:
    """Return the full names that a statement imports; `package` is what its relative imports start from."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if not isinstance(node, ast.ImportFrom):
        return set()
    base = node.module or ""
    if node.level:
        parts = package.split(".")
        base = ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])
    return {f"{base}.{alias.name}" for alias in node.names}


def within(name: str, root: str) -> bool:
    return name == root or name.startswith(root + ".")


def faults(source: str, module: str, is_package: bool = False) -> list[str]:
    """Return the import rule's complaints about a module of a room."""
    package = module if is_package else module.rpartition(".")[0]
    room = module.split(".")[1]
    found = []
    for node in ast.walk(ast.parse(source)):
        for name in sorted(imported(node, package)):
            root = name.split(".")[0]
            mine = any(within(name, f"rtcog_gl.{lower}") for lower in LOWER[room]) or name == "rtcog_gl.__version__"
            if root == "rtcog_gl" and not mine:
                found.append(f"{module} imports {name}")
            if room == "model" and root not in (*sys.stdlib_module_names, "numpy", "rtcog_gl"):
                found.append(f"{module} imports {name}: neither numpy nor the standard library")
            if room == "session" and root in GRAPHICS:
                found.append(f"{module} imports {name}")
            found += [
                f"{module} imports {name}" for owned, home in HOME.items() if within(name, owned) and room != home
            ]
    return sorted(set(found))


def at_import_time(node: ast.AST, package: str) -> set[str]:
    """Return what is imported as soon as the module is: not inside functions, not for type checkers only."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return set()
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return set().union(*(at_import_time(child, package) for child in node.orelse), set())
    return imported(node, package).union(*(at_import_time(child, package) for child in ast.iter_child_nodes(node)))


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_what_lies_below(room: str) -> None:
    paths = [path for path in MODULES if path.relative_to(PACKAGE).parts[0] == room]
    assert paths
    found = [
        fault
        for path in paths
        for fault in faults(path.read_text(encoding="utf-8"), module_name(path), path.name == "__init__.py")
    ]
    assert found == []


def test_every_module_lies_in_a_room_or_at_the_top() -> None:
    folders = {path.relative_to(PACKAGE).parts[0] for path in MODULES if path.parent != PACKAGE}
    assert folders == set(ROOMS)


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent == PACKAGE], ids=lambda path: path.name)
def test_top_level_modules_load_no_graphics_when_imported(path: Path) -> None:
    names = at_import_time(ast.parse(path.read_text(encoding="utf-8")), "rtcog_gl")
    rooms = ("rtcog_gl.gpu", "rtcog_gl.window")
    assert [n for n in sorted(names) if n.split(".")[0] in GRAPHICS or any(within(n, room) for room in rooms)] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("rtcog_gl.model.a", "import scipy"),
        ("rtcog_gl.model.a", "from ..session import board"),
        ("rtcog_gl.model.panels.a", "from ...gpu import shaders"),
        ("rtcog_gl.model.a", "def f():\n    import vispy"),
        ("rtcog_gl.session.a", "from rtcog_gl import gpu"),
        ("rtcog_gl.session.a", "import rtcog_gl.window.loop"),
        ("rtcog_gl.session.a", "from rtcog_gl.streamer import run_streamer"),
        ("rtcog_gl.gpu.a", "from rtcog_gl.session.board import Board"),
        ("rtcog_gl.gpu.a", "import glfw"),
        ("rtcog_gl.gpu.a", "from vispy import app"),
        ("rtcog_gl.window.a", "from vispy.gloo import Program"),
        ("rtcog_gl.window.a", "def f():\n    from vispy import gloo"),
    ],
)
def test_the_rule_catches(module: str, source: str) -> None:
    assert len(faults(source, module)) >= 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("rtcog_gl.model.a", "import json\nimport numpy as np\nfrom .session import Session"),
        ("rtcog_gl.model.panels.a", "from ..draw import Rect\nfrom . import pen"),
        ("rtcog_gl.session.a", "from rtcog_gl.model import session\nimport platformdirs"),
        ("rtcog_gl.gpu.a", "from vispy import gloo\nfrom rtcog_gl.model.draw import Shapes"),
        ("rtcog_gl.window.a", "import glfw\nfrom vispy import app\nfrom rtcog_gl.gpu import shapes"),
    ],
)
def test_the_rule_lets_pass(module: str, source: str) -> None:
    assert faults(source, module) == []


def test_import_time_leaves_out_functions_and_type_checking() -> None:
    source = "\n".join(
        (
            "import a",
            "if TYPE_CHECKING: import b",
            "else: import c",
            "def f(): import d",
            "class C: import e",
        )
    )
    assert at_import_time(ast.parse(source), "rtcog_gl") == {"a", "c", "e"}


def _graphics_after(code: str) -> list[str]:
    """Return which graphics packages a fresh Python has loaded after `code`."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted({GRAPHICS!r} & set(sys.modules))))"
    run = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    loaded: list[str] = json.loads(run.stdout.splitlines()[-1])
    return loaded


def test_rtcogs_entry_loads_no_graphics() -> None:
    code = "import rtcog_gl, rtcog_gl.streamer\nfrom rtcog_gl import ESAMStreamer, run_streamer"
    assert _graphics_after(code) == []


def test_model_and_session_load_no_graphics() -> None:
    names = [
        module_name(path)
        for path in MODULES
        if path.relative_to(PACKAGE).parts[0] in ("model", "session") and path.name != "__main__.py"
    ]
    assert _graphics_after("\n".join(f"import {name}" for name in names)) == []


def test_graphics_are_seen_where_they_are_loaded() -> None:
    assert "vispy" in _graphics_after("import rtcog_gl.gpu.shaders")


GLSL_WORDS = ("gl_" + "Position", "gl_" + "FragColor", "gl_" + "FragCoord", "void " + "main")


@pytest.mark.parametrize("folder", ["rtcog_gl", "benchmarks", "tools"])
def test_no_glsl_stands_in_python(folder: str) -> None:
    """Tests may hold a few lines that call one shared function; what is shipped or measured may not."""
    found = [
        f"{path.relative_to(REPOSITORY)}: {word}"
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        for word in GLSL_WORDS
        if word in path.read_text(encoding="utf-8")
    ]
    assert found == []
