"""The bridge pairs requests with their responses, and loses neither."""

from __future__ import annotations

import json

import pytest
from streamgauge import PredictionEvent, decode
from streamgauge.kserve import REQUEST, RESPONSE

from stream.folds.base import Record
from stream.folds.bridge import Bridge

WAIT = 1_000
HEADERS = {"specversion": "1.0", "source": "/iris", "time": "2013-01-01T10:15:00Z", "inferenceservicename": "iris"}


def record(position, type_, id_="a", at=None, body=None, **attributes):
    said = HEADERS | {"id": id_, "type": type_} | attributes
    body = body or ({"instances": [[position]]} if type_ == REQUEST else {"predictions": [0.5]})
    headers = tuple((f"ce_{name}", text.encode()) for name, text in said.items())
    return Record(position, position if at is None else at, json.dumps(body).encode(), b"", headers)


def told(outputs):
    """Return what was written: events of predictions, and reason and offset of dead letters."""
    found = []
    for output in outputs:
        if output.topic == "predictions":
            found += decode("predictions", output.value, output.headers)
        else:
            letter = json.loads(output.value)
            found.append((letter["reason"], letter["offset"]))
    return found


class Stepped:
    def __init__(self, **bounds):
        self.fold = Bridge(0, wait_ms=WAIT, **bounds)
        self.state = self.fold.start()

    def __call__(self, *records):
        return told(self.fold.step(self.state, records))

    @property
    def counts(self):
        counts = self.state.counts
        return counts.paired, counts.duplicates, counts.lone_requests, counts.lone_responses, counts.refused


@pytest.mark.parametrize("types", [(REQUEST, RESPONSE), (RESPONSE, REQUEST)])
def test_halves_are_paired_in_either_order(types):
    step = Stepped()
    assert step(record(0, types[0])) == []
    (event,) = step(record(1, types[1]))
    assert (event.prediction_id, event.model, event.score) == ("a", "iris", 0.5)
    assert event.features == {"x": float(types.index(REQUEST))}
    assert step.counts == (1, 0, 0, 0, 0)


def test_each_half_is_taken_once_before_and_after_its_pair():
    step = Stepped()
    found = step(record(0, REQUEST), record(1, REQUEST), record(2, RESPONSE), record(3, RESPONSE), record(4, REQUEST))
    assert len(found) == 1
    assert step.counts == (1, 3, 0, 0, 0)


def test_the_same_id_of_another_sender_is_another_request():
    step = Stepped()
    assert step(record(0, REQUEST), record(1, RESPONSE, source="/other"), record(2, RESPONSE, component="x")) == []
    assert len(step.state.waiting) == 3


def test_a_request_that_is_never_answered_is_features_alone():
    step = Stepped()
    (event,) = step(record(0, REQUEST), record(1, REQUEST, "b", at=WAIT))
    assert isinstance(event, PredictionEvent)
    assert (event.prediction_id, event.version, event.score) == ("a", "", None)
    assert step.counts == (0, 0, 1, 0, 0)


def test_a_response_that_was_never_asked_for_is_a_dead_letter():
    step = Stepped()
    assert step(record(0, RESPONSE), record(1, REQUEST, "b", at=WAIT)) == [("unpaired", 0)]
    assert step.counts == (0, 0, 0, 1, 0)


def test_a_response_after_its_request_was_let_go_is_unpaired():
    step = Stepped()
    step(record(0, REQUEST), record(1, RESPONSE, at=WAIT))
    assert step(record(2, REQUEST, "b", at=2 * WAIT)) == [("unpaired", 1)]


def test_a_clock_that_goes_back_lets_nothing_go():
    step = Stepped()
    assert step(record(0, REQUEST, at=5 * WAIT), record(1, REQUEST, "b", at=0), record(2, RESPONSE, at=WAIT))
    assert step.counts == (1, 0, 0, 0, 0)


@pytest.mark.parametrize("bounds", [{"max_waiting": 2}, {"max_bytes": 50}])
def test_above_the_bounds_the_oldest_is_let_go(bounds):
    step = Stepped(**bounds)
    found = step(*(record(at, REQUEST, f"r{at}") for at in range(4)))
    assert [event.prediction_id for event in found] == ["r0", "r1"]
    assert step.state.waiting_bytes == sum(each.size for each in step.state.waiting.values())


def test_what_is_remembered_of_pairs_is_bounded_too():
    step = Stepped(max_waiting=2)
    for at in range(5):
        step(record(2 * at, REQUEST, f"r{at}"), record(2 * at + 1, RESPONSE, f"r{at}"))
    assert [key[0] for key in step.state.paired] == ["r3", "r4"]


def test_other_numbers_of_rows_keep_the_features_and_refuse_the_response():
    step = Stepped()
    letter, event = step(record(0, REQUEST), record(1, RESPONSE, body={"predictions": [1, 2]}))
    assert letter == ("wrong-type", 1)
    assert (event.features, event.score) == ({"x": 0.0}, None)


WRONG = {
    "no CloudEvent": (Record(0, 0, b"{}"), "not-cloudevent"),
    "another type": (record(0, "com.example.sold"), "wrong-topic"),
    "no body": (record(0, REQUEST, body={"x": 1}), "missing-field"),
}


@pytest.mark.parametrize(("wrong", "reason"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_half_is_a_dead_letter(wrong, reason):
    step = Stepped()
    assert step(wrong) == [(reason, 0)]
    assert step.counts == (0, 0, 0, 0, 1)


def test_a_row_that_is_no_event_leaves_its_neighbours_alone():
    step = Stepped()
    body = {"instances": [{"x": 1}, {"y" * 300: 1}]}
    found = step(record(0, REQUEST, body=body), record(1, RESPONSE, body={"predictions": [0.25, 0.5]}))
    assert found[0] == ("too-long", 0)
    assert [event.prediction_id for event in found[1:]] == ["a_0"]


def test_many_rows_are_cut_into_records_that_the_topic_takes():
    fold = Bridge(0)
    state = fold.start()
    body = {"instances": [{"text": "x" * 1_000}] * 3_000}
    outputs = fold.step(state, [record(0, REQUEST, body=body), record(1, RESPONSE, body={"predictions": [1] * 3_000})])
    assert [len(output.value) <= 2 << 20 for output in outputs] == [True, True]
    assert len(told(outputs)) == 3_000


def test_a_state_of_another_schema_is_refused():
    with pytest.raises(ValueError, match="schema"):
        Bridge(0).decode(b"\0\x09\x90")
