"""Drift incidents: one for each fault, told again as features join it or it becomes surer, closed when it is quiet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.evidence.budget import DAY_MS
from detectors.outliers.watch import OutlierWatch
from detectors.panel.gauge import NO_JOINT
from stream.folds.decide.drift_words import OUTLIERS, drift_title
from stream.folds.decide.emit import Emit
from stream.folds.decide.findings import Findings
from stream.folds.decide.gauges import plan_of
from stream.folds.decide.incidents import QUIET_WINDOWS, close, open_incident, open_of, tell
from stream.folds.decide.state import Incident, LineageState, Loop
from stream.folds.monitor import Monitor
from stream.folds.rows import VerdictRow

INFO, WARN = "info", "warn"


@dataclass(frozen=True, slots=True)
class _Alarm:
    """What a tick alarms about: features, the likeliest cause first, with their verdicts.

    `apart` is the feature that no longer moves with the others, `partner` above all; both empty for none. `is_proven`:
    the evidence over time is above its threshold, not only a single window.
    """

    features: list[str]
    apart: str
    partner: str
    verdicts: list[VerdictRow]
    since_ms: int
    days: float
    is_proven: bool


def follow(
    lineage: LineageState,
    loop: Loop,
    monitor: Monitor,
    pane_ms: int,
    found: Findings,
    rows: Sequence[VerdictRow],
    emit: Emit,
) -> None:
    """Open, extend or close drift incidents by what alarms now."""
    alarm = _alarm(monitor, pane_ms, found, rows)
    faults = {name for i in open_of(loop, monitor, "data-fault") for name in i.features}
    touched = [i for i in open_of(loop, monitor, "drift") if _is_one_fault(monitor, pane_ms, i, alarm)]
    _count_quiet(lineage, loop, monitor, pane_ms, found, touched, emit)
    mine = [i for i in touched if set(i.features) & set(_names(alarm))]
    if not mine and _is_explained(monitor, _names(alarm), faults):
        return
    if touched:
        _extend(monitor, (mine or touched)[0], alarm, emit)
    else:
        _open(loop, monitor, pane_ms, alarm, emit)


def _is_explained(monitor: Monitor, names: Sequence[str], faults: set[str]) -> bool:
    """Return whether nothing alarms, or only what the data's fault explains: its features, and answers after them."""
    return not names or (bool(faults) and set(names) <= faults | _followers(monitor))


def _is_one_fault(monitor: Monitor, pane_ms: int, incident: Incident, alarm: _Alarm) -> bool:
    """Return whether an alarm is of an incident: they share a feature, or overlap and one is of followers alone.

    Which feature of a changed pair is to blame the pair does not say: either may. And answers and outliers follow
    inputs: what moves them is most likely what moves an input at the same time.
    """
    names, before, followers = set(_names(alarm)), set(incident.features), _followers(monitor)
    if before & {*names, alarm.partner}:
        return True
    window_ms = plan_of(monitor).panel.scales[0] * monitor.pane_ms
    overlap = alarm.since_ms <= pane_ms - incident.quiet * window_ms
    return bool(names) and overlap and (names <= followers or before <= followers)


def _followers(monitor: Monitor) -> set[str]:
    """Return what is moved by inputs: the model's answers, and the share of outliers."""
    plan = plan_of(monitor)
    return {OUTLIERS, *(name for name, is_output in zip(plan.names, plan.is_output, strict=True) if is_output)}


def _names(alarm: _Alarm) -> list[str]:
    return alarm.features or ([alarm.apart] if alarm.apart else [])


def _alarm(monitor: Monitor, pane_ms: int, found: Findings, rows: Sequence[VerdictRow]) -> _Alarm:
    verdict, plan = found.verdict, plan_of(monitor)
    features = verdict.features.tolist()
    has_joint = verdict.joint != NO_JOINT
    places = [*features, *([len(plan.panel.bins)] if has_joint else [])]
    window_ms = plan.panel.scales[int(found.scale.max(initial=0))] * monitor.pane_ms
    since = int(verdict.first.min()) * monitor.pane_ms if features else pane_ms + monitor.pane_ms - window_ms
    return _Alarm(
        features=[plan.names[f] for f in features],
        apart=plan.names[verdict.joint] if has_joint else "",
        partner=plan.names[verdict.partner] if has_joint else "",
        verdicts=[rows[place] for place in places],
        since_ms=since,
        days=max((float(found.days[place]) for place in places), default=0.0),
        is_proven=bool((verdict.log_evidence[places] >= plan.log_thresholds[places]).any()),
    )


