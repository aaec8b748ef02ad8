"""Measures this viewer beside rtcog's own processor, driven by hand, and prints one JSON object.

    python benchmarks/processor.py --rtcog PATH --bold RUN.nii.gz --mask MASK.nii.gz --templates MAPS.nii.gz

The same volumes go through rtcog's ESAMProcessor alone (`rtcog`), through this viewer's class without a viewer
(`publisher`), with keeper and window (`window`), and with both stopped (SIGSTOP) for every few volumes (`frozen`),
in turns and each in a process of its own. Processes differ by more than what is looked for, so that `frozen` compares
volumes of one process. Needs rtcog and what it imports (not AFNI, not PsychoPy), and a POSIX system. Without DISPLAY it
starts a virtual display (Xvfb) by itself. With --voxels, noise is played.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

XVFB = ("xvfb-run", "-a", "-s", "-screen 0 1920x1080x24")
MODES = ("rtcog", "publisher", "window", "frozen")
BLOCK = 5
"""Volumes for which a viewer is stopped, and then not."""

PREFIX = "bench"
MATCH_START, REST, THRESHOLD = 20, 10, 2.0
STAMPS = "rgbench_stamps"


def say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def prepare(args: argparse.Namespace, folder: Path) -> None:
    """Write what rtcog needs into a folder: mask, templates in the mask method's format, volumes."""
    import nibabel as nib

    if args.voxels:
        side = int(np.ceil(args.voxels ** (1 / 3)))
        inside = np.zeros(side**3, np.uint8)
        inside[: args.voxels] = 1
        rng = np.random.default_rng(0)
        image = nib.Nifti1Image(inside.reshape((side,) * 3, order="F"), np.eye(4))
        volumes = (1000 + rng.normal(0, 10, (args.voxels, args.volumes))).astype(np.float32)
        maps = rng.normal(0, 1, (args.voxels, 7))
    else:
        image = nib.load(args.mask)
        mask = np.asarray(image.dataobj).ravel(order="F") > 0
        image = nib.Nifti1Image(mask.astype(np.uint8).reshape(image.shape, order="F"), image.affine)
        volumes, maps = (columns(nib.load(path), mask) for path in (args.bold, args.templates))
    nib.save(image, folder / "mask.nii")
    np.save(folder / "volumes.npy", volumes[:, : args.volumes])
    labels = np.array([f"T{k + 1}" for k in range(maps.shape[1])])
    masks = {label: maps[:, k] > 1.0 for k, label in enumerate(labels)}
    np.savez(
        folder / "match.npz",
        labels=labels,
        masks=np.array(masks, object),
        masked_templates=np.array({label: maps[masks[label], k] for k, label in enumerate(labels)}, object),
        voxel_counts=np.array({label: int(masks[label].sum()) for label in labels}, object),
    )


