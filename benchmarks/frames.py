"""What a frame costs in a run of 10,000 TRs, compared with one of 300, in one window and turn by turn."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
from vispy import gloo

from rtcog_gl.gpu.map_texture import packed_shape
from rtcog_gl.gpu.renderer import Renderer, finish, renderer_name
from rtcog_gl.model.options import WindowOptions
from rtcog_gl.model.session import FloatArray, Live, Session, Update
from rtcog_gl.model.theme import THEMES
from rtcog_gl.model.volume import MaskGrid
from rtcog_gl.session.images import grid_from_image
from rtcog_gl.session.synthetic.brains import MNI_VOXELS_2MM, load_brain
from rtcog_gl.window.canvas import Window
from rtcog_gl.window.console import Console
from rtcog_gl.window.feed import MapFeed

SIZE = (1920, 1080)
LABELS = tuple(f"T{k}" for k in range(7))
SHORT, LONG = 300, 10_000
SPARE = 40
"""TRs that are left to come when the runs are compared."""


def _scores(n: int) -> FloatArray:
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((len(LABELS), n)).astype(np.float32)
    for t in range(1, n):
        scores[:, t] = 0.6 * scores[:, t - 1] + 0.5 * scores[:, t]
    return scores


class Run:
    """A run that is all but over, in a console of its own; drawn into the window that is open."""

    def __init__(
        self,
        nt: int,
        options: WindowOptions,
        scores: FloatArray,
        whole: bool,
        grid: MaskGrid | None = None,
    ) -> None:
        session = Session(nt, LABELS, 1.5, 2, 3, "mask", MNI_VOXELS_2MM, ".", "benchmark")
        renderer = Renderer(session, grid, THEMES["dark"].colormap)
        self._console = Console(session, grid, renderer, options, MapFeed(lambda tr: None))
        self._scores = scores[:, -nt:]
        self._n = 0
        self._take(nt - SPARE, None)
        if whole and nt > SHORT:
            self._console.act("whole_run")
        self._draw()

    def _take(self, end: int, column: FloatArray | None) -> None:
        first, self._n = self._n, end
        maps = () if column is None else (first,)
        live = Live(n_final=end, onsets=maps, maps=maps, newest_ns=time.monotonic_ns(), tr_s=1.0)
        map_tr = None if column is None else first
        self._console.absorb(Update(live, first, self._scores[:, first:end], map_tr=map_tr, map_column=column))

    def _draw(self) -> None:
        self._console.paint(time.monotonic_ns(), SIZE, 1.0)
        finish()

    def take_next(self, column: FloatArray | None = None) -> None:
        """Take in and upload the next TR, and a map if one is given."""
        self._take(self._n + 1, column)

    def frame(self) -> tuple[float, float]:
        """Take in the next TR, draw and finish; return the wall and the processor time in milliseconds."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.take_next()
        self._draw()
        return 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)


def compare(options: WindowOptions, whole: bool, rounds: int) -> dict[str, Any]:
    """Return medians and their ratios."""
    scores = _scores(LONG)
    times: dict[int, list[tuple[float, float]]] = {SHORT: [], LONG: []}
    done = 0
    while done < rounds:
        runs = {nt: Run(nt, options, scores, whole) for nt in times}
        for i in range(min(SPARE - 2, rounds - done)):
            for nt in times if i % 2 else reversed(times):
                times[nt].append(runs[nt].frame())
        done += SPARE - 2
    wall, cpu = ({nt: float(np.median([pair[k] for pair in times[nt]])) for nt in times} for k in (0, 1))
    return {
        "ratio": wall[LONG] / wall[SHORT],
        "cpu_ratio": cpu[LONG] / cpu[SHORT],
        "ms": {str(nt): round(wall[nt], 3) for nt in times},
        "cpu_ms": {str(nt): round(cpu[nt], 3) for nt in times},
        "n": len(times[LONG]),
    }


def uploads(options: WindowOptions) -> dict[str, Any]:
    """Return the bytes that OpenGL's own texture call is given for a TR and for a map, and those promised."""
    brain = load_brain(MNI_VOXELS_2MM)
    run = Run(SHORT, options, _scores(SHORT), False, grid_from_image(brain.image()))
    sent: list[int] = []
    upload = gloo.gl.glTexSubImage2D

    def counted(*arguments: Any) -> Any:
        sent.append(sum(a.nbytes for a in arguments if isinstance(a, np.ndarray)))
        return upload(*arguments)

    figures: dict[str, Any] = {}
    gloo.gl.glTexSubImage2D = counted
    try:
        for name, column in (("tr", None), ("map", np.ones(brain.nv, np.float32))):
            sent.clear()
            run.take_next(column)
            figures[name] = sum(sent)
    finally:
        gloo.gl.glTexSubImage2D = upload
    rows, width = packed_shape(brain.nv, 16384)
    # The update that brings the map brings a column as well.
    figures["map"] -= figures["tr"]
    return {**figures, "promised_tr": 4 * len(LABELS), "promised_map": 4 * rows * width}


def main(rounds: int) -> None:
    options = WindowOptions(size=SIZE, vsync=False)
    window = Window("benchmark", options)
    result = {"default": compare(options, False, rounds), "whole_run": compare(options, True, rounds)}
    figures = {**result, "bytes": uploads(options), "renderer": renderer_name()}
    window.close()
    print(json.dumps(figures))


if __name__ == "__main__":
    main(int(sys.argv[1]))
