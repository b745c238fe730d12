import numpy as np
import pytest

from detectors.paired import DECISION, MIN_PANES, Paired, e_value, update


def compared(differences, pairs=200):
    """Return the largest evidence over time, and the state at the end."""
    state, largest = Paired(), 1.0
    for difference in differences:
        state = update(state, float(difference), pairs)
        largest = max(largest, e_value(state))
    return largest, state


def normal(g, n):
    return g.standard_normal(n)


def of_log_losses(g, n):
    """Two noisy versions of one calibrated score: sums of differences of log losses, skewed and of uneven size."""
    truth_p = g.beta(1, 4, (n, 50))
    truth = g.random((n, 50)) < truth_p
    one, other = (np.clip(truth_p + 0.05 * g.standard_normal((n, 50)), 0.01, 0.99) for _ in range(2))
    return np.where(truth, np.log(other / one), np.log((1 - other) / (1 - one))).sum(1)


def with_rare_bursts(g, n):
    return g.standard_normal(n) * np.where(g.random(n) < 0.1, 5, 1)


def walking(g, n):
    """Dependent within panes, which are the units: pane sums of different sizes."""
    return g.standard_normal(n) * g.lognormal(0, 0.5, n)


@pytest.mark.parametrize("draw", [normal, of_log_losses, with_rare_bursts, walking])
def test_equal_versions_are_told_apart_in_at_most_one_comparison_of_twenty(draw):
    g = np.random.default_rng(1)
    crossed = np.mean([compared(draw(g, 300))[0] >= DECISION for _ in range(300)])

    assert crossed <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)


def test_a_worse_challenger_is_never_taken():
    g = np.random.default_rng(2)

    assert all(compared(normal(g, 200) - 0.2)[0] < DECISION for _ in range(100))


@pytest.mark.parametrize(("shift", "panes", "power"), [(1.0, 30, 0.9), (0.5, 100, 0.9), (0.25, 300, 0.8)])
def test_a_better_challenger_is_found(shift, panes, power):
    g = np.random.default_rng(3)

    assert np.mean([compared(normal(g, panes) + shift)[0] >= DECISION for _ in range(100)]) >= power


def test_the_scale_of_losses_does_not_matter():
    differences = np.random.default_rng(4).standard_normal(60) + 0.5

    assert compared(differences)[0] == pytest.approx(compared(differences * 1e-6)[0])


def test_there_is_no_evidence_before_ten_panes_and_a_thousand_pairs():
    assert compared([1.0] * (MIN_PANES - 1), pairs=10_000)[0] == 1
    assert compared([1.0] * 99, pairs=10)[0] == 1
    assert compared([1.0] * 100, pairs=10)[0] > DECISION


def test_equal_losses_are_no_evidence():
    largest, state = compared([0.0] * 100)

    assert largest == 1
    assert state.panes == 100
    assert state.mean_difference == 0


def test_a_pane_without_pairs_changes_nothing():
    assert update(Paired(), 0.0, 0) == Paired()


def test_the_mean_difference_is_that_of_all_rows():
    assert compared([2.0] * 20, pairs=4)[1].mean_difference == 0.5
    assert Paired().mean_difference == 0


@pytest.mark.parametrize("sums", [[1e-300] * 50, [1e150] * 50, [-1e150] * 400, [1.0] * 5_000, [-1.0] * 5_000])
def test_the_evidence_is_finite_whatever_comes(sums):
    assert 0 <= compared(sums)[0] < np.inf
    assert 0 <= e_value(compared(sums)[1]) < np.inf


@pytest.mark.parametrize(("difference", "pairs"), [(float("nan"), 3), (float("inf"), 3), (1.0, -1)])
def test_what_is_no_sum_is_refused(difference, pairs):
    with pytest.raises(ValueError, match="finite sum"):
        update(Paired(), difference, pairs)
