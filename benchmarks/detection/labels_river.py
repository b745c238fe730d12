"""River's row-by-row detectors on the rows that the label e-CUSUM sees as counts of panes.

The last mark of experiment 6: no detector of river, at its defaults, is at least as good in false alarms and in every
delay. Rows are independent, 10 % errors; the e-CUSUM has a reference of 20,000 rows, river learns from what
comes before the change. A stream without an alarm after its change counts with all the rows that it had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from river import drift
from river.drift import binary

from benchmarks.detection.experiment import Experiment, at_most
from benchmarks.detection.labels import MILLION, PANE, RATE, REFERENCE, THRESHOLD
from detectors.evidence import cusum
from detectors.evidence.rates import design_effect, fit_rates

Flags = NDArray[np.bool_]

DETECTORS: dict[str, Callable[[], Any]] = {
    "ADWIN": drift.ADWIN,
    "PageHinkley": drift.PageHinkley,
    "DDM": binary.DDM,
    "EDDM": binary.EDDM,
    "HDDM_A": binary.HDDMA,
    "HDDM_W": binary.HDDMW,
}
SLOW = ("HDDM_A", "HDDM_W")
OURS = "e-CUSUM"
RISEN = (0.15, 0.20, 0.30)
BEFORE, AFTER, QUIET = 10_000, 10_000, 100_000


class Judged(NamedTuple):
    """False alarms of a million rows, and mean rows until each of `RISEN` is seen."""

    false_per_million: float
    delays: tuple[float, ...]

    def no_worse_than(self, other: Judged) -> bool:
        """Return whether false alarms and every delay are as low or lower."""
        delays = zip(self.delays, other.delays, strict=True)
        return self.false_per_million <= other.false_per_million and all(mine <= its for mine, its in delays)


def experiments(quick: bool) -> list[Experiment]:
    """Return how many of river's detectors beat the e-CUSUM; fewer streams, and without the slow ones, if `quick`."""
    names = [name for name in DETECTORS if not (quick and name in SLOW)]
    found = judged(names, streams=20 if quick else 60)
    ours = found.pop(OURS)
    better = sum(theirs.no_worse_than(ours) for theirs in found.values())
    return [at_most("label e-CUSUM: river's detectors that are better on all of false alarms and delays", better, 0.0)]


def judged(names: Sequence[str], streams: int) -> dict[str, Judged]:
    """Return false alarms and delays of these detectors and of ours, on the same rows."""
    g = np.random.default_rng(14)
    reference = g.random((streams, REFERENCE)) < RATE
    quiet = g.random((streams, QUIET)) < RATE
    changes = [g.random((streams, BEFORE + AFTER)) < _rates(risen) for risen in RISEN]
    found = {name: _river(DETECTORS[name], quiet, changes) for name in names}
    return {**found, OURS: _ours(reference, quiet, changes)}


def _rates(risen: float) -> NDArray[np.float64]:
    return np.where(np.arange(BEFORE + AFTER) < BEFORE, RATE, risen)


def _river(make: Callable[[], Any], quiet: Flags, changes: list[Flags]) -> Judged:
    false = sum(len(_river_alarms(make, rows)) for rows in quiet)
    seen = [[_delay(_river_alarms(make, rows, stop_after=BEFORE)) for rows in streams] for streams in changes]
    return Judged(false / quiet.size * MILLION, tuple(float(np.mean(delays)) for delays in seen))


def _river_alarms(make: Callable[[], Any], rows: Flags, stop_after: int = QUIET) -> list[int]:
    """Return after how many rows it alarmed; no further once it has alarmed beyond `stop_after`."""
    detector, alarms = make(), []
    for seen, wrong in enumerate(rows.astype(int).tolist(), start=1):
        detector.update(wrong)
        if detector.drift_detected:
            alarms.append(seen)
            if seen > stop_after:
                break
    return alarms


def _delay(alarms: list[int]) -> int:
    return next((at - BEFORE for at in alarms if at > BEFORE), AFTER)


def _ours(reference: Flags, quiet: Flags, changes: list[Flags]) -> Judged:
    false = sum(len(alarms) for alarms in _our_alarms(reference, quiet))
    seen = [[_delay(alarms) for alarms in _our_alarms(reference, rows)] for rows in changes]
    return Judged(false / quiet.size * MILLION, tuple(float(np.mean(delays)) for delays in seen))


def _our_alarms(reference: Flags, rows: Flags) -> list[list[int]]:
    """Return after how many rows each stream alarmed."""
    streams, panes = len(rows), np.full(REFERENCE // PANE, PANE)
    effects = [design_effect(panes, of.reshape(-1, PANE).sum(axis=1)) for of in reference]
    test = fit_rates(np.full(streams, REFERENCE), reference.sum(axis=1), effects)
    counts = rows.reshape(streams, -1, PANE).sum(axis=2)
    alarms: list[list[int]] = [[] for _ in range(streams)]
    state = test.start()
    for pane in range(counts.shape[1]):
        state, log_e = test.update(state, np.full(streams, PANE), counts[:, pane])
        for stream in np.flatnonzero(log_e >= np.log(THRESHOLD)):
            alarms[stream].append((pane + 1) * PANE)
        state = cusum.restarted(state, log_e >= np.log(THRESHOLD))
    return alarms
