from __future__ import annotations

import itertools
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamgauge import wire
from streamgauge.events import FeatureEvent, PredictionEvent

from models.artifact import Artifact, Head
from models.serving import Serving
from stream.folds.base import Record
from stream.folds.score import MAX_EVENT_BYTES, MAX_RECORD_BYTES, Score

FEATURES = Head(model="m", retrain="r", trainer="t", task="regression", features={})


class Doubles:
    def predict_one(self, x):
        return 2 * x["a"]


class Fails:
    def predict_one(self, x):
        raise KeyError("b")


def serving() -> Serving:
    models = Serving()
    for version, pipeline in (("1", Doubles()), ("2", Doubles()), ("3", Fails())):
        models.load(version, Artifact(FEATURES, pipeline))
    models.assign("m", "1", ("2", "3"))
    return models


def clock():
    return itertools.count(0, 0.0015).__next__


def event(number: int, model: str = "m", **features) -> FeatureEvent:
    return FeatureEvent(
        prediction_id=f"p{number}", model=model, event_time_ms=1_357_000_000_000 + number, source="air",
        traceparent="00-ab", features=features or {"a": number, "c": "UA", "gone": None},
    )  # fmt: skip


def record(position: int, *events: FeatureEvent, key: bytes = b"") -> Record:
    return Record(position, 1_000 + position, wire.encode_lines(events), key, wire.LINES_HEADERS)


def predictions(output) -> list[PredictionEvent]:
    return wire.decode("predictions", output.value, output.headers)


def test_a_prediction_carries_all_of_its_event_and_what_serving_said():
    sent = event(4)
    result = Score(2).step([record(0, sent, key=b"k")], serving(), clock())
    (output,) = result.outputs
    assert (output.topic, output.partition, output.key, output.headers) == (
        "predictions", 2, b"k", wire.LINES_HEADERS,
    )  # fmt: skip
    assert predictions(output) == [
        PredictionEvent(
            prediction_id="p4",
            model="m",
            event_time_ms=sent.event_time_ms,
            source="air",
            traceparent="00-ab",
            features=sent.features,
            version="1",
            score=8.0,
            shadow={"2": 8.0},
            latency_ms=1.5,
        )
    ]
    assert json.loads(output.value)["event_time"] == sent.event_time_ms


def test_features_of_a_model_without_champion_are_forwarded_without_score_and_version():
    (output,) = Score(0).step([record(0, event(1, model="new"))], serving(), clock()).outputs
    told = json.loads(output.value)
    assert told["features"] == {"a": 1, "c": "UA", "gone": None}
    assert not {"score", "version", "shadow", "latency_ms"} & set(told)


def test_a_row_on_which_the_model_fails_is_forwarded_and_its_neighbours_are_scored():
    models = serving()
    result = Score(0).step([record(0, event(1), event(2, c="no a"), event(3))], models, clock())
    assert [p.score for p in predictions(result.outputs[0])] == [2.0, None, 6.0]
    assert [p.version for p in predictions(result.outputs[0])] == ["1", "", "1"]
    assert models.failures["m", "1", "KeyError"] == 1


def test_one_json_object_without_headers_is_scored_too():
    (output,) = Score(0).step([Record(0, 0, wire.encode(event(1)))], serving(), clock()).outputs
    assert [p.score for p in predictions(output)] == [2.0]


def test_lines_that_are_no_events_are_dead_letters_and_disturb_nothing():
    value = b"\n".join([wire.encode(event(1)), b"not json", b'{"prediction_id":"x"}', wire.encode(event(2))])
    result = Score(3).step([Record(7, 99, value, b"", wire.LINES_HEADERS)], serving(), clock())
    assert [p.prediction_id for p in predictions(result.outputs[0])] == ["p1", "p2"]
    letters = [json.loads(output.value) for output in result.dead_letters]
    assert {output.topic for output in result.dead_letters} == {"dead-letters"}
    where = ("topic", "partition", "offset", "line", "at_ms", "reason")
    assert [tuple(letter[name] for name in where) for letter in letters] == [
        ("features", 3, 7, 1, 99, "not-json"),
        ("features", 3, 7, 2, 99, "missing-field"),
    ]


def test_a_record_without_any_event_gives_dead_letters_only():
    result = Score(0).step([Record(0, 0, b"\xff\x00")], serving(), clock())
    assert (len(result.outputs), len(result.dead_letters)) == (0, 1)


def test_an_event_that_the_ledger_cannot_hold_is_a_dead_letter():
    result = Score(0).step([record(0, event(1, a=1, text="x" * MAX_EVENT_BYTES), event(2))], serving(), clock())
    assert [p.prediction_id for p in predictions(result.outputs[0])] == ["p2"]
    assert json.loads(result.dead_letters[0].value)["reason"] == "too-large"


def test_predictions_that_grow_past_a_record_are_cut_in_order():
    events = [event(n, a=n, text="x" * 200_000) for n in range(15)]
    outputs = Score(0).step([record(0, *events)], serving(), clock()).outputs
    assert len(outputs) == 2
    assert all(len(output.value) <= MAX_RECORD_BYTES for output in outputs)
    assert [p.prediction_id for o in outputs for p in predictions(o)] == [e.prediction_id for e in events]


def test_with_other_counts_of_partitions_the_key_says_where():
    (output,) = Score(2, keep_partition=False).step([record(0, event(1))], serving(), clock()).outputs
    assert output.partition is None


def test_what_is_not_finite_stays_invalid_on_its_way():
    value = b'{"prediction_id":"p","model":"new","event_time":0,"features":{"a":NaN}}'
    (output,) = Score(0).step([Record(0, 0, value)], serving(), clock()).outputs
    assert b"NaN" in output.value


VALUES = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
EVENTS = st.builds(
    FeatureEvent,
    prediction_id=st.text(min_size=1, max_size=8),
    model=st.sampled_from(["m", "other"]),
    event_time_ms=st.integers(0, 10**12),
    features=st.dictionaries(st.text(max_size=4), VALUES, max_size=4),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(EVENTS, min_size=1, max_size=4), max_size=5), st.integers(0, 5))
def test_one_record_in_is_one_record_out_in_order_whatever_the_cuts(batches, cut):
    records = [record(position, *events) for position, events in enumerate(batches)]
    still = lambda: 0.0  # noqa: E731
    score, models = Score(1), serving()
    whole = score.step(records, models, still).outputs
    parts = score.step(records[:cut], models, still).outputs + score.step(records[cut:], models, still).outputs
    assert whole == parts
    assert len(whole) == len(records)
    for events, output in zip(batches, whole, strict=True):
        told = predictions(output)
        assert [(p.prediction_id, p.model, p.event_time_ms) for p in told] == [
            (e.prediction_id, e.model, e.event_time_ms) for e in events
        ]
        assert [msgspec.json.encode(p.features) for p in told] == [msgspec.json.encode(e.features) for e in events]


@pytest.mark.parametrize("value", [b"", b"[]", b"null", b'{"features":', b'{"a":1}\n\n{"b":'])
def test_no_bytes_make_it_raise(value):
    for headers in ((), wire.LINES_HEADERS, (("content-type", b"image/png"),)):
        result = Score(0).step([Record(0, 0, value, b"", headers)], serving(), clock())
        assert not result.outputs
        assert result.dead_letters
