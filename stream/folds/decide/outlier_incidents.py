"""Incidents of outliers: they join the drift that is open, and have one of their own only if no feature shows any."""

from __future__ import annotations

from detectors.outliers.watch import OutlierWatch
from stream.folds.decide.drift_words import OUTLIERS, drift_title
from stream.folds.decide.incidents import INFO, QUIET_WINDOWS, WARN, close, keys, open_incident, open_of, tell
from stream.folds.decide.state import Incident
from stream.folds.decide.turn import Turn
from stream.folds.rows import VerdictRow

ALARMING = frozenset({"warning", "drift"})


def follow_outliers(turn: Turn, verdict: VerdictRow, since_ms: int, is_proven: bool) -> None:
    """Open, extend or close by what a window said. Rows that a fault of the data spoils are strange for that reason."""
    drifts = open_of(turn.loop, turn.monitor, "drift")
    if verdict.status not in ALARMING:
        _count_quiet(turn, drifts)
    elif drifts:
        _join(turn, _mine(drifts), verdict)
    elif not open_of(turn.loop, turn.monitor, "data-fault"):
        _open(turn, verdict, since_ms, WARN if is_proven else INFO)


def is_alone(incident: Incident) -> bool:
    """Whether an incident is about outliers only: no feature has shown anything yet."""
    return incident.features == [OUTLIERS]


def _mine(drifts: list[Incident]) -> Incident:
    """Return the incident that is about outliers already, or else the oldest."""
    return next((incident for incident in drifts if OUTLIERS in incident.features), drifts[0])


def _open(turn: Turn, verdict: VerdictRow, since_ms: int, level: str) -> None:
    monitor = turn.monitor
    title = drift_title(monitor.model, [OUTLIERS], [], since_ms, monitor.pane_ms)
    incident = open_incident(turn.loop, monitor, "drift", level, title, [OUTLIERS], since_ms, turn.end_ms)
    incident.evidence_days, incident.budget_days = verdict.evidence_days, verdict.budget_days
    incident.verdicts = [verdict.id]
    _tell(turn, incident, "open", verdict)


def _join(turn: Turn, incident: Incident, verdict: VerdictRow) -> None:
    """Add outliers to an incident, as its last feature: a second alarm is a warning. Told if that changes anything.

    One with features is theirs to close: outliers do not keep it open.
    """
    before = (incident.level, len(incident.features))
    incident.level, incident.quiet = WARN, 0 if is_alone(incident) else incident.quiet
    incident.evidence_days = max(incident.evidence_days, verdict.evidence_days)
    if OUTLIERS not in incident.features:
        incident.features.append(OUTLIERS)
        incident.verdicts.append(verdict.id)
    if before != (incident.level, len(incident.features)):
        _tell(turn, incident, "updated", verdict)


def _count_quiet(turn: Turn, drifts: list[Incident]) -> None:
    """Close an incident of outliers alone after 16 windows without an alarm; one with features is theirs to close."""
    for incident in drifts:
        incident.quiet += is_alone(incident)
        if is_alone(incident) and incident.quiet >= QUIET_WINDOWS:
            why = f"over: {QUIET_WINDOWS} quiet windows"
            close(turn.loop, turn.monitor, incident, turn.end_ms, why, turn.emit)
            turn.lineage.outliers = OutlierWatch()


def _tell(turn: Turn, incident: Incident, state: str, verdict: VerdictRow) -> None:
    then = "look at the newest rows: each value may be usual, together they are not; drift alone never retrains"
    more = keys(incident, [(OUTLIERS, verdict)], then)
    tell(turn.monitor, incident, state, verdict.reason, more, turn.emit)
