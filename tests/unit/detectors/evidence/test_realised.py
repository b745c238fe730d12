"""The realised rate of pages, beside the allowed one."""

import math

import pytest
from scipy import stats

from detectors.evidence.realised import poisson_interval, realised


@pytest.mark.parametrize("count", [0, 1, 2, 7, 40])
def test_the_interval_is_the_exact_one_of_a_poisson_count(count):
    low, high = poisson_interval(count)
    assert low == pytest.approx(stats.chi2.ppf(0.025, 2 * count) / 2 if count else 0.0)
    assert high == pytest.approx(stats.chi2.ppf(0.975, 2 * count + 2) / 2)


def test_a_rate_is_pages_for_each_that_is_allowed():
    found = realised(pages=3, days=180.0, budget_days=90.0)
    assert (found.allowed, found.rate) == (2.0, 1.5)
    assert found.lo < found.rate < found.hi


def test_without_a_day_nothing_is_known():
    found = realised(pages=0, days=0.0, budget_days=90.0)
    assert math.isnan(found.rate)
    assert (found.lo, found.hi) == (0.0, math.inf)


@pytest.mark.parametrize("wrong", [(-1, 1.0, 1.0), (0, -1.0, 1.0), (0, 1.0, 0.0), (0, math.nan, 1.0)])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="got"):
        realised(*wrong)
