"""Experiment 5: a pane counted in any number of partitions, in any order, is the same pane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.experiment import Experiment, at_most
from benchmarks.detection.streams import equal_panes, simulate
from detectors.panel.gauge import tick
from detectors.panel.gauge_state import Pane, initial
from detectors.panel.joint import pair_sums, with_joint
from detectors.panel.panel import Panel
from detectors.panel.plan import plan

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
FEATURES, REFERENCE, ROWS = 6, 60, 800


def experiments(quick: bool) -> list[Experiment]:
    """Return how far counts, and p-values, of parts lie from those of the whole."""
    g, tries = np.random.default_rng(2), 2 if quick else 20
    panel, values = _panel(g)
    counts, apart = 0, 0.0
    for partitions in (1, 8, 64):
        for _ in range(tries):
            whole, merged = _pane(panel, values), _merged(panel, g.permutation(values, 1), partitions, g)
            counts += int((whole.counts != merged.counts).sum() + (_pairs(whole) != _pairs(merged)).sum())
            apart = max(apart, float(np.abs(_p(panel, whole) - _p(panel, merged)).max()))
    return [
        at_most("merge: integers that differ between 1, 8 and 64 partitions", counts, 0),
        at_most("merge: largest difference of a p-value", apart, 1e-12),
    ]


def _panel(g: np.random.Generator) -> tuple[Panel, Floats]:
    """Return a panel with a joint test, and the values of a pane, ``(F, n)``."""
    values = g.standard_normal((FEATURES, (REFERENCE + 1) * ROWS))
    panel = simulate(list(values), equal_panes(REFERENCE + 1, ROWS), REFERENCE).panel
    panes = np.split(values, REFERENCE + 1, axis=1)
    sums = np.stack([_pairs(_pane(panel, pane)) for pane in panes[:REFERENCE]])
    return with_joint(panel, sums, np.full(REFERENCE, float(ROWS)), np.arange(FEATURES)), panes[-1]


def _pane(panel: Panel, values: Floats) -> Pane:
    codes = np.stack([bins.number_codes(own) for bins, own in zip(panel.bins, values, strict=True)])
    counts = np.stack([np.bincount(own, minlength=panel.shares.shape[1]) for own in codes])
    scores = np.take_along_axis(panel.normal_scores, codes, 1)
    return Pane(counts, values.shape[1], pair_sums(scores.T))


def _pairs(pane: Pane) -> Ints:
    return np.zeros(0, np.int64) if pane.pairs is None else pane.pairs


def _merged(panel: Panel, values: Floats, partitions: int, g: np.random.Generator) -> Pane:
    parts = [_pane(panel, part) for part in np.array_split(values, partitions, axis=1)]
    order = [parts[i] for i in g.permutation(partitions)]
    counts, pairs = sum(part.counts for part in order), sum(_pairs(part) for part in order)
    return Pane(np.asarray(counts), sum(part.rows for part in order), np.asarray(pairs))


def _p(panel: Panel, pane: Pane) -> Floats:
    return tick(plan(panel), initial(panel), pane)[1].p
