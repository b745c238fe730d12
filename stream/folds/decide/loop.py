"""The life of a model: who serves, what is trained, and whether a challenger takes over."""

from __future__ import annotations

import math

import msgspec

from detectors.attribution import Curve
from detectors.attribution import encode as encode_curves
from detectors.paired import DECISION, e_value, update
from stream.folds.decide.emit import Emit
from stream.folds.decide.incidents import close, open_of
from stream.folds.decide.judged import FIRST_LOSS
from stream.folds.decide.retrains import told
from stream.folds.decide.state import Loop, Version
from stream.folds.decide.turn import Turn
from stream.folds.monitor import Monitor
from stream.folds.rows import RoleRow

MAX_PANES = 60
"""A retrain without a version, or a challenger that has not proven itself, ends after so many mature panes."""


class Validation(msgspec.Struct, frozen=True):
    """What a manifest says of the newest part of the training set; `metric` is what its losses are of."""

    losses: dict[str, float] = {}
    metric: str = ""


class Manifest(msgspec.Struct, frozen=True):
    """What `decide` reads of a version's manifest."""

    passed: bool
    why: str = ""
    retrain: str = ""
    validation: Validation = Validation()
    attribution: dict[str, Curve] = {}


class VersionRecord(msgspec.Struct, frozen=True):
    """A version record of topic `models`."""

    model: str
    version: str
    manifest: Manifest


class Command(msgspec.Struct, frozen=True):
    """A record of topic `commands`."""

    id: str
    command: str
    model: str
    who: str = ""
    args: dict[str, object] = {}


def fold_step(loop: Loop, command: Command, emit: Emit) -> None:
    """Take the trainer's word on how a retrain goes; a failed one ends it."""
    retrain, args = loop.retrain, command.args
    if retrain is None or args.get("retrain") != retrain.id:
        return
    step, why = str(args.get("step", "")), str(args.get("why", ""))
    told(retrain, command.model, step, why, emit)
    if step in ("failed", "skipped"):
        loop.retrain = None


def fold_version(loop: Loop, monitor: Monitor | None, record: VersionRecord, now_ms: int, emit: Emit) -> None:
    """Take up a new version: the first one serves at once, a later one runs in shadow."""
    if record.version in loop.versions:
        return
    manifest, losses = record.manifest, record.manifest.validation.losses
    loop.versions[record.version] = Version(
        record.version,
        manifest.passed,
        manifest.why,
        manifest.validation.metric or FIRST_LOSS.get(monitor.task if monitor else "", "log_loss"),
        int(losses.get("n", 0)),
        losses.get("mean", 0.0),
        losses.get("sd", 0.0),
        manifest.retrain,
        encode_curves(manifest.attribution),
    )
    retrain = loop.retrain
    if retrain is None or retrain.id != manifest.retrain:
        return
    retrain.version, retrain.waited = record.version, 0
    if not manifest.passed:
        _end(loop, record.model, "rejected", manifest.why, now_ms, emit)
    elif not loop.champion:
        _promote(loop, monitor, record.model, "the first version that passed its validation", now_ms, emit)
    else:
        told(retrain, record.model, "shadow", f"compared with version {loop.champion} on the same rows", emit)
        _role(loop, record.model, record.version, "shadow", "passed its validation", now_ms, emit)


def compare(turn: Turn) -> None:
    """Add a mature pane to the comparison of champion and shadow; promote or reject when it is decided."""
    loop, monitor, now_ms, emit = turn.loop, turn.monitor, turn.now_ms, turn.emit
    retrain = loop.retrain
    if retrain is None or retrain.monitor != monitor.name:
        return
    retrain.waited += 1
    sums = turn.lineage.panes[turn.pane_ms].groups.get((loop.champion, "", ""))
    n, total, _ = (0, 0.0, 0.0) if sums is None else sums.pairs.get(retrain.version, (0, 0.0, 0.0))
    if math.isfinite(total):
        retrain.paired = update(retrain.paired, total, n)
    if not retrain.version:
        _expire(loop, monitor.model, emit)
        return
    evidence, paired = e_value(retrain.paired), retrain.paired
    over = f"{paired.pairs:,} pairs in {paired.panes} panes"
    change = f"{'lower' if paired.mean_difference >= 0 else 'higher'} by {abs(paired.mean_difference):.4f}"
    what = f"loss {change} over {over} (e {evidence:.3g})"
    if evidence >= DECISION:
        _promote(loop, monitor, monitor.model, what, now_ms, emit)
    elif retrain.waited >= MAX_PANES:
        _end(loop, monitor.model, "rejected", f"not proven better: {what}, {DECISION:.0f} needed", now_ms, emit)


def _expire(loop: Loop, model: str, emit: Emit) -> None:
    """Give up on a retrain that never brought a version, so that others may be asked for."""
    if loop.retrain is not None and loop.retrain.waited >= MAX_PANES:
        told(loop.retrain, model, "expired", f"no version came in {MAX_PANES} mature panes", emit)
        loop.retrain = None


def _promote(loop: Loop, monitor: Monitor | None, model: str, why: str, now_ms: int, emit: Emit) -> None:
    retrain, before = loop.retrain, loop.champion
    if retrain is None:
        return
    loop.champion = retrain.version
    told(retrain, model, "promoted", why, emit)
    if before:
        emit.rows.append(_role_row(model, before, "retired", f"version {retrain.version} took over", now_ms, emit))
    loop.retrain = None
    _role(loop, model, retrain.version, "champion", why, now_ms, emit)
    if monitor is not None:
        for incident in open_of(loop, monitor, "performance"):
            close(loop, monitor, incident, now_ms, f"version {loop.champion} serves: {why}", emit)


def _end(loop: Loop, model: str, step: str, why: str, now_ms: int, emit: Emit) -> None:
    retrain = loop.retrain
    if retrain is None:
        return
    told(retrain, model, step, why, emit)
    loop.retrain = None
    _role(loop, model, retrain.version, step, why, now_ms, emit)


def _role(loop: Loop, model: str, version: str, role: str, why: str, now_ms: int, emit: Emit) -> None:
    """Publish who serves, and keep the change as a row."""
    shadows = [loop.retrain.version] if loop.retrain is not None and loop.retrain.version else []
    emit.rows.append(_role_row(model, version, role, why, now_ms, emit))
    emit.json(
        "models",
        f"{model}/roles",
        {
            "record": "roles",
            "model": model,
            "champion": loop.champion,
            "shadows": shadows,
            "position": [emit.partition, emit.position],
            "why": why,
        },
    )


def _role_row(model: str, version: str, role: str, why: str, now_ms: int, emit: Emit) -> RoleRow:
    return RoleRow(
        model=model,
        model_version=version,
        role=role,
        since_ms=now_ms,
        actor="decide",
        reason=why,
        known_ms=emit.known_ms,
        position=emit.position,
    )
