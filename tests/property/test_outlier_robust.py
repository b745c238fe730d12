"""Whatever the reference and the panes hold: outliers are counted or not watched, without warning and without NaN."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.artifact import decode, encode
from detectors.outliers.distance import squared_distances
from detectors.outliers.profile import fit_outlier_profile
from detectors.outliers.trees import strangeness
from detectors.outliers.watch import OutlierWatch, Thresholds, watched
from detectors.reference import fit_reference

PANES, ROWS = 60, 50
N = PANES * ROWS
HOURS = np.repeat(np.arange(PANES), ROWS) * 3_600_000

COLUMNS = {
    "normal": lambda g: g.standard_normal(N),
    "the same again": lambda g: np.linspace(-3, 3, N),
    "and again": lambda g: np.linspace(-3, 3, N),
    "all missing": lambda g: np.full(N, np.nan),
    "constant": lambda g: np.full(N, 3.25),
    "two values": lambda g: (g.random(N) < 0.3) * 1.0,
    "infinite": lambda g: np.where(g.random(N) < 0.1, np.inf, g.standard_normal(N)),
    "huge": lambda g: g.standard_normal(N) * 1e307,
    "one row": lambda g: (np.arange(N) == 7) * 1.0,
}


def reference_of(names):
    g = np.random.default_rng(1)
    columns = {name: COLUMNS[name](g) for name in names}
    return fit_reference(columns, dict.fromkeys(names, "number"), HOURS, pane_ms=3_600_000)


@settings(max_examples=40, deadline=None)
@given(st.sets(st.sampled_from(sorted(COLUMNS)), min_size=1))
def test_outliers_of_any_columns_are_few_or_not_watched(names):
    reference = reference_of(sorted(names))
    found = reference.outliers
    if found is None:
        assert reference.panel.joint is None
        return
    d = len(reference.panel.joint.features)
    scores = np.random.default_rng(2).integers(-128, 129, (50, d))

    assert np.isfinite(found.precision).all()
    assert np.isfinite(squared_distances(found.precision, scores)).all()
    assert 0 < found.profile.expected(0) <= 0.01
    assert decode(encode(reference)).outliers.profile == found.profile


@pytest.mark.parametrize("names", [["all missing", "constant"], ["normal"]])
def test_a_single_feature_that_varies_has_no_outliers_of_its_own(names):
    assert reference_of(names).outliers is None


counts = st.lists(st.tuples(st.integers(0, 10**9), st.floats(0, 1)), min_size=1, max_size=70)


@settings(max_examples=80, deadline=None)
@given(counts, counts, st.integers(1, 30), st.sampled_from([1, 1, 2, 24]))
def test_any_counts_give_a_probability_and_finite_evidence(reference, panes, smallest, phases):
    rows, outliers = _counted(reference * 2 * phases if phases > 1 else reference)
    profile = fit_outlier_profile(outliers, rows, np.arange(len(rows)), smallest, phases)
    state = OutlierWatch()
    for pane, (n, k) in enumerate(zip(*_counted(panes), strict=True)):
        state, found = watched(profile, state, pane, int(k), int(n), Thresholds(9.0, 1e-4))
        if found is not None:
            assert 0 <= found.p <= 1
            assert math.isfinite(found.log_evidence)
    assert profile.dependence >= 1
    assert 0 < profile.expected(0) < 1


def _counted(panes):
    rows = np.array([n for n, _ in panes], np.int64)
    return rows, np.array([int(n * share) for n, share in panes], np.int64)


@pytest.mark.parametrize("names", [["normal", "constant"], sorted(COLUMNS)])
def test_trees_of_any_columns_are_whole(names):
    g = np.random.default_rng(1)
    columns = {name: COLUMNS[name](g) for name in names}
    kinds = dict.fromkeys(names, "number")
    reference = fit_reference(columns, kinds, HOURS, pane_ms=3_600_000, outliers="trees")

    scores = np.random.default_rng(2).integers(-128, 129, (50, len(reference.panel.joint.features)))
    assert (strangeness(reference.outliers.forest, scores) < 0).all()
    assert encode(decode(encode(reference))) == encode(reference)
    assert fit_reference(columns, kinds, HOURS, pane_ms=3_600_000, outliers="none").outliers is None
