"""rtcog as a source: turns what a running session publishes into `Live`, without ever getting in its way."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rtcog_gl.model import readiness
from rtcog_gl.model.records import VolumesInfo
from rtcog_gl.model.session import Live, Session
from rtcog_gl.model.volume import MaskGrid
from rtcog_gl.session.arrivals import Arrivals
from rtcog_gl.session.attach import SessionSegments, wanted_segments
from rtcog_gl.session.describe import describe
from rtcog_gl.session.ending import Ending
from rtcog_gl.session.proxies import AnswersReader, ListsReader, ProxyThread, is_dict
from rtcog_gl.session.published import Published
from rtcog_gl.session.segments import ReadOnlySegment
from rtcog_gl.session.signals import Look, Sparing, counter

log = logging.getLogger("rtcog_gl")

QUESTIONS_S = 1.0
"""Longest time that the first look at `RtcogSource.session` waits for the names of the questions."""

SOON_S, LATER_S, QUIET_S = 0.001, 0.004, 0.02
"""Time to the next poll: with a volume or a map under way; otherwise; and while no volume is due for a while."""

SETTLED_NS = 50_000_000
"""A hit comes shortly after its column; so long after a column, none is expected any more."""

ONSET_NS = 2_000_000
"""rtcog lists an onset shortly after the column's scores; the lists are read so long after a column became final."""

HIT_NS = 15_000_000
"""A column that is a hit has its map written, and is listed, within about this time: looks are frequent until then."""

NEWS_NS = 50_000_000
"""Where looking takes a lock: a column that was begun is worth looking at each poll for so long."""

MAP_LOOK_NS = 20_000_000
"""Where looking takes a lock: time between looks at `hit` while a map is expected."""

LEAVING_S, LEAVING_TRS = 30.0, 10.0
"""With the manager gone, a session without a volume for so long, in seconds and in TRs, is over."""

SAME_TR = 0.01
"""Lengths of a TR that differ by less than this part are the same."""

RECENT_NS = 1_000_000_000
"""rtcog's lists may go with the end of the run; what was read so shortly before it is all that there was."""

LAST_READ_NS = 500_000_000
"""At the end, the lists and answers are given so long to be read once more."""


