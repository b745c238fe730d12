"""Errors of a regression, cut where they are judged."""

import math

import numpy as np
import pytest

from detectors.performance import REGRESSION_METRICS, accumulate_truths, task_sums
from detectors.reference import Answers, decode, encode, fit_reference
from detectors.row_losses import cut_losses, cut_name, row_losses


def rows(seed, n=4_000, scale=1.0):
    g = np.random.default_rng(seed)
    truth = g.standard_normal(n)
    return truth + scale * g.standard_normal(n) + np.where(g.random(n) < 0.002, 1e4, 0.0), truth


def test_the_mean_loss_that_is_judged_has_errors_cut_and_the_metrics_have_not():
    predicted, truth = rows(1)
    error = np.abs(predicted - truth)
    clip, cut = cut_losses(row_losses("regression", predicted, truth))
    sums = task_sums("regression")
    (ints, floats), (plain_ints, plain_floats) = sums.tables(1), sums.tables(1)
    accumulate_truths(ints, floats, np.zeros(len(truth), np.int64), predicted, truth, clip)
    sums.label(plain_ints, plain_floats, np.zeros(len(truth), np.int64), predicted, truth)

    for metric, power in (("mae", 1), ("rmse", 2)):
        assert sums.losses(ints[0], floats[0], metric).mean == pytest.approx((np.minimum(error, clip) ** power).mean())
        assert cut[metric].mean() == pytest.approx((np.minimum(error, clip) ** power).mean())
        assert sums.losses(plain_ints[0], plain_floats[0], metric).mean == pytest.approx((error**power).mean())
    found, whole = sums.metrics(ints[0], floats[0]), sums.metrics(plain_ints[0], plain_floats[0])
    assert [found[name] for name in REGRESSION_METRICS] == [whole[name] for name in REGRESSION_METRICS]


def test_a_reference_promises_both_and_keeps_the_clip_point():
    predicted, truth = rows(2)
    answers = Answers("regression", predicted, truth)

    reference = decode(
        encode(fit_reference({"x": truth}, {"x": "number"}, np.arange(4_000) // 50, pane_ms=1, answers=answers))
    )

    promise = reference.promise
    assert promise.clip == np.quantile(np.abs(predicted - truth), 0.995, method="inverted_cdf")
    assert promise.losses[cut_name("rmse")].squares[0] < promise.losses["rmse"].squares[0] / 1e6


def test_losses_with_bounds_are_not_cut():
    assert cut_losses(row_losses("binary", np.array([0.5]), np.array([1.0]))) == (math.inf, {})


def test_errors_of_nothing_are_not_cut():
    nothing = row_losses("regression", np.array([np.nan]), np.array([1.0]))

    assert cut_losses(nothing)[0] == math.inf
