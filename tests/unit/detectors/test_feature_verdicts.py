import numpy as np
import pytest

from detectors.feature_test import INSUFFICIENT, JUDGED, judge
from detectors.reference import fit_reference

LEVELS = np.array(["UA", "AA", "DL", "B6", "F9"], object)
SHARES = [0.5, 0.3, 0.15, 0.045, 0.005]


def drawn(g, n, shift=0.0):
    return {"x": g.standard_normal(n) + shift, "carrier": g.choice(LEVELS, n, p=SHARES)}


def fitted(panes=200, rows=500, seed=1):
    kinds = {"x": "number", "carrier": "category"}
    columns = drawn(np.random.default_rng(seed), panes * rows)
    return fit_reference(columns, kinds, np.repeat(np.arange(panes), rows), pane_ms=1)


@pytest.fixture(scope="module")
def reference():
    return fitted()


def verdict(reference, name, values, panes=1):
    feature = reference.feature(name)
    codes = feature.bins.number_codes(values) if feature.is_number else feature.bins.level_codes(values)
    return judge(feature, reference, np.bincount(codes, minlength=feature.bins.width), panes)


@pytest.mark.parametrize("shift", [0.3, -0.3])
def test_a_moved_mean_is_found_by_its_location(reference, shift):
    found = verdict(reference, "x", np.random.default_rng(2).standard_normal(1_000) + shift, panes=2)

    assert found.p < 1e-6
    assert found.p == 3 * min(found.p_location, found.p_hotelling, found.p_bins)
    assert found.reason.startswith("location")


def test_a_wider_spread_is_found_by_the_shape(reference):
    found = verdict(reference, "x", np.random.default_rng(3).standard_normal(2_000) * 1.2, panes=4)

    assert found.p < 1e-4
    assert found.p_location > 0.01


def test_a_spike_is_found_in_its_bin(reference):
    g = np.random.default_rng(4)
    values = np.where(g.random(2_000) < 0.05, 0.51, g.standard_normal(2_000))

    found = verdict(reference, "x", values, panes=4)

    assert found.p < 1e-6
    assert found.worst_bin == reference.feature("x").bins.number_codes([0.51])[0]


def test_levels_that_change_places_are_found(reference):
    values = np.random.default_rng(5).choice(LEVELS, 1_000, p=[0.4, 0.4, 0.15, 0.045, 0.005]).tolist()

    assert verdict(reference, "carrier", values, panes=2).p < 1e-6


def test_a_level_never_seen_is_found(reference):
    values = [*np.random.default_rng(6).choice(LEVELS, 990, p=SHARES), *["XX"] * 10]

    found = verdict(reference, "carrier", values, panes=2)

    assert found.p < 1e-4
    assert reference.feature("carrier").bins.label(found.worst_bin) == "unseen"
    assert "unseen: 0.00% in the reference, 1.00% now" in found.reason


def test_missing_values_are_found(reference):
    values = np.random.default_rng(7).standard_normal(1_000)
    values[:20] = np.nan

    found = verdict(reference, "x", values, panes=2)

    assert found.p < 1e-4
    assert found.worst_bin == 0


def test_the_same_as_the_reference_is_not_found(reference):
    g = np.random.default_rng(8)
    p = [verdict(reference, "x", g.standard_normal(1_000), panes=2).p for _ in range(100)]

    assert min(p) > 1e-4
    assert np.mean(np.array(p) < 0.05) <= 0.1


def test_too_few_rows_are_not_judged(reference):
    found = verdict(reference, "x", np.random.default_rng(9).standard_normal(200) + 9)

    assert found.status == INSUFFICIENT
    assert found.p == found.p_bins == found.p_location == found.p_hotelling == 1
    assert found.reason == f"n_eff {found.n_eff:.0f} < 400"


def test_too_few_reference_panes_are_not_judged():
    found = verdict(fitted(panes=44), "x", np.full(1_000, 9.0))

    assert found.status == INSUFFICIENT
    assert found.reason == "44 panes: too few to alarm, 60 needed, 200 wanted"


def test_an_empty_window_is_not_judged(reference):
    found = verdict(reference, "x", [])

    assert (found.status, found.n, found.p) == (INSUFFICIENT, 0, 1.0)


def test_a_billion_rows_are_judged_without_overflow(reference):
    feature = reference.feature("x")
    counts = (np.array(feature.shares) * 10**9).astype(np.int64)

    found = judge(feature, reference, counts)

    assert found.status == JUDGED
    assert found.p > 0.05


@pytest.mark.parametrize(("counts", "panes"), [(np.zeros(3, np.int64), 1), (None, 0)])
def test_counts_of_another_width_are_refused(reference, counts, panes):
    feature = reference.feature("x")
    counts = np.zeros(feature.bins.width, np.int64) if counts is None else counts

    with pytest.raises(ValueError, match="panes >= 1"):
        judge(feature, reference, counts, panes)
