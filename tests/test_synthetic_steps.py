"""The producer's steps, the rule of hits and the scores: no process, no file."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rtcog_gl.session.contract import SharedMemoryManager, attach
from rtcog_gl.session.segments import ReadOnlySegment
from rtcog_gl.session.synthetic import DemoError, HitRule, ScriptedSession, SyntheticProducer
from rtcog_gl.session.synthetic.content import Header, ScriptedContent
from rtcog_gl.session.synthetic.participant import draw_answers, end_action
from rtcog_gl.session.synthetic.producer import Script
from rtcog_gl.session.synthetic.scoring import MaskScorer
from rtcog_gl.session.synthetic.segments import MAX_NAME, segment_names, unique_prefix
from rtcog_gl.session.volumes import VolumeReader


class Recorder:
    """Events, lists, a shared value and arrays that write down what is done to them."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.flags: dict[str, bool] = {}

    def event(self, name: str) -> Any:
        def put(value: bool) -> None:
            self.log.append(f"{name}.{'set' if value else 'clear'}")
            self.flags[name] = value

        def is_set() -> bool:
            self.log.append(f"{name}.is_set")
            return self.flags.get(name, False)

        return SimpleNamespace(set=lambda: put(True), clear=lambda: put(False), is_set=is_set)

    def list(self, name: str) -> Any:
        return SimpleNamespace(append=lambda t: self.log.append((name, t)))

    def array(self, name: str) -> Any:
        log = self.log

        class Array:
            def __setitem__(self, key: Any, value: Any) -> None:
                log.append((name, *key))

        return Array()

    def publisher(self) -> Any:
        """Return a stand-in for `VolumeWriter`; what it is given goes into `published`."""
        self.published: list[dict[str, Any]] = []

        def publish(t: int, column: Any, **fields: Any) -> None:
            self.log.append(("publish", t))
            self.published.append({"t": t, "column": np.array(column), **fields})

        return SimpleNamespace(publish=publish, close=lambda: self.log.append("volumes.close"))

    def producer(
        self, content: ScriptedContent, rule: Any, match_start: int, vols_noaction: int, publisher: Any = None
    ) -> SyntheticProducer:
        log = self.log

        class TrIndex:
            @property
            def value(self) -> int:
                raise AssertionError("the producer never reads tr_index")

            @value.setter
            def value(self, t: int) -> None:
                log.append(("tr_index", t))

        events = {name: self.event(name) for name in ("hit", "action_end", "new_tr", "end")}
        sync = SimpleNamespace(**events, tr_index=TrIndex())
        segments = SimpleNamespace(
            scores=self.array("scores"),
            maps=self.array("maps"),
            stamps=self.array("stamps"),
            unlink=lambda: log.append("unlink"),
        )
        return SyntheticProducer(
            content,
            rule,
            match_start,
            vols_noaction,
            sync,
            self.list("onsets"),
            self.list("offsets"),
            segments,
            preprocess=lambda: log.append("preprocess"),
            write=lambda: log.append("write"),
            publisher=publisher,
        )


def scripted(scores: Any, hits: dict[int, Any], nv: int = 2, motion: Any = None) -> ScriptedContent:
    values = np.asarray(scores, float)
    labels = tuple("ABCDEFGH"[: len(values)])
    return ScriptedContent(values, hits, Header(labels, nv, values.shape[1], None), motion)


def test_steps_come_in_the_order_of_the_contract() -> None:
    recorder = Recorder()
    producer = recorder.producer(scripted(np.zeros((2, 4)), {1: [1, 2]}), Script({1}), 1, 3)

    assert list(producer.volume(0)) == ["status", "tr_index", "preprocess"]
    assert recorder.log == ["hit.is_set", "action_end.is_set", ("tr_index", -1), "preprocess"]

    recorder.log.clear()
    recorder.flags["action_end"] = True
    names = " ".join(producer.volume(1))
    before_hit = "status tr_index preprocess offset action_end.clear score score new_tr.set"
    assert names == f"{before_hit} hit.clear onset map hit.set"
    assert recorder.log == [
        "hit.is_set",
        "action_end.is_set",
        ("tr_index", 0),
        "preprocess",
        ("offsets", 1),
        "action_end.clear",
        ("scores", 0, 1),
        ("scores", 1, 1),
        ("stamps", 0, 1),
        "new_tr.set",
        "hit.clear",
        ("onsets", 1),
        ("maps", slice(None), 1),
        ("stamps", 1, 1),
        "hit.set",
    ]

    recorder.log.clear()
    assert list(producer.finish()) == ["write", "unlink", "end.set"]
    assert recorder.log == ["write", "unlink", "end.set"]


