"""What people read on the real engine: views, their dictionary, and the named queries."""

from __future__ import annotations

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from stream.clickhouse import dictionary, queries
from stream.folds.rows import IncidentRow
from stream.settings import ClickHouseSettings
from tests.integration.clickhouse_database import rows_of, write
from tests.integration.clickhouse_rows import (
    HOUR,
    T0,
    confusion,
    conservation,
    disparity,
    estimate,
    everything,
    feature,
    incident,
    lineage,
    pane,
    performance,
    results,
    statistics,
)

pytestmark = pytest.mark.integration


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
