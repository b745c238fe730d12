"""Windows of the reference: what is merged, held out, and left over."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors.estimate.windows import BY_CHANCE, between_windows, folds, merged, raised, window_of_panes

panes = st.lists(st.integers(0, 3_000), min_size=1, max_size=60)


@given(panes)
def test_windows_are_contiguous_whole_and_large_enough(rows):
    window = window_of_panes(np.array(rows), least_rows=1_000)
    sums = merged(np.array(rows), window)

    assert set(np.diff(window).tolist()) <= {0, 1}
    assert window[0] == 0
    assert sums.sum() == sum(rows)
    assert (sums >= min(1_000, sum(rows))).all()


@given(st.integers(2, 60), st.integers(2, 12))
def test_each_window_is_judged_once_by_a_model_of_others(windows, count):
    judged = np.array([fold.judged for fold in folds(windows, count)])

    assert (judged.sum(axis=0) == 1).all()
    assert all((fold.judged ^ fold.others).all() for fold in folds(windows, count))


@pytest.mark.parametrize("windows", [0, 1])
def test_too_few_windows_are_not_judged(windows):
    assert list(folds(windows)) == []
    assert between_windows([], []) == 0.0


def test_errors_within_what_was_stated_are_no_variance_between_windows():
    assert between_windows([0.1, -0.1], [0.04, 0.01]) == 0.0


@pytest.mark.parametrize("windows", [8, 20, 60])
def test_noise_alone_counts_in_a_quarter_of_all_references(windows):
    g, stated = np.random.default_rng(5), [1.0] * windows
    found = [between_windows(g.normal(0, 1, windows).tolist(), stated) for _ in range(2_000)]

    assert np.mean(np.array(found) > 0) == pytest.approx(BY_CHANCE, abs=0.03)


@pytest.mark.parametrize("windows", [2, 8, 20, 60])
def test_a_normal_interval_of_a_raised_variance_is_that_of_student(windows):
    half = stats.norm.ppf(0.975) * np.sqrt(raised(windows) * 2.0)

    assert half == pytest.approx(stats.t.ppf(0.975, windows) * np.sqrt(2.0))


@pytest.mark.parametrize("windows", [8, 20, 60])
@pytest.mark.parametrize(("tau2", "least", "most"), [(0.0, 0.94, 0.97), (2.0, 0.93, 0.97), (8.0, 0.94, 0.96)])
def test_intervals_hold_as_often_as_they_say_with_and_without_differences(windows, tau2, least, most):
    """Windows of the reference's size: sampling variance 1, a true variance between windows, 2,000 references."""
    g = np.random.default_rng(6)
    errors = g.normal(0, np.sqrt(1 + tau2), (2_000, windows + 1))
    found = [between_windows(one[1:].tolist(), [1.0] * windows) for one in errors]

    assert least <= np.mean(np.abs(errors[:, 0]) <= 1.96 * np.sqrt(1 + np.array(found))) <= most
