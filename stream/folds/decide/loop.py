"""The life of a model: who serves, what is trained, and whether a challenger takes over."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from detectors.attribution import Curve
from detectors.attribution import encode as encode_curves
from detectors.paired import DECISION, e_value, update
from stream.folds.decide.emit import Emit
from stream.folds.decide.incidents import close, open_of
from stream.folds.decide.judged import FIRST_LOSS
from stream.folds.decide.retrains import told
from stream.folds.decide.state import Loop, Retrain, Version
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


@dataclass(frozen=True, slots=True)
class _Life:
    """The life of a model at `now_ms`; `monitor` is the one that watches it, if any."""

    loop: Loop
    model: str
    monitor: Monitor | None
    now_ms: int
    emit: Emit


def fold_version(loop: Loop, monitor: Monitor | None, record: VersionRecord, now_ms: int, emit: Emit) -> None:
    """Take up a new version: the first one serves at once, a later one runs in shadow."""
    if record.version in loop.versions:
        return
    manifest, retrain = record.manifest, loop.retrain
    loop.versions[record.version] = _version(record, monitor)
    if retrain is None or retrain.id != manifest.retrain:
        return
    life = _Life(loop, record.model, monitor, now_ms, emit)
    retrain.version, retrain.waited = record.version, 0
    if not manifest.passed:
        _end(life, "rejected", manifest.why)
    elif not loop.champion:
        _promote(life, "the first version that passed its validation")
    else:
        told(retrain, record.model, "shadow", f"compared with version {loop.champion} on the same rows", emit)
        _role(life, record.version, "shadow", "passed its validation")


def _version(record: VersionRecord, monitor: Monitor | None) -> Version:
    manifest, losses = record.manifest, record.manifest.validation.losses
    return Version(
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


def compare(turn: Turn) -> None:
    """Add a mature pane to the comparison of champion and shadow; promote or reject when it is decided."""
    loop, monitor = turn.loop, turn.monitor
    retrain = loop.retrain
    if retrain is None or retrain.monitor != monitor.name:
        return
    retrain.waited += 1
    sums = turn.lineage.panes[turn.pane_ms].groups.get((loop.champion, "", ""))
    n, total, _ = (0, 0.0, 0.0) if sums is None else sums.pairs.get(retrain.version, (0, 0.0, 0.0))
    if math.isfinite(total):
        retrain.paired = update(retrain.paired, total, n)
    life = _Life(loop, monitor.model, monitor, turn.now_ms, turn.emit)
    if retrain.version:
        _decide(life, retrain)
    elif retrain.waited >= MAX_PANES:  # so that others may be asked for
        told(retrain, monitor.model, "expired", f"no version came in {MAX_PANES} mature panes", turn.emit)
        loop.retrain = None


def _decide(life: _Life, retrain: Retrain) -> None:
    """Promote a challenger that is proven better; give up on one that is not after MAX_PANES."""
    evidence, paired = e_value(retrain.paired), retrain.paired
    over = f"{paired.pairs:,} pairs in {paired.panes} panes"
    change = f"{'lower' if paired.mean_difference >= 0 else 'higher'} by {abs(paired.mean_difference):.4f}"
    what = f"loss {change} over {over} (e {evidence:.3g})"
    if evidence >= DECISION:
        _promote(life, what)
    elif retrain.waited >= MAX_PANES:
        _end(life, "rejected", f"not proven better: {what}, {DECISION:.0f} needed")


def _promote(life: _Life, why: str) -> None:
    loop, retrain = life.loop, life.loop.retrain
    if retrain is None:
        return
    before, loop.champion = loop.champion, retrain.version
    told(retrain, life.model, "promoted", why, life.emit)
    if before:
        life.emit.rows.append(_role_row(life, before, "retired", f"version {retrain.version} took over"))
    loop.retrain = None
    _role(life, retrain.version, "champion", why)
    if life.monitor is not None:
        for incident in open_of(loop, life.monitor, "performance"):
            close(loop, life.monitor, incident, life.now_ms, f"version {loop.champion} serves: {why}", life.emit)


def _end(life: _Life, step: str, why: str) -> None:
    retrain = life.loop.retrain
    if retrain is None:
        return
    told(retrain, life.model, step, why, life.emit)
    life.loop.retrain = None
    _role(life, retrain.version, step, why)


def _role(life: _Life, version: str, role: str, why: str) -> None:
    """Publish who serves, and keep the change as a row."""
    loop, emit = life.loop, life.emit
    shadows = [loop.retrain.version] if loop.retrain is not None and loop.retrain.version else []
    emit.rows.append(_role_row(life, version, role, why))
    emit.json(
        "models",
        f"{life.model}/roles",
        {
            "record": "roles",
            "model": life.model,
            "champion": loop.champion,
            "shadows": shadows,
            "position": [emit.partition, emit.position],
            "why": why,
        },
    )


def _role_row(life: _Life, version: str, role: str, why: str) -> RoleRow:
    return RoleRow(
        model=life.model,
        model_version=version,
        role=role,
        since_ms=life.now_ms,
        actor="decide",
        reason=why,
        known_ms=life.emit.known_ms,
        position=life.emit.position,
    )
