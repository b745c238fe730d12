"""Verdicts on features as rows: one for each feature and tick, and one on how features move together."""

from __future__ import annotations

import math

from detectors.panel.floors import Floors
from detectors.panel.gauge import NO_JOINT
from detectors.panel.plan import Plan
from detectors.panel.status import INSUFFICIENT, Status, statuses
from stream.folds.decide.drift_words import feature_reason, pairs_reason, where
from stream.folds.decide.emit import Emit
from stream.folds.decide.findings import Findings
from stream.folds.decide.incidents import short_id
from stream.folds.decide.state import ALL, Part
from stream.folds.monitor import Monitor
from stream.folds.rows import VerdictRow

PAIRS = "__pairs__"
"""Target of the verdict on how features move together."""

STABLE, WARNING, DRIFT = "stable", "warning", "drift"


def verdict_rows(
    monitor: Monitor, pane_ms: int, plan: Plan, found: Findings, emit: Emit, part: Part = ALL
) -> list[VerdictRow]:
    """Return the verdict on each feature, in the panel's order, then that on pairs if they are watched."""
    rows = [_of_feature(monitor, pane_ms, plan, found, f, emit, part) for f in range(len(plan.panel.bins))]
    return rows if plan.panel.joint is None else [*rows, _of_pairs(monitor, pane_ms, plan, found, emit)]


def _of_feature(
    monitor: Monitor, pane_ms: int, plan: Plan, found: Findings, f: int, emit: Emit, part: Part
) -> VerdictRow:
    panel, days = plan.panel, float(found.days[f])
    rows, scale = int(found.rows[f]), int(found.scale[f])
    status = _status(monitor, plan, found, f)
    effect, value, floor = Floors._fields[found.which[f]], float(found.value[f]), float(found.floor[f])
    worst = panel.bins[f].label(int(found.worst_bin[f]))
    why = status.reason or feature_reason(effect, value, floor, days, worst)
    is_judged = not status.reason
    return VerdictRow(
        id=f"vd-{short_id(monitor.lineage, pane_ms, plan.names[f], *(part if part != ALL else ()))}",
        lineage=monitor.lineage,
        monitor=monitor.name,
        model=monitor.model,
        pane_ms=pane_ms,
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
        known_ms=emit.known_ms,
        position=emit.position,
    )


def _status(monitor: Monitor, plan: Plan, found: Findings, f: int) -> Status:
    """Two keys: proven and large. A warning is drift once it is proven at the budget. A reason if it was not judged."""
    if found.alarms[f]:
        return Status(DRIFT if found.days[f] >= monitor.budget.mark_days else WARNING, "")
    if found.is_judged[f]:
        return Status(STABLE, "")
    said = statuses(plan.panel, int(found.scale[f]), int(found.rows[f]))[f]
    return said if said.reason else Status(INSUFFICIENT, "its window began before the last alarm: the next is judged")


def _of_pairs(monitor: Monitor, pane_ms: int, plan: Plan, found: Findings, emit: Emit) -> VerdictRow:
    verdict, days = found.verdict, float(found.days[-1])
    alarms = verdict.joint != NO_JOINT
    status = STABLE if not alarms else DRIFT if days >= monitor.budget.mark_days else WARNING
    return VerdictRow(
        id=f"vd-{short_id(monitor.lineage, pane_ms, PAIRS)}",
        lineage=monitor.lineage,
        monitor=monitor.name,
        model=monitor.model,
        pane_ms=pane_ms,
        pane_s=int(found.rows.size and plan.panel.scales[int(found.scale.max())]) * monitor.pane_ms // 1000,
        segment_key="",
        segment_value="",
        target=PAIRS,
        kind="drift",
        status=status,
        statistic=float(verdict.log_evidence[-1]),
        threshold=float(plan.log_thresholds[-1]),
        p=float(verdict.p[verdict.due, -1].min()),
        n=int(found.rows.max()),
        n_eff=math.nan,
        evidence_days=days,
        budget_days=monitor.budget.mark_days,
        effect=math.nan,
        effect_name="",
        floor=math.nan,
        lo=math.nan,
        hi=math.nan,
        reason=pairs_reason(plan.names[verdict.joint] if alarms else "", days),
        known_ms=emit.known_ms,
        position=emit.position,
    )
