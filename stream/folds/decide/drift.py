"""Drift of the inputs and of the model's answers: each final pane into the gauge, and what it finds as verdicts."""

from __future__ import annotations

from detectors.panel.gauge import tick
from detectors.panel.gauge_state import initial
from stream.folds.decide.attribution import judge_attribution, ranked_plan
from stream.folds.decide.drift_incidents import follow
from stream.folds.decide.drift_rows import verdict_rows
from stream.folds.decide.emit import Emit
from stream.folds.decide.findings import findings
from stream.folds.decide.gauges import OnTime, pane_of
from stream.folds.decide.state import LineageState, Loop
from stream.folds.monitor import Monitor


def judge_pane(lineage: LineageState, loop: Loop, monitor: Monitor, pane_ms: int, found: OnTime, emit: Emit) -> None:
    """Give a final pane to the gauge; where windows are full, tell a verdict on each feature, and follow incidents."""
    if monitor.reference is None:
        return
    plan = ranked_plan(loop, monitor)
    state = lineage.gauge or initial(plan.panel)
    lineage.gauge, verdict = tick(plan, state, pane_of(monitor, pane_ms, found))
    if verdict.windows is None or verdict.tests is None:
        return
    judged = findings(plan, monitor.budget, monitor.pane_ms, verdict)
    rows = verdict_rows(monitor, pane_ms, plan, judged, emit)
    follow(lineage, loop, monitor, pane_ms, judged, rows, emit)
    emit.rows.extend(rows)
    emit.rows.extend(judge_attribution(loop, monitor, pane_ms, plan, verdict.windows, emit))
