"""Lost performance: an incident of level page while it lasts, and retrains that it asks for."""

from __future__ import annotations

from stream.folds.decide.emit import Emit
from stream.folds.decide.incidents import close, open_incident, open_of, tell
from stream.folds.decide.judged import is_within
from stream.folds.decide.loop import ask_retrain, is_cool
from stream.folds.decide.state import Loop
from stream.folds.decide.words import loss_title
from stream.folds.monitor import Monitor
from stream.folds.rows import VerdictRow

Cut = list[tuple[int, int]]


def react(loop: Loop, monitor: Monitor, verdict: VerdictRow, now_ms: int, cut: Cut, emit: Emit) -> None:
    """Open, keep or close the incident that a verdict on performance is about; ask for a retrain while it is open."""
    if verdict.status == "drift":
        _lost(loop, monitor, verdict, now_ms, cut, emit)
    elif verdict.status == "stable" and is_within(verdict.target, verdict.effect, verdict.floor):
        for incident in open_of(loop, monitor, "performance"):
            close(loop, monitor, incident, now_ms, f"back in tolerance: {verdict.reason}", emit)


def _lost(loop: Loop, monitor: Monitor, verdict: VerdictRow, now_ms: int, cut: Cut, emit: Emit) -> None:
    since_ms = verdict.pane_ms + monitor.pane_ms - verdict.pane_s * 1000
    title = loss_title(monitor.model, verdict.target, verdict.effect, verdict.floor, since_ms, monitor.pane_ms)
    harm = {
        "metric": verdict.target,
        "value": verdict.effect,
        "at_best": verdict.lo,
        "tolerated": verdict.floor,
    }
    incidents = open_of(loop, monitor, "performance")
    if not incidents:
        incidents = [open_incident(loop, monitor, "performance", "page", title, [], since_ms, now_ms)]
        incidents[0].verdicts.append(verdict.id)
        more = {"harm": harm, "sure": {"p": verdict.p}, "next": "a retrain is asked for; look at what changed"}
        tell(monitor, incidents[0], "open", verdict.reason, more, emit)
    if "performance" in monitor.retrain_on and is_cool(loop, monitor, now_ms):
        evidence = {"verdict": verdict.id, **harm}
        ask_retrain(loop, monitor, "performance", incidents[0].id, title, evidence, now_ms, cut, emit)
