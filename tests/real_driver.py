"""Drives rtcog's own processor by hand, with or without the viewer's part, and saves what a reader saw of it.

    python real_driver.py rtcog|viewer|killed FOLDER

FOLDER holds ``mask.nii``, ``match.npz``, ``input.npz`` (extra, motion) and gets rtcog's files and ``seen.npz``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

NT, DISCARD, MATCH_START, COOLDOWN, SURVEY = 60, 5, 15, 10, 4


def options(folder: Path) -> Any:
    import rtcog.paths
    from rtcog.utils.options import Options

    made = Options.from_yaml(str(Path(rtcog.paths.CONFIG_DIR) / "default_config.yaml"))
    made.__dict__.update(
        exp_type="esam",
        silent=True,
        nvols=NT,
        discard=DISCARD,
        mask_path=str(folder / "mask.nii"),
        match_path=str(folder / "match.npz"),
        hit_thr=1.0,
        out_dir=str(folder),
        out_prefix="run",
    )
    made.matching.update(match_start=MATCH_START, vols_noaction=COOLDOWN)
    for step in made.steps:
        if step["name"] == "kalman":
            step["n_cores"] = 1
    return made


def drive(mode: str, folder: Path) -> None:
    from rtcog.processor.esam_processor import ESAMProcessor
    from rtcog.utils.core import create_sync_events

    with np.load(folder / "input.npz") as given:
        extra, motion = given["extra"].tolist(), given["motion"].tolist()
    sync = create_sync_events()
    cls: Any = ESAMProcessor
    if mode != "rtcog":
        from rtcog_gl.processor import GLProcessor as cls
    processor = cls(options(folder), sync)
    if mode != "rtcog":
        processor.start_streaming(None)
    took, flags, before = [], [], []
    for t in range(NT):
        if processor.action_onsets and t == processor.action_onsets[-1] + SURVEY:
            sync.hit.clear()
            sync.action_end.set()
        if mode == "killed" and t == NT // 2:
            processor.mp_prc_stream.kill()
        flags.append(sync.hit.is_set())
        before.append(processor.hit_detector.enorm_prev or np.nan)
        began = time.perf_counter_ns()
        assert processor.compute_TR_data(motion, extra) == 1
        took.append(time.perf_counter_ns() - began)
    seen = {} if mode == "rtcog" else look(processor)
    seen.update(took=took, flags=flags, norms=before, processed=processor.pipe.Data_processed)
    seen.update(scores=processor.matcher.scores, shared=np.array(processor.matcher.shared_arr))
    np.savez(folder / "seen.npz", **seen)
    processor.end_run()
    if mode != "rtcog":
        processor.end_run()
        processor.mp_prc_stream.join(60)


def look(processor: Any) -> dict[str, Any]:
    """Return what a reader of the volumes sees."""
    from rtcog_gl.session.segments import ReadOnlySegment
    from rtcog_gl.session.volumes import VolumeReader

    info = processor._publisher.info
    segment = ReadOnlySegment(info.name)
    reader = VolumeReader(segment, info)
    columns = {t: reader.column(t) for t in range(NT)}
    had = [t for t in range(NT) if columns[t] is not None]
    seen = {
        "name": info.name,
        "count": reader.count,
        "records": reader.records(0, NT),
        "had": had,
        "columns": np.array([columns[t] for t in had]),
        "templates": np.array([reader.template(k) for k in range(info.n_templates)]),
        "rule": np.array([info.rule.hit_thr, info.rule.nconsec_vols, info.rule.nonline, info.rule.mot_thr]),
    }
    del reader
    segment.close()
    return seen


if __name__ == "__main__":
    drive(sys.argv[1], Path(sys.argv[2]))
