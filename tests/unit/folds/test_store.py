"""Every kind of record becomes the right columns; what cannot be read is handed back."""

from __future__ import annotations

import base64
import json
import math
import struct

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamgauge.events import LabelEvent, PredictionEvent

from detectors.bins import fit_category, fit_number
from stream.folds.base import Record
from stream.folds.blocks import Block, Covered, Fact, Source, Tick, encode_entry, place
from stream.folds.frame import TEXT, Frame
from stream.folds.frame_events import frame_of
from stream.folds.rows import FateRow, FeaturePaneRow, PaneRow, Result, RoleRow, Row, encode_rows
from stream.folds.store import Batch, Origin, tables, tables_of
from stream.folds.store.results import columns_of, table_of
from stream.folds.store.specs import _feature_rows

SOURCE = Source("predictions", "id-1", 3)
RESULT_KINDS = Result.__args__
SAMPLES: dict[pa.DataType, object] = {
    pa.string(): "x", pa.int64(): 7, pa.float64(): 0.5, pa.bool_(): True, pa.list_(pa.int64()): (1, 2),
    pa.list_(pa.string()): ("a", "b"), pa.map_(pa.string(), pa.int64()): {"UA": 2},
}  # fmt: skip


def prediction(i: int, **changes: object) -> PredictionEvent:
    """Return prediction ``i`` of four: of every kind of value one."""
    values: dict[str, object] = {
        "prediction_id": f"p{i}", "model": "m", "version": "1", "event_time_ms": i, "score": i / 3,
        "shadow": {"2": 0.5 / (i + 1)} if i % 2 == 0 else {},
        "features": {
            "mixed": (1.5, "one", None, math.nan)[i], "distance": (1.0, 2.0, math.inf, 4.0)[i], "carrier": "abab"[i],
        },
    }  # fmt: skip
    return PredictionEvent(**{**values, **changes})  # type: ignore[arg-type]


def frame(n: int = 4, **changes: object) -> Frame:
    return frame_of([prediction(i, **changes) for i in range(n)], range(n))


def ledger(frame: Frame, position: int = 11, topic: str = "predictions") -> Record:
    source = Source(topic, "id-1", 3)
    return Record(position, 99, encode_entry(Block(source, -1, place(5), frame)))


def stored_rows(*records: Record, partition: int = 2) -> list[dict[str, object]]:
    return only(tables("ledger", partition, records).batches, "prediction_rows")


def only(batches: list[Batch], table: str) -> list[dict[str, object]]:
    [batch] = [batch for batch in batches if batch.table == table]
    return batch.data.to_pylist(maps_as_pydicts="strict")


def sample(kind: type[Row]) -> Row:
    values = {field: SAMPLES.get(type_, 1) for field, _, type_ in columns_of(kind)}
    pairs = {name: ((0, 7), (1, 9)) for name in ("merged", "cut") if name in values}
    return kind(**{**values, **pairs})


def test_columns_of_every_type_become_maps() -> None:
    rows = stored_rows(ledger(frame()))
    assert [row["numbers"] for row in rows] == [
        {"mixed": 1.5, "distance": 1.0}, {"distance": 2.0}, {}, {"distance": 4.0},
    ]  # fmt: skip
    assert [row["texts"] for row in rows] == [
        {"carrier": "a"}, {"mixed": "one", "carrier": "b"}, {"carrier": "a"}, {"carrier": "b"},
    ]  # fmt: skip
    assert [row["invalid"] for row in rows] == [[], [], ["distance"], ["mixed"]]
    assert [row["shadow"] for row in rows] == [{"2": 0.5}, {}, {"2": pytest.approx(1 / 6)}, {}]


def test_a_row_says_where_it_comes_from() -> None:
    row = stored_rows(ledger(frame()))[1]
    where = {
        name: row[name] for name in ("topic", "topic_id", "partition", "place", "ledger_partition", "ledger_position")
    }
    assert where == {
        "topic": "predictions", "topic_id": "id-1", "partition": 3, "place": 1, "ledger_partition": 2,
        "ledger_position": 11,
    }  # fmt: skip
    assert (row["event_time"].timestamp(), row["known"].timestamp()) == (0.001, 0.099)
    assert (row["model_version"], row["source"], row["label_text"], row["score"]) == ("1", "", "", pytest.approx(1 / 3))
    assert math.isnan(row["label"]) and math.isnan(row["latency_ms"])  # noqa: PT018


