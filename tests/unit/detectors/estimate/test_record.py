"""The record of estimates: what it adds up, when it doubts, and how trust comes back."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.detection.estimates import classified
from detectors.estimate.cbpe import fit_cbpe
from detectors.estimate.interval import Estimated
from detectors.estimate.record import Settled, TrackRecord, settle
from detectors.estimate.score_bins import fit_score_bins

SAID = Estimated(0.90, 0.88, 0.92, se=0.01)
HELD, MISSED = 0.91, 0.80


def after(record, outcomes):
    for outcome in outcomes:
        record = settle(record, SAID, outcome)
    return record


def test_a_record_says_how_often_and_how_far_estimates_were_off():
    record = after(TrackRecord(), [HELD, MISSED, 0.89])

    assert (record.settled.panes, record.settled.inside) == (3, 2)
    assert record.settled.bias == pytest.approx(0.1 / 3)
    assert record.settled.mean_absolute_error == pytest.approx(0.12 / 3)
    assert record.settled.coverage.value == pytest.approx(2 / 3)
    assert record.sentence == "2 of 3 estimates held what labels said later (95 % promised); they weigh 100 %."


def test_nothing_is_known_before_the_first_pane():
    assert TrackRecord().weight == 1.0
    assert math.isnan(Settled().coverage.value)
    assert (Settled().bias, Settled().mean_absolute_error) == (0.0, 0.0)
    assert TrackRecord().sentence == "No estimate has been settled yet."


@given(st.lists(st.sampled_from([HELD, MISSED]), max_size=20), st.lists(st.sampled_from([HELD, MISSED]), max_size=20))
def test_periods_add_up(one, other):
    together = after(TrackRecord(), one + other).settled
    apart = after(TrackRecord(), one).settled + after(TrackRecord(), other).settled

    assert (together.panes, together.inside) == (apart.panes, apart.inside)
    assert together.error == pytest.approx(apart.error)


@given(st.lists(st.sampled_from([HELD, MISSED]), max_size=200))
def test_a_weight_lies_between_nothing_and_all(outcomes):
    record = after(TrackRecord(), outcomes)

    assert 0 <= record.weight <= 1
    assert all(map(math.isfinite, record.log_m))


def test_an_honest_estimate_keeps_its_weight():
    """Coverage of 95 %: of 20 records of 2,000 settled panes, the weight is below 1 in fewer than 1 of 100 panes."""
    g = np.random.default_rng(9)
    weights = []
    for _ in range(20):
        record = TrackRecord()
        for miss in g.random(2_000) < 0.05:
            record = settle(record, SAID, MISSED if miss else HELD)
            weights.append(record.weight)

    assert np.mean(np.array(weights) < 1) < 0.01


@pytest.mark.parametrize(("coverage", "panes"), [(0.0, 12), (0.5, 30), (0.7, 100), (0.8, 300)])
def test_an_estimate_that_lies_loses_its_weight(coverage, panes):
    g = np.random.default_rng(10)
    for _ in range(20):
        record, least = TrackRecord(), 1.0
        for miss in g.random(panes) >= coverage:
            record = settle(record, SAID, MISSED if miss else HELD)
            least = min(least, record.weight)
        assert least == 0.0


def test_an_estimate_that_has_become_honest_regains_its_weight():
    record = after(TrackRecord(), [MISSED] * 10_000)

    assert record.weight == 0.0
    assert after(record, [HELD] * 60).weight == 1.0


@pytest.mark.parametrize("measured", [math.nan, math.inf])
def test_what_is_no_measured_value_is_refused_with_a_sentence(measured):
    with pytest.raises(ValueError, match="need finite values"):
        settle(TrackRecord(), SAID, measured)


def test_labels_that_turn_show_in_the_record_and_not_in_the_estimate():
    """What no estimate can see: the inputs are as ever, a fifth of the labels are not."""
    g = np.random.default_rng(17)
    reference = [classified(g, 1_000, 0.0, 1.0) for _ in range(20)]
    bins = fit_score_bins(np.concatenate([rows.scores for rows in reference]))
    model = fit_cbpe(bins, np.stack([bins.labelled_counts(*rows) for rows in reference]))
    usual = model.estimate(bins.counts(*reference[0][:2]))["accuracy"].value
    record = TrackRecord()
    for _ in range(20):
        rows = classified(g, 1_000, 0.0, 1.0)
        turned = np.where(g.random(1_000) < 0.2, 1 - rows.labels, rows.labels)
        said = model.estimate(bins.counts(rows.scores, rows.predicted))["accuracy"]
        record = settle(record, said, float((rows.predicted == turned).mean()))

    assert said.value == pytest.approx(usual, abs=0.02)
    assert record.settled.bias > 0.05
    assert record.weight == 0.0
