"""Experiment 12: CPU milliseconds for a tick, where every sixteenth closes windows of all three scales.

CPU, not elapsed time: the figure is that of the code, whatever else runs on the machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.experiment import Experiment, at_most
from benchmarks.detection.streams import Simulated, equal_panes, simulate
from detectors.panel.gauge import tick
from detectors.panel.gauge_state import Pane, initial
from detectors.panel.joint import pair_sums, with_joint
from detectors.panel.panel import Panel
from detectors.panel.plan import plan

ROWS, REFERENCE, CYCLE = 500, 60, 16
MONITORS, MINUTE_MS = 5_000, 60_000
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def experiments(quick: bool) -> Iterator[Experiment]:
    """Yield the slow ticks of 20 and 300 features, and with the pairs of 200; and the load of 5,000 monitors.

    The full run gives the 99th percentile; the quick one the slowest of 16 ticks, each at its best, so that it can be
    run beside other work.
    """
    rounds, kind, figure = (10, "slowest of 16", _slowest) if quick else (100, "p99", _p99)
    small = _milliseconds(20, False, rounds)
    yield at_most(f"tick, 20 features x 3 scales, ms {kind}", figure(small), 1.0)
    yield at_most(f"tick, 300 features x 3 scales, ms {kind}", figure(_milliseconds(300, False, rounds)), 5.0)
    yield at_most(f"tick, 300 features and pairs of 200, ms {kind}", figure(_milliseconds(300, True, rounds // 5)), 30)
    load = MONITORS * float(np.mean(np.median(small, 0))) / MINUTE_MS
    yield at_most(f"gauges of {MONITORS:,} monitors x 20 features, one-minute panes: cores", load, 1.0)


def _p99(times: Floats) -> float:
    return float(np.quantile(times[1:], 0.99))


def _slowest(times: Floats) -> float:
    return float(times.min(0).max())


def _milliseconds(features: int, joint: bool, rounds: int) -> Floats:
    """Return what each tick takes, ``(rounds, 16)``."""
    g = np.random.default_rng(0)
    columns = [g.standard_normal((REFERENCE + CYCLE) * ROWS) for _ in range(features)]
    stream = simulate(columns, equal_panes(REFERENCE + CYCLE, ROWS), REFERENCE)
    pairs = _pairs(stream.panel, columns) if joint else [None] * CYCLE
    panel = _with_pairs(stream, columns) if joint else stream.panel
    gauge, state, times = plan(panel), initial(panel), np.zeros((rounds, CYCLE))
    for tick_of in np.ndindex(times.shape):
        pane = Pane(stream.counts[tick_of[1]], ROWS, pairs[tick_of[1]])
        started = time.thread_time()
        state, _ = tick(gauge, state, pane)
        times[tick_of] = 1_000 * (time.thread_time() - started)
    return times


def _sums(panel: Panel, columns: list[Floats], panes: range) -> list[Ints]:
    chosen = range(min(200, len(columns)))
    scores = np.stack([panel.normal_scores[f, panel.bins[f].number_codes(columns[f])] for f in chosen], 1)
    return [pair_sums(scores[t * ROWS : (t + 1) * ROWS]) for t in panes]


def _pairs(panel: Panel, columns: list[Floats]) -> list[Ints | None]:
    return [*_sums(panel, columns, range(REFERENCE, REFERENCE + CYCLE))]


def _with_pairs(stream: Simulated, columns: list[Floats]) -> Panel:
    sums = np.stack(_sums(stream.panel, columns, range(REFERENCE)))
    rows = np.full(REFERENCE, float(ROWS))
    return with_joint(stream.panel, sums, rows, np.arange(min(200, len(columns))))
