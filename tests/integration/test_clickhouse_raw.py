"""Raw rows on the real engine: what is stored of the ledger, training sets as of a cut, and queries that use rows."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from pydantic import SecretStr
from streamgauge.events import LabelEvent, PredictionEvent

from stream.clickhouse import queries, read
from stream.clickhouse.client import connect
from stream.clickhouse.sink import Sink
from stream.folds.base import Record
from stream.folds.blocks import Block, Source, encode_entry, place
from stream.folds.deadletters import DeadLetter
from stream.folds.frame_events import frame_of
from stream.folds.rows import FateRow, FeaturePaneRow, LineageRow, PaneRow, encode_rows
from stream.folds.store import Batch
from stream.folds.store.control import rows_batch
from stream.runtime.port import TopicPartition
from stream.settings import ClickHouseSettings
from stream.store_role import StoreRole
from tests.integration.clickhouse_database import rows_of, write

if TYPE_CHECKING:
    from tests.conftest import ClickHouseServer

pytestmark = pytest.mark.integration

T0 = 1_357_002_000_000  # 2013-01-01T01:00Z
HOUR = 3_600_000


def block(
    kind: str, ids: list[str], at: int, *, first: int = 0, score: float = 0.2, label: float = 1.0, revision: int = 0
) -> Block:
    """Return events an hour apart from hour `at` on, one a record from offset `first` on."""
    hours = [T0 + (at + i) * HOUR for i in range(len(ids))]
    events: list[PredictionEvent | LabelEvent] = [
        LabelEvent(prediction_id=id_, model="m", event_time_ms=ms, source="a", label=label, revision=revision)
        if kind == "label"
        else PredictionEvent(
            prediction_id=id_, model="m", version="1", event_time_ms=ms, source="a", score=score, shadow={"2": 0.6},
            features={"distance": float(i) if i else math.nan, "carrier": "UA"},
        )
        for i, (id_, ms) in enumerate(zip(ids, hours, strict=True))
    ]  # fmt: skip
    frame = frame_of(events, [place(first + i) for i in range(len(ids))])
    return Block(Source(f"{kind}s", "id-1", 0), place(first) - 1, place(first + len(ids) - 1), frame)


def run(*blocks: Block, first: int = 0) -> list[Record]:
    return [Record(first + i, T0 + 9 * HOUR + i, encode_entry(entry)) for i, entry in enumerate(blocks)]


def ids(client: Client, cut: dict[int, int]) -> list[str]:
    return read.training_rows(client, "m", T0, T0 + 100 * HOUR, cut)["prediction_id"].to_pylist()


def test_blocks_sent_again_at_a_later_position_change_nothing(client: Client, settings: ClickHouseSettings) -> None:
    sent = block("prediction", ["a", "b", "c"], 0)
    write(settings, ("ledger", 0, run(sent, first=7)))
    sql = "SELECT * FROM prediction_rows FINAL ORDER BY place"
    before = rows_of(client, sql)
    write(settings, ("ledger", 0, run(sent, sent, first=20)))
    assert str(rows_of(client, sql)) == str(before)
    assert {row["ledger_position"] for row in before} == {7}
    assert read.stored_positions(client) == {0: 21}


def test_the_first_in_the_ledger_wins_even_if_it_is_stored_last(client: Client, settings: ClickHouseSettings) -> None:
    sent = block("prediction", ["a"], 0)
    write(settings, ("ledger", 0, run(sent, first=20)))
    write(settings, ("ledger", 0, run(sent, first=7)))
    assert rows_of(client, "SELECT ledger_position FROM prediction_rows FINAL") == [{"ledger_position": 7}]
    assert read.has_stored(client, {0: 20})
    assert not read.has_stored(client, {0: 21})


def test_a_training_set_holds_what_was_known_at_its_cut(client: Client, settings: ClickHouseSettings) -> None:
    predictions, labels = block("prediction", ["a", "b", "c"], 0), block("label", ["a", "b"], 5)
    write(
        settings, ("ledger", 0, run(predictions, labels)), ("ledger", 1, run(block("prediction", ["z"], 0, first=50)))
    )
    assert ids(client, {0: 1, 1: 9}) == ["a", "b"]
    assert ids(client, {0: 0}) == []
    assert ids(client, {1: 9}) == []


def test_of_equal_identities_the_first_in_the_ledger_trains(client: Client, settings: ClickHouseSettings) -> None:
    twice = block("prediction", ["a"], 0, score=0.2), block("prediction", ["a"], 1, first=10, score=0.9)
    truths = block("label", ["a"], 5, label=1.0), block("label", ["a"], 4, first=10, label=0.0)
    write(settings, ("ledger", 0, run(*twice, *truths)))
    [row] = read.training_rows(client, "m", T0, T0 + 100 * HOUR, {0: 9}).to_pylist()
    assert (row["score"], row["label"], row["event_ms"], row["label_ms"]) == (0.2, 1.0, T0, T0 + 5 * HOUR)


def test_the_highest_revision_of_a_label_trains_whichever_came_first(
    client: Client, settings: ClickHouseSettings
) -> None:
    truths = (
        block("label", ["a", "b"], 5, label=1.0, revision=2),
        block("label", ["a"], 6, first=10, label=0.0, revision=1),
        block("label", ["b"], 6, first=11, label=0.0, revision=3),
        block("label", ["b"], 7, first=12, label=1.0, revision=3),
    )
    write(settings, ("ledger", 0, run(block("prediction", ["a", "b"], 0), *truths)))
    sql = "SELECT prediction_id, revision, label FROM labels ORDER BY prediction_id, revision"
    assert [tuple(row.values()) for row in rows_of(client, sql)][:3] == [("a", 1, 0.0), ("a", 2, 1.0), ("b", 2, 1.0)]
    assert read.training_rows(client, "m", T0, T0 + 100 * HOUR, {0: 9})["label"].to_pylist() == [1.0, 0.0]
    assert read.training_rows(client, "m", T0, T0 + 100 * HOUR, {0: 2})["label"].to_pylist() == [1.0, 1.0]
    [row] = queries.run(client, "label_delay", {"model": "m"}).to_pylist()[:1]
    assert (row["class"], row["labels"]) == ("0", 1)


def test_a_training_row_has_features_without_gaps(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("ledger", 0, run(block("prediction", ["a", "b"], 0), block("label", ["b", "a"], 5))))
    table = read.training_rows(client, "m", T0, T0 + 100 * HOUR, {0: 9})
    assert table["prediction_id"].to_pylist() == ["a", "b"]
    assert [dict(row) for row in table["numbers"].to_pylist()] == [{}, {"distance": 1.0}]
    assert [dict(row) for row in table["texts"].to_pylist()] == [{"carrier": "UA"}] * 2


def test_training_reads_half_open_time(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("ledger", 0, run(block("prediction", ["a", "b", "c"], 0), block("label", ["a", "b", "c"], 5))))
    table = read.training_rows(client, "m", T0 + HOUR, T0 + 2 * HOUR, {0: 9})
    assert table["prediction_id"].to_pylist() == ["b"]


def test_a_row_that_the_engine_refuses_becomes_a_dead_letter_and_the_others_are_stored(
    client: Client, settings: ClickHouseSettings
) -> None:
    truths = [block("label", [f"p{i}"], i, first=i, label=9.0 if i in {1, 6} else 1.0) for i in range(9)]

    async def go() -> list[DeadLetter]:
        sink = Sink.of(settings)
        letters = await StoreRole(sink).write({TopicPartition("ledger", 0): run(*truths)})
        await sink.close()
        return [msgspec.json.decode(letter.value, type=DeadLetter) for letter in letters]

    client.command("ALTER TABLE label_rows ADD CONSTRAINT no_nines CHECK value != 9")
    try:
        letters = asyncio.run(go())
    finally:
        client.command("ALTER TABLE label_rows DROP CONSTRAINT no_nines")
    assert [(each.topic, each.offset, each.line, each.reason) for each in letters] == [
        ("labels", 1, 0, "store-error"), ("labels", 6, 0, "store-error"),
    ]  # fmt: skip
    assert "no_nines" in letters[0].message
    assert rows_of(client, "SELECT count() AS n, max(value) AS most FROM label_rows FINAL") == [{"n": 7, "most": 1.0}]
    assert read.stored_positions(client) == {0: 8}


def test_predictions_say_what_became_of_them(client: Client, settings: ClickHouseSettings) -> None:
    fate = FateRow(
        topic="predictions", partition=0, place=place(1), model="m", prediction_id="b", kind="prediction",
        fate="duplicate", reason="seen before", known_ms=T0, position=1,
    )  # fmt: skip
    write(
        settings,
        ("ledger", 0, run(block("prediction", ["a", "b"], 0))),
        ("panes", 0, [Record(0, 0, encode_rows([fate]))]),
    )
    rows = rows_of(client, "SELECT prediction_id, fate, reason, label, latency_ms FROM predictions ORDER BY position")
    assert rows == [
        {"prediction_id": "a", "fate": "used", "reason": "", "label": None, "latency_ms": None},
        {"prediction_id": "b", "fate": "duplicate", "reason": "seen before", "label": None, "latency_ms": None},
    ]


def test_a_filter_on_a_view_reaches_the_table(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("ledger", 0, run(block("prediction", ["a", "b"], 0))))
    write(settings, ("panes", 0, [Record(0, 0, encode_rows([lineage(), pane(0), feature((1, 2, 3, 0))]))]))
    for view, time, part in (
        ("predictions", "event_time", "toYYYYMM(event_time)"),
        ("volume_panes", "pane", "toYYYYMM(pane)"),
        ("feature_panes", "pane", "toYYYYMM(pane)"),
        ("feature_bins", "pane", "toYYYYMM(pane)"),
    ):
        sql = f"EXPLAIN indexes = 1 SELECT * FROM {view} WHERE model = 'm' AND {time} > '2013-01-01 00:00:00'"
        plan = "\n".join(str(next(iter(row.values()))) for row in rows_of(client, sql))
        assert f"Condition: ({part} in [201301" in plan, view


def test_label_delay_tells_hours_by_class(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("ledger", 0, run(block("prediction", ["a", "b"], 0), block("label", ["a", "b"], 5))))
    [row] = queries.run(client, "label_delay", {"model": "m"}).to_pylist()
    assert (row["class"], row["labels"], row["p50_h"], row["longest_h"]) == ("1", 2, 5.0, 5.0)


def test_champion_and_challenger_are_compared_on_the_same_predictions(
    client: Client, settings: ClickHouseSettings
) -> None:
    write(settings, ("ledger", 0, run(block("prediction", ["a", "b", "c"], 0), block("label", ["a", "b"], 5))))
    [row] = queries.run(client, "champion_vs_challenger", {"model": "m"}).to_pylist()
    assert (row["champion"], row["challenger"], row["pairs"]) == ("1", "2", 2)
    assert row["champion_log_loss"] == pytest.approx(-math.log(0.2))
    assert row["difference"] == pytest.approx(math.log(0.2) - math.log(0.6))


def lineage() -> LineageRow:
    return LineageRow(
        lineage="L1",
        monitor="mon",
        model="m",
        revision=1,
        reference="sha",
        spec="{}",
        start_ms=0,
        known_ms=T0,
        position=1,
    )


def pane(hour: int) -> PaneRow:
    return PaneRow(
        lineage="L1", monitor="mon", model="m", model_version="1", segment_key="", segment_value="",
        pane_ms=T0 + hour * HOUR, arrival_ms=T0 + hour * HOUR, pane_s=3600, n=10, duplicates=0, invalid=0,
        outliers=-1, labels=0,
        latency_p50_ms=math.nan, latency_p95_ms=math.nan, merged=(), known_ms=T0, position=1,
    )  # fmt: skip


def feature(bins: tuple[int, ...], hour: int = 0) -> FeaturePaneRow:
    return FeaturePaneRow(
        lineage="L1", model="m", model_version="1", segment_key="", segment_value="", pane_ms=T0 + hour * HOUR,
        arrival_ms=T0 + hour * HOUR, feature="distance", n=sum(bins), missing=bins[0], invalid=0, bins=bins,
        levels={}, total=0.0, squares=0.0, low=1.0, high=2.0, known_ms=T0, position=1,
    )  # fmt: skip


def reference(shares: list[float], kind: str = "number") -> Batch:
    return rows_batch("reference_bins_rows", [
        {"reference": "sha", "feature": "distance", "bin": i, "kind": kind, "label": f"bin {i}",
         "lo": math.nan, "hi": math.nan, "ref_count": 1, "ref_share": share} for i, share in enumerate(shares)
    ])  # fmt: skip


def test_a_slice_is_tested_again_from_bins_alone(client: Client, settings: ClickHouseSettings) -> None:
    shares = [0.1, 0.2, 0.3, 0.4]
    write(
        settings,
        (
            "panes",
            0,
            [Record(0, 0, encode_rows([lineage(), pane(0), feature((0, 2, 8, 10)), feature((5, 0, 5, 0), 1)]))],
        ),
    )
    client.insert_arrow("reference_bins_rows", reference(shares).data)
    [row] = queries.run(client, "retest_slice", {"model": "m"}).to_pylist()
    now = np.array([5, 2, 13, 10]) / 30
    ref = np.array(shares)
    assert row["rows"] == 30
    assert row["psi"] == pytest.approx(float(np.sum((now - ref) * np.log((now + 1e-4) / (ref + 1e-4)))))
    middle = (now + ref) / 2
    js = 0.5 * np.sum(now * np.log2(now / middle) + ref * np.log2(ref / middle))
    assert row["js"] == pytest.approx(float(np.sqrt(js)))


def test_levels_come_from_bins_once_there_is_a_reference(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("panes", 0, [Record(0, 0, encode_rows([lineage(), pane(0), feature((1, 2, 3, 0))]))]))
    client.insert_arrow("reference_bins_rows", reference([0.1, 0.2, 0.3, 0.4], "category").data)
    assert rows_of(client, "SELECT level, count, is_new FROM feature_levels ORDER BY level") == [
        {"level": "bin 1", "count": 2, "is_new": True},
        {"level": "bin 2", "count": 3, "is_new": False},
    ]


def test_a_reader_reads_views_and_writes_nothing(
    client: Client, settings: ClickHouseSettings, clickhouse: ClickHouseServer
) -> None:
    write(settings, ("panes", 0, [Record(0, 0, encode_rows([lineage(), pane(0)]))]))
    as_reader = settings.model_copy(
        update={"user": clickhouse.reader, "password": SecretStr(clickhouse.reader_password)}
    )
    reader = connect(as_reader)
    assert rows_of(reader, "SELECT n FROM volume_panes") == [{"n": 10}]
    assert (
        queries.run(reader, "performance_known_then_and_now", {"model": "m", "known": "2013-01-01 00:00:00"}).num_rows
        == 0
    )
    with pytest.raises(DatabaseError):
        reader.command("TRUNCATE TABLE panes_rows")
    reader.close()


def test_a_query_says_which_parameter_is_wrong_or_missing(client: Client) -> None:
    with pytest.raises(ValueError, match="there is no query 'nonsense'"):
        queries.run(client, "nonsense", {})
    with pytest.raises(ValueError, match="needs a value for 'model'"):
        queries.run(client, "drift_top", {})
    with pytest.raises(ValueError, match="has no parameter 'modle'"):
        queries.run(client, "drift_top", {"modle": "m"})
