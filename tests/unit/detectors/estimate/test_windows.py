"""Windows of the reference: what is merged, held out, and left over."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.estimate.windows import between_windows, folds, merged, window_of_panes

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
