"""Intake: what becomes of good, bad, large and repeated records."""

from __future__ import annotations

import json
import math

import pytest
from streamgauge import partition_of

from stream.folds import intake as module
from stream.folds.base import Record
from stream.folds.blocks import Block, Covered, Fact, Source, Tick, decode_entry, end_of, place
from stream.folds.frame import FEEDBACK_LANE, TRUTH_LANE, identity, text_hash
from stream.folds.intake import Intake, IntakeResult, tick
from tests.frames import Row, bits, rows_of

LINES = (("content-type", b"application/x-ndjson"),)
PREDICTIONS = Source("predictions", "id", 2)
LABELS = Source("labels", "id", 2)


def event(number: int, **more: object) -> dict:
    return {"prediction_id": f"id-{number}", "model": "m", "event_time": number} | more


def record(offset: int, *events: object) -> Record:
    return Record(offset, 1_000 + offset, b"\n".join(json.dumps(each).encode() for each in events), headers=LINES)


def blocks(result: IntakeResult) -> list[Block]:
    found = [decode_entry(output.value) for output in result.outputs]
    assert all(isinstance(each, Block) for each in found)
    return found


def rows(result: IntakeResult) -> list[Row]:
    return [row for block in blocks(result) for row in rows_of(block.frame)]


def ids(result: IntakeResult) -> list[str]:
    return [each for block in blocks(result) for each in block.frame.id_list()]


def letters(result: IntakeResult) -> list[dict]:
    return [json.loads(letter.value) for letter in result.dead_letters]


def test_rows_keep_what_the_events_say():
    first = event(1, features={"x": 1, "c": "UA"}, score=0.25, version="3", shadow={"4": 0.5}, source="ops")
    second = event(2, features={"x": None, "y": True}, label="late", latency_ms=1.5)
    third = event(3, features={"x": float("nan"), "c": 7})
    result = Intake(1).split(PREDICTIONS, [record(7, first, second), record(9, third)], {})
    one, two, three = rows(result)
    assert [row.position for row in (one, two, three)] == [place(7, 0), place(7, 1), place(9, 0)]
    assert [(row.prediction_id, row.model, row.event_ms) for row in (one, two)] == [("id-1", "m", 1), ("id-2", "m", 2)]
    assert one.features == (("c", "UA"), ("x", bits(1)))
    assert two.features == (("x", None), ("y", bits(1)))
    assert three.features == (("c", bits(7)), ("x", "invalid"))
    assert (one.label, two.label) == (None, "late")
    assert (one.version, one.source, two.version, two.source) == ("3", "ops", "", "")
    assert (one.score, two.score) == (bits(0.25), bits(math.nan))
    assert (one.latency, two.latency) == (bits(math.nan), bits(1.5))
    assert (one.shadow, two.shadow) == ((("4", bits(0.5)),), ())
    assert one.hash == identity("m", "id-1")


def test_labels_keep_their_lane_and_revision_and_have_neither_scores_nor_features():
    events = [event(1, label=True), event(2, label=0, kind="feedback", revision=127)]
    result = Intake(1).split(LABELS, [record(0, *events)], {})
    assert [(row.label, row.lane, row.revision) for row in rows(result)] == [
        (bits(1), TRUTH_LANE, 0),
        (bits(0), FEEDBACK_LANE, 127),
    ]
    ((frame, source),) = [(block.frame, block.source) for block in blocks(result)]
    assert (frame.scores, frame.latencies, frame.cells, frame.row_shapes) == (b"", b"", b"", b"")
    assert source == LABELS


def test_models_and_shapes_stand_in_one_block_in_source_order():
    events = [event(1), event(2, model="other", features={"x": 1}), event(3, features={"y": 1})]
    result = Intake(1).split(PREDICTIONS, [record(0, *events)], {})
    (block,) = blocks(result)
    assert [(row.model, row.prediction_id) for row in rows(result)] == [("m", "id-1"), ("other", "id-2"), ("m", "id-3")]
    assert (block.source, block.start, block.to) == (PREDICTIONS, -1, end_of(0))


def test_each_row_goes_to_the_partition_of_its_id():
    result = Intake(4).split(PREDICTIONS, [record(0, *(event(number) for number in range(200)))], {})
    assert sorted(result.after) == [0, 1, 2, 3]
    for output, block in zip(result.outputs, blocks(result), strict=True):
        assert {partition_of(each.encode(), 4) for each in block.frame.id_list()} == {output.partition}


