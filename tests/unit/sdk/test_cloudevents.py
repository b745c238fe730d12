"""CloudEvents are unwrapped in both modes; their attributes fill in what the event leaves out."""

from __future__ import annotations

import base64
import json

import pytest
from streamgauge import Code, LabelEvent, PredictionEvent, Refusal, decode, encode
from streamgauge.arrow import ARROW, encode_arrow
from streamgauge.cloudevents import STRUCTURED

ATTRIBUTES = {
    "specversion": "1.0",
    "type": "com.example.predicted",
    "source": "/checkin",
    "id": "e-1",
    "time": "2013-01-01T10:15:00.123456789Z",
}
AT = 1_357_035_300_123
WHOLE = PredictionEvent(prediction_id="a", model="m", event_time_ms=5, source="s", score=0.5)


def binary(attributes, value: bytes, content_type: str | None = "application/json"):
    headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
    return value, [*headers, *([("content-type", content_type.encode())] if content_type else [])]


def structured(attributes, value: bytes):
    whole = {**attributes, "datacontenttype": "application/json", "data": json.loads(value)}
    return json.dumps(whole).encode(), [("content-type", f"{STRUCTURED}; charset=UTF-8".encode())]


def in_base64(attributes, value: bytes):
    whole = {**attributes, "data_base64": base64.b64encode(value).decode()}
    return json.dumps(whole).encode(), [("content-type", STRUCTURED.encode())]


MODES = pytest.mark.parametrize("sent", [binary, structured, in_base64])


def refused(kind, value, headers) -> Refusal:
    (found,) = decode(kind, value, headers)
    assert isinstance(found, Refusal), found
    return found


@MODES
def test_an_event_that_says_everything_stays_as_it_is(sent):
    assert decode("predictions", *sent(ATTRIBUTES, encode(WHOLE))) == [WHOLE]


@MODES
def test_attributes_fill_what_a_prediction_leaves_out(sent):
    attributes = ATTRIBUTES | {"traceparent": "00-1-2-01", "subject": "customer-17"}
    assert decode("predictions", *sent(attributes, b'{"model":"m","score":0.5,"source":null}')) == [
        PredictionEvent(
            prediction_id="e-1", model="m", event_time_ms=AT, source="/checkin", traceparent="00-1-2-01", score=0.5
        )
    ]


@MODES
def test_a_label_is_about_its_subject_not_its_own_id(sent):
    value = b'{"model":"m","label":1}'
    assert decode("labels", *sent(ATTRIBUTES | {"subject": "a"}, value)) == [
        LabelEvent(prediction_id="a", model="m", event_time_ms=AT, source="/checkin", label=1)
    ]
    found = refused("labels", *sent(ATTRIBUTES, value))
    assert (found.code, found.field) == (Code.MISSING_FIELD, "/prediction_id")


@MODES
def test_a_refusal_shows_the_data_as_it_came(sent):
    found = refused("predictions", *sent(ATTRIBUTES, b'{"model": "m", "scor": 1}'))
    assert (found.code, found.field, found.source) == (Code.UNKNOWN_FIELD, "/scor", "/checkin")
    assert json.loads(found.excerpt) == {"model": "m", "scor": 1}


def test_the_data_may_be_lines_or_arrow():
    events = [WHOLE, PredictionEvent(prediction_id="b", model="m", event_time_ms=6)]
    lines = b"\n".join(map(encode, events))
    as_text = json.dumps({**ATTRIBUTES, "datacontenttype": "application/x-ndjson", "data": lines.decode()}).encode()
    filled = [WHOLE, PredictionEvent(prediction_id="b", model="m", event_time_ms=6, source="/checkin")]
    assert decode("predictions", *binary(ATTRIBUTES, lines, "application/x-ndjson")) == filled
    assert decode("predictions", *binary(ATTRIBUTES, encode_arrow(events), ARROW)) == filled
    assert decode("predictions", as_text, [("content-type", STRUCTURED.encode())]) == filled


def test_an_id_is_one_rows_alone():
    value = b'{"model":"m"}\n{"model":"m"}'
    found = decode("predictions", *binary(ATTRIBUTES, value, "application/x-ndjson"))
    assert [each.field for each in found] == ["/prediction_id"] * 2
    one = decode("predictions", *binary(ATTRIBUTES, b'{"model":"m"}\n', "application/x-ndjson"))
    assert [each.prediction_id for each in one] == ["e-1"]


def test_without_a_content_type_the_data_is_json():
    assert decode("predictions", *binary(ATTRIBUTES, encode(WHOLE), None)) == [WHOLE]


def test_headers_are_known_by_their_lower_case():
    value, headers = binary(ATTRIBUTES, b'{"model":"m"}')
    assert decode("predictions", value, [(name.upper(), text) for name, text in headers])[0].prediction_id == "e-1"


def test_headers_of_others_do_not_make_a_cloudevent():
    assert decode("predictions", encode(WHOLE), [("ce_id", b"9"), ("traceparent", b"x")]) == [WHOLE]


def without(name):
    return {other: text for other, text in ATTRIBUTES.items() if other != name}


WRONG = {
    "another version": (binary(ATTRIBUTES | {"specversion": "0.3"}, b"{}"), "/ce_specversion", '"0.3"', '"1.0"'),
    "no id": (binary(without("id"), b"{}"), "/ce_id", "no ce_id", "specversion, id"),
    "no source": (structured(without("source"), b"{}"), "/source", "no source", "specversion, id"),
    "no version": (structured(without("specversion"), b"{}"), "/specversion", '""', '"1.0"'),
    "no data": ((json.dumps(ATTRIBUTES).encode(), [("content-type", STRUCTURED.encode())]), "/data", "no data", "base"),
    "not base64": (
        (json.dumps({**ATTRIBUTES, "data_base64": "?"}).encode(), [("content-type", STRUCTURED.encode())]),
        "/data_base64", "no base64", "anew",
    ),
    "a batch": ((b"[]", [("content-type", b"application/cloudevents-batch+json")]), "", "batch", "one event"),
    "not JSON": ((b"[]", [("content-type", STRUCTURED.encode())]), "", "is a JSON object", ""),
    "not UTF-8": ((b"{}", [("ce_specversion", b"1.0"), ("ce_id", b"\xff")]), "", "ce_id is not UTF-8", "UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "field", "message", "hint"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_cloudevent_is_refused_with_the_mend(sent, field, message, hint):
    found = refused("labels", *sent)
    assert (found.code, found.field) == (Code.NOT_CLOUDEVENT, field)
    assert message in found.message
    assert hint in found.hint


def test_data_of_an_unknown_type_is_refused_with_the_one_meant():
    found = refused("labels", *binary(ATTRIBUTES, b"", "application/vnd.apache.arrow.file"))
    assert (found.code, found.hint) == (Code.UNKNOWN_CONTENT_TYPE, f"did you mean {ARROW}?")


def test_half_of_a_prediction_is_sent_to_its_own_topic():
    attributes = ATTRIBUTES | {"type": "org.kubeflow.serving.inference.request"}
    found = refused("predictions", *binary(attributes, b'{"instances":[[1]]}'))
    assert (found.code, found.hint) == (Code.WRONG_TOPIC, "write it to the topic inference")
