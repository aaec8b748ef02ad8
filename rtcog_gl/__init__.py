"""A GPU real-time viewer for rtcog sessions: scores, hits, voxel maps and answers."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtcog_gl.session.contract import (
        ActionState,
        MatchingOpts,
        SharedMemoryManager,
        StreamingConfig,
        SyncEvents,
    )
    from rtcog_gl.streamer import ESAMStreamer, run_streamer

__version__ = "0.1.0"

__all__ = [
    "ActionState",
    "ESAMStreamer",
    "MatchingOpts",
    "SharedMemoryManager",
    "StreamingConfig",
    "SyncEvents",
    "__version__",
    "run_streamer",
]

_HOMES = {
    "ActionState": "rtcog_gl.session.contract",
    "ESAMStreamer": "rtcog_gl.streamer",
    "MatchingOpts": "rtcog_gl.session.contract",
    "SharedMemoryManager": "rtcog_gl.session.contract",
    "StreamingConfig": "rtcog_gl.session.contract",
    "SyncEvents": "rtcog_gl.session.contract",
    "run_streamer": "rtcog_gl.streamer",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that one room can be imported without the others."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rtcog_gl' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
