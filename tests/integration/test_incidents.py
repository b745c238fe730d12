"""Incidents on the real engine: explained, with causes from raw rows, answers of people, and the realised budget."""

from __future__ import annotations

import json

import numpy as np
import pytest
from clickhouse_connect.driver.client import Client
from msgspec.structs import replace
from streamgauge.events import LabelEvent, PredictionEvent
from streamgauge.spec import MonitorSpec

from stream.folds.base import Record
from stream.folds.blocks import Block, Fact, Source, encode_entry, place
from stream.folds.frame_events import frame_of
from stream.folds.rows import IncidentRow, LineageRow, PaneRow, Result, VerdictRow, encode_rows
from stream.ops import blame, blame_moved, blame_rows, explain, explain_reads, incident, incident_act
from stream.settings import ClickHouseSettings
from tests.integration.clickhouse_database import empty, rows_of, write

pytestmark = pytest.mark.integration

HOUR = 3_600_000
T0 = 1_357_002_000_000  # 2013-01-01T01:00Z
PANES, EACH, ONSET = 60, 100, 50
SPEC = MonitorSpec.from_yaml("""
monitor: mon
model: m
task: binary
pane: 1h
features: {distance: {type: number}, origin: {type: category}}
segments: [origin]
performance: {metric: log_loss, tolerance: 0.02}
""")


@pytest.fixture
def client(database: Client, settings: ClickHouseSettings) -> Client:
    empty(database)
    write(settings, ("panes", 0, results(lineage(), *(pane(hour) for hour in range(PANES)), verdict(), incident_row())))
    return database


def results(*rows: Result) -> list[Record]:
    return [Record(0, T0, encode_rows(list(rows)))]


def lineage() -> LineageRow:
    return LineageRow(
        lineage="L1", monitor="mon", model="m", revision=1, reference="ref", spec=SPEC.to_json(), start_ms=T0,
        known_ms=T0, position=1,
    )  # fmt: skip


def pane(hour: int) -> PaneRow:
    return PaneRow(
        lineage="L1", monitor="mon", model="m", model_version="1", segment_key="", segment_value="",
        pane_ms=T0 + hour * HOUR, arrival_ms=T0 + hour * HOUR, pane_s=3600, n=EACH, duplicates=0, invalid=0, labels=0,
        outliers=0,
        latency_p50_ms=float("nan"), latency_p95_ms=float("nan"), merged=((0, 7),), known_ms=T0, position=5,
    )  # fmt: skip


def verdict(**changes: object) -> VerdictRow:
    made = VerdictRow(
        id="vd-7f3a91", lineage="L1", monitor="mon", model="m", pane_ms=T0 + 55 * HOUR, pane_s=4 * 3600, segment_key="",
        segment_value="", target="distance", kind="drift", status="warning", statistic=12.0, threshold=9.9, p=1e-6,
        n=400, n_eff=300.0, evidence_days=118.0, budget_days=90.0, effect=0.3, effect_name="js", floor=0.05,
        lo=float("nan"), hi=float("nan"), reason="distance moved", known_ms=T0, position=5,
    )  # fmt: skip
    return replace(made, **changes)


def incident_row(**changes: object) -> IncidentRow:
    made = IncidentRow(
        id="INC-142", lineage="L1", monitor="mon", model="m", kind="drift", level="page", title="m: distance drifted",
        features=("distance",), opened_ms=T0 + 56 * HOUR, closed_ms=0, since_ms=T0 + ONSET * HOUR,
        verdicts=("vd-7f3a91",), evidence_days=118.0, budget_days=90.0, known_ms=T0, position=5,
    )  # fmt: skip
    return replace(made, **changes)


