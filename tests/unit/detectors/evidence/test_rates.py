"""The label e-CUSUM: its definition, its guarantee, and extremes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.detection import labels
from detectors.evidence import cusum
from detectors.evidence.rates import DELTAS, RateTest, design_effect, fit_rates

LIMIT = 0.1
ONE = RateTest(limits=(LIMIT,), design_effects=(1.0,))

counts = st.integers(0, 10**9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


def test_evidence_is_the_mean_of_likelihood_ratios():
    _, log_e = ONE.update(ONE.start(), [100], [18])

    ratios = [stats.binom.pmf(18, 100, LIMIT + delta) / stats.binom.pmf(18, 100, LIMIT) for delta in DELTAS]
    assert math.exp(log_e[0]) == pytest.approx(np.mean(ratios))


@pytest.mark.parametrize("limit", [1e-4, 0.1, 0.5, 0.97, 0.9999])
@pytest.mark.parametrize("effect", [1.0, 3.0])
@pytest.mark.parametrize("part", [0.3, 1.0])
def test_evidence_of_a_pane_has_a_mean_of_one_at_most_up_to_the_limit(limit, effect, part):
    test = RateTest((limit,) * 51, (effect,) * 51)
    errors = np.arange(51)

    _, log_e = test.update(test.start(), np.full(51, 50), errors)

    mean = (stats.binom.pmf(errors, 50, limit * part) * np.exp(log_e)).sum()
    assert mean <= 1 + 1e-9


def test_an_alarm_comes_no_sooner_than_said_in_the_mean():
    g, chains, panes = np.random.default_rng(2), 1_000, 300
    test = RateTest((LIMIT,) * chains, (1.0,) * chains)
    state, alarms = test.start(), 0
    for _ in range(panes):
        state, log_e = test.update(state, np.full(chains, 100), g.binomial(100, LIMIT, chains))
        alarms += int((log_e >= math.log(100)).sum())
        state = cusum.restarted(state, log_e >= math.log(100))

    assert chains * panes / alarms > 100


def test_segments_share_the_threshold_and_unwatched_ones_take_nothing():
    test = fit_rates([20_000, 150, 5_000], [2_000, 15, 700])

    assert test.watched.tolist() == [True, False, True]
    assert test.log_alarm(1_000) == pytest.approx(math.log(2_000))
    _, log_e = test.update(test.start(), [10, 10**6, 10], [1, 10**6, 1])
    assert log_e[1] == 0


def test_a_tolerated_rate_is_never_evidence_in_the_long_run():
    test = fit_rates([20_000], [2_000], tolerance=0.05)
    state = test.start()
    for _ in range(100):
        state, log_e = test.update(state, [10_000], [1_500])

    assert log_e[0] < 0


def test_rates_that_are_all_tolerated_are_not_watched():
    assert not fit_rates([1_000], [990], tolerance=0.5).watched.any()


@given(st.lists(counts, min_size=1, max_size=20), st.floats(0, 1, exclude_min=True), st.floats(1, 1e6))
def test_evidence_is_always_a_number(panes, limit, effect):
    test = RateTest((limit,), (effect,))
    state = test.start()
    for n, k in panes:
        state, log_e = test.update(state, [n], [k])
        assert np.isfinite(state).all()
        assert np.isfinite(log_e).all()


@given(counts, counts)
def test_a_pane_without_labels_changes_nothing(one, other):
    state, _ = ONE.update(ONE.start(), [one[0]], [one[1]])

    between, _ = ONE.update(state, [0], [0])

    assert (between == state).all()
    assert (ONE.update(between, [other[0]], [other[1]])[0] == ONE.update(state, [other[0]], [other[1]])[0]).all()


@given(counts)
def test_a_state_is_not_changed_in_place(pane):
    state = ONE.start()

    ONE.update(state, [pane[0]], [pane[1]])

    assert (state == 0).all()


@pytest.mark.parametrize(("n", "k"), [([0, 0], [0, 0]), ([100], [0]), ([100, 100], [100, 100]), ([100, 0], [30, 0])])
def test_panes_without_variance_have_no_design_effect(n, k):
    assert design_effect(n, k) == 1.0


def test_the_design_effect_is_the_variance_of_the_panes_against_the_binomial():
    g = np.random.default_rng(3)
    rates = g.beta(10, 90, 2_000)

    found = design_effect(np.full(2_000, 100), g.binomial(100, rates))

    assert found == pytest.approx(1 + 99 / 101, rel=0.15)


@pytest.mark.parametrize(
    ("n", "k"),
    [([-1], [0]), ([5], [6]), ([5], [-1]), ([math.nan], [0]), ([math.inf], [0]), ([5.0], [1.0]), ([5, 5], [1, 1])],
)
def test_what_are_no_counts_is_refused_with_a_sentence(n, k):
    with pytest.raises(ValueError, match=r"need integer|errors lie"):
        ONE.update(ONE.start(), n, k)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: RateTest((0.0,), (1.0,)),
        lambda: RateTest((math.nan,), (1.0,)),
        lambda: RateTest((0.1,), (0.5,)),
        lambda: RateTest((0.1,), (math.inf,)),
        lambda: RateTest((0.1,), ()),
        lambda: fit_rates([1_000], [10], tolerance=-0.1),
        lambda: fit_rates([1_000], [10], tolerance=math.nan),
    ],
)
def test_parameters_out_of_range_are_refused_with_a_sentence(refused):
    with pytest.raises(ValueError, match="got"):
        refused()


def test_false_alarms_and_delays_pass_their_marks_in_small():
    found = labels.experiments(quick=True)

    assert [e["name"] for e in found if not e["passed"]] == []
