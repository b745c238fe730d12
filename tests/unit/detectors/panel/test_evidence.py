import numpy as np
import pytest

from detectors.panel._evidence import log_e, rejected
from detectors.panel.gauge import tick
from detectors.panel.gauge_state import Pane, initial
from detectors.panel.plan import budget_shares, plan
from tests.unit.detectors.panel.streams import panel_and_panes


def test_evidence_of_a_uniform_p_value_is_one_on_average():
    # Near 0 the integrand is 1 / (p ln² p): what lies below the cut is 1 / ln(1 / cut).
    logs = np.linspace(np.log(1e-30), np.log(0.999999), 400_001)
    integrand = np.exp(log_e(np.exp(logs)) + logs)
    below = 1 / -np.log(1e-30)
    assert np.trapezoid(integrand, logs) + below == pytest.approx(1, abs=2e-3)


def test_evidence_rises_as_p_falls_and_is_finite_at_the_ends():
    found = log_e(np.array([0.0, 1e-12, 1e-3, 0.05, 0.5, 1.0]))
    assert (np.diff(found) < 0).all()
    assert np.isfinite(found).all()
    assert found[-1] == pytest.approx(np.log(0.5), abs=1e-3)


@pytest.mark.parametrize(
    ("p", "level", "expected"),
    [
        ([0.01, 0.02, 0.03, 0.9], 0.05, [True, True, True, False]),
        ([0.03, 0.04, 0.9, 0.9], 0.05, [False, False, False, False]),
        ([0.0, 1.0], 0.0, [False, False]),
        ([], 0.1, []),
    ],
)
def test_parallel_tests_reject_as_benjamini_and_hochberg(p, level, expected):
    assert rejected(np.array(p), level).tolist() == expected


def test_shares_of_the_budget_add_up():
    outputs = np.array([True, False, False, True])
    with_joint = budget_shares(outputs, has_joint=True)
    assert with_joint.sum() == pytest.approx(1)
    assert with_joint[outputs.nonzero()[0]].sum() == pytest.approx(0.5)
    assert budget_shares(outputs, has_joint=False)[:-1].sum() == pytest.approx(1)


def test_windows_that_cannot_be_judged_neither_add_evidence_nor_take_it():
    g = np.random.default_rng(31)
    columns = [g.standard_normal(96 * 700) for _ in range(3)]
    columns[0][80 * 700 :] += 0.12
    panel, panes = panel_and_panes(columns, 700, 80)
    state, gauge = initial(panel), plan(panel, 1e30, 0)
    for counts in panes[:3]:
        state, _ = tick(gauge, state, Pane(counts, 700))
    few = np.zeros_like(panes[0])
    few[:, 5] = 20
    after, verdict = tick(gauge, state, Pane(few, 20))
    assert verdict.due.tolist() == [True, True, False]
    assert (verdict.p[0] == 1).all()
    assert (after.log_evidence[0] == state.log_evidence[0]).all()
    assert (after.log_bets == state.log_bets).all()
    assert (after.run_counts[0] == state.run_counts[0]).all()