def _open(loop: Loop, monitor: Monitor, pane_ms: int, alarm: _Alarm, emit: Emit) -> None:
    level = WARN if alarm.is_proven else INFO
    now_ms = pane_ms + monitor.pane_ms
    title = drift_title(monitor.model, alarm.features, alarm.apart, alarm.since_ms, monitor.pane_ms)
    incident = open_incident(loop, monitor, "drift", level, title, _names(alarm), alarm.since_ms, now_ms)
    incident.evidence_days, incident.budget_days = alarm.days, monitor.budget.mark_days
    incident.verdicts = [v.id for v in alarm.verdicts]
    tell(monitor, incident, "open", alarm.verdicts[0].reason, _keys(incident, alarm.verdicts), emit)


def _extend(monitor: Monitor, incident: Incident, alarm: _Alarm, emit: Emit) -> None:
    """Make the incident a warning, and surer, as this is its second alarm; tell it if that changes anything."""
    before = (incident.level, len(incident.features), _is_at_budget(incident))
    new = [name for name in _names(alarm) if name not in incident.features]
    incident.level, incident.quiet = WARN, 0
    incident.features = sorted([*incident.features, *new], key=_followers(monitor).__contains__)
    incident.verdicts += [v.id for v in alarm.verdicts if v.target in new]
    incident.evidence_days = _surer(monitor, incident.evidence_days, alarm.days)
    if before == (incident.level, len(incident.features), _is_at_budget(incident)):
        return
    incident.title = drift_title(monitor.model, incident.features, alarm.apart, incident.since_ms, monitor.pane_ms)
    tell(monitor, incident, "updated", alarm.verdicts[0].reason, _keys(incident, alarm.verdicts), emit)


def _surer(monitor: Monitor, before_days: float, days: float) -> float:
    """Return the time between two such alarms in a row: evidence began anew after the first, so their rates multiply.

    Once in `before_days` chance opens an incident, and within its 16 windows raises another in 16 windows / `days`
    of these.
    """
    windows_days = QUIET_WINDOWS * plan_of(monitor).panel.scales[0] * monitor.pane_ms / DAY_MS
    return min(1e300, max(before_days, days, before_days * max(1.0, days / windows_days)))


def _is_at_budget(incident: Incident) -> bool:
    return incident.evidence_days >= incident.budget_days


def _count_quiet(
    lineage: LineageState,
    loop: Loop,
    monitor: Monitor,
    pane_ms: int,
    found: Findings,
    touched: Sequence[Incident],
    emit: Emit,
) -> None:
    """Close incidents after 16 windows without an alarm of their own; evidence began anew at the last one."""
    plan = plan_of(monitor)
    judged = {plan.names[f] for f in np.flatnonzero(found.is_judged)}
    for incident in open_of(loop, monitor, "drift"):
        # A window in which none of its features could be judged says nothing.
        is_quiet = incident not in touched and bool(set(incident.features) & judged) and bool(found.verdict.due[0])
        incident.quiet += is_quiet
        if incident.quiet >= QUIET_WINDOWS:
            close(loop, monitor, incident, pane_ms + monitor.pane_ms, f"over: {QUIET_WINDOWS} quiet windows", emit)
            lineage.outliers = OutlierWatch() if OUTLIERS in incident.features else lineage.outliers


def _keys(incident: Incident, verdicts: Sequence[VerdictRow]) -> dict[str, object]:
    largest = verdicts[0]
    return {
        "sure": {"evidence_days": incident.evidence_days, "budget_days": incident.budget_days},
        "much": {"statistic": largest.effect_name, "value": largest.effect, "floor": largest.floor},
        "effects": [_effect(v) for v in verdicts if v.effect_name],
        "next": "look at the feature's panes; drift alone never retrains",
    }


def _effect(verdict: VerdictRow) -> dict[str, object]:
    return {"feature": verdict.target, "effect": verdict.effect_name, "value": verdict.effect, "floor": verdict.floor}
