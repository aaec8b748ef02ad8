"""The processor: what it does for each volume, in rtcog's order, with the simplest of preprocessing and scoring."""

from __future__ import annotations

import multiprocessing
from math import sqrt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel as nib
import numpy as np

from rtcog_gl.session.contract import MatchingOpts, SharedMemoryManager, StreamingConfig


class Matcher:
    def __init__(self, options: Any, nv: int) -> None:
        rng = np.random.default_rng(3)
        self.template_labels = ["left", "right"]
        self.masks = {label: rng.random(nv) < 0.5 for label in self.template_labels}
        self.masked_templates = {label: rng.normal(size=mask.sum()) for label, mask in self.masks.items()}
        self.scores: Any = None
        self.shape = (len(self.template_labels), options.nvols)
        self.manager = SharedMemoryManager(options.segment_prefix + "match_scores", True, 4 * options.nvols * 2)
        shm = self.manager.open()
        self.shared_arr: Any = np.ndarray(self.shape, np.float32, shm.buf)
        if not options.no_segment:
            self.shm = shm

    def match(self, t: int, column: Any) -> Any:
        if self.scores is None:
            self.scores = np.zeros(self.shape)
        dots = [self.masked_templates[k] @ column[self.masks[k], 0] for k in self.template_labels]
        self.scores[:, t] = self.shared_arr[:, t] = np.array(dots)
        return self.scores


class HitDetector:
    def __init__(self) -> None:
        self.enorm_prev: float | None = None
        self.compared: dict[int, float] = {}

    def calculate_enorm_diff(self, motion: list[float]) -> float | None:
        norm, before = sqrt(sum(x**2 for x in motion)), self.enorm_prev
        self.enorm_prev = norm
        return None if before is None else norm - before

    def detect(self, t: int, labels: list[str], scores: Any, motion: list[float], opts: Any) -> str | None:
        change = self.calculate_enorm_diff(motion)
        assert change is not None
        self.compared[t] = change
        if opts.do_mot and change > opts.mot_thr:
            return None
        best = int(np.argmax(scores[:, t]))
        return labels[best] if np.all(scores[best, t - opts.nconsec_vols + 1 : t + 1] >= opts.hit_thr) else None


class ESAMProcessor:
    def __init__(self, options: Any, sync: Any, minimal: bool = False) -> None:
        self.options, self.sync, self.minimal = options, sync, minimal
        self.log = multiprocessing.get_logger()
        self.t, self.n, self.Nt = -1, 0, options.nvols
        self.mask_img = nib.Nifti1Image(np.ones((4, 3, 2), np.uint8), np.diag([2.0, 3.0, 4.0, 1.0]))
        self.mask_Nv = 24
        self.this_motion: list[float] = []
        self.pipe = SimpleNamespace(processed_tr=np.zeros((self.mask_Nv, 1)))
        self.pipe.steps = [SimpleNamespace(name=name) for name in options.steps]
        self.Data_processed = np.zeros((self.mask_Nv, self.Nt))
        self.Motion: list[list[float]] = []
        self.lastaction_endTR = 0
        self.match_opts = MatchingOpts(**options.matching)
        self.hit_opts = SimpleNamespace(**options.hits, hit_thr=options.hit_thr)
        self.hit_detector = HitDetector()
        self.matcher = Matcher(options, self.mask_Nv)
        self.shm_tr_manager = SharedMemoryManager(options.segment_prefix + "tr_data", True, 4 * 24 * self.Nt)
        self.shm_tr = self.shm_tr_manager.open()
        self.shared_tr_data: Any = np.ndarray((self.mask_Nv, self.Nt), np.float32, self.shm_tr.buf)
        self.action_onsets: list[int] = []
        self.action_offsets: list[int] = []
        self.manager = multiprocessing.Manager()
        self.shared_action_onsets, self.shared_action_offsets = self.manager.list(), self.manager.list()
        self.flags: list[bool] = []
        self.streaming_config: Any = StreamingConfig(
            self.Nt,
            self.matcher.template_labels,
            options.hit_thr,
            self.match_opts,
            self.mask_img,
            self.mask_Nv,
            options.out_dir,
            options.out_prefix,
        )
        if options.no_viewer:
            self.streaming_config = lambda: "no process can be given this"
        sync.shm_ready.set()

    def start_streaming(self, shared_responses: Any) -> None:
        """The stand-in has no viewer of its own."""

    def compute_TR_data(self, motion: list[list[float]], extra: list[list[float]]) -> int:
        hit_status, action_end = self.sync.hit.is_set(), self.sync.action_end.is_set()
        self.flags.append(hit_status)
        self.sync.tr_index.value = self.t
        self.t += 1
        t = self.t
        self.this_motion = [six[t] for six in motion]
        self.Motion.append(self.this_motion)
        column = np.array([voxel[t] for voxel in extra])
        if t >= self.options.fail_at:
            raise RuntimeError(f"volume {t} cannot be had")
        if t >= self.options.discard:
            self.n += 1
            self.pipe.processed_tr = (column - column.mean())[:, np.newaxis] / 2
            self.Data_processed[:, t] = self.pipe.processed_tr[:, 0]
        if action_end:
            self.lastaction_endTR = t
            self.action_offsets.append(t)
            self.shared_action_offsets.append(t)
            self.sync.action_end.clear()
        if t == max(0, self.match_opts.match_start - 1):
            self.hit_detector.calculate_enorm_diff(self.this_motion)
        if t >= self.match_opts.match_start:
            scores = self.matcher.match(t, self.pipe.processed_tr)
            self.sync.new_tr.set()
            if not (hit_status or t < self.lastaction_endTR + self.match_opts.vols_noaction):
                self.detect(t, scores)
        return 1

    def detect(self, t: int, scores: Any) -> None:
        labels = self.matcher.template_labels
        if self.hit_detector.detect(t, labels, scores, self.this_motion, self.hit_opts):
            self.sync.hit.clear()
            self.action_onsets.append(t)
            self.shared_action_onsets.append(t)
            self.shared_tr_data[:, t] = self.pipe.processed_tr[:, 0]
            self.sync.hit.set()

    def write_report(self) -> None:
        raise AssertionError("rtcog's own report is not wanted")

    def end_run(self, save: bool = True) -> None:
        start = str(Path(self.options.out_dir, self.options.out_prefix))
        if save:
            np.save(start + ".pp_Final.npy", self.Data_processed)
            np.savetxt(start + ".Motion.1D", np.array(self.Motion))
        np.save(start + ".mask_scores.npy", self.matcher.scores)
        Path(start + ".action_onsets.txt").write_text("".join(f"{t}\n" for t in self.action_onsets))
        Path(start + ".action_offsets.txt").write_text("".join(f"{t}\n" for t in self.action_offsets))
        np.save(start + ".compared.npy", list(self.hit_detector.compared.items()))
        np.save(start + ".flags.npy", self.flags)
        if self.minimal:
            self.write_report()
        self.shared_tr_data = self.matcher.shared_arr = None
        self.shm_tr_manager.cleanup()
        self.matcher.manager.cleanup()
        self.sync.end.set()
        if self.options.fail_end:
            raise OSError(self.options.fail_end)
