"""Weighted Benjamini-Hochberg against scipy, and its laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors.evidence.false_discovery import adjusted, rejected

p_values = st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.05, 1.0]), min_size=1, max_size=30)


@given(p_values)
def test_equal_shares_are_the_procedure_of_scipy(p):
    assert adjusted(p) == pytest.approx(stats.false_discovery_control(p))


@given(p_values, st.floats(1e-6, 0.5), st.randoms(use_true_random=False))
def test_tests_are_rejected_by_their_definition(p, q, random):
    """The largest r for which r weighted p-values lie at or below q r / K, in any order."""
    raw = np.array([random.random() + 1e-3 for _ in p])
    shares = raw / raw.sum()
    weighted = np.array(p) / (shares * len(p))

    # Levels apart by more than rounding enclose what was found.
    found = rejected(p, q, shares)

    assert (found >= by_definition(weighted, q * (1 - 1e-9))).all()
    assert (found <= by_definition(weighted, q * (1 + 1e-9))).all()


def by_definition(weighted, q):
    tests = len(weighted)
    fits = [r for r in range(1, tests + 1) if (weighted <= q * r / tests).sum() >= r]
    return weighted <= q * max(fits) / tests if fits else np.zeros(tests, bool)


def test_nothing_is_rejected_among_no_tests():
    assert rejected([], 0.05).shape == (0,)
    assert adjusted([]).shape == (0,)


def test_ties_are_treated_alike():
    assert rejected([0.02, 0.02, 0.02, 0.9], q=0.027).tolist() == [True, True, True, False]
    assert rejected([0.03, 0.03, 0.03, 0.9], q=0.027).tolist() == [False] * 4


def test_a_test_without_a_share_is_not_rejected_and_takes_nothing_from_the_others():
    assert rejected([0.0, 0.01], q=0.05, shares=[0.0, 1.0]).tolist() == [False, True]


def test_level_zero_is_off():
    assert not rejected([0.0, 1e-300], q=0.0).any()


def test_under_no_change_anything_is_rejected_as_often_as_said():
    g = np.random.default_rng(1)
    shares = np.repeat([0.5 / 3, 0.5 / 17], [3, 17])
    raised = np.mean([rejected(g.random(20), 0.1, shares).any() for _ in range(4_000)])

    assert 0.085 <= raised <= 0.115


@pytest.mark.parametrize(
    ("p", "q", "shares"),
    [
        ([np.nan], 0.1, None),
        ([1.5], 0.1, None),
        ([[0.1]], 0.1, None),
        ([0.1], -0.1, None),
        ([0.1], np.nan, None),
        ([0.1, 0.2], 0.1, [1.0]),
        ([0.1, 0.2], 0.1, [1.2, 0.2]),
        ([0.1, 0.2], 0.1, [-0.1, 0.2]),
        ([0.1, 0.2], 0.1, [np.nan, 0.2]),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(p, q, shares):
    with pytest.raises(ValueError, match=r"need|level"):
        rejected(p, q, shares)