def columns(image: Any, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    data = np.asarray(image.dataobj, np.float32)
    return data.reshape((-1, data.shape[3]), order="F")[mask]


def options(args: argparse.Namespace, folder: Path, nvols: int) -> Any:
    import rtcog.paths
    from rtcog.utils.options import Options

    made = Options.from_yaml(str(Path(rtcog.paths.CONFIG_DIR) / "default_config.yaml"))
    made.__dict__.update(
        exp_type="esam",
        silent=True,
        discard=5,
        nvols=nvols,
        mask_path=str(folder / "mask.nii"),
        match_path=str(folder / "match.npz"),
        hit_thr=THRESHOLD,
        out_dir=str(folder),
        out_prefix=PREFIX,
    )
    made.matching.update(match_start=MATCH_START, vols_noaction=REST)
    for step in made.steps:
        step["enabled"] = step["enabled"] and step["name"] in args.steps.split(",")
        if step["name"] == "kalman":
            step["n_cores"] = 1
    return made


def worker(args: argparse.Namespace, mode: str, folder: Path) -> dict[str, Any]:
    """Drive one processor; return the milliseconds of each volume."""
    from multiprocessing import shared_memory

    from rtcog.processor.esam_processor import ESAMProcessor
    from rtcog.utils.core import create_sync_events

    volumes = np.load(folder / "volumes.npy").astype(np.float64)
    nt = volumes.shape[1]
    extra, motion = volumes.tolist(), still_head(nt).tolist()
    sync = create_sync_events()
    stamps = shared_memory.SharedMemory(STAMPS, create=True, size=16 * nt)
    written = np.ndarray((2, nt), np.uint64, stamps.buf)
    try:
        if mode == "rtcog":
            processor = ESAMProcessor(options(args, folder, nt), sync)
        else:
            from rtcog_gl.processor import GLProcessor

            processor = GLProcessor(options(args, folder, nt), sync)
            if mode != "publisher":
                processor.start_streaming(None)
                if not sync.server_ready.wait(30):
                    raise SystemExit("no window within 30 s")
        stamp_scores(processor, written)
        took = []
        for t in range(nt):
            if mode == "frozen" and t % BLOCK == 0:
                tell_viewer(processor, signal.SIGSTOP if stopped(t) else signal.SIGCONT)
            took.append(volume(processor, sync, motion, extra, args.tr))
        if mode == "frozen":
            tell_viewer(processor, signal.SIGCONT)
        own = [] if mode == "rtcog" else publishing_ms(processor._publisher.info)
        stamped = written[0].tolist()
        processor.end_run()
        if mode in ("window", "frozen"):
            processor.mp_prc_stream.join(30)
    finally:
        del written
        stamps.close()
        stamps.unlink()
    return {"ms": took, "own_ms": own, "log": with_stamps(log_of(folder), stamped)}


def stopped(t: int) -> bool:
    """Whether the viewer is stopped while volume `t` is worked on, where it is stopped at times."""
    return t // BLOCK % 2 == 1


def tell_viewer(processor: Any, number: signal.Signals) -> None:
    keeper = psutil.Process(processor.mp_prc_stream.pid)
    for process in (keeper, *keeper.children()):
        process.send_signal(number)


def publishing_ms(info: Any) -> list[float]:
    """Return how long after rtcog's own work each volume was published, by the records themselves."""
    from rtcog_gl.session.segments import ReadOnlySegment
    from rtcog_gl.session.volumes import VolumeReader

    segment = ReadOnlySegment(info.name)
    try:
        records = VolumeReader(segment, info).records(0, info.nt)
    finally:
        segment.close()
    published: list[float] = ((records["committed"] - records["processed"]) / 1e6).tolist()
    return published


def still_head(nt: int) -> npt.NDArray[np.float64]:
    """Return the motion of a head that hardly moves: (6, nt)."""
    return np.cumsum(np.random.default_rng(1).normal(0, 0.005, (6, nt)), axis=1)


def stamp_scores(processor: Any, written: npt.NDArray[np.uint64]) -> None:
    """Note when each score column was written: rtcog's `match` returns right after it has said so."""
    match = processor.matcher.match

    def stamped(t: int, n: int, data: Any) -> Any:
        scores = match(t, n, data)
        written[0, t] = time.monotonic_ns()
        return scores

    processor.matcher.match = stamped


def volume(processor: Any, sync: Any, motion: Any, extra: Any, tr: float) -> float:
    """Hand over the next volume; answer a hit at once, as a very quick participant would."""
    began = time.monotonic()
    processor.compute_TR_data(motion, extra)
    took = time.monotonic() - began
    if sync.hit.is_set() and tr:
        time.sleep(min(0.1, tr / 2))
        sync.hit.clear()
        sync.action_end.set()
    time.sleep(max(0.0, began + tr - time.monotonic()))
    return 1e3 * took


def log_of(folder: Path) -> list[dict[str, Any]]:
    path = folder / "latency.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def with_stamps(rows: list[dict[str, Any]], written: list[int]) -> list[dict[str, Any]]:
    """Put in the stamps of the scores, which the viewer often looks for before they are there."""
    return [{**row, "committed": written[row["t"]]} if row["kind"] == "scores" else row for row in rows]


def outputs(folder: Path) -> dict[str, bytes]:
    """Return what rtcog wrote, without the viewer's own files."""
    return {p.name: p.read_bytes() for p in sorted(folder.glob(f"{PREFIX}*")) if ".viewer_" not in p.name}


def run(args: argparse.Namespace, mode: str, source: Path, folder: Path) -> dict[str, Any]:
    """Run one worker in a process and a folder of its own."""
    for name in ("mask.nii", "match.npz", "volumes.npy"):
        (folder / name).symlink_to(source / name)
    flags = ["--size=1920x1080", "--no-vsync", "--linger=0", f"--stamps={STAMPS}"]
    flags.append(f"--latency-log={folder / 'latency.jsonl'}")
    environment = os.environ | {
        "RTCOG_GL_OPTIONS": shlex.join(flags),
        "PYTHONPATH": os.pathsep.join([str(args.rtcog), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:], "--worker", mode, "--folder", str(folder)]
    subprocess.run(command, check=True, cwd=folder, env=environment, stdout=sys.stderr)
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result


def measure(args: argparse.Namespace) -> dict[str, Any]:
    took: dict[str, list[float]] = {mode: [] for mode in MODES}
    stopping = []
    own: dict[str, list[float]] = {mode: [] for mode in MODES[1:]}
    rows: list[dict[str, Any]] = []
    same = True
    with tempfile.TemporaryDirectory() as base:
        source = Path(base) / "source"
        source.mkdir()
        prepare(args, source)
        first: dict[str, bytes] | None = None
        for turn in range(args.turns):
            for mode in MODES:
                folder = Path(base) / f"{turn}-{mode}"
                folder.mkdir()
                say(f"turn {turn + 1} of {args.turns}: {mode}")
                result = run(args, mode, source, folder)
                took[mode] += result["ms"][MATCH_START:]
                if mode in own:
                    own[mode] += result["own_ms"][MATCH_START:]
                if mode == "window":
                    rows += result["log"]
                elif mode == "frozen":
                    stopping.append(result["ms"][MATCH_START:])
                files = outputs(folder)
                first = files if first is None else first
                same = same and {k: v for k, v in files.items() if not k.endswith("_Options.yaml")} == first
                shutil.rmtree(folder)
    return {
        "processor_ms": {mode: spread(values) for mode, values in took.items()},
        "running_less_stopped_ms": running_less_stopped(stopping),
        "of_that_publishing_ms": {mode: spread(values) for mode, values in own.items()},
        "columns": latencies(rows),
        "files_identical": same,
    }


def spread(values: list[float]) -> dict[str, Any]:
    named = {f"p{q}": round(float(np.percentile(values, q)), 3) for q in (50, 95, 99, 100)}
    return {**named, "n": len(values)}


def running_less_stopped(runs: list[list[float]]) -> dict[str, Any]:
    """Return how much longer volumes took while the viewer ran than while it was stopped.

    The first volume of each block is left out: a viewer that was stopped has to catch up then.
    """
    both: dict[bool, list[float]] = {True: [], False: []}
    for run in runs:
        for t, value in enumerate(run, start=MATCH_START):
            if t % BLOCK:
                both[stopped(t)].append(value)
    running, still = float(np.median(both[False])), float(np.median(both[True]))
    rng = np.random.default_rng(0)
    draws = [
        np.median(rng.choice(both[False], len(both[False]))) - np.median(rng.choice(both[True], len(both[True])))
        for _ in range(2000)
    ]
    low, high = np.percentile(draws, [2.5, 97.5])
    return {
        "median_running": round(running, 3),
        "median_stopped": round(still, 3),
        "difference": round(running - still, 3),
        "interval_95": [round(float(low), 3), round(float(high), 3)],
        "n": [len(both[False]), len(both[True])],
    }


def latencies(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the way of scores and volumes to pixels finished, milliseconds."""
    ways: dict[str, list[float]] = {}
    for row in rows:
        if row.get("committed") and row.get("drawn"):
            ways.setdefault(row["kind"], []).append((row["drawn"] - row["committed"]) / 1e6)
    return {kind: spread(values) for kind, values in ways.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rtcog", type=Path, required=True, help="a checkout of rtcog")
    for name in ("bold", "mask", "templates"):
        parser.add_argument(f"--{name}", type=Path, help="NIfTI file")
    parser.add_argument("--voxels", type=int, default=0, help="play noise with so many voxels instead of a run")
    parser.add_argument("--volumes", type=int, default=120)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--tr", type=float, default=0.5, help="seconds from volume to volume")
    parser.add_argument("--steps", default="EMA,iGLM,kalman,smooth,snorm,windowing", help="preprocessing steps")
    parser.add_argument("--worker", choices=MODES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    for name in ("rtcog", "bold", "mask", "templates"):
        if getattr(args, name) is not None:
            setattr(args, name, getattr(args, name).resolve())
    if args.worker:
        (args.folder / "result.json").write_text(json.dumps(worker(args, args.worker, args.folder)))
        return
    if not os.environ.get("DISPLAY"):
        os.execvp(XVFB[0], [*XVFB, sys.executable, *sys.argv])
    # rtcog's segments have fixed names: tests with rtcog take the same lock.
    with (Path(tempfile.gettempdir()) / "rtcog-gl-real-rtcog.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        print(json.dumps(measure(args), indent=2))


if __name__ == "__main__":
    main()
