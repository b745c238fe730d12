"""Labels: which prediction each belongs to, and what the pair adds to the prediction's pane."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from detectors.performance import task_sums
from stream.folds.blocks import Rows
from stream.folds.layout import LABELS, layout_of
from stream.folds.measure.columns import texts_of, values_of
from stream.folds.measure.fates import PENDING as PENDING_PLACE
from stream.folds.measure.fates import RECEIVED as RECEIVED_PLACE
from stream.folds.measure.fates import Events, count, counts_of, not_used
from stream.folds.measure.keys import Grouped, add_cells, group, segments_told_apart, task_arrays
from stream.folds.measure.state import FEEDBACK, TRUTH, Early, Key, MeasureState, ModelState, Waiting
from stream.folds.monitor import Monitor

HOUR_MS = 3_600_000
MAX_AHEAD_MS = HOUR_MS
"""An event may be so far ahead of the log clock."""

LANES = {"truth": TRUTH, "feedback": FEEDBACK}


@dataclass(frozen=True, slots=True)
class Join:
    """A prediction and its truth: 0 or 1, a class, or a value, as the task has it."""

    waiting: Waiting
    truth: float | str


def fold_labels(state: MeasureState, monitors: list[Monitor], rows: Rows, events: Events, opened: int) -> None:
    """Join labels to the predictions that wait for them; let those wait whose prediction is not here yet."""
    model = state.models.setdefault(rows.model, ModelState())
    truths, lanes = values_of(rows.label, rows.n), texts_of(rows.lane, rows.n)
    joins, used = [], []
    for row in events.rows.tolist():
        truth = _checked(truths[row], monitors[0].task)
        lane = LANES.get(lanes[row], TRUTH)
        if truth is None:
            not_used(state, rows, events, row, "invalid", f"no label of a {monitors[0].task} task: {truths[row]!r}")
        elif (waiting := model.waiting.get(rows.ids[row])) is None:
            _wait(state, model, rows, events, row, truth, lane)
        elif waiting.lanes & lane:
            not_used(state, rows, events, row, "duplicate", "")
        else:
            waiting.lanes |= lane
            used.append(row)
            if lane == TRUTH:
                joins.append(Join(waiting, truth))
    count(state, rows.model, "label", events, np.array(used, np.int64), "used")
    join(state, monitors, joins, opened)


def _checked(value: float | str | None, task: str) -> float | str | None:
    """Return the truth as the task has it, or None if it is none."""
    if task == "multiclass":
        return None if value is None else (f"{value:g}" if isinstance(value, float) else value)
    if not isinstance(value, float) or not math.isfinite(value):
        return None
    return value if task == "regression" or value in (0.0, 1.0) else None


def _wait(
    state: MeasureState,
    model: ModelState,
    rows: Rows,
    events: Events,
    row: int,
    truth: float | str,
    lane: int,
) -> None:
    """Keep a label that came before its prediction; feedback does not wait."""
    an_id, event_ms = rows.ids[row], int(events.event_ms[row])
    if lane != TRUTH:
        not_used(state, rows, events, row, "unmatched", "no such prediction within the label horizon")
        return
    if event_ms > state.clock_ms + MAX_AHEAD_MS:  # it would wait until the watermark comes there
        not_used(state, rows, events, row, "invalid", "future-time")
        return
    if an_id in model.early:
        not_used(state, rows, events, row, "duplicate", "")
        return
    producer = events.producers[row]
    counts = counts_of(state, rows.model, "label", producer)
    counts[RECEIVED_PLACE] += 1
    counts[PENDING_PLACE] += 1
    place = int(rows.position_array()[row])
    model.early[an_id] = Early(event_ms, truth, producer, events.source.topic, events.source.partition, place)
    model.early_hours.setdefault(event_ms // HOUR_MS, []).append(an_id)


def join(state: MeasureState, monitors: list[Monitor], joins: list[Join], opened: int) -> None:
    """Add joined labels to the panes of their predictions, for each monitor; first those of this lineage's segments."""
    for monitor in monitors:
        told_apart = [j for j in joins if monitor.lineage in j.waiting.groups]
        others = [j for j in joins if monitor.lineage not in j.waiting.groups]
        for some in (told_apart, others):
            if some:
                _add(state, monitor, some, opened)


def _add(state: MeasureState, monitor: Monitor, joins: list[Join], opened: int) -> None:
    panes = np.array([monitor.pane_of(j.waiting.event_ms) for j in joins])
    names = segments_told_apart(monitor) if monitor.lineage in joins[0].waiting.groups else []
    segments = {name: [j.waiting.groups[monitor.lineage][i] for j in joins] for i, name in enumerate(names)}
    grouped = group(state, monitor, panes, [j.waiting.version for j in joins], segments, opened)
    everyone = np.arange(len(joins))
    add_cells(grouped, everyone, np.full(len(joins), LABELS), layout_of(monitor).size)
    _add_performance(grouped, monitor, joins)
    _add_pairs(grouped, monitor, joins)


def _add_performance(grouped: Grouped, monitor: Monitor, joins: list[Join]) -> None:
    served = [i for i, j in enumerate(joins) if served_value(j.waiting, monitor.task) is not None]
    if not served:
        return
    task = task_sums(monitor.task)
    served_values = [served_value(joins[i].waiting, monitor.task) for i in served]
    truths = [joins[i].truth for i in served]
    with task_arrays(grouped) as (cells, sums):
        for keys_of_row in grouped.index[:, served]:
            task.label(cells, sums, keys_of_row, np.array(served_values), np.array(truths))


def served_value(waiting: Waiting, task: str) -> float | str | None:
    """Return what was predicted: the score of a binary task, else the class or value (a score stands in for it)."""
    if task == "binary":
        return waiting.score
    if task == "multiclass":
        predicted = waiting.predicted
        return f"{predicted:g}" if isinstance(predicted, float) else predicted
    value = waiting.predicted if waiting.predicted is not None else waiting.score
    return value if isinstance(value, float) else None


def _add_pairs(grouped: Grouped, monitor: Monitor, joins: list[Join]) -> None:
    """Add the champion's loss less each shadow's, row by row: above 0 the shadow is better."""
    for i, a_join in enumerate(joins):
        mine = served_value(a_join.waiting, monitor.task)
        if not a_join.waiting.shadow or not isinstance(mine, float) or not isinstance(a_join.truth, float):
            continue
        for version, score in a_join.waiting.shadow.items():
            difference = _loss(monitor.task, mine, a_join.truth) - _loss(monitor.task, score, a_join.truth)
            if not math.isfinite(difference * difference):
                continue  # counted nowhere: one such pair would make the sums infinite for ever, and compare nothing
            for k in grouped.index[:, i]:
                _add_pair(grouped.keys[k], version, difference)


def _add_pair(key: Key, version: str, difference: float) -> None:
    n, total, squares = key.pairs.get(version, (0, 0.0, 0.0))
    key.pairs[version] = (n + 1, total + difference, squares + difference * difference)


def _loss(task: str, predicted: float, truth: float) -> float:
    """Return the loss that versions are compared by: log loss (clipped at 1e-7) or the absolute error."""
    if task == "regression":
        return abs(predicted - truth)
    p = min(max(predicted, 1e-7), 1 - 1e-7)
    return -math.log(p if truth else 1 - p)