class RtcogSource:
    """Follows one session of rtcog.

    `poll` and `wait_hint` are for one thread, which never waits for rtcog: events, counter and memory are looked
    at without locks (sparingly where the platform knows no such look), and the proxies are read on other threads.

    Parameters
    ----------
    config : StreamingConfig
        Any object with the contract's fields; whatever is wrong with it becomes a message.
    sync : SyncEvents
        Any object with the contract's events and ``tr_index``.
    onsets, offsets : list-like
        Proxies, or lists.
    responses : dict-like or None
        A proxy, a dictionary, or None when the session asks no questions.
    segment_prefix : str
        Put before the names of the segments.
    stamps : str or None
        Name of the segment in which a producer leaves its own stamps; kept for whoever measures.
    volumes : VolumesInfo or None
        Where the producer publishes each volume, if it does.
    """

    def __init__(
        self,
        config: Any,
        sync: Any,
        onsets: Any,
        offsets: Any,
        responses: Any,
        *,
        segment_prefix: str = "",
        stamps: str | None = None,
        volumes: VolumesInfo | None = None,
    ) -> None:
        described = describe(config)
        self.stamps = stamps
        self._published = Published(volumes, described.session)
        self._session, self._grid = self._published.session, described.grid
        self._session_is_fixed = False
        self._nt = self._session.nt
        self._final_ns = np.zeros((2, self._nt), np.uint64)
        self._live = Live(started_ns=time.monotonic_ns(), messages=described.messages)
        self._ready = readiness.Readiness()
        self._segments = SessionSegments(wanted_segments(self._session, described.rows, segment_prefix))
        self._look(sync)
        self._read_proxies(sync, onsets, offsets, responses)
        self._arrivals = Arrivals()
        for message in self._published.messages:
            self._say(message)
        self._now = 0
        self._hit_before = False
        self._looks: tuple[object, ...] = ()
        self._done, self._rung = -1, False
        self._due_ns = 0
        self._news = (-1, 0)
        self._map_due_ns = self._kick_ns = self._end_ns = 0
        self._ending = Ending(self._segments, self._session.match_start, self._nt)
        self._passing: tuple[str, ...] = ()

    def _look(self, sync: Any) -> None:
        new_tr, hit, end, ready = Look(sync.new_tr), Look(sync.hit), Look(sync.end), Look(sync.shm_ready)
        self._signal = new_tr
        self._new_tr = Sparing(new_tr.test_and_clear, new_tr.clears_lock_free)
        self._hit = Sparing(hit.is_set, hit.lock_free)
        self._end = Sparing(end.is_set, end.lock_free)
        self._shm_ready = Sparing(ready.is_set, ready.lock_free)
        self._lock_free = all(look.lock_free for look in (self._new_tr, self._hit, self._end))
        self._tr_index = counter(sync.tr_index)

    def _read_proxies(self, sync: Any, onsets: Any, offsets: Any, responses: Any) -> None:
        self._lists = ListsReader(onsets, offsets)
        self._threads = [ProxyThread("hits", self._lists)]
        self._answers: AnswersReader | None = None
        if responses is not None and not is_dict(responses):
            self._say(f"responses is a {type(responses).__name__}, expected a dict, a proxy of one, or None.")
        elif responses is not None:
            self._answers = AnswersReader(onsets, offsets, responses, Look(sync.action_end).is_set)
            self._threads.append(ProxyThread("answers", self._answers))

    @property
    def session(self) -> Session:
        """What does not change; the first look waits, at most `QUESTIONS_S`, for the names of the questions."""
        if not self._session_is_fixed:
            if self._answers is not None:
                if not self._answers.known.wait(QUESTIONS_S):
                    self._say("The names of the questions could not be read in time; the answers are not shown.")
                self._session = replace(self._session, questions=self._answers.questions)
            self._session_is_fixed = True
        return self._session

    @property
    def grid(self) -> MaskGrid | None:
        """The mask in space, or None where it cannot be used."""
        return self._grid

    @property
    def live(self) -> Live:
        """The state after the last poll."""
        return self._live

    @property
    def messages(self) -> tuple[str, ...]:
        """Sentences for the operator, oldest first."""
        return self._live.messages

    @property
    def final_ns(self) -> npt.NDArray[np.uint64]:
        """(2, Nt), monotonic ns at which each column (row 0) and map (row 1) was found final; 0 where it was not."""
        return self._final_ns

    @property
    def segments(self) -> dict[str, ReadOnlySegment]:
        """The mapped segments by role: ``scores``, ``maps``, and ``volumes`` where the session publishes them."""
        return {**self._segments.mapped, **self._published.segments}

    @property
    def volumes(self) -> VolumesInfo | None:
        """Where the session publishes each volume; None where it does not, or where that cannot be read."""
        return self._published.info

    def poll(self) -> bool:
        """Look for news, without waiting for anybody; return whether `live` changed."""
        if self._live.ended:
            return False
        now = self._now = time.monotonic_ns()
        # The order of these looks is the proof that nothing is shown too early: see `model.readiness`.
        if self._end.ask(now) and not self._end_ns:
            self._end_ns = now
            self._kick()
        lists = self._lists.value
        pending = self._pending(lists.onsets)
        hit = bool(self._hit.ask(now, pending and now >= self._map_due_ns))
        arrived = min(self._tr_index(), self._nt - 1)
        count = self._published.count()
        # A record is published when rtcog is done with its volume, which is all that `tr_index` says, and sooner.
        if self._rung:
            self._take_signal()
        done = self._done = max(arrived, count - 1)
        new_tr = self._new_tr.ask(now, not self._new_tr.lock_free and self._worth_asking(done))
        if self._seen_before((lists, hit, arrived, count, new_tr)):
            return False
        if not self._segments.settled:
            self._segments.tend(now, bool(self._shm_ready.ask(now)), arrived)
        before = self._live
        self._arrivals.see(arrived, now)
        self._take_tr(self._arrivals.tr_s)
        self._take(lists.onsets, hit, done, new_tr)
        if count > self._live.n_volumes:
            self._change(n_volumes=count)
        self._take_lists(lists.onsets, lists.offsets)
        self._schedule_reads(hit)
        self._finish()
        self._leave()
        return self._live is not before

    @property
    def _wakes(self) -> bool:
        """Whether the next column's signal will wake `pause`."""
        return self._signal.can_wait and self._ready.n_final >= self._session.match_start

    def pause(self, seconds: float) -> None:
        """Sleep until the next poll; a column's signal ends it at once, where one can sleep for it."""
        if self._wakes:
            self._rung = self._signal.wait_and_clear(seconds)
        else:
            time.sleep(seconds)

    def _take_signal(self) -> None:
        """Take the signal that ended the pause: it was looked at after the last poll's counter, not this one's."""
        self._rung, self._looks = False, ()
        columns = readiness.poll(self._ready, self._done, True, self._nt)
        self._ready = replace(self._ready, n_final=columns.n_final, floor=columns.floor)

    def _seen_before(self, looks: tuple[object, ...]) -> bool:
        """Whether a poll found what the last one found, so that there is nothing to do; never for long.

        Most polls are such, and the less one does, the less it takes from rtcog. Only where no look takes a lock:
        elsewhere the rest of a poll decides when to look again.
        """
        same = looks == self._looks and not looks[-1] and not self._end_ns and not self._kick_ns
        if same and self._lock_free and self._now < self._due_ns:
            return True
        self._looks, self._due_ns = looks, self._now + int(QUIET_S * 1e9)
        return False

    def wait_hint(self) -> float:
        """Return the seconds that the next poll can wait."""
        now = self._now
        volume = self._arrivals.under_way(now)
        n_final, since = self._ready.n_final, now - self._live.newest_ns
        # Nothing tells that a volume that is not scored is done, unless it has a record.
        told = 0 if self._published.speaks(n_final) else self._session.match_start
        scoring = volume is not None and volume >= max(n_final, told)
        if self._pending(self._live.onsets) or self._published.due(n_final, since) or 0 <= since < HIT_NS:
            return SOON_S
        if scoring and self._wakes:
            return QUIET_S
        if scoring:
            return min(LATER_S, max(SOON_S, self._arrivals.not_before_ns(now) / 1e9))
        quiet = since > SETTLED_NS and not self._arrivals.due(now)
        return QUIET_S if quiet else LATER_S

    def close(self) -> None:
        """Let go of everything; nothing of rtcog's is touched."""
        for thread in self._threads:
            thread.close()
        self._segments.close()
        self._published.close()

    def _change(self, **fields: Any) -> None:
        self._live = replace(self._live, **fields)

    def _say(self, message: str) -> None:
        if message and message not in self._live.messages:
            log.warning("%s", message)
            self._change(messages=(*self._live.messages, message))

    def _kick(self) -> None:
        for thread in self._threads:
            thread.kick()

    def _pending(self, onsets: tuple[int, ...]) -> bool:
        """Whether the newest onset has no map yet."""
        return bool(onsets) and 0 <= onsets[-1] < self._nt and onsets[-1] not in self._live.maps

    def _worth_asking(self, done: int) -> bool:
        """Whether counter or memory say that `new_tr` may have news; only where looking takes a lock."""
        if done > self._ready.floor:
            return True
        t = self._ready.n_final
        if t >= self._nt or not self._segments.written(t):
            return False
        if self._news[0] != t:
            self._news = (t, self._now)
        return self._now - self._news[1] < NEWS_NS

    def _take(self, onsets: tuple[int, ...], hit: bool, done: int, new_tr: bool | None) -> None:
        """Take this poll's looks, and show what they allow."""
        looks = readiness.Looks(onsets, hit, done, new_tr)
        if self._end_ns:
            # The memory last: it is looked at only where neither these looks nor those before vouch for it.
            vouched = readiness.take(self._ready, looks, self._nt)
            unsure = [t for t in dict.fromkeys(onsets) if 0 <= t < self._nt and t not in vouched.maps]
            self._ending.look(self._now, done + 1, unsure)
            settled = self._ending.column_settled, self._ending.maps_settled
            looks = replace(looks, column_settled=settled[0], maps_settled=settled[1])
        self._ready = readiness.take(self._ready, looks, self._nt)
        self._show_columns(self._live.n_final, self._ready.n_final)
        self._show_maps(self._ready.maps)
        if self._now >= self._map_due_ns:
            self._map_due_ns = self._now + MAP_LOOK_NS

    def _take_tr(self, tr_s: float | None) -> None:
        """Tell of another length of the TR; jitter is no news, which would be published and drawn at each arrival."""
        told = self._live.tr_s
        if tr_s is not None and (told is None or abs(tr_s - told) > SAME_TR * told):
            self._change(tr_s=tr_s)

    def _show_columns(self, first: int, n_final: int) -> None:
        if n_final > first:
            self._arrivals.done(n_final - 1, self._now)
            self._final_ns[0, first:n_final] = self._now
            self._kick_ns = self._now + ONSET_NS
            self._change(n_final=n_final, newest_ns=self._now)

    def _show_maps(self, maps: tuple[int, ...]) -> None:
        if maps != self._live.maps:
            self._final_ns[1, list(maps[len(self._live.maps) :])] = self._now
            self._change(maps=maps, map_ns=self._now)

    def _take_lists(self, onsets: tuple[int, ...], offsets: tuple[int, ...]) -> None:
        if onsets != self._live.onsets or offsets != self._live.offsets:
            self._change(onsets=onsets, offsets=offsets)
        if self._answers is not None and self._session_is_fixed:
            self._take_answers(self._answers)
        for thread in self._threads:
            thread.look_for_hanging(self._now)
        silent = self._published.problems(self._live.n_final)
        unread = (thread.problem for thread in self._threads if not self._read_all(thread))
        self._take_problems((*unread, *self._segments.messages, *silent))

    def _read_all(self, thread: ProxyThread) -> bool:
        """Whether the session is over and its lists went with it, soon after they were read for the last time."""
        recent = bool(self._end_ns) and thread.read_ns > self._end_ns - RECENT_NS
        return recent and thread.gone and thread.problem not in self._passing

    def _take_problems(self, problems: tuple[str, ...]) -> None:
        """Say what is wrong at present; what no longer is, is no longer said."""
        if problems == self._passing:
            return
        over = set(self._passing) - set(problems)
        self._passing = problems
        if over & set(self._live.messages):
            self._change(messages=tuple(message for message in self._live.messages if message not in over))
        for message in problems:
            self._say(message)

    def _take_answers(self, read: AnswersReader) -> None:
        if read.answers is not self._live.answers:
            more = read.questions if read.questions != self.session.questions else ()
            self._change(answers=read.answers, questions=more)

    def _schedule_reads(self, hit: bool) -> None:
        """Have the proxies read when there is probably news in them."""
        rising, self._hit_before = hit and not self._hit_before, hit
        if rising or (self._kick_ns and self._now >= self._kick_ns):
            self._kick_ns = 0
            self._kick()

    def _leave(self) -> None:
        """Give up when the manager is gone and no volume comes either.

        A Python program that dies of an exception shuts its manager down and then waits for its child processes, this
        one among them, without ever saying that the session is over.
        """
        if self._live.lost or self._live.ended or not any(thread.gone for thread in self._threads):
            return
        quiet_s = (self._now - max(self._live.newest_ns, self._live.started_ns)) / 1e9
        if quiet_s > max(LEAVING_S, LEAVING_TRS * (self._live.tr_s or 0.0)):
            self._change(lost=f"rtcog's manager is gone and no volume came for {quiet_s:.0f} s; nothing more can come.")

    def _finish(self) -> None:
        """Say that the session has ended, once nothing more can come."""
        if not self._end_ns:
            return
        since = self._now - self._end_ns
        unread = since < LAST_READ_NS and not all(thread.read_since(self._end_ns) for thread in self._threads)
        # What the last read brought is taken at the next poll.
        stale = self._lists.value.onsets != self._live.onsets or self._lists.value.offsets != self._live.offsets
        left_out = self._ending.left_out(self._now, self._live.n_final, self._live.maps)
        if unread or stale or left_out is None:
            return
        for message in left_out:
            self._say(message)
        self._change(ended=True)
