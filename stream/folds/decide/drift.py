"""Drift of the inputs and of the model's answers: each final pane into the gauge, and what it finds as verdicts."""

from __future__ import annotations

from detectors.panel.gauge import tick
from detectors.panel.gauge_state import Pane, initial
from stream.folds.decide.attribution import judge_attribution, ranked_plan
from stream.folds.decide.drift_incidents import follow
from stream.folds.decide.drift_quiet import count_absent, is_in_incident
from stream.folds.decide.drift_rows import verdict_rows
from stream.folds.decide.emit import Emit
from stream.folds.decide.findings import Gauged, findings
from stream.folds.decide.gauges import OnTime, pane_of, part_plans, parts_on_time
from stream.folds.decide.merge import Merged, PaneGroup
from stream.folds.decide.state import ALL, LineageState, Loop, Part
from stream.folds.monitor import Monitor


def judge_pane(
    lineage: LineageState,
    loop: Loop,
    monitor: Monitor,
    pane_ms: int,
    merged: dict[PaneGroup, Merged],
    found: OnTime,
    emit: Emit,
) -> None:
    """Give a final pane to the gauges of all rows, then of groups; tell verdicts where windows are full.

    Parameters
    ----------
    merged, found
        What arrived with the pane, and what of it came in time, all rows together.
    """
    if monitor.reference is None:
        return
    parts = parts_on_time(monitor, pane_ms, merged)
    _judge_all(lineage, loop, monitor, pane_ms, found, emit)
    for part, pane in parts.items():
        _judge_part(lineage, loop, monitor, pane_ms, part, pane, emit)
    if found.rows:
        count_absent(lineage, loop, monitor, pane_ms, parts, emit)


def _judge_all(lineage: LineageState, loop: Loop, monitor: Monitor, pane_ms: int, found: OnTime, emit: Emit) -> None:
    """Tell a verdict on each feature, and follow incidents."""
    plan = ranked_plan(loop, monitor)
    state = lineage.gauge or initial(plan.panel)
    lineage.gauge, verdict = tick(plan, state, pane_of(monitor, pane_ms, found))
    if verdict.windows is None or verdict.tests is None:
        return
    judged = findings(plan, monitor.budget, monitor.pane_ms, verdict)
    rows = verdict_rows(monitor, pane_ms, plan, judged, emit)
    follow(lineage, loop, monitor, pane_ms, Gauged(ALL, plan, judged, rows), emit)
    emit.rows.extend(rows)
    emit.rows.extend(judge_attribution(loop, monitor, pane_ms, plan, verdict.windows, emit))


def _judge_part(
    lineage: LineageState, loop: Loop, monitor: Monitor, pane_ms: int, part: Part, pane: Pane, emit: Emit
) -> None:
    """Tell a verdict on each feature that alarms in a group; others are as many as features times groups a pane."""
    plan = part_plans(monitor)[part]
    lineage.part_gauges[part], verdict = tick(plan, lineage.part_gauges.get(part) or initial(plan.panel), pane)
    if verdict.windows is None or not (verdict.alarms or is_in_incident(loop, monitor, part)):
        return
    judged = findings(plan, monitor.budget, monitor.pane_ms, verdict)
    rows = verdict_rows(monitor, pane_ms, plan, judged, emit, part)
    follow(lineage, loop, monitor, pane_ms, Gauged(part, plan, judged, rows), emit)
    emit.rows.extend(row for row, alarms in zip(rows, judged.alarms, strict=True) if alarms)
