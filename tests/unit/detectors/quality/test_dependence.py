"""How many panes count as one."""

import numpy as np
import pytest
from scipy import signal

from detectors.quality.dependence import dependence


def autoregression(phi, panes, series, seed=1):
    steps = np.random.default_rng(seed).standard_normal((panes + 200, series)) * np.sqrt(1 - phi**2)
    return signal.lfilter([1], [1, -phi], steps, axis=0)[200:]


@pytest.mark.parametrize("phi", [0.3, 0.6, 0.9])
def test_long_series_say_what_their_autoregression_is(phi):
    found = dependence(autoregression(phi, 20_000, 8))

    assert np.median(found.panes) == pytest.approx((1 + phi) / (1 - phi), rel=0.15)
    assert np.median(found.squares) == pytest.approx((1 - phi**2) / (1 + phi**2), rel=0.15)


def test_independent_panes_count_for_themselves():
    found = dependence(autoregression(0.0, 200, 500))

    assert np.median(found.panes) < 1.1
    assert found.squares.mean() > 0.95


@pytest.mark.parametrize("panes", [60, 200])
def test_short_references_are_not_thought_more_independent_than_they_are(panes):
    found = dependence(autoregression(0.9, panes, 2_000))

    assert np.median(found.panes) >= 19 * 0.8


def test_what_sampling_hides_is_found():
    wandering = autoregression(0.9, 2_000, 50)
    noisy = wandering + np.random.default_rng(2).standard_normal(wandering.shape) * 2

    assert np.median(dependence(noisy, 1 / 5).panes) > 19 * 0.8
    assert np.median(dependence(noisy).panes) < 3


@pytest.mark.parametrize("residuals", [np.zeros((60, 2)), np.full((60, 2), 0.1), np.ones((1, 2)), np.eye(60)[:, :2]])
def test_series_without_variance_or_with_one_outlier_are_independent(residuals):
    found = dependence(residuals)

    assert found.panes == pytest.approx(1)
    assert found.squares == pytest.approx(1)