def test_hit_and_action_end_count_as_they_were_when_the_volume_arrived() -> None:
    recorder = Recorder()
    producer = recorder.producer(scripted([[2.0, 2.0, 2.0]], {}), HitRule(1.5, 1, 1), 0, 0)
    recorder.flags["hit"] = True
    steps = producer.volume(0)
    assert next(steps) == "status"
    recorder.flags.update(hit=False, action_end=True)
    assert "onset" not in list(steps)
    assert ("offsets", 0) not in recorder.log
    assert "onset" in list(producer.volume(1))
    assert ("offsets", 1) in recorder.log


def brute_force(
    scores: Any, rule: HitRule, start: int, rest: int, survey: int, norms: Any = None
) -> tuple[list[int], list[float]]:
    """Return the hits by the rule's wording, slowly, and what the motion gate sees at each volume."""
    n_templates, nt = scores.shape
    thr, nconsec, nonline = rule.hit_thr, rule.nconsec_vols, rule.nonline
    seen = np.where(np.arange(nt) >= start, scores, 0.0)
    hits: list[int] = []
    changes: list[float] = []
    ends_at, last_offset, asked_at = -1, 0, -1
    for t in range(nt):
        if ends_at == t:
            last_offset, ends_at = t, -1
        changes.append(norms[t] - norms[asked_at] if norms is not None and asked_at >= 0 else np.nan)
        if t == max(0, start - 1):
            asked_at = t
        if t < start or ends_at >= 0 or t < last_offset + rest:
            continue
        asked_at = t
        if rule.mot_thr is not None and changes[-1] > rule.mot_thr:
            continue
        above = [k for k in range(n_templates) if seen[k, t] >= thr]
        if not 1 <= len(above) <= nonline or t - nconsec < -1:
            continue
        best = max(above, key=lambda k: (seen[k, t], -k))
        if all(seen[best, t - back] >= thr for back in range(1, nconsec)):
            hits.append(t)
            ends_at = t + survey
    return hits, changes


@settings(max_examples=150, deadline=None)
@given(
    scores=st.tuples(st.integers(1, 4), st.integers(2, 30)).flatmap(
        lambda shape: arrays(np.float64, shape, elements=st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.0, np.nan]))
    ),
    nconsec=st.integers(1, 4),
    nonline=st.integers(1, 3),
    start=st.integers(0, 5),
    rest=st.integers(0, 6),
    survey=st.integers(1, 5),
    mot_thr=st.sampled_from([None, 0.0, 0.2, 0.5]),
    seed=st.integers(0, 1000),
)
def test_hits_and_gates_are_those_of_the_rule(
    scores: Any, nconsec: int, nonline: int, start: int, rest: int, survey: int, mot_thr: float | None, seed: int
) -> None:
    recorder = Recorder()
    motion = np.random.default_rng(seed).normal(0, 0.2, (scores.shape[1], 6))
    rule = HitRule(1.5, nconsec, nonline, mot_thr)
    content = scripted(scores, {}, motion=motion)
    producer = recorder.producer(content, rule, start, rest, recorder.publisher())
    hits: list[int] = []
    for t in range(scores.shape[1]):
        if hits and t == hits[-1] + survey:
            recorder.flags.update(hit=False, action_end=True)
        if "onset" in list(producer.volume(t)):
            hits.append(t)
    expected, changes = brute_force(scores, rule, start, rest, survey, np.linalg.norm(motion, axis=1))
    assert hits == expected
    np.testing.assert_allclose([p["norm_change"] for p in recorder.published], changes, atol=1e-12)
    np.testing.assert_array_equal([p["motion"] for p in recorder.published], motion)
    surveys = {t for hit in hits for t in range(hit + 1, hit + survey)}
    assert {p["t"] for p in recorder.published if p["action"]} == surveys & set(range(scores.shape[1]))
    ends = [max([0, *(h + survey for h in hits if h + survey <= p["t"])]) + rest for p in recorder.published]
    assert [p["cooldown_end"] for p in recorder.published] == ends


def test_a_volume_is_published_after_all_of_its_own_steps() -> None:
    recorder = Recorder()
    content = scripted(np.zeros((1, 3)), {1: [1, 2]})
    producer = recorder.producer(content, Script({1}), 1, 3, recorder.publisher())
    assert list(producer.volume(0)) == ["status", "tr_index", "preprocess", "volume"]
    assert list(producer.volume(1))[-2:] == ["hit.set", "volume"]
    assert recorder.log[-2:] == ["hit.set", ("publish", 1)]
    recorder.flags["action_end"] = True
    assert list(producer.volume(2))[-2:] == ["new_tr.set", "volume"]
    first, hit, last = recorder.published
    assert [p["t"] for p in recorder.published] == [0, 1, 2]
    assert (hit["column"].tolist(), last["column"].tolist()) == ([1, 2], [0, 0])
    # Both are as they were when the volume came: the hit that volume 1 itself was is an action from volume 2 on.
    assert [p["action"] for p in recorder.published] == [False, False, True]
    assert [p["cooldown_end"] for p in recorder.published] == [3, 3, 5]
    assert {p["motion"] for p in recorder.published} == {None}
    assert np.isnan([p["norm_change"] for p in recorder.published]).all()
    stamps = [p[stamp] for p in recorder.published for stamp in ("received", "processed")]
    assert stamps == sorted(stamps)
    assert first["received"] > 0
    list(producer.finish())
    assert recorder.log[-4:] == ["write", "unlink", "volumes.close", "end.set"]


