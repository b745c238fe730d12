"""Tails of counts against the laws that they are, and against integrals where there is no law with a name."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats

from detectors.quality.counts import all_alike, at_least, at_most, beta_above, student


def one(value):
    return np.array([float(value)])


def tail(count, mean, rows=np.inf, error=0.0, between=0.0):
    return at_least(one(count), one(mean), one(rows), one(error), one(between))[0]


@pytest.mark.parametrize(
    ("count", "share", "rows"), [(1, 0.02, 20), (30, 0.02, 1_000), (60, 0.02, 1_000), (20, 0.5, 20)]
)
def test_without_other_spread_counts_are_binomial(count, share, rows):
    assert tail(count, rows * share, rows) == pytest.approx(stats.binom.sf(count - 1, rows, share), rel=1e-3)


@pytest.mark.parametrize(("count", "mean"), [(1, 0.01), (9, 2.0), (40, 20.0), (1_200, 1_000.0)])
def test_among_endless_rows_they_are_poisson(count, mean):
    assert tail(count, mean) == pytest.approx(stats.poisson.sf(count - 1, mean), rel=1e-3)


@pytest.mark.parametrize(("count", "panes"), [(1, 60), (3, 60), (4, 200)])
def test_what_was_never_seen_is_geometric(count, panes):
    """With one pseudo-count, each further row is as likely as one pane of R + 1."""
    assert tail(count, 1 / panes, error=1.0) == pytest.approx((1 / (panes + 1)) ** count, rel=1e-3)


@pytest.mark.parametrize(
    ("count", "mean", "between"),
    [(30, 20, 0.05), (60, 20, 0.05), (200, 20, 1.0), (10, 0.1, 3.0), (50_000, 20_000, 0.05), (40, 20, 1e-4)],
)
def test_means_that_differ_by_lognormal_factors_are_integrated(count, mean, between):
    spread = np.sqrt(np.log1p(between))
    reached = (np.log(count / mean) + spread**2 / 2) / spread
    step = 6 / np.sqrt(count) / spread

    def density(z):
        return stats.norm.pdf(z) * stats.poisson.sf(count - 1, mean * np.exp(spread * z - spread**2 / 2))

    edges = sorted({-8.0, 0.0, min(reached - step, 30), min(reached, 30), min(reached + step, 36), 38.0})
    parts = [integrate.quad(density, *pair, limit=400)[0] for pair in pairwise(edges)]
    assert tail(count, mean, between=between) == pytest.approx(sum(parts), rel=0.03)


def test_shares_that_differ_stay_below_one():
    few, many = tail(990, 300, 1_000, between=0.3), tail(1_000, 300, 1_000, between=0.3)
    assert 0 < many < few < tail(600, 300, 1_000, between=0.3) < 0.05


@pytest.mark.parametrize(("variance", "law"), [(20.0, stats.poisson(20)), (18.0, stats.binom(200, 0.1))])
def test_lower_tails_are_those_of_the_law_with_this_variance(variance, law):
    assert at_most(one(5), one(20), one(variance))[0] == pytest.approx(law.cdf(5), rel=1e-5)


def test_a_wide_lower_tail_is_negative_binomial():
    law = stats.nbinom(4, 4 / 24)
    assert at_most(one(3), one(law.mean()), one(law.var()))[0] == pytest.approx(law.cdf(3))


@pytest.mark.parametrize(("rows", "a", "b"), [(2, 2.0, 2.0), (20, 0.5, 4.0), (1, 1.0, 9.0)])
def test_all_rows_are_beta_binomial(rows, a, b):
    found = all_alike(one(rows), one(a / (a + b)), one(1 / (a + b + 1)))[0]
    assert found == pytest.approx(stats.betabinom.pmf(rows, rows, a, b))
    assert beta_above(one(0.7), one(a / (a + b)), one(1 / (a + b + 1)))[0] == pytest.approx(stats.beta.sf(0.7, a, b))


def test_student_puts_his_distribution_in_the_place_of_the_normal_one():
    z = 4.0
    assert student(one(stats.norm.sf(z)), one(12))[0] == pytest.approx(stats.t.sf(z, 12))
    assert student(one(stats.norm.sf(z)), one(1e9))[0] == pytest.approx(stats.norm.sf(z), rel=1e-4)


def test_no_tail_is_out_of_range():
    counts = np.array([1.0, 1.0, 10.0, 1e9, 1e9, 5.0])
    rows = np.array([1.0, 1e9, 10.0, 1e9, 1e9, 1e9])
    means = rows * np.array([0.5, 1e-9, 1 - 1e-9, 1e-12, 0.999, 1e-5])
    for error in (0.0, 1.0, 1e-12):
        for between in (0.0, 1e-6, 1e6):
            p = at_least(counts, means, rows, np.full(6, error), np.full(6, between))
            assert ((p >= 0) & (p <= 1 + 1e-6)).all()
