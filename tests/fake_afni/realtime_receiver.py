"""The class that rtcog derives its receiver from."""

from __future__ import annotations


class ReceiverInterface:
    def __init__(self) -> None:
        self.RTI = None

    def set_signal_handlers(self) -> None:
        """Signals are left as they are."""
