"""Where this package's messages go in processes that rtcog starts, which set up logging for rtcog alone."""

from __future__ import annotations

import logging

log = logging.getLogger("rtcog_gl")


def listen(verbose: bool = False) -> None:
    """Let this package's messages be seen, also in a spawned process, where nobody has set up logging yet."""
    if verbose:
        log.setLevel(logging.INFO)
    if log.hasHandlers():
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("rtcog-gl: %(message)s"))
    # Not the root logger: rtcog's messages would come twice.
    log.addHandler(handler)
