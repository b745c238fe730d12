"""The loss e-CUSUM: its definition, its guarantee for whatever distribution, and extremes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.evidence import cusum
from detectors.evidence.loss_sums import clip_point, clipped_sums, loss_sums
from detectors.evidence.losses import LAMBDAS, LossTest, fit_losses

ONE = LossTest(limits=(1.0,), design_effects=(1.0,))
DRAWS = {
    "exponential": lambda g, shape: g.exponential(size=shape),
    "lognormal": lambda g, shape: np.exp(g.standard_normal(shape) - 0.5),
    "rare": lambda g, shape: (g.random(shape) < 0.01) * 100.0,
    "constant": lambda g, shape: np.ones(shape),
    "pareto": lambda g, shape: g.pareto(1.5, shape) * 0.5,
}


def sums(losses):
    return loss_sums([losses.shape[-1]] * len(losses), losses.sum(axis=1), (losses * losses).sum(axis=1))


def test_evidence_is_fans_bound_on_each_row():
    losses = np.array([[0.2, 3.0, 1.4, 0.0, 2.2]])

    _, log_e = ONE.update(ONE.start(), *sums(losses))

    y, bets = losses[0] - 1, np.array(LAMBDAS)[:, None]
    rows = bets * y - (-np.log(1 - bets) - bets) * y * y
    assert math.exp(log_e[0]) == pytest.approx(np.exp(rows.sum(axis=1)).mean())
    assert (rows <= np.log1p(bets * y) + 1e-12).all()


@pytest.mark.parametrize("name", DRAWS)
def test_alarms_come_no_sooner_than_said_whatever_the_distribution(name):
    g, streams, panes = np.random.default_rng(4), 200, 200
    test = LossTest((1.0,) * streams, (1.0,) * streams)
    state, alarms = test.start(), 0
    for _ in range(panes):
        state, log_e = test.update(state, *sums(DRAWS[name](g, (streams, 50))))
        alarms += int((log_e >= math.log(100)).sum())
        state = cusum.restarted(state, log_e >= math.log(100))

    assert alarms <= streams * panes / 100


def test_a_risen_loss_is_seen_though_some_rows_are_huge():
    g = np.random.default_rng(5)
    reference = np.exp(g.standard_normal(20_000))
    clip = clip_point(reference)
    cut = np.minimum(reference, clip)[None]
    test = fit_losses(sums(cut), clip=clip)
    state = test.start()
    for _ in range(40):
        losses = np.minimum(1.5 * np.exp(g.standard_normal((1, 100))), clip)
        losses[0, 0] = min(1e12, clip)
        state, log_e = test.update(state, *sums(losses))

    assert log_e[0] > math.log(1_000)


def test_a_tolerated_loss_is_never_evidence_in_the_long_run():
    test = fit_losses(loss_sums([20_000], [20_000.0], [40_000.0]), tolerance=0.2)
    state = test.start()
    for _ in range(100):
        state, log_e = test.update(state, [10_000], [12_000.0], [28_800.0])

    assert log_e[0] < 0


def test_a_segment_that_never_lost_anything_is_watched_only_with_a_tolerance():
    assert not fit_losses(loss_sums([1_000], [0.0], [0.0])).watched.any()
    assert fit_losses(loss_sums([1_000], [0.0], [0.0]), tolerance=1e-12).watched.all()


def test_small_references_are_not_watched_and_take_no_share():
    test = fit_losses(loss_sums([20_000, 199], [20_000.0, 199.0], [40_000.0, 398.0]))

    assert test.watched.tolist() == [True, False]
    assert test.log_alarm(1_000) == pytest.approx(math.log(1_000))
    _, log_e = test.update(test.start(), [10, 10], [10.0, 1e9], [20.0, 1e18])
    assert log_e[1] == 0


magnitudes = st.sampled_from([0.0, 1e-310, 1e-12, 1.0, 1e12, 1e150])


@given(st.integers(0, 10**9), magnitudes, magnitudes, st.sampled_from([1e-300, 1e-9, 1.0, 1e300]))
def test_evidence_is_always_a_number(n, total, squares, limit):
    test = LossTest((limit,), (1.0,))

    state, log_e = test.update(test.start(), [n], [total], [squares])

    assert np.isfinite(state).all()
    assert np.isfinite(log_e).all()


@pytest.mark.parametrize("rows", [1, 1_000, 10**9])
def test_losses_that_are_huge_alone_are_no_evidence_of_a_mean(rows):
    """One row cannot prove a mean: its square weighs more than itself."""
    _, log_e = ONE.update(ONE.start(), [rows], [1e150], [1e300])

    assert log_e[0] < 0


def test_no_losses_at_all_are_no_evidence():
    _, log_e = ONE.update(ONE.start(), [10**9], [0.0], [0.0])

    assert log_e[0] < 0


def test_a_pane_without_labels_changes_nothing():
    state, _ = ONE.update(ONE.start(), [10], [5.0], [4.0])

    assert (ONE.update(state, [0], [0.0], [0.0])[0] == state).all()


@pytest.mark.parametrize(
    ("n", "total", "squares"),
    [
        ([1], [math.nan], [1.0]),
        ([1], [1.0], [math.inf]),
        ([1], [-1.0], [1.0]),
        ([-1], [1.0], [1.0]),
        ([1, 1], [1], [1]),
    ],
)
def test_what_are_no_sums_is_refused_with_a_sentence(n, total, squares):
    with pytest.raises(ValueError, match=r"rows, sums and squares"):
        ONE.update(ONE.start(), n, total, squares)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: LossTest((0.0,), (1.0,)),
        lambda: LossTest((math.nan,), (1.0,)),
        lambda: LossTest((1.0,), (math.nan,)),
        lambda: LossTest((1.0,), ()),
        lambda: LossTest((1.0,), (1.0,), clip=math.nan),
        lambda: clipped_sums([math.inf], clip=1.0),
        lambda: clipped_sums([1e200], clip=math.inf),
        lambda: fit_losses(loss_sums([1_000], [1.0], [1.0]), tolerance=math.inf),
        lambda: clip_point([1.0, math.nan]),
        lambda: clip_point([-1.0]),
    ],
)
def test_parameters_out_of_range_are_refused_with_a_sentence(refused):
    with pytest.raises(ValueError, match=r"got|finite"):
        refused()


def test_without_losses_nothing_is_clipped():
    assert clip_point([]) == math.inf
    assert clipped_sums([], clip=math.inf) == ([0.0], [0.0], [0.0])


def test_rare_losses_are_not_cut_to_nothing():
    assert clip_point([0.0] * 999 + [1.0]) == 1.0
    assert clip_point([0.0] * 1_000) == math.inf


def test_the_clip_point_is_exceeded_by_no_more_than_its_share():
    losses = np.exp(2 * np.random.default_rng(16).standard_normal(20_000))

    assert (losses > clip_point(losses)).mean() <= 0.005
    assert clipped_sums(losses, clip_point(losses)).total < losses.sum()
