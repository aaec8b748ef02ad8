"""The doctor's checks of OpenGL. Each needs a current context; they draw into a framebuffer of their own."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from vispy import gloo

from ..model.draw import Axes, Rect, SlicesView, TraceStyle, TraceView
from ..model.finding import Finding, ok, problem, warning
from ..model.planes import LETTERS, EdgeLetters, edge_letters, slice_planes
from ..model.volume import MaskGrid
from . import shaders
from .score_texture import ScoreTexture
from .slices import SlicesLayer
from .target import prepare
from .traces import TracesLayer

Picture = npt.NDArray[np.uint8]
Size = tuple[int, int]

SOFTWARE = ("llvmpipe", "softpipe", "swrast", "software", "swiftshader", "gdi generic", "warp", "basic render")
"""What renderers without a graphics card call themselves."""

DRIVER = "install or update the graphics card's own driver (NVIDIA, AMD or Intel)"

_GL_SHADING_LANGUAGE_VERSION = 0x8B8C
_GL_MAX_TEXTURE_SIZE = 0x0D33
_GL_MAX_3D_TEXTURE_SIZE = 0x8073
_GL_MAX_VERTEX_TEXTURE_IMAGE_UNITS = 0x8B4C

NEEDED_SIDE, NEEDED_3D_SIDE = 4096, 256
"""Texture sides (texels) at which a 4K window, 100,000 TRs and a head at 1 mm fit."""

VALUES = (5.0, -3.5)
"""Scores and map values that no 8-bit texture keeps."""

RED, BLUE = (1.0, 0.0, 0.0, 1.0), (0.0, 0.0, 1.0, 1.0)


def checks() -> tuple[tuple[str, Callable[[], Finding]], ...]:
    """Return every check with its name, in the order in which they should run."""
    return (
        ("renderer", renderer),
        ("OpenGL version", version),
        ("texture sizes", texture_sizes),
        ("shaders", compilation),
        ("float textures", float_textures),
        ("vertex textures", vertex_textures),
        ("orientation", orientation),
    )


def _parameter(name: int) -> str:
    return str(gloo.gl.glGetParameter(name))


def renderer() -> Finding:
    """Name vendor and renderer, and say whether a graphics card draws."""
    name = f"{_parameter(gloo.gl.GL_RENDERER)} by {_parameter(gloo.gl.GL_VENDOR)}"
    if is_software(name):
        return warning(
            "renderer",
            f"{name}: a software renderer, which draws on the CPU",
            f"enough for a look; for a session beside other work, {DRIVER}",
        )
    return ok("renderer", name)


def is_software(name: str) -> bool:
    """Whether a renderer of that name draws without a graphics card."""
    return any(word in name.lower() for word in SOFTWARE)


def version() -> Finding:
    """Check that OpenGL is 2.1 and GLSL 1.20, or newer."""
    return judge_version(_parameter(gloo.gl.GL_VERSION), _parameter(_GL_SHADING_LANGUAGE_VERSION))


def judge_version(opengl: str, glsl: str) -> Finding:
    """Judge the versions as OpenGL spells them."""
    found = f"OpenGL {opengl}, GLSL {glsl}"
    if "OpenGL ES" in opengl:
        return problem("OpenGL version", f"{found}: OpenGL ES, expected desktop OpenGL 2.1 or newer", DRIVER)
    if _number(opengl) < (2, 1) or _number(glsl) < (1, 20):
        return problem("OpenGL version", f"{found}, expected OpenGL 2.1 and GLSL 1.20 or newer", DRIVER)
    return ok("OpenGL version", found)


def _number(text: str) -> tuple[int, int]:
    match = re.search(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def texture_sizes() -> Finding:
    """Check how large textures can be."""
    return judge_sizes(int(_parameter(_GL_MAX_TEXTURE_SIZE)), int(_parameter(_GL_MAX_3D_TEXTURE_SIZE)))


def judge_sizes(side: int, side_3d: int) -> Finding:
    """Judge the largest sides of 2-D and 3-D textures."""
    found = f"up to {side} a side, in 3-D {side_3d}"
    if side < NEEDED_SIDE or side_3d < NEEDED_3D_SIDE:
        return warning(
            "texture sizes",
            f"{found}, expected {NEEDED_SIDE} and {NEEDED_3D_SIDE}",
            f"masks of more than {side_3d} voxels a side get no map, and a 4K window may stay black; {DRIVER}",
        )
    return ok("texture sizes", found)


def compilation() -> Finding:
    """Compile and link every pair of shaders."""
    names = sorted(path.stem for path in shaders.folder().glob("*.vert") if path.with_suffix(".frag").is_file())
    if not names:
        return problem("shaders", f"none in {shaders.folder()}", "install rtcog-gl again")
    bad = [f"{name}: {error}" for name in names if (error := _compile(name))]
    if bad:
        return problem("shaders", f"{len(bad)} of {len(names)} do not compile: {'; '.join(bad)[:1500]}", DRIVER)
    return ok("shaders", f"{len(names)} compiled: {', '.join(names)}")


def _compile(name: str) -> str:
    """Return what is wrong with a program, or nothing."""
    made = shaders.program(name)
    # A program reaches OpenGL only with the queue of a canvas, which it otherwise joins when it is drawn.
    gloo.get_current_canvas().context.glir.associate(made.glir)
    try:
        gloo.flush()
    except RuntimeError as error:
        return " ".join(str(error).split())
    finally:
        made.delete()
    return ""


def _picture(size: Size, paint: Callable[[], None]) -> Picture:
    """Return what `paint` draws, on black, (height, width, 4), top row first."""
    blank = np.zeros((size[1], size[0], 4), np.uint8)
    frame = gloo.FrameBuffer(color=gloo.Texture2D(blank, format="rgba", internalformat="rgba8"))
    try:
        with frame:
            prepare(size)
            gloo.clear(color=(0.0, 0.0, 0.0, 1.0), depth=False)
            paint()
            picture: Picture = np.array(frame.read("color", alpha=True), np.uint8)
    finally:
        frame.delete()
        gloo.flush()
    return picture


def _grey() -> gloo.Texture2D:
    """Return a colour map from black to white, so that a picture can be read as values."""
    colours = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 4, axis=2)
    colours[..., 3] = 255
    return gloo.Texture2D(colours, format="rgba", internalformat="rgba8", interpolation="linear")


def float_textures() -> Finding:
    """Check that a map keeps values outside 0..1."""
    got = [drawn_value(value) for value in VALUES]
    found = " and ".join(f"{value:g} came back as {back:.1f}" for value, back in zip(VALUES, got, strict=True))
    if any(abs(back - value) > 0.2 for value, back in zip(VALUES, got, strict=True)):
        return problem("float textures", f"r32f: {found}", DRIVER)
    return ok("float textures", f"r32f: {found}")


def drawn_value(value: float) -> float:
    """Return the value that a map voxel of `value` has in the picture, to about 0.1."""
    size, vmax = (48, 16), 10.0
    grid = MaskGrid((1, 1, 1), np.diag([8.0, 8.0, 8.0, 1.0]), np.ones(1, np.bool_))
    layer, grey = SlicesLayer(), _grey()
    layer.set_grid(grid)
    layer.write_map(np.array([value], np.float32))
    planes = slice_planes(Rect(0, 0, *size), grid.bounds, (0.0, 0.0, 0.0), gap=0.0, margin_mm=0.0)
    view = SlicesView(planes, vmax, has_map=True)
    picture = _picture(size, lambda: layer.draw(view, size, grey))
    rect = planes[0].rect
    share = float(picture[int(rect.y + rect.h / 2), int(rect.x + rect.w / 2), 0]) / 255
    return (share * 2 - 1) * vmax


def vertex_textures() -> Finding:
    """Check that traces, whose vertices fetch their height from a texture, lie where their scores are."""
    units = int(_parameter(_GL_MAX_VERTEX_TEXTURE_IMAGE_UNITS))
    if units < 1:
        return problem("vertex textures", f"{units} units, expected 1 or more: no trace can be drawn", DRIVER)
    heights = trace_heights()
    found = f"{units} units; " + " and ".join(
        f"a trace at {value:g} lies at {at:.1f}" for value, at in zip(VALUES, heights, strict=True)
    )
    if not all(abs(at - value) < 0.5 for value, at in zip(VALUES, heights, strict=True)):
        return problem("vertex textures", found, DRIVER)
    return ok("vertex textures", found)


def trace_heights() -> tuple[float, float]:
    """Return the scores at which two traces, of `VALUES`, lie in the picture; NaN for one that is not there."""
    size = (64, 80)
    axes = Axes(Rect(0, 0, *size), 0.0, 3.0, -10.0, 10.0)
    texture = ScoreTexture(len(VALUES), 4)
    texture.write(0, np.repeat(np.array(VALUES, np.float32)[:, None], 4, axis=1))
    layer = TracesLayer(texture, len(VALUES))
    view = TraceView(axes, (TraceStyle(RED), TraceStyle(BLUE)), 3.0)
    picture = _picture(size, lambda: layer.draw(view, size))
    return _height(picture[:, 32, 0], axes), _height(picture[:, 32, 2], axes)


def _height(column: npt.NDArray[np.uint8], axes: Axes) -> float:
    light = column.astype(np.float64)
    if light.sum() < 255:
        return float("nan")
    y = float((light * (np.arange(len(light)) + 0.5)).sum() / light.sum())
    return axes.hi - (y - axes.plot.y) / axes.plot.h * (axes.hi - axes.lo)


OBLIQUE = np.array([(0.6, -3.9, 0.5, 31.0), (0.4, 0.6, -3.9, 40.0), (-3.9, -0.3, -0.6, 44.0), (0.0, 0.0, 0.0, 1.0)])
"""Affine of the phantom: first axis to the bottom, second to the left, third to the back, and all of it askew."""


EDGES = {
    "coronal": EdgeLetters("L", "R", "S", "I"),
    "sagittal": EdgeLetters("P", "A", "S", "I"),
    "axial": EdgeLetters("L", "R", "A", "P"),
}
"""What must lie at the left, right, top and bottom of each slice."""


def orientation() -> Finding:
    """Check that left is left, front is front and top is top, in all three planes."""
    wrong = wrong_sides(OBLIQUE)
    if wrong:
        advice = f"do not trust the map panel on this machine; {DRIVER}, and report this line"
        return problem("orientation", f"drawn on the wrong side: {'; '.join(wrong)}", advice)
    return ok("orientation", "left is left, front is front, top is top (an oblique, permuted, mirrored phantom)")


def wrong_sides(affine: npt.ArrayLike) -> list[str]:
    """Return what is drawn on the wrong side of a phantom with that affine; nothing where all is well.

    One map after the other is positive in the right, front and upper half of the head and negative in the other half.
    """
    size = (300, 100)
    shape = (16, 18, 20)
    grid = MaskGrid(shape, np.asarray(affine, np.float64), np.ones(int(np.prod(shape)), np.bool_))
    layer, grey = SlicesLayer(), _grey()
    layer.set_grid(grid)
    place = grid.ijk_of(np.arange(grid.n_voxels)) @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    centre = grid.bounds.centre
    planes = slice_planes(Rect(0, 0, *size), grid.bounds, centre, gap=6.0)
    view = SlicesView(planes, 1.0, has_map=True)
    wrong = [
        f"the {name} slice is lettered {''.join(edge_letters(plane))}, expected {''.join(expected)}"
        for (name, expected), plane in zip(EDGES.items(), planes, strict=True)
        if edge_letters(plane) != expected
    ]
    for axis, (low, high) in enumerate(LETTERS):
        layer.write_map(np.where(place[:, axis] > centre[axis], 1.0, -1.0).astype(np.float32))
        picture = _picture(size, lambda: layer.draw(view, size, grey))
        for (name, expected), plane in zip(EDGES.items(), planes, strict=True):
            for edge, letter in expected._asdict().items():
                if letter in (low, high) and (_light(picture, plane.rect, edge) > 127) != (letter == high):
                    wrong.append(f"{letter} is not at the {edge} of the {name} slice")
    return wrong


def _light(picture: Picture, rect: Rect, edge: str) -> float:
    """Return the grey a quarter of the way from an edge of a rectangle to the other."""
    across, down = {"left": (0.25, 0.5), "right": (0.75, 0.5), "top": (0.5, 0.25), "bottom": (0.5, 0.75)}[edge]
    x, y = int(rect.x + across * rect.w), int(rect.y + down * rect.h)
    return float(picture[y - 2 : y + 3, x - 2 : x + 3, 0].mean())
