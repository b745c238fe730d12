"""Verdicts on features as rows: one for each feature and tick, and one on how features move together."""

from __future__ import annotations

import math

from detectors.panel.floors import Floors
from detectors.panel.gauge import NO_JOINT
from detectors.panel.status import INSUFFICIENT, Status, statuses
from stream.folds.decide.drift_words import feature_reason, pairs_reason, where
from stream.folds.decide.findings import Gauged
from stream.folds.decide.headings import of_verdict
from stream.folds.decide.state import ALL
from stream.folds.decide.turn import Turn
from stream.folds.monitor import Monitor
from stream.folds.rows import VerdictRow

PAIRS = "__pairs__"
"""Target of the verdict on how features move together."""

STABLE, WARNING, DRIFT = "stable", "warning", "drift"


def status_of(monitor: Monitor, alarms: bool, days: float) -> str:
    """Return what a finding is called: an alarm is a warning, and drift once it is proven at the budget."""
    if not alarms:
        return STABLE
    return DRIFT if days >= monitor.budget.mark_days else WARNING


def verdict_rows(turn: Turn, gauged: Gauged) -> list[VerdictRow]:
    """Return the verdict on each feature, in the panel's order, then that on pairs if they are watched."""
    panel = gauged.plan.panel
    rows = [_of_feature(turn, gauged, f) for f in range(len(panel.bins))]
    return rows if panel.joint is None else [*rows, _of_pairs(turn, gauged)]


def _of_feature(turn: Turn, gauged: Gauged, f: int) -> VerdictRow:
    monitor, (part, plan, found) = turn.monitor, gauged
    panel, days = plan.panel, float(found.days[f])
    rows, scale = int(found.rows[f]), int(found.scale[f])
    status = _status(monitor, gauged, f)
    effect, value, floor = Floors._fields[found.which[f]], float(found.value[f]), float(found.floor[f])
    worst = panel.bins[f].label(int(found.worst_bin[f]))
    why = status.reason or feature_reason(effect, value, floor, days, worst)
    is_judged = not status.reason
    return VerdictRow(
        **of_verdict(turn, plan.names[f], *(part if part != ALL else ())),
        pane_s=panel.scales[scale] * monitor.pane_ms // 1000,
        segment_key=part[0],
        segment_value=part[1],
        target=plan.names[f],
        kind="drift",
        status=status.status,
        statistic=float(found.verdict.log_evidence[f]),
        threshold=float(plan.log_thresholds[f]),
        p=float(found.p[f]),
        n=rows,
        n_eff=rows / float(panel.design_effects[f]),
        evidence_days=days if is_judged else math.nan,
        budget_days=monitor.budget.mark_days,
        effect=value,
        effect_name=effect,
        floor=floor,
        lo=float(found.low[f]),
        hi=float(found.high[f]),
        reason=f"{plan.names[f]} {where([part] if part != ALL else [])}".rstrip() + f": {why}",
    )


def _status(monitor: Monitor, gauged: Gauged, f: int) -> Status:
    """Return what a feature's finding is called, with a reason if it was not judged."""
    found = gauged.found
    if found.alarms[f] or found.is_judged[f]:
        return Status(status_of(monitor, bool(found.alarms[f]), float(found.days[f])), "")
    said = statuses(gauged.plan.panel, int(found.scale[f]), int(found.rows[f]))[f]
    return said if said.reason else Status(INSUFFICIENT, "its window began before the last alarm: the next is judged")


def _of_pairs(turn: Turn, gauged: Gauged) -> VerdictRow:
    monitor, (_, plan, found) = turn.monitor, gauged
    verdict, days = found.verdict, float(found.days[-1])
    alarms = verdict.joint != NO_JOINT
    return VerdictRow(
        **of_verdict(turn, PAIRS),
        pane_s=int(found.rows.size and plan.panel.scales[int(found.scale.max())]) * monitor.pane_ms // 1000,
        target=PAIRS,
        kind="drift",
        status=status_of(monitor, alarms, days),
        statistic=float(verdict.log_evidence[-1]),
        threshold=float(plan.log_thresholds[-1]),
        p=float(verdict.p[verdict.due, -1].min()),
        n=int(found.rows.max()),
        evidence_days=days,
        budget_days=monitor.budget.mark_days,
        reason=pairs_reason(plan.names[verdict.joint] if alarms else "", days),
    )
