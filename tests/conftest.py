"""Fixtures that several test files share: an off-screen OpenGL context, a picture of anything drawn, real data."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixels import Draw
    from vispy.app import Canvas

# The machine may be busy, and a run for others to judge should find tomorrow what it finds today.
settings.register_profile("rtcog", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("rtcog")

REPOSITORY = Path(__file__).resolve().parent.parent


@contextmanager
def _off_screen() -> Iterator[None]:
    """Have EGL do without a display, and PyOpenGL take its functions from EGL, while both are loaded.

    The variables are gone afterwards: child processes of a test may open real windows, and would inherit them.
    """
    wanted = {"EGL_PLATFORM": "surfaceless", "PYOPENGL_PLATFORM": "egl"} if sys.platform.startswith("linux") else {}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@pytest.fixture(scope="session")
def canvas() -> Iterator[Canvas]:
    """Return the one off-screen canvas (640x480) of this test process, current and on desktop OpenGL."""
    try:
        with _off_screen():
            import vispy

            vispy.use(app="egl", gl="gl+")
            from vispy import app

            made = app.Canvas(size=(640, 480), show=False, autoswap=False, dpi=96)
    except Exception as error:
        pytest.skip(f"no off-screen OpenGL through EGL on this machine: {error}")
    made.set_current()
    yield made
    made.close()


@pytest.fixture
def draw(canvas: Canvas) -> Draw:
    """Return ``draw(size, fn, clear=...) -> picture``; see `pixels.render`."""
    from functools import partial

    from pixels import render

    return partial(render, canvas)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder with the real run and the templates."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not there")
    return folder