class Sent:
    """What was sent: from the onset on one producer sends kilometres from one airport."""

    def __init__(self) -> None:
        g, n = np.random.default_rng(1), PANES * EACH
        self.ms = T0 + np.arange(n) * HOUR // EACH
        self.source, self.origin = g.choice(["feed-1", "feed-2"], n), g.choice(["JFK", "ORD", "DEN"], n)
        is_hit = (self.ms >= T0 + ONSET * HOUR + 7 * 60_000) & (self.source == "feed-2") & (self.origin == "ORD")
        self.first = int(np.flatnonzero(is_hit)[0])
        self.distance = np.round(g.lognormal(6.5, 0.5, n)) * np.where(is_hit, 8.0, 1.0)
        self.score = np.where(self.origin == "DEN", 0.1, g.random(n))

    def event(self, i: int) -> PredictionEvent:
        return PredictionEvent(
            prediction_id=f"p{i}", model="m", version="1", event_time_ms=int(self.ms[i]), source=str(self.source[i]),
            score=float(self.score[i]), features={"distance": float(self.distance[i]), "origin": str(self.origin[i])},
        )  # fmt: skip

    def label(self, i: int) -> LabelEvent:
        return LabelEvent(prediction_id=f"p{i}", model="m", event_time_ms=int(self.ms[i]) + HOUR, label=float(i % 2))

    def write(self, settings: ClickHouseSettings, labels: bool = False) -> None:
        """Write all rows, some of them twice."""
        for partition in range(3):
            mine = range(partition, len(self.ms), 3)
            blocks = [_block("predictions", partition, [self.event(i) for i in mine])]
            blocks += [_block("labels", partition, [self.label(i) for i in mine])] if labels else []
            records = [Record(i, T0, encode_entry(block)) for i, block in enumerate([*blocks, blocks[0]])]
            write(settings, ("ledger", partition, records))


def _block(topic: str, partition: int, events: list[PredictionEvent] | list[LabelEvent]) -> Block:
    frame = frame_of(events, [place(i) for i in range(len(events))])
    return Block(Source(topic, "id-1", partition), place(0) - 1, place(len(events) - 1), frame)


