"""Facts of the control topics that `decide` takes up: specs, commands of people and of the trainer, versions."""

from __future__ import annotations

import msgspec

from stream.folds.decide.emit import Emit
from stream.folds.decide.loop import Command, VersionRecord, fold_step, fold_version
from stream.folds.decide.resolve import resolve
from stream.folds.decide.retrains import Ask, ask_retrain
from stream.folds.decide.specs import Specs
from stream.folds.decide.state import LineageState, Loop
from stream.folds.monitor import Monitor
from stream.folds.partials import Forwarded
from stream.folds.rows import LineageRow

MAX_COMMANDS = 10_000
"""Ids of commands that are remembered, so that the same one from every ledger partition counts once."""


def take_up(known: Specs, fact: Forwarded, emit: Emit) -> None:
    """Take a fact up.

    Raises
    ------
    ValueError, msgspec.MsgspecError
        If it does not hold what its topic promises.
    """
    if fact.topic == "specs":
        _spec(known, fact.value, emit)
    elif fact.topic == "commands":
        _command(known, msgspec.json.decode(fact.value, type=Command), emit)
    elif b"/version/" in fact.key:
        _version(known, msgspec.json.decode(fact.value, type=VersionRecord), emit)


def _spec(known: Specs, spec: bytes, emit: Emit) -> None:
    """Put a revision in force; every ledger partition forwards it, the first one counts."""
    state, monitor = known.state, known.monitor(spec)
    before = known.named(monitor.name)
    if before is not None and before[1].revision >= monitor.revision:
        return
    state.current[monitor.name] = monitor.lineage
    if monitor.lineage in state.lineages:
        state.lineages[monitor.lineage].spec = spec
    else:
        state.lineages[monitor.lineage] = LineageState(spec)
    state.loops.setdefault(monitor.model, Loop())
    emit.rows.append(_lineage_row(monitor, known.now_ms(monitor), emit))


def _command(known: Specs, command: Command, emit: Emit) -> None:
    if not _is_new(known.state.commands, command.id):
        return
    loop = known.state.loops.setdefault(command.model, Loop())
    if command.command == "step":
        fold_step(loop, command, emit)
    elif command.command == "resolve":
        resolve(known, loop, command, emit)
    elif command.command == "retrain":
        _retrain(known, loop, command, emit)


def _is_new(seen: dict[str, bool], command_id: str) -> bool:
    """Remember a command, and return whether it comes for the first time."""
    if command_id in seen:
        return False
    seen[command_id] = True
    while len(seen) > MAX_COMMANDS:
        del seen[next(iter(seen))]
    return True


def _retrain(known: Specs, loop: Loop, command: Command, emit: Emit) -> None:
    monitor = known.of_model(command.model)
    if monitor is None:
        return
    to_ms, from_ms = command.args.get("to_ms"), command.args.get("from_ms")
    ask = Ask(
        trigger="manual",
        cause=command.id,
        reason=str(command.args.get("reason", f"asked for by {command.who}")),
        evidence={"command": command.id, "who": command.who},
        to_ms=to_ms if isinstance(to_ms, int) else known.now_ms(monitor),
        from_ms=from_ms if isinstance(from_ms, int) else None,
    )
    ask_retrain(loop, monitor, ask, known.state.cut, emit)


def _version(known: Specs, record: VersionRecord, emit: Emit) -> None:
    loop, monitor = known.state.loops.setdefault(record.model, Loop()), known.of_model(record.model)
    fold_version(loop, monitor, record, known.now_ms(monitor), emit)


def _lineage_row(monitor: Monitor, now_ms: int, emit: Emit) -> LineageRow:
    return LineageRow(
        lineage=monitor.lineage,
        monitor=monitor.name,
        model=monitor.model,
        revision=monitor.revision,
        reference=monitor.reference_sha,
        spec=monitor.spec,
        start_ms=now_ms,
        known_ms=emit.known_ms,
        position=emit.position,
    )
