"""The sentences of verdicts on performance."""

from __future__ import annotations

import math

from detectors.business import COST
from detectors.evidence.days import in_words
from detectors.performance import task_sums
from detectors.promise import ALL, Group
from stream.folds.decide.state import Sums, Version
from stream.folds.decide.words import day
from stream.folds.monitor import Monitor


def where(group: Group) -> str:
    """Return a group as people say it, for the end of a sentence.

    >>> where(("origin", "ORD")), where(ALL)
    (' at origin ORD', '')
    """
    return "" if group == ALL else f" at {group[0]} {group[1]}"


def cut_in_words(monitor: Monitor, metric: str) -> str:
    """Return how a metric is named where large errors count as the reference's 99.5 % point."""
    promise = None if monitor.reference is None else monitor.reference.promise
    if metric not in {"mae", "rmse"} or promise is None or not math.isfinite(promise.clip):
        return metric
    return f"{metric} (errors above {promise.clip:.4g} count as that)"


def reason(metric: str, at: str, group: Group, value: float, limit: float, days: float) -> str:
    """Return why a pane's losses are, or are not, proven to be above what is tolerated.

    >>> reason("log_loss", "2 Jan 2013", ALL, 0.45, 0.43, 400.0)
    'log loss of 2 Jan 2013: 0.4500, tolerated 0.4300; so much in all panes so far: by chance, once in 13 months'
    """
    found = f"{metric.replace('_', ' ')} of {at}{where(group)}: {value:.4f}, tolerated {limit:.4f}"
    return f"{found}; so much in all panes so far: {in_words(days)}"


def unjudged(monitor: Monitor, version: Version | None, metric: str | None) -> str:
    """Return why performance is shown, and not judged."""
    if metric is None:
        judged = ", ".join(task_sums(monitor.task).judged)
        return f"{monitor.metric} is shown, not judged: name one of {judged} to be judged"
    if metric == COST:
        return f"the reference does not hold what rows of it cost: build it again with labels, and {COST} is judged"
    if version is None:
        return f"no version is champion, and the reference holds no answers with labels: {monitor.metric} is not judged"
    if version.metric != metric:
        return f"version {version.version} promised {version.metric}, not {monitor.metric}: the next one is judged"
    return f"version {version.version} was validated on no labels: {monitor.metric} is not judged"


def lacking_labels(monitor: Monitor, pane_ms: int, sums: Sums) -> str:
    """Return that too few labels came."""
    share = 0.0 if monitor.reference is None else monitor.reference.label_share
    came = f"{sums.labels} labels for {sums.rows} rows to {day(pane_ms, monitor.pane_ms)}"
    return f"{came}: less than half of the {share:.0%} that the reference had; not judged"
