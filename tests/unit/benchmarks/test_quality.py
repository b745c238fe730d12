"""The simulated panes of the hard checks, and their experiments in small."""

import numpy as np
import pytest

from benchmarks.detection import quality, quality_flow
from benchmarks.detection.quality_streams import (
    IS_NUMBER,
    MISSING_SHARES,
    Nature,
    Wander,
    healthy,
    of_values,
)
from benchmarks.detection.streams import equal_panes


@pytest.mark.parametrize("wander", [Wander(), Wander(0.3, 0.9)])
def test_panes_have_the_shares_that_they_should(wander):
    stream = healthy(np.random.default_rng(1), equal_panes(400, 1_000), 60, Nature(odds=wander))
    missing = np.mean([pane.missing for pane in stream.panes], axis=0) / 1_000

    assert missing == pytest.approx(MISSING_SHARES, rel=0.25, abs=2e-4)
    assert not any(pane.unseen[IS_NUMBER].any() or pane.above[~IS_NUMBER].any() for pane in stream.panes)


def test_rows_beyond_the_reference_are_one_of_its_rows_each_in_the_mean():
    """The largest of N is passed by one row of N + 1."""
    g = np.random.default_rng(2)
    streams = [healthy(g, equal_panes(120, 100), 60, Nature()) for _ in range(20)]
    beyond = np.mean([pane.above[IS_NUMBER] for stream in streams for pane in stream.panes]) / 100

    assert beyond == pytest.approx(1 / 6_001, rel=0.3)


def test_values_are_counted_as_a_pane_would_be():
    values = np.concatenate([np.tile(np.arange(10.0), 60), [-1.0, 99.0, *np.arange(8.0)]])
    stream = of_values([values], 10, 60)

    assert (stream.panes[0].below[0], stream.panes[0].above[0]) == (1, 1)


@pytest.mark.parametrize("experiments", [quality.experiments, quality_flow.experiments])
def test_false_findings_and_power_pass_their_marks_in_small(experiments):
    found = [one for one in experiments(quick=True) if not one["name"].endswith("ms")]

    assert found
    assert [one["name"] for one in found if not one["passed"]] == []
