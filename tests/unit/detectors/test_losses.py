import math

import numpy as np
import pytest
from scipy import stats

from detectors.losses import Z999, Losses, pane_mean, worse_than


def test_the_bound_is_that_of_the_normal_distribution():
    worse = worse_than(Losses(1_000, 0.6, 0.5), 0.45, 0.01, tolerance=0.02)

    assert pytest.approx(stats.norm.ppf(0.999)) == Z999
    assert worse.limit == pytest.approx(0.49)
    assert worse.lo == pytest.approx(0.6 - Z999 * 0.5 / math.sqrt(1_000))
    assert worse.is_worse


def test_dependence_widens_it():
    losses = Losses(1_000, 0.6, 0.5)

    assert not worse_than(losses, 0.45, 0.01, 0.02, design_effect=9).is_worse


@pytest.mark.parametrize("losses", [Losses(0, math.nan, 0.0), Losses(199, 9.0, 0.1)])
def test_too_few_labels_are_never_worse(losses):
    worse = worse_than(losses, 0.1, 0.0, 0.0)

    assert not worse.is_worse
    assert (worse.statistic, worse.lo) == (0.0, -math.inf)


def test_losses_without_spread_are_judged():
    assert worse_than(Losses(1_000, 1.0, 0.0), 0.1, 0.01, 0.0).is_worse
    assert not worse_than(Losses(1_000, 0.0, 0.0), 0.0, 0.0, 0.0).is_worse


def test_an_unchanged_loss_is_hardly_ever_worse():
    g = np.random.default_rng(1)
    found = [
        worse_than(Losses(500, x.mean(), x.std(ddof=1)), 1.0, 0.0, 0.0).is_worse
        for x in g.exponential(size=(2_000, 500))
    ]

    assert sum(found) <= 8


def test_independent_rows_have_no_design_effect():
    g = np.random.default_rng(2)
    x = g.exponential(size=(200, 100))

    found = pane_mean([100] * 200, x.sum(1), (x**2).sum(1))

    assert found.mean == pytest.approx(x.mean())
    assert found.se == pytest.approx(1 / math.sqrt(20_000), rel=0.15)
    assert found.design_effect < 1.3


def test_panes_that_differ_have_one():
    g = np.random.default_rng(3)
    x = g.standard_normal((200, 100)) + g.standard_normal((200, 1))

    assert pane_mean([100] * 200, x.sum(1), (x**2).sum(1)).design_effect == pytest.approx(50, rel=0.4)


@pytest.mark.parametrize("panes", [0, 1])
def test_one_pane_says_nothing_of_the_error(panes):
    found = pane_mean([5] * panes, [1.0] * panes, [1.0] * panes)

    assert math.isnan(found.mean)
    assert found.se == math.inf
