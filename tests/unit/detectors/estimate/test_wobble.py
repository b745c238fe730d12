"""Offsets of the log odds: their covariance by moments, and what they do to a metric."""

import numpy as np
import pytest

from detectors.estimate.wobble import Offset, covariance, response


def windows(g, truth, count, noise):
    """Return offsets of windows whose log odds wander with this covariance, seen with this variance."""
    slopes = g.uniform(50, 150, (count, 2))
    excess = slopes * g.multivariate_normal([0, 0], truth, count) + g.normal(0, np.sqrt(noise), (count, 2))
    return [Offset(one, np.full(2, noise), slope) for one, slope in zip(excess, slopes, strict=True)]


def test_the_covariance_is_found_beneath_the_noise():
    truth = np.array([[0.04, 0.03], [0.03, 0.09]])

    assert covariance(windows(np.random.default_rng(1), truth, 5_000, noise=400.0)) == pytest.approx(truth, rel=0.15)


@pytest.mark.parametrize("noise", [1.0, 400.0])
def test_windows_that_differ_by_chance_alone_do_not_wander(noise):
    g = np.random.default_rng(2)
    found = [covariance(windows(g, np.zeros((2, 2)), 20, noise)).any() for _ in range(500)]

    assert np.mean(found) < 0.04


def test_few_windows_leave_room_for_a_covariance_that_they_did_not_show():
    """Of eight windows the mean is raised by Student's factor, 1.38."""
    truth, g = np.diag([0.09, 0.09]), np.random.default_rng(4)
    found = np.mean([covariance(windows(g, truth, 8, noise=1.0)) for _ in range(1_000)], axis=0)

    assert np.diag(found) == pytest.approx([0.09 * 1.38] * 2, rel=0.05)


def test_a_covariance_is_never_negative():
    """Offsets that always go together, seen with noise: uncut, one direction would vary less than not at all."""
    found = covariance(windows(np.random.default_rng(3), np.full((2, 2), 0.05), 20, 400.0))

    assert np.linalg.eigvalsh(found).min() >= -1e-15


@pytest.mark.parametrize("offsets", [[], [Offset(np.zeros(2), np.zeros(2), np.zeros(2))]])
def test_without_rows_nothing_wanders(offsets):
    assert (covariance(offsets) == 0).all()


def test_offsets_that_cancel_in_a_metric_do_not_move_it():
    gradient = np.array([[-1.0, 1.0], [-1.0, 1.0]])
    moved = response(gradient, np.full((2, 2), 3.0))

    assert moved.tolist() == [-6.0, 6.0]
    assert moved @ np.ones((2, 2)) @ moved == 0
