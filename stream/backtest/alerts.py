"""Incidents as a backtest reports them: with row numbers, times, causes and effects."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stream.backtest.findings import Findings, Incident
from stream.backtest.timeline import Timeline
from stream.backtest.words import instant_ms, moment
from stream.folds.rows import VerdictRow

KINDS = {"data-fault": "quality", "label-flow": "no-labels"}
"""Kinds of incidents that have another name here."""

PARTIAL = ("volume", "no-data")
"""Kinds of incidents that a pane with a part of its rows says nothing about."""


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
        ``feature=level`` if it concerns one segment.
    sentence
        The incident's title.
    state
        ``open`` until it has been quiet, then ``resolved``.
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

    def to_json(self) -> dict[str, object]:
        """Return it with the names of the JSON form."""
        names = [name for name in self.__dataclass_fields__ if name not in ("from_", "effects")]
        values = {name: getattr(self, name) for name in names}
        effects = [{name: getattr(each, name) for name in Effect.__dataclass_fields__} for each in self.effects]
        return {**values, "from": self.from_, "effects": effects}


def alerts_of(findings: Findings, timeline: Timeline) -> tuple[list[AlertReport], int]:
    """Return the incidents in the order in which they were raised, and how many only say that the file ends.

    The last pane holds a part of its rows: its volume says nothing.
    """
    last_ms = max(findings.panes, default=0)
    found, cut = [], 0
    for incident in findings.incidents.values():
        if incident.opening.kind in PARTIAL and instant_ms(incident.opening.since) >= last_ms:
            cut += 1
        else:
            found.append(_alert(incident, findings, timeline))
    return sorted(found, key=lambda alert: alert.opened_row), cut


def _alert(incident: Incident, findings: Findings, timeline: Timeline) -> AlertReport:
    first, newest = incident.opening, incident.newest
    verdicts = list(_verdicts(incident, findings))
    from_ms, to_ms = instant_ms(newest.since), _until_ms(incident, verdicts, timeline.pane_ms)
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
        effects=_effects(incident, verdicts),
        sentence=newest.title,
        opened=moment(instant_ms(first.opened)),
        closed=None if newest.closed is None else moment(instant_ms(newest.closed)),
        state="open" if newest.closed is None else "resolved",
        what=first.what,
        next=first.next,
    )


def _verdicts(incident: Incident, findings: Findings) -> Iterable[VerdictRow]:
    """Yield the alarming verdicts of an incident, target by target in the order of its features, oldest first."""
    newest = incident.newest
    from_ms = instant_ms(newest.since)
    to_ms = math.inf if newest.closed is None else instant_ms(newest.closed)
    targets = newest.features or [t for t, seen in findings.targets.items() if _is_of(newest.kind, seen.alarming)]
    for target in targets:
        for verdict in findings.targets[target].alarming if target in findings.targets else []:
            if from_ms <= verdict.pane_ms < to_ms:
                yield verdict


def _is_of(kind: str, verdicts: list[VerdictRow]) -> bool:
    return bool(verdicts) and verdicts[0].kind == kind


def _until_ms(incident: Incident, verdicts: list[VerdictRow], pane_ms: int) -> int:
    """Return the end of the last pane in which the change was seen."""
    if incident.newest.until is not None:
        return instant_ms(incident.newest.until)
    seen = [verdict.pane_ms + pane_ms for verdict in verdicts]
    return max([*seen, instant_ms(incident.opening.opened)])


def _segment(where: object) -> str | None:
    if isinstance(where, Mapping):
        return ", ".join(f"{name}={level}" for name, level in where.items()) or None
    return str(where) if where else None


def _effects(incident: Incident, verdicts: list[VerdictRow]) -> list[Effect]:
    """Return the effects that the fold told, else those of the largest verdict on each target."""
    if incident.newest.effects:
        return [_told(effect) for effect in incident.newest.effects]
    largest: dict[str, VerdictRow] = {}
    for verdict in verdicts:
        known = largest.get(verdict.target)
        if known is None or _times(verdict) > _times(known):
            largest[verdict.target] = verdict
    features = set(incident.newest.features)
    return [
        Effect(v.target if v.target in features else "", v.effect_name, _finite(v.effect), _finite(v.floor))
        for v in largest.values()
    ]


def _told(effect: Mapping[str, object]) -> Effect:
    value, floor = effect.get("value"), effect.get("floor")
    return Effect(
        str(effect.get("feature", "")),
        str(effect.get("effect", "")),
        _finite(value) if isinstance(value, int | float) else None,
        _finite(floor) if isinstance(floor, int | float) else None,
    )


def _times(verdict: VerdictRow) -> float:
    """Return how many times its floor an effect is."""
    if not verdict.floor or math.isnan(verdict.floor) or math.isnan(verdict.effect):
        return 0.0
    return abs(verdict.effect / verdict.floor)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
