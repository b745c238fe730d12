"""Hard checks: false findings of panes that nothing is wrong with, power to see what is, and their cost.

A thousandth of the panes may have a finding. The mark of false findings is twice that where panes are independent of
each other, and five times where they wander (autoregressions of .9, of which 60 panes say as much as three).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.experiment import Experiment, at_least, at_most
from benchmarks.detection.quality_streams import (
    FEATURES,
    IS_NUMBER,
    NUMBERS,
    Generator,
    Healthy,
    Nature,
    Wander,
    healthy,
    of_values,
)
from benchmarks.detection.streams import autoregressive, equal_panes
from detectors.quality.check import check_pane
from detectors.quality.health import PaneHealth, ReferenceHealth
from detectors.quality.profile import fit_quality

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

ALLOWED = 0.001
INDEPENDENT, DEPENDENT = 2.0, 5.0
"""Marks, in false findings of 1,000 panes."""


class Size(NamedTuple):
    """Simulated references of each case, panes after each, and panes in them."""

    references: int
    panes: int
    lengths: tuple[int, ...]


QUICK, FULL = Size(3, 100, (60,)), Size(30, 300, (60, 200))

NATURES = (
    ("independent rows", Nature(), INDEPENDENT),
    ("shares and means differ between panes", Nature(Wander(0.5), Wander(0.3)), INDEPENDENT),
    ("shares and means wander, AR .9", Nature(Wander(0.5, 0.9), Wander(0.5, 0.9)), DEPENDENT),
)


def experiments(quick: bool) -> list[Experiment]:
    """Return all; `quick` judges all cases of a kind together, as each is too short for a mark of its own."""
    return [*_false(QUICK if quick else FULL, quick), *_power(20 if quick else 200), *_speed(50 if quick else 1_000)]


def _volumes(g: Generator, panes: int) -> Iterator[tuple[str, Ints]]:
    for rows in (20, 1_000, 1_000_000):
        yield f"{rows:,} rows", equal_panes(panes, rows)
    yield "some 20 to 5,000 rows", g.lognormal(np.log(300), 1.2, panes).astype(np.int64) + 20


class _Case(NamedTuple):
    name: str
    false_findings: float
    mark: float


def _false(size: Size, together: bool) -> list[Experiment]:
    found = [case for length in size.lengths for case in _cases(size, length)]
    if together:
        found = [_all("all independent panes", INDEPENDENT, found), _all("all wandering panes", DEPENDENT, found)]
    return [
        at_most(f"quality, {case.name}: false findings in 1,000 panes", case.false_findings, case.mark)
        for case in found
    ]


def _all(name: str, mark: float, cases: list[_Case]) -> _Case:
    return _Case(name, float(np.mean([case.false_findings for case in cases if case.mark == mark])), mark)


def _cases(size: Size, length: int) -> Iterator[_Case]:
    for nature_name, nature, mark in NATURES:
        for name, rows in _volumes(np.random.default_rng(1), length + size.panes):
            g = np.random.default_rng(2)
            rates = [false_findings(healthy(g, rows, length, nature)) for _ in range(size.references)]
            yield _Case(f"R {length}, {nature_name}, {name}", float(np.mean(rates)), mark)
    g = np.random.default_rng(3)
    rates = [false_findings(_neighbours(g, length, size.panes)) for _ in range(size.references)]
    yield _Case(f"R {length}, rows that follow each other, AR .9, 500 rows", float(np.mean(rates)), DEPENDENT)


def false_findings(stream: Healthy) -> float:
    """Return how many of 1,000 panes have a finding that alarms."""
    found = [any(fault.alarms for fault in check_pane(stream.profile, pane, ALLOWED)) for pane in stream.panes]
    return 1_000 * float(np.mean(found))


def _neighbours(g: Generator, reference: int, panes: int) -> Healthy:
    return of_values([autoregressive(0.9)(g, reference + panes, 500) for _ in range(8)], 500, reference)


class Injected(NamedTuple):
    """A fault of the first number or category, and the check that must name it first."""

    name: str
    rows: int
    check: str
    change: Callable[[PaneHealth], PaneHealth]


def _with(field: str, feature: int, share: float) -> Callable[[PaneHealth], PaneHealth]:
    def change(pane: PaneHealth) -> PaneHealth:
        counts = getattr(pane, field).copy()
        counts[feature] = min(pane.rows, counts[feature] + round(share * pane.rows))
        return pane._replace(**{field: counts})

    return change


def _stuck(pane: PaneHealth) -> PaneHealth:
    return pane._replace(constant=np.arange(FEATURES) == 0)


INJECTED = (
    Injected("missing +1 %, 1,000 rows", 1_000, "missing", _with("missing", 0, 0.01)),
    Injected("missing 2 % +1 %, 20,000 rows", 20_000, "missing", _with("missing", 3, 0.01)),
    Injected("unseen 1 %, 1,000 rows", 1_000, "unseen", _with("unseen", NUMBERS + 1, 0.01)),
    Injected("texts for numbers 1 %, 1,000 rows", 1_000, "type", _with("invalid", 0, 0.01)),
    Injected("one feature gone, 20 rows", 20, "schema", _with("missing", 0, 1.0)),
    Injected("one number stuck, 20 rows", 20, "stuck", _stuck),
    Injected("duplicates 5 %, 1,000 rows", 1_000, "duplicates", lambda pane: pane._replace(duplicates=50)),
)


def _power(panes: int) -> list[Experiment]:
    found = [at_least(f"quality, R 60, {case.name}: found", _found(case, panes), 0.95) for case in INJECTED]
    return [*found, at_least("quality, R 60, kilometres for miles, 200 rows: found", _kilometres(panes), 0.95)]


def _found(case: Injected, panes: int) -> float:
    """Return the share of panes in which the right check comes first."""
    g, seen = np.random.default_rng(4), []
    for _ in range(5):
        stream = healthy(g, equal_panes(60 + panes // 5, case.rows), 60, Nature())
        faults = [check_pane(stream.profile, case.change(pane), ALLOWED) for pane in stream.panes]
        seen += [bool(found) and found[0].check == case.check for found in faults]
    return float(np.mean(seen))


def _kilometres(panes: int) -> float:
    """Return how often distances in the wrong unit are out of range: a sixth of them are beyond half the longest."""
    g, rows = np.random.default_rng(5), 200
    miles = np.minimum(g.gamma(2.5, 400, (60 + panes) * rows), 2_704.0)
    miles[60 * rows :] *= 1.609344
    stream = of_values([miles], rows, 60)
    faults = [check_pane(stream.profile, pane, ALLOWED) for pane in stream.panes]
    return float(np.mean([bool(found) and found[0].check == "range" for found in faults]))


def _speed(times: int) -> list[Experiment]:
    """Return CPU milliseconds of a pane in which nothing is wrong; the median, as the machine has more to do."""
    return [
        at_most("quality, quiet pane of 20 features, ms", _quiet_ms(1, times), 0.1),
        at_most("quality, quiet pane of 300 features, ms", _quiet_ms(15, times), 1.0),
    ]


def _quiet_ms(copies: int, times: int) -> float:
    stream = _widened(copies)
    seconds = []
    for t in range(times):
        pane = stream.panes[t % len(stream.panes)]
        started = time.thread_time()
        check_pane(stream.profile, pane, ALLOWED)
        seconds.append(time.thread_time() - started)
    return float(np.median(seconds)) * 1_000


def _widened(copies: int) -> Healthy:
    """Return a stream of so many times 20 features, whose panes are those of its reference."""
    g, rows = np.random.default_rng(6), equal_panes(60, 1_000)
    few = g.binomial(1_000, np.resize([0.0, 0.001, 0.02], FEATURES * copies), (60, FEATURES * copies))
    none, kinds = np.zeros_like(few), np.tile(IS_NUMBER, copies)
    health = ReferenceHealth(rows, rows * 0, few, none, none, none + 10, none + 10, none + 50)
    profile = fit_quality(health, kinds, [f"x{f}" for f in range(len(kinds))])
    quiet = np.zeros(len(kinds), np.bool_)
    return Healthy(profile, [PaneHealth(1_000, 0, own, *(none[0],) * 4, quiet) for own in few])
