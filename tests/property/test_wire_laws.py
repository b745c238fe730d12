"""Events survive the wire, both ways of reading agree, and no bytes break the decoder."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from streamgauge import Event, FeatureEvent, LabelEvent, PredictionEvent, Refusal, decode, encode, encode_lines, mend
from streamgauge.events import MAX_REVISION, MAX_TIME_MS, MIN_TIME_MS
from streamgauge.wire import LINES_HEADERS

KINDS = st.sampled_from(["features", "predictions", "labels"])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
COMMON = {
    "prediction_id": TEXT.filter(bool),
    "model": TEXT.filter(bool),
    "event_time_ms": st.integers(MIN_TIME_MS, MAX_TIME_MS),
    "source": TEXT,
    "traceparent": TEXT,
}
VALUES = st.one_of(st.none(), st.booleans(), TEXT, st.floats())
FEATURES = st.dictionaries(TEXT, VALUES, max_size=6)
LABELS = st.one_of(st.booleans(), TEXT, FINITE)
EVENTS = {
    "features": st.builds(FeatureEvent, features=FEATURES, **COMMON),
    "predictions": st.builds(
        PredictionEvent,
        features=FEATURES,
        version=TEXT,
        score=st.none() | FINITE,
        label=st.none() | LABELS,
        shadow=st.dictionaries(TEXT, FINITE, max_size=3),
        latency_ms=st.none() | FINITE,
        **COMMON,
    ),
    "labels": st.builds(
        LabelEvent,
        label=LABELS,
        kind=st.sampled_from(["truth", "feedback"]),
        revision=st.integers(0, MAX_REVISION),
        **COMMON,
    ),
}
ANY_EVENT = KINDS.flatmap(lambda kind: st.tuples(st.just(kind), EVENTS[kind]))


def same(left: Event | Refusal, right: Event | Refusal) -> bool:
    """Compare events, where infinite feature values have become NaN: both are invalid."""
    return type(left) is type(right) and plain(left) == plain(right)


def plain(event: Event | Refusal) -> object:
    values = msgspec.structs.asdict(event)
    features = {name: invalid(value) for name, value in values.pop("features", {}).items()}
    return values, features


def invalid(value: object) -> object:
    return "invalid" if isinstance(value, float) and not math.isfinite(value) else value


@given(ANY_EVENT)
def test_what_is_encoded_is_decoded(case):
    kind, event = case
    (found,) = decode(kind, encode(event))
    assert same(found, event)


@given(KINDS.flatmap(lambda kind: st.tuples(st.just(kind), st.lists(EVENTS[kind], min_size=1, max_size=5))))
def test_lines_are_events_in_their_order(case):
    kind, events = case
    found = decode(kind, encode_lines(events), LINES_HEADERS)
    assert len(found) == len(events)
    assert all(map(same, found, events))


@given(ANY_EVENT)
def test_reading_field_by_field_gives_the_same_event(case):
    kind, event = case
    assert same(mend.read(kind, encode(event)), event)


@given(ANY_EVENT, st.integers(-12, 12))
def test_a_time_as_text_is_the_same_event(case, hours):
    kind, event = case
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=event.event_time_ms)
    values = json.loads(encode(event))
    values["event_time"] = (moment + timedelta(hours=hours)).replace(tzinfo=None).isoformat() + f"{hours:+03d}:00"
    line = json.dumps(values).encode()
    (found,) = decode(kind, line)
    assert same(found, event)
    assert same(mend.read(kind, line), event)


JSON = st.recursive(
    VALUES, lambda each: st.lists(each, max_size=3) | st.dictionaries(TEXT, each, max_size=3), max_leaves=8
)
NAMES = [
    "prediction_id",
    "model",
    "event_time",
    "features",
    "score",
    "label",
    "kind",
    "shadow",
    "latency_ms",
    "revision",
    "x",
]


@given(KINDS, st.dictionaries(st.sampled_from(NAMES), JSON), st.booleans())
def test_any_json_is_an_event_or_a_refusal(kind, values, many):
    line = json.dumps(values).encode()
    (found,) = decode(kind, line, LINES_HEADERS if many else ())
    assert isinstance(found, Event | Refusal)


@given(KINDS, st.binary(max_size=60), st.booleans())
def test_any_bytes_are_events_or_refusals(kind, value, many):
    found = decode(kind, value, LINES_HEADERS if many else ())
    assert found
    assert all(isinstance(each, Event | Refusal) for each in found)


@given(ANY_EVENT, st.integers(0, 300), st.binary(min_size=1, max_size=3))
def test_both_ways_of_reading_agree_on_damaged_lines(case, at, damage):
    kind, event = case
    line = encode(event)
    line = line[:at] + damage + line[at + len(damage) :]
    (found,) = decode(kind, line)
    assert same(found, mend.read(kind, line))
