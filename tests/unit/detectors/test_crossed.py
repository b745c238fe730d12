"""Levels are ordered by answers of other rows than those whose correlations are learnt."""

import numpy as np
import pytest

from detectors.reference import Answers, fit_reference

PANES, ROWS, LEVELS = 100, 200, 64


def correlation(level, x):
    """The correlation of a category and a number, levels ordered by the number, as a reference has it."""
    columns, kinds = {"c": [f"c{i}" for i in level], "x": x}, {"c": "category", "x": "number"}
    panes = np.repeat(np.arange(PANES), ROWS) * 1_000
    reference = fit_reference(columns, kinds, panes, pane_ms=1_000, answers=Answers("regression", x))
    return float(reference.panel.joint.correlation[0])


def rows_of(g):
    return g.integers(0, LEVELS, PANES * ROWS), g.standard_normal(PANES * ROWS)


def test_rare_levels_that_have_nothing_to_do_with_the_answer_go_with_nothing():
    found = [correlation(*rows_of(np.random.default_rng(seed))) for seed in range(4)]
    assert np.mean(found) == pytest.approx(0, abs=0.01)  # in the rows by which levels are ordered: .056


def test_levels_that_carry_the_answer_keep_their_correlation():
    g = np.random.default_rng(1)
    effects, (level, noise) = g.standard_normal(LEVELS), rows_of(g)
    x = effects[level] + noise
    assert correlation(level, x) == pytest.approx(np.corrcoef(effects[level], x)[0, 1], abs=0.03)
