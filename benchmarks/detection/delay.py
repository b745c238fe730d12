"""Experiments 3 and 4: panes until a change is seen, at the level of warnings and at the budget of 90 days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.experiment import Experiment, at_most
from benchmarks.detection.incidents import verdicts
from benchmarks.detection.streams import STREAMS, Generator, Simulated, equal_panes, simulate
from detectors.panel.plan import plan

Floats = NDArray[np.float64]
Change = Callable[[Floats, Generator], Floats]

ROWS, TICKS, FIRST_CHANGE, STARTS = 1_000, 176, 48, 16
WATCHED = 100
"""Features that share the budget; those that do not drift are left out, as they are quiet."""


class Case(NamedTuple):
    """A change of the rows of one stream, and the most panes until half of the features are seen."""

    name: str
    stream: str
    change: Change
    mark: float
    budget_mark: float | None


def _spiked(share: float, value: float) -> Change:
    return lambda x, g: np.where(g.random(x.shape) < share, value, x)


CASES = (
    Case("+.1 sd", "iid", lambda x, g: x + 0.1, 8, 7),
    Case("+.2 sd", "iid", lambda x, g: x + 0.2, 2, 2),
    Case("+.3 sd", "iid", lambda x, g: x + 0.3, 1, 1),
    Case("scale x 1.1", "iid", lambda x, g: x * 1.1, 5, 6),
    Case("3 % spike", "iid", _spiked(0.03, 0.123), 8, 7),
    Case("1 % tail", "iid", _spiked(0.01, 6.0), 3, 2),
    Case("AR .9, +.3 sd", "AR .9", lambda x, g: x + 0.3, 24, None),
)
WARNING, NINETY_DAYS = (1_000.0, 0.001), (129_600.0 / 0.5, 0.5 / 129_600)
"""Threshold of evidence and level of parallel tests; 90 days have 129,600 panes of a minute, and one false page."""


def experiments(quick: bool) -> Iterator[Experiment]:
    """Yield the median delay for each change, and how many features were missed."""
    features = 10 if quick else 30
    for case in CASES:
        found = delays(case, features, 60, *WARNING)
        yield at_most(f"delay, R 60, {case.name}: panes", _median(found), case.mark)
        yield at_most(f"delay, R 60, {case.name}: missed of {features}", float(np.isnan(found).sum()), 0)
        if case.budget_mark is not None:
            found = delays(case, features, 200, *NINETY_DAYS)
            yield at_most(f"delay, R 200, 90-day budget, {case.name}: panes", _median(found), case.budget_mark)


def _median(found: Floats) -> float:
    """Return the median of delays; a feature that was missed waits for ever."""
    return float(np.median(np.where(np.isnan(found), np.inf, found)))


def delays(case: Case, features: int, reference: int, threshold: float, level: float) -> Floats:
    """Return the panes until each feature is named after its change, ``(features,)``; NaN if it never is."""
    starts = FIRST_CHANGE + np.arange(features) % STARTS
    stream = _changed(case, features, reference, starts)
    # As one of many: the threshold and the level are those of a panel with quiet features beside.
    share = features / WATCHED
    gauge = plan(stream.panel, threshold / share, level * share)
    found = np.full(features, np.nan)
    for t, verdict in enumerate(verdicts(gauge, stream), 1):
        first = [f for f in verdict.features.tolist() if t > starts[f] and np.isnan(found[f])]
        found[first] = t - starts[first]
    return found


def _changed(case: Case, features: int, reference: int, starts: NDArray[np.int64]) -> Simulated:
    g = np.random.default_rng(5)

    def columns() -> Iterator[Floats]:
        for f in range(features):
            values = STREAMS[case.stream](g, reference + TICKS, ROWS)
            at = (reference + int(starts[f])) * ROWS
            yield np.concatenate([values[:at], case.change(values[at:], g)])

    return simulate(columns(), equal_panes(reference + TICKS, ROWS), reference)
