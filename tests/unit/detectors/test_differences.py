"""Differences of shares and means against published and simulated ones."""

import math

import numpy as np
import pytest

from detectors.differences import difference, difference_of_means, mean_over
from detectors.estimates import UNDEFINED, share


@pytest.mark.parametrize(
    ("one", "other", "lo", "hi"),
    [  # Newcombe 1998, Table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((0, 10), (0, 10), -0.2775, 0.2775),
    ],
)
def test_differences_of_shares_are_those_of_newcombe(one, other, lo, hi):
    found = difference(share(*one), share(*other))

    assert (found.lo, found.hi) == pytest.approx((lo, hi), abs=1e-4)


def test_a_difference_from_nothing_is_not_defined():
    assert math.isnan(difference(share(1, 2), UNDEFINED).value)
    assert math.isnan(mean_over([]).value)


def test_a_difference_of_means_has_the_interval_of_welch():
    g = np.random.default_rng(1)
    one, other = g.standard_normal(2_000) + 1, 3 * g.standard_normal(500)

    found = difference_of_means(*((len(x), x.sum(), (x * x).sum()) for x in (one, other)))

    se = math.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
    assert found == pytest.approx(
        (one.mean() - other.mean(), *(one.mean() - other.mean() + k * 1.96 * se for k in (-1, 1))), rel=1e-3
    )
