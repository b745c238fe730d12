"""Incidents of the fold become alerts with row numbers, whatever of them the fold tells."""

import json
import math

import numpy as np
import pytest

from stream.backtest.alerts import alerts_of
from stream.backtest.findings import Findings
from stream.backtest.timeline import timeline_of
from stream.folds.base import Output
from stream.folds.rows import PaneRow, VerdictRow, encode_rows

HOUR_MS = 3_600_000
TIMELINE = timeline_of([np.arange(0, 100 * HOUR_MS, HOUR_MS // 4)], HOUR_MS, 0)
"""Four rows an hour, from 1970 on."""


def hour(n):
    return f"1970-01-{1 + n // 24:02}T{n % 24:02}:00:00.000Z"


def alert(state="open", **changes):
    told = {
        "incident": "INC-1", "state": state, "level": "info", "kind": "drift", "title": "x drifted", "what": "why",
        "features": ["x"], "where": {"features": ["x"]}, "since": hour(10), "opened": hour(13), "closed": None,
        "sure": {"p": 0.1}, "next": "look",
    }  # fmt: skip
    return Output("alerts", json.dumps(told | changes).encode())


def verdict(pane, target="x", status="drift", kind="drift", effect=0.5, floor=0.1, hours=1):
    row = VerdictRow(
        id="v", lineage="l", monitor="m", model="m", pane_ms=pane * HOUR_MS, pane_s=3_600 * hours, segment_key="",
        segment_value="", target=target, kind=kind, status=status, statistic=0.0, threshold=0.0, p=0.0, n=1,
        n_eff=1.0, evidence_days=1.0, budget_days=90.0, effect=effect, effect_name="js", floor=floor,
        lo=0.0, hi=0.0, reason="", known_ms=0, position=0,
    )  # fmt: skip
    return Output("verdicts", encode_rows([row]))


def pane(number):
    row = PaneRow(
        lineage="l", monitor="m", model="m", model_version="", segment_key="", segment_value="",
        pane_ms=number * HOUR_MS, arrival_ms=number * HOUR_MS, pane_s=3_600, n=4, duplicates=0, invalid=0, outliers=-1,
        labels=0, latency_p50_ms=0.0, latency_p95_ms=0.0, merged=(), known_ms=0, position=0,
    )  # fmt: skip
    return Output("panes", encode_rows([row]))


def reported(*outputs, rows=400):
    found = Findings()
    found.add([pane(99), *outputs], rows)
    return alerts_of(found, TIMELINE)


def test_an_alert_lies_between_its_begin_and_its_last_alarm():
    ((one,), _) = reported(alert(), *(verdict(n) for n in (9, 11, 12, 20)), verdict(30, status="stable"))
    assert (one.first_row, one.last_row, one.from_, one.to) == (
        40,
        83,
        "1970-01-01T10:00:00Z",
        "1970-01-01T21:00:00Z",
    )


def test_a_long_window_that_holds_what_was_seen_before_does_not_move_the_end():
    ((one,), _) = reported(alert(), *(verdict(n) for n in (11, 12, 13)), verdict(25, hours=16))
    assert one.last_row == 4 * 26 - 1
    ((one,), _) = reported(alert(), *(verdict(n) for n in range(11, 20)), verdict(25, hours=16))
    assert one.last_row == 4 * 20 - 1


def test_a_fault_of_the_data_is_no_alarm_of_a_drift_and_the_other_way_round():
    drifts, fault = [verdict(n) for n in (11, 12)], verdict(20, status="fault", kind="quality")
    assert reported(alert(), *drifts, fault)[0][0].last_row == 4 * 13 - 1
    assert reported(alert(kind="data-fault"), *drifts, fault)[0][0].last_row == 4 * 21 - 1


def test_it_was_raised_with_the_row_that_made_its_pane_final_or_with_its_message():
    assert reported(alert())[0][0].opened_row == 13 * 4 + 1
    assert reported(alert(), rows=30)[0][0].opened_row == 30


def test_it_has_its_opening_and_its_newest_state():
    last = alert("resolved", level="warn", features=["y", "x"], title="y and x drifted", closed=hour(30), what="over")
    ((one,), _) = reported(alert(), last, verdict(40))
    assert (one.severity, one.features, one.sentence, one.what, one.state) == (
        "warn",
        ["y", "x"],
        "y and x drifted",
        "why",
        "resolved",
    )
    assert (one.closed, one.to) == ("1970-01-02T06:00:00Z", "1970-01-01T13:00:00Z")


def test_the_largest_effect_of_each_feature_is_told():
    ((one,), _) = reported(alert(features=["x", "y"]), verdict(11), verdict(12, effect=0.9), verdict(12, target="y"))
    assert [(each.feature, each.value) for each in one.effects] == [("x", 0.9), ("y", 0.5)]


def test_an_incident_on_performance_has_the_effect_of_its_metric():
    lost = alert(kind="performance", level="page", features=[])
    ((one,), _) = reported(lost, verdict(14, "log_loss", kind="performance", floor=math.nan))
    assert [(each.feature, each.effect, each.value, each.floor) for each in one.effects] == [("", "js", 0.5, None)]
    assert one.last_row == 14 * 4 + 3


def test_what_the_fold_says_itself_counts_more():
    effects = [{"feature": "x", "effect": "psi", "value": 0.3, "floor": None, "more": 1}]
    ((one,), _) = reported(alert(until=hour(50), effects=effects, where={"segment": {"c": ["red"]}}), verdict(20))
    assert (one.to, one.segment) == ("1970-01-03T02:00:00Z", "c=red")
    assert [(each.effect, each.value) for each in one.effects] == [("psi", 0.3)]


def test_the_effects_of_a_fault_are_those_that_its_sentence_tells():
    def told(value, *features):
        return [{"feature": name, "effect": "missing", "value": value, "floor": 0.005} for name in features]

    opening = alert(kind="data-fault", title="x is missing in 4.0%", effects=told(0.04, "x"))
    joined = alert("updated", kind="data-fault", features=["x", "y"], effects=told(0.06, "x", "y"))
    over = alert("resolved", kind="data-fault", features=["x", "y"], closed=hour(40))
    ((one,), _) = reported(opening, joined, over, verdict(20, status="fault", kind="quality", effect=0.08))
    assert [(each.feature, each.value) for each in one.effects] == [("x", 0.04), ("y", 0.06)]


@pytest.mark.parametrize(("kind", "named"), [("data-fault", "quality"), ("no-labels", "no-labels")])
def test_kinds_have_the_names_of_the_result(kind, named):
    assert reported(alert(kind=kind))[0][0].kind == named


def test_the_volume_of_the_last_pane_is_not_judged_and_that_is_counted():
    cut = alert(kind="volume", since=hour(99), opened=hour(100))
    assert reported(cut) == ([], 1)
    assert len(reported(alert(kind="volume"))[0]) == 1


@pytest.mark.parametrize("begin_ms", [HOUR_MS // 2, 0])
def test_the_volume_of_the_pane_in_which_rows_begin_is_not_judged_unless_it_goes_on(begin_ms):
    timeline = timeline_of([np.arange(begin_ms, 100 * HOUR_MS, HOUR_MS // 4)], HOUR_MS, 0)
    begun = alert(kind="volume", features=[], since=hour(0), opened=hour(1))
    fallen, rests = verdict(0, "volume", "fault", "volume"), [verdict(n, "volume", "fault", "volume") for n in (1, 2)]
    for faults, expected in (([fallen], 0 if begin_ms else 1), ([fallen, *rests], 1)):
        found = Findings()
        found.add([pane(99), begun, *faults], 400)
        assert len(alerts_of(found, timeline)[0]) == expected


def test_effects_of_features_that_alarmed_before_are_told_too_and_in_the_order_of_causes():
    effects = [{"feature": "z", "effect": "outliers", "value": 0.3, "floor": 0.1}]
    last = alert("updated", features=["x", "y", "z"], effects=effects)
    ((one,), _) = reported(alert(), last, verdict(11), verdict(12, "y"), verdict(12, "z", effect=0.9))
    assert [(each.feature, each.value) for each in one.effects] == [("x", 0.5), ("y", 0.5), ("z", 0.3)]


def test_alerts_come_in_the_order_in_which_they_were_raised():
    later = alert(incident="INC-2", opened=hour(40))
    found, _ = reported(later, alert())
    assert [each.id for each in found] == ["INC-1", "INC-2"]
