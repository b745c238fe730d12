"""The verdict on a mature pane: evidence that the model loses more than was promised and is tolerated."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.business import COST, cost_losses
from detectors.losses import pane_mean
from detectors.performance import Losses as PaneLosses
from detectors.performance import task_sums
from detectors.promise import ALL, Group
from stream.folds.decide.expectation import Expectation, Losses, of_reference, of_version
from stream.folds.decide.judge_rows import Judged, judged_row, plain_row
from stream.folds.decide.judge_words import lacking_labels, unjudged
from stream.folds.decide.judged import judged_metric
from stream.folds.decide.performance import EVERYBODY, lacks_labels, sums_of
from stream.folds.decide.state import Loop, Losing, MaturePane, PredictionPane
from stream.folds.decide.turn import Turn
from stream.folds.monitor import Monitor
from stream.folds.rows import VerdictRow

Floats = NDArray[np.float64]

HISTORY = 60
"""Mature panes kept to learn how much the loss varies from pane to pane."""

MIN_PANES = 7
"""Panes from which on they say how much the loss varies between them."""


def judge_mature(turn: Turn) -> list[VerdictRow]:
    """Judge what a pane has lost, for all rows and by segment; the first verdict is that on all rows.

    Nothing if the spec names no performance, or nobody answered in this pane.
    """
    monitor, version, pane = turn.monitor, judged_version(turn.loop), turn.lineage.panes[turn.pane_ms]
    everybody = sums_of(pane, version, ALL)
    if not monitor.metric or everybody is None or everybody.rows == 0:
        return []
    metric = judged_metric(monitor, task_sums(monitor.task))
    expected = None if metric is None else expected_of(turn, metric, version)
    if metric is None or expected is None:
        why = unjudged(monitor, turn.loop.versions.get(version), metric)
        return [plain_row(turn, ALL, "insufficient", everybody.labels, why)]
    if lacks_labels(monitor, everybody):
        why = lacking_labels(monitor, turn.pane_ms, everybody)
        return [plain_row(turn, ALL, "no-labels", everybody.labels, why)]
    return _judged(turn, _Mature(pane, version, metric, expected))


def judged_version(loop: Loop) -> str:
    """Return the version that is judged: the champion, or EVERYBODY where none is registered."""
    return loop.champion if loop.champion in loop.versions else EVERYBODY


@dataclass(frozen=True, slots=True)
class _Mature:
    """A pane whose labels are mature, and what it is held against."""

    pane: PredictionPane
    version: str
    metric: str
    expected: Expectation


def _judged(turn: Turn, mature: _Mature) -> list[VerdictRow]:
    monitor = turn.monitor
    losses = [_losses(monitor, mature, group) for group in mature.expected.groups]
    if losses[0].n <= 0:
        return []
    sums = Losses(*np.array([_sums(of_group) for of_group in losses]).T)
    now = _accumulated(turn, mature, sums)
    log_alarm = mature.expected.test.log_alarm(monitor.budget.page(monitor.pane_ms).evidence)
    alarms = mature.expected.test.watched & (now.log_evidence >= log_alarm)
    if alarms.any():
        del turn.lineage.losing[mature.version]
    _remember(turn, mature, sums)
    told = [i for i in range(len(losses)) if i == 0 or alarms[i]]
    found = [
        Judged(i, losses[i], int(now.since_ms[i]), float(now.log_evidence[i]), log_alarm, bool(alarms[i])) for i in told
    ]
    return [judged_row(turn, mature.metric, mature.expected, one) for one in found]


def _accumulated(turn: Turn, mature: _Mature, sums: Losses) -> Losing:
    """Return the evidence with a pane; where it was at its start it begins with this pane."""
    losing = turn.lineage.losing
    before = losing.get(mature.version)
    state, log_evidence = mature.expected.update(None if before is None else before.state, sums)
    since_ms = np.full(len(log_evidence), turn.pane_ms)
    if before is not None:
        since_ms = np.where(before.log_evidence > 0, before.since_ms, since_ms)
    losing[mature.version] = now = Losing(state, log_evidence, since_ms)
    return now


def expected_of(turn: Turn, metric: str, version: str) -> Expectation | None:
    """Return what a version's losses are held against; how much they vary between panes, its own mature ones tell."""
    effect = _design_effect(turn.lineage.history.get(version, []))
    if version == EVERYBODY or metric == COST:
        return of_reference(turn.monitor, metric, effect)
    return of_version(turn.monitor, metric, turn.loop.versions[version], effect)


def _design_effect(panes: list[MaturePane]) -> float:
    if len(panes) < MIN_PANES:
        return 1.0
    return pane_mean([p.labels for p in panes], [p.total for p in panes], [p.squares for p in panes]).design_effect


def _remember(turn: Turn, mature: _Mature, sums: Losses) -> None:
    loop, name = turn.loop, turn.monitor.name
    history = turn.lineage.history.setdefault(mature.version, [])
    history.append(MaturePane(turn.pane_ms, float(sums.n[0]), float(sums.total[0]), float(sums.squares[0])))
    del history[:-HISTORY]
    loop.judged_labels[name] = loop.judged_labels.get(name, 0) + int(sums.n[0])


def _losses(monitor: Monitor, mature: _Mature, group: Group) -> PaneLosses:
    sums = sums_of(mature.pane, mature.version, group)
    if sums is None:
        return PaneLosses(0.0, math.nan, 0.0)
    if mature.metric == COST and monitor.worth is not None:
        return cost_losses(monitor.worth, monitor.task, sums.task_cells, sums.task_sums, sums.confusion)
    return task_sums(monitor.task).losses(sums.task_cells, sums.task_sums, mature.metric)


def _sums(losses: PaneLosses) -> tuple[float, float, float]:
    """Return number, sum and sum of squares."""
    if losses.n <= 0:
        return 0.0, 0.0, 0.0
    squares = losses.sd**2 * max(losses.n - 1, 0) + losses.n * losses.mean**2
    return losses.n, max(0.0, losses.mean * losses.n), squares
