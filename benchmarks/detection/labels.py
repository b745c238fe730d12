"""The label e-CUSUM on simulated errors: false alarms of a million rows, and rows until a rise is seen.

Experiment 6: 10 % errors, panes of 100 rows, references of 20,000, evidence alarms at 1,000 panes. Errors are a Markov
chain with a correlation of phi between neighbours; a false-alarm mark holds for each phi, delays for phi = 0. The
marks of losses are no part of the specification: the first form of this test took 503 rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.experiment import Experiment, at_most
from detectors.evidence import cusum
from detectors.evidence.loss_sums import clip_point, loss_sums
from detectors.evidence.losses import LossTest, fit_losses
from detectors.evidence.rates import RateTest, design_effect, fit_rates

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PANE, REFERENCE, THRESHOLD, RATE = 100, 20_000, 1_000.0, 0.1
FALSE_MARKS = {0.0: 2.0, 0.3: 3.0, 0.6: 5.0}
DELAY_MARKS = {0.15: 1_100.0, 0.20: 350.0, 0.30: 140.0}
LOSS_RISE, LOSS_DELAY_MARK = 1.2, 700.0
MILLION = 1_000_000


class Alarms(NamedTuple):
    """False alarms of a million rows before the change, rows until the first alarm after it, and share without one."""

    false_per_million: float
    delay: float
    missed: float


class Change(NamedTuple):
    """Rows until the rate changes, rows after that, and the rate then."""

    at: int
    rows: int
    rate: float


def experiments(quick: bool) -> list[Experiment]:
    """Return false alarms and delays of rates, and of a loss; a third of the chains if `quick`."""
    chains = 30 if quick else 100
    return [*_false_alarms(chains), *_delays(chains), *_losses(chains)]


def _false_alarms(chains: int) -> list[Experiment]:
    found = []
    for phi, mark in FALSE_MARKS.items():
        streams = chains if phi == 0 else max(10, chains * 2 // 5)
        seen = rate_alarms(np.random.default_rng(11), streams, phi, Change(at=100_000, rows=0, rate=RATE))
        found.append(at_most(f"label e-CUSUM: false alarms per 1e6 rows, phi {phi:g}", seen.false_per_million, mark))
    return found


def _delays(chains: int) -> list[Experiment]:
    found = []
    for rate, mark in DELAY_MARKS.items():
        seen = rate_alarms(np.random.default_rng(12), chains, 0.0, Change(at=10_000, rows=20_000, rate=rate))
        found.append(at_most(f"label e-CUSUM: rows until 10 % errors are seen as {rate:.0%}", seen.delay, mark))
        found.append(at_most(f"label e-CUSUM: share that misses {rate:.0%}", seen.missed, 0.0))
    return found


def rate_alarms(g: np.random.Generator, chains: int, phi: float, change: Change) -> Alarms:
    """Return what one test for each chain does; every chain has a reference of its own."""
    reference = errors(g, chains, np.full(REFERENCE, RATE), phi)
    panes = np.full(REFERENCE // PANE, PANE)
    effects = [design_effect(panes, of_chain) for of_chain in reference]
    test = fit_rates(np.full(chains, REFERENCE), reference.sum(axis=1), effects)
    rates = np.where(np.arange(change.at + change.rows) < change.at, RATE, change.rate)
    return _watch(test, errors(g, chains, rates, phi), change.at // PANE)


def errors(g: np.random.Generator, chains: int, rates: Floats, phi: float) -> Ints:
    """Return the errors of each pane, ``(chains, panes)``, for the rate of each row."""
    if phi == 0:
        return g.binomial(PANE, rates[::PANE], size=(chains, len(rates) // PANE))
    counts = np.zeros((chains, len(rates) // PANE), np.int64)
    wrong = g.random(chains) < rates[0]
    for row, rate in enumerate(rates):
        wrong = g.random(chains) < rate + phi * (wrong - rate)
        counts[:, row // PANE] += wrong
    return counts


def _watch(test: RateTest, counts: Ints, change_pane: int) -> Alarms:
    chains, panes = counts.shape
    alarmed = np.zeros((panes, chains), np.bool_)
    state, rows = test.start(), np.full(chains, PANE)
    for pane in range(panes):
        state, log_e = test.update(state, rows, counts[:, pane])
        # Each chain is a stream of its own: they do not share the threshold.
        alarmed[pane] = log_e >= np.log(THRESHOLD)
        state = cusum.restarted(state, alarmed[pane])
    return _summary(alarmed, change_pane)


def _summary(alarmed: NDArray[np.bool_], change_pane: int) -> Alarms:
    before, after = alarmed[:change_pane], alarmed[change_pane:]
    false = float(before.sum()) / max(1, before.size * PANE) * MILLION
    seen = after.any(axis=0) if len(after) else np.zeros(alarmed.shape[1], np.bool_)
    delay = (after[:, seen].argmax(axis=0) + 1).mean() * PANE if seen.any() else np.inf
    return Alarms(false, float(delay), float(1 - seen.mean()))


def _losses(streams: int) -> list[Experiment]:
    g = np.random.default_rng(13)
    references = np.abs(g.standard_normal((streams, REFERENCE)))
    clips = np.array([clip_point(row) for row in references])[:, None]
    cut = np.minimum(references, clips)
    test = fit_losses(loss_sums(np.full(streams, REFERENCE), cut.sum(axis=1), (cut * cut).sum(axis=1)))
    false = _watch_losses(g, test, clips, Change(at=100_000, rows=0, rate=1.0))
    risen = _watch_losses(g, test, clips, Change(at=0, rows=30_000, rate=LOSS_RISE))
    return [
        at_most("loss e-CUSUM, |normal|: false alarms per 1e6 rows", false.false_per_million, 2.0),
        at_most(
            f"loss e-CUSUM, |normal|: rows until a rise to {LOSS_RISE:g} times is seen", risen.delay, LOSS_DELAY_MARK
        ),
        at_most("loss e-CUSUM, |normal|: share missed", risen.missed, 0.0),
    ]


def _watch_losses(g: np.random.Generator, test: LossTest, clips: Floats, change: Change) -> Alarms:
    panes, streams = (change.at + change.rows) // PANE, len(test.limits)
    alarmed = np.zeros((panes, streams), np.bool_)
    state, rows = test.start(), np.full(streams, PANE)
    for pane in range(panes):
        scale = 1.0 if pane * PANE < change.at else change.rate
        cut = np.minimum(np.abs(g.standard_normal((streams, PANE))) * scale, clips)
        state, log_e = test.update(state, rows, cut.sum(axis=1), (cut * cut).sum(axis=1))
        alarmed[pane] = log_e >= np.log(THRESHOLD)
        state = cusum.restarted(state, alarmed[pane])
    return _summary(alarmed, change.at // PANE)
