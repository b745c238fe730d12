"""The laws of the fold `bridge`: no cut shows, and every record went somewhere."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from streamgauge import Refusal, decode
from streamgauge.kserve import REQUEST, RESPONSE

from stream.folds.base import Output, Record
from stream.folds.bridge import Bridge
from stream.runtime.checkpoint import CheckpointStore
from stream.runtime.memory_port import CrashError, MemoryBroker, MemoryPointers, MemoryPort, MemoryPublisher
from stream.runtime.port import TopicPartition
from stream.runtime.stateful_host import StatefulHost
from tests.property.laws import assert_cut_law, assert_restore_law, cuts
from tests.property.test_wire_laws import JSON

FOLD = Bridge(0, wait_ms=20, max_waiting=4, max_bytes=200)
BODIES = {
    REQUEST: [
        {"instances": [[1, "a"], [None, True]]},
        {"inputs": [{"name": "x", "shape": [1], "data": [2.5]}]},
        {"x": 1},
    ],
    RESPONSE: [{"predictions": [0.5]}, {"predictions": ["yes", "no"]}, {"outputs": []}],
}
HALVES = st.sampled_from([REQUEST, RESPONSE]).flatmap(
    lambda type_: st.tuples(
        st.just(type_), st.sampled_from("abcdef"), st.sampled_from(BODIES[type_]), st.integers(-3, 9)
    )
)


@st.composite
def logs(draw):
    at, found = 100, []
    for position, (type_, id_, body, later) in enumerate(draw(st.lists(HALVES, max_size=30))):
        at += later
        said = {"specversion": "1.0", "source": "/s", "id": id_, "type": type_, "inferenceservicename": "m"}
        headers = tuple((f"ce_{name}", text.encode()) for name, text in said.items())
        found.append(Record(position, at, json.dumps(body).encode(), b"", headers))
    return found


@given(logs(), cuts)
def test_a_cut_changes_nothing(records, sizes):
    assert_cut_law(FOLD, records, sizes)


@given(logs(), logs())
def test_a_restored_state_goes_on_as_the_original(before, after):
    assert_restore_law(FOLD, before, after)


@given(logs())
def test_every_record_went_somewhere(records):
    state = FOLD.start()
    outputs = FOLD.step(state, records)
    counts = state.counts
    gone = 2 * counts.paired + counts.duplicates + counts.lone_requests + counts.lone_responses + counts.refused
    assert counts.received == len(records) == gone + len(state.waiting)
    assert sum(output.topic == "predictions" for output in outputs) == counts.paired + counts.lone_requests
    assert len(state.waiting) <= FOLD.max_waiting
    assert sum(each.size for each in state.waiting.values()) == state.waiting_bytes <= FOLD.max_bytes


PARTS = st.sampled_from(["inputs", "outputs", "instances", "predictions", "model_name", "model_version"])
TENSOR = st.fixed_dictionaries({}, optional={"name": JSON, "shape": JSON | st.lists(st.integers(-1, 3)), "data": JSON})
BODY = st.dictionaries(PARTS, JSON | st.lists(TENSOR, max_size=3), max_size=4).map(
    lambda body: json.dumps(body).encode()
)


@given(BODY | st.binary(max_size=30), BODY, st.binary(max_size=9))
def test_any_bodies_are_predictions_or_dead_letters(request, response, id_):
    said = {"specversion": b"1.0", "source": b"/s", "id": id_, "inferenceservicename": b"m", "time": b""}
    halves = ((request, REQUEST), (response, RESPONSE))
    records = [
        Record(
            at, 0, body, b"", tuple((f"ce_{name}", value) for name, value in {**said, "type": type_.encode()}.items())
        )
        for at, (body, type_) in enumerate(halves)
    ]
    outputs = FOLD.step(FOLD.start(), [*records, Record(2, 1_000, b"")])
    assert {output.topic for output in outputs} <= {"predictions", "dead-letters"}
    for output in outputs:
        if output.topic == "predictions":
            assert not any(isinstance(each, Refusal) for each in decode("predictions", output.value, output.headers))


def run_hosted(broker, folder, polls, checkpoint_s):
    """Run the bridge in its host, started anew after each crash, until it has read what is there."""

    async def once():
        ticks = iter(range(1_000_000))
        port, publisher = MemoryPort(broker, ["inference"], polls), MemoryPublisher(broker)
        store = CheckpointStore("", "bridge", folder, MemoryPointers(broker))
        bridge = Bridge(0, FOLD.wait_ms, FOLD.max_waiting, FOLD.max_bytes)
        await port.run(StatefulHost(lambda _: bridge, port, publisher, store, checkpoint_s, clock=lambda: next(ticks)))

    while True:
        try:
            return asyncio.run(once())
        except CrashError:
            continue


def first_of_each(records):
    """Return what counts of predictions: the first of each identity."""
    found = {}
    for record in records:
        for event in decode("predictions", record.value, record.headers):
            found.setdefault((event.model, event.prediction_id), event)
    return found


@settings(max_examples=30, deadline=None)
@given(logs(), cuts, st.frozensets(st.integers(1, 120), max_size=12), st.integers(1, 40))
def test_crashes_at_any_point_leave_the_predictions_of_an_undisturbed_run(log, polls, crashes, checkpoint_s):
    partitions = {"inference": 1, "predictions": 1, "dead-letters": 1}
    undisturbed, disturbed = MemoryBroker(partitions), MemoryBroker(partitions, crashes)
    for broker in (undisturbed, disturbed):
        for record in log:
            broker.append(TopicPartition("inference", 0), Output("inference", record.value, b"", 0, record.headers))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        run_hosted(undisturbed, Path(one), [7], 10)
        run_hosted(disturbed, Path(other), polls, checkpoint_s)
    assert first_of_each(disturbed.records("predictions")) == first_of_each(undisturbed.records("predictions"))
    letters = [{record.value for record in broker.records("dead-letters")} for broker in (disturbed, undisturbed)]
    assert letters[0] == letters[1]
