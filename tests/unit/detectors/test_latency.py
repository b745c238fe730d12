import math

import numpy as np
import pytest

from detectors.latency import LATENCY_BINS, latency_codes, latency_quantile


def histogram(ms):
    return np.bincount(latency_codes(ms), minlength=LATENCY_BINS)


@pytest.mark.parametrize("q", [0.01, 0.5, 0.95, 0.99, 1.0])
def test_quantiles_are_right_within_ten_percent(q):
    ms = np.random.default_rng(1).lognormal(3, 1.5, 10_000)

    assert latency_quantile(histogram(ms), q) == pytest.approx(np.quantile(ms, q, method="inverted_cdf"), rel=0.1)


def test_counts_add_up():
    one, other = np.random.default_rng(2).exponential(20, (2, 500))

    assert (histogram(one) + histogram(other)).tolist() == histogram(np.concatenate([one, other])).tolist()


def test_what_is_not_known_is_left_out():
    assert latency_quantile(histogram([math.nan, -5.0, 10.0]), 0.0) == pytest.approx(10, rel=0.1)
    assert math.isnan(latency_quantile(histogram([math.nan]), 0.5))
    assert math.isnan(latency_quantile(np.zeros(LATENCY_BINS), 0.5))


def test_the_extremes_have_a_bin():
    assert latency_codes([0.0, 1e300, math.inf]).tolist() == [1, LATENCY_BINS - 1, LATENCY_BINS - 1]
    assert latency_quantile(histogram([0.0]), 0.5) == 0.1
    assert latency_quantile(histogram([math.inf]), 0.5) == pytest.approx(1e7, rel=0.2)


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan])
def test_a_quantile_that_is_none_is_refused(q):
    with pytest.raises(ValueError, match="q must be in"):
        latency_quantile(np.zeros(LATENCY_BINS), q)
