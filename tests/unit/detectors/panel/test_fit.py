import numpy as np
import pytest

from detectors.bins import fit_category, fit_number
from detectors.panel.fit import ReferenceCounts, fit_panel
from detectors.panel.panel import MIN_PANES
from detectors.panel.scales import choose_scales
from detectors.panel.status import INSUFFICIENT, JUDGED, LEARNING, statuses, warnings
from tests.unit.detectors.panel.streams import counted, panel_and_panes


@pytest.fixture(scope="module")
def normal():
    g = np.random.default_rng(3)
    return [g.standard_normal(80 * 500) for _ in range(4)]


def test_scores_are_orthonormal_under_the_reference(normal):
    panel, _ = panel_and_panes(normal, 500, 80)
    products = np.einsum("fw,fwi,fwj->fij", panel.shares, panel.scores, panel.scores)
    assert np.allclose(products, np.eye(5), atol=1e-3)
    assert panel.live.all()


def test_independent_rows_have_a_design_effect_and_ratios_near_one(normal):
    panel, _ = panel_and_panes(normal, 500, 80)
    assert (panel.design_effects < 1.8).all()
    assert (panel.ratios < 2).all()
    assert (panel.effective_panes > 40).all()
    assert panel.is_stationary


def test_wandering_panes_cost_effective_rows_and_panes():
    g = np.random.default_rng(3)
    walk = np.cumsum(g.standard_normal(80)) * 0.3
    panel, _ = panel_and_panes([np.repeat(walk, 500) + g.standard_normal(80 * 500)], 500, 80)
    assert panel.design_effects[0] > 50
    assert not panel.usable.any()
    assert not panel.is_stationary
    assert any("the reference itself drifts: x0" in warning for warning in warnings(panel))
    assert any("not watched at any scale up to 16 panes: x0" in warning for warning in warnings(panel))


def test_ratios_are_weighted_by_rows():
    """Small panes of noise among large ones that depend on each other must not hide the dependence."""
    g = np.random.default_rng(4)
    rows = np.tile([2_000, 40], 120)
    wander = np.repeat(np.repeat(g.standard_normal(30) * 0.2, 8), rows)
    bins, counts = counted([wander + g.standard_normal(rows.sum())], rows, 240)
    panel = fit_panel(ReferenceCounts(bins, counts, rows), (1, 4, 16))
    assert panel.largest_ratios[1, 0] > 2


def test_scales_begin_where_a_window_has_400_effective_rows(normal):
    panel, _ = panel_and_panes(normal, 400, 80, scales=None)
    assert panel.scales == (2, 8, 32)
    small, _ = panel_and_panes(normal, 100, 400, scales=None)
    assert small.scales == (5, 20, 80)
    assert choose_scales(10.0, np.ones(3), 60) == (5, 20, 80)


def test_a_short_reference_learns_and_says_so(normal):
    panel, _ = panel_and_panes([x[: 44 * 500] for x in normal], 500, 44)
    assert not panel.can_alarm
    assert not panel.usable.any()
    said = statuses(panel, 0, 500)
    assert said[0] == (LEARNING, "44 panes: too few to alarm, 60 needed, 200 wanted")
    assert warnings(panel) == (said[0].reason,)


def test_too_few_effective_rows_are_insufficient_in_words():
    g = np.random.default_rng(5)
    panel, _ = panel_and_panes([g.standard_normal(80 * 250)], 250, 80)
    first, second = statuses(panel, 0, 250)[0], statuses(panel, 2, 4_000)[0]
    assert first == (INSUFFICIENT, f"n_eff {250 / panel.design_effects[0]:.0f} < 400")
    assert second == (JUDGED, "")
    assert "in a window of" in statuses(panel, 2, 30)[0].reason


def test_phases_have_means_and_shares_of_their_own():
    g = np.random.default_rng(6)
    cycle = np.repeat(np.tile(np.sin(2 * np.pi * np.arange(12) / 12), 10), 500)
    x = cycle + g.standard_normal(len(cycle))
    seasonal, _ = panel_and_panes([x], 500, 120, phases=12)
    plain, _ = panel_and_panes([x], 500, 120)
    assert seasonal.means.shape == (12, 1, 5)
    assert np.ptp(seasonal.means[:, 0, 0]) > 1
    assert seasonal.design_effects[0] < 2 < plain.design_effects[0]
    assert np.allclose(seasonal.phase_shares.sum(2), 1)


def test_unseen_levels_expect_what_good_and_turing_say():
    bins = (fit_category("c", ["a"] * 6 + ["b"] * 3 + ["once"]),)
    counts = np.tile([0, 0, 60, 30, 10], (MIN_PANES, 1, 1))
    rows = np.full(MIN_PANES, 100)
    none, some = (fit_panel(ReferenceCounts(bins, counts, rows, np.array([once])), (1, 4, 16)) for once in (0, 60))
    assert none.shares[0, 1] < 1e-3 < some.shares[0, 1] < 0.02
    assert not some.scores[0, 1].any()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda counts, rows: (counts[:, :, :-1], rows), "need counts"),
        (lambda counts, rows: (counts, rows * 0), "panes must have rows"),
        (lambda counts, rows: (counts, rows + 1), "add up"),
    ],
)
def test_counts_that_do_not_fit_are_refused(change, words):
    bins = (fit_number("x", [1.0, 2.0]),)
    counts, rows = np.tile([0, 0, 5, 5, 0], (60, 1, 1)), np.full(60, 10)
    with pytest.raises(ValueError, match=words):
        fit_panel(ReferenceCounts(bins, *change(counts, rows)))


def test_a_cycle_needs_two_whole_ones():
    bins = (fit_number("x", [1.0, 2.0]),)
    with pytest.raises(ValueError, match="twice or more"):
        fit_panel(ReferenceCounts(bins, np.tile([0, 0, 5, 5, 0], (60, 1, 1)), np.full(60, 10)), phases=48)
