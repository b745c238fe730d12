"""Verdicts on features as rows: one for each feature and tick, and one on how features move together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from detectors.panel.floors import Floors
from detectors.panel.gauge import NO_JOINT
from detectors.panel.plan import Plan
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
    rows = [_of_feature(turn, gauged, f, one) for f, one in enumerate(_by_feature(gauged))]
    return rows if gauged.plan.panel.joint is None else [*rows, _of_pairs(turn, gauged)]


class _Found(NamedTuple):
    """What `Findings` says of one feature, as plain numbers; its evidence and threshold, and rows that count as one."""

    scale: int
    rows: int
    p: float
    worst_bin: int
    is_judged: bool
    alarms: bool
    days: float
    which: int
    value: float
    floor: float
    low: float
    high: float
    log_evidence: float
    log_threshold: float
    design_effect: float


def _by_feature(gauged: Gauged) -> Iterator[_Found]:
    plan, found = gauged.plan, gauged.found
    columns = *found[1:], found.verdict.log_evidence, plan.log_thresholds, plan.panel.design_effects
    # Some have a place more, for the joint test.
    return map(_Found._make, zip(*(column.tolist() for column in columns), strict=False))


def _of_feature(turn: Turn, gauged: Gauged, f: int, found: _Found) -> VerdictRow:
    monitor, (part, plan, _) = turn.monitor, gauged
    panel, name, status = plan.panel, plan.names[f], _status(turn.monitor, plan, f, found)
    effect, worst = Floors._fields[found.which], panel.bins[f].label(found.worst_bin)
    why = status.reason or feature_reason(effect, found.value, found.floor, found.days, worst)
    return VerdictRow(
        **of_verdict(turn, name, *(part if part != ALL else ())),
        pane_s=panel.scales[found.scale] * monitor.pane_ms // 1000,
        segment_key=part[0],
        segment_value=part[1],
        target=name,
        kind="drift",
        status=status.status,
        statistic=found.log_evidence,
        threshold=found.log_threshold,
        p=found.p,
        n=found.rows,
        n_eff=found.rows / found.design_effect,
        evidence_days=math.nan if status.reason else found.days,
        budget_days=monitor.budget.mark_days,
        effect=found.value,
        effect_name=effect,
        floor=found.floor,
        lo=found.low,
        hi=found.high,
        reason=f"{name} {where([part] if part != ALL else [])}".rstrip() + f": {why}",
    )


def _status(monitor: Monitor, plan: Plan, f: int, found: _Found) -> Status:
    """Return what a feature's finding is called, with a reason if it was not judged."""
    if found.alarms or found.is_judged:
        return Status(status_of(monitor, found.alarms, found.days), "")
    said = statuses(plan.panel, found.scale, found.rows)[f]
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