def test_rows_without_features_have_empty_maps() -> None:
    rows = stored_rows(ledger(frame(features={}, shadow={})))
    assert [row["numbers"] | row["texts"] for row in rows] == [{}] * 4


def test_labels_are_numbers_or_texts_with_lane_and_revision() -> None:
    labels = [
        LabelEvent(prediction_id="p", model="m", event_time_ms=i, label=label, kind=kind, revision=i)
        for i, (label, kind) in enumerate([(1.0, "truth"), ("late", "feedback"), (False, "truth")])
    ]
    record = ledger(frame_of(labels, range(3)), topic="labels")
    stored = only(tables("ledger", 0, [record]).batches, "label_rows")
    assert [(row["value"], row["text"]) for row in stored][0::2] == [(1.0, ""), (0.0, "")]
    assert (math.isnan(stored[1]["value"]), stored[1]["text"]) == (True, "late")
    assert [(row["lane"], row["revision"]) for row in stored] == [("truth", 0), ("feedback", 1), ("truth", 2)]


def test_predicted_classes_are_numbers_or_texts() -> None:
    rows = stored_rows(ledger(frame_of([prediction(0, label="late"), prediction(1, label=True)], [0, 1])))
    assert [row["label_text"] for row in rows] == ["late", ""]
    assert (math.isnan(rows[0]["label"]), rows[1]["label"]) == (True, 1.0)


def test_a_run_is_one_batch_a_table_and_says_how_far_it_goes() -> None:
    tick = Record(15, 99, encode_entry(Tick("w", (Covered(SOURCE, 1, 1),))))
    stored = tables("ledger", 2, [ledger(frame()), ledger(frame(), position=12), tick])
    assert [(batch.table, batch.rows) for batch in stored.batches] == [("prediction_rows", 8), ("ledger_positions", 1)]
    assert only(stored.batches, "ledger_positions") == [{"partition": 2, "position": 15}]


def test_runs_of_several_partitions_share_their_batches() -> None:
    runs = {("ledger", 1): [ledger(frame())], ("panes", 0): [Record(0, 0, encode_rows([sample(PaneRow)]))]}  # type: ignore[list-item]
    stored = tables_of(runs | {("ledger", 0): [ledger(frame(), position=20)], ("ledger", 3): []})
    assert [(batch.table, batch.rows) for batch in stored.batches] == [
        ("panes_rows", 1), ("prediction_rows", 8), ("ledger_positions", 2),
    ]  # fmt: skip
    assert only(stored.batches, "ledger_positions") == [
        {"partition": 1, "position": 11}, {"partition": 0, "position": 20},
    ]  # fmt: skip


def test_a_row_that_is_refused_names_the_record_it_came_from() -> None:
    runs = {
        ("ledger", 1): [ledger(frame())],
        ("panes", 2): [Record(i, 9, encode_rows([sample(PaneRow)] * 2)) for i in (4, 5)],
    }  # type: ignore[list-item]
    panes, predictions, _ = tables_of(runs).batches
    last = panes.halves()[1].halves()[1].refused("why")
    assert (last.origin, last.reason, last.message) == (Origin("panes", 2, 5), "store-error", "panes_rows: why")
    first = predictions.halves()[0].halves()[1].refused("why")
    assert (first.origin, first.at_ms) == (Origin("predictions", 3, 0, 1), 99)
    assert json.loads(first.excerpt)["prediction_id"] == "p1"


def test_runs_may_be_cut_anywhere() -> None:
    frames = [frame(), frame(2, model="other"), frame(3, features={"new": "b", "carrier": "one"}), frame(0)]
    records = [ledger(frame, position=i) for i, frame in enumerate(frames)]
    parts = [row for record in records[:3] for row in stored_rows(record)]
    assert str(stored_rows(*records)) == str(parts)


