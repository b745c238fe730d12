"""Every way in which an event can be wrong: its code, its field, what is said, and the mend."""

from __future__ import annotations

import json
import math

import pytest
from streamgauge import Code, FeatureEvent, LabelEvent, PredictionEvent, Refusal, decode, encode

LINES = (("content-type", b"application/x-ndjson"),)
GOOD = {"prediction_id": "a", "model": "m", "event_time": 5}


def refusal(kind: str, value: bytes | dict, headers=()) -> Refusal:
    found = decode(kind, json.dumps(value).encode() if isinstance(value, dict) else value, headers)
    assert len(found) == 1
    assert isinstance(found[0], Refusal), found
    return found[0]


def without(name: str) -> dict:
    return {key: value for key, value in GOOD.items() if key != name}


WRONG = {
    "not JSON": ("labels", b'{"prediction_id": "a",', Code.NOT_JSON, "", "not JSON at character", ""),
    "single quotes": ("labels", b"{'prediction_id': 'a'}", Code.NOT_JSON, "", "not JSON", "double quotes"),
    "empty": ("labels", b" ", Code.NOT_JSON, "", "empty", ""),
    "not UTF-8": ("labels", b'{"model": "\xff"}', Code.NOT_JSON, "", "not UTF-8 at byte 11", "encode"),
    "half a surrogate": ("labels", b'{"model": "\\ud800"}', Code.NOT_JSON, "", "surrogate", ""),
    "too deep": ("labels", b"[" * 100_000, Code.NOT_JSON, "", "nested deeper than 32", ""),
    "lines without the header": ("labels", b'{"a":1}\n{"a":2}', Code.NOT_JSON, "", "Extra data", "x-ndjson"),
    "a list": ("labels", b"[1, 2]", Code.NOT_AN_OBJECT, "", "not [1, 2], a list", "one object per line"),
    "a number": ("labels", b"3", Code.NOT_AN_OBJECT, "", "not 3, a number", ""),
    "no id": ("predictions", without("prediction_id"), Code.MISSING_FIELD, "/prediction_id", "is missing", "joins"),
    "no time": ("predictions", without("event_time"), Code.MISSING_FIELD, "/event_time", "is missing", "happened"),
    "null model": ("predictions", GOOD | {"model": None}, Code.MISSING_FIELD, "/model", "is null", "name of"),
    "no features": ("features", GOOD, Code.MISSING_FIELD, "/features", "is missing", "by name"),
    "null label": ("labels", GOOD | {"label": None}, Code.MISSING_FIELD, "/label", "is null", "came true"),
    "typo": (
        "predictions", without("prediction_id") | {"predicton_id": "a"},
        Code.UNKNOWN_FIELD, "/predicton_id", "unknown field predicton_id", "did you mean prediction_id?",
    ),
    "unknown": ("labels", GOOD | {"zzz/": 1}, Code.UNKNOWN_FIELD, "/zzz~1", "unknown field", "the fields of labels"),
    "number as id": (
        "predictions", GOOD | {"prediction_id": 12}, Code.WRONG_TYPE, "/prediction_id", "is 12, a number", 'write "12"',
    ),
    "text as score": (
        "predictions", GOOD | {"score": "0.5"}, Code.WRONG_TYPE, "/score", 'is "0.5", a text', "without quotes",
    ),
    "boolean as score": ("predictions", GOOD | {"score": True}, Code.WRONG_TYPE, "/score", "is true, a boolean", ""),
    "list as label": ("labels", GOOD | {"label": [1]}, Code.WRONG_TYPE, "/label", "is [1], a list", ""),
    "text as features": ("features", GOOD | {"features": "x"}, Code.WRONG_TYPE, "/features", 'is "x", a text', "name"),
    "text as shadow": (
        "predictions", GOOD | {"shadow": {"4": "x"}}, Code.WRONG_TYPE, "/shadow/4", 'shadow/4 is "x"', "",
    ),
    "unknown lane": ("labels", GOOD | {"label": 1, "kind": "guess"}, Code.WRONG_TYPE, "/kind", "guess", "feedback"),
    "revision above 127": (
        "labels", GOOD | {"label": 1, "revision": 128}, Code.OUT_OF_RANGE, "/revision", "revision is 128", "0 to 127",
    ),
    "revision below 0": (
        "labels", GOOD | {"label": 1, "revision": -1}, Code.OUT_OF_RANGE, "/revision", "revision is -1", "0 to 127",
    ),
    "text as revision": (
        "labels", GOOD | {"label": 1, "revision": "2"}, Code.WRONG_TYPE, "/revision", 'is "2", a text', "without",
    ),
    "half a revision": (
        "labels", GOOD | {"label": 1, "revision": 1.5}, Code.WRONG_TYPE, "/revision", "is 1.5, a number", "write 1",
    ),
    "no zone": (
        "predictions", GOOD | {"event_time": "2013-01-01T10:15:00"},
        Code.BAD_TIME, "/event_time", "needs a zone", 'write "2013-01-01T10:15:00Z" if it is in UTC',
    ),
    "a date": ("predictions", GOOD | {"event_time": "2013-01-01"}, Code.BAD_TIME, "/event_time", "no RFC 3339", "zone"),
    "digits": ("predictions", GOOD | {"event_time": "135"}, Code.BAD_TIME, "/event_time", '"135"', "without quotes"),
    "a fraction": ("predictions", GOOD | {"event_time": 1.5}, Code.BAD_TIME, "/event_time", "is 1.5", "whole"),
    "nanoseconds": (
        "predictions", GOOD | {"event_time": 1357035300 * 10**9},
        Code.BAD_TIME, "/event_time", "outside the years 1900 to 2299", "in milliseconds",
    ),
    "the year 2999": (
        "predictions", GOOD | {"event_time": "2999-01-01T00:00:00Z"}, Code.BAD_TIME, "/event_time", "2999", "",
    ),
    "NaN score": ("predictions", GOOD | {"score": math.nan}, Code.INVALID_NUMBER, "/score", "is nan", "leave it out"),
    "infinite latency": (
        "predictions", GOOD | {"latency_ms": math.inf}, Code.INVALID_NUMBER, "/latency_ms", "is inf", "leave it out",
    ),
    "NaN label": ("labels", GOOD | {"label": math.nan}, Code.INVALID_NUMBER, "/label", "is nan", "leave it out"),
    "huge score": (
        "predictions", b'{"prediction_id":"a","model":"m","event_time":5,"score":1e999}',
        Code.INVALID_NUMBER, "/score", "is inf", "leave it out",
    ),
    "empty id": ("labels", GOOD | {"prediction_id": "", "label": 1}, Code.EMPTY_ID, "/prediction_id", "empty", "name"),
    "long id": ("labels", GOOD | {"prediction_id": "x" * 257, "label": 1}, Code.TOO_LONG, "/prediction_id", "257", ""),
    "long name": ("features", GOOD | {"features": {"x" * 257: 1}}, Code.TOO_LONG, f"/features/{'x' * 256}", "257", ""),
    "many features": (
        "features", GOOD | {"features": {str(i): i for i in range(2_001)}}, Code.TOO_LONG, "/features", "2001", "fewer",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "code", "field", "message", "hint"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_event_is_refused_with_its_field_its_value_and_the_mend(kind, value, code, field, message, hint):
    found = refusal(kind, value)
    assert (found.code, found.field) == (code, field)
    assert message in found.message
    assert hint in found.hint


def test_too_many_lines_refuse_the_record():
    found = refusal("labels", b"{}\n" * 65_535 + b"{}", LINES)
    assert found.code is Code.TOO_MANY_LINES
    assert len(found.excerpt) == 1_000


def test_an_unknown_content_type_is_refused_with_the_one_meant():
    found = refusal("labels", b"{}", (("Content-Type", b"application/x-njson; charset=utf-8"),))
    assert (found.code, found.hint) == (Code.UNKNOWN_CONTENT_TYPE, "did you mean application/x-ndjson?")


def test_a_refusal_says_whose_it_is_as_far_as_the_line_does():
    found = refusal("predictions", GOOD | {"source": "ops-feed-2", "score": "x" * 5_000})
    assert (found.model, found.source) == ("m", "ops-feed-2")
    assert found.size > 5_000
    assert len(found.excerpt) == 1_000


def test_a_bad_line_leaves_its_neighbours_alone():
    good = json.dumps(GOOD | {"label": 1}).encode()
    found = decode("labels", b"\n".join([good, b"{", b"", good, b""]), LINES)
    assert [type(each) for each in found] == [LabelEvent, Refusal, LabelEvent]


def test_invalid_feature_values_leave_the_event_usable():
    value = (
        b'{"prediction_id":"a","model":"m","event_time":"2013-01-01T00:00:00Z","features":{"nan":NaN,"inf":-Infinity,'
    )
    value += b'"huge":1e999,"list":[1],"object":{},"x":1,"text":"NaN","yes":true,"none":null}}'
    (event,) = decode("features", value)
    assert isinstance(event, FeatureEvent)
    assert event.event_time_ms == 1_356_998_400_000
    assert {name for name, each in event.features.items() if is_nan(each)} == {"nan", "inf", "huge", "list", "object"}
    used = {name: each for name, each in event.features.items() if not is_nan(each)}
    assert used == {"x": 1.0, "text": "NaN", "yes": True, "none": None}


def is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


@pytest.mark.parametrize("written", ["2013-01-01T05:15:00-05:00", "2013-01-01T10:15:00.000Z", 1_357_035_300_000])
def test_times_are_read_as_text_with_a_zone_and_as_milliseconds(written):
    (event,) = decode("predictions", json.dumps(GOOD | {"event_time": written}).encode())
    assert event.event_time_ms == 1_357_035_300_000


def test_a_revision_is_read_however_the_time_is_written():
    for at in (5, "1970-01-01T00:00:00.005Z"):
        found = decode("labels", json.dumps(GOOD | {"event_time": at, "label": 1, "revision": 2}).encode())
        assert found == [LabelEvent(prediction_id="a", model="m", event_time_ms=5, label=1, revision=2)]


def test_the_first_revision_is_not_on_the_wire():
    assert b"revision" not in encode(LabelEvent(prediction_id="a", model="m", event_time_ms=5, label=1, revision=0))


def test_null_is_absent():
    null = dict.fromkeys(["features", "version", "score", "label", "shadow", "latency_ms", "source", "traceparent"])
    assert decode("predictions", json.dumps(GOOD | null).encode()) == [
        PredictionEvent(prediction_id="a", model="m", event_time_ms=5)
    ]
