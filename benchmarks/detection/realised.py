"""The budget as it is realised: ticks between two alarms if nothing is wrong, over the ticks that a threshold promises.

A threshold of A promises at least A ticks in the mean. Shown is how much is left of that, for evidence from exact
p-values, for label evidence of a known rate, and for whole gauges with their finite references; for parallel tests, how
many ticks alarm against the level. Rows are independent: where they wander, the slack goes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from benchmarks.detection.experiment import Experiment, at_least, at_most
from benchmarks.detection.incidents import alarms, verdicts
from benchmarks.detection.streams import Simulated, equal_panes, fitted
from detectors.bins import Bins, fit_number
from detectors.evidence import cusum
from detectors.evidence.calibrator import log_evidence
from detectors.evidence.rates import RateTest
from detectors.panel.floors import NO_FLOORS
from detectors.panel.plan import plan

Ints = NDArray[np.int64]
Generator = np.random.Generator

THRESHOLDS = (10.0, 100.0, 1_000.0)
CHAINS, CHAIN_TICKS, QUICK_CHAINS = 4_000, 20_000, 100
LABEL_CHAINS, LABEL_TICKS, QUICK_LABEL_CHAINS = 3_000, 4_000, 300
PANE_LABELS, RATE = 100, 0.1
FEATURES, ROWS, GAUGE_TICKS, QUICK_TICKS = 100, 1_000, 12_000, 600
GAUGE_THRESHOLD, LEVEL = 10.0, 0.01


def experiments(quick: bool) -> Iterator[Experiment]:
    """Yield realised over promised ticks, at least 1, and realised over stated levels, at most 1."""
    g = np.random.default_rng(1)
    for threshold in THRESHOLDS:
        ticks = of_p_values(g, threshold, QUICK_CHAINS if quick else CHAINS)
        yield at_least(f"realised budget, exact p-values, threshold {threshold:g}: times the promise", ticks, 1)
        ticks = of_labels(g, threshold, QUICK_LABEL_CHAINS if quick else LABEL_CHAINS)
        yield at_least(f"realised budget, labels, threshold {threshold:g}: times the promise", ticks, 1)
    for reference in (200, 60):
        yield from _gauges(reference, QUICK_TICKS if quick else GAUGE_TICKS)


def of_p_values(g: Generator, threshold: float, chains: int) -> float:
    """Return realised over promised ticks of an e-CUSUM of exact p-values."""
    log_m, alarmed = np.zeros((chains, 1)), 0
    for _ in range(CHAIN_TICKS):
        log_m = cusum.step(log_m, log_evidence(g.random((chains, 1))))
        high = log_m[:, 0] >= np.log(threshold)
        log_m, alarmed = cusum.restarted(log_m, high), alarmed + int(high.sum())
    return chains * CHAIN_TICKS / max(1, alarmed) / threshold


def of_labels(g: Generator, threshold: float, chains: int) -> float:
    """Return the same of label e-CUSUMs whose limit is the true rate."""
    test = RateTest((RATE,) * chains, (1.0,) * chains)
    state, alarmed, rows = test.start(), 0, np.full(chains, PANE_LABELS)
    for _ in range(LABEL_TICKS):
        state, log_e = test.update(state, rows, g.binomial(PANE_LABELS, RATE, chains))
        # Each chain is a stream of its own: they do not share the threshold.
        high = log_e >= np.log(threshold)
        state, alarmed = cusum.restarted(state, high), alarmed + int(high.sum())
    return chains * LABEL_TICKS / max(1, alarmed) / threshold


def _gauges(reference: int, ticks: int) -> Iterator[Experiment]:
    stream = _normal(np.random.default_rng(reference), reference, ticks)
    name = f"realised budget, {FEATURES} features, R {reference}"
    gauge = plan(stream.panel, GAUGE_THRESHOLD, 0, floors=NO_FLOORS)
    between = ticks / max(1, len(alarms(verdicts(gauge, stream)))) / GAUGE_THRESHOLD
    yield at_least(f"{name}, threshold {GAUGE_THRESHOLD:g}: times the promise", between, 1)
    gauge = plan(stream.panel, 1e300, LEVEL, floors=NO_FLOORS)
    alarmed = len(alarms(verdicts(gauge, stream))) / ticks
    yield at_most(f"{name}, parallel tests at {LEVEL:g}: times the level", alarmed / LEVEL, 1)


def _normal(g: Generator, reference: int, ticks: int) -> Simulated:
    """Return features of independent normal rows, counted by the multinomial law: row by row would take long."""
    panes, values = reference + ticks, g.standard_normal(400_000)
    one = fit_number("x", values)
    shares = np.bincount(one.number_codes(values), minlength=one.width) / len(values)
    bins: list[Bins] = [structs.replace(one, name=f"x{f}") for f in range(FEATURES)]
    counts = [g.multinomial(ROWS, shares, panes).astype(np.float64) for _ in bins]
    return fitted(bins, counts, equal_panes(panes, ROWS), reference, (1, 4, 16))
