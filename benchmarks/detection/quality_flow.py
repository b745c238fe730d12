"""Volume, gaps and labels: false findings of flows that nothing is wrong with, and what is seen of those that fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from benchmarks.detection.experiment import Experiment, at_least, at_most
from benchmarks.detection.quality import ALLOWED, DEPENDENT, INDEPENDENT
from benchmarks.detection.quality_streams import Wander
from detectors.quality.gap import check_gap, fit_gap
from detectors.quality.labels import check_labels, fit_labels
from detectors.quality.volume import check_volume, fit_volume

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Generator = np.random.Generator


class Flow(NamedTuple):
    """Rows of panes, ``(panes,)``, panes of its cycle, and the mark of false findings in 1,000 panes."""

    name: str
    draw: Callable[[Generator, int], Ints]
    phases: int
    mark: float


def _poisson(mean: Callable[[Generator, int], Floats]) -> Callable[[Generator, int], Ints]:
    return lambda g, panes: g.poisson(mean(g, panes)).astype(np.int64)


def _week(panes: int) -> Floats:
    return np.where(np.arange(panes) % 7 < 5, 1_000.0, 300.0)


def _day(panes: int) -> Floats:
    return 1_000 * (1.05 + np.sin(np.arange(panes) / 24 * 2 * np.pi))


def _wandering(sd: float) -> Callable[[Generator, int], Floats]:
    return lambda g, panes: 1_000 * np.exp(Wander(sd, 0.9).draw(g, panes, 1)[:, 0])


VOLUMES = (
    Flow("Poisson, 20 rows", _poisson(lambda g, panes: np.full(panes, 20.0)), 1, INDEPENDENT),
    Flow("Poisson, 1,000 rows", _poisson(lambda g, panes: np.full(panes, 1_000.0)), 1, INDEPENDENT),
    Flow("bursty, kappa .5", _poisson(lambda g, panes: g.gamma(2, 500, panes)), 1, INDEPENDENT),
    Flow("bursty, kappa 2, 20 rows", _poisson(lambda g, panes: g.gamma(0.5, 40, panes)), 1, INDEPENDENT),
    Flow("lognormal .7", _poisson(lambda g, panes: g.lognormal(6.5, 0.7, panes)), 1, INDEPENDENT),
    Flow("a week of 7 panes", _poisson(lambda g, panes: _week(panes) * g.gamma(50, 0.02, panes)), 7, INDEPENDENT),
    Flow("a week, not told", _poisson(lambda g, panes: _week(panes) * g.gamma(50, 0.02, panes)), 1, INDEPENDENT),
    Flow("a day of 24 panes", _poisson(lambda g, panes: _day(panes) * g.gamma(20, 0.05, panes)), 24, INDEPENDENT),
    Flow("AR .9, sd .3", _poisson(_wandering(0.3)), 1, DEPENDENT),
    Flow("AR .9, sd .5", _poisson(_wandering(0.5)), 1, DEPENDENT),
)


def _empty(chance: float) -> Callable[[Generator, int], Ints]:
    return lambda g, panes: (g.random(panes) >= chance).astype(np.int64)


def _sticky(begins: float, stays: float) -> Callable[[Generator, int], Ints]:
    def draw(g: Generator, panes: int) -> Ints:
        rows, empty = np.ones(panes, np.int64), False
        for pane, chance in enumerate(g.random(panes)):
            empty = bool(chance < (stays if empty else begins))
            rows[pane] = not empty
        return rows

    return draw


def _night(panes: int) -> Floats:
    return np.where(np.arange(panes) % 24 < 7, 0.5, 50.0)


GAPS = (
    Flow("none seen in most references", _empty(0.001), 1, INDEPENDENT),
    Flow("1 % empty", _empty(0.01), 1, INDEPENDENT),
    Flow("10 % empty", _empty(0.1), 1, INDEPENDENT),
    Flow("90 % empty", _empty(0.9), 1, INDEPENDENT),
    Flow("nights of 7 panes", _poisson(lambda g, panes: _night(panes)), 24, INDEPENDENT),
    Flow("gaps of 2 panes, each 50 panes", _sticky(0.02, 0.5), 1, DEPENDENT),
    Flow("gaps of 5 panes, each 20 panes", _sticky(0.05, 0.8), 1, DEPENDENT),
)


class Labelled(NamedTuple):
    """Share of labels, how its log odds wander, and the mark."""

    name: str
    rows: int
    share: float
    odds: Wander
    mark: float


LABELS = (
    Labelled("90 %, 20 rows", 20, 0.9, Wander(), INDEPENDENT),
    Labelled("30 % that differs, 1,000 rows", 1_000, 0.3, Wander(0.5), INDEPENDENT),
    Labelled("5 %, 1,000 rows", 1_000, 0.05, Wander(), INDEPENDENT),
    Labelled("30 % that wanders, AR .9, 1,000 rows", 1_000, 0.3, Wander(0.5, 0.9), DEPENDENT),
)


def experiments(quick: bool) -> list[Experiment]:
    """Return false findings of each flow, and the power to see that one fails."""
    references, panes, lengths = (4, 150, (60,)) if quick else (40, 500, (60, 200))
    found: list[Experiment] = []
    for length in lengths:
        for kind, flows, count in (("volume", VOLUMES, _volume_findings), ("no-data", GAPS, _gaps_found)):
            for flow in flows:
                g = np.random.default_rng(7)
                draws = (flow.draw(g, length + panes) for _ in range(references))
                rate = float(np.mean([count(rows, length, flow.phases) for rows in draws]))
                # A short run cannot tell one finding from none: what it may show is that there are not many.
                mark = flow.mark + (1_000 / panes if quick else 0)
                found.append(at_most(f"{kind}, R {length}, {flow.name}: false findings in 1,000 panes", rate, mark))
        found += [_false_labels(case, length, references, panes, quick) for case in LABELS]
    return [*found, *_power(20 if quick else 200)]


def _volume_findings(rows: Ints, reference: int, phases: int) -> float:
    profile = fit_volume(rows[:reference], phases)
    later = enumerate(rows[reference:].tolist(), reference)
    found = [check_volume(profile, count, ALLOWED, t % phases) is not None for t, count in later]
    return 1_000 * float(np.mean(found))


def _gaps_found(rows: Ints, reference: int, phases: int) -> float:
    """Return how many gaps are found in 1,000 panes; one that goes on is the same finding."""
    profile, run, found, is_open = fit_gap(rows[:reference], phases), 0, 0, False
    for t, count in enumerate(rows.tolist()):
        run = run + 1 if count == 0 else 0
        fault = check_gap(profile, run, ALLOWED, t % phases) if t >= reference and run else None
        found += fault is not None and not is_open
        is_open = run > 0 and (is_open or fault is not None)
    return 1_000 * found / (len(rows) - reference)


def _false_labels(case: Labelled, length: int, references: int, panes: int, quick: bool) -> Experiment:
    g, found = np.random.default_rng(8), []
    for _ in range(references):
        labels = _labels(g, case, length + panes)
        profile = fit_labels(np.full(length, case.rows), labels[:length])
        later = labels[length:].tolist()
        found += [check_labels(profile, case.rows, count, ALLOWED) is not None for count in later]
    mark = case.mark + (1_000 / panes if quick else 0)
    name = f"no-labels, R {length}, {case.name}: false findings in 1,000 panes"
    return at_most(name, 1_000 * float(np.mean(found)), mark)


def _labels(g: Generator, case: Labelled, panes: int) -> Ints:
    odds = special.logit(case.share) + case.odds.draw(g, panes, 1)[:, 0]
    return np.asarray(g.binomial(case.rows, special.expit(odds)), np.int64)


def _power(panes: int) -> list[Experiment]:
    g = np.random.default_rng(9)
    rows = g.poisson(1_000 * g.gamma(100, 0.01, 60 + panes)).astype(np.int64)
    volume, gap = fit_volume(rows[:60]), fit_gap(rows[:60])
    labels = fit_labels(rows[:60], g.binomial(rows[:60], 0.9))
    halved = [check_volume(volume, count // 2, ALLOWED) is not None for count in rows[60:].tolist()]
    doubled = [check_volume(volume, count * 2, ALLOWED) is not None for count in rows[60:].tolist()]
    few = [check_labels(labels, count, count // 5, ALLOWED) is not None for count in rows[60:].tolist()]
    panes_needed = next(run for run in range(1, 100) if check_gap(gap, run, ALLOWED))
    return [
        at_least("volume, R 60, panes differ by 10 %, half of the rows: found", float(np.mean(halved)), 0.95),
        at_least("volume, R 60, panes differ by 10 %, twice the rows: found", float(np.mean(doubled)), 0.95),
        at_least("volume, R 60, an empty pane: found", float(check_volume(volume, 0, ALLOWED) is not None), 1.0),
        at_most("no-data, R 60 without a gap: panes until an outage is found", panes_needed, 3),
        at_least("no-labels, R 60, 20 % of 90 %: found", float(np.mean(few)), 0.95),
    ]
