"""Estimates of a classifier without labels: intervals, what is not defined, extremes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from benchmarks.detection import estimates
from detectors.estimate.cbpe import fit_cbpe
from detectors.estimate.expected import METRICS, confusion
from detectors.estimate.interval import COVARIATE_SHIFT_ONLY, Estimated, Undefined
from detectors.estimate.score_bins import fit_score_bins


def windows_of(bins, g, count, wobble=0.0):
    """Reference windows of 1,000 rows, in which the share of positives wobbles beyond chance."""
    found = []
    for _ in range(count):
        scores = g.random(1_000)
        labels = (g.random(1_000) < np.clip(scores + g.normal(0, wobble), 0, 1)).astype(int)
        found.append(bins.labelled_counts(scores, (scores > 0.5).astype(int), labels))
    return np.stack(found)


@pytest.fixture(scope="module")
def bins():
    return fit_score_bins(np.random.default_rng(4).random(20_000))


@pytest.fixture(scope="module")
def model(bins):
    return fit_cbpe(bins, windows_of(bins, np.random.default_rng(5), 20))


def test_a_pane_like_the_reference_has_its_performance(bins, model):
    counts = windows_of(bins, np.random.default_rng(6), 50).sum(axis=(0, 3))

    found = model.estimate(counts)

    assert found["accuracy"].value == pytest.approx(0.75, abs=0.01)
    assert found["auc"].value == pytest.approx(5 / 6, abs=0.01)
    assert found["brier"].value == pytest.approx(1 / 6, abs=0.01)
    assert found["log_loss"].value == pytest.approx(0.5, abs=0.01)


def test_expected_confusion_counts_add_up_to_the_rows(bins, model):
    counts = windows_of(bins, np.random.default_rng(6), 3).sum(axis=(0, 3))

    expected = confusion(model.expected(counts))

    assert sum(expected) == pytest.approx(counts.sum())
    assert expected[0] + expected[1] == pytest.approx(counts[:, 1].sum())


def test_more_rows_narrow_the_interval_down_to_what_calibration_leaves(bins, model):
    counts = windows_of(bins, np.random.default_rng(6), 1)[0].sum(axis=2)

    errors = [model.estimate(counts * times)["accuracy"].se for times in (1, 100, 10**6)]

    assert errors[0] > errors[1] >= errors[2] > 0.001


@pytest.fixture(scope="module")
def wandering(bins):
    return fit_cbpe(bins, windows_of(bins, np.random.default_rng(5), 40, wobble=0.1))


def test_windows_that_differ_beyond_chance_widen_the_interval_of_what_they_move(bins, model, wandering):
    counts = windows_of(bins, np.random.default_rng(6), 5).sum(axis=(0, 3))

    widths = {name: wandering.estimate(counts)[name].se / model.estimate(counts)[name].se for name in METRICS}

    assert all(width > 1.5 for name, width in widths.items() if name != "accuracy")
    assert wandering.estimate(counts * 10**6)["precision"].se == pytest.approx(0.1, rel=0.4)


def test_what_cancels_between_both_classes_counts_where_one_of_them_prevails(bins, wandering):
    """More positives are more hits and as many more misses: accuracy is moved where inputs have left the balance."""
    balanced = windows_of(bins, np.random.default_rng(6), 5).sum(axis=(0, 3))
    one_sided = balanced * np.array([0, 1])

    assert wandering.estimate(balanced * 10**6)["accuracy"].se < 0.02
    assert wandering.estimate(one_sided * 10**6)["accuracy"].se > 0.06


@given(of_numpy.arrays(np.int64, (50, 2), elements=st.sampled_from([0, 0, 1, 7, 10**9])))
def test_whatever_the_pane_every_metric_is_a_number_or_says_why_not(bins, model, counts):
    found = model.estimate(counts)

    assert set(found) == set(METRICS)
    for said in found.values():
        assert said.caveat == COVARIATE_SHIFT_ONLY
        if isinstance(said, Undefined):
            assert said.reason
        else:
            assert math.isfinite(said.se)
            assert 0 <= said.lo <= said.value + 1e-12
            assert said.value - 1e-12 <= said.hi < math.inf


def test_a_pane_without_rows_says_so(model):
    assert {said.reason for said in model.estimate(np.zeros((50, 2), int)).values()} == {
        "no rows",
        "no row is predicted to be positive",
        "no positives",
        "no positives, predicted or not",
        "no positives or no negatives",
    }


@pytest.mark.parametrize("label", [0, 1])
def test_a_reference_with_one_class_alone_is_no_certainty(bins, label):
    windows = windows_of(bins, np.random.default_rng(7), 4)
    one_class = np.zeros_like(windows)
    one_class[..., label] = windows.sum(axis=3)

    found = fit_cbpe(bins, one_class).estimate(windows[0].sum(axis=2))

    assert all(isinstance(said, Estimated) and said.se > 0 for said in found.values())


@pytest.mark.parametrize("rows", [1, 10**9])
def test_a_reference_of_one_cell_can_be_fitted(bins, rows):
    windows = np.zeros((3, 50, 2, 2), np.int64)
    windows[1, 20, 1, 1] = rows

    found = fit_cbpe(bins, windows).estimate(windows[1].sum(axis=2))

    assert 0 < found["accuracy"].value < 1


@pytest.mark.parametrize(
    "windows",
    [
        np.zeros((2, 50, 2, 2), np.int64),
        np.full((2, 50, 2, 2), -1),
        np.ones((2, 50, 2, 2)),
        np.ones((2, 49, 2, 2), np.int64),
        np.ones((50, 2, 2), np.int64),
    ],
)
def test_a_reference_of_no_counts_is_refused_with_a_sentence(bins, windows):
    with pytest.raises(ValueError, match="need"):
        fit_cbpe(bins, windows)


@pytest.mark.parametrize("counts", [np.full((50, 2), -1), np.ones((50, 2)), np.ones((49, 2), int)])
def test_a_pane_of_no_counts_is_refused_with_a_sentence(model, counts):
    with pytest.raises(ValueError, match="need counts"):
        model.estimate(counts)


def test_intervals_hold_under_shift_and_beat_a_constant_in_small():
    found = list(estimates.experiments(quick=True))

    assert [e["name"] for e in found if not e["passed"]] == []
