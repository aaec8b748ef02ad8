"""What publishing a volume costs rtcog, in milliseconds; prints one JSON object.

    python benchmarks/volumes.py [laps]

Each volume is double precision, (voxels, 1), as rtcog has it, and comes from memory that was not used a moment ago. The
first lap through the ring is the one whose pages were never written before. The plain copy is numpy's, of the same
column into single precision, in memory of this process's own.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import machine
import numpy as np
import numpy.typing as npt

from rtcog_gl.session.segments import ReadOnlySegment
from rtcog_gl.session.synthetic.brains import MNI_VOXELS_2MM
from rtcog_gl.session.volumes import VolumeReader, VolumeWriter

Times = npt.NDArray[np.float64]

NV = MNI_VOXELS_2MM
TEMPLATES = 7
TARGET_MS = 2.0
SOURCES = 24
"""Volumes that take turns, 45 MB of them, so that none is still in the processor's cache."""


def spread(times: Times) -> dict[str, float]:
    """Return median, tail and largest value."""
    return {name: round(float(np.percentile(times, q)), 4) for name, q in (("median", 50), ("p99", 99), ("max", 100))}


def summary(wall: Times, cpu: Times) -> dict[str, Any]:
    """Return both clocks' spreads: what the wall's has beyond the processor's was spent waiting for a processor."""
    figures, over = spread(wall), int(np.count_nonzero(wall > TARGET_MS))
    verdict = {"target": TARGET_MS, "over_target": over, "met": figures["p99"] <= TARGET_MS}
    return {**figures, "cpu": spread(cpu), "n": int(wall.size), **verdict}


def publish_all(slots: int, volumes: int, columns: Times) -> tuple[Times, VolumeWriter, float]:
    """Return the milliseconds of each volume (wall, processor) and of a plain copy, the writer, and its making in s."""
    templates = np.full((TEMPLATES, NV), np.nan, np.float32)
    began = time.perf_counter()
    writer = VolumeWriter(volumes, NV, slots=slots, templates=templates)
    made_s = time.perf_counter() - began
    own = np.ones((SOURCES, NV), np.float32)
    times = np.zeros((3, volumes))
    for t in range(volumes):
        column = columns[t % SOURCES]
        began, cpu = time.perf_counter(), time.thread_time()
        writer.publish(
            t,
            column,
            received=time.monotonic_ns(),
            processed=time.monotonic_ns(),
            motion=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
            norm_change=0.1,
            cooldown_end=0,
            action=False,
        )
        times[:2, t] = time.perf_counter() - began, time.thread_time() - cpu
        column = columns[(t + SOURCES // 2) % SOURCES]
        began = time.perf_counter()
        np.copyto(own[t % SOURCES], column[:, 0], casting="same_kind")
        times[2, t] = time.perf_counter() - began
    return 1e3 * times, writer, made_s


def read_all(writer: VolumeWriter) -> dict[str, Any]:
    """Return what a reader pays for a volume and for all records."""
    segment = ReadOnlySegment(writer.info.name)
    reader = VolumeReader(segment, writer.info)
    columns = []
    for t in range(reader.count - writer.info.slots, reader.count):
        began = time.perf_counter()
        column = reader.column(t)
        columns.append(1e3 * (time.perf_counter() - began))
        if column is None:
            raise RuntimeError(f"volume {t} cannot be read back: got None, expected {NV} voxels")
    began = time.perf_counter()
    n = len(reader.records(0, reader.count))
    records_ms = 1e3 * (time.perf_counter() - began)
    segment.close()
    return {"column_ms": round(float(np.median(columns)), 4), "records_ms": round(records_ms, 3), "records": n}


def main(laps: int) -> None:
    load, loop = machine.load(), machine.loop_ms()
    columns = np.random.default_rng(0).standard_normal((SOURCES, NV, 1))
    _, bare, _ = publish_all(0, SOURCES, columns)
    bare.close()
    probe = VolumeWriter(1 << 16, NV)
    slots, note = probe.info.slots, probe.note
    probe.close()
    alone, bare, bare_s = publish_all(0, 1000, columns)
    bare.close()
    ring, writer, made_s = publish_all(-1, laps * slots, columns)
    reading = read_all(writer)
    writer.close()
    plain = ring[2]
    figures = {
        "records_only": summary(*alone[:2]),
        "ring_first_lap": summary(*ring[:2, :slots]),
        "ring_later_laps": summary(*ring[:2, slots:]),
        "plain_copy": spread(plain),
        "ratio_to_plain_copy": {
            "first_lap": round(float(np.median(ring[0, :slots]) / np.median(plain[:slots])), 3),
            "later_laps": round(float(np.median(ring[0, slots:]) / np.median(plain[slots:])), 3),
        },
        "making_s": {"records_only": round(bare_s, 4), "ring": round(made_s, 4)},
        "reader": reading,
        "voxels": NV,
        "slots": slots,
        "note": note,
        "load_average": {"before": load, "after": machine.load()},
        "python_loop_ms": {"before": loop, "after": machine.loop_ms()},
        "machine": machine.facts("none"),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(max(2, int(sys.argv[1])) if len(sys.argv) > 1 else 3)
