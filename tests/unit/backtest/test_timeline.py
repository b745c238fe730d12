"""Times become row numbers, and rows the moment at which a pane is final."""

import numpy as np

from stream.backtest.timeline import timeline_of

HOUR_MS = 3_600_000


def of(minutes, lateness_min=0, cuts=()):
    times = np.array(minutes, np.int64) * 60_000
    return timeline_of(np.split(times, cuts), HOUR_MS, lateness_min * 60_000)


def test_a_span_has_the_rows_of_its_panes_also_where_they_are_mixed():
    found = of([0, 70, 10, 65, 200])
    assert found.within(0, HOUR_MS) == (0, 2)
    assert found.within(HOUR_MS, 4 * HOUR_MS) == (1, 4)
    assert found.within(HOUR_MS + 5, 2 * HOUR_MS) == (1, 3)


def test_a_span_without_rows_is_where_they_would_be():
    found = of([0, 200])
    assert found.within(HOUR_MS, 2 * HOUR_MS) == (1, 1)
    assert found.within(9 * HOUR_MS, 10 * HOUR_MS) == (1, 1)


def test_a_pane_is_over_with_the_row_that_is_later_by_the_lateness():
    found = of([0, 30, 60, 69, 70, 300], lateness_min=10)
    assert found.rows_until(HOUR_MS) == 5
    assert found.rows_until(4 * HOUR_MS) == 6
    assert found.rows_until(5 * HOUR_MS) == 6


def test_the_rows_before_a_time_and_from_it_on_are_known():
    found = of([0, 70, 10, 65, 200])
    assert (found.last_before(HOUR_MS), found.first_from(HOUR_MS), found.first_from(10 * HOUR_MS)) == (2, 1, 5)


def test_a_timeline_does_not_depend_on_how_it_is_read():
    minutes = np.random.default_rng(0).integers(0, 5_000, 500)
    assert of(minutes, 7) == of(minutes, 7, (1, 2, 130, 400))
