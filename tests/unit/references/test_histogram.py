"""Histograms follow the values, whatever their bins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.bins import fit_category, fit_number
from stream.references.histogram import CELLS, histogram, levels, sparkline


def of(values):
    bins = fit_number("x", values)
    return histogram(bins, np.bincount(bins.number_codes(values), minlength=bins.width))


def test_cells_of_equal_width_hold_the_shares_of_the_values():
    values = np.random.default_rng(1).normal(size=100_000)
    found = of(values)
    edges = np.linspace(found.low, found.high, CELLS + 1)
    edges[0], edges[-1] = -np.inf, np.inf

    assert (found.low, found.high) == pytest.approx((np.quantile(values, 0.01), np.quantile(values, 0.99)), abs=0.02)
    assert found.shares == pytest.approx(np.histogram(values, edges)[0] / len(values), abs=0.02)


def test_an_atom_stays_in_its_cell():
    g = np.random.default_rng(2)
    values = np.where(g.random(20_000) < 0.4, 0.0, g.exponential(size=20_000))

    assert of(values).shares[0] > 0.4


def test_few_distinct_numbers_have_a_bar_each():
    hours = of(np.arange(2_400) % 24 * 1.0)

    assert (len(hours.shares), hours.low, hours.high) == (24, 0.0, 23.0)
    assert set(hours.shares) == {1 / 24}


def test_levels_are_named_with_their_shares_the_most_frequent_first():
    texts = ["a"] * 1 + ["b"] * 3 + [None]
    bins = fit_category("c", texts)
    counts = np.array([1, 0, 3, 1])

    assert levels(bins, counts) == (("b", 0.75), ("a", 0.25))
    many = fit_category("c", [str(i) for i in range(100)])
    assert levels(many, np.ones(66, np.int64)) == ()


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=200))
def test_no_values_and_extreme_values_are_drawn_without_a_warning(values):
    found = of(np.array(values))

    assert len(found.shares) <= 24
    if found.shares:
        assert sum(found.shares) == pytest.approx(1)
        assert min(found.shares) >= 0
        assert found.low <= found.high
    assert len(sparkline(found.shares)) == len(found.shares)