def test_an_incident_names_the_producer_the_airport_and_the_first_row(
    client: Client, settings: ClickHouseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Sent()
    sent.write(settings)
    found = incident.incident(client, "INC-1")
    [cause] = blame.of_incident(client, found)
    assert cause.rows_after == 6 * EACH
    assert cause.carriers[0].where == {"source": "feed-2", "origin": "ORD"}
    assert cause.carriers[0].carried > 0.7
    assert cause.first is not None
    place_of = int(cause.first.prediction_id[1:])
    assert sent.first <= place_of <= sent.first + 60
    assert (cause.first.partition, cause.first.offset) == (place_of % 3, place_of // 3)
    assert [one.id for one in found.verdicts] == ["vd-7f3a91"]
    assert blame.of_incident(client, found) == [cause]

    # Of a sample the same producer is named, and the first row is looked for among all.
    monkeypatch.setattr(blame_rows, "MOST_ROWS", 4_000)
    [sampled] = blame.of_incident(client, found)
    assert sampled.rows_after < 0.6 * cause.rows_after
    assert sampled.carriers[0].where == cause.carriers[0].where
    assert sampled.first is not None
    assert abs(int(sampled.first.prediction_id[1:]) - sent.first) <= 60


def test_lost_performance_is_searched_by_the_rows_that_have_labels(
    client: Client, settings: ClickHouseSettings
) -> None:
    sent = Sent()
    is_after = sent.ms >= T0 + ONSET * HOUR
    sent.score = np.where(is_after & (sent.origin == "JFK"), np.where(np.arange(len(is_after)) % 2, 0.02, 0.98), 0.5)
    sent.write(settings, labels=True)
    row = incident_row(kind="performance", features=(), id="INC-7", position=9)
    write(settings, ("verdicts", 0, results(row)))
    found = incident.incident(client, "INC-7")
    [cause] = blame.of_incident(client, found)
    assert cause.carriers[0].where == {"origin": "JFK"}
    assert cause.mean_before == pytest.approx(np.log(2))
    assert cause.mean_after is not None
    assert cause.mean_after > 1.5

    # One producer's distances changed then as well: that is told, apart from the causes.
    together = blame_moved.of_incident(client, found)
    assert together is not None
    assert [one.feature for one in together.compared.moved] == ["distance"]
    assert (together.compared.panes, found.features) == (3, [])
    assert "windows of the time before" in together.sentence


def test_verdicts_and_non_verdicts_are_explained_from_what_is_stored(
    client: Client, settings: ClickHouseSettings
) -> None:
    quiet = verdict(id="vd-00", target="origin", status="stable", evidence_days=0.2, effect=0.01, statistic=1.0, p=0.3)
    write(settings, ("verdicts", 0, results(quiet)))
    found = explain.verdict(client, "vd-7f")
    assert (found.from_ms, found.to_ms) == (T0 + 52 * HOUR, T0 + 56 * HOUR)
    assert [one["id"] for one in found.incidents] == ["INC-142"]
    assert found.keys.is_sure
    other = explain.target(client, "m", "origin")
    assert isinstance(other, explain.Explained)
    assert other.sentences[2] == "No alarm: neither proven nor large."
    assert len(explain_reads.newest_verdicts(client, "m", explain.NOW_MS)) == 2
    silent = explain.target(client, "m", "log_loss")
    assert isinstance(silent, explain.Silence)
    assert silent.sentences[0].startswith("no pane is mature yet: 60 final panes with 6,000 rows, and labels must")
    assert "no monitor watches" in explain.silence(client, "n", "x").sentences[0]


def feedback(answer: str, at_ms: int, name: str = "INC-142") -> Record:
    said = {
        "id": f"fb-{at_ms}", "command": "feedback", "model": "m", "who": "ann", "at_ms": at_ms,
        "args": {"incident": name, "answer": answer, "note": ""},
    }  # fmt: skip
    fact = Fact(Source("commands", "id-9", 0), -1, place(at_ms - T0), b"m", json.dumps(said).encode())
    return Record(at_ms - T0, T0, encode_entry(fact))


def test_the_realised_rate_stands_beside_the_allowed_one(client: Client, settings: ClickHouseSettings) -> None:
    [row] = incident_act.budgets(client)
    assert (row["exposure_d"], row["allowed"], row["pages"]) == (2.5, pytest.approx(2.5 / 90), 1)
    assert (row["false_pages"], row["unanswered"], row["rate"], row["rate_lo"]) == (0, 1, 0.0, 0.0)
    assert row["rate_hi"] == pytest.approx(5.572 / (2.5 / 90), rel=0.01)  # exact: chi-square

    said = [feedback("real", T0 + 1), feedback("false", T0 + 2)]
    write(settings, *(("ledger", partition, said) for partition in range(3)))
    answers = rows_of(client, "SELECT answer, by, is_now FROM feedback ORDER BY at")
    assert answers == [
        {"answer": "real", "by": "ann", "is_now": False},
        {"answer": "false", "by": "ann", "is_now": True},
    ]
    [row] = incident_act.budgets(client, "m")
    assert (row["false_pages"], row["unanswered"], row["rate"]) == (1, 0, pytest.approx(90 / 2.5))
    assert row["rate_lo"] == pytest.approx(0.02532 * 90 / 2.5, rel=0.01)


def test_a_new_reference_needs_panes_enough_since_the_onset(client: Client) -> None:
    [row] = explain_reads.incidents(client, "m", is_open=True, most=9)
    with pytest.raises(incident_act.ActionError, match="10 panes of 1h since 2013-01-03 03:00:00Z: too few"):
        incident_act.new_normal(client, row)
    early = row | {"since_ms": T0}
    wanted = incident_act.new_normal(client, early)
    assert (wanted.from_ms, wanted.to_ms) == (T0, T0 + PANES * HOUR)
