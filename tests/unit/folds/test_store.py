"""Every kind of record becomes the right columns; what cannot be read is handed back."""

from __future__ import annotations

import base64
import json
import math

import numpy as np
import pyarrow as pa
import pytest

from detectors.bins import fit_category, fit_number
from stream.folds.base import Record
from stream.folds.blocks import (
    INVALID,
    MISSING,
    NUMBER,
    Block,
    Column,
    Covered,
    Fact,
    Rows,
    Source,
    Tick,
    encode_entry,
    number_column,
    place,
    text_column,
)
from stream.folds.rows import FateRow, FeaturePaneRow, PaneRow, Result, RoleRow, Row, encode_rows
from stream.folds.store import Batch, tables
from stream.folds.store.results import columns_of, table_of
from stream.folds.store.specs import _feature_rows

SOURCE = Source("predictions", "id-1", 3)
RESULT_KINDS = Result.__args__
SAMPLES: dict[pa.DataType, object] = {
    pa.string(): "x", pa.int64(): 7, pa.float64(): 0.5, pa.bool_(): True, pa.list_(pa.int64()): (1, 2),
    pa.list_(pa.string()): ("a", "b"), pa.map_(pa.string(), pa.int64()): {"UA": 2},
}  # fmt: skip


def mixed() -> Column:
    """Number, text, missing, invalid."""
    codes = np.array([NUMBER, 0, MISSING, INVALID], "<i4").tobytes()
    return Column("mixed", np.array([1.5, math.nan, math.nan, math.nan]).tobytes(), codes, ("one",))


def prediction_rows(n: int = 4, **changes: object) -> Rows:
    nothing = Column("", b"", np.full(n, MISSING, "<i4").tobytes(), ())
    values: dict[str, object] = {
        "kind": "prediction", "model": "m", "n": n, "positions": np.arange(n, dtype="<i8").tobytes(),
        "event_ms": np.arange(n, dtype="<i8").tobytes(), "ids": tuple(f"p{i}" for i in range(n)),
        "version": text_column("version", ["1"] * n), "source": nothing, "label": nothing, "lane": nothing,
        "score": np.linspace(0, 1, n).tobytes(), "latency_ms": b"",
        "shadow": (("2", np.array([0.5, math.nan, 0.25, math.nan]).tobytes()),),
        "features": (
            mixed(), number_column("distance", [1.0, 2.0, math.nan, 4.0]), text_column("carrier", list("abab")),
        ),
    }  # fmt: skip
    return Rows(**{**values, **changes})  # type: ignore[arg-type]


def ledger(*parts: Rows, position: int = 11) -> Record:
    return Record(position, 99, encode_entry(Block(SOURCE, -1, place(5), parts)))


def only(batches: list[Batch], table: str) -> list[dict[str, object]]:
    [batch] = [batch for batch in batches if batch.table == table]
    return batch.data.to_pylist(maps_as_pydicts="strict")


def sample(kind: type[Row]) -> Row:
    values = {field: SAMPLES.get(type_, 1) for field, _, type_ in columns_of(kind)}
    pairs = {name: ((0, 7), (1, 9)) for name in ("merged", "cut") if name in values}
    return kind(**{**values, **pairs})


def test_columns_of_every_type_become_maps() -> None:
    rows = only(tables("ledger", 2, [ledger(prediction_rows())]).batches, "prediction_rows")
    assert [row["numbers"] for row in rows] == [
        {"mixed": 1.5, "distance": 1.0}, {"distance": 2.0}, {}, {"distance": 4.0},
    ]  # fmt: skip
    assert [row["texts"] for row in rows] == [
        {"carrier": "a"}, {"mixed": "one", "carrier": "b"}, {"carrier": "a"}, {"carrier": "b"},
    ]  # fmt: skip
    assert [row["invalid"] for row in rows] == [[], [], ["distance"], ["mixed"]]
    assert [row["shadow"] for row in rows] == [{"2": 0.5}, {}, {"2": 0.25}, {}]


def test_a_row_says_where_it_comes_from() -> None:
    row = only(tables("ledger", 2, [ledger(prediction_rows())]).batches, "prediction_rows")[1]
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
    rows = only(tables("ledger", 0, [ledger(prediction_rows(features=(), shadow=()))]).batches, "prediction_rows")
    assert [row["numbers"] | row["texts"] for row in rows] == [{}] * 4


