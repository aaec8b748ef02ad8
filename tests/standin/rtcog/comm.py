"""The process that receives volumes: here it makes them up, and plays the participant."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from rtcog.processor.esam_processor import ESAMProcessor


def volumes(nv: int, nt: int) -> tuple[list[list[float]], list[list[float]]]:
    rng = np.random.default_rng(7)
    motion = np.cumsum(rng.normal(0, 0.05, (6, nt)), axis=1)
    return motion.tolist(), (1000 + rng.normal(0, 10, (nv, nt))).tolist()


def comm_process(opts: Any, sync: Any, proc_class: Any, shared_responses: Any = None, minimal: bool = False) -> int:
    processor = proc_class(opts, sync, minimal=minimal)
    if isinstance(processor, ESAMProcessor) and not minimal:
        processor.start_streaming(shared_responses)
    Path(opts.out_dir, "child.json").write_text(json.dumps({"argv": sys.argv, "class": name_of(proc_class)}))
    motion, extra = volumes(processor.mask_Nv, opts.nvols)
    if opts.odd_motion:
        motion.append(motion[0])
    try:
        for t in range(opts.nvols):
            wait(Path(opts.out_dir, f"go{t}"), opts.gates)
            if processor.action_onsets and t == processor.action_onsets[-1] + opts.action_vols:
                sync.hit.clear()
                sync.action_end.set()
            if t == opts.kill_viewer_at:
                processor.mp_prc_stream.kill()
            processor.compute_TR_data([six[: t + 1] for six in motion], [voxel[: t + 1] for voxel in extra])
    except Exception as error:
        print(f"stand-in: {error}", file=sys.stderr, flush=True)
        processor.end_run(save=False)
    finally:
        wait(Path(opts.out_dir, "go-end"), opts.gates)
        end(processor, opts)
    return 0


def end(processor: Any, opts: Any) -> None:
    """End the run; if that fails, say of what, and leave only when told to."""
    try:
        processor.end_run()
    except BaseException as error:
        facts = {"error": f"{type(error).__name__}: {error}", "while": repr(error.__context__)}
        Path(opts.out_dir, "failed.part").write_text(json.dumps(facts))
        Path(opts.out_dir, "failed.part").rename(Path(opts.out_dir, "failed.json"))
        wait(Path(opts.out_dir, "go-out"), opts.gates)
        raise


def wait(path: Path, gates: list[str]) -> None:
    """Go on once somebody has made the file, if it is one of those to be waited for."""
    until = time.monotonic() + 60
    while path.name in gates and not path.exists() and time.monotonic() < until:
        time.sleep(0.01)


def name_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def note(opts: Any, **facts: Any) -> None:
    with contextlib.suppress(FileExistsError):
        Path(opts.out_dir).mkdir(parents=True)
    Path(opts.out_dir, "main.json").write_text(json.dumps({"argv": sys.argv, **facts}))