VALUES = st.none() | st.floats(-5, 5) | st.sampled_from([math.nan, math.inf]) | st.sampled_from("abc")
EVENTS = st.builds(
    PredictionEvent,
    prediction_id=st.text(min_size=1, max_size=5), model=st.sampled_from("mn"), event_time_ms=st.integers(0, 2**41),
    version=st.sampled_from(["", "1", "2"]), source=st.sampled_from(["", "é"]), score=st.none() | st.floats(0, 1),
    label=st.none() | st.floats(-5, 5) | st.sampled_from("ab"), latency_ms=st.none() | st.floats(0, 9),
    features=st.dictionaries(st.sampled_from(["x", "y", "1", "ü"]), VALUES),
    shadow=st.dictionaries(st.sampled_from("123"), st.floats(0, 1)),
)  # fmt: skip


@given(st.lists(st.lists(EVENTS, max_size=4), max_size=4))
def test_every_row_is_what_its_event_says(frames: list[list[PredictionEvent]]) -> None:
    records = [ledger(frame_of(events, range(len(events))), position=i) for i, events in enumerate(frames)]
    batches = [batch for batch in tables("ledger", 0, records).batches if batch.table == "prediction_rows"]
    rows = [row for batch in batches for row in batch.data.to_pylist(maps_as_pydicts="strict")]
    assert str([{name: row[name] for name in expected(prediction(0), 0)} for row in rows]) == str(
        [expected(event, i) for i, events in enumerate(frames) for event in events]
    )


def expected(event: PredictionEvent, position: int) -> dict[str, object]:
    """Return most of an event's row, in plain Python."""
    finite = {
        name: value for name, value in event.features.items() if isinstance(value, float) and math.isfinite(value)
    }
    texts = {name: value for name, value in event.features.items() if isinstance(value, str)}
    known = {name for name, value in event.features.items() if value is None} | set(finite) | set(texts)
    return {
        "ledger_position": position, "prediction_id": event.prediction_id, "model": event.model,
        "model_version": event.version, "source": event.source,
        "score": math.nan if event.score is None else event.score,
        "latency_ms": math.nan if event.latency_ms is None else event.latency_ms,
        "label": event.label if isinstance(event.label, float) else math.nan,
        "label_text": event.label if isinstance(event.label, str) else "",
        "numbers": finite, "texts": texts, "invalid": [name for name in event.features if name not in known],
        "shadow": dict(event.shadow),
    }  # fmt: skip


@pytest.mark.parametrize("kind", RESULT_KINDS)
def test_every_result_row_keeps_its_fields(kind: type[Row]) -> None:
    row = sample(kind)
    stored = tables("panes", 0, [Record(0, 0, encode_rows([row, row]))])  # type: ignore[list-item]
    [first, second] = only(stored.batches, table_of(kind))
    assert first == second
    for field, column, type_ in columns_of(kind):
        value = getattr(row, field)
        if pa.types.is_timestamp(type_):
            assert round(first[column].timestamp() * 1000) == value
        elif field in {"merged", "cut"}:
            assert tuple((pair["partition"], pair["position"]) for pair in first[column]) == value
        else:
            assert (tuple(first[column]) if isinstance(value, tuple) else first[column]) == value


def test_rows_of_several_kinds_in_one_record_go_to_their_tables() -> None:
    rows = [sample(PaneRow), sample(RoleRow), sample(FateRow), sample(FeaturePaneRow)]
    stored = tables("verdicts", 0, [Record(0, 0, encode_rows(rows))])  # type: ignore[arg-type]
    assert [batch.table for batch in stored.batches] == ["panes_rows", "roles_rows", "fates_rows", "feature_panes_rows"]


def record_of(value: object) -> Record:
    return Record(4, 1_000, json.dumps(value).encode())


