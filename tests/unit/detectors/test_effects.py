"""Effect sizes against scipy on the same binned data."""

import numpy as np
import pytest
from scipy import spatial, stats

from detectors.effects import BIN_FLOOR, MEAN_FLOOR, NO_EFFECTS, above_floor, effects, psi
from detectors.reference import fit_reference

ROWS, PANES = 40_000, 80


def reference_of(values, kind="number"):
    panes = np.repeat(np.arange(PANES) * 60_000, len(values) // PANES)
    return fit_reference({"x": values}, {"x": kind}, panes, pane_ms=60_000).features[0]


@pytest.fixture(scope="module")
def normal():
    return reference_of(np.random.default_rng(1).standard_normal(ROWS))


@pytest.fixture(scope="module")
def carrier():
    texts = np.random.default_rng(2).choice(np.array(["UA", "AA", "DL", "B6"], object), ROWS, p=[0.4, 0.3, 0.2, 0.1])
    return reference_of(texts, "category")


def counts_of(ref, values):
    codes = ref.bins.number_codes(values) if ref.is_number else ref.bins.level_codes(values)
    return np.bincount(codes, minlength=ref.bins.width)


@pytest.mark.parametrize("shift", [0.0, 0.2, 1.0])
def test_distances_are_those_of_scipy(normal, shift):
    now = np.random.default_rng(3).standard_normal(2_000) + shift
    then = np.random.default_rng(1).standard_normal(ROWS)

    found = effects(normal, counts_of(normal, now))

    assert found.ks == pytest.approx(stats.ks_2samp(now, then).statistic, abs=0.02)
    assert found.w1 == pytest.approx(stats.wasserstein_distance(now, then) / then.std(), abs=0.03)
    assert found.mean_shift_sd == pytest.approx((now.mean() - then.mean()) / then.std(), abs=0.03)
    assert found.mean == pytest.approx(now.mean(), abs=0.03)
    assert found.sd == pytest.approx(now.std(), rel=0.05)


def test_ks_and_wasserstein_are_exact_on_the_binned_values(normal):
    now = counts_of(normal, np.random.default_rng(4).standard_normal(3_000) * 1.3)
    centre = np.array(normal.centres)
    share, then = now / now.sum(), normal.present_array

    found = effects(normal, now)

    order = np.arange(1, len(centre))
    assert found.ks == pytest.approx(np.abs(np.cumsum(share[order]) - np.cumsum(then[order])).max())
    assert found.w1 == pytest.approx(stats.wasserstein_distance(centre[1:], centre[1:], share[1:], then[1:]))


def test_jensen_shannon_and_total_variation_are_those_of_scipy(carrier):
    now = counts_of(carrier, ["UA"] * 500 + ["B6"] * 300 + ["ZZ"] * 10)
    share, then = now / now.sum(), np.array(carrier.shares)

    found = effects(carrier, now)

    assert found.js == pytest.approx(spatial.distance.jensenshannon(share, then, base=2))
    assert found.tv == pytest.approx(np.abs(share - then).sum() / 2)
    assert found.unseen_share == pytest.approx(10 / 810)
    assert found.gained_bin == carrier.bins.level_codes(["B6"])[0]


def test_psi_by_hand():
    now, then = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.75, 0.0])

    assert psi(now, then) == pytest.approx(0.25 * np.log(2) - 0.25 * np.log(0.5 / 0.75))


def test_psi_takes_a_small_share_for_an_empty_bin():
    assert psi(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == pytest.approx(0.5 * np.log(2) + 0.4999 * np.log(5_000))


def test_a_category_has_no_mean_and_no_distance(carrier):
    found = effects(carrier, counts_of(carrier, ["UA"] * 100))

    assert (found.ks, found.w1, found.mean_shift_sd, found.mean, found.sd) == (0, 0, 0, 0, 0)


def test_a_window_without_rows_has_no_effect(normal):
    assert effects(normal, np.zeros(normal.bins.width, np.int64)) == NO_EFFECTS
    assert above_floor(NO_EFFECTS, normal, 0) is None


def test_a_window_without_values_has_only_missing_ones(normal):
    found = effects(normal, counts_of(normal, np.full(500, np.nan)))

    assert found.missing_share == 1
    assert (found.ks, found.w1, found.mean, found.unseen_share) == (0, 0, 0, 0)
    assert above_floor(found, normal, 500).name == "missing_share"


def test_a_constant_that_changes_shows_without_a_division_by_its_spread():
    ref = reference_of(np.full(ROWS, 3.25))
    found = effects(ref, counts_of(ref, np.full(500, 4.0)))

    assert found.mean == 3.25
    assert found.unseen_share == 1
    assert found.mean_shift_sd > 1


def test_a_shift_is_above_its_floor_and_chance_is_below(normal):
    g = np.random.default_rng(6)
    moved = counts_of(normal, g.standard_normal(2_000) + 0.3)
    same = [counts_of(normal, g.standard_normal(2_000)) for _ in range(50)]

    assert above_floor(effects(normal, moved), normal, 2_000) is not None
    assert sum(above_floor(effects(normal, c), normal, 2_000) is not None for c in same) <= 2


def test_fewer_missing_values_are_no_alarm_of_their_own():
    g = np.random.default_rng(7)
    ref = reference_of(np.where(g.random(ROWS) < 0.3, np.nan, g.standard_normal(ROWS)))
    found = effects(ref, counts_of(ref, g.standard_normal(1_000)))

    assert above_floor(found, ref, 1_000).name != "missing_share"


def test_outputs_have_half_the_floor(normal):
    found = NO_EFFECTS._replace(mean_shift_sd=-0.07)

    assert above_floor(found, normal, 10_000) is None
    assert above_floor(found, normal, 10_000, scale=0.5) == ("mean_shift_sd", -0.07, MEAN_FLOOR / 2)


def test_one_bin_that_fills_is_named(normal):
    g = np.random.default_rng(8)
    values = np.where(g.random(20_000) < 0.03, 0.5, g.standard_normal(20_000))
    found = effects(normal, counts_of(normal, values))

    assert found.bin_gain > 2 * BIN_FLOOR
    assert found.gained_bin == normal.bins.number_codes([0.5])[0]
