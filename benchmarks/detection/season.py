"""Experiment 9: a daily cycle is no drift, and does not hide one; features that cease to be independent are found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.experiment import Experiment, at_least, at_most
from benchmarks.detection.streams import equal_panes, simulate
from detectors.panel.joint import joint_test, pair_sums, with_joint
from detectors.panel.panel import Panel
from detectors.panel.score_tests import score_tests
from detectors.panel.windows import windows_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOURS, DAYS, ROWS, AMPLITUDE = 24, 28, 500, 1.0
JOINT_FEATURES, JOINT_PANES, JOINT_ROWS = 20, 60, 1_000


def experiments(quick: bool) -> list[Experiment]:
    """Return shares of small p-values under a cycle, and the power to see a shift and a correlation."""
    features, days, joint = (10, 8, (1, 30)) if quick else (40, 12, (4, 100))
    quiet, shifted = (season_p(features, days, shift) for shift in (0.0, 0.3))
    return [
        at_most("season of 1 sd: P(p < .05)", float((quiet < 0.05).mean()), 0.06),
        at_most("season of 1 sd: P(p < 1e-4)", float((quiet < 1e-4).mean()), 5e-4),
        at_least("season of 1 sd: power at +.3 sd, p < 1e-5", float((shifted < 1e-5).mean()), 0.85),
        at_most("joint, 20 features: P(p < .05)", _share(joint, 0.0, 0.05), 0.1 if quick else 0.06),
        at_least("joint, 20 features, correlation .2: power, p < .001", _share(joint, 0.2, 1e-3), 0.75),
        at_least("joint, 20 features, correlation .3: power, p < .001", _share(joint, 0.3, 1e-3), 0.99),
    ]


def season_p(features: int, days: int, shift: float) -> Floats:
    """Return Hotelling's p-values of single panes, ``(panes, features)``, of a cycle of 24 panes."""
    g, panes, reference = np.random.default_rng(0), HOURS * (DAYS + days), HOURS * DAYS
    cycle = np.repeat(AMPLITUDE * np.sin(2 * np.pi * np.arange(panes) / HOURS), ROWS)
    cycle[reference * ROWS :] += shift
    columns = (cycle + g.standard_normal(panes * ROWS) for _ in range(features))
    stream = simulate(columns, equal_panes(panes, ROWS), reference, (1, 4, 16), HOURS)
    by_phase = np.eye(HOURS, dtype=np.int64)[np.arange(len(stream.rows)) % HOURS] * ROWS
    windows = windows_of(stream.panel, stream.counts, stream.rows, np.zeros(len(stream.rows), np.int64), by_phase)
    return score_tests(stream.panel, windows).hotelling


def _share(size: tuple[int, int], correlation: float, small: float) -> float:
    repetitions, panes = size
    found = [joint_p(np.random.default_rng(seed), panes, correlation) for seed in range(repetitions)]
    return float((np.concatenate(found) < small).mean())


def joint_p(g: np.random.Generator, panes: int, correlation: float) -> Floats:
    """Return p-values of the joint test in windows of one pane, after two of 20 features became correlated."""
    values = g.standard_normal((JOINT_FEATURES, (JOINT_PANES + panes) * JOINT_ROWS))
    later = slice(JOINT_PANES * JOINT_ROWS, None)
    values[1, later] = correlation * values[0, later] + np.sqrt(1 - correlation**2) * values[1, later]
    panel = simulate(list(values), equal_panes(JOINT_PANES + panes, JOINT_ROWS), JOINT_PANES).panel
    sums = _sums(panel, values)
    rows = np.full(len(sums), float(JOINT_ROWS))
    panel = with_joint(panel, sums[:JOINT_PANES], rows[:JOINT_PANES], np.arange(JOINT_FEATURES))
    if panel.joint is None:
        return np.ones(panes)
    scale, phases = np.zeros(panes, np.int64), np.ones((panes, 1))
    return joint_test(panel, panel.joint, sums[JOINT_PANES:], rows[JOINT_PANES:], scale, phases).p


def _sums(panel: Panel, values: Floats) -> Ints:
    codes = [bins.number_codes(own) for bins, own in zip(panel.bins, values, strict=True)]
    scores = np.take_along_axis(panel.normal_scores, np.stack(codes), 1).T
    return np.stack([pair_sums(pane) for pane in np.split(scores, len(scores) // JOINT_ROWS)])
