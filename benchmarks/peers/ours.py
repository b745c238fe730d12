"""Our own gauge on the rows that peers are given, at the level of warnings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.tables import Columns, Cut, counted, encoded, fit_table, pane
from benchmarks.peers.judge import Delays, of_rows
from benchmarks.peers.streams import FEATURES, Size, Streams
from detectors.evidence.budget import WARN
from detectors.panel.gauge import NO_JOINT, tick
from detectors.panel.gauge_state import Pane, initial
from detectors.panel.plan import plan

Floats = NDArray[np.float64]

SHARES = FEATURES + 1
"""Of the budget: one for each feature, and one for the joint test."""

STAGGER = 16
"""Features change after leads of so many different lengths, as windows of several panes may begin anywhere."""


def columns_of(rows: Floats, kind: str) -> Columns:
    """Return rows as columns by name; levels as texts."""
    if kind == "category":
        return {f"x{i}": values.astype(np.int64).astype(str).astype(object) for i, values in enumerate(rows.T)}
    return {f"x{i}": values for i, values in enumerate(rows.T)}


def _kinds(rows: Floats, kind: str) -> dict[str, str]:
    return {f"x{i}": "category" if kind == "category" else "number" for i in range(rows.shape[1])}


def false_alarms(streams: Streams, kind: str, size: Size) -> int:
    """Return how often features, or their correlations, are named in a stream without a change."""
    panel = fit_table(columns_of(streams.reference, kind), _kinds(streams.reference, kind), _cut(size))
    gauge, state, alarms = plan(panel, WARN.evidence, WARN.q), initial(panel), 0
    codes = encoded(panel, columns_of(streams.rows, kind), len(streams.rows))
    for number, part in enumerate(np.split(codes, size.null, axis=1)):
        state, verdict = tick(gauge, state, pane(panel, part, number))
        alarms += len(verdict.features) + (verdict.joint != NO_JOINT)
    return alarms


def _cut(size: Size) -> Cut:
    return Cut(size.window, size.reference)


def delays(trials: Sequence[Streams], kind: str, size: Size) -> Delays:
    """Return rows until a change is seen.

    Features are watched one by one, each with the share of the budget that it has as one of all; correlations all at
    once, as a trial changes one pair.
    """
    streams = trials if kind == "joint" else [one for trial in trials for one in _single(trial)]
    return of_rows(np.array([_until_alarm(one, kind, size, i % STAGGER) for i, one in enumerate(streams)]))


def _single(streams: Streams) -> list[Streams]:
    return [Streams(*(part[:, [i]] for part in streams)) for i in range(streams.rows.shape[1])]


def _until_alarm(streams: Streams, kind: str, size: Size, skipped: int) -> float:
    """Return the rows after the change until an alarm, infinite without one; some windows of the lead are skipped."""
    reference = streams.reference
    panel = fit_table(columns_of(reference, kind), _kinds(reference, kind), _cut(size))
    share = 1 if len(panel.bins) > 1 else SHARES
    gauge, state = plan(panel, WARN.evidence * share, WARN.q / share), initial(panel)
    lead = streams.lead[skipped * size.window :]
    rows = np.concatenate([lead, streams.rows])
    codes = encoded(panel, columns_of(rows, kind), len(rows))
    quiet = len(lead) // size.window
    for number, part in enumerate(np.split(codes, len(rows) // size.window, axis=1), start=1 - quiet):
        state, verdict = tick(gauge, state, pane(panel, part))
        if verdict.alarms and number > 0:
            return float(number * size.window)
    return float("inf")


def cpu_seconds(streams: Streams, size: Size, window: int) -> float:
    """Return the CPU seconds of the faster of two runs over all rows: from numbers to bins, counts and verdicts.

    Without the joint test, which peers have none of here.
    """
    fitted = fit_table(columns_of(streams.reference, "number"), _kinds(streams.reference, "number"), _cut(size))
    panel = replace(fitted, joint=None)
    gauge = plan(panel)
    seconds = []
    for _ in range(2):
        begun = time.process_time()
        state = initial(panel)
        codes = encoded(panel, columns_of(streams.rows, "number"), len(streams.rows))
        for counts in counted(codes, panel.shares.shape[1], window):
            state, _ = tick(gauge, state, Pane(counts, window, None))
        seconds.append(time.process_time() - begun)
    return min(seconds)
