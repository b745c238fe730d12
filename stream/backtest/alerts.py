"""Incidents as a backtest reports them: with row numbers, times, causes and effects."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from detectors.blame.moved import Moved
from stream.backtest.findings import Alarm, Alert, Findings, Incident
from stream.backtest.timeline import Timeline
from stream.backtest.words import instant_ms, moment
from stream.folds.decide.drift_rows import PAIRS

KINDS = {"data-fault": "quality", "label-flow": "no-labels"}
"""Kinds of incidents that have another name here."""

VERDICTS = {"data-fault": "quality", "drift": "drift"}
"""Kinds of verdicts that raise incidents; others have verdicts of one kind only."""

PARTIAL = ("volume", "no-data")
"""Kinds of incidents that a pane with a part of its rows says nothing about."""

FIGURED = frozenset({"data-fault", "volume", "no-data", "no-labels"})
"""Kinds of incidents whose sentence has a figure, that of the pane in which it began."""


@dataclass(frozen=True, slots=True)
class Effect:
    """How much something changed: the name of the effect, its value, and the floor that it is above."""

    feature: str
    effect: str
    value: float | None
    floor: float | None


@dataclass(frozen=True, slots=True)
class AlertReport:
    """One incident.

    Attributes
    ----------
    kind
        drift, quality, performance, estimate, volume, no-data, no-labels or pipeline.
    severity
        info, warn or page.
    opened_row
        How many rows of the file had been read when it was raised.
    first_row, last_row
        Numbers of the rows between which the change is believed to lie.
    from_, to
        The same as times: the begin of the first pane and the end of the last.
    features
        Ranked by cause.
    segment
        ``feature=level`` if it concerns one group of rows; several with commas between.
    sentence
        The incident's title.
    evidence_days, budget_days
        How sure: at least so long lies between such incidents if nothing were wrong; from how many days on it is
        proven at the monitor's budget.
    state
        ``open`` until it has been quiet, then ``resolved``.
    moved
        Of lost performance: inputs that lay further off than usual meanwhile, which proves no cause.
    """

    id: str
    kind: str
    severity: str
    opened_row: int
    first_row: int
    last_row: int
    from_: str
    to: str
    features: list[str]
    segment: str | None
    effects: list[Effect]
    sentence: str
    opened: str
    closed: str | None
    state: str
    what: str
    next: str
    evidence_days: float | None = None
    budget_days: float | None = None
    moved: Sequence[Moved] = ()

    def to_json(self) -> dict[str, object]:
        """Return it with the names of the JSON form."""
        names = [name for name in self.__dataclass_fields__ if name not in ("from_", "effects", "moved")]
        values = {name: getattr(self, name) for name in names}
        effects = [{name: getattr(each, name) for name in Effect.__dataclass_fields__} for each in self.effects]
        moved = [one._asdict() for one in self.moved]
        return {**values, "from": self.from_, "effects": effects, "moved": moved}


def alerts_of(findings: Findings, timeline: Timeline) -> tuple[list[AlertReport], int]:
    """Return the incidents in the order in which they were raised, and how many only say where the file is cut.

    The pane in which its rows begin and the last one hold a part of theirs: their volume says nothing.
    """
    whole = [each for each in findings.incidents.values() if not _is_of_a_part(each, findings, timeline)]
    found = [_alert(incident, findings, timeline) for incident in whole]
    return sorted(found, key=lambda alert: alert.opened_row), len(findings.incidents) - len(found)


def _is_of_a_part(incident: Incident, findings: Findings, timeline: Timeline) -> bool:
    since_ms, last_ms = instant_ms(incident.opening.since), max(findings.panes, default=0)
    if incident.opening.kind not in PARTIAL:
        return False
    has_ended = _until_ms(incident, list(_alarms(incident, findings)), timeline.pane_ms) <= since_ms + timeline.pane_ms
    return since_ms >= last_ms or (since_ms < timeline.from_ms and has_ended)


def _alert(incident: Incident, findings: Findings, timeline: Timeline) -> AlertReport:
    first, newest = incident.opening, incident.newest
    alarms = list(_alarms(incident, findings))
    from_ms, to_ms = instant_ms(newest.since), _until_ms(incident, alarms, timeline.pane_ms)
    first_row, last_row = timeline.within(from_ms, to_ms)
    return AlertReport(
        id=newest.incident,
        kind=KINDS.get(newest.kind, newest.kind),
        severity=newest.level,
        opened_row=min(incident.rows, timeline.rows_until(instant_ms(first.opened))),
        first_row=first_row,
        last_row=last_row,
        from_=moment(from_ms),
        to=moment(to_ms),
        features=list(newest.features),
        segment=_segment(newest.where.get("segment")),
        effects=_effects(incident, alarms),
        sentence=newest.title,
        opened=moment(instant_ms(first.opened)),
        closed=None if newest.closed is None else moment(instant_ms(newest.closed)),
        state="open" if newest.closed is None else "resolved",
        what=first.what,
        next=first.next,
        evidence_days=_days(newest.sure.get("evidence_days")),
        budget_days=_days(newest.sure.get("budget_days")),
    )


def _days(value: object) -> float | None:
    return value if isinstance(value, float) else None


def _alarms(incident: Incident, findings: Findings) -> Iterable[Alarm]:
    """Yield the alarms of an incident, target by target in the order of its features, oldest first.

    Of features that only move with others in another way: those of all pairs.
    """
    own = list(_alarms_on(incident.newest.features or _alike(incident.newest.kind, findings), incident, findings))
    yield from own or (_alarms_on([PAIRS], incident, findings) if incident.newest.kind == "drift" else ())


def _alarms_on(targets: Iterable[str], incident: Incident, findings: Findings) -> Iterable[Alarm]:
    newest = incident.newest
    kind = VERDICTS.get(newest.kind)
    from_ms = instant_ms(newest.since)
    to_ms = math.inf if newest.closed is None else instant_ms(newest.closed)
    for target in targets:
        for alarm in findings.targets[target].alarms if target in findings.targets else []:
            if from_ms <= alarm.pane_ms < to_ms and kind in (None, alarm.kind) and _is_there(alarm, newest):
                yield alarm


def _is_there(alarm: Alarm, newest: Alert) -> bool:
    """Return whether an alarm is about rows that the incident is about; the drift of a group may be another one's."""
    segments = (_segment(newest.where.get("segment")) or "").split(", ")
    return alarm.kind != "drift" or not alarm.segment or alarm.segment in segments