def test_an_alert_is_kept_whole_and_by_its_dedup_key() -> None:
    alert = {
        "version": 1, "id": "al-1", "incident": "INC-1", "state": "open", "level": "page", "kind": "performance",
        "model": "m",
        "monitor": "mon", "title": "m lost", "where": {"features": ["distance"]}, "since_ms": 5, "opened_ms": 6,
        "closed_ms": None, "sent_ms": 7, "dedup": "INC-1/open/1",
    }  # fmt: skip
    [row] = only(tables("alerts", 0, [record_of(alert)]).batches, "alert_rows")
    assert (row["dedup"], row["features"], row["closed"].timestamp()) == ("INC-1/open/1", ["distance"], 0)
    assert json.loads(row["body"]) == alert


def test_a_retrain_request_keeps_its_cut_and_evidence() -> None:
    asked = {
        "id": "rt-1", "model": "m", "cut": {"1": 9, "0": 7}, "evidence": {"loss": 0.5},
        "features": {"distance": "number"},
        "from_ms": 1, "to_ms": 2, "asked_ms": 3,
    }  # fmt: skip
    [row] = only(tables("retrain", 0, [record_of(asked)]).batches, "retrain_request_rows")
    assert (row["cut"], json.loads(row["evidence"])) == ({0: 7, 1: 9}, {"loss": 0.5})


def test_a_version_keeps_its_manifest_and_a_record_of_roles_is_none() -> None:
    manifest = {
        "sha256": "ab", "uri": "models/ab", "trained_from_ms": 1, "trained_to_ms": 2, "rows": 3,
        "features": ["distance"],
        "parent": None, "retrain": "rt-1", "created_ms": 4, "cut": {"0": 7}, "passed": False, "why": "no better",
        "validation": {
            "rows": 2, "metrics": {"auc": 0.7, "brier": None}, "losses": {"n": 2}, "metric": "brier", "champion": None,
        },
    }  # fmt: skip
    version = {
        "record": "version",
        "model": "m",
        "version": "2",
        "manifest": manifest,
        "signature": "",
        "public_key": "",
    }
    roles = {"record": "roles", "model": "m", "champion": "2", "shadows": [], "position": [0, 1], "why": "first"}
    stored = tables("models", 0, [record_of(version), record_of(roles)])
    [row] = only(stored.batches, "version_rows")
    assert (row["model_version"], row["metrics"], row["passed"], row["parent"]) == ("2", {"auc": 0.7}, False, "")
    assert json.loads(row["manifest"]) == manifest
    assert stored.poison == []


def test_a_dead_letter_may_lack_what_is_unknown() -> None:
    letter = {"topic": "labels", "partition": 1, "offset": 8, "reason": "not-json", "model": None, "line": None}
    [row] = only(tables("dead-letters", 0, [record_of(letter)]).batches, "dead_letter_rows")
    assert (row["reason"], row["line"], row["model"], row["at"].timestamp()) == ("not-json", 0, "", 1)


def test_a_spec_becomes_a_revision() -> None:
    spec = {
        "monitor": "mon",
        "revision": 2,
        "at_ms": 5,
        "who": "ops",
        "spec": {"model": "m"},
        "reference": None,
        "reference_sha": None,
    }
    fact = Fact(Source("specs", "id-9", 0), -1, place(0), b"mon", json.dumps(spec).encode())
    stored = tables("ledger", 0, [Record(0, 7, encode_entry(fact))])
    [row] = only(stored.batches, "spec_rows")
    assert (row["monitor"], row["revision"], row["model"], json.loads(row["spec"])) == ("mon", 2, "m", {"model": "m"})


def command(name: str, **args: object) -> Record:
    said = {"id": "c-1", "command": name, "model": "m", "who": "ann", "at_ms": 5, "args": args}
    fact = Fact(Source("commands", "id-9", 0), -1, place(3), b"m", json.dumps(said).encode())
    return Record(0, 7, encode_entry(fact))


def test_what_people_say_of_an_incident_becomes_a_row_the_same_in_each_ledger_partition() -> None:
    said = command("feedback", incident="INC-1", answer="false", note="a test")
    [row] = only(tables("ledger", 0, [said]).batches, "feedback_rows")
    assert (row["incident"], row["answer"], row["note"], row["who"]) == ("INC-1", "false", "a test", "ann")
    assert row == only(tables("ledger", 1, [said]).batches, "feedback_rows")[0]


