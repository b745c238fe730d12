"""Drift incidents: one for each fault, told again as features join it or it becomes surer, closed when it is quiet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from detectors.evidence.budget import DAY_MS
from detectors.panel.gauge import NO_JOINT
from stream.folds.decide.drift_quiet import count_quiet, window_ms
from stream.folds.decide.drift_words import drift_title
from stream.folds.decide.findings import Gauged
from stream.folds.decide.incidents import INFO, QUIET_WINDOWS, WARN, keys, open_incident, open_of, tell
from stream.folds.decide.parts import closed_by, parts_of, share_of
from stream.folds.decide.state import ALL, Incident, Part
from stream.folds.decide.turn import Turn
from stream.folds.monitor import Monitor
from stream.folds.rows import VerdictRow


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


def follow(turn: Turn, gauged: Gauged, rows: Sequence[VerdictRow]) -> None:
    """Open, extend or close drift incidents by what a gauge alarms about now; `rows` are its verdicts."""
    alarm, loop, monitor = _alarm(turn, gauged, rows), turn.loop, turn.monitor
    faults = {name for i in open_of(loop, monitor, "data-fault") for name in i.features}
    touched = [i for i in open_of(loop, monitor, "drift") if _is_one_fault(turn, i, alarm)]
    count_quiet(turn, gauged, touched)
    mine = [i for i in touched if set(i.features) & set(alarm.names)]
    if not mine and _is_explained(alarm, faults):
        return
    if touched:
        _extend(turn, (mine or touched)[0], alarm)
    else:
        _open(turn, alarm)


def _is_explained(alarm: _Alarm, faults: set[str]) -> bool:
    """Return whether nothing alarms, or only what the data's fault explains: its features, and answers after them."""
    return not alarm.names or (bool(faults) and set(alarm.names) <= faults | alarm.gauged.followers)


def _is_one_fault(turn: Turn, incident: Incident, alarm: _Alarm) -> bool:
    """Return whether an alarm is of an incident: they share a feature, or overlap and one is of followers alone.

    Which feature of a changed pair is to blame the pair does not say: either may. A change within one group changes how
    its segment moves with the others. And answers and outliers follow inputs: what moves them is most likely what moves
    an input at the same time.
    """
    names, before, followers = set(alarm.names), set(incident.features), alarm.gauged.followers
    if before & {*names, alarm.partner}:
        return True
    quiet_ms = incident.quiet * window_ms(turn.monitor, closed_by(turn.monitor, incident))
    overlap = alarm.since_ms <= turn.pane_ms - quiet_ms
    is_within = alarm.gauged.part[0] in before
    return bool(names) and overlap and (is_within or names <= followers or before <= followers)


def _alarm(turn: Turn, gauged: Gauged, rows: Sequence[VerdictRow]) -> _Alarm:
    plan, found, pane_ms = gauged.plan, gauged.found, turn.monitor.pane_ms
    verdict = found.verdict
    features = verdict.features.tolist()
    has_joint = verdict.joint != NO_JOINT
    places = [*features, *([len(plan.panel.bins)] if has_joint else [])]
    window_ms = plan.panel.scales[int(found.scale.max(initial=0))] * pane_ms
    since_ms = int(verdict.first.min()) * pane_ms if features else turn.end_ms - window_ms
    return _Alarm(
        gauged=gauged,
        features=[plan.names[f] for f in features],
        apart=plan.names[verdict.joint] if has_joint else "",
        partner=plan.names[verdict.partner] if has_joint else "",
        verdicts=[rows[place] for place in places],
        since_ms=since_ms,
        days=max((float(found.days[place]) for place in places), default=0.0),
        is_proven=bool((verdict.log_evidence[places] >= plan.log_thresholds[places]).any()),
    )


def _open(turn: Turn, alarm: _Alarm) -> None:
    level, monitor = WARN if alarm.is_proven else INFO, turn.monitor
    incident = open_incident(turn.loop, monitor, "drift", level, "", alarm.names, alarm.since_ms, turn.end_ms)
    incident.parts = {alarm.gauged.part: _displaced(monitor, alarm)}
    incident.evidence_days, incident.budget_days = alarm.days, monitor.budget.mark_days
    incident.verdicts = [v.id for v in alarm.verdicts]
    _tell(turn, incident, "open", alarm)


def _extend(turn: Turn, incident: Incident, alarm: _Alarm) -> None:
    """Make the incident surer, and a warning with the second alarm of one gauge; tell it if that changes anything."""
    monitor = turn.monitor
    before = _shown(monitor, incident)
    new = [name for name in alarm.names if name not in incident.features]
    incident.parts = incident.parts or {ALL: {}}
    is_again = alarm.gauged.part in incident.parts
    incident.level = WARN if is_again or alarm.is_proven else incident.level
    incident.quiet = incident.absent = 0
    known = incident.parts.get(alarm.gauged.part, {})
    incident.parts = {**incident.parts, alarm.gauged.part: known | _displaced(monitor, alarm)}
    incident.features = _ranked(incident, [*incident.features, *new], alarm.gauged.followers)
    incident.verdicts += [v.id for v in alarm.verdicts if v.target in new]
    incident.evidence_days = _surer(monitor, incident.evidence_days, alarm, is_again)
    if before != _shown(monitor, incident):
        _tell(turn, incident, "updated", alarm)


def _ranked(incident: Incident, names: Sequence[str], followers: Collection[str]) -> list[str]:
    """Return features that moved by themselves, then those that only move with others otherwise, then answers."""
    moved = set().union(*incident.parts.values())
    return sorted(names, key=lambda name: (name in followers, name not in moved))


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
    windows_days = QUIET_WINDOWS * window_ms(monitor, alarm.gauged.part) / DAY_MS
    return min(1e300, max(before_days, alarm.days, before_days * max(1.0, alarm.days / windows_days)))


def _tell(turn: Turn, incident: Incident, state: str, alarm: _Alarm) -> None:
    monitor = turn.monitor
    features, apart = _told(incident, alarm.gauged.followers)
    parts = parts_of(monitor, incident)
    incident.title = drift_title(monitor.model, features, apart, incident.since_ms, monitor.pane_ms, parts)
    found = [(verdict.target, verdict) for verdict in alarm.verdicts]
    more = keys(incident, found, "look at the feature's panes; drift alone never retrains")
    tell(monitor, incident, state, alarm.verdicts[0].reason, more, turn.emit)


def _told(incident: Incident, followers: Collection[str]) -> tuple[list[str], list[str]]:
    """Return which of an incident's features drifted by themselves, and which only move with others in another way."""
    moved = set(followers).union(*incident.parts.values())
    features = [name for name in incident.features if name in moved]
    return features, [name for name in incident.features if name not in moved]
