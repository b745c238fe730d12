"""Facts of the control topics: specs in force, commands, versions; what cannot be read is told and left out."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from pydantic import ValidationError
from streamgauge.spec import MonitorSpec
from streamgauge.spec_errors import problems_of

from stream.folds.blocks import LAST_LINE, Fact
from stream.folds.decide.loop import Command, VersionRecord
from stream.folds.measure.key_kernels import NEVER
from stream.folds.measure.shape import Shape
from stream.folds.measure.state import LineageState, MeasureState, begin
from stream.folds.measure.watch import Watch, watch_of
from stream.folds.monitor import Monitor, monitor_of

MAX_REASON = 500
MOST = 1 << 63


class Role(msgspec.Struct, frozen=True):
    """What must be known of another record of topic `models`."""

    model: str


def fold_fact(state: MeasureState, fact: Fact, ledger_id: str, home: Callable[[str], int]) -> None:
    """Take a control record in and forward it; one that cannot be read becomes a fate and changes nothing."""
    try:
        read = _read(fact, ledger_id)
        watch = watch_of(read) if isinstance(read, Monitor) else None
    except (msgspec.MsgspecError, ValueError) as error:
        topic, place = fact.source.topic, fact.to - LAST_LINE
        reason = f"fold-error: {_words(error)}"[:MAX_REASON]
        state.fates.append((topic, fact.source.partition, place, _key_model(fact), "", topic, "invalid", reason))
        return
    if watch is not None:
        _put_in_force(state, watch)
    elif isinstance(read, Command) and read.command == "begin":
        begin(state, epoch_of(read))
        return
    elif isinstance(read, Command) and read.command == "close" and read.model in state.models.names:
        model = state.models.names[read.model]
        state.models.closed[model], state.models.row_tick[model] = True, state.ticks
    state.facts.append((home(read.model), fact.source.topic, fact.key, fact.value))


def _read(fact: Fact, ledger_id: str) -> Monitor | Command | VersionRecord | Role:
    """Return a record as `decide` will read it: what passes here does not fail there."""
    if fact.source.topic == "specs":
        return monitor_of.__wrapped__(fact.value, ledger_id)  # a part of it is kept: see ``watch``
    if fact.source.topic == "commands":
        return _command(fact.value)
    kind: type[VersionRecord | Role] = VersionRecord if b"/version/" in fact.key else Role
    read = msgspec.json.decode(fact.value, type=kind)
    if isinstance(read, VersionRecord) and abs(read.manifest.validation.losses.get("n", 0.0)) >= MOST:
        raise ValueError("the number of losses is none that a state can hold")
    named = fact.key.decode().split("/")[0]
    if named != read.model:
        raise ValueError(f"the key names model {named!r}, the record {read.model!r}")
    return read


def _command(value: bytes) -> Command:
    command = msgspec.json.decode(value, type=Command)
    if command.command == "begin":
        epoch_of(command)
    try:
        msgspec.msgpack.encode(command)  # as states and messages will
    except OverflowError as error:
        raise ValueError(f"a number of more than 64 bits: {error}") from error
    return command


def epoch_of(command: Command) -> int:
    """Return the number of the epoch that a command ``begin`` begins; ValueError if it names none."""
    epoch = command.args.get("epoch")
    if not isinstance(epoch, int):
        raise ValueError(f"begin needs an epoch, a whole number, got {epoch!r}")  # noqa: TRY004  a value of JSON
    return epoch


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(map(str, problems_of(error, MonitorSpec)))
    return str(error)


def _key_model(fact: Fact) -> str:
    """Return the model that the key names: that of a spec names its monitor instead."""
    return "" if fact.source.topic == "specs" else fact.key.decode(errors="replace").split("/")[0]


def _put_in_force(state: MeasureState, watch: Watch) -> None:
    """Put a revision of a monitor in force; if it measures otherwise, its lineage ends and another begins."""
    before = state.specs.get(watch.name)
    if before is not None:
        if before.revision >= watch.revision:
            return
        if before.lineage != watch.lineage:
            state.lineages[before.lineage].retired = True
    state.specs[watch.name] = watch
    model = state.models.number(watch.model)
    newest_ms = int(state.models.newest_ms[model])
    start_ms = 0 if newest_ms == NEVER else newest_ms
    shape = Shape(watch.size, watch.numbers, watch.task, watch.segments, watch.products)
    here = state.lineages.setdefault(watch.lineage, LineageState(watch.name, watch.model, start_ms, shape=shape))
    if here.retired:  # it comes back: what came meanwhile was measured by another
        here.retired, here.start_ms = False, start_ms
    state.desk.stale()
