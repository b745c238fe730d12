"""Incidents of outliers: they join the drift that is open, and have one of their own only if no feature shows any."""

from __future__ import annotations

from detectors.outliers.watch import OutlierWatch
from stream.folds.decide.drift_words import OUTLIERS, drift_title
from stream.folds.decide.emit import Emit
from stream.folds.decide.incidents import QUIET_WINDOWS, close, open_incident, open_of, tell
from stream.folds.decide.state import Incident, LineageState, Loop
from stream.folds.monitor import Monitor
from stream.folds.rows import VerdictRow

INFO, WARN = "info", "warn"
ALARMING = frozenset({"warning", "drift"})


def follow_outliers(
    lineage: LineageState,
    loop: Loop,
    monitor: Monitor,
    pane_ms: int,
    verdict: VerdictRow,
    since_ms: int,
    is_proven: bool,
    emit: Emit,
) -> None:
    """Open, extend or close by what a window said. Rows that a fault of the data spoils are strange for that reason."""
    drifts = open_of(loop, monitor, "drift")
    if verdict.status not in ALARMING:
        _count_quiet(lineage, loop, monitor, pane_ms, drifts, emit)
    elif drifts:
        _join(monitor, _mine(drifts), verdict, emit)
    elif not open_of(loop, monitor, "data-fault"):
        _open(loop, monitor, pane_ms, verdict, since_ms, WARN if is_proven else INFO, emit)


def is_alone(incident: Incident) -> bool:
    """Whether an incident is about outliers only: no feature has shown anything yet."""
    return incident.features == [OUTLIERS]


def _mine(drifts: list[Incident]) -> Incident:
    """Return the incident that is about outliers already, or else the oldest."""
    return next((incident for incident in drifts if OUTLIERS in incident.features), drifts[0])


def _open(
    loop: Loop, monitor: Monitor, pane_ms: int, verdict: VerdictRow, since_ms: int, level: str, emit: Emit
) -> None:
    title, now_ms = drift_title(monitor.model, [OUTLIERS], [], since_ms, monitor.pane_ms), pane_ms + monitor.pane_ms
    incident = open_incident(loop, monitor, "drift", level, title, [OUTLIERS], since_ms, now_ms)
    incident.evidence_days, incident.budget_days = verdict.evidence_days, verdict.budget_days
    incident.verdicts = [verdict.id]
    tell(monitor, incident, "open", verdict.reason, _keys(incident, verdict), emit)


def _join(monitor: Monitor, incident: Incident, verdict: VerdictRow, emit: Emit) -> None:
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
        tell(monitor, incident, "updated", verdict.reason, _keys(incident, verdict), emit)


def _count_quiet(
    lineage: LineageState, loop: Loop, monitor: Monitor, pane_ms: int, drifts: list[Incident], emit: Emit
) -> None:
    """Close an incident of outliers alone after 16 windows without an alarm; one with features is theirs to close."""
    for incident in drifts:
        incident.quiet += is_alone(incident)
        if is_alone(incident) and incident.quiet >= QUIET_WINDOWS:
            close(loop, monitor, incident, pane_ms + monitor.pane_ms, f"over: {QUIET_WINDOWS} quiet windows", emit)
            lineage.outliers = OutlierWatch()


def _keys(incident: Incident, verdict: VerdictRow) -> dict[str, object]:
    return {
        "sure": {"evidence_days": incident.evidence_days, "budget_days": incident.budget_days},
        "much": {"statistic": verdict.effect_name, "value": verdict.effect, "floor": verdict.floor},
        "effects": [
            {"feature": OUTLIERS, "effect": verdict.effect_name, "value": verdict.effect, "floor": verdict.floor}
        ],
        "next": "look at the newest rows: each value may be usual, together they are not; drift alone never retrains",
    }
