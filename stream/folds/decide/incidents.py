"""Incidents: one for each fault, opened by alarms, closed when it has been quiet, each change told once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from stream.folds.decide.emit import Emit
from stream.folds.decide.parts import where
from stream.folds.decide.state import Incident, Loop
from stream.folds.decide.words import instant
from stream.folds.monitor import Monitor
from stream.folds.rows import IncidentRow, VerdictRow

INFO, WARN, PAGE = "info", "warn", "page"
"""Levels of incidents."""

QUIET_WINDOWS = 16
"""An incident closes after so many windows without an alarm of its own."""


def short_id(*parts: object) -> str:
    """Return a stable id of what makes something the same thing."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:12]


def open_incident(
    loop: Loop,
    monitor: Monitor,
    kind: str,
    level: str,
    title: str,
    features: list[str],
    since_ms: int,
    now_ms: int,
) -> Incident:
    """Open an incident; its number counts the incidents of the model."""
    loop.numbered += 1
    an_id = f"INC-{short_id(monitor.name, kind, features, since_ms, loop.numbered)}"
    incident = Incident(an_id, monitor.name, kind, level, title, list(features), now_ms, since_ms)
    loop.incidents[an_id] = incident
    return incident


def open_of(loop: Loop, monitor: Monitor, kind: str) -> list[Incident]:
    """Return the open incidents of a kind that a monitor raised, the oldest first."""
    return [i for i in loop.incidents.values() if i.kind == kind and i.monitor == monitor.name]


def close(loop: Loop, monitor: Monitor, incident: Incident, now_ms: int, why: str, emit: Emit) -> None:
    """Close an incident, tell it, and forget it."""
    incident.closed_ms = now_ms
    tell(monitor, incident, "resolved", why, {}, emit)
    del loop.incidents[incident.id]


def tell(monitor: Monitor, incident: Incident, state: str, what: str, more: dict[str, object], emit: Emit) -> None:
    """Emit an incident's state as a row and as an alert (SURFACES, alerts)."""
    incident.updates += 1
    emit.rows.append(_row(monitor, incident, emit))
    emit.json(
        "alerts",
        incident.id,
        {
            "version": 1,
            "id": f"al-{short_id(incident.id, incident.updates)}",
            "incident": incident.id,
            "state": state,
            "level": incident.level,
            "kind": incident.kind,
            "model": monitor.model,
            "monitor": monitor.name,
            "title": incident.title,
            "what": what,
            "features": incident.features,
            "where": where(monitor, incident),
            "since": instant(incident.since_ms),
            "opened": instant(incident.opened_ms),
            "closed": instant(incident.closed_ms) if incident.closed_ms else None,
            "sent": instant(emit.known_ms),
            **more,
            "evidence": {
                "lineage": monitor.lineage,
                "verdicts": incident.verdicts[-5:],
                "positions": {str(emit.partition): emit.position},
            },
            "dedup": f"{incident.id}/{state}/{incident.updates}",
        },
    )


def keys(incident: Incident, found: Sequence[tuple[str, VerdictRow]], then: str) -> dict[str, object]:
    """Return what an alert says of an incident: how sure, how much, and what to do next.

    Parameters
    ----------
    found
        The verdicts with the features that they are about, the most telling first; without a feature it is empty.
    """
    _, most = found[0]
    return {
        "sure": {"evidence_days": incident.evidence_days, "budget_days": incident.budget_days},
        "much": {"statistic": most.effect_name, "value": most.effect, "floor": most.floor},
        "effects": [
            {"feature": feature, "effect": verdict.effect_name, "value": verdict.effect, "floor": verdict.floor}
            for feature, verdict in found
            if verdict.effect_name
        ],
        "next": then,
    }


def _row(monitor: Monitor, incident: Incident, emit: Emit) -> IncidentRow:
    return IncidentRow(
        id=incident.id,
        lineage=monitor.lineage,
        monitor=monitor.name,
        model=monitor.model,
        kind=incident.kind,
        level=incident.level,
        title=incident.title,
        features=tuple(incident.features),
        opened_ms=incident.opened_ms,
        closed_ms=incident.closed_ms,
        since_ms=incident.since_ms,
        verdicts=tuple(incident.verdicts[-5:]),
        evidence_days=incident.evidence_days,
        budget_days=incident.budget_days,
        known_ms=emit.known_ms,
        position=emit.position,
    )
