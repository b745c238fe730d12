"""The parts of the detection experiments that could be wrong without anyone seeing it in their figures."""

import numpy as np
import pytest

from benchmarks.detection import merge
from benchmarks.detection.estimates import classified, measured
from benchmarks.detection.experiment import at_least, at_most
from benchmarks.detection.incidents import Alarm, alarms, incidents, verdicts
from benchmarks.detection.labels import PANE, errors
from benchmarks.detection.labels_river import DETECTORS, Judged, judged
from benchmarks.detection.streams import STREAMS, equal_panes, simulate
from detectors.panel.plan import plan


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.6])
def test_simulated_errors_have_the_rate_and_the_correlation_that_they_should(phi):
    counts = errors(np.random.default_rng(1), 200, np.full(5_000, 0.1), phi)

    assert counts.mean() / PANE == pytest.approx(0.1, rel=0.03)
    assert counts.var() / (PANE * 0.09) == pytest.approx((1 + phi) / (1 - phi), rel=0.1)


def test_simulated_rates_change_at_the_row_that_they_should():
    counts = errors(np.random.default_rng(2), 50, np.where(np.arange(2_000) < 1_000, 0.0, 1.0), 0.0)

    assert (counts == np.repeat([0, PANE], 10)).all()


def test_a_detector_is_better_only_if_nothing_is_worse():
    ours = Judged(1.0, (900.0, 300.0, 100.0))

    assert ours.no_worse_than(ours)
    assert Judged(0.5, (800.0, 300.0, 100.0)).no_worse_than(ours)
    assert not Judged(0.5, (800.0, 200.0, 110.0)).no_worse_than(ours)
    assert not Judged(2.0, (1.0, 1.0, 1.0)).no_worse_than(ours)


def test_delays_are_those_of_the_detectors():
    found = judged(["ADWIN"], streams=3)

    for delays in (found["ADWIN"].delays, found["e-CUSUM"].delays):
        assert delays[0] > delays[1] > delays[2] > 20
    assert set(found) == {"ADWIN", "e-CUSUM"} <= {*DETECTORS, "e-CUSUM"}


def test_simulated_scores_are_overconfident():
    rows = classified(np.random.default_rng(3), 100_000, 0.0, 1.0)
    sure = rows.scores > 0.9

    assert rows.labels[sure].mean() < rows.scores[sure].mean() - 0.03
    assert measured(rows)["auc"] > 0.7


def test_an_experiment_passes_at_its_mark():
    assert at_most("a", 2.0, 2.0) == {"name": "a", "mark": "<= 2", "figure": 2.0, "passed": True}
    assert not at_most("a", float("inf"), 2.0)["passed"]
    assert at_least("a", 2.0, 2.0)["passed"]
    assert not at_least("a", 1.99, 2.0)["passed"]


@pytest.mark.parametrize(
    ("found", "number"),
    [
        ([], 0),
        ([Alarm(3, (1,)), Alarm(4, (1, 2)), Alarm(9, (2,))], 1),
        ([Alarm(3, (1,)), Alarm(4, (2,))], 2),
        ([Alarm(3, (1,)), Alarm(18, (1,))], 1),
        ([Alarm(3, (1,)), Alarm(19, (1,))], 2),
    ],
)
def test_alarms_of_one_fault_are_one_incident(found, number):
    assert incidents(found) == number


@pytest.mark.parametrize("name", STREAMS)
def test_streams_without_a_change_hardly_ever_alarm(name):
    g, rows = np.random.default_rng(9), equal_panes(60 + 32, 450)
    stream = simulate((STREAMS[name](g, len(rows), 450) for _ in range(4)), rows, 60)
    assert stream.counts.shape[0] == 32
    assert incidents(alarms(verdicts(plan(stream.panel), stream))) == 0


def test_merged_panes_are_the_same_panes():
    assert all(experiment["passed"] for experiment in merge.experiments(quick=True))
