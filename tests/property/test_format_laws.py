"""Laws of the formats: an event is the same in each of them, and no bytes break a reader."""

from __future__ import annotations

import base64
import json
from itertools import groupby

from hypothesis import given, settings
from hypothesis import strategies as st
from streamgauge import Event, Refusal, decode, encode, encode_lines, partition_of
from streamgauge.arrow import encode_arrow
from streamgauge.cloudevents import STRUCTURED
from streamgauge.wire import ARROW_HEADERS, LINES_HEADERS

from stream.folds.base import Record
from stream.folds.blocks import Source
from stream.folds.intake import Intake
from tests.property.test_wire_laws import ANY_EVENT, EVENTS, KINDS, TEXT, plain

ATTRIBUTE = TEXT.filter(bool)
KSERVE = "org.kubeflow.serving.inference."
ENVELOPES = st.fixed_dictionaries(
    {"id": ATTRIBUTE, "source": ATTRIBUTE, "type": ATTRIBUTE.filter(lambda text: not text.startswith(KSERVE))},
    optional={"subject": TEXT, "traceparent": TEXT, "time": st.just("2013-01-01T10:15:00Z")},
).map(lambda said: {"specversion": "1.0", **said})


def binary(attributes):
    return [(f"ce_{name}", text.encode()) for name, text in attributes.items()]


def without_missing(event: Event) -> object:
    """Return an event's fields; a missing feature is null or absent, and a column has no booleans among numbers."""
    values, features = plain(event)
    return values, {name: value for name, value in features.items() if value is not None}


def column_types(event: Event) -> object:
    """Return what decides whether events fit into the same columns."""
    features = {name: type(value) for name, value in getattr(event, "features", {}).items() if value is not None}
    return type(getattr(event, "label", None)), features


@settings(deadline=None)  # the first one imports what reads Arrow
@given(KINDS.flatmap(lambda kind: st.tuples(st.just(kind), st.lists(EVENTS[kind], min_size=1, max_size=5))))
def test_events_are_the_same_as_rows_of_arrow(case):
    kind, events = case
    for _, alike in groupby(events, column_types):
        sent = list(alike)
        found = decode(kind, encode_arrow(sent), ARROW_HEADERS)
        assert list(map(without_missing, found)) == list(map(without_missing, sent))


@given(ANY_EVENT, ENVELOPES)
def test_an_envelope_adds_what_is_absent_and_changes_nothing(case, attributes):
    kind, event = case
    line = encode(event)
    (found,) = decode(kind, line, binary(attributes))
    values, features = plain(found)
    own, own_features = plain(event)
    filled = own | {
        name: said
        for name, said in (("source", attributes["source"]), ("traceparent", attributes.get("traceparent", "")))
        if not own[name]
    }
    assert (values, features) == (filled, own_features)


@given(ANY_EVENT, ENVELOPES)
def test_both_modes_of_cloudevents_say_the_same(case, attributes):
    kind, event = case
    line = encode(event)
    wrapped = json.dumps({**attributes, "data_base64": base64.b64encode(line).decode()}).encode()
    structured = decode(kind, wrapped, [("content-type", STRUCTURED.encode())])
    assert list(map(plain, structured)) == list(map(plain, decode(kind, line, binary(attributes))))


@given(KINDS.flatmap(lambda kind: st.tuples(st.just(kind), st.lists(EVENTS[kind], min_size=1, max_size=4))), ENVELOPES)
def test_lines_in_an_envelope_are_filled_one_by_one(case, attributes):
    kind, events = case
    found = decode(kind, encode_lines(events), [*binary(attributes), *LINES_HEADERS])
    alone = [decode(kind, encode(event), binary(attributes))[0] for event in events]
    assert list(map(plain, found)) == list(map(plain, alone))


@settings(deadline=None)  # the first one imports what reads Arrow
@given(
    KINDS,
    st.binary(max_size=80),
    st.sampled_from(["application/vnd.apache.arrow.stream", STRUCTURED, "x"]),
    st.booleans(),
)
def test_any_bytes_in_any_format_are_events_or_refusals(kind, value, content_type, is_enveloped):
    headers = [("content-type", content_type.encode())]
    if is_enveloped:
        headers += binary({"specversion": "1.0", "id": "a", "source": "b", "type": "c"})
    found = decode(kind, value, headers)
    assert found
    assert all(isinstance(each, Event | Refusal) for each in found)


@settings(deadline=None)  # the first one imports what reads Arrow
@given(ANY_EVENT, st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4))
def test_a_damaged_stream_of_arrow_is_rows_or_refusals(case, damages):
    kind, event = case
    value = bytearray(encode_arrow([event]))
    for at, byte in damages:
        value[int(at * len(value))] = byte
    found = decode(kind, bytes(value), ARROW_HEADERS)
    assert found
    assert all(isinstance(each, Event | Refusal) for each in found)


@given(st.binary(max_size=20), st.dictionaries(st.text(max_size=9), st.binary(max_size=9), max_size=4))
def test_any_headers_are_taken(value, headers):
    assert decode("labels", value, [*headers.items(), ("ce_specversion", b"1.0")])


SPREAD = st.lists(st.tuples(EVENTS["labels"], st.binary(max_size=9), st.integers(0, 2)), min_size=1, max_size=8)


@given(SPREAD)
def test_the_records_key_decides_nothing(sent):
    source = Source("labels", "t", 0)
    with_keys = [Record(at, 0, encode(event), key) for at, (event, key, _) in enumerate(sent)]
    without = [Record(at, 0, encode(event)) for at, (event, _, _) in enumerate(sent)]
    intake = Intake(4)
    assert intake.split(source, with_keys, {}) == intake.split(source, without, {})


@given(SPREAD)
def test_an_event_goes_by_its_id_whichever_partition_its_producer_chose(sent):
    intake = Intake(4)
    for at, (event, key, partition) in enumerate(sent):
        result = intake.split(Source("labels", "t", partition), [Record(at, 0, encode(event), key)], {})
        assert [output.partition for output in result.outputs] == [partition_of(event.prediction_id.encode(), 4)]
