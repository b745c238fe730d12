import numpy as np
import pytest

from detectors.panel.floors import NO_FLOORS
from detectors.panel.gauge import NO_JOINT, tick
from detectors.panel.gauge_state import Pane, initial
from detectors.panel.plan import plan
from tests.unit.detectors.panel.streams import pairs_of, panel_and_panes, with_pairs

ROWS, REFERENCE, LATER = 700, 80, 48


def columns_of(features, seed=21):
    g = np.random.default_rng(seed)
    return [g.standard_normal((REFERENCE + LATER) * ROWS) for _ in range(features)]


def later(column, change, panes=0):
    """Return a column that changes some panes after the reference."""
    at = (REFERENCE + panes) * ROWS
    return np.concatenate([column[:at], change(column[at:])])


def verdicts(gauge, panes, pairs=None):
    state, found = initial(gauge.panel), []
    for t, counts in enumerate(panes):
        pane = Pane(counts, ROWS, None if pairs is None else pairs[t], REFERENCE + t)
        state, verdict = tick(gauge, state, pane)
        found.append(verdict)
    return found


def first_alarm(found):
    return next((t for t, verdict in enumerate(found, 1) if verdict.alarms), None)


def test_a_quiet_stream_raises_no_alarm():
    panel, panes = panel_and_panes(columns_of(20), ROWS, REFERENCE)
    found = verdicts(plan(panel), panes)
    assert first_alarm(found) is None
    assert (found[-1].log_evidence < plan(panel).log_thresholds).all()


@pytest.mark.parametrize(
    ("change", "panes"),
    [
        (lambda x: x + 0.1, 16),
        (lambda x: x + 0.3, 2),
        (lambda x: x * 1.15, 8),
        (lambda x: np.where(np.arange(len(x)) % 20 == 0, 0.123, x), 8),
        (lambda x: np.where(np.arange(len(x)) % 100 == 0, 7.0, x), 3),
        (lambda x: np.where(np.arange(len(x)) % 50 == 0, np.nan, x), 1),
    ],
)
def test_known_changes_are_found_and_named_first(change, panes):
    columns = columns_of(6)
    columns[2] = later(columns[2], change)
    panel, counts = panel_and_panes(columns, ROWS, REFERENCE)
    found = verdicts(plan(panel), counts)
    alarm = first_alarm(found)
    assert alarm is not None
    assert alarm <= panes
    assert found[alarm - 1].features[0] == 2


def test_a_certain_but_small_change_does_not_alarm():
    columns = columns_of(4)
    columns[1] = later(columns[1], lambda x: x + 0.05)
    panel, counts = panel_and_panes(columns, ROWS, REFERENCE)
    with_floors, without = (verdicts(plan(panel, 100.0, 0, floors=floors), counts) for floors in (None, NO_FLOORS))
    assert first_alarm(without) is not None
    assert first_alarm(with_floors) is None


def test_inputs_are_named_before_outputs_of_the_model():
    columns = columns_of(4)
    columns[0] = later(columns[0], lambda x: x + 1.0)
    columns[3] = later(columns[3], lambda x: x + 0.5)
    panel, counts = panel_and_panes(columns, ROWS, REFERENCE)
    is_output = np.array([True, False, False, False])
    found = verdicts(plan(panel, is_output=is_output), counts)[0]
    assert found.features.tolist() == [3, 0]
    assert found.effects.mean_shift_sd == pytest.approx([0.5, 1.0], abs=0.1)
    ranked = verdicts(plan(panel), counts)[0]
    assert ranked.features.tolist() == [0, 3]
    weighed = verdicts(plan(panel, importance=np.array([0.01, 1, 1, 1])), counts)[0]
    assert weighed.features.tolist() == [3, 0]


def test_an_alarm_forgets_and_a_change_that_stays_alarms_again():
    columns = columns_of(2)
    columns[0] = later(columns[0], lambda x: x + 0.3)
    panel, counts = panel_and_panes(columns, ROWS, REFERENCE)
    state, verdict = tick(plan(panel), initial(panel), Pane(counts[0], ROWS))
    assert verdict.alarms
    assert not state.log_evidence[:, 0].any()
    assert not state.log_bets[0].any()
    assert state.spoiled[1:, 0].all()
    assert sum(v.alarms for v in verdicts(plan(panel), counts)) > 10