def test_labels_are_numbers_or_texts() -> None:
    codes = np.array([NUMBER, 0, NUMBER, NUMBER], "<i4").tobytes()
    label = Column("label", np.array([1.0, math.nan, 0.0, 1.0]).tobytes(), codes, ("late",))
    rows = prediction_rows(kind="label", label=label, lane=text_column("lane", ["truth"] * 4), features=(), shadow=())
    stored = only(tables("ledger", 0, [ledger(rows)]).batches, "label_rows")
    assert [(row["value"], row["text"]) for row in stored][0::2] == [(1.0, ""), (0.0, "")]
    assert (math.isnan(stored[1]["value"]), stored[1]["text"], stored[1]["lane"]) == (True, "late", "truth")


def test_a_run_is_one_batch_a_table_and_says_how_far_it_goes() -> None:
    tick = Record(15, 99, encode_entry(Tick("w", (Covered(SOURCE, 1, 1),))))
    stored = tables(
        "ledger", 2, [ledger(prediction_rows(), prediction_rows()), ledger(prediction_rows(), position=12), tick]
    )
    assert [(batch.table, batch.rows) for batch in stored.batches] == [("prediction_rows", 12), ("ledger_positions", 1)]
    assert only(stored.batches, "ledger_positions") == [{"partition": 2, "position": 15}]


def test_runs_may_be_cut_anywhere() -> None:
    records = [ledger(prediction_rows(), position=i) for i in range(4)]
    whole = only(tables("ledger", 0, records).batches, "prediction_rows")
    parts = [only(tables("ledger", 0, [record]).batches, "prediction_rows") for record in records]
    assert str(whole) == str([row for part in parts for row in part])


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


@pytest.mark.parametrize("reference", [base64.b64encode(b"nonsense").decode(), "***"])
def test_a_spec_with_a_broken_reference_is_poison(reference: str) -> None:
    spec = {"monitor": "mon", "revision": 2, "spec": {"model": "m"}, "reference": reference, "reference_sha": "ab"}
    fact = Fact(Source("specs", "id-9", 0), -1, place(0), b"mon", json.dumps(spec).encode())
    assert len(tables("ledger", 0, [Record(0, 7, encode_entry(fact))]).poison) == 1


class _Feature:
    """What is read of a feature's reference."""

    def __init__(self, bins: object, width: int) -> None:
        self.bins, self.counts, self.shares = bins, tuple(range(width)), (1 / width,) * width


def test_bins_of_numbers_have_edges_and_those_of_levels_names() -> None:
    numbers, levels = fit_number("x", [1.0, 2.0, 3.0]), fit_category("c", ["UA", "AA", "UA"])
    number_rows = list(_feature_rows("sha", _Feature(numbers, numbers.width)))  # type: ignore[arg-type]
    level_rows = list(_feature_rows("sha", _Feature(levels, levels.width)))  # type: ignore[arg-type]
    assert [(row["bin"], row["lo"], row["hi"]) for row in number_rows][1:3] == [(1, -math.inf, 1.0), (2, 1.0, 2.0)]
    assert number_rows[-1]["hi"] == math.inf
    assert [row["label"] for row in level_rows] == ["missing", "unseen", "UA", "AA"]
    assert all(math.isnan(row["lo"]) for row in [number_rows[0], *level_rows])  # type: ignore[arg-type]


@pytest.mark.parametrize("topic", ["ledger", "panes", "verdicts", "alerts", "retrain", "models", "dead-letters"])
@pytest.mark.parametrize("value", [b"", b"\xc1", b"{}", b"nonsense"])
def test_what_cannot_be_read_is_handed_back_and_the_rest_is_stored(topic: str, value: bytes) -> None:
    bad = Record(3, 0, value)
    stored = tables(topic, 0, [bad])
    assert [poison.record for poison in stored.poison] == [bad]
    assert stored.poison[0].reason
    assert [batch.table for batch in stored.batches] == (["ledger_positions"] if topic == "ledger" else [])


def test_a_block_whose_columns_are_short_is_poison() -> None:
    stored = tables("ledger", 0, [ledger(prediction_rows(score=b"1234")), ledger(prediction_rows(), position=12)])
    assert len(stored.poison) == 1
    assert len(only(stored.batches, "prediction_rows")) == 4


def test_a_topic_that_store_does_not_read_is_refused() -> None:
    with pytest.raises(ValueError, match="reads no topic 'partials'"):
        tables("partials", 0, [])
