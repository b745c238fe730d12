"""Tables, views, sink and reads on the real engine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from pydantic import SecretStr

from stream.clickhouse import dictionary, queries, read
from stream.clickhouse.client import ClickHouseRefused, ClickHouseUnreachable, connect
from stream.clickhouse.migrate import Migration, MigrationError, migrate, migrate_database, migrations
from stream.clickhouse.sink import Sink
from stream.folds.base import Record
from stream.folds.rows import (
    ConfusionRow,
    ConservationRow,
    DisparityRow,
    EstimateRow,
    FateRow,
    FeaturePaneRow,
    IncidentRow,
    LineageRow,
    PaneRow,
    PerformanceRow,
    Result,
    RetrainRow,
    RoleRow,
    StatisticsRow,
    VerdictRow,
    encode_rows,
)
from stream.settings import ClickHouseSettings
from tests.integration.clickhouse_database import empty, rows_of, write

if TYPE_CHECKING:
    from tests.conftest import ClickHouseServer

pytestmark = pytest.mark.integration

HOUR = 3_600_000
T0 = 1_357_002_000_000  # 2013-01-01T01:00Z


@pytest.fixture(scope="module")
def settings(clickhouse: ClickHouseServer) -> ClickHouseSettings:
    return ClickHouseSettings(
        url=clickhouse.url, user=clickhouse.user, password=SecretStr(clickhouse.password), database="sg_test"
    )


@pytest.fixture(scope="module")
def database(settings: ClickHouseSettings) -> Iterator[Client]:
    migrate_database(settings)
    client = connect(settings)
    yield client
    client.command(f"DROP DATABASE {settings.database}")
    client.close()


@pytest.fixture
def client(database: Client) -> Client:
    return empty(database)


def results(*rows: Result, position: int = 0) -> list[Record]:
    return [Record(position, T0, encode_rows(list(rows)))]


def lineage(name: str = "L1", revision: int = 1, start_ms: int = 0, position: int = 1) -> LineageRow:
    return LineageRow(
        lineage=name, monitor="mon", model="m", revision=revision, reference="ref", spec="{}",
        start_ms=start_ms, known_ms=T0, position=position,
    )  # fmt: skip


def pane(hour: int, arrival: int | None = None, n: int = 10, name: str = "L1", position: int = 5) -> PaneRow:
    return PaneRow(
        lineage=name, monitor="mon", model="m", model_version="1", segment_key="", segment_value="",
        pane_ms=T0 + hour * HOUR, arrival_ms=T0 + (hour if arrival is None else arrival) * HOUR, pane_s=3600, n=n,
        duplicates=1, invalid=0, outliers=-1, labels=n // 2, latency_p50_ms=float("nan"), latency_p95_ms=3.0,
        merged=((0, 7), (1, 9)), known_ms=T0 + (arrival or hour) * HOUR, position=position,
    )  # fmt: skip


def feature(hour: int, bins: tuple[int, ...] = (1, 2, 3, 4, 0), **changes: object) -> FeaturePaneRow:
    values: dict[str, object] = {
        "lineage": "L1", "model": "m", "model_version": "1", "segment_key": "", "segment_value": "",
        "pane_ms": T0 + hour * HOUR, "arrival_ms": T0 + hour * HOUR, "feature": "distance", "n": sum(bins),
        "missing": bins[0] if bins else 0, "invalid": 0, "bins": bins, "levels": {}, "total": 18.0, "squares": 54.0,
        "low": 1.0, "high": 9.0, "known_ms": T0 + hour * HOUR, "position": 5,
    }  # fmt: skip
    return FeaturePaneRow(**{**values, **changes})  # type: ignore[arg-type]


def statistics(hour: int) -> StatisticsRow:
    return StatisticsRow(
        lineage="L1", model="m", segment_key="", segment_value="", pane_ms=T0 + hour * HOUR, feature="distance", n=10,
        missing_share=0.1, unseen_share=0.0, psi=0.2, js=0.1, ks=0.3, w1=0.4, tv=0.5, mean_shift_sd=float("nan"),
        mean=2.0, sd=1.0, known_ms=T0 + hour * HOUR, position=5,
    )  # fmt: skip


def performance(hour: int, arrival: int, value: float, mature: bool = True, segment: str = "") -> PerformanceRow:
    return PerformanceRow(
        lineage="L1", model="m", model_version="1", segment_key="origin" if segment else "", segment_value=segment,
        pane_ms=T0 + hour * HOUR, arrival_ms=T0 + arrival * HOUR, metric="log_loss", value=value, lo=value - 0.1,
        hi=value + 0.1, tolerated=0.5, rows=10, labels=8, maturity=0.8, is_mature=mature, tp=3, fp=1, fn=0, tn=4,
        brier=0.2, ece=float("nan"),
        known_ms=T0 + arrival * HOUR, position=5 + arrival,
    )  # fmt: skip


def confusion(arrival: int, *counts: int) -> ConfusionRow:
    return ConfusionRow(
        lineage="L1", model="m", model_version="1", segment_key="", segment_value="", pane_ms=T0,
        arrival_ms=T0 + arrival * HOUR, predicted=("a", "a", "b"), truth=("a", "b", "b"), counts=counts, maturity=1.0,
        is_mature=True, known_ms=T0 + arrival * HOUR, position=5 + arrival,
    )  # fmt: skip


def disparity(arrival: int, value: float) -> DisparityRow:
    return DisparityRow(
        lineage="L1", model="m", model_version="1", segment_key="sex", segment_value="F", pane_ms=T0,
        arrival_ms=T0 + arrival * HOUR, metric="accuracy", value=value, rest=0.5, difference=value - 0.5,
        lo=value - 0.6, hi=value - 0.4, n=100, rest_n=300, maturity=1.0, is_mature=True,
        known_ms=T0 + arrival * HOUR, position=5 + arrival,
    )  # fmt: skip


def estimate(hour: int, measured: float = float("nan")) -> EstimateRow:
    return EstimateRow(
        lineage="L1", model="m", model_version="", segment_key="", segment_value="", pane_ms=T0 + hour * HOUR,
        metric="log_loss", estimate=0.5, lo=0.4, hi=0.6, n=10, settled=measured == measured, measured=measured,  # noqa: PLR0124
        inside=0.4 <= measured <= 0.6, coverage=1.0, weight=1.0, known_ms=T0 + hour * HOUR, position=5 + hour,
    )  # fmt: skip


def verdict(target: str = "distance", kind: str = "drift", status: str = "drift") -> VerdictRow:
    return VerdictRow(
        id=f"vd-{target}", lineage="L1", monitor="mon", model="m", pane_ms=T0, pane_s=3600,
        segment_key="", segment_value="",
        target=target, kind=kind,
        status=status, statistic=9.0, threshold=5.0, p=1e-6, n=10,
        n_eff=9.0, evidence_days=400.0, budget_days=90.0,
        effect=0.3, effect_name="psi", floor=0.1,
        lo=float("nan"), hi=float("nan"), reason="distance moved", known_ms=T0, position=5,
    )  # fmt: skip


def incident(position: int, closed_ms: int = 0) -> IncidentRow:
    return IncidentRow(
        id="INC-1", lineage="L1", monitor="mon", model="m", kind="performance", level="page", title="m lost log loss",
        features=("distance",), opened_ms=T0, closed_ms=closed_ms, since_ms=T0 - HOUR, verdicts=("vd-distance",),
        evidence_days=400.0, budget_days=90.0, known_ms=T0 + position, position=position,
    )  # fmt: skip


def retrain(position: int, step: str) -> RetrainRow:
    return RetrainRow(
        id="rt-1", model="m", monitor="mon", lineage="L1", incident="INC-1", trigger="performance", reason="it lost",
        step=step, version="2", verdict="", cut=((0, 7), (1, 9)), known_ms=T0 + position, position=position,
    )  # fmt: skip


def role(version: str, name: str, position: int) -> RoleRow:
    return RoleRow(
        model="m", model_version=version, role=name, since_ms=T0 + position, actor="decide", reason="first",
        known_ms=T0, position=position,
    )  # fmt: skip


def conservation(partition: int, source: str, position: int, received: int = 10) -> ConservationRow:
    return ConservationRow(
        model="m", kind="prediction", source=source, partition=partition, received=received, used=received - 3,
        duplicate=1, late_used=1, invalid=0, unmatched=0, pending=1, known_ms=T0, position=position,
    )  # fmt: skip


def fate(place: int) -> FateRow:
    return FateRow(
        topic="predictions", partition=0, place=place, model="m", prediction_id="a", kind="prediction",
        fate="duplicate", reason="seen before", known_ms=T0, position=1,
    )  # fmt: skip


def everything() -> list[Result]:
    return [
        lineage(), pane(0), pane(1), pane(0, arrival=2, n=1), feature(0), feature(1),
        feature(0, (), feature="carrier", levels={"UA": 3, "AA": 2}, low=float("nan"), high=float("nan")),
        statistics(0), performance(0, 1, 0.3), performance(0, 3, 0.4), performance(0, 1, 0.6, segment="JFK"),
        confusion(1, 40, 9, 50), confusion(2, 40, 10, 50), disparity(1, 0.6), disparity(2, 0.75),
        verdict(), verdict("log_loss", "performance", "stable"), estimate(0, 0.45), estimate(1), incident(5),
        incident(9, T0 + HOUR),
        retrain(5, "requested"), retrain(9, "shadow"), retrain(9, "promoted"),
        role("1", "champion", 5), role("2", "shadow", 6), role("2", "champion", 9), role("1", "retired", 9),
        conservation(0, "a", 5), conservation(0, "a", 4, 7), conservation(1, "b", 5), fate(0),
    ]  # fmt: skip


def digest(client: Client, table: str) -> list[str]:
    return sorted(str(row) for row in rows_of(client, f"SELECT * FROM {table} FINAL"))


def test_migrating_again_changes_nothing(client: Client) -> None:
    assert migrate(client) == []
    numbers = rows_of(client, "SELECT number FROM migrations FINAL ORDER BY number")
    assert [row["number"] for row in numbers] == [migration.number for migration in migrations()]


def test_a_changed_migration_and_a_newer_database_are_refused(client: Client) -> None:
    known = migrations()
    changed = [Migration(known[0].number, known[0].title, "0" * 64, known[0].statements), *known[1:]]
    with pytest.raises(MigrationError, match="was changed after it was applied"):
        migrate(client, changed)
    with pytest.raises(MigrationError, match="this code ends at"):
        migrate(client, known[:-1])


def test_a_migration_that_fails_says_which_statement(client: Client) -> None:
    broken = Migration(len(migrations()) + 1, "9999_broken", "0" * 64, ("SELECT 1", "SELECT nonsense FROM nowhere"))
    with pytest.raises(MigrationError, match=r"9999_broken\.sql, statement 2"):
        migrate(client, [*migrations(), broken])


def test_rows_may_come_twice_and_in_any_order(client: Client, settings: ClickHouseSettings) -> None:
    rows = everything()
    write(settings, ("panes", 0, results(*rows)))
    tables = [row["name"] for row in rows_of(client, "SHOW TABLES LIKE '%_rows'")]
    before = {table: digest(client, str(table)) for table in tables}
    write(settings, ("panes", 0, results(*reversed(rows))), ("panes", 1, results(*rows[::2])))
    assert {table: digest(client, str(table)) for table in tables} == before


def test_the_lower_position_loses(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("panes", 0, results(pane(0, n=5, position=9))))
    write(settings, ("panes", 0, results(pane(0, n=4, position=8))))
    assert rows_of(client, "SELECT n, merged FROM panes_rows FINAL") == [
        {"n": 5, "merged": [{"partition": 0, "position": 7}, {"partition": 1, "position": 9}]}
    ]


def test_every_view_answers(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("panes", 0, results(*everything())))
    names = [row["view"] for row in rows_of(client, "SELECT DISTINCT view FROM dictionary")]
    for name in names:
        rows_of(client, f"SELECT * FROM {name} LIMIT 5")
    filled = {name for name in names if rows_of(client, f"SELECT 1 FROM {name} LIMIT 1")}
    raw = {"predictions", "labels", "dead_letters", "alerts_sent", "versions", "monitors", "spec_revisions"}
    raw |= {"lineage_switches", "feedback", "investigations"}
    assert set(names) - filled == raw


def test_amendments_add_up_and_are_told(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("panes", 0, results(lineage(), pane(0), pane(0, arrival=2, n=1), pane(1))))
    sql = "SELECT n, labels, coverage, duplicates, amended, latency_p50_ms, pane_s FROM volume_panes ORDER BY pane"
    same = {"labels": 5, "latency_p50_ms": None, "pane_s": 3600}
    assert rows_of(client, sql) == [
        same | {"n": 11, "coverage": 5 / 11, "duplicates": 2, "amended": True},
        same | {"n": 10, "coverage": 0.5, "duplicates": 1, "amended": False},
    ]


def test_what_was_known_then_differs_from_now_after_an_amendment(client: Client, settings: ClickHouseSettings) -> None:
    rows = lineage(), pane(0), performance(0, 1, 0.3), performance(0, 3, 0.4), feature(0), feature(0, arrival_ms=T0 + HOUR, known_ms=T0 + HOUR)  # fmt: skip  # noqa: E501
    write(settings, ("panes", 0, results(*rows)))
    then = "(known = '2013-01-01 02:00:00')"
    assert rows_of(client, f"SELECT value, amended FROM performance_panes_known{then}") == [
        {"value": 0.3, "amended": False}
    ]
    assert rows_of(client, "SELECT value, amended FROM performance_panes") == [{"value": 0.4, "amended": True}]
    assert rows_of(client, "SELECT n FROM feature_panes_known(known = '2013-01-01 01:00:00')") == [{"n": 10}]
    assert rows_of(client, "SELECT n FROM feature_panes") == [{"n": 20}]


def test_feature_panes_hold_sums_moments_and_effects(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("panes", 0, results(lineage(), pane(0), feature(0), statistics(0))))
    [row] = rows_of(client, "SELECT * FROM feature_panes")
    assert (row["n"], row["missing"], row["below"], row["above"], row["unseen"]) == (10, 1, 2, 0, 0)
    assert (row["mean"], row["sd"], row["low"], row["high"]) == (2.0, pytest.approx(2**0.5), 1.0, 9.0)
    assert (row["psi"], row["mean_shift_sd"], row["amended"]) == (0.2, None, False)


def test_each_pane_is_shown_of_one_lineage(client: Client, settings: ClickHouseSettings) -> None:
    switch = T0 + 2 * HOUR
    old = [pane(h, name="L1") for h in range(4)]
    new = [pane(h, name="L2", n=20) for h in range(1, 5)]
    both = lineage("L1"), lineage("L2", revision=2, start_ms=switch, position=8)
    write(settings, ("panes", 0, results(*both, *old, *new)))
    assert [row["n"] for row in rows_of(client, "SELECT n FROM volume_panes ORDER BY pane")] == [10, 10, 20, 20, 20]
    assert rows_of(client, "SELECT lineage FROM lineages WHERE is_live") == [{"lineage": "L2"}]


def test_a_lineage_is_shown_until_the_next_one_has_rows(client: Client, settings: ClickHouseSettings) -> None:
    three = [lineage(f"L{i}", revision=i, start_ms=T0 * (i > 1), position=i) for i in (1, 2, 3)]
    write(settings, ("panes", 0, results(*three, *(pane(h) for h in range(3)), pane(1, n=0, name="L2"))))
    assert [row["n"] for row in rows_of(client, "SELECT n FROM volume_panes ORDER BY pane")] == [10, 10, 10]
    write(settings, ("panes", 0, results(pane(2, n=20, name="L3"), pane(0, arrival=2, n=1, name="L3"))))
    assert [row["n"] for row in rows_of(client, "SELECT n FROM volume_panes ORDER BY pane")] == [10, 10, 20]


def test_conservation_sums_the_newest_of_each_key(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("panes", 0, results(conservation(0, "a", 5), conservation(0, "a", 4, 7), conservation(1, "b", 5))))
    [row] = rows_of(client, "SELECT received, used, difference FROM conservation")
    assert row == {"received": 20, "used": 14, "difference": 0}
    assert len(rows_of(client, "SELECT * FROM producers")) == 2


def test_a_gap_that_every_ledger_partition_saw_is_one_gap(client: Client, settings: ClickHouseSettings) -> None:
    seen = [conservation(p, source, 5) for p in (0, 1, 2) for source in ("predictions/0", "predictions/1")]
    gaps = [
        msgspec.structs.replace(
            row, model="", kind="gap", received=received, used=0, duplicate=0, invalid=0, late_used=0
        )
        for row, received in zip(seen, (7, 3, 7, 3, 7, 3), strict=True)
    ]
    write(settings, ("panes", 0, results(*gaps)))
    [row] = rows_of(client, "SELECT kind, received, difference FROM conservation")
    assert row == {"kind": "gap", "received": 10, "difference": 10}


def test_models_now_says_whether_someone_must_act(client: Client, settings: ClickHouseSettings) -> None:
    rows = [row for row in everything() if not isinstance(row, IncidentRow)]
    write(settings, ("panes", 0, results(*rows)))
    [row] = rows_of(client, "SELECT * FROM models_now")
    assert (row["status"], row["reason"], row["model_version"]) == ("drift", "distance moved", "2")
    assert (row["metric"], row["performance"], row["tolerated"]) == ("log_loss", 0.4, 0.5)
    write(settings, ("verdicts", 0, results(incident(5))))
    [row] = rows_of(client, "SELECT status, reason, incident FROM models_now")
    assert row == {"status": "page", "reason": "m lost log loss", "incident": "INC-1"}


def test_states_are_the_newest_and_their_history_stays(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("panes", 0, results(*everything())))
    assert rows_of(client, "SELECT id, is_open FROM incidents") == [{"id": "INC-1", "is_open": False}]
    events = rows_of(client, "SELECT event FROM incident_events ORDER BY at")
    assert [row["event"] for row in events] == ["opened", "closed"]
    assert rows_of(client, "SELECT step, outcome FROM retrains") == [{"step": "promoted", "outcome": "promoted"}]
    assert len(rows_of(client, "SELECT * FROM retrain_events")) == 3
    now = rows_of(client, "SELECT model_version, role FROM roles WHERE isNull(`to`) ORDER BY 1")
    assert now == [{"model_version": "1", "role": "retired"}, {"model_version": "2", "role": "champion"}]


def test_the_dictionary_in_the_docs_is_up_to_date(client: Client) -> None:
    assert dictionary.DOCUMENT.read_text() == dictionary.markdown(dictionary.read(client))


def test_every_column_of_every_view_has_a_meaning(client: Client) -> None:
    assert [row for row in rows_of(client, "SELECT * FROM dictionary") if not row["meaning"]] == []


def test_every_named_query_runs(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("panes", 0, results(*everything())))
    about_rows = {"label_delay", "champion_vs_challenger"}
    for name in queries.QUERIES:
        known = {"known": "2013-01-01 02:00:00"} if "known" in queries.QUERIES[name].parameters else {}
        answer = queries.run(client, name, {"model": "m"} | known)
        assert (answer.num_rows > 0) == (name not in about_rows), name


def test_the_queries_that_analysts_know_run_as_they_are(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("panes", 0, results(*everything())))
    then_and_now = """
        SELECT pane, t.value AS then_known, n.value AS now_known, n.maturity
        FROM streamgauge.performance_panes_known(known='2013-01-01 02:00:00') t
        JOIN streamgauge.performance_panes n USING (model, model_version, segment_key, segment_value, metric, pane)
        WHERE model = 'm' AND segment_key = '' AND metric = 'log_loss' ORDER BY pane"""
    [row] = rows_of(client, then_and_now.replace("streamgauge", settings.database))
    assert (row["then_known"], row["now_known"]) == (0.3, 0.4)
    retest = """
        SELECT feature, sum((c/n - r) * log((c/n + 1e-4) / (r + 1e-4))) AS psi
        FROM (SELECT feature, bin, sum(count) AS c, any(ref_share) AS r, sum(c) OVER (PARTITION BY feature) AS n
              FROM streamgauge.feature_bins
              WHERE model = 'm' AND pane BETWEEN '2012-12-31 14:00:00' AND '2013-01-18 18:00:00' AND segment_value = ''
              GROUP BY feature, bin)
        GROUP BY feature ORDER BY psi DESC"""
    assert [row["feature"] for row in rows_of(client, retest.replace("streamgauge", settings.database))] == ["distance"]


def test_nothing_is_acknowledged_while_clickhouse_is_away(client: Client, settings: ClickHouseSettings) -> None:
    away = [True, True]

    def connect_client() -> Client:
        if away:
            away.pop()
            raise ClickHouseUnreachable("no answer")
        return connect(settings)

    async def go() -> None:
        sink = Sink(connect_client)
        writing = asyncio.create_task(sink.write({("panes", 0): results(pane(0))}))
        while away:
            assert not writing.done()
            await asyncio.sleep(0.01)
        assert await writing == []
        await sink.close()

    asyncio.run(go())
    assert len(rows_of(client, "SELECT * FROM panes_rows")) == 1


def test_rows_that_no_wait_mends_are_refused(client: Client, settings: ClickHouseSettings) -> None:
    without_tables = settings.model_copy(update={"database": "default"})

    async def go() -> None:
        sink = Sink.of(without_tables)
        with pytest.raises(ClickHouseRefused, match="refused 1 rows for table panes_rows"):
            await sink.write({("panes", 0): results(pane(0))})
        await sink.close()

    asyncio.run(go())


def test_errors_of_connecting_say_what_to_do(settings: ClickHouseSettings) -> None:
    with pytest.raises(ClickHouseRefused, match="streamgauge migrate"):
        connect(settings.model_copy(update={"database": "sg_test_none"}))
    wrong = settings.model_copy(update={"password": SecretStr("wrong")})
    with pytest.raises(ClickHouseRefused, match="STREAMGAUGE_CLICKHOUSE__USER"):
        connect(wrong, database="system")
    nowhere = settings.model_copy(update={"url": "http://127.0.0.1:21299"})
    with pytest.raises(ClickHouseUnreachable, match="streamgauge up"):
        connect(nowhere, wait_s=0)


def test_nothing_stored_is_no_position(client: Client) -> None:
    assert read.stored_positions(client) == {}
    assert not read.has_stored(client, {0: 0})


def test_classes_and_groups_are_shown_as_known_now(client: Client, settings: ClickHouseSettings) -> None:
    rows = (
        confusion(1, 40, 9, 50),
        confusion(2, 40, 10, 50),
        disparity(1, 0.6),
        disparity(2, 0.75),
        performance(0, 1, 0.3),
    )
    write(settings, ("panes", 0, results(lineage(), *rows)))
    classes = rows_of(
        client, "SELECT class, n, predicted, tp, fp, fn, tn, precision, recall FROM class_panes ORDER BY class"
    )
    shares = rows_of(client, "SELECT precision_lo, precision_hi FROM class_panes WHERE class = 'a'")
    groups = rows_of(client, "SELECT value, difference, n FROM disparities")
    counted = rows_of(client, "SELECT tp, fp, fn, tn, brier, ece FROM performance_panes")

    assert classes == [
        {
            "class": "a",
            "n": 40,
            "predicted": 50,
            "tp": 40,
            "fp": 10,
            "fn": 0,
            "tn": 50,
            "precision": 0.8,
            "recall": 1.0,
        },
        {
            "class": "b",
            "n": 60,
            "predicted": 50,
            "tp": 50,
            "fp": 0,
            "fn": 10,
            "tn": 40,
            "precision": 1.0,
            "recall": 5 / 6,
        },
    ]
    assert list(shares[0].values()) == pytest.approx([0.6696, 0.8876], abs=1e-4)
    assert groups == [{"value": 0.75, "difference": 0.25, "n": 100}]
    assert counted == [{"tp": 3, "fp": 1, "fn": 0, "tn": 4, "brier": 0.2, "ece": None}]


def test_estimates_have_a_record_once_labels_settled_them(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("panes", 0, results(lineage(), estimate(0, 0.45), estimate(1, 0.75), estimate(2))))
    panes = rows_of(client, "SELECT settled, error, inside FROM estimate_panes ORDER BY pane")
    assert [(row["settled"], row["inside"]) for row in panes] == [(True, True), (True, False), (False, None)]
    [record] = rows_of(client, "SELECT settled, inside, coverage, error FROM estimate_record")
    assert (record["settled"], record["inside"], record["coverage"]) == (2, 1, 0.5)
    assert record["error"] == pytest.approx(-0.1)
