"""What a picture costs while the crosshair is dragged, for heads of 35 thousand to 1.9 million voxels, turn by turn.

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/map_frames.py [pictures]

The heads are one head at three resolutions, so that the same pixels are drawn; each picture is painted, finished and
swapped. Prints one JSON object.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
import time
from typing import Any

import numpy as np
from figures import at_least, at_most, spread
from map_stage import SIZE, Stage, columns, options

from rtcog_gl.gpu.renderer import renderer_name
from rtcog_gl.model.anatomy import Anatomy
from rtcog_gl.model.draw import Target
from rtcog_gl.model.options import ARRANGEMENTS
from rtcog_gl.session.images import load_anatomy
from rtcog_gl.session.synthetic.brains import MNI_VOXELS_1MM, MNI_VOXELS_2MM, load_brain, mni_anatomy_path
from rtcog_gl.window.canvas import Window

VOXELS = (35_000, MNI_VOXELS_2MM, MNI_VOXELS_1MM)
LEAST_PER_S = 20.0
"""With voxels as measured, which is the default."""

MOST_GROWTH = 1.2


def path(target: Target, turn: int) -> tuple[float, float]:
    """Return where the pointer is at a turn: it wanders all over a slice, a few pixels at a time."""
    x = 0.5 + 0.3 * math.sin(0.11 * turn)
    y = 0.5 + 0.3 * math.sin(0.07 * turn + 1.0)
    return target.rect.x + x * target.rect.w, target.rect.y + y * target.rect.h


def picture(window: Window, stage: Stage, target: Target, turn: int) -> tuple[float, float]:
    """Drag the crosshair on and draw; return the wall and the processor time in milliseconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    stage.console.drag(target, *path(target, turn))
    stage.draw()
    window.swap()
    return 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)


def compare(window: Window, stages: dict[int, Stage], arrangement: Any, linear: bool, n: int) -> dict[str, Any]:
    """Return what `n` pictures of each head cost."""
    times: dict[int, list[tuple[float, float]]] = {nv: [] for nv in stages}
    held: dict[int, Target] = {}
    for nv, stage in stages.items():
        stage.arrange(arrangement, linear)
        stage.draw()
        held[nv] = stage.planes()[0]
        for turn in range(3):
            picture(window, stage, held[nv], turn)
        if stage.console.view.map.at is None:
            raise RuntimeError(f"dragging over a slice of {nv} voxels did not move the crosshair, expected it to")
    for turn in range(3, n + 3):
        for nv in stages if turn % 2 else reversed(stages):
            times[nv].append(picture(window, stages[nv], held[nv], turn))
    wall = {nv: [t[0] for t in rows] for nv, rows in times.items()}
    medians = {nv: float(np.median(rows)) for nv, rows in wall.items()}
    least, most = min(stages), max(stages)
    slowest = max(medians.values())
    return {
        "ms": {str(nv): spread(rows) for nv, rows in wall.items()},
        "cpu_ms": {str(nv): round(float(np.median([t[1] for t in rows])), 3) for nv, rows in times.items()},
        "per_s": {str(nv): round(1e3 / value, 1) for nv, value in medians.items()},
        "slowest_per_s": round(1e3 / slowest, 1) if linear else at_least(1e3 / slowest, LEAST_PER_S),
        "p95_per_s": round(1e3 / max(float(np.percentile(rows, 95)) for rows in wall.values()), 1),
        "most_over_fewest_voxels": at_most(medians[most] / medians[least], MOST_GROWTH),
    }


def main(n: int) -> None:
    window = Window("benchmark", options())
    found = mni_anatomy_path()
    anatomies: dict[str, Anatomy | None] = {"outline": None}
    if found is not None:
        anatomies["anatomy"] = load_anatomy(str(found))
    heads = [load_brain(voxels) for voxels in VOXELS]
    figures: dict[str, Any] = {"heads": {head.name: head.nv for head in heads}, "size": SIZE}
    for under, anatomy in anatomies.items():
        stages = {head.nv: Stage(head, anatomy) for head in heads}
        for head in heads:
            stages[head.nv].hit(columns(head, 1)[0])
        for arrangement, linear in itertools.product(("all", "map"), (False, True)):
            assert arrangement in ARRANGEMENTS
            name = f"{under}, {arrangement}, {'linear' if linear else 'nearest'}"
            figures[name] = compare(window, stages, arrangement, linear, n)
    figures["renderer"] = renderer_name()
    window.close()
    print(json.dumps(figures))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
