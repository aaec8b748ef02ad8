"""Sessions with hits, of 35 thousand to 1.9 million voxels: how soon a map is on the screen, what the window weighs.

Each session has a producer, a keeper and a window in processes of their own (see live.py).
"""

from __future__ import annotations

import itertools
import multiprocessing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import live
import numpy as np
from figures import at_most, spread
from producer import Plan, write_alone

from rtcog_gl.session.synthetic.brains import MNI_VOXELS_1MM, MNI_VOXELS_2MM, Brain, load_brain

NT = 300
FEWEST = 35_000
TARGETS_MS = {MNI_VOXELS_2MM: 40.0, MNI_VOXELS_1MM: 120.0}
"""95th percentile of a hit's way to the screen, from the second on; the first may take twice as long."""

LEAST_HITS = 3
EARLY = 5
"""The window's memory is taken after so many hits, and again after the last."""

BYTES_A_VOXEL = 16.0
GROWTH = 0.05
"""Part of the largest head's map by which the window may grow with each hit; most of it are words never written before.
"""

STAGES = ("committed", "final", "seen", "uploaded", "drawn", "swapped")


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    hits: int
    starts: int
    """Sessions whose first hit is looked at, besides the long one."""


def plans(voxels: int, scale: Scale) -> list[Plan]:
    """Return the sessions to play: a long one, and short ones for their first hit."""
    tr_s = 0.45 if voxels > 1_000_000 else 0.25
    # A hit, the survey of four TRs, and one TR more.
    hits = tuple(range(24, 24 + 6 * scale.hits, 6))
    weigh = (EARLY, scale.hits) if scale.hits > EARLY else ()
    long = Plan(tr_s, hits[-1] + 5, hits, history=10, nt=NT, weigh=weigh)
    return [long, *(replace(long, volumes=hits[1] + 5, hits=hits[:2], weigh=()) for _ in range(scale.starts))]


def alone(nv: int) -> list[float]:
    """Return the milliseconds that rtcog's writes of a few maps take without a viewer, the first one first."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=write_alone, args=(nv, NT, 4, theirs))
    process.start()
    times: list[float] = ours.recv() if ours.poll(60) else []
    process.join(60)
    return times


def run(voxels: int, scale: Scale, anat: Path | None, say: Any) -> tuple[Brain, list[live.Result], list[list[float]]]:
    """Play the sessions of a brain; return it, what was seen of them, and the writes without a viewer."""
    brain = load_brain(voxels)
    results, writes = [], []
    for plan in plans(voxels, scale):
        say(f"{brain.nv:,} voxels: a session of {len(plan.hits)} hits")
        writes.append(alone(brain.nv))
        results.append(live.run(plan, brain, anat))
    return brain, results, writes


def way(rows: list[dict[str, Any]], stage: str) -> list[float]:
    """Return the milliseconds from the producer's stamp to a stage."""
    return [(row[stage] - row["committed"]) / 1e6 for row in rows]


def latency(voxels: int, results: list[live.Result], writes: list[list[float]]) -> dict[str, Any]:
    """Return the ways of hits to the screen, and what the writes cost the producer."""
    firsts, later = [], []
    for result in results:
        rows = [row for row in result.log if row["kind"] == "map" and row["committed"]]
        firsts += rows[:1]
        later += rows[1:]
    target = TARGETS_MS.get(voxels)
    drawn, first_drawn = way(later, "drawn"), way(firsts, "drawn")
    wrote = [result.writes_ms for result in results]
    figures: dict[str, Any] = {
        "later_hits_to_drawn": spread(drawn),
        "later_hits_to_swapped": spread(way(later, "swapped")),
        "first_hits_to_drawn": {**spread(first_drawn), "all": np.round(first_drawn, 1).tolist()},
        "steps_ms": {
            f"{a} to {b}": spread([(row[b] - row[a]) / 1e6 for row in later if row[a] and row[b]])
            for a, b in itertools.pairwise(STAGES)
        },
        "bytes_uploaded": sorted({row["bytes"] for row in later}),
        "producers_write_ms": {
            "first, viewer populates": spread([times[0] for times in wrote if times]),
            "first, no viewer": spread([times[0] for times in writes if times]),
            "later, viewer populates": spread([t for times in wrote for t in times[1:]]),
            "later, no viewer": spread([t for times in writes for t in times[1:]]),
        },
    }
    if target is not None and drawn:
        figures["later_hits_p95"] = at_most(float(np.percentile(drawn, 95)), target)
        figures["first_hits_largest"] = at_most(max(first_drawn), 2 * target)
    return figures


def memory(weighed: dict[int, dict[int, int]], hits: int) -> dict[str, Any]:
    """Return the window's own memory: a mask voxel's share of it, and its growth with the hits.

    Parameters
    ----------
    weighed : dict
        Bytes by voxels and hits.
    hits : int
        Of the late weighing; the early one is after `EARLY`.
    """
    least, most = min(weighed), max(weighed)
    share = {n: (weighed[most][n] - weighed[least][n]) / (most - least) for n in (EARLY, hits)}
    growth = {nv: (both[hits] - both[EARLY]) / (hits - EARLY) for nv, both in weighed.items()}
    return {
        "mb": {nv: {n: round(value / 1e6, 1) for n, value in both.items()} for nv, both in weighed.items()},
        "bytes_a_voxel": {n: at_most(value, BYTES_A_VOXEL) for n, value in share.items()},
        "kb_a_hit": {nv: round(value / 1e3, 1) for nv, value in growth.items()},
        "part_of_a_map_a_hit": at_most(growth[most] / (4 * most), GROWTH),
    }


def measure(scale: Scale, anat: Path | None, say: Any) -> dict[str, Any]:
    """Play everything; return the figures."""
    figures: dict[str, Any] = {}
    weighed: dict[int, dict[int, int]] = {}
    for voxels in (FEWEST, *TARGETS_MS):
        some = scale if voxels in TARGETS_MS else replace(scale, starts=0)
        brain, results, writes = run(voxels, some, anat, say)
        figures[f"{brain.nv} voxels"] = {"brain": brain.name, **latency(voxels, results, writes)}
        if voxels != MNI_VOXELS_2MM:
            weighed[brain.nv] = results[0].weighed
    complete = all(len(both) == 2 for both in weighed.values())
    figures["windows_own_memory"] = memory(weighed, scale.hits) if complete else {"skipped": "too few hits to compare"}
    return figures
