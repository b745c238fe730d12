"""Experiments 1 and 2: streams without any change must not alarm, and their p-values must be uniform where small."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.experiment import Experiment, at_most
from benchmarks.detection.incidents import alarms, incidents, verdicts
from benchmarks.detection.streams import STREAMS, Draw, Generator, Simulated, equal_panes, fitted, simulate
from detectors.bins import fit_number
from detectors.panel.plan import plan

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
SMALL = 0.05, 0.001


class Size(NamedTuple):
    """Features, ticks, and rows in a pane."""

    features: int
    ticks: int
    rows: int


QUICK, FULL = Size(20, 300, 700), Size(100, 1_000, 1_000)


class Found(NamedTuple):
    """False incidents in 1,000 ticks, and shares of p-values below `SMALL`."""

    incidents: float
    shares: tuple[float, ...]


def experiments(quick: bool) -> Iterator[Experiment]:
    """Yield false incidents of each case on a reference of 60 panes, their mean, and the shares of small p-values."""
    return _on_reference(60, quick)


def on_long_reference(quick: bool) -> Iterator[Experiment]:
    """Yield the same on a reference of 200 panes."""
    return _on_reference(200, quick)


def _on_reference(panes: int, quick: bool) -> Iterator[Experiment]:
    """Yield figures of each case. The quick run is too short for shares of each: there they are those of all."""
    found, kind = list[Found](), f"null, R {panes}"
    for name, stream in cases(QUICK if quick else FULL, panes):
        found.append(null(stream))
        yield at_most(f"{kind}, {name}: false incidents in 1,000 ticks", found[-1].incidents, 5)
        if not quick:
            yield from _small_p(f"{kind}, {name}", found[-1].shares)
    yield at_most(f"{kind}: mean false incidents in 1,000 ticks", _mean([case.incidents for case in found]), 2)
    together = tuple(_mean(list(shares)) for shares in zip(*(case.shares for case in found), strict=True))
    yield from _small_p(f"{kind}, all cases", together)


def _small_p(name: str, shares: tuple[float, ...]) -> Iterator[Experiment]:
    for small, share, mark in zip(SMALL, shares, (0.06, 0.002), strict=True):
        yield at_most(f"{name}: P(p < {small})", share, mark)


def long_run(quick: bool) -> list[Experiment]:
    """Return experiment 2: how many of some long runs on a frozen reference raise an alarm by evidence."""
    seeds, ticks = (2, 500) if quick else (6, 6_000)
    raised = sum(_alarms_by_evidence(seed, ticks) for seed in range(seeds))
    return [at_most(f"long run: of {seeds} runs of {ticks} ticks, with an alarm by evidence", raised, seeds // 6 or 1)]


def _alarms_by_evidence(seed: int, ticks: int) -> bool:
    g, reference = np.random.default_rng(seed), 60 if seed % 2 else 200
    columns = (g.standard_normal((reference + ticks) * 200) for _ in range(30))
    stream = simulate(columns, equal_panes(reference + ticks, 200), reference, (2, 8, 32))
    return bool(alarms(verdicts(plan(stream.panel, level=0), stream)))


def null(stream: Simulated) -> Found:
    """Return what a gauge at the level of warnings says of a stream."""
    said = list(verdicts(plan(stream.panel), stream))
    judged = np.concatenate([verdict.p[:, :-1][verdict.due[:, None] & stream.panel.usable] for verdict in said])
    per_tick = incidents(alarms(said)) / len(said)
    return Found(1_000 * per_tick, tuple(float((judged < small).mean()) if judged.size else 0.0 for small in SMALL))


def _mean(values: list[float]) -> float:
    return float(np.mean(values))


def cases(size: Size, reference: int) -> Iterator[tuple[str, Simulated]]:
    """Yield streams without a change, and their names."""
    panes = reference + size.ticks
    for name, draw in STREAMS.items():
        yield name, _of(draw, size, reference, equal_panes(panes, size.rows))
    yield "one factor", simulate(_factor(size, panes, False), equal_panes(panes, size.rows), reference)
    yield "one factor, whole numbers", simulate(_factor(size, panes, True), equal_panes(panes, size.rows), reference)
    varied = np.random.default_rng(7).lognormal(np.log(size.rows), 0.7, panes).astype(np.int64) + 20
    yield "iid, varying volumes", _of(STREAMS["iid"], size, reference, varied)
    yield "wander .5, varying volumes", _wandering_volumes(size, reference, varied)
    yield "iid, 100 rows in a pane", _of(STREAMS["iid"], size, reference, equal_panes(panes, 100), None)
    yield "10^9 rows in a pane", _multinomial(size, reference, 10**9)


def _of(draw: Draw, size: Size, reference: int, rows: Ints, scales: tuple[int, ...] | None = (1, 4, 16)) -> Simulated:
    g, largest = np.random.default_rng(0), int(rows.max())
    columns = (_cut(draw(g, len(rows), largest), rows, largest) for _ in range(size.features))
    return simulate(columns, rows, reference, scales)


def _cut(values: Floats, rows: Ints, largest: int) -> Floats:
    """Return the first rows of each pane."""
    if (rows == largest).all():
        return values
    return np.asarray(values[(np.arange(largest) < rows[:, None]).ravel()], np.float64)


def _factor(size: Size, panes: int, whole: bool) -> Iterator[Floats]:
    g = np.random.default_rng(0)
    shared = np.sqrt(0.8) * g.standard_normal(panes * size.rows)
    for _ in range(size.features):
        values = shared + np.sqrt(0.2) * g.standard_normal(len(shared))
        yield np.floor(np.exp(values)) if whole else values


def _wandering_volumes(size: Size, reference: int, rows: Ints) -> Simulated:
    small = size._replace(features=size.features // 3)
    return _of(STREAMS["wander .5"], small, reference, rows)


def _multinomial(size: Size, reference: int, rows: int) -> Simulated:
    """Return panes too large to draw row by row: uniform values, counted by the multinomial law."""
    g = np.random.default_rng(0)
    bins = [fit_number(f"x{i}", g.random(20_000)) for i in range(size.features)]
    counts = [_uniform_counts(g, np.array(feature.edges), rows, reference + size.ticks) for feature in bins]
    return fitted(bins, counts, equal_panes(reference + size.ticks, rows), reference, (1, 4, 16))


def _uniform_counts(g: Generator, edges: Floats, rows: int, panes: int) -> Floats:
    shares = np.diff(np.concatenate([[0.0, 0.0], edges, [1.0]]))
    return g.multinomial(rows, shares / shares.sum(), panes).astype(np.float64)
