"""Measures what the viewer promises, and prints one JSON object; progress goes to the standard error.

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/latency.py --quick

Without DISPLAY it starts a virtual display (Xvfb) by itself. See docs/performance.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
XVFB = ("xvfb-run", "-a", "-s", "-screen 0 1920x1080x24")
STAGES = ("committed", "final", "seen", "uploaded", "drawn", "swapped")


def say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def entry(value: float, unit: str, target: float | None, n: int, **more: Any) -> dict[str, Any]:
    """Return a figure: `met` says whether it is no larger than its target."""
    met = None if target is None else bool(value <= target)
    return {"value": round(float(value), 3), "unit": unit, "target": target, "met": met, "n": n, **more}


def way(rows: list[dict[str, Any]], stage: str) -> list[float]:
    """Return the milliseconds from the producer's stamp to a stage, a value a line of the log."""
    return [(row[stage] - row["committed"]) / 1e6 for row in rows if row["committed"]]


def spread(rows: list[dict[str, Any]], stage: str, targets: dict[str, float]) -> dict[str, Any]:
    """Return median, tail and largest value of the way to a stage."""
    values = way(rows, stage)
    figures = {"median": 50, "p95": 95, "p99": 99, "max": 100}
    return {
        f"{name}": entry(np.percentile(values, q), "ms", targets.get(name), len(values), stage=f"written to {stage}")
        for name, q in figures.items()
        if values
    }


