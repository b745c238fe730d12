"""Lost performance: an incident of level page while it lasts, and retrains that it asks for."""

from __future__ import annotations

from collections.abc import Sequence

from stream.folds.decide.incidents import PAGE, QUIET_WINDOWS, close, keys, open_incident, open_of, tell
from stream.folds.decide.judged import is_within, shown
from stream.folds.decide.retrains import Ask, ask_retrain, is_cool
from stream.folds.decide.state import Incident, MaturePane
from stream.folds.decide.turn import Turn
from stream.folds.decide.words import loss_title
from stream.folds.rows import VerdictRow


def react(turn: Turn, verdicts: Sequence[VerdictRow], history: Sequence[MaturePane]) -> None:
    """Open, keep or close the incident that verdicts on one pane are about; ask for a retrain while it is open.

    `history` are the newest mature panes of the version that is judged.
    """
    lost = [verdict for verdict in verdicts if verdict.status == "drift"]
    if lost:
        _lost(turn, max(lost, key=lambda verdict: verdict.evidence_days))
    elif verdicts and verdicts[0].status == "stable":
        for incident in open_of(turn.loop, turn.monitor, "performance"):
            _quiet(turn, incident, verdicts[0], history)


def _quiet(turn: Turn, incident: Incident, verdict: VerdictRow, history: Sequence[MaturePane]) -> None:
    """Close an incident after 16 mature panes without evidence of loss, if these are within what is tolerated."""
    incident.quiet += 1
    newest = history[-QUIET_WINDOWS:]
    mean = sum(pane.total for pane in newest) / max(sum(pane.labels for pane in newest), 1.0)
    value = shown(verdict.target, mean)
    if incident.quiet >= QUIET_WINDOWS and is_within(verdict.target, value, verdict.floor):
        found = f"{verdict.target.replace('_', ' ')} of the last {len(newest)} panes: {value:.4f}"
        why = f"back in tolerance: {found}, tolerated {verdict.floor:.4f}"
        close(turn.loop, turn.monitor, incident, turn.now_ms, why, turn.emit)


def _lost(turn: Turn, worst: VerdictRow) -> None:
    loop, monitor = turn.loop, turn.monitor
    incidents = open_of(loop, monitor, "performance")
    incident = incidents[0] if incidents else _open(turn, worst)
    incident.quiet, incident.evidence_days = 0, max(incident.evidence_days, worst.evidence_days)
    if "performance" in monitor.retrain_on and is_cool(loop, monitor, turn.now_ms):
        evidence = {"verdict": worst.id, **_harm(worst)}
        ask = Ask("performance", incident.id, incident.title, evidence, turn.now_ms)
        ask_retrain(loop, monitor, ask, turn.cut, turn.emit)


def _open(turn: Turn, worst: VerdictRow) -> Incident:
    monitor, group = turn.monitor, (worst.segment_key, worst.segment_value)
    since_ms = worst.pane_ms + monitor.pane_ms - worst.pane_s * 1000
    title = loss_title(monitor.model, worst.target, worst.effect, worst.floor, group, since_ms, monitor.pane_ms)
    incident = open_incident(turn.loop, monitor, "performance", PAGE, title, [], since_ms, turn.now_ms)
    incident.verdicts.append(worst.id)
    incident.parts = {group: {}}
    incident.evidence_days, incident.budget_days = worst.evidence_days, worst.budget_days
    more = keys(incident, [("", worst)], "a retrain is asked for; look at what changed")
    tell(monitor, incident, "open", worst.reason, {"harm": _harm(worst), **more}, turn.emit)
    return incident


def _harm(verdict: VerdictRow) -> dict[str, object]:
    interval = [verdict.lo, verdict.hi]
    return {"metric": verdict.target, "value": verdict.effect, "interval": interval, "tolerated": verdict.floor}