def test_only_what_alarmed_is_forgotten():
    columns = columns_of(3)
    columns[0] = later(columns[0], lambda x: x + 1.0)
    columns[1] = later(columns[1], lambda x: x + 0.15)
    panel, counts = panel_and_panes(columns, ROWS, REFERENCE)
    gauge = plan(panel, level=0)
    state, verdict = tick(gauge, initial(panel), Pane(counts[0], ROWS))
    assert verdict.features.tolist() == [0]
    assert not state.log_bets[0].any()
    assert state.log_bets[1].any()
    assert state.counts[1].any()


def test_what_alarms_all_the_time_does_not_hide_a_small_change_of_another_feature():
    columns = columns_of(3)
    columns[0] = later(columns[0], lambda x: x + 1.0)
    columns[1] = later(columns[1], lambda x: x + 0.12)
    panel, counts = panel_and_panes(columns, ROWS, REFERENCE)
    found = verdicts(plan(panel), counts)
    assert all(0 in verdict.features for verdict in found)
    assert any(1 in verdict.features for verdict in found)


def test_a_window_from_before_an_alarm_is_not_judged_of_what_alarmed():
    columns = columns_of(3)
    columns[0] = later(columns[0], lambda x: x + 1.0 * (np.arange(len(x)) < ROWS))
    panel, counts = panel_and_panes(columns, ROWS, REFERENCE)
    found = verdicts(plan(panel), counts)
    assert [t for t, verdict in enumerate(found) if 0 in verdict.features] == [0]
    assert not found[3].tests.judged[1, 0]
    assert found[3].tests.judged[1, 1]
    assert found[7].tests.judged[1, 0]


def test_features_that_begin_to_move_together_name_one_of_them():
    columns = columns_of(6)
    half = np.sqrt(0.75)
    both = later(columns[4], lambda x: 0.5 * columns[1][-len(x) :] + half * x)
    plain, counts = panel_and_panes(columns, ROWS, REFERENCE)
    changed = [*columns[:4], both, columns[5]]
    counts = panel_and_panes(changed, ROWS, REFERENCE)[1]
    sums = pairs_of(plain, changed, ROWS)
    panel = with_pairs(plain, sums, ROWS)
    found = verdicts(plan(panel), counts, sums[REFERENCE:])
    assert found[0].joint in {1, 4}
    assert not found[0].features.size
    with pytest.raises(ValueError, match="sums of pairs"):
        tick(plan(panel), initial(panel), Pane(counts[0], ROWS))


def test_a_cycle_is_no_drift():
    g = np.random.default_rng(22)
    panes = 12 * 12
    cycle = np.repeat(np.sin(2 * np.pi * np.arange(panes) / 12), ROWS)
    columns = [cycle + g.standard_normal(len(cycle)) for _ in range(6)]
    seasonal, counts = panel_and_panes(columns, ROWS, 120, phases=12)
    state, gauge, alarms = initial(seasonal), plan(seasonal), 0
    for t, pane in enumerate(counts):
        state, verdict = tick(gauge, state, Pane(pane, ROWS, None, 120 + t))
        alarms += verdict.alarms
    assert alarms == 0


def test_empty_panes_change_nothing():
    panel, counts = panel_and_panes(columns_of(3), ROWS, REFERENCE)
    state, _ = tick(plan(panel), initial(panel), Pane(counts[0], ROWS))
    after, verdict = tick(plan(panel), state, Pane(counts[0] * 0, 0))
    assert after is state
    assert not verdict.due.any()
    assert verdict.joint == NO_JOINT
    assert verdict.tests is None


@pytest.mark.parametrize(("threshold", "level"), [(1.0, 0.1), (float("nan"), 0.1), (10.0, 1.0), (10.0, -0.1)])
def test_plans_out_of_range_are_refused(threshold, level):
    panel, _ = panel_and_panes(columns_of(1), ROWS, REFERENCE)
    with pytest.raises(ValueError, match="threshold above 1"):
        plan(panel, threshold, level)
