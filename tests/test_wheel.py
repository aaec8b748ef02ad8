"""The wheel: built, installed into a fresh environment, and drawn with, away from the checkout."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCES = ("rtcog_gl", "shaders", "pyproject.toml", "README.md", "LICENSE")

DRAW = """
import sys
from pathlib import Path

import numpy as np
import vispy

vispy.use(app=sys.argv[1], gl="gl+")
from vispy import app, gloo

import rtcog_gl
from rtcog_gl.gpu import shaders
from rtcog_gl.gpu.shapes import ShapesLayer
from rtcog_gl.model.draw import Rect, ShapeList

home = Path(sys.prefix).resolve()
for path in (Path(rtcog_gl.__file__), shaders.folder()):
    assert home in path.resolve().parents, f"{path} is not in {home}"

canvas = app.Canvas(size=(64, 48), show=False, autoswap=False, dpi=96)
canvas.set_current()
shapes = ShapeList()
shapes.box(Rect(8, 4, 20, 10), (1.0, 0.0, 0.0, 1.0))
shapes.box(Rect(30, 20, 30, 25), (0.0, 1.0, 1.0, 1.0))
frame = gloo.FrameBuffer(color=gloo.Texture2D((48, 64, 4), format="rgba", internalformat="rgba8"))
with frame:
    gloo.set_viewport(0, 0, 64, 48)
    gloo.set_state(depth_test=False, cull_face=False, blend=True)
    gloo.set_blend_func("src_alpha", "one_minus_src_alpha", "one", "one_minus_src_alpha")
    gloo.clear(color=(0.0, 0.0, 0.0, 1.0))
    ShapesLayer().draw("wheel", shapes.array(), (64, 48))
    np.save(sys.argv[2], frame.read("color", alpha=True))
for shader in sorted(shaders.folder().glob("*.vert")):
    shaders.program(shader.stem)
"""


def _run(command: list[str | Path], cwd: Path, **environment: str) -> str:
    """Run a command that does not see this environment's paths, and return what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    result = subprocess.run(command, cwd=cwd, env=kept | environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, f"{command}:\n{result.stdout[-2000:]}\n{result.stderr[-4000:]}"
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the sources, so that the checkout stays as it is."""
    copy = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    new_enough = int(importlib.metadata.version("setuptools").split(".")[0]) >= 77
    isolation = ["--no-isolation"] if new_enough else []
    _run([sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", copy / "dist", copy], copy)
    (built,) = (copy / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a fresh environment, which borrows only what rtcog-gl needs, and return its Python."""
    root = tmp_path_factory.mktemp("fresh")
    _run([sys.executable, "-m", "venv", "--without-pip", root / "venv"], root)
    python = root / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    _run([sys.executable, "-m", "pip", "-q", "--python", python, "install", "--no-deps", "--no-index", wheel], root)
    # A .pth file adds the folder but does not read the .pth files in it: an editable rtcog-gl there stays unseen, and
    # what the wheel put into the environment's own folder comes first anyway.
    own = Path(_run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], root).strip())
    borrowed = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (own / "borrowed.pth").write_text("\n".join(borrowed) + "\n")
    return python


def test_wheel_carries_everything(wheel: Path) -> None:
    carried = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        f"rtcog_gl/shaders/{path.relative_to(REPOSITORY / 'shaders').as_posix()}"
        for path in (REPOSITORY / "shaders").rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }
    assert any(name.endswith(".glsl") for name in expected)
    expected |= {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "rtcog_gl").rglob("*.py")}
    expected.add("rtcog_gl/py.typed")
    assert expected - carried == set(), "pyproject.toml, [tool.setuptools]: a package or a kind of file is not listed"
    info = {name for name in carried if ".dist-info/" in name}
    assert carried - info == expected
    assert [name for name in info if name.endswith("/LICENSE")]


def test_versions_agree(wheel: Path) -> None:
    import rtcog_gl

    assert wheel.name.split("-")[1] == rtcog_gl.__version__
    assert f"\nversion: {rtcog_gl.__version__}\n" in (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {rtcog_gl.__version__} " in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


def test_console_script_and_module_answer(environment: Path, tmp_path: Path) -> None:
    script = _run([environment.parent / "rtcog-gl", "--help"], tmp_path)
    assert "demo" in script
    assert "doctor" in script
    assert "demo" in _run([environment, "-m", "rtcog_gl", "--help"], tmp_path)


@pytest.mark.gl
def test_installed_wheel_draws(environment: Path, tmp_path: Path) -> None:
    linux = sys.platform.startswith("linux")
    off_screen = {"EGL_PLATFORM": "surfaceless", "PYOPENGL_PLATFORM": "egl"} if linux else {}
    picture = tmp_path / "picture.npy"
    (tmp_path / "draw.py").write_text(DRAW)
    _run([environment, tmp_path / "draw.py", "egl" if linux else "glfw", picture], tmp_path, **off_screen)
    expected = np.zeros((48, 64, 4), np.uint8)
    expected[..., 3] = 255
    expected[4:14, 8:28, 0] = 255
    expected[20:45, 30:60, 1:3] = 255
    np.testing.assert_allclose(np.load(picture).astype(int), expected.astype(int), rtol=0, atol=1)
