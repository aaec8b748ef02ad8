"""rtcog's own entry, argument for argument: the keeper runs in this process, the window in one of its own."""

from __future__ import annotations

import logging
import os
from typing import Any

from rtcog_gl.logs import listen
from rtcog_gl.model.actions import action_state
from rtcog_gl.model.options import ENVIRONMENT, parse_options, words_of
from rtcog_gl.model.records import VolumesInfo
from rtcog_gl.model.session import ActionState
from rtcog_gl.session.child import WindowProcess, default_command
from rtcog_gl.session.keeper import Keeper, tidy_signals
from rtcog_gl.session.source import RtcogSource

log = logging.getLogger("rtcog_gl")

WINDOW_ENVIRONMENT = "RTCOG_GL_WINDOW"
"""Environment variable with another command for the window (``--board NAME ...`` is appended); empty: no window."""


def run_streamer(
    streamer_config: Any,
    sync_events: Any,
    action_onsets: Any,
    action_offsets: Any,
    responses: Any,
    *,
    volumes: VolumesInfo | None = None,
) -> None:
    """Show a session until it ends; what rtcog starts as a process of its own.

    ``server_ready`` is set once a window has shown its first frame. Where no window can be opened it stays clear, and
    the session is followed without one: whoever waits for the event waits for a picture.

    Parameters
    ----------
    streamer_config : StreamingConfig
        What does not change in the run; any object with the same fields.
    sync_events : SyncEvents
        The events and ``tr_index`` that the processes share; none of the events is ever waited on.
    action_onsets, action_offsets : list-like
        TR indices, mostly ``Manager().list()`` proxies.
    responses : dict-like or None
        ``{question: (rating, reaction time)}``, or None when the session asks no questions.
    volumes : VolumesInfo, optional
        Where the session publishes motion, times and a map of each volume; rtcog by itself does not.
    """
    listen()
    with tidy_signals():
        try:
            streamer = ESAMStreamer(
                streamer_config, sync_events, action_onsets, action_offsets, responses, volumes=volumes
            )
        except Exception as error:
            log.error("This session cannot be followed: %s: %s.", type(error).__name__, error)
            log.debug("Where that came from", exc_info=error)
            return
        streamer.run()


class ESAMStreamer:
    """Follows one session.

    Parameters
    ----------
    config, sync_events, action_onsets, action_offsets, responses, volumes
        As for `run_streamer`.
    """

    def __init__(
        self,
        config: Any,
        sync_events: Any,
        action_onsets: Any,
        action_offsets: Any,
        responses: Any,
        *,
        volumes: VolumesInfo | None = None,
    ) -> None:
        words, self._messages = words_of(os.environ.get(ENVIRONMENT, ""))
        self._options, refused = parse_options(words)
        if self._options.verbose:
            listen(verbose=True)
        self._messages += refused
        self._sync = sync_events
        self.window: WindowProcess | None = None
        """The window's process while `run` runs, and after it."""
        self._source = RtcogSource(
            config,
            sync_events,
            action_onsets,
            action_offsets,
            responses,
            segment_prefix=self._options.segment_prefix,
            stamps=self._options.stamps,
            volumes=volumes,
        )

    def run(self) -> None:
        """Show the session in a window until it ends or rtcog is gone; blocks."""
        command = window_command()
        self.window = WindowProcess(command, self._sync.server_ready.set) if command else None
        self._keep(self.window)

    def update(self) -> None:
        """Follow the session and publish it, without a window of its own, until it ends; blocks."""
        self._keep(None)

    def _keep(self, window: WindowProcess | None) -> None:
        options = self._options
        Keeper(self._source, window, options.argv(), self._messages, options.segment_prefix).run()

    @property
    def action_state(self) -> ActionState:
        """The actions in rtcog's own terms, as of the newest final column."""
        session, live = self._source.session, self._source.live
        return action_state(live.onsets, live.offsets, live.n_final - 1, session.vols_noaction)

    @property
    def in_cooldown(self) -> bool:
        """Whether the newest final column is before the latest offset + ``vols_noaction``."""
        return self.action_state.in_cooldown


def window_command() -> list[str]:
    """Return the command that opens a window; empty when there shall be none."""
    named = os.environ.get(WINDOW_ENVIRONMENT)
    return default_command() if named is None else words_of(named)[0]
