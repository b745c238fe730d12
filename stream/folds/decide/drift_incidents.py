"""Drift incidents: one for each fault, told again as features join it or it becomes surer, closed when it is quiet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detectors.evidence.budget import DAY_MS
from detectors.outliers.watch import OutlierWatch
from detectors.panel.gauge import NO_JOINT
from detectors.panel.panel import Panel
from detectors.panel.plan import Plan
from stream.folds.decide.drift_words import OUTLIERS, drift_title
from stream.folds.decide.emit import Emit
from stream.folds.decide.findings import Findings
from stream.folds.decide.gauges import part_plans, plan_of
from stream.folds.decide.incidents import QUIET_WINDOWS, close, open_incident, open_of, tell
from stream.folds.decide.parts import parts_of, raised_by, share_of
from stream.folds.decide.state import ALL, Incident, LineageState, Loop, Part
from stream.folds.monitor import Monitor
from stream.folds.rows import VerdictRow

INFO, WARN = "info", "warn"


class Gauged(NamedTuple):
    """What the gauge of all rows, or of one group, found in a tick, and its verdicts as rows.

    `silent` are groups that have no rows now: what they opened, all rows close.
    """

    part: Part
    plan: Plan
    found: Findings
    rows: Sequence[VerdictRow]
    silent: Collection[Part] = ()

    @property
    def followers(self) -> set[str]:
        """What is moved by inputs: the model's answers, and the share of outliers."""
        names = zip(self.plan.names, self.plan.is_output, strict=True)
        return {OUTLIERS, *(name for name, is_output in names if is_output)}


@dataclass(frozen=True, slots=True)
class _Alarm:
    """What a tick alarms about: features, the likeliest cause first, with their verdicts.

    `apart` is the feature that no longer moves with the others, `partner` above all; both empty for none. `is_proven`:
    the evidence over time is above its threshold, not only a single window.
    """

    gauged: Gauged
    features: list[str]
    apart: str
    partner: str
    verdicts: list[VerdictRow]
    since_ms: int
    days: float
    is_proven: bool

    @property
    def names(self) -> list[str]:
        """The features, or else the one that no longer moves with the others; empty without an alarm."""
        return self.features or ([self.apart] if self.apart else [])


def follow(lineage: LineageState, loop: Loop, monitor: Monitor, pane_ms: int, gauged: Gauged, emit: Emit) -> None:
    """Open, extend or close drift incidents by what alarms now."""
    alarm = _alarm(monitor, pane_ms, gauged)
    faults = {name for i in open_of(loop, monitor, "data-fault") for name in i.features}
    touched = [i for i in open_of(loop, monitor, "drift") if _is_one_fault(monitor, pane_ms, i, alarm)]
    _count_quiet(lineage, loop, monitor, pane_ms, gauged, touched, emit)
    mine = [i for i in touched if set(i.features) & set(alarm.names)]
    if not mine and _is_explained(alarm, faults):
        return
    if touched:
        _extend(monitor, (mine or touched)[0], alarm, emit)
    else:
        _open(loop, monitor, pane_ms, alarm, emit)


def is_in_incident(loop: Loop, monitor: Monitor, part: Part) -> bool:
    """Return whether a group opened an incident that is still open: its quiet windows close it."""
    return any(raised_by(monitor, incident) == part for incident in open_of(loop, monitor, "drift"))


def _is_explained(alarm: _Alarm, faults: set[str]) -> bool:
    """Return whether nothing alarms, or only what the data's fault explains: its features, and answers after them."""
    return not alarm.names or (bool(faults) and set(alarm.names) <= faults | alarm.gauged.followers)


def _is_one_fault(monitor: Monitor, pane_ms: int, incident: Incident, alarm: _Alarm) -> bool:
    """Return whether an alarm is of an incident: they share a feature, or overlap and one is of followers alone.

    Which feature of a changed pair is to blame the pair does not say: either may. And answers and outliers follow
    inputs: what moves them is most likely what moves an input at the same time.
    """
    names, before, followers = set(alarm.names), set(incident.features), alarm.gauged.followers
    if before & {*names, alarm.partner}:
        return True
    overlap = alarm.since_ms <= pane_ms - incident.quiet * _window_ms(monitor, raised_by(monitor, incident))
    return bool(names) and overlap and (names <= followers or before <= followers)


def _window_ms(monitor: Monitor, part: Part) -> int:
    """Return the length of the smallest window of all rows, or of a group's that is judged."""
    panel = plan_of(monitor).panel if part == ALL else part_plans(monitor)[part].panel
    return panel.scales[_smallest(panel, part)] * monitor.pane_ms


def _smallest(panel: Panel, part: Part) -> int:
    """Return the place of the smallest scale at which a group is judged; all rows count quiet windows at the first."""
    return 0 if part == ALL else int(panel.usable.any(1).argmax())


def _alarm(monitor: Monitor, pane_ms: int, gauged: Gauged) -> _Alarm:
    plan, found, rows = gauged.plan, gauged.found, gauged.rows
    verdict = found.verdict
    features = verdict.features.tolist()
    has_joint = verdict.joint != NO_JOINT
    places = [*features, *([len(plan.panel.bins)] if has_joint else [])]
    window_ms = plan.panel.scales[int(found.scale.max(initial=0))] * monitor.pane_ms
    since = int(verdict.first.min()) * monitor.pane_ms if features else pane_ms + monitor.pane_ms - window_ms
    return _Alarm(
        gauged=gauged,
        features=[plan.names[f] for f in features],
        apart=plan.names[verdict.joint] if has_joint else "",
        partner=plan.names[verdict.partner] if has_joint else "",
        verdicts=[rows[place] for place in places],
        since_ms=since,
        days=max((float(found.days[place]) for place in places), default=0.0),
        is_proven=bool((verdict.log_evidence[places] >= plan.log_thresholds[places]).any()),
    )