def test_motion_holds_a_hit_up_for_one_volume_and_not_on_the_way_back() -> None:
    recorder = Recorder()
    motion = np.zeros((8, 6))
    motion[3, 4] = 0.7
    motion[5, 0] = 0.15
    content = scripted([[0, 0, 2, 2, 2, 2, 2, 2]], {}, motion=motion)
    producer = recorder.producer(content, HitRule(1.5, 2, 1, 0.2), 1, 0, recorder.publisher())
    hits = [t for t in range(8) if "onset" in list(producer.volume(t))]
    # Volume 3 would have been the first; at volume 4 the norm falls, and a fall is no reason to wait.
    assert hits[:1] == [4]
    changes = [p["norm_change"] for p in recorder.published]
    np.testing.assert_allclose(changes, [np.nan, 0, 0, 0.7, -0.7, 0.15, 0, 0])


def test_the_cooldown_also_runs_from_the_first_volume() -> None:
    producer = Recorder().producer(scripted(np.full((1, 6), 2.0), {}), HitRule(1.5, 1, 1), 0, 4)
    assert ["onset" in list(producer.volume(t)) for t in range(5)] == [False, False, False, False, True]


def test_scores_are_dot_products_over_the_templates_voxels_by_their_count() -> None:
    rng = np.random.default_rng(3)
    templates, masks = rng.normal(size=(3, 50)), rng.random((3, 50)) > 0.5
    volume = rng.normal(size=50).astype(np.float32)
    expected = [np.dot(t[m], volume[m].astype(float)) / m.sum() for t, m in zip(templates, masks, strict=True)]
    np.testing.assert_allclose(MaskScorer(templates, list(masks))(volume), expected, rtol=1e-4, atol=1e-6)


def test_a_survey_is_handed_in_in_rtcogs_order() -> None:
    recorder = Recorder()
    sync = SimpleNamespace(hit=recorder.event("hit"), action_end=recorder.event("action_end"))
    responses = SimpleNamespace(
        clear=lambda: recorder.log.append("responses.clear"),
        update=lambda answers: recorder.log.append(("responses.update", answers)),
    )
    end_action(sync, responses, {"alert": (3, 1.2)})
    update = ("responses.update", {"alert": (3, 1.2)})
    assert recorder.log == ["responses.clear", update, "hit.clear", "action_end.set"]


def test_answers_are_ratings_and_now_and_then_one_is_left_out() -> None:
    rng = np.random.default_rng(0)
    surveys = [draw_answers(rng, ("a", "b", "c")) for _ in range(60)]
    left_out = [sum(rating is None for rating, _ in answers.values()) for answers in surveys]
    assert {0, 1} == set(left_out)
    given_ones = [pair for answers in surveys for pair in answers.values() if pair != (None, None)]
    assert all(rating in range(1, 6) and time > 0 for rating, time in given_ones if rating and time)
    assert len(given_ones) == 60 * 3 - sum(left_out)
    assert draw_answers(rng, ()) == {}


def test_a_scripted_session_can_be_stepped() -> None:
    scores = [[0.5, 2.0, 0.1], [0.25, 0.0, 0.2]]
    with ScriptedSession(scores, {1: [5.0, 6.0, 7.0]}, questions=("alert",)) as session:
        assert (session.config.Nt, session.config.Nv, session.config.template_labels) == (3, 3, ["T1", "T2"])
        mapped = attach(session.segment_prefix + "match_scores")
        maps = attach(session.segment_prefix + "tr_data")
        seen = np.ndarray((2, 3), np.float32, mapped.buf)
        columns = np.ndarray((3, 3), np.float32, maps.buf)
        session.run_volume()
        assert (session.t, session.last, session.sync.tr_index.value) == (0, "new_tr.set", -1)
        assert seen[:, 0].tolist() == [0.5, 0.25]
        assert session.segments.stamps[0, 0] > 0
        session.run_until("score")
        assert seen[:, 1].tolist() == [2.0, 0.0]
        session.run_until("onset")
        assert session.onsets == [1]
        assert not session.sync.hit.is_set()
        assert columns.max() == 0
        session.run_volume()
        assert (session.t, session.last) == (1, "hit.set")
        assert columns[:, 1].tolist() == [5.0, 6.0, 7.0]
        assert session.segments.stamps[1].astype(bool).tolist() == [False, True, False]
        session.end_action({"alert": (4, 1.0)})
        assert session.responses == {"alert": (4, 1.0)}
        session.run_volume()
        assert session.offsets == [2]
        session.run_volume()
        assert (session.t, session.last) == (2, "new_tr.set")
        session.run_until("unlink")
        assert not session.sync.end.is_set()
        assert session.step() == "end.set"
        assert session.step() == ""
        assert session.sync.tr_index.value == 1
        assert seen[0, 2] == np.float32(0.1)
        with pytest.raises(FileNotFoundError):
            attach(session.segment_prefix + "match_scores")
        del seen, columns
        mapped.close()
        maps.close()


