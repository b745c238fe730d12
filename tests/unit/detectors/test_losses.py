import math

import numpy as np
import pytest

from detectors.losses import pane_mean


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
