"""What bins and levels tell of a reference."""

import numpy as np
import pytest

from detectors.bins import fit_category, fit_number
from detectors.columns import count_by_pane
from detectors.quality.binned import binned, unseen_elsewhere


def counted(values, rows, name="x"):
    bins = fit_number(name, values)
    panes = len(values) // rows
    return bins, count_by_pane(bins.number_codes(values), bins.width, np.repeat(np.arange(panes), rows), panes)


@pytest.mark.parametrize(("rows", "share"), [(1_000, 0.01), (100, 0.04), (20, 0.125)])
def test_ends_hold_two_rows_a_pane_or_a_hundredth(rows, share):
    bins, counts = counted(np.random.default_rng(1).standard_normal(60 * rows), rows)
    found = binned((bins,), counts[:, None].astype(np.int64))

    assert found.low.mean() / rows == pytest.approx(share, rel=0.35)
    assert found.high.mean() / rows == pytest.approx(share, rel=0.35)


def test_the_fullest_bin_holds_the_most_frequent_value():
    g = np.random.default_rng(2)
    values = np.where(g.random(60 * 200) < 0.4, 7.0, g.standard_normal(60 * 200))
    bins, counts = counted(values, 200)
    modal = binned((bins,), counts[:, None].astype(np.int64)).modal[:, 0]

    assert (modal == (values == 7.0).reshape(60, 200).sum(1)).all()


def test_the_most_frequent_level_of_a_category_is_counted():
    bins, counts = (fit_category("c", ["a", "b"]),), np.array([[[7, 0, 5, 1]], [[0, 0, 2, 9]]], np.int64)
    assert binned(bins, counts).modal[:, 0].tolist() == [5, 9]


def test_categories_and_numbers_without_values_have_no_extremes():
    bins = fit_category("c", ["a", "b"]), fit_number("n", [np.nan])
    found = binned(bins, np.ones((3, 2, 4), np.int64))

    assert not any(field.any() for field in (found.low, found.high))


def test_levels_of_one_pane_alone_are_unseen_elsewhere():
    levels, panes = np.array([0, 1, 1, 0, 2, 3, 3]), np.array([0, 0, 0, 1, 1, 2, 2])

    assert unseen_elsewhere(levels, panes, 4).tolist() == [2, 1, 2, 0]
    assert unseen_elsewhere(levels[:0], panes[:0], 2).tolist() == [0, 0]


def test_the_unseen_share_of_the_next_pane_is_expected():
    """Good and Turing, with panes in the place of rows."""
    g = np.random.default_rng(3)
    chances = 1 / np.arange(1, 3_001)
    levels = g.choice(3_000, 101 * 500, p=chances / chances.sum())
    known, later = levels[:50_000], levels[50_000:]
    expected = unseen_elsewhere(known, np.repeat(np.arange(100), 500), 100).mean()

    assert (~np.isin(later, known)).sum() == pytest.approx(expected, abs=4 * np.sqrt(expected))
