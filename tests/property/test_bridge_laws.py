"""The laws of the fold `bridge`: no cut shows, and every record went somewhere."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from streamgauge.kserve import REQUEST, RESPONSE

from stream.folds.base import Record
from stream.folds.bridge import Bridge
from tests.property.laws import assert_cut_law, assert_restore_law, cuts

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
