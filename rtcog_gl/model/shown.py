"""Which map is to be on the screen: a volume or a hit's, and why one is not there."""

from __future__ import annotations

from dataclasses import dataclass

from .actions import action_state
from .records import VolumeRecords
from .session import Live, Session
from .view import View, shown_hit


@dataclass(frozen=True)
class Choice:
    """What the map panel is to show."""

    tr: int | None = None
    """TR of the map; None while there is none to show."""

    hit: int | None = None
    """Which hit's map it is, an index into `Live.maps`; None for the volume itself."""

    following: bool = False
    """Whether it is the newest volume, whichever that is."""

    held: bool = False
    """Whether a hit's map is kept because its survey is running."""

    @property
    def volume(self) -> int | None:
        """TR of the volume to show; None where a hit's map is to be shown, or nothing."""
        return self.tr if self.hit is None else None


def chosen(view: View, session: Session, live: Live) -> Choice:
    """Return what is to be shown."""
    if not session.slots or view.maps == "hits" or view.hit is not None or view.map.mean:
        return _hit(live, shown_hit(view, len(live.maps)))
    if view.cursor is not None:
        if view.maps == "auto" and view.cursor in live.maps:
            return _hit(live, live.maps.index(view.cursor))
        return Choice(view.cursor)
    running = _hit_of_running_survey(session, live) if view.maps == "auto" else None
    if running is not None:
        return Choice(running, live.maps.index(running), held=True)
    return Choice(live.n_volumes - 1 if live.n_volumes else None, following=True)


def _hit(live: Live, index: int | None) -> Choice:
    return Choice() if index is None else Choice(live.maps[index], index)


def _hit_of_running_survey(session: Session, live: Live) -> int | None:
    """Return the TR of the hit whose survey is on the screen, once its map is there.

    Where the session asks no questions, there is no survey, and nobody may ever end the action.
    """
    if not (session.questions or live.questions):
        return None
    last = max((t for t in (live.n_final - 1, *live.onsets, *live.offsets) if t < session.nt), default=-1)
    if not action_state(live.onsets, live.offsets, last, session.vols_noaction).in_action:
        return None
    onset = max(t for t in live.onsets if 0 <= t <= last)
    return onset if onset in live.maps else None


def why_missing(tr: int, slots: int, live: Live, records: VolumeRecords) -> str:
    """Return why the volume of a TR cannot be had, as a sentence; empty where it can.

    Parameters
    ----------
    tr : int
        The volume.
    slots : int
        Newest volumes that are kept.
    live : Live
        The present state.
    records : array of VOLUME, (Nt,)
        What is known of each volume.
    """
    if tr >= live.n_volumes:
        return f"TR {tr}: no volume was published" if live.ended else f"TR {tr}: the volume is not there yet"
    if records["committed"][tr] and not records["has_map"][tr]:
        return f"TR {tr}: this volume was not preprocessed"
    if tr < live.n_volumes - slots:
        return f"TR {tr} is no longer in memory (the last {slots} volumes are)"
    return ""
