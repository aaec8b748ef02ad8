"""Records nothing."""

from __future__ import annotations

from unittest.mock import MagicMock

PyAudio = MagicMock()
paInt16 = 8