def steps(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the median of each step on the way, in milliseconds."""
    known = [row for row in rows if all(row[stage] for stage in STAGES)]
    pairs = itertools.pairwise(STAGES)
    return {
        f"{a} to {b}": round(float(np.median([(row[b] - row[a]) / 1e6 for row in known])), 3) for a, b in pairs if known
    }


def frames(rounds: int) -> dict[str, Any]:
    """Run frames.py in a process of its own, which has a window."""
    command = [sys.executable, str(HERE / "frames.py"), str(rounds)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def measure(args: argparse.Namespace) -> dict[str, Any]:
    import live
    import machine
    from producer import Plan

    from rtcog_gl.session.synthetic.brains import MNI_VOXELS_2MM, load_brain, mni_anatomy_path

    brain, anat = load_brain(MNI_VOXELS_2MM), mni_anatomy_path() if args.anat else None
    began, load_before, loop_before = time.monotonic(), machine.load(), machine.loop_ms()
    say("a frame at 300 and at 10,000 TRs")
    cost = frames(300 if args.full else 76)
    n = 1000 if args.full else 220
    main = Plan(0.25 if args.full else 0.2, n, tuple(range(20, n - 5, 12)), history=200 if args.full else 150)
    plans = {
        "latency": main,
        "live maps": replace(main, live_maps=-1),
        "idle": Plan(1.0, 62 if args.full else 34, (), history=20),
        **{f"start {k}": Plan(0.3, 24, (12,), method=("spawn", "fork")[k % 2]) for k in range(6 if args.full else 2)},
    }
    results = {}
    for name, plan in plans.items():
        live_maps = ", with live maps" if plan.live_maps else ""
        say(f"session {name!r}: {plan.volumes} volumes of {plan.tr_s} s ({plan.method}{live_maps})")
        results[name] = live.run(plan, brain, anat)
    say("done")
    return {
        "machine": machine.facts(cost.pop("renderer")),
        "load_average": {"before": load_before, "after": machine.load()},
        "python_loop_ms": {"before": loop_before, "after": machine.loop_ms()},
        "seconds": round(time.monotonic() - began, 1),
        "setting": {
            "size": live.SIZE,
            "vsync": False,
            "templates": 7,
            "TRs": live.NT,
            "voxels": brain.nv,
            "brain": brain.name,
            "anatomy": anat is not None,
        },
        "figures": figures(results, cost),
    }


def figures(results: dict[str, Any], cost: dict[str, Any]) -> dict[str, Any]:
    """Return every figure with its target."""
    idle, with_maps = results["idle"], results["live maps"]
    plain = {name: result for name, result in results.items() if result is not with_maps}
    scores = kind(plain["latency"], "scores")
    firsts, later = [], []
    for result in plain.values():
        maps = kind(result, "map")
        firsts += maps[:1]
        later += maps[1:]
    starts = [result.first_frame_s for result in plain.values()]
    sent = cost.pop("bytes")
    return {
        "scores_to_drawn": spread(scores, "drawn", {"median": 10.0, "p99": 33.0}),
        "scores_to_swapped": spread(scores, "swapped", {}),
        "scores_steps_ms": steps(scores),
        "later_maps_to_drawn": spread(later, "drawn", {"p95": 60.0}),
        "first_maps_to_drawn": spread(firsts, "drawn", {}),
        "first_maps_ms": [round(value, 1) for value in way(firsts, "drawn")],
        "maps_steps_ms": steps(later),
        "bytes": uploaded(sent, scores, later),
        "live_maps": live_maps(with_maps, scores, sent),
        "frame_cost": {
            name: entry(c.pop("ratio"), "times Nt = 300", 1.2, c.pop("n"), stage="column taken in to finish", **c)
            for name, c in cost.items()
        },
        "cpu": processor(idle),
        "private_memory": memory(results),
        "first_frame": entry(
            np.median(starts),
            "s",
            2.5,
            len(starts),
            stage="run_streamer to first swap",
            all=np.round(starts, 3).tolist(),
        ),
    }


def kind(result: Any, name: str) -> list[dict[str, Any]]:
    """Return the lines of a session's log of one kind: ``scores``, ``map`` (of a hit) or ``volume``."""
    return [row for row in result.log if row["kind"] == name]


def live_maps(result: Any, without: list[dict[str, Any]], sent: dict[str, int]) -> dict[str, Any]:
    """Return what a session with a map of every volume costs, its columns beside those of one without."""
    scores, volumes, promised = kind(result, "scores"), kind(result, "volume"), sent["promised_map"]
    logged = sorted({row["bytes"] for row in volumes})
    both = {"without live maps": way(without, "drawn"), "with live maps": way(scores, "drawn")}
    return {
        "volumes_to_drawn": spread(volumes, "drawn", {}),
        "volumes_to_swapped": spread(volumes, "swapped", {}),
        "volumes_steps_ms": steps([{**row, "final": row["committed"]} for row in volumes]),
        "columns_to_drawn_ms": {
            name: {which: round(float(np.percentile(values, q)), 3) for which, values in both.items()}
            for name, q in (("median", 50), ("p95", 95), ("p99", 99))
        },
        "scores_to_drawn": spread(scores, "drawn", {"median": 10.0, "p99": 33.0}),
        "scores_steps_ms": steps(scores),
        "hits_to_drawn": spread(kind(result, "map"), "drawn", {}),
        "bytes": {"logged": logged, "promised": promised, "met": logged == [promised]},
        "first_frame_s": round(result.first_frame_s, 3),
    }


def uploaded(sent: dict[str, int], scores: list[dict[str, Any]], maps: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the bytes uploaded for a TR and for a map: what OpenGL was given, and what the log says."""
    result = {}
    for kind, rows in (("tr", scores), ("map", maps)):
        promised = sent[f"promised_{kind}"]
        logged = sorted({row["bytes"] for row in rows})
        figure = entry(sent[kind], "bytes", promised, len(rows), stage="texture calls", logged=logged)
        figure["met"] = sent[kind] == promised and logged == [promised]
        result[kind] = figure
    return result


def processor(idle: Any) -> dict[str, Any]:
    """Return the processor time at a TR of 1 s."""
    result = {}
    for name, stretch, target in (("between_volumes", "between", 5.0), ("volumes_included", "whole", None)):
        use = idle.cpu[stretch]
        each = {process: round(value, 2) for process, value in use.items()}
        seconds = round(idle.watched_s[stretch], 1)
        result[name] = entry(sum(use.values()), "% of one core", target, 1, seconds=seconds, each=each)
    return result


def memory(results: dict[str, Any]) -> dict[str, Any]:
    """Return the private memory of both processes where it is largest."""
    name, worst = max(results.items(), key=lambda item: sum(item[1].memory.values()))
    each = {process: round(value / 1e6, 1) for process, value in worst.memory.items()}
    every = {name: round(sum(result.memory.values()) / 1e6, 1) for name, result in results.items()}
    return entry(sum(worst.memory.values()) / 1e6, "MB", 350.0, len(results), session=name, each=each, sessions=every)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    how_long = parser.add_mutually_exclusive_group()
    how_long.add_argument("--quick", action="store_true", help="220 TRs twice, about three minutes (the default)")
    how_long.add_argument("--full", action="store_true", help="1000 TRs, and more of everything")
    parser.add_argument("--no-anat", dest="anat", action="store_false", help="no anatomy under the map")
    args = parser.parse_args()
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        if shutil.which(XVFB[0]) is None:
            parser.error("DISPLAY is empty and xvfb-run is not there, expected one of them (apt install xvfb)")
        os.environ.pop("WAYLAND_DISPLAY", None)
        os.environ["PYGLFW_LIBRARY_VARIANT"] = "x11"
        os.execvp(XVFB[0], [*XVFB, sys.executable, *sys.argv])
    print(json.dumps(measure(args), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
