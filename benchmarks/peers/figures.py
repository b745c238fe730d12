"""Figures of all peers and of ours, side by side, and which of our marks they pass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from benchmarks.detection.experiment import Experiment, at_least, at_most
from benchmarks.peers.jobs import Answer, Plan, case_name, null_name
from benchmarks.peers.judge import Delays, Method, Setting, delays_of, of_rows, per_thousand
from benchmarks.peers.streams import FEATURES, NULLS, STATIONARY, Case, Size

OURS = "streamgauge"
CHOSEN = ("Wasserstein distance (normed)", "jensen_shannon", "KS", "KSTest", "KSDrift", "ADWIN", "PageHinkley")
"""What peers judge numbers by if nothing else is asked for; of river, which chooses nothing, all that is tried.

whylogs' Hellinger distance has a threshold of its own (.4), at which it sees none of our changes: that it raises no
false alarm says nothing about whylogs.
"""
Speed = Mapping[str, Mapping[str, float]]
TENTH, LATER, FASTER = 0.1, 1.25, 3.0


class Row(NamedTuple):
    """One method at one size.

    Attributes
    ----------
    peer, method
        Who.
    window
        Rows in a window.
    false
        Alarms in 1,000 windows of a feature at defaults, by stationary stream; None without a default.
    at_default, rethresholded
        Delays by case; those that the method cannot see are left out.
    """

    peer: str
    method: str
    window: int
    false: dict[str, float | None]
    at_default: dict[str, Delays]
    rethresholded: dict[str, Delays]


class Ours(NamedTuple):
    """Our false alarms by stream without a change and delays by case, at one size; windows of features as judged."""

    false: dict[str, int]
    delays: dict[str, Delays]


def rows_of(peer: str, told: Answer, size: Size, ours: Ours, plan: Plan) -> list[Row]:
    """Return the figures of a peer's methods at one size."""
    methods = _methods(told, size)
    return [_row(peer, name, told, size, ours, plan) for name in methods]


def _methods(told: Answer, size: Size) -> list[str]:
    names = [null_name(name, size) for name in NULLS]
    return list(dict.fromkeys(method for name in names for method in told["tasks"].get(name, {})))


def _row(peer: str, method: str, told: Answer, size: Size, ours: Ours, plan: Plan) -> Row:
    nulls = {name: _null(told, name, method, size) for name in NULLS}
    false = {name: _false_rate(nulls[name], size) for name in STATIONARY if nulls[name] is not None}
    at_default, rethresholded = {}, {}
    for case in plan.cases:
        null = nulls[case.null]
        results = _results(told, case, method, size)
        if null is None or not results:
            continue
        if null.default is not None:
            at_default[case.name] = _delays(results, null.default, size.window)
        setting = null.setting_for(ours.false[case.null])
        never = of_rows(np.full(FEATURES, np.inf))
        rethresholded[case.name] = never if setting is None else _delays(results, setting, size.window)
    return Row(peer, method, size.window, false, at_default, rethresholded)


def _null(told: Answer, name: str, method: str, size: Size) -> Method | None:
    result = told["tasks"].get(null_name(name, size), {}).get(method)
    return None if result is None else Method(result, FEATURES)


def _false_rate(null: Method | None, size: Size) -> float | None:
    if null is None or null.default is None:
        return None
    return per_thousand(null.alarms(null.default), size.null * FEATURES)


def _results(told: Answer, case: Case, method: str, size: Size) -> list[dict[str, Any]]:
    found = [told["tasks"].get(case_name(case, size, trial), {}).get(method) for trial in range(case.trials)]
    return [one for one in found if one is not None]


def _delays(results: list[dict[str, Any]], setting: Setting, window: int) -> Delays:
    return delays_of(_joined(results), setting, window)


def _joined(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the results of trials as one of all their streams."""
    if "alarms" in results[0]:
        settings = results[0]["alarms"]
        return {"alarms": {value: [of for one in results for of in one["alarms"][value]] for value in settings}}
    return {"scores": np.concatenate([np.array(one["scores"]) for one in results], 1)}


def marks(rows: list[Row], ours: Mapping[Size, Ours], speed: Speed, plan: Plan) -> list[Experiment]:
    """Return our marks: false alarms against the best peer's, delays against the best re-thresholded, rows a second."""
    found = []
    for size, mine in ours.items():
        here = [row for row in rows if row.window == size.window]
        if here:
            found += [_false_mark(here, size, mine), *(_delay_marks(here, size, mine) if plan.marks_delays else [])]
    return found + [_speed_mark(path, of) for path, of in speed.items() if len(of) > 1]


def _false_mark(rows: list[Row], size: Size, ours: Ours) -> Experiment:
    """Compare over both stationary streams together: who is quiet on one of them only is not calibrated."""
    peers = [sum(rates) for row in rows if row.method in CHOSEN and len(rates := _rates(row)) == len(STATIONARY)]
    mine = sum(per_thousand(ours.false[name], size.null * FEATURES) for name in STATIONARY)
    name = f"false alarms on stationary streams at defaults, n {size.window:,}: ours over the best peer's"
    return at_most(name, _ratio(mine, min(peers, default=math.inf)), TENTH)


def _rates(row: Row) -> list[float]:
    return [rate for rate in row.false.values() if rate is not None]


def _delay_marks(rows: list[Row], size: Size, ours: Ours) -> list[Experiment]:
    best = {name: best_delay(rows, name) for name in ours.delays}
    compared = {name: delay for name, delay in best.items() if delay is not None}
    ratios = {name: _ratio(ours.delays[name].rows, delay) for name, delay in compared.items()}
    kind = f"delay against the best re-thresholded peer, n {size.window:,}"
    marked = [at_most(f"{kind}: {name}", ratio, LATER) for name, ratio in ratios.items()]
    smaller = sum(ratio < 1 for ratio in ratios.values())
    return [*marked, at_least(f"{kind}: smaller, of {len(ratios)}", smaller, len(ratios) // 2 + 1)]


def best_delay(rows: list[Row], case: str) -> float | None:
    """Return the shortest re-thresholded delay of a case; None if nobody can see such a change."""
    return min((row.rethresholded[case].rows for row in rows if case in row.rethresholded), default=None)


def _speed_mark(path: str, of: Mapping[str, float]) -> Experiment:
    fastest = max(rate for who, rate in of.items() if who != OURS)
    return at_least(f"rows a second against the fastest peer, {path}", of[OURS] / fastest, FASTER)


def _ratio(mine: float, theirs: float) -> float:
    """Return a quotient in which nothing over nothing, and never over never, is a draw."""
    if mine == theirs:
        return 0.0 if mine == 0 else 1.0
    return math.inf if theirs == 0 or math.isinf(mine) else mine / theirs
