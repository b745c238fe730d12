"""Experiment 11: more of one class, seen by the inputs and the score of a model that tells the classes badly apart.

Flights whose delays a weak model expects, in random order; from some row on, 55 % of them are late instead of 45 %,
while late flights look as ever. Level of warnings, a reference of 200 panes of 100 rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.experiment import Experiment, at_least, at_most
from benchmarks.detection.stored import FLIGHT_KINDS, Scored, flight_columns, flights, texts
from benchmarks.detection.tables import Columns, Cut, encoded, fit_table, pane
from detectors.panel.gauge import tick
from detectors.panel.gauge_state import initial
from detectors.panel.plan import plan

Ints = NDArray[np.int64]
Generator = np.random.Generator

STREAMS, QUICK_STREAMS = 8, 3
CUT = Cut(rows=100, panes=200)
BEFORE, AFTER, WITHIN = 6_000, 10_000, 6_000
SHARE = 0.55
OUTPUTS = {"score": "number", "predicted": "category"}


class Found(NamedTuple):
    """Alarms before the shift, and rows until the first after it; None without one."""

    false: int
    delay: int | None


def experiments(quick: bool, data: Path) -> Iterator[Experiment]:
    """Yield how many streams are found in time, and how many alarmed before; one may be missed."""
    streams, rows = QUICK_STREAMS if quick else STREAMS, flights(data)
    found = [watched(np.random.default_rng(seed), rows) for seed in range(streams)]
    in_time = [one for one in found if one.delay is not None and one.delay <= WITHIN]
    name = f"prior .45 to .55, weak model: streams of {streams}"
    yield at_least(f"{name} seen within {WITHIN:,} rows", len(in_time), streams - 1)
    yield at_most(f"{name} that alarm before", sum(one.false > 0 for one in found), 1)


def watched(g: Generator, rows: Scored) -> Found:
    """Return when a stream of such rows alarms."""
    chosen, known = _chosen(g, rows.labels), CUT.rows * CUT.panes
    columns = with_outputs(flight_columns(rows.inputs[chosen]), rows.scores[chosen])
    kinds = FLIGHT_KINDS | OUTPUTS
    panel = fit_table(columns, kinds, CUT, rows.scores[chosen])
    gauge, state, false = plan(panel, is_output=np.isin(list(kinds), list(OUTPUTS))), initial(panel), 0
    codes = encoded(panel, columns, len(chosen))[:, known:]
    for number, part in enumerate(np.split(codes, codes.shape[1] // CUT.rows, axis=1), start=1):
        state, verdict = tick(gauge, state, pane(panel, part, CUT.panes + number))
        if verdict.alarms and number * CUT.rows > BEFORE:
            return Found(false, number * CUT.rows - BEFORE)
        false += verdict.alarms
    return Found(false, None)


def with_outputs(columns: Columns, scores: NDArray[np.float64]) -> Columns:
    """Return columns with a model's score and predicted class."""
    return {**columns, "score": scores, "predicted": texts((scores > 0.5).astype(np.float64))}


def _chosen(g: Generator, labels: NDArray[np.float64]) -> Ints:
    """Return which rows come: some at random, then as many late ones as the shifted prior says."""
    late, others = np.flatnonzero(labels == 1), np.flatnonzero(labels != 1)
    quiet = g.choice(len(labels), CUT.rows * CUT.panes + BEFORE, replace=False)
    shifted = np.where(g.random(AFTER) < SHARE, g.choice(late, AFTER), g.choice(others, AFTER))
    return np.concatenate([quiet, shifted])
