"""Pictures in tests: draw off screen, read back, compare, and keep what differs.

Every picture is (h, w, 4) uint8 with the TOP row first, like `rtcog_gl.model.draw`'s pixel coordinates. OpenGL counts
rows from the bottom: clip space y = +1 is the top row, in a window and in a framebuffer object alike.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

Picture = npt.NDArray[np.uint8]
FAILED = Path(__file__).resolve().parent / "failed"


class Draw(Protocol):
    """What the fixture `draw` gives."""

    def __call__(
        self,
        size: tuple[int, int],
        fn: Callable[[], object],
        clear: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0),
    ) -> Picture: ...


class _Complaints(logging.Handler):
    """Collects what vispy only logs, such as variables that a program needs and nobody set."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def render(
    canvas: Any,
    size: tuple[int, int],
    fn: Callable[[], object],
    clear: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0),
) -> Picture:
    """Call `fn()` with a framebuffer of `size` (w, h) bound, cleared and blending, and return what it drew.

    The state is what `rtcog_gl.gpu.target.prepare` sets. Exceptions and vispy's warnings fail.
    """
    from vispy import gloo

    from rtcog_gl.gpu.target import prepare

    canvas.set_current()
    width, height = size
    frame = gloo.FrameBuffer(color=gloo.Texture2D((height, width, 4), format="rgba", internalformat="rgba8"))
    complaints = _Complaints()
    logger = logging.getLogger("vispy")
    logger.addHandler(complaints)
    try:
        with frame:
            prepare(size)
            gloo.clear(color=clear)
            fn()
            picture = np.array(frame.read("color", alpha=True))
        gloo.flush()
    finally:
        logger.removeHandler(complaints)
        frame.delete()
    if complaints.said:
        raise AssertionError("vispy complained: " + "; ".join(complaints.said))
    return picture


def to_bytes(values: npt.NDArray[np.floating]) -> Picture:
    """Return colours 0..1 as OpenGL stores them in 8 bits."""
    return np.clip(np.rint(np.asarray(values, np.float64) * 255.0), 0, 255).astype(np.uint8)


def save(name: str, picture: npt.NDArray[np.uint8]) -> Path:
    """Write a picture into ``tests/failed`` and return its path."""
    FAILED.mkdir(exist_ok=True)
    path = FAILED / (re.sub(r"[^\w.-]+", "-", name) + ".png")
    Image.fromarray(picture).save(path)
    return path


def assert_close(
    got: Picture,
    expected: npt.NDArray[Any],
    tol: int = 1,
    name: str = "picture",
    mask: npt.NDArray[np.bool_] | None = None,
) -> None:
    """Assert that two pictures differ by `tol`/255 at most, where `mask` (h, w) is true or everywhere.

    `expected` is uint8, or floats 0..1; (h, w, 3) leaves alpha out of the comparison. On failure the pictures and their
    difference (amplified) are left in ``tests/failed`` and the message says where the worst pixel is.
    """
    wanted = expected if expected.dtype == np.uint8 else to_bytes(expected)
    seen = got[..., : wanted.shape[-1]]
    assert seen.shape == wanted.shape, f"{name}: got a picture of {seen.shape}, expected {wanted.shape}"
    error = np.abs(seen.astype(np.int16) - wanted.astype(np.int16)).max(axis=-1)
    if mask is not None:
        error = np.where(mask, error, 0)
    worst = int(error.max(initial=0))
    if worst <= tol:
        return
    row, column = np.unravel_index(int(error.argmax()), error.shape)
    amplified = np.minimum(error * 32, 255).astype(np.uint8)
    for part, picture in (("got", seen), ("expected", wanted), ("difference", amplified)):
        save(f"{name}.{part}", np.ascontiguousarray(picture))
    raise AssertionError(
        f"{name}: {int((error > tol).sum())} of {error.size} pixels differ by more than {tol}/255; the worst by "
        f"{worst}/255 at x={column} y={row}: got {seen[row, column].tolist()}, expected "
        f"{wanted[row, column].tolist()}; pictures in {FAILED}"
    )
