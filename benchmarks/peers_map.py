"""One hit's ortho picture: this viewer beside nilearn's `plot_stat_map`, turn by turn.

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/peers_map.py [pictures]

Both start from the hit's column in memory; both have the same number of pixels, the same anatomy (nilearn's own
template) and threshold, and both find out where to cut: this viewer at the peak, nilearn as it does by default and as
rtcog's own viewer has it do. How much of nilearn's time that takes is told by a picture for which it is told the place.
Each is timed up to its pixels in memory, and up to a PNG file that Pillow wrote at its default level. This viewer works
out the map's facts, uploads, draws the map panel, reads it back, and encodes it.

nilearn is measured as it is, and with Python's garbage collector switched off and `gc.collect` doing nothing, which is
what the comparison is with. Prints one JSON object.
"""

from __future__ import annotations

import gc
import importlib.metadata
import importlib.util
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from figures import at_least, spread
from map_stage import Stage, columns, options

from rtcog_gl.model.anatomy import anatomy_from_array
from rtcog_gl.model.session import FloatArray
from rtcog_gl.session.synthetic.brains import MNI_VOXELS_2MM, Brain, load_brain
from rtcog_gl.window.canvas import Window

SIZE = (1920, 623)
"""Of the picture: with the map alone, its panel is as large as the default layout's is at 1920 x 1080."""

LEAST_TIMES = 10.0
DPI = 100
NEEDED = ("nilearn", "matplotlib", "PIL")


class Ours:
    """This viewer."""

    def __init__(self, brain: Brain, template: Any) -> None:
        anatomy = anatomy_from_array(np.asarray(template.dataobj, np.float32), template.affine)
        self.stage = Stage(brain, anatomy, SIZE)
        self.stage.arrange("map", linear=False)
        self.parts: dict[str, list[float]] = {"facts and upload": [], "draw": [], "read back": []}

    def pixels(self, column: FloatArray) -> Any:
        """Return one picture's pixels, (h, w, 3), uint8."""
        times = [time.perf_counter()]
        self.stage.hit(column)
        times.append(time.perf_counter())
        self.stage.draw(data_first=True)
        times.append(time.perf_counter())
        pixels = self.stage.pixels(self.stage.panel())
        times.append(time.perf_counter())
        for part, (before, after) in zip(self.parts.values(), itertools.pairwise(times), strict=True):
            part.append(1e3 * (after - before))
        return pixels

    def png(self, column: FloatArray, target: Path) -> None:
        """Write one picture."""
        from PIL import Image

        Image.fromarray(self.pixels(column)).save(target, format="PNG")


class Theirs:
    """nilearn, asked for the same picture."""

    def __init__(self, brain: Brain, template: Any, ours: Ours) -> None:
        self._template, self._affine = template, brain.affine
        self._inside, self._shape = brain.mask.ravel(order="F"), brain.mask.shape
        self._stage = ours.stage

    def _plot(self, column: FloatArray, told: bool) -> Any:
        import matplotlib.pyplot as plt
        import nibabel
        from nilearn.plotting import plot_stat_map

        shown, panel = self._stage.shown, self._stage.panel()
        volume = np.zeros(self._inside.size, np.float32)
        volume[self._inside] = column
        return plot_stat_map(
            nibabel.Nifti1Image(volume.reshape(self._shape, order="F"), self._affine),
            bg_img=self._template,
            cut_coords=shown.peak_mm if told else None,
            threshold=shown.vmax / 3,
            display_mode="ortho",
            figure=plt.figure(figsize=(panel.w / DPI, panel.h / DPI), dpi=DPI),
        )

    def pixels(self, column: FloatArray, told: bool = False) -> Any:
        """Return one picture's pixels, (h, w, 4), uint8; `told` where to cut, or not."""
        display = self._plot(column, told)
        canvas = display.frame_axes.figure.canvas
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())
        display.close()
        return pixels

    def png(self, column: FloatArray, target: Path) -> None:
        """Write one picture."""
        display = self._plot(column, False)
        display.savefig(target, dpi=DPI)
        display.close()


