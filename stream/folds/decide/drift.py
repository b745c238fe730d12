"""Drift of the inputs and of the model's answers: each final pane into the gauge, and what it finds as verdicts."""

from __future__ import annotations

from detectors.panel.gauge import tick
from detectors.panel.gauge_state import Pane, initial
from stream.folds.decide.attribution import judge_attribution, ranked_plan
from stream.folds.decide.drift_incidents import follow
from stream.folds.decide.drift_quiet import count_absent, is_in_incident
from stream.folds.decide.drift_rows import verdict_rows
from stream.folds.decide.findings import Gauged, findings
from stream.folds.decide.gauges import OnTime, pane_of, part_plans, parts_on_time
from stream.folds.decide.merge import Merged, PaneGroup
from stream.folds.decide.state import ALL, Part
from stream.folds.decide.turn import Turn


def judge_pane(turn: Turn, merged: dict[PaneGroup, Merged], found: OnTime) -> None:
    """Give a final pane to the gauges of all rows, then of groups; tell verdicts where windows are full.

    Parameters
    ----------
    merged, found
        What arrived with the pane, and what of it came in time, all rows together.
    """
    if turn.monitor.reference is None:
        return
    parts = parts_on_time(turn.monitor, turn.pane_ms, merged)
    _judge_all(turn, pane_of(turn.monitor, turn.pane_ms, found))
    for part, pane in parts.items():
        _judge_part(turn, part, pane)
    if found.rows:
        count_absent(turn, parts)


def _judge_all(turn: Turn, pane: Pane) -> None:
    """Tell a verdict on each feature, and follow incidents."""
    plan = ranked_plan(turn.loop, turn.monitor)
    turn.lineage.gauge, verdict = tick(plan, turn.lineage.gauge or initial(plan.panel), pane)
    if verdict.windows is None:
        return
    gauged = Gauged(ALL, plan, findings(plan, turn.monitor.budget, turn.monitor.pane_ms, verdict))
    rows = verdict_rows(turn, gauged)
    follow(turn, gauged, rows)
    turn.emit.rows.extend(rows)
    turn.emit.rows.extend(judge_attribution(turn, plan, verdict.windows))


def _judge_part(turn: Turn, part: Part, pane: Pane) -> None:
    """Tell a verdict on each feature that alarms in a group; others are as many as features times groups a pane."""
    plan, gauges = part_plans(turn.monitor)[part], turn.lineage.part_gauges
    gauges[part], verdict = tick(plan, gauges.get(part) or initial(plan.panel), pane)
    if verdict.windows is None or not (verdict.alarms or is_in_incident(turn, part)):
        return
    gauged = Gauged(part, plan, findings(plan, turn.monitor.budget, turn.monitor.pane_ms, verdict))
    rows = verdict_rows(turn, gauged)
    follow(turn, gauged, rows)
    turn.emit.rows.extend(row for row, alarms in zip(rows, gauged.found.alarms, strict=True) if alarms)