@pytest.mark.parametrize(
    ("name", "args"),
    [("feedback", {"incident": "INC-1", "answer": "maybe"}), ("feedback", {"answer": "real"}), ("step", {"step": "x"})],
)
def test_other_commands_and_answers_that_are_none_are_no_rows(name: str, args: dict[str, object]) -> None:
    stored = tables("ledger", 0, [command(name, **args)])
    assert [batch.table for batch in stored.batches] == ["ledger_positions"]
    assert stored.poison == []


@pytest.mark.parametrize("reference", [base64.b64encode(b"nonsense").decode(), "***"])
def test_a_spec_with_a_broken_reference_is_poison(reference: str) -> None:
    spec = {"monitor": "mon", "revision": 2, "spec": {"model": "m"}, "reference": reference, "reference_sha": "ab"}
    fact = Fact(Source("specs", "id-9", 0), -1, place(0), b"mon", json.dumps(spec).encode())
    assert len(tables("ledger", 0, [Record(0, 7, encode_entry(fact))]).poison) == 1


def test_bins_of_numbers_have_edges_and_those_of_levels_names() -> None:
    numbers, levels = fit_number("x", [1.0, 2.0, 3.0]), fit_category("c", ["UA", "AA", "UA"])
    number_rows = list(_feature_rows("sha", numbers, list(range(numbers.width)), [0.1] * numbers.width))
    level_rows = list(_feature_rows("sha", levels, list(range(levels.width)), [0.1] * levels.width))
    assert [(row["bin"], row["lo"], row["hi"]) for row in number_rows][1:3] == [(1, -math.inf, 1.0), (2, 1.0, 2.0)]
    assert number_rows[-1]["hi"] == math.inf
    assert [row["label"] for row in level_rows] == ["missing", "unseen", "UA", "AA"]
    assert all(math.isnan(row["lo"]) for row in [number_rows[0], *level_rows])  # type: ignore[arg-type]


@pytest.mark.parametrize("topic", ["ledger", "panes", "verdicts", "alerts", "retrain", "models", "dead-letters"])
@pytest.mark.parametrize("value", [b"", b"\xc1", b"{}", b"nonsense"])
def test_what_cannot_be_read_is_handed_back_and_the_rest_is_stored(topic: str, value: bytes) -> None:
    bad = Record(3, 0, value)
    stored = tables(topic, 0, [bad])
    [poison] = stored.poison
    assert (poison.origin, poison.reason, poison.size) == (Origin(topic, 0, 3), "fold-error", len(value))
    assert poison.message
    assert [batch.table for batch in stored.batches] == (["ledger_positions"] if topic == "ledger" else [])


@pytest.mark.parametrize(
    "changes",
    [
        {"scores": b"1234"}, {"scores": b"12345678"}, {"n": 3}, {"ids": b"p0"}, {"texts": ("m",)},
        {"cells": b"\0" * 8}, {"row_shapes": b"\x09\0\0\0" * 4}, {"models": b"\xff" * 16},
        {"models": b"\x63\0\0\0" * 4}, {"cells": struct.pack("<Q", TEXT | 99) * 14}, {"shape_sizes": b"\xff" * 8},
        {"shapes": b"\x63\0\0\0" * 7},
    ],
)  # fmt: skip
def test_a_block_whose_columns_do_not_fit_is_poison_and_the_rest_is_stored(changes: dict[str, object]) -> None:
    broken = msgspec.structs.replace(frame(), **changes)
    stored = tables("ledger", 0, [ledger(broken), ledger(frame(), position=12)])
    assert len(stored.poison) == 1
    assert len(only(stored.batches, "prediction_rows")) == 4


def test_a_topic_that_store_does_not_read_is_refused() -> None:
    with pytest.raises(ValueError, match="reads no topic 'partials'"):
        tables("partials", 0, [])
