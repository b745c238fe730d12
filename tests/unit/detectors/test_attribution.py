import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from detectors.attribution import Curve, attributed, importance, moved_by_bin, spreads
from detectors.columns import count_by_pane
from detectors.panel.windows import windows_of
from detectors.reference import fit_reference

LINE = Curve((-4.0, 4.0), (-4.0, 4.0))


def numbers(kind, seed, n, rows):
    g = np.random.default_rng(seed)
    if kind == "alike":
        return g.standard_normal(n)
    if kind == "autocorrelated":
        return lfilter([math.sqrt(1 - 0.81)], [1, -0.9], g.standard_normal(n))
    means = lfilter([0.6], [1, -0.8], g.standard_normal(n // rows)) * 0.05
    return g.standard_normal(n) + np.repeat(means, rows)


def fitted(kind, seed, panes=200, rows=500, later=100):
    """A panel of a reference, and the counts of panes after it."""
    values = numbers(kind, seed, (panes + later) * rows, rows)
    pane = np.repeat(np.arange(panes + later), rows)
    panel = fit_reference({"x": values[: panes * rows]}, {"x": "number"}, pane[: panes * rows], pane_ms=1).panel
    codes = panel.bins[0].number_codes(values)
    return panel, count_by_pane(codes, panel.bins[0].width, pane, panes + later)[panes:, None]


def judged(panel, counts, shift=0.0, scale=0):
    moved = moved_by_bin(panel, {"x": LINE})
    m = panel.scales[scale]
    windows = counts[: len(counts) // m * m].reshape(-1, m, *counts.shape[1:]).sum(1)
    rows = windows.sum(2)[:, 0]
    return attributed(panel, windows_of(panel, windows, rows, np.full(len(rows), scale)), moved)


@pytest.mark.parametrize("kind", ["alike", "autocorrelated", "wandering"])
def test_under_no_change_small_p_values_are_no_more_frequent_than_they_say(kind):
    p = np.concatenate([judged(*fitted(kind, seed, later=60)).p.ravel() for seed in range(100)])

    assert (p < 0.05).mean() <= 0.06
    assert (p < 0.01).mean() <= 0.015


def test_the_change_is_how_far_the_mean_answer_has_moved():
    panel, _ = fitted("alike", 1)
    values = np.random.default_rng(3).standard_normal(50_000) + 0.5
    counts = np.bincount(panel.bins[0].number_codes(values), minlength=panel.bins[0].width)[None, None]

    found = attributed(
        panel, windows_of(panel, counts, np.array([50_000]), np.array([0])), moved_by_bin(panel, {"x": LINE})
    )

    assert found.change[0, 0] == pytest.approx(0.5, abs=0.02)
    assert found.low[0, 0] < 0.5 < found.high[0, 0]
    assert found.p[0, 0] < 1e-6


def test_bins_have_the_values_of_the_curve_in_their_middle_and_levels_their_own():
    reference = fit_reference(
        {"x": np.arange(6_000) % 2, "c": list("aab" * 2_000), "z": np.arange(6_000) % 7},
        {"x": "number", "c": "category", "z": "number"},
        np.arange(6_000) // 100 * 3_600_000,
        pane_ms=3_600_000,
    )
    curves = {"x": Curve((0.0, 1.0), (1.0, 3.0), missing=-1.0), "c": Curve(levels={"a": 2.0}, other=5.0, missing=7.0)}

    moved = moved_by_bin(reference.panel, curves)

    assert moved[0, :5].tolist() == pytest.approx([-1.0, 1.0, 1.0, 3.0, 3.0])
    assert moved[1, :4].tolist() == [7.0, 5.0, 2.0, 5.0]
    assert not moved[2].any()
    spread = spreads(reference.panel, moved)
    assert importance(reference.panel, moved).tolist() == [*(spread[:2] / spread[:2].mean()).tolist(), 1.0]


def test_a_model_that_goes_by_nothing_ranks_nothing():
    panel, _ = fitted("alike", 1)

    assert importance(panel, np.zeros(panel.shares.shape)).tolist() == [1.0]


SIZES = st.one_of(st.just(0.0), st.floats(-1e100, 1e100))


@settings(max_examples=60, deadline=None)
@given(st.lists(SIZES, min_size=2, max_size=6, unique=True), st.sampled_from([0.0, 1.0, -1e100]), st.integers(1, 10**9))
def test_any_curve_of_any_feature_gives_numbers(knots, size, rows):
    columns = {"missing": np.full(600, np.nan), "one": np.full(600, 3.0), "huge": np.arange(600) * 1e305 - 9e307}
    reference = fit_reference(columns, dict.fromkeys(columns, "number"), np.arange(600) // 10, pane_ms=1)
    panel = reference.panel
    curve = Curve(tuple(sorted(knots)), tuple(size * i for i in range(len(knots))), missing=size)
    counts = np.zeros((1, *panel.shares.shape), np.int64)
    counts[0, :, 0] = rows

    moved = moved_by_bin(panel, dict.fromkeys(columns, curve))
    found = attributed(panel, windows_of(panel, counts, np.array([rows]), np.array([0])), moved)

    assert all(np.isfinite(field).all() for field in found)
    assert ((found.p >= 0) & (found.p <= 1)).all()
    assert np.isfinite(importance(panel, moved)).all()
