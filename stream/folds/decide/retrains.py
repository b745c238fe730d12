"""Retrains: asked for by lost performance, by an estimate of it, or by a person; one in flight at a time."""

from __future__ import annotations

from typing import NamedTuple

from detectors.performance import task_sums
from stream.folds.decide.emit import Emit
from stream.folds.decide.incidents import PAGE, open_of, short_id
from stream.folds.decide.judged import promised_metric
from stream.folds.decide.state import Cut, Loop, Retrain
from stream.folds.monitor import Monitor
from stream.folds.rows import RetrainRow

TRAINING_WINDOW_MS = 90 * 86_400_000
"""A retrain learns from so much event time before its cut."""

COOL_DOWN_MS, COOL_DOWN_LABELS = 86_400_000, 5_000
"""Time and labels between two retrains that lost performance asks for (SCIENCE, section 6)."""


class Ask(NamedTuple):
    """What a retrain is asked for with.

    Attributes
    ----------
    trigger
        ``performance``, ``estimate`` or ``manual``.
    cause
        Id of the incident or of the command.
    evidence
        What the event says of it.
    from_ms, to_ms
        What to learn from, in event time; without `from_ms` the 90 days before `to_ms`.
    """

    trigger: str
    cause: str
    reason: str
    evidence: dict[str, object]
    to_ms: int
    from_ms: int | None = None


def ask_retrain(loop: Loop, monitor: Monitor, ask: Ask, cut: Cut, emit: Emit) -> None:
    """Publish a retrain event. Its id is the hash of lineage, cause and how many were asked for before.

    While one is in flight another is refused, and the refusal is told.
    """
    an_id = f"rt-{short_id(monitor.lineage, ask.trigger, ask.cause, loop.asked)}"
    loop.asked += 1
    retrain = Retrain(an_id, monitor.name, monitor.lineage, ask.cause, ask.trigger, ask.reason, cut)
    if loop.retrain is not None:
        told(retrain, monitor.model, "refused", f"retrain {loop.retrain.id} is in flight", emit)
        return
    loop.retrain = retrain
    loop.last_retrain_ms, loop.labels_at_retrain = ask.to_ms, loop.judged_labels.get(monitor.name, 0)
    emit.json("retrain", monitor.model, _event(loop, monitor, retrain, ask, emit))
    told(retrain, monitor.model, "requested", "", emit)


def is_cool(loop: Loop, monitor: Monitor, now_ms: int) -> bool:
    """Say whether none is in flight, no fault of the data pages, and enough time and labels lie behind the last one."""
    if any(fault.level == PAGE for fault in open_of(loop, monitor, "data-fault")):
        return False
    if loop.retrain is not None or loop.last_retrain_ms is None:
        return loop.retrain is None
    waited = now_ms - loop.last_retrain_ms >= COOL_DOWN_MS
    return waited and loop.judged_labels.get(monitor.name, 0) - loop.labels_at_retrain >= COOL_DOWN_LABELS


def told(retrain: Retrain, model: str, step: str, verdict: str, emit: Emit) -> None:
    """Tell a step of a retrain as a row."""
    emit.rows.append(
        RetrainRow(
            id=retrain.id,
            model=model,
            monitor=retrain.monitor,
            lineage=retrain.lineage,
            incident=retrain.incident,
            trigger=retrain.trigger,
            reason=retrain.reason,
            step=step,
            version=retrain.version,
            verdict=verdict,
            cut=tuple(retrain.cut),
            known_ms=emit.known_ms,
            position=emit.position,
        )
    )


def _event(loop: Loop, monitor: Monitor, retrain: Retrain, ask: Ask, emit: Emit) -> dict[str, object]:
    return {
        "id": retrain.id,
        "model": monitor.model,
        "monitor": monitor.name,
        "lineage": monitor.lineage,
        "incident": ask.cause,
        "trigger": ask.trigger,
        "reason": ask.reason,
        "evidence": ask.evidence,
        "cut": {str(p): position for p, position in retrain.cut},
        "trainer": monitor.trainer or "river-default",
        "metric": promised_metric(monitor, task_sums(monitor.task)) or "",
        "task": monitor.task,
        "features": dict(monitor.features),
        "from_ms": ask.to_ms - TRAINING_WINDOW_MS if ask.from_ms is None else ask.from_ms,
        "to_ms": ask.to_ms,
        "champion": loop.champion,
        "asked_ms": emit.known_ms,
    }