@contextmanager
def without_collecting() -> Iterator[list[int]]:
    """Switch the garbage collector off, and forced collections too; the list grows by one with each that was asked."""
    asked: list[int] = []
    collect = gc.collect

    def nothing(generation: int = 2) -> int:
        asked.append(generation)
        return 0

    gc.disable()
    gc.collect = nothing
    try:
        yield asked
    finally:
        gc.collect = collect
        gc.enable()
        gc.collect()


def timed(make: Callable[..., Any], *arguments: Any) -> float:
    began = time.perf_counter()
    make(*arguments)
    return 1e3 * (time.perf_counter() - began)


def measure(ours: Ours, theirs: Theirs, hits: list[FloatArray], folder: Path) -> tuple[dict[str, list[float]], int]:
    """Return the milliseconds of each way to a picture, and how many collections nilearn asks for, for a picture."""
    files = folder / "ours.png", folder / "theirs.png"
    times: dict[str, list[float]] = {}
    asked = 0

    def note(name: str, took: float) -> None:
        times.setdefault(name, []).append(took)

    for hit in hits:
        note("ours, pixels", timed(ours.pixels, hit))
        note("ours, PNG", timed(ours.png, hit, files[0]))
        note("as it is, pixels", timed(theirs.pixels, hit))
        note("as it is, PNG", timed(theirs.png, hit, files[1]))
        with without_collecting():
            note("collector off, pixels", timed(theirs.pixels, hit))
            note("collector off, told where to cut, pixels", timed(theirs.pixels, hit, True))
        with without_collecting() as calls:
            note("collector off, PNG", timed(theirs.png, hit, files[1]))
        asked = len(calls)
    return times, asked


def compare(n: int) -> dict[str, Any]:
    import matplotlib

    matplotlib.use("Agg")
    from nilearn.datasets import load_mni152_template

    brain, template = load_brain(MNI_VOXELS_2MM), load_mni152_template(resolution=2)
    hits = columns(brain, n + 2)
    ours = Ours(brain, template)
    theirs = Theirs(brain, template, ours)
    with tempfile.TemporaryDirectory() as folder:
        measure(ours, theirs, hits[:2], Path(folder))
        for part in ours.parts.values():
            part.clear()
        times, asked = measure(ours, theirs, hits[2:], Path(folder))
        files = {path.stem: {"pixels": _size(path), "bytes": path.stat().st_size} for path in Path(folder).iterdir()}
    medians = {name: float(np.median(values)) for name, values in times.items()}

    def ratio(theirs: str, ours: str) -> float:
        return round(medians[theirs] / medians[ours], 2)

    return {
        "voxels": brain.nv,
        "ms": {name: spread(values) for name, values in times.items()},
        "ours_parts_ms": {name: round(float(np.median(values)), 2) for name, values in ours.parts.items()},
        "times_faster": {
            "as it is, PNG to PNG": ratio("as it is, PNG", "ours, PNG"),
            "as it is, pixels to pixels": ratio("as it is, pixels", "ours, pixels"),
            "collector off, PNG to PNG": ratio("collector off, PNG", "ours, PNG"),
            "collector off, pixels to pixels": at_least(ratio("collector off, pixels", "ours, pixels"), LEAST_TIMES),
            "collector off and told where to cut, pixels to pixels": ratio(
                "collector off, told where to cut, pixels", "ours, pixels"
            ),
            "collector off, its PNG to our pixels": ratio("collector off, PNG", "ours, pixels"),
        },
        "collections_forced_by_nilearn_per_map": asked,
        "files": files,
        **{name: importlib.metadata.version(name) for name in ("nilearn", "matplotlib", "pillow")},
    }


def _size(file: Path) -> tuple[int, int]:
    from PIL import Image

    with Image.open(file) as image:
        return image.size


def main(n: int) -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(json.dumps({"skipped": f"{' and '.join(missing)} cannot be imported, expected nilearn with matplotlib"}))
        return
    window = Window("benchmark", options())
    figures = compare(n)
    window.close()
    print(json.dumps(figures))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