def _alike(kind: str, findings: Findings) -> list[str]:
    """Return the targets whose alarms are of a kind of incidents."""
    said = VERDICTS.get(kind, kind)
    return [target for target, seen in findings.targets.items() if seen.alarms and seen.alarms[0].kind == said]


def _until_ms(incident: Incident, alarms: Sequence[Alarm], pane_ms: int) -> int:
    """Return the end of the last window in which the change was seen.

    A long window of which more than half was seen to be changed before shows nothing of the end.
    """
    if incident.newest.until is not None:
        return instant_ms(incident.newest.until)
    until_ms = instant_ms(incident.opening.opened)
    for alarm in sorted(alarms, key=lambda each: each.pane_ms):
        end_ms = alarm.pane_ms + pane_ms
        if end_ms - alarm.window_ms // 2 >= until_ms:
            until_ms = end_ms
    return until_ms


def _segment(where: object) -> str | None:
    if not isinstance(where, Mapping):
        return None
    return ", ".join(f"{name}={level}" for name, some in where.items() for level in some) or None


def _effects(incident: Incident, alarms: Sequence[Alarm]) -> list[Effect]:
    """Return the effects that the fold told, and those of the largest alarm of each other feature, as ranked.

    The fold tells of what alarmed when it told last: that may be one that joined later. Where the sentence has a figure
    it stands among them: there each effect is the one that was told first.
    """
    if incident.newest.kind in FIGURED and incident.told:
        first = {(effect.get("feature"), effect.get("effect")): effect for effect in reversed(incident.told)}
        return [_told(effect) for effect in reversed(first.values())]
    told = [_told(effect) for effect in incident.newest.effects]
    known = {effect.feature for effect in told}
    rank = {name: place for place, name in enumerate(incident.newest.features)}
    more = [] if "" in known else [effect for effect in _largest(incident, alarms) if effect.feature not in known]
    return sorted([*told, *more], key=lambda effect: rank.get(effect.feature, len(rank)))


def _largest(incident: Incident, alarms: Sequence[Alarm]) -> list[Effect]:
    largest: dict[str, Alarm] = {}
    for alarm in (each for each in alarms if each.effect_name):
        known = largest.get(alarm.target)
        if known is None or _times(alarm) > _times(known):
            largest[alarm.target] = alarm
    features = set(incident.newest.features)
    return [
        Effect(a.target if a.target in features else "", a.effect_name, _finite(a.effect), _finite(a.floor))
        for a in largest.values()
    ]


def _told(effect: Mapping[str, object]) -> Effect:
    value, floor = effect.get("value"), effect.get("floor")
    return Effect(
        str(effect.get("feature", "")),
        str(effect.get("effect", "")),
        _finite(value) if isinstance(value, int | float) else None,
        _finite(floor) if isinstance(floor, int | float) else None,
    )


def _times(alarm: Alarm) -> float:
    """Return how many times its floor an effect is."""
    if not alarm.floor or math.isnan(alarm.floor) or math.isnan(alarm.effect):
        return 0.0
    return abs(alarm.effect / alarm.floor)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