def test_what_a_partition_covers_already_is_not_written_again():
    run = [record(0, event(1), event(2)), record(1, event(3))]
    (block,) = blocks(Intake(1).split(PREDICTIONS, run, {0: place(0, 0)}))
    assert (block.start, block.to) == (place(0, 0), end_of(1))
    assert block.frame.id_list() == ["id-2", "id-3"]
    nothing = Intake(1).split(PREDICTIONS, run, {0: end_of(1)})
    assert (nothing.outputs, nothing.after, nothing.covered) == ([], {}, end_of(1))


def test_blocks_stay_below_the_size_and_their_ranges_chain():
    run = [
        record(offset, *(event(offset * 10 + i, features={"t": str(i) * 30 + str(offset) * 200}) for i in range(10)))
        for offset in range(20)
    ]
    found = Intake(1, max_block_bytes=4_000).split(PREDICTIONS, run, {})
    assert len(found.outputs) > 5
    assert all(3_000 < len(output.value) < 4_100 for output in found.outputs[:-1])
    chain = blocks(found)
    assert [block.start for block in chain] == [-1, *(block.to for block in chain[:-1])]
    assert chain[-1].to == found.covered == found.after[0]
    assert ids(found) == [f"id-{i}" for i in range(200)]


def test_a_block_has_only_the_texts_that_its_rows_use():
    events = [event(i, model=f"m{i}", features={f"f{i}": f"v{i}"}) for i in range(2_000)]
    result = Intake(1, max_block_bytes=4_000).split(PREDICTIONS, [record(0, *events)], {})
    assert rows(result) == sorted(rows(result), key=lambda row: row.position)
    assert [row.features for row in rows(result)] == [((f"f{i}", f"v{i}"),) for i in range(2_000)]
    for block in blocks(result):
        used = {text for row in rows_of(block.frame) for text in (row.model, *row.features[0])}
        assert sorted(block.frame.texts) == sorted(used)
        assert [text_hash(text) for text in block.frame.texts] == block.frame.columns().text_hashes.tolist()


def test_a_large_row_costs_its_block_alone():
    events = [event(i, features={"t": "x" * (5_000 if i % 3 == 0 else 10)}) for i in range(9)]
    result = Intake(1, max_block_bytes=1_000).split(PREDICTIONS, [record(0, *events)], {})
    assert ids(result) == [f"id-{i}" for i in range(9) if i % 3]
    assert [letter["line"] for letter in letters(result)] == [0, 3, 6]
    assert blocks(result)[-1].to == end_of(0)


def test_rows_that_share_no_feature_names_do_not_blow_up():
    events = [event(i, features={f"f{i}-{j}": j for j in range(50)}) for i in range(400)]
    result = Intake(1).split(PREDICTIONS, [record(0, *events)], {})
    assert max(len(output.value) for output in result.outputs) <= 500_100
    assert [len(row.features) for row in rows(result)] == [50] * 400


def test_an_event_that_is_too_large_is_a_dead_letter_and_its_neighbours_are_rows():
    large = event(2, features={"text": "x" * 2_000_000}, source="ops")
    result = Intake(1).split(PREDICTIONS, [record(4, event(1), large, event(3))], {})
    assert ids(result) == ["id-1", "id-3"]
    (letter,) = letters(result)
    assert (letter["reason"], letter["offset"], letter["line"]) == ("too-large", 4, 1)
    assert (letter["model"], letter["source"], letter["at_ms"]) == ("m", "ops", 1_004)
    assert letter["size"] > 2_000_000
    assert len(letter["excerpt"]) == 1_000


# Figure g of the first milestone: one bad event of each kind. Unknown models, times in the future and duplicates are
# rows: whether they may be used is decided with the spec, in `measure`.
BAD = {
    "not JSON": (b"{", "not-json", ""),
    "missing id": (b'{"model":"m","event_time":1,"source":"ops"}', "missing-field", "/prediction_id"),
    "wrong type": (b'{"prediction_id":"a","model":"m","event_time":1,"score":"x"}', "wrong-type", "/score"),
    "NaN score": (b'{"prediction_id":"a","model":"m","event_time":1,"score":NaN}', "invalid-number", "/score"),
    "2 MB": (json.dumps(event(9, features={"t": "x" * 2_000_000})).encode(), "too-large", ""),
    "out of all time": (b'{"prediction_id":"a","model":"m","event_time":99999999999999}', "bad-time", "/event_time"),
}
ROWS = {
    "NaN feature": b'{"prediction_id":"a","model":"m","event_time":1,"features":{"x":NaN}}',
    "unknown model": b'{"prediction_id":"a","model":"who","event_time":1}',
    "far future": b'{"prediction_id":"a","model":"m","event_time":"2199-01-01T00:00:00Z"}',
    "duplicate": b'{"prediction_id":"id-1","model":"m","event_time":1}',
}