def _open(loop: Loop, monitor: Monitor, pane_ms: int, alarm: _Alarm, emit: Emit) -> None:
    level, now_ms = WARN if alarm.is_proven else INFO, pane_ms + monitor.pane_ms
    incident = open_incident(loop, monitor, "drift", level, "", alarm.names, alarm.since_ms, now_ms)
    incident.parts = {alarm.gauged.part: _displaced(monitor, alarm)}
    incident.evidence_days, incident.budget_days = alarm.days, monitor.budget.mark_days
    incident.verdicts = [v.id for v in alarm.verdicts]
    _tell(monitor, incident, "open", alarm, emit)


def _extend(monitor: Monitor, incident: Incident, alarm: _Alarm, emit: Emit) -> None:
    """Make the incident surer, and a warning with the second alarm of one gauge; tell it if that changes anything."""
    before = _shown(monitor, incident)
    new = [name for name in alarm.names if name not in incident.features]
    incident.parts = incident.parts or {ALL: {}}
    is_again = alarm.gauged.part in incident.parts
    incident.level, incident.quiet = WARN if is_again or alarm.is_proven else incident.level, 0
    known = incident.parts.get(alarm.gauged.part, {})
    incident.parts = {**incident.parts, alarm.gauged.part: known | _displaced(monitor, alarm)}
    incident.features = sorted([*incident.features, *new], key=alarm.gauged.followers.__contains__)
    incident.verdicts += [v.id for v in alarm.verdicts if v.target in new]
    incident.evidence_days = _surer(monitor, incident.evidence_days, alarm, is_again)
    if before != _shown(monitor, incident):
        _tell(monitor, incident, "updated", alarm, emit)


def _displaced(monitor: Monitor, alarm: _Alarm) -> dict[str, float]:
    """Return the share of all rows that each input displaced where its gauge watches; of answers if they are alone."""
    share, tv = share_of(monitor, alarm.gauged.part), alarm.gauged.found.verdict.effects.tv.tolist()
    found = {name: share * moved for name, moved in zip(alarm.features, tv, strict=True)}
    inputs = {name: moved for name, moved in found.items() if name not in alarm.gauged.followers}
    return inputs or found


def _shown(monitor: Monitor, incident: Incident) -> tuple[str, int, bool, list[Part]]:
    """Return what is told again if it changes."""
    is_at_budget = incident.evidence_days >= incident.budget_days
    return incident.level, len(incident.features), is_at_budget, parts_of(monitor, incident)


def _surer(monitor: Monitor, before_days: float, alarm: _Alarm, is_again: bool) -> float:
    """Return the time between two such alarms in a row: evidence began anew after the first, so their rates multiply.

    Once in `before_days` chance opens an incident, and within its 16 windows raises another in 16 windows / `days`
    of these. Alarms of two gauges share rows: the rarer one counts.
    """
    if not is_again:
        return max(before_days, alarm.days)
    windows_days = QUIET_WINDOWS * _window_ms(monitor, alarm.gauged.part) / DAY_MS
    return min(1e300, max(before_days, alarm.days, before_days * max(1.0, alarm.days / windows_days)))


def _count_quiet(
    lineage: LineageState,
    loop: Loop,
    monitor: Monitor,
    pane_ms: int,
    gauged: Gauged,
    touched: Sequence[Incident],
    emit: Emit,
) -> None:
    """Close incidents that this gauge opened, or a silent group's, after 16 windows without an alarm of their own.

    Evidence began anew at the last one. A window in which none of its features could be judged says nothing.
    """
    plan, found = gauged.plan, gauged.found
    judged = {plan.names[f] for f in np.flatnonzero(found.is_judged)}
    is_due = bool(found.verdict.due[_smallest(plan.panel, gauged.part)])
    for incident in open_of(loop, monitor, "drift"):
        if raised_by(monitor, incident) not in (gauged.part, *gauged.silent):
            continue
        is_quiet = incident not in touched and bool(set(incident.features) & judged) and is_due
        incident.quiet += is_quiet
        if incident.quiet >= QUIET_WINDOWS:
            close(loop, monitor, incident, pane_ms + monitor.pane_ms, f"over: {QUIET_WINDOWS} quiet windows", emit)
            lineage.outliers = OutlierWatch() if OUTLIERS in incident.features else lineage.outliers


def _tell(monitor: Monitor, incident: Incident, state: str, alarm: _Alarm, emit: Emit) -> None:
    features, apart = _told(incident, alarm.gauged.followers)
    parts = parts_of(monitor, incident)
    incident.title = drift_title(monitor.model, features, apart, incident.since_ms, monitor.pane_ms, parts)
    tell(monitor, incident, state, alarm.verdicts[0].reason, _keys(incident, alarm.verdicts), emit)


def _told(incident: Incident, followers: Collection[str]) -> tuple[list[str], list[str]]:
    """Return which of an incident's features drifted by themselves, and which only move with others in another way."""
    moved = set(followers).union(*incident.parts.values())
    features = [name for name in incident.features if name in moved]
    return features, [name for name in incident.features if name not in moved]


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
