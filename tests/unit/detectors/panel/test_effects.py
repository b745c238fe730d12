"""Effect sizes against scipy on the same binned data."""

import numpy as np
import pytest
from scipy import spatial, stats

from detectors.panel.effects import Effects, effects, window_cases
from detectors.panel.floors import Floors, is_material
from detectors.panel.much import how_much
from detectors.reference import fit_reference

ROWS, PANES = 40_000, 80
FLOORS = Floors()


def panel_of(values, kind="number"):
    panes = np.repeat(np.arange(PANES) * 60_000, len(values) // PANES)
    return fit_reference({"x": values}, {"x": kind}, panes, pane_ms=60_000).panel


@pytest.fixture(scope="module")
def normal():
    return panel_of(np.random.default_rng(1).standard_normal(ROWS))


@pytest.fixture(scope="module")
def carrier():
    texts = np.random.default_rng(2).choice(np.array(["UA", "AA", "DL", "B6"], object), ROWS, p=[0.4, 0.3, 0.2, 0.1])
    return panel_of(texts, "category")


def counts_of(panel, values):
    [bins] = panel.bins
    codes = bins.number_codes(values) if bins.kind == "number" else bins.level_codes(values)
    return np.bincount(codes, minlength=bins.width)


def found_in(panel, values):
    counts = counts_of(panel, values)
    found = effects(panel, window_cases(panel, counts[None].astype(float), int(counts.sum())))
    return Effects(*(effect[0] for effect in found))


def material(found, scale=1.0):
    return bool(is_material(Effects(*(np.array([effect]) for effect in found)), FLOORS, np.array([scale]))[0])


@pytest.mark.parametrize("shift", [0.0, 0.2, 1.0])
def test_distances_are_those_of_scipy(normal, shift):
    now = np.random.default_rng(3).standard_normal(2_000) + shift
    then = np.random.default_rng(1).standard_normal(ROWS)

    found = found_in(normal, now)

    assert found.ks == pytest.approx(stats.ks_2samp(now, then).statistic, abs=0.02)
    assert found.w1 == pytest.approx(stats.wasserstein_distance(now, then) / then.std(), abs=0.03)
    assert found.mean_shift_sd == pytest.approx((now.mean() - then.mean()) / then.std(), abs=0.03)


def test_ks_and_wasserstein_are_exact_on_the_binned_values(normal):
    values = np.random.default_rng(4).standard_normal(3_000) * 1.3
    now, [centre], [then] = counts_of(normal, values), normal.centres, normal.shares
    share, then = now[1:] / now[1:].sum(), then[1:] / then[1:].sum()

    found = found_in(normal, values)

    assert found.ks == pytest.approx(np.abs(np.cumsum(share) - np.cumsum(then)).max())
    assert found.w1 == pytest.approx(stats.wasserstein_distance(centre[1:], centre[1:], share, then))


def test_jensen_shannon_and_total_variation_are_those_of_scipy_less_what_chance_shows(carrier):
    values = ["UA"] * 50_000 + ["B6"] * 30_000 + ["ZZ"] * 1_000
    now, [then] = counts_of(carrier, values), carrier.shares

    found = found_in(carrier, values)

    assert found.js == pytest.approx(spatial.distance.jensenshannon(now / now.sum(), then, base=2), abs=1e-3)
    assert found.tv == pytest.approx(np.abs(now / now.sum() - then).sum() / 2, abs=0.01)
    assert found.rare == pytest.approx(1 / 81, abs=1e-4)
    assert found.gained_bin == carrier.bins[0].level_codes(["B6"])[0]


def test_a_category_has_no_mean_and_no_distance(carrier):
    found = found_in(carrier, ["UA"] * 100)

    assert (found.ks, found.w1, found.mean_shift_sd) == (0, 0, 0)


def test_a_window_without_rows_has_no_effect(normal):
    assert not any(found_in(normal, []))


def test_a_window_without_values_has_only_missing_ones(normal):
    found = found_in(normal, np.full(500, np.nan))

    assert (found.ks, found.w1, found.mean_shift_sd) == (0, 0, 0)
    assert found.rare == pytest.approx(1, abs=1e-4)
    assert material(found)


def test_a_constant_that_changes_shows_without_a_division_by_its_spread():
    found = found_in(panel_of(np.full(ROWS, 3.25)), np.full(500, 4.0))

    assert found.rare == pytest.approx(1, abs=1e-4)
    assert found.mean_shift_sd > 1


def test_a_shift_is_above_its_floor_and_chance_is_below(normal):
    g = np.random.default_rng(6)

    assert material(found_in(normal, g.standard_normal(2_000) + 0.3))
    assert sum(material(found_in(normal, g.standard_normal(10_000))) for _ in range(50)) <= 2


def test_fewer_missing_values_are_no_rare_effect():
    g = np.random.default_rng(7)
    panel = panel_of(np.where(g.random(ROWS) < 0.3, np.nan, g.standard_normal(ROWS)))

    assert found_in(panel, g.standard_normal(1_000)).rare < 0.005


def test_outputs_have_half_the_floor():
    shifted = Effects(*[0.0] * 8, 0)._replace(mean_shift_sd=-0.07)

    assert not material(shifted)
    assert material(shifted, scale=0.5)


def test_one_bin_that_fills_is_named(normal):
    g = np.random.default_rng(8)
    found = found_in(normal, np.where(g.random(20_000) < 0.03, 0.5, g.standard_normal(20_000)))

    assert found.bin_gain > 2 * FLOORS.bin_gain
    assert found.gained_bin == normal.bins[0].number_codes([0.5])[0]


def test_how_much_names_the_effect_that_lies_highest_above_its_floor():
    found = Effects(*[np.zeros(2)] * 8, np.zeros(2, np.int64))
    found = found._replace(js=np.array([0.06, 0.1]), mean_shift_sd=np.array([-0.5, 0.1]))

    much = how_much(found, FLOORS, np.array([1.0, 0.5]))

    assert [Floors._fields[effect] for effect in much.which] == ["mean_shift_sd", "js"]
    assert much.value.tolist() == [-0.5, 0.1]
    assert much.floor.tolist() == [0.1, 0.025]
