from __future__ import annotations

import time
from typing import Any

from rtcog.processor.esam_processor import ESAMProcessor


class ESAMActionSeries:
    """The participant's side; the volumes' side answers for the participant, so that each run is the same."""

    def __init__(self, sync: Any, options: Any) -> None:
        self.sync = sync

    def run(self) -> None:
        while not self.sync.end.is_set():
            time.sleep(0.01)


EXPERIMENT_REGISTRY: dict[str, dict[str, Any]] = {
    "basic": {"processor": object, "action": object},
    "esam": {"processor": ESAMProcessor, "action": ESAMActionSeries},
}
