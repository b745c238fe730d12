"""river's detectors, named in a spec: they hear final panes, say what they hear, and nothing follows from it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from river import drift
from streamgauge.spec_tasks import METRICS

from stream.folds.decide import listening
from stream.folds.rows import IncidentRow, PerformanceRow, StatisticsRow, VerdictRow
from tests.loop import DAY_MS, day_of_events, reference_of, watched
from tests.property.laws import assert_cut_law, assert_restore_law

CLOCK = {"clock": 1, "grace_period": 5, "min_window_length": 3}
MEAN = {"name": "ADWIN", "on": "mean", "feature": "x", "params": CLOCK}


def live(loop, days, shift=0.0, n=100, flipped=0.0):
    """Days of events, their labels with them; a share of the labels is the other one."""
    for day in days:
        rng = np.random.default_rng(day)
        events, labels = day_of_events(rng, day, n, version="1", shift=shift)
        for label in labels:
            label["label"] ^= int(rng.random() < flipped)
        loop.send("predictions", events)
        loop.send("labels", labels)
        loop.tick(2)
        loop.run()


def heard(loop, name):
    return [row for row in loop.of(VerdictRow) if row.kind.startswith(f"river:{name}")]


def test_a_detector_hears_each_final_pane_and_sees_what_river_sees():
    loop = watched(detectors=[MEAN])
    live(loop, range(30))
    live(loop, range(30, 45), shift=5.0)
    rows = heard(loop, "ADWIN")

    assert [row.pane_ms for row in rows] == [DAY_MS * day for day in range(len(rows))]
    oracle, changes = drift.ADWIN(**CLOCK), []
    for row in rows:
        oracle.update(row.statistic)
        changes += [row.pane_ms] if oracle.drift_detected else []
    assert [row.pane_ms for row in rows if row.status == "signal"] == changes
    assert changes
    first = next(row for row in rows if row.status == "signal")
    assert (first.target, first.effect_name) == ("x", "mean")
    assert first.effect == pytest.approx(
        first.statistic - np.mean([r.statistic for r in rows if r.pane_ms < first.pane_ms])
    )
    assert "sees a change" in first.reason
    assert "for information only" in first.reason


def test_what_a_detector_says_is_for_information():
    loop = watched(detectors=[MEAN, {"name": "PageHinkley", "on": "error", "params": {"threshold": 1.0}}])
    live(loop, range(20))
    live(loop, range(20, 40), shift=3.0, flipped=0.8)

    assert {row.status for row in loop.of(VerdictRow) if row.kind.startswith("river:")} >= {"signal"}
    assert loop.of(IncidentRow) == []
    assert loop.said("alerts") == []
    assert loop.said("retrain") == []
    assert all(math.isnan(row.evidence_days) for row in heard(loop, ""))


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(0)
    return reference_of([e for day in range(30) for e in day_of_events(rng, day, 100)[0]])


def test_series_are_those_of_the_panes(reference):
    wanted = [{"name": "ADWIN", "on": on, "feature": "x"} for on in ("missing", "mean", "sd", "js", "psi", "w1")]
    wanted += [{"name": "ADWIN", "on": "rows"}, {"name": "ADWIN", "on": "unseen", "feature": "c"}]
    loop = watched(reference, detectors=wanted)
    live(loop, range(30, 40))
    of_pane = {(row.pane_ms, row.feature): row for row in loop.of(StatisticsRow)}
    columns = {"missing": "missing_share", "unseen": "unseen_share"}

    rows = heard(loop, "ADWIN")
    assert {row.effect_name for row in rows} == {"missing", "mean", "sd", "js", "psi", "w1", "rows", "unseen"}
    for row in rows:
        if row.effect_name == "rows":
            assert row.statistic == row.n == 100
        else:
            on = columns.get(row.effect_name, row.effect_name)
            assert row.statistic == getattr(of_pane[row.pane_ms, row.target], on)


@pytest.mark.parametrize("on", ["missing", "mean", "sd"])
def test_without_a_reference_series_are_the_same(reference, on):
    wanted = [{"name": "ADWIN", "on": on, "feature": "x"}]
    loops = [watched(given, detectors=wanted) for given in (None, reference)]
    for loop in loops:
        live(loop, range(30, 36))
    values = [[row.statistic for row in heard(loop, "ADWIN")] for loop in loops]
    assert values[0] == pytest.approx(values[1])
    assert len(values[0]) >= 4


def test_labels_are_heard_once_they_are_mature():
    loop = watched(
        detectors=[{"name": "KSWIN", "on": "log_loss"}, {"name": "DDM", "on": "error"}], labels={"horizon": "2d"}
    )
    live(loop, range(12))
    losses, errors = heard(loop, "KSWIN"), heard(loop, "DDM")
    shown = {r.pane_ms: r.value for r in loop.of(PerformanceRow) if r.metric == "log_loss" and not r.segment_key}
    rates = {r.pane_ms: 1 - r.value for r in loop.of(PerformanceRow) if r.metric == "accuracy" and not r.segment_key}

    assert len(losses) == len(errors) >= 7
    assert [row.statistic for row in losses] == [pytest.approx(shown[row.pane_ms]) for row in losses]
    assert [row.statistic for row in errors] == [pytest.approx(rates[row.pane_ms]) for row in errors]


def test_a_detector_of_errors_sees_that_answers_are_wrong_more_often():
    names = ("DDM", "HDDM_A", "HDDM_W", "ADWIN")
    loop = watched(detectors=[{"name": name, "on": "error"} for name in names], labels={"horizon": "1d"})
    live(loop, range(20))
    quiet = {name: [row for row in heard(loop, name) if row.status == "signal"] for name in names}
    live(loop, range(20, 40), flipped=0.9)
    assert quiet == {name: [] for name in names}
    for name in names:
        assert any(row.status == "signal" and row.pane_ms >= 20 * DAY_MS for row in heard(loop, name)), name


def test_states_outlive_checkpoints_to_the_byte():
    wanted = [
        MEAN,
        {"name": "KSWIN", "on": "rows", "params": {"window_size": 6, "stat_size": 3}},
        {"name": "HDDM_W", "on": "error"},
    ]
    loop = watched(detectors=wanted, labels={"horizon": "1d"})
    live(loop, range(12), n=20)
    assert len(heard(loop, "")) > 25
    for sizes in ([1], [2, 3], [50]):
        assert_cut_law(loop.decide, loop.partials, sizes)
    half = len(loop.partials) // 2
    assert_restore_law(loop.decide, loop.partials[:half], loop.partials[half:])


def test_every_metric_that_may_be_named_is_heard_as_it_is_shown():
    wanted = [{"name": "PageHinkley", "on": metric} for metric in METRICS["binary"]]
    loop = watched(detectors=wanted, labels={"horizon": "1d"}, value={"tp": 1, "fp": -1, "fn": -3})
    live(loop, range(6))
    newest = {(r.pane_ms, r.metric): r for r in loop.of(PerformanceRow) if not r.segment_key}
    rows = heard(loop, "PageHinkley")

    assert {row.effect_name for row in rows} == set(METRICS["binary"])
    for row in rows:
        assert row.statistic == pytest.approx(newest[row.pane_ms, row.effect_name].value), row.effect_name


def test_a_changed_detector_begins_anew_and_the_lineage_goes_on():
    loop = watched(detectors=[MEAN])
    live(loop, range(6))
    loop.send("specs", [spec_of(2, [MEAN | {"params": CLOCK | {"delta": 0.1}}])])
    live(loop, range(6, 9))
    lineage = next(iter(loop.state.lineages.values()))

    assert len(loop.state.lineages) == 1
    assert list(lineage.listening) == ["ADWIN(clock=1, delta=0.1, grace_period=5, min_window_length=3) on mean of x"]
    assert 1 <= next(iter(lineage.listening.values())).panes <= 4


def spec_of(revision, detectors):
    from tests.loop import spec_record

    return spec_record(revision=revision, detectors=detectors)


def test_a_state_of_another_release_is_not_read(monkeypatch):
    loop = watched(detectors=[MEAN])
    live(loop, range(6))
    monkeypatch.setattr(listening, "library", lambda: "river 99")
    live(loop, range(6, 9))
    listened = next(iter(next(iter(loop.state.lineages.values())).listening.values()))

    assert listened.library == "river 99"
    assert listened.panes <= 4
    assert "of river 99" in heard(loop, "ADWIN")[-1].reason
