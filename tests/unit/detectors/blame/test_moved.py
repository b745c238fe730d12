"""What is said to have moved lies beyond what windows of the reference reach, and nothing else does."""

import numpy as np
import pytest
from scipy.signal import lfilter

from detectors.blame.moved import Panes, compared

PANES, ROWS = 90, 60
NAMES = [f"x{i}" for i in range(10)]
KINDS = dict.fromkeys(NAMES, "number")


def wandering(g, panes, rho, size=0.5):
    """Return the mean of each pane, an autoregression of this standard deviation."""
    steps = g.normal(0, size * np.sqrt(1 - rho * rho), panes + 200)
    return lfilter([1.0], [1.0, -rho], steps)[200:]


def made(g, means):
    """Return rows of panes whose features have these means, ``(panes, features)``."""
    start_ms = np.repeat(np.arange(len(means)), ROWS)
    return {name: g.normal(means[:, i].repeat(ROWS), 1) for i, name in enumerate(NAMES)}, start_ms


def split(columns, start_ms, panes=PANES):
    normal, now = start_ms < panes, start_ms >= panes
    return (
        Panes({name: values[normal] for name, values in columns.items()}, start_ms[normal]),
        Panes({name: values[now] for name, values in columns.items()}, start_ms[now]),
    )


@pytest.mark.parametrize(("rho", "size"), [(0.0, 0.0), (0.0, 0.3), (0.7, 0.3)])
@pytest.mark.parametrize("length", [1, 5])
def test_where_nothing_changed_something_is_named_in_few_of_all_times(rho, size, length):
    """Ten inputs: one of them alone would lie beyond 95 % of its windows in two times of five."""
    g, named = np.random.default_rng(3), 0
    for _ in range(60):
        means = np.stack([wandering(g, PANES + length, rho, size) for _ in NAMES], 1)
        named += bool(compared(KINDS, *split(*made(g, means))).moved)
    assert named <= 12


def test_what_moved_is_named_first_and_what_always_wanders_is_not():
    g = np.random.default_rng(4)
    means = np.zeros((PANES + 5, len(NAMES)))
    means[:, 0] = np.where(np.arange(PANES + 5) % 2, 0.8, -0.8)
    means[:, 1] = wandering(g, PANES + 5, 0.5, 0.8)
    means[PANES:, 2], means[PANES:, 3] = 0.6, 1.2
    found = compared(KINDS, *split(*made(g, means)))
    names = [one.feature for one in found.moved]
    assert names[:2] == ["x3", "x2"]
    assert not {"x0", "x1"} & set(names)
    assert (found.windows, found.panes, found.moved[0].further) == (86, 5, 1.0)
    assert found.moved[0].mean_after - found.moved[0].mean_before == pytest.approx(1.2, abs=0.2)


def test_a_level_that_came_more_often_and_values_that_are_missing_are_told_by_their_bin():
    g = np.random.default_rng(5)
    start_ms = np.repeat(np.arange(PANES + 4), ROWS)
    late = start_ms >= PANES
    airport = np.where(late & (g.random(len(late)) < 0.4), "ORD", g.choice(["JFK", "LGA", "ORD"], len(late)))
    wind = np.where(late & (g.random(len(late)) < 0.5), np.nan, g.normal(size=len(late)))
    normal, now = split({"airport": airport, "wind": wind}, start_ms)
    normal, now = (
        part._replace(columns={**part.columns, "airport": part.columns["airport"].tolist()}) for part in (normal, now)
    )
    found = {one.feature: one for one in compared({"airport": "category", "wind": "number"}, normal, now).moved}
    assert (found["airport"].bin, found["airport"].mean_after) == ("ORD", None)
    assert found["wind"].bin == "missing"
    assert found["wind"].after > 0.4 > found["wind"].before == 0


def test_with_a_cycle_the_same_hours_are_compared():
    """Hot at noon each day: five hours at noon are as usual among noons, and unusual among all hours."""
    g = np.random.default_rng(6)
    start_ms = np.repeat(np.arange(24 * 30 + 3), 20)
    values = g.normal(2.0 * (start_ms % 24 < 3), 1)
    kinds, parts = {"x": "number"}, split({"x": values}, start_ms, 24 * 30)
    assert compared(kinds, *parts, cycle_ms=24) == (30, 3, [])


@pytest.mark.parametrize(("panes", "length"), [(10, 1), (7, 20), (0, 3)])
def test_too_few_panes_say_nothing(panes, length):
    start_ms = np.repeat(np.arange(panes), 50)
    normal = Panes({"x": np.zeros(len(start_ms))}, start_ms)
    assert compared({"x": "number"}, normal, Panes({"x": np.ones(length)}, np.arange(length))) is None


def test_of_a_long_time_the_newest_panes_are_looked_at():
    g = np.random.default_rng(7)
    means = np.zeros((PANES + 40, len(NAMES)))
    means[-5:, 4] = 1.0
    found = compared(KINDS, *split(*made(g, means)))
    assert (found.panes, [one.feature for one in found.moved]) == (PANES // 16, ["x4"])


def test_inputs_that_never_change_or_are_never_there_are_not_named():
    start_ms = np.repeat(np.arange(PANES + 2), 50)
    columns = {"constant": np.ones(len(start_ms)), "absent": np.full(len(start_ms), np.nan)}
    assert compared(dict.fromkeys(columns, "number"), *split(columns, start_ms)).moved == []