def test_a_scripted_session_publishes_its_volumes_when_asked_to() -> None:
    with ScriptedSession(np.zeros((2, 3)), {1: [5.0, 6.0]}) as plain:
        assert plain.volumes is None
    motion, rule = np.arange(18).reshape(3, 6) / 10, HitRule(1.5, 2, 1, 0.2)
    templates = np.array([[1.0, np.nan], [np.nan, 2.0]], np.float32)
    maps = {0: [1.0, 2.0], 2: [3.0, 4.0]}
    with ScriptedSession(
        np.zeros((2, 3)), {1: [5.0, 6.0]}, live_maps=2, maps=maps, motion=motion, templates=templates, rule=rule
    ) as session:
        info = session.volumes
        assert info is not None
        assert (info.nt, info.nv, info.slots, info.n_templates, info.rule) == (3, 2, 2, 2, rule)
        segment = ReadOnlySegment(info.name)
        reader = VolumeReader(segment, info)
        assert reader.count == 0
        session.run_volume()
        assert (session.last, reader.count) == ("volume", 1)
        session.run_until("hit.set")
        assert reader.count == 1
        session.run_volume(2)
        assert reader.count == 3
        assert reader.column(0) is None
        columns = [reader.column(t) for t in (1, 2)]
        assert [column.tolist() for column in columns if column is not None] == [[5.0, 6.0], [3.0, 4.0]]
        records = reader.records(0, 3)
        np.testing.assert_array_equal(records["motion"], motion)
        assert records["action"].tolist() == [0, 0, 1]
        assert (records["processed"] >= session.segments.stamps[0].astype(np.int64)).all()
        assert (records["committed"] >= records["processed"]).all()
        np.testing.assert_array_equal([reader.template(k) for k in (0, 1)], templates)
        session.finish()
        with pytest.raises(FileNotFoundError):
            attach(info.name)
        assert reader.count == 3
        segment.close()


@pytest.mark.parametrize(("name", "shape", "expected"), [("motion", (2, 6), "(3, 6)"), ("templates", (1, 2), "(1, 8)")])
def test_a_scripted_session_wants_motion_and_templates_that_fit(
    name: str, shape: tuple[int, int], expected: str
) -> None:
    with pytest.raises(DemoError) as caught:
        ScriptedSession(np.zeros((1, 3)), **{name: np.zeros(shape)})
    assert str(caught.value) == f"{name} has shape {shape}, expected {expected}"


def test_a_scripted_session_wants_maps_of_one_size() -> None:
    with pytest.raises(DemoError, match="map of TR 2 has 4 voxels, expected 3"):
        ScriptedSession(np.zeros((1, 3)), {1: [1, 2, 3], 2: [1, 2, 3, 4]})


def test_names_are_unique_and_fit_macos() -> None:
    prefixes = {unique_prefix() for _ in range(50)}
    assert len(prefixes) == 50
    assert max(len(name) for prefix in prefixes for name in segment_names(prefix)) <= MAX_NAME
    assert segment_names("")[:2] == ("match_scores", "tr_data")
    with pytest.raises(DemoError, match="has 30 characters, expected 18 or fewer"):
        segment_names("x" * 30)


def test_the_manager_replaces_an_old_segment_and_only_the_owner_removes() -> None:
    name = unique_prefix() + "m"
    first = SharedMemoryManager(name, create=True, size=16)
    first.open().buf[0] = 7
    second = SharedMemoryManager(name, create=True, size=32)
    assert second.open().buf[0] == 0
    other = SharedMemoryManager(name)
    other.open().unlink()
    other.cleanup()
    other.cleanup()
    assert attach(name).size >= 32
    second.cleanup()
    with pytest.raises(FileNotFoundError):
        attach(name)
    first.cleanup()
    with pytest.raises(FileNotFoundError):
        SharedMemoryManager(name).open()
    with pytest.raises(ValueError, match="without a size"):
        SharedMemoryManager(name, create=True)
