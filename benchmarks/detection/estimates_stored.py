"""Experiment 7, the stored part: estimates without labels of models that learnt from flights and from hired bicycles.

A reference of rows in random order, and windows drawn from the others so that some kinds of rows come more often, or
less, by chance: those that the model is sure of, or those with a high value of one input. Inputs move, and equal inputs
keep their labels, as the estimates demand. The error is compared with a constant guess where performance moves with
the rows: if it stays, the constant is right. Rows in the order of time would break the demand: more bicycles
were hired in the second year, whatever the weather.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.estimates import (
    LEAST,
    MOST,
    Classified,
    Outcome,
    classifier,
    judged,
    regressor,
    settle,
    settle_regression,
)
from benchmarks.detection.experiment import Experiment
from benchmarks.detection.stored import BICYCLE_INPUTS, FLIGHT_KINDS, Scored, bicycles, busy_hours, flights

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Generator = np.random.Generator

REFERENCES, QUICK_REFERENCES, WINDOWS_EACH = 100, 15, 20
QUICK_SLACK = 0.03
MOST_OTHERS = 60_000
STRENGTH = 0.7
"""Standard deviation of the log weight of a row that is a standard deviation from the mean."""


class Source(NamedTuple):
    """Rows, the standardised number that their weights follow, and the rows of a reference."""

    rows: Scored
    driver: Floats
    reference: int


def experiments(quick: bool, data: Path) -> Iterator[Experiment]:
    """Yield coverage of each metric, and relative errors where performance moves with the rows."""
    references, slack = (QUICK_REFERENCES, QUICK_SLACK) if quick else (REFERENCES, 0.0)
    marks = LEAST - slack, MOST + slack
    late, busy, hired = flights(data), busy_hours(data), bicycles(data)
    length, warmth = [*FLIGHT_KINDS].index("length"), BICYCLE_INPUTS.index("temp")
    classified = (
        ("flights", late, length, 20_000, (1_000, 5_000)),
        ("bicycles", busy, warmth, 8_000, (1_000,)),
    )
    for name, rows, column, reference, sizes in classified:
        for size in sizes:
            source = Source(rows, _standard(np.abs(rows.scores - 0.5)), reference)
            for metric, outcomes in _classification(source, size, references).items():
                yield from judged(f"CBPE, {name}, sure or unsure rows, {metric}", size, outcomes, marks)
            source = Source(rows, _standard(rows.inputs[:, column]), reference)
            for metric, outcomes in _classification(source, size, references).items():
                yield judged(f"CBPE, {name}, by an input, {metric}", size, outcomes, marks)[0]
    source = Source(hired, _standard(hired.scores), 8_000)
    outcomes = _regression(source, 1_000, references)
    yield from judged("DLE, bicycles, busy or quiet hours, mean absolute error", 1_000, outcomes, marks)


def _standard(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / values.std(), np.float64)


def _classification(source: Source, size: int, references: int) -> dict[str, list[Outcome]]:
    g, outcomes = np.random.default_rng(73), dict[str, list[Outcome]]()
    for _ in range(references):
        known, others = parted(g, len(source.driver), source.reference)
        model, constant = classifier(_classified(source.rows, known))
        for _ in range(WINDOWS_EACH):
            settle(outcomes, model, constant, _classified(source.rows, shifted(g, source.driver, others, size)))
    return outcomes


def _classified(rows: Scored, chosen: Ints) -> Classified:
    scores = rows.scores[chosen]
    return Classified(scores, (scores >= 0.5).astype(np.int64), rows.labels[chosen].astype(np.int64))


def _regression(source: Source, size: int, references: int) -> list[Outcome]:
    g, outcomes = np.random.default_rng(74), list[Outcome]()
    losses = np.abs(source.rows.scores - source.rows.labels)
    for _ in range(references):
        known, others = parted(g, len(source.driver), source.reference)
        model = regressor(source.rows.scores[known], losses[known])
        for _ in range(WINDOWS_EACH):
            chosen = shifted(g, source.driver, others, size)
            outcomes += settle_regression(model, source.rows.scores[chosen], losses[chosen])
    return outcomes


def parted(g: Generator, rows: int, reference: int) -> tuple[Ints, Ints]:
    """Return a reference, and others that windows are drawn from, as places in random order."""
    order = g.permutation(rows)
    return order[:reference], order[reference : reference + MOST_OTHERS]


def shifted(g: Generator, driver: Floats, others: Ints, size: int) -> Ints:
    """Return places of a window: each row once at most, and the more likely the higher its driver, or the lower."""
    strength = float(g.normal(0, STRENGTH))
    # Exponential races: the first `size` to arrive are a weighted sample without replacement (Efraimidis, Spirakis).
    arrival = g.exponential(size=len(others)) * np.exp(-strength * np.clip(driver[others], -3, 3))
    return others[np.argpartition(arrival, size)[:size]]