@pytest.mark.parametrize(("value", "reason", "field"), BAD.values(), ids=BAD.keys())
def test_a_bad_event_is_one_dead_letter_and_nothing_else_is_disturbed(value, reason, field):
    run = [record(0, event(1)), Record(1, 1_001, value), record(2, event(2))]
    result = Intake(1).split(PREDICTIONS, run, {})
    assert ids(result) == ["id-1", "id-2"]
    (letter,) = letters(result)
    assert (letter["reason"], letter["field"]) == (reason, field)
    assert (letter["topic"], letter["partition"], letter["offset"], letter["line"]) == ("predictions", 2, 1, 0)
    assert result.dead_letters[0].topic == "dead-letters"
    assert result.dead_letters[0].key == letter["model"].encode()
    assert result.after == {0: end_of(2)}


@pytest.mark.parametrize("value", ROWS.values(), ids=ROWS.keys())
def test_what_only_the_spec_can_judge_is_a_row(value):
    result = Intake(1).split(PREDICTIONS, [record(0, event(1)), Record(1, 1_001, value)], {})
    assert len(rows(result)) == 2
    assert result.dead_letters == []


def test_a_record_that_breaks_the_decoder_is_a_dead_letter_of_its_own(monkeypatch):
    real = module.decode

    def broken(kind, value, headers):
        if b"id-2" in value:
            raise ZeroDivisionError("boom")
        return real(kind, value, headers)

    monkeypatch.setattr(module, "decode", broken)
    nested = [record(i, event(i + 1, features={"x": []})) for i in range(3)]  # which the scan leaves to it
    result = Intake(1).split(PREDICTIONS, nested, {})
    assert ids(result) == ["id-1", "id-3"]
    assert letters(result)[0]["reason"] == "decode-error"
    assert "ZeroDivisionError: boom" in letters(result)[0]["message"]


def test_a_run_of_bad_records_has_dead_letters_only():
    result = Intake(2).split(PREDICTIONS, [Record(5, 0, b"x"), Record(6, 0, b"")], {0: 3})
    assert (result.outputs, result.after, result.covered) == ([], {}, end_of(6))
    assert [letter["offset"] for letter in letters(result)] == [5, 6]


@pytest.mark.parametrize("topic", ["specs", "commands"])
def test_specs_and_commands_reach_every_partition_as_they_are(topic):
    source = Source(topic, "id", 0)
    run = [Record(3, 0, b'{"a": 1}', b"m"), Record(5, 0, b'{"a": 2}', b"m")]
    result = Intake(2).split(source, run, {0: end_of(3)})
    facts = [(output.partition, decode_entry(output.value)) for output in result.outputs]
    assert facts == [
        (1, Fact(source, -1, end_of(3), b"m", b'{"a": 1}')),
        (0, Fact(source, end_of(3), end_of(5), b"m", b'{"a": 2}')),
        (1, Fact(source, end_of(3), end_of(5), b"m", b'{"a": 2}')),
    ]
    assert result.after == {0: end_of(5), 1: end_of(5)}


def test_records_of_the_registry_reach_the_partition_of_their_model():
    source = Source("models", "id", 0)
    result = Intake(4).split(source, [Record(0, 0, b"{}", b"delay/version/3"), Record(1, 0, b"{}", b"delay/roles")], {})
    assert {output.partition for output in result.outputs} == {partition_of(b"delay", 4)}


@pytest.mark.parametrize(
    ("value", "reason"),
    [(b"", "not-json"), (b"[]", "not-json"), (b"\xff", "not-json"), (b"{}" + b" " * 8 * 10**6, "too-large")],
)
def test_a_fact_that_is_no_object_is_a_dead_letter(value, reason):
    result = Intake(2).split(Source("specs", "id", 0), [Record(0, 8, value, b"m")], {})
    assert result.outputs == []
    assert (letters(result)[0]["reason"], letters(result)[0]["at_ms"]) == (reason, 8)


def test_a_tick_goes_to_every_partition():
    covered = [Covered(PREDICTIONS, end_of(4), end_of(9))]
    outputs = tick("worker-1", covered, 3)
    assert [(output.topic, output.partition) for output in outputs] == [("ledger", 0), ("ledger", 1), ("ledger", 2)]
    assert {decode_entry(output.value) for output in outputs} == {Tick("worker-1", tuple(covered))}


def test_wrong_calls_are_refused():
    with pytest.raises(ValueError, match="one partition or more, got 0"):
        Intake(0)
    with pytest.raises(ValueError, match="does not read the topic 'features'"):
        Intake(1).split(Source("features", "id", 0), [Record(0, 0, b"{}")], {})
    with pytest.raises(ValueError, match="one record or more"):
        Intake(1).split(PREDICTIONS, [], {})
