"""Names that rtcog imports and does not use with --no_action: anything asked for is there."""

from __future__ import annotations

import sys
from unittest.mock import MagicMock

core, data, event, gui, hardware, logging, prefs, visual = (MagicMock() for _ in range(8))
for _name in ("core", "data", "event", "gui", "hardware", "logging", "prefs", "visual"):
    sys.modules[f"{__name__}.{_name}"] = globals()[_name]
sys.modules[f"{__name__}.visual.slider"] = visual.slider
sys.modules[f"{__name__}.hardware.keyboard"] = hardware.keyboard
