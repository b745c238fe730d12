"""Experiment 12: CPU milliseconds for a tick, where every sixteenth closes windows of all three scales.

CPU, not elapsed time: the figure is that of the code, whatever else runs on the machine.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.experiment import Experiment, at_most
from benchmarks.detection.streams import Simulated, equal_panes, simulate
from detectors.panel.gauge import tick
from detectors.panel.gauge_state import Pane, initial
from detectors.panel.joint import pair_sums, with_joint
from detectors.panel.panel import Panel
from detectors.panel.plan import plan

ROWS, REFERENCE = 500, 60
Ints = NDArray[np.int64]


def experiments(quick: bool) -> list[Experiment]:
    """Return the 99th percentile of a tick for 20 and 300 features, and with the pairs of 200."""
    ticks = 160 if quick else 1_600
    cases = (("20 features x 3 scales", 20, False, 1.0), ("300 features x 3 scales", 300, False, 5.0))
    found = [at_most(f"tick, {name}, ms p99", _p99(size, joint, ticks), mark) for name, size, joint, mark in cases]
    return [*found, at_most("tick, 300 features and pairs of 200, ms p99", _p99(300, True, ticks // 5), 30.0)]


def _p99(features: int, joint: bool, ticks: int) -> float:
    g = np.random.default_rng(0)
    columns = [g.standard_normal((REFERENCE + 16) * ROWS) for _ in range(features)]
    stream = simulate(columns, equal_panes(REFERENCE + 16, ROWS), REFERENCE)
    pairs = _pairs(stream.panel, columns) if joint else [None] * 16
    panel = _with_pairs(stream, columns) if joint else stream.panel
    gauge, state, seconds = plan(panel), initial(panel), []
    for t in range(ticks):
        pane = Pane(stream.counts[t % 16], ROWS, pairs[t % 16])
        started = time.thread_time()
        state, _ = tick(gauge, state, pane)
        seconds.append(time.thread_time() - started)
    return float(np.quantile(seconds[16:], 0.99)) * 1_000


def _sums(panel: Panel, columns: list[NDArray[np.float64]], panes: range) -> list[Ints]:
    chosen = range(min(200, len(columns)))
    scores = np.stack([panel.normal_scores[f, panel.bins[f].number_codes(columns[f])] for f in chosen], 1)
    return [pair_sums(scores[t * ROWS : (t + 1) * ROWS]) for t in panes]


def _pairs(panel: Panel, columns: list[NDArray[np.float64]]) -> list[Ints | None]:
    return [*_sums(panel, columns, range(REFERENCE, REFERENCE + 16))]


def _with_pairs(stream: Simulated, columns: list[NDArray[np.float64]]) -> Panel:
    sums = np.stack(_sums(stream.panel, columns, range(REFERENCE)))
    rows = np.full(REFERENCE, float(ROWS))
    return with_joint(stream.panel, sums, rows, np.arange(min(200, len(columns))))
