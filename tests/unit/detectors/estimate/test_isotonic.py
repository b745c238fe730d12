"""The calibration map against scikit-learn, and its laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from detectors.estimate.isotonic import rising

bins = st.lists(
    st.integers(0, 10**9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=30
)


def test_the_map_is_that_of_scikit_learn():
    g = np.random.default_rng(1)
    rows = g.integers(1, 500, 50)
    hits = g.binomial(rows, np.linspace(0.1, 0.9, 50))

    oracle = IsotonicRegression().fit_transform(np.arange(50), (hits + 0.5) / (rows + 1), sample_weight=rows)

    assert rising(hits, rows) == pytest.approx(oracle)


@given(bins)
def test_the_map_never_falls_and_is_never_certain(given_bins):
    hits, rows = zip(*given_bins, strict=True)

    found = rising(hits, rows)

    assert (np.diff(found) >= 0).all()
    assert ((found > 0) & (found < 1)).all()


def test_an_empty_bin_goes_along_with_its_neighbours():
    assert rising([900, 0, 950], [1_000, 0, 1_000])[1] == pytest.approx(0.9, abs=1e-3)


def test_no_bins_are_no_map():
    assert rising([], []).shape == (0,)


@pytest.mark.parametrize(("hits", "rows"), [([2], [1]), ([-1], [1]), ([np.nan], [1]), ([1], [np.inf]), ([1, 1], [1])])
def test_what_are_no_counts_is_refused_with_a_sentence(hits, rows):
    with pytest.raises(ValueError, match="need 0 <= hits <= rows"):
        rising(hits, rows)
