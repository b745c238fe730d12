"""Estimates of a regression's loss without labels: intervals, what is not defined, extremes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from detectors.estimate.dle import CellLosses, cell_losses, fit_dle, prediction_bins, prediction_edges
from detectors.estimate.interval import COVARIATE_SHIFT_ONLY, Undefined

WIDTH = 10


def windows_of(g, count, wobble=0.0):
    """Windows of 1,000 rows in 10 cells; cell c has an exponential loss of mean c + 1, times what wobbles."""
    sums = []
    for _ in range(count):
        cells = g.integers(0, WIDTH, 1_000)
        losses = g.exponential(cells + 1.0) * math.exp(g.normal(0, wobble))
        sums.append(cell_losses(cells, losses, WIDTH))
    return CellLosses(*(np.stack(column) for column in zip(*sums, strict=True)))


@pytest.fixture(scope="module")
def model():
    return fit_dle(windows_of(np.random.default_rng(8), 30))


def test_the_loss_follows_the_predictions(model):
    low, high = (np.where(np.arange(WIDTH) == cell, 1_000, 0) for cell in (0, 9))

    assert model.estimate(low).value == pytest.approx(1.0, abs=0.1)
    assert model.estimate(high).value == pytest.approx(10.0, abs=1.0)


def test_the_interval_is_sampling_and_calibration_where_windows_are_alike(model):
    counts = np.full(WIDTH, 100)

    found = model.estimate(counts)

    variance = sum((c + 1) ** 2 * (0.1 / 1_000 + 0.1**2 / 3_000) for c in range(WIDTH))
    assert found.se == pytest.approx(math.sqrt(variance + model.tau2), rel=0.1)
    assert found.caveat == COVARIATE_SHIFT_ONLY


def test_windows_that_differ_beyond_chance_widen_the_interval(model):
    wobbling = fit_dle(windows_of(np.random.default_rng(8), 30, wobble=0.2))

    assert math.sqrt(wobbling.tau2) == pytest.approx(0.2 * 5.5, rel=0.4)
    assert wobbling.estimate(np.full(WIDTH, 10**8)).se > 3 * model.estimate(np.full(WIDTH, 10**8)).se


def test_two_inputs_make_cells_as_well():
    x, z = np.array([0.1, 0.9, 0.9]), np.array([1, 0, 1])
    cells = np.ravel_multi_index((prediction_bins(x, np.array([0.5])), z), (2, 2))

    assert cell_losses(cells, [1.0, 2.0, 3.0], 4).total.tolist() == [0.0, 1.0, 2.0, 3.0]


@given(of_numpy.arrays(np.int64, (WIDTH,), elements=st.sampled_from([0, 0, 1, 10**9])))
def test_whatever_the_pane_the_estimate_is_a_number_or_says_why_not(model, counts):
    said = model.estimate(counts)

    assert isinstance(said, Undefined) == (not counts.any())
    assert isinstance(said, Undefined) or 0 <= said.lo <= said.value <= said.hi < math.inf


@pytest.mark.parametrize("loss", [0.0, 1e-310, 1.0, 1e150])
@pytest.mark.parametrize("windows", [1, 2, 20])
def test_zero_and_huge_losses_are_numbers(loss, windows):
    rows = np.zeros((windows, WIDTH))
    rows[:, 3] = 100
    sums = CellLosses(rows, rows * loss, rows * loss * loss)

    said = fit_dle(sums).estimate(np.full(WIDTH, 10))

    assert said.value == pytest.approx(loss, rel=1e-9)
    assert math.isfinite(said.hi)


@pytest.mark.parametrize(
    "refused",
    [
        lambda m: m.estimate(np.full(WIDTH, -1)),
        lambda m: m.estimate(np.ones(WIDTH)),
        lambda m: m.estimate(np.ones(3, int)),
        lambda m: fit_dle(CellLosses(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 3)))),
        lambda m: fit_dle(CellLosses(np.ones((2, 3)), np.full((2, 3), np.nan), np.ones((2, 3)))),
        lambda m: fit_dle(CellLosses(np.ones((2, 3)), np.ones((2, 3)), np.full((2, 3), np.inf))),
        lambda m: fit_dle(CellLosses(np.ones((2, 3)), -np.ones((2, 3)), np.ones((2, 3)))),
        lambda m: fit_dle(CellLosses(np.ones((2, 3)), np.ones((2, 2)), np.ones((2, 3)))),
        lambda m: prediction_edges([]),
        lambda m: prediction_edges([1.0, np.inf]),
        lambda m: prediction_bins([np.nan], np.array([0.5])),
        lambda m: cell_losses(np.array([0]), [-1.0], 2),
        lambda m: cell_losses(np.array([0]), [np.nan], 2),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(model, refused):
    with pytest.raises(ValueError, match=r"need|losses are"):
        refused(model)
