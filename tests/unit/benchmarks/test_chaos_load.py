"""The load of the chaos benchmark: the same for a seed, and saying of each event what is to become of it."""

from collections import Counter, defaultdict

import pytest
from streamgauge.events import LabelEvent, PredictionEvent, Refusal
from streamgauge.wire import decode

from benchmarks.chaos.load import WARM_ROUNDS, Live
from benchmarks.chaos.replayed import START_MS, Replayed
from benchmarks.chaos.truth import INTENDED
from benchmarks.chaos.watched import MODELS, NOBODY, SPECIES, SPECS, Sizes, references

BASE_MS = 1_700_000_000_000
ROUNDS = 60


def live(seed, rounds=ROUNDS):
    load = Live(seed, BASE_MS, Sizes(), 3)
    return [sending for _ in range(rounds) for sending in load.round()]


def read(sendings):
    return [event for s in sendings for event in decode(s.topic, s.value, s.headers)]


def test_a_seed_says_the_whole_load():
    assert live(7) == live(7)
    assert live(7) != live(8)
    one, other = (Replayed(7, Sizes()) for _ in range(2))
    assert [one.round() for _ in range(ROUNDS)] == [other.round() for _ in range(ROUNDS)]


def test_a_longer_load_begins_as_a_shorter_one():
    assert live(7, 30) == live(7, 60)[: len(live(7, 30))]


def test_all_fates_are_in_the_load():
    replayed = Replayed(7, Sizes())
    events = read(live(7)) + [event for _ in range(ROUNDS) for event in replayed.round()]
    sources = {event.source for event in events if not isinstance(event, Refusal)}
    assert sources == set(INTENDED)
    assert {event.model for event in events if isinstance(event, PredictionEvent)} == {*MODELS, NOBODY}
    assert {e.code for e in events if isinstance(e, Refusal)} == {"not-json", "missing-field", "invalid-number"}


def test_some_events_come_twice_and_some_labels_come_first():
    seen, first, twice = set(), 0, Counter()
    for event in read(live(7)):
        if isinstance(event, Refusal) or event.source != "good":
            continue
        identity = (type(event), event.model, event.prediction_id)
        twice[event.model] += identity in seen
        seen.add(identity)
        first += isinstance(event, LabelEvent) and (PredictionEvent, *identity[1:]) not in seen
    assert min(twice.values()) > 0
    assert first > 10


def test_revisions_come_in_any_order_from_any_partition():
    seen = defaultdict(list)
    for sending in (sending for sending in live(7) if sending.topic == "labels"):
        for event in decode("labels", sending.value, sending.headers):
            if isinstance(event, LabelEvent) and event.source == "revised":
                seen[event.prediction_id].append((event.revision, sending.partition))
    orders = {tuple(revision for revision, _ in some) for some in seen.values()}
    assert {(0, 1), (1, 0), (2, 0, 1)} <= orders
    assert any(len({partition for _, partition in some}) > 1 for some in seen.values())


def test_nothing_is_too_late_before_there_is_a_watermark():
    load = Live(7, BASE_MS, Sizes(), 3)
    for number in range(WARM_ROUNDS + 1):
        sources = {event.source for event in read(load.round()) if not isinstance(event, Refusal)}
        assert ("too-late" in sources) == (number == WARM_ROUNDS)


def test_only_the_model_set_apart_has_rows_that_are_late():
    newest, seen, farthest_ms = Counter(), set(), Counter()
    for event in read(live(7)):
        if not isinstance(event, PredictionEvent) or event.source not in ("good", "late"):
            continue
        if (identity := (event.model, event.prediction_id)) not in seen:
            seen.add(identity)
            behind_ms = newest[event.model] - event.event_time_ms
            farthest_ms[event.model] = max(farthest_ms[event.model], behind_ms)
            newest[event.model] = max(newest[event.model], event.event_time_ms)
    lateness_ms = {spec.model: spec.lateness_ms for spec in reversed(SPECS)}
    assert {model for model, ms in farthest_ms.items() if ms > lateness_ms[model] / 6} == {"tardy"}


def test_the_replayed_model_lives_years_ago():
    load = Replayed(7, Sizes())
    times = [e.event_time_ms for _ in range(ROUNDS) for e in load.round() if e.source == "good"]
    assert min(times) == START_MS
    assert max(times) < START_MS + ROUNDS * 2 * 86_400_000


@pytest.mark.parametrize("factor", [1, 2])
def test_references_can_alarm(factor):
    from detectors.reference import decode as decode_reference

    artifacts = references(7, Sizes().times(factor))
    assert set(artifacts) == {"churn-watch", f"{SPECIES}-watch"}
    assert all(decode_reference(artifact).can_alarm for artifact in artifacts.values())
