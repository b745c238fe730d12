import math
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.bins import CUTS, FIRST, MAX_LEVEL_BINS, Bins, fit_category, fit_number

finite = st.floats(allow_nan=False, allow_infinity=False)
NEAR = st.sampled_from([0.0, -0.0, 5e-324, 1.0, 1.0000000000000002, 1e300, -1e300, 0.5])


def searched(edges, values):
    """The bins by binary search."""
    return np.where(np.isnan(values), 0, np.searchsorted(np.array(edges, float), values, side="right") + 1)


@settings(max_examples=200, deadline=None)
@given(st.sets(finite | NEAR, max_size=80), st.lists(st.floats() | NEAR, max_size=20))
def test_a_number_is_in_the_bin_that_binary_search_finds(edges, values):
    ordered = tuple(sorted(edges))
    bins = Bins("x", "number", ordered, (), len(ordered) + 2)
    values = np.array([*values, *ordered, *(math.nextafter(edge, -math.inf) for edge in ordered)], float)

    assert bins.number_codes(values).tolist() == searched(ordered, values).tolist()


def test_skewed_edges_that_share_a_bucket_are_told_apart():
    bins = fit_number("x", np.random.default_rng(1).pareto(0.3, 5_000))
    values = np.random.default_rng(2).pareto(0.3, 500)

    assert bins.number_codes(values).tolist() == searched(bins.edges, values).tolist()


def test_a_number_is_cut_at_reference_quantiles():
    values = np.random.default_rng(1).standard_normal(50_000)

    bins = fit_number("x", values)
    counts = np.bincount(bins.number_codes(values), minlength=bins.width)

    assert bins.width == len(CUTS) + 4
    assert counts[0] == counts[1] == counts[-1] == 0
    assert np.allclose(counts[5:-4], 50_000 / 24, atol=1)


def test_every_cut_is_the_inverse_of_the_distribution_function():
    values = np.random.default_rng(2).exponential(size=999)

    assert set(np.quantile(values, CUTS, method="inverted_cdf")) <= set(fit_number("x", values).edges)


def test_a_repeated_quantile_is_an_atom_with_its_own_bin():
    g = np.random.default_rng(3)
    values = np.where(g.random(10_000) < 0.9, 0.0, g.random(10_000))

    bins = fit_number("x", values)
    [atom] = set(bins.number_codes([0.0, -0.0]))

    assert bins.label(atom) == "0"
    assert (bins.number_codes(values) == atom).sum() == (values == 0).sum()


def test_few_distinct_values_have_one_bin_each():
    bins = fit_number("x", [5.0, 1.0, 2.0, 2.0])

    assert bins.number_codes([1.0, 2.0, 5.0]).tolist() == [2, 3, 4]
    assert [bins.label(b) for b in (1, 5)] == ["below 1", "above 5"]


def test_nan_is_missing_and_infinities_lie_outside():
    bins = fit_number("x", [1.0, 2.0, math.inf, math.nan])

    assert bins.number_codes([math.nan, -math.inf, math.inf, 1e308]).tolist() == [0, 1, bins.width - 1, bins.width - 1]


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, -math.inf]])
def test_without_a_finite_value_all_that_comes_is_unseen(values):
    bins = fit_number("x", values)

    assert bins.width == 2
    assert bins.number_codes([3.0, math.nan, math.inf]).tolist() == [1, 0, 1]
    assert bins.label(1) == "unseen"


@pytest.mark.parametrize("value", [1.7976931348623157e308, -1.7976931348623157e308, 5e-324, 0.0])
def test_the_extreme_floats_have_a_bin(value):
    bins = fit_number("x", [value])

    assert bins.number_codes([value]).tolist() == [FIRST]


def test_levels_have_one_bin_each_the_most_frequent_first():
    bins = fit_category("carrier", ["AA", "UA", "UA", None])

    assert bins.levels == ("UA", "AA")
    assert [bins.label(b) for b in range(bins.width)] == ["missing", "unseen", "UA", "AA"]


def test_many_levels_share_hash_buckets_but_unseen_ones_are_known():
    levels = [f"tail-{i}" for i in range(5_000)]
    bins = fit_category("tail", levels)

    assert bins.width == FIRST + MAX_LEVEL_BINS
    assert bins.level_codes(["tail-7"]).tolist() == [FIRST + zlib.crc32(b"tail-7") % MAX_LEVEL_BINS]
    assert bins.level_codes(["never"]).tolist() == [1]
    assert "more" in bins.label(5)


def test_close_edges_are_told_apart_in_words():
    bins = Bins("x", "number", (2.0**53, 2.0**53 + 40, 2.0**53 + 42), (), 5)

    assert bins.label(2) == "[9007199254740992.0, 9007199254741032.0)"


@pytest.mark.parametrize("bin_", [-1, 99])
def test_a_bin_that_is_not_there_is_refused(bin_):
    with pytest.raises(ValueError, match="bin must be in"):
        fit_number("x", [1.0]).label(bin_)


def test_equal_rows_give_equal_bins_in_any_order():
    values = np.random.default_rng(5).standard_normal(3_000)
    texts = [f"l{int(v * 3)}" for v in values]

    assert fit_number("x", values) == fit_number("x", values[::-1])
    assert fit_category("c", texts) == fit_category("c", texts[::-1])
