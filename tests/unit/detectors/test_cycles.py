"""References of data with a cycle: phases are learnt from whole cycles, and where they cannot be, windows are whole."""

import numpy as np
import pytest

from detectors.cycles import cycles_of
from detectors.panel.gauge import tick
from detectors.panel.gauge_state import Pane, initial
from detectors.panel.joint import pair_sums
from detectors.panel.plan import plan
from detectors.reference import Answers, fit_reference

HOUR_MS = 3_600_000
DAY = 24
START = 500_000 * DAY + 7
"""A pane that is not at the begin of a day."""


def rows_of(numbers, seed=1, n=150):
    """Pane of each row, and values that go up and down by a standard deviation every day."""
    pane = np.repeat(np.asarray(numbers), n)
    noise = np.random.default_rng(seed).standard_normal((2, len(pane)))
    return pane, {"x": noise[0] + np.sin(2 * np.pi * pane / DAY), "y": noise[1]}


def fitted(numbers, cycle_ms=DAY * HOUR_MS, **more):
    pane, columns = rows_of(numbers)
    kinds = dict.fromkeys(columns, "number")
    return fit_reference(columns, kinds, pane * HOUR_MS, pane_ms=HOUR_MS, cycle_ms=cycle_ms, **more)


def alarms(reference, numbers, shift=0):
    """How often the gauge alarms in panes like the reference's, which say that they are `shift` panes later."""
    panel = reference.panel
    plan_, state, found = plan(panel), initial(panel), 0
    pane, columns = rows_of(numbers, seed=2)
    codes = [bins.number_codes(columns[bins.name]) for bins in panel.bins]
    for number in numbers:
        mine = pane == number
        counts = np.stack([np.bincount(own[mine], minlength=panel.shares.shape[1]) for own in codes])
        pairs = pair_sums(np.stack([panel.normal_scores[f][own[mine]] for f, own in enumerate(codes)], 1))
        state, verdict = tick(plan_, state, Pane(counts, int(mine.sum()), pairs, number + shift))
        found += verdict.alarms
    return found


def test_a_reference_is_cut_to_whole_days_from_their_begin():
    reference = fitted(range(START, START + 20 * DAY))

    assert (reference.panel.phases, reference.panes, reference.rows) == (DAY, 19 * DAY, 19 * DAY * 150)
    assert reference.from_ms % (DAY * HOUR_MS) == 0
    assert reference.to_ms - reference.from_ms == 19 * DAY * HOUR_MS
    assert reference.cycle_ms == DAY * HOUR_MS


def test_the_gauge_numbers_phases_as_the_fit_does():
    reference = fitted(range(START, START + 20 * DAY))
    later = range(START + 30 * DAY + 5, START + 38 * DAY)

    assert alarms(reference, later) == 0
    assert alarms(reference, later, shift=DAY // 2) > 5


def test_whole_cycles_that_lack_a_pane_are_left_out_while_they_are_few():
    panes = [number for number in range(START, START + 22 * DAY) if number != START + 100]
    reference = fitted(panes)

    assert (reference.panel.phases, reference.panes) == (DAY, 20 * DAY)
    assert "1 of 21 cycles left out: some of their panes hold no rows" in reference.warnings
    assert alarms(reference, range(START + 30 * DAY, START + 36 * DAY)) == 0
    assert set(reference.health.gap.longest) == {0}, "a cycle that was left out is no gap"


def test_where_the_nights_are_empty_windows_are_whole_days():
    panes = [number for number in range(START, START + 12 * DAY) if number % DAY >= 5]
    reference = fitted(panes)

    assert reference.panel.phases == 1
    assert reference.panel.scales == (19, 76, 304)
    assert reference.warnings[0] == (
        "11 of 11 whole cycles have panes without rows: their 24 phases are not told apart: "
        "windows are whole cycles of 19 panes with rows"
    )


def test_three_days_are_too_few_for_phases():
    reference = fitted(range(START, START + 3 * DAY + 9))

    assert (reference.panel.phases, reference.panel.scales, reference.panes) == (1, (24, 96, 384), 72)
    assert reference.warnings[0].startswith("2 whole cycles, 4 needed to tell their 24 phases apart")


def test_less_than_a_cycle_is_used_whole():
    reference = fitted(range(START, START + 15))

    assert (reference.panes, reference.panel.scales[0]) == (15, DAY)


def test_what_belongs_to_rows_is_cut_with_them():
    numbers = range(START, START + 6 * DAY)
    n = 6 * DAY * 150
    scores = np.linspace(0, 1, n)
    reference = fitted(
        numbers,
        segments=(),
        label_ages_ms=np.arange(n),
        answers=Answers("binary", scores, (scores > 0.5).astype(float).tolist()),
    )

    assert reference.promise.losses["log_loss"].n == (5 * DAY * 150,)
    assert reference.label_age_p95_ms > 0.95 * 5 * DAY * 150
    assert int(reference.counts[-1].sum()) == 5 * DAY * 150


def test_no_cycle_uses_every_pane():
    whole = cycles_of(np.array([3, 5, 9]), 1)

    assert (whole.used.tolist(), whole.phases, whole.window, whole.warnings) == ([True] * 3, 1, 1, ())


def test_a_cycle_holds_whole_panes():
    with pytest.raises(ValueError, match="a cycle must hold whole panes, got 5400000 ms of panes of 3600000 ms"):
        fitted(range(5), cycle_ms=HOUR_MS * 3 // 2)


def test_a_column_of_another_length_is_refused():
    with pytest.raises(ValueError, match="a column has 1 values for"):
        fit_reference({"x": [1.0]}, {"x": "number"}, np.arange(50) * HOUR_MS, pane_ms=HOUR_MS, cycle_ms=DAY * HOUR_MS)
