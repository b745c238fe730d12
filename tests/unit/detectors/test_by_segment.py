"""Which groups of segments are watched, and what is normal within them."""

import numpy as np
import pytest

from detectors.by_segment import MOST_WATCHED
from detectors.panel.gauge import tick
from detectors.panel.gauge_state import Pane, initial
from detectors.panel.plan import plan
from detectors.reference import decode, encode, fit_reference

HOUR_MS = 3_600_000
SHARES = {"a": 0.5, "b": 0.3, "c": 0.19, "rare": 0.01}
PANES, ROWS = 120, 500


def rows_of(g, n):
    """A city, and a value whose mean is another one in each city."""
    city = g.choice(list(SHARES), n, p=list(SHARES.values()))
    return city.tolist(), g.normal(size=n) + (city == "b") * 2.0


def reference(panes=PANES, rows=ROWS, **more):
    city, x = rows_of(np.random.default_rng(0), panes * rows)
    hours = np.repeat(np.arange(panes), rows) * HOUR_MS
    kinds = {"x": "number", "city": "category"}
    return fit_reference({"x": x, "city": city}, kinds, hours, pane_ms=HOUR_MS, segments=["city"], **more)


def test_groups_with_rows_enough_are_watched_the_largest_first():
    assert [(each.segment, each.level) for each in reference().watched] == [("city", "a"), ("city", "b"), ("city", "c")]


def test_without_segments_no_group_is_watched():
    x = np.random.default_rng(0).normal(size=6_000)
    assert fit_reference({"x": x}, {"x": "number"}, np.arange(6_000) // 100 * HOUR_MS, pane_ms=HOUR_MS).watched == ()


def test_a_reference_of_too_few_panes_watches_no_group():
    assert reference(panes=50).watched == ()


def test_a_group_expects_its_own_rows_and_not_those_of_all():
    whole = reference()
    b = whole.watched[1].panel
    middle = np.average(b.centres[0], weights=b.shares[0])
    assert middle == pytest.approx(1.4 / np.std(rows_of(np.random.default_rng(0), 60_000)[1]), abs=0.05)
    assert b.bins == whole.panel.bins
    assert b.rows == pytest.approx(0.3 * PANES * ROWS, rel=0.02)


def test_windows_that_are_judged_hold_400_of_a_groups_rows():
    for each in reference().watched:
        rows = np.array(each.panel.scales) * each.panel.rows_per_pane
        assert (rows[each.panel.usable.any(1)] >= 400).all()


def test_where_rows_have_a_cycle_a_group_without_rows_in_some_panes_is_not_watched():
    panes = 10 * 24
    hours = np.repeat(np.arange(panes), 100) * HOUR_MS
    at_day = (np.arange(len(hours)) // 100) % 24 < 12
    city = np.where(at_day & (np.arange(len(hours)) % 2 == 0), "day", "ever").tolist()
    x = np.random.default_rng(3).normal(size=len(hours))
    made = fit_reference(
        {"x": x, "city": city},
        {"x": "number", "city": "category"},
        hours,
        pane_ms=HOUR_MS,
        cycle_ms=24 * HOUR_MS,
        segments=["city"],
    )
    assert made.panel.phases == 24
    assert [each.level for each in made.watched] == ["ever"]


def test_so_many_groups_are_watched_that_features_times_groups_stay_in_bounds():
    g, features, groups, n = np.random.default_rng(4), 40, 12, 60 * 1_500
    columns = {f"x{i}": g.normal(size=n) for i in range(features)}
    city = [f"c{i}" for i in g.integers(0, groups, n)]
    kinds = {**dict.fromkeys(columns, "number"), "city": "category"}
    hours = np.arange(n) // 1_500 * HOUR_MS
    made = fit_reference({**columns, "city": city}, kinds, hours, pane_ms=HOUR_MS, segments=["city"], outliers="none")
    assert len(made.watched) == MOST_WATCHED // (features + 1)


def test_the_artifact_keeps_the_groups():
    made = reference()
    assert encode(decode(encode(made))) == encode(made)


def test_stationary_groups_of_a_few_rows_a_pane_alarm_once_in_thousands_of_ticks():
    g, panes, rows = np.random.default_rng(5), 800, 100
    watched = reference(panes=200, rows=rows).watched
    numbers, levels = reference(panes=200, rows=rows).bins
    alarms = ticks = 0
    for each in watched:
        gauge, state = plan(each.panel), initial(each.panel)
        for _ in range(panes):
            city, x = rows_of(g, rows)
            mine = np.array(city) == each.level
            counts = np.zeros_like(each.panel.shares, dtype=np.int64)
            counts[0] = np.bincount(numbers.number_codes(x[mine]), minlength=counts.shape[1])
            counts[1, levels.level_codes([each.level])[0]] = mine.sum()
            state, verdict = tick(gauge, state, Pane(counts, int(mine.sum())))
            alarms, ticks = alarms + verdict.alarms, ticks + 1
    assert ticks > 2_000
    assert alarms <= 2


def test_a_groups_own_level_is_not_watched_within_it():
    for each in reference().watched:
        assert not each.panel.usable[:, each.panel.names.index("city")].any()


def test_windows_are_so_short_that_three_fit_into_the_groups_reference():
    for each in reference(panes=200, rows=100).watched:
        lengths = np.array(each.panel.scales)[each.panel.usable.any(1)]
        assert (3 * lengths <= each.panel.panes).all()
