"""Hands over the volumes of the file that FAKE_AFNI_RUN names (extra: voxels x volumes, motion: 6 x volumes)."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np


class RTInterface:
    def __init__(self) -> None:
        with np.load(os.environ["FAKE_AFNI_RUN"]) as given:
            self._extra, self._motion = given["extra"], given["motion"]
        self._go = Path(os.environ["FAKE_AFNI_GO"])
        self.server_port, self.show_data, self.nread = 0, False, 0
        self.motion: list[list[float]] = [[] for _ in self._motion]
        self.extras: list[list[float]] = [[] for _ in self._extra]

    def open_incoming_socket(self) -> int:
        return 0

    def wait_for_new_run(self) -> int:
        until = time.monotonic() + 120
        while not self._go.exists() and time.monotonic() < until:
            time.sleep(0.01)
        return 0

    def read_TR_data(self) -> int:
        """Return 0, or 1 when there is no more."""
        if self.nread == self._extra.shape[1]:
            return 1
        for lists, values in ((self.motion, self._motion), (self.extras, self._extra)):
            for one, value in zip(lists, values[:, self.nread].tolist(), strict=True):
                one.append(value)
        self.nread += 1
        return 0
