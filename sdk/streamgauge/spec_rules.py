"""What the fields of a spec must agree on. Each rule returns what is wrong with its mend, or an empty text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from streamgauge.durations import DAY_MS, format_duration
from streamgauge.shown import shown
from streamgauge.spec_detectors import Detector, detectors_problem
from streamgauge.spec_parts import Budget, Feature, Performance, Retrain, Value
from streamgauge.spec_tasks import METRICS, VALUE_EXAMPLES, VALUES, Metric, Task

Cycle = Literal["day", "week"]
CYCLE_MS: Final[dict[Cycle, int]] = {"day": DAY_MS, "week": 7 * DAY_MS}
MAX_PHASES: Final = 336
"""Panes of a cycle at most, the half hours of a week: a reference grows with them."""

_WORTH: Final[tuple[Metric, ...]] = ("value_per_row", "cost_per_row")
"""Metrics that need to know what answers are worth."""


def time_problem(pane_ms: int, lateness_ms: int, horizon_ms: int) -> str:
    """Return what is wrong with the lengths of panes, of lateness, and of the label horizon.

    >>> time_problem(3_600_000, 3_600_000, 60_000)
    'lateness: 1h is not below the label horizon, 1m; write less, or a longer labels.horizon'
    """
    if DAY_MS % pane_ms and pane_ms % DAY_MS:
        fitting = " or ".join(map(format_duration, _panes_near(pane_ms)))
        return f"pane: {format_duration(pane_ms)} neither divides a day nor is whole days; write {fitting}"
    if lateness_ms >= horizon_ms:
        late, horizon = format_duration(lateness_ms), format_duration(horizon_ms)
        return f"lateness: {late} is not below the label horizon, {horizon}; write less, or a longer labels.horizon"
    return ""


def _panes_near(pane_ms: int) -> tuple[int, int]:
    """Return the lengths next to one that does not fit, a shorter and a longer one.

    >>> [pane // 3_600_000 for pane in _panes_near(7 * 3_600_000)]
    [6, 8]
    """
    if pane_ms > DAY_MS:
        return pane_ms - pane_ms % DAY_MS, pane_ms - pane_ms % DAY_MS + DAY_MS
    below, above = DAY_MS // pane_ms + 1, DAY_MS // pane_ms
    while DAY_MS % below:
        below += 1
    while DAY_MS % above:
        above -= 1
    return DAY_MS // below, DAY_MS // above


def cycle_problem(cycle: Cycle | None, pane_ms: int) -> str:
    """Return what is wrong with a cycle of such panes."""
    if cycle is None:
        return ""
    cycle_ms, pane = CYCLE_MS[cycle], format_duration(pane_ms)
    if cycle_ms % pane_ms:
        return f"cycle: a {cycle} is no whole number of panes of {pane}; write pane: 1d, or less"
    if cycle_ms == pane_ms:
        return f"cycle: a pane of {pane} is a whole {cycle}: leave cycle out"
    if cycle_ms // pane_ms > MAX_PHASES:
        return (
            f"cycle: a {cycle} has {cycle_ms // pane_ms:,} panes of {pane}, {MAX_PHASES} at most: "
            f"write pane: {format_duration(_least_pane_ms(cycle_ms))} or more"
        )
    return ""


def _least_pane_ms(cycle_ms: int) -> int:
    """Return the shortest pane of whole minutes that divides a day, and of which a cycle has not too many.

    >>> _least_pane_ms(DAY_MS) // 60_000, _least_pane_ms(7 * DAY_MS) // 60_000
    (5, 30)
    """
    minutes = (m for m in range(1, 1_440) if not 1_440 % m)
    return next(60_000 * m for m in minutes if cycle_ms <= MAX_PHASES * m * 60_000)


def name_problem(features: Mapping[str, Feature]) -> str:
    """Return what is wrong with the names of features: those between two underscores each are streamgauge's own.

    >>> name_problem({"x": Feature(type="number"), "__score__": Feature(type="number")})
    "features.__score__: the name '__score__' is kept for what streamgauge watches itself; write another, as 'score'"
    """
    own = next((name for name in features if name.startswith("__") and name.endswith("__")), None)
    if own is None:
        return ""
    plain = own.strip("_")
    mend = f"write another, as {shown(plain)}" if plain and plain not in features else "write another"
    return f"features.{own}: the name {shown(own)} is kept for what streamgauge watches itself; {mend}"


def budget_problem(budget: Budget, pane_ms: int) -> str:
    """Return what is wrong with a budget for panes of such a length: more false pages than panes cannot be kept to.

    >>> budget_problem(Budget.model_validate({"false_pages": 30, "per": "1d"}), 3_600_000)
    'budget: 30 false pages in 1d, which holds 24 panes of 1h; write fewer, or a longer per'
    """
    panes = budget.per_ms / pane_ms
    if panes >= budget.false_pages:
        return ""
    per, pane = format_duration(budget.per_ms), format_duration(pane_ms)
    many = f"{budget.false_pages:g} false page{'' if budget.false_pages == 1 else 's'}"
    return f"budget: {many} in {per}, which holds {panes:.3g} panes of {pane}; write fewer, or a longer per"


def segment_problem(segments: Sequence[str], protected: Sequence[str], features: Mapping[str, Feature]) -> str:
    """Return what is wrong with segments, all of them features, and with those that are protected."""
    for name in segments:
        if features[name].type != "category":
            return f"segments: {name} is a number; a segment is a category: write {name}: {{type: category}}"
    for name in protected:
        if name not in segments:
            mend = ", ".join([*segments, name])
            return f"protected: {name} is none of the segments; write segments: [{mend}]"
    return ""


def performance_problem(task: Task, performance: Performance | None, retrain: Retrain | None) -> str:
    """Return what is wrong with the metric that is judged, and with what asks for a retrain."""
    if performance is not None and performance.metric not in METRICS[task]:
        fitting = ", ".join(METRICS[task])
        return f"performance.metric: {performance.metric} is not for task {task}; it has {fitting}"
    if performance is None and retrain is not None and retrain.on:
        return "retrain.on: performance is not judged; add performance, or write on: []"
    return ""


def listening_problem(
    task: Task, detectors: tuple[Detector, ...], features: Mapping[str, Feature], value: Value | None
) -> str:
    """Return what is wrong with detectors among features and the metrics that the spec can tell."""
    types = {name: feature.type for name, feature in features.items()}
    metrics = tuple(metric for metric in METRICS[task] if value is not None or metric not in _WORTH)
    return detectors_problem(detectors, types, metrics, task != "regression")


def value_problem(task: Task, performance: Performance | None, value: Value | None) -> str:
    """Return what is wrong with what answers are worth; a metric may need to know it."""
    mend = f"write value: {VALUE_EXAMPLES[task]}"
    if value is None:
        metric = "" if performance is None else performance.metric
        needs = metric in _WORTH
        return f"performance.metric: {metric} needs to know what answers are worth; {mend}" if needs else ""
    for name, given in value.given.items():
        if name not in VALUES[task]:
            return f"value.{name}: {given} is not for task {task}; it has {', '.join(VALUES[task])}"
    return "" if value.given else f"value: says nothing; {mend}"
