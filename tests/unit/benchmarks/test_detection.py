import numpy as np
import pytest

from benchmarks.detection import merge
from benchmarks.detection.experiment import at_least, at_most
from benchmarks.detection.incidents import Alarm, alarms, incidents, verdicts
from benchmarks.detection.streams import STREAMS, equal_panes, simulate
from detectors.panel.plan import plan


def test_an_experiment_passes_at_its_mark():
    assert at_most("a", 2.0, 2.0) == {"name": "a", "mark": "<= 2", "figure": "2", "passed": True}
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
