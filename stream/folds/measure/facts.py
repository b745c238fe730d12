"""Facts of the control topics: specs in force, commands, versions; what cannot be read is told and left out."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from pydantic import ValidationError
from streamgauge.spec import MonitorSpec
from streamgauge.spec_errors import problems_of

from stream.folds.blocks import LAST_LINE, Fact
from stream.folds.decide.loop import Command, VersionRecord
from stream.folds.measure.fates import tell
from stream.folds.measure.state import NEVER, LineageState, MeasureState
from stream.folds.monitor import Monitor, monitor_of

MAX_REASON = 500


class Role(msgspec.Struct, frozen=True):
    """What must be known of another record of topic `models`."""

    model: str


def fold_fact(state: MeasureState, fact: Fact, ledger_id: str, home: Callable[[str], int]) -> None:
    """Take a control record in and forward it; one that cannot be read becomes a fate and changes nothing."""
    try:
        read = _read(fact, ledger_id)
    except (msgspec.MsgspecError, ValueError) as error:
        topic, place = fact.source.topic, fact.to - LAST_LINE
        reason = f"fold-error: {_words(error)}"[:MAX_REASON]
        tell(state, (topic, fact.source.partition, place, _key_model(fact), "", topic, "invalid", reason))
        return
    if isinstance(read, Monitor):
        _put_in_force(state, read, fact.value, ledger_id)
    elif isinstance(read, Command) and read.command == "close" and read.model in state.models:
        state.models[read.model].closed = True
    state.facts.append((home(read.model), fact.source.topic, fact.key, fact.value))


def _read(fact: Fact, ledger_id: str) -> Monitor | Command | VersionRecord | Role:
    """Return a record as `decide` will read it: what passes here does not fail there."""
    if fact.source.topic == "specs":
        return monitor_of(fact.value, ledger_id)
    if fact.source.topic == "commands":
        return msgspec.json.decode(fact.value, type=Command)
    kind: type[VersionRecord | Role] = VersionRecord if b"/version/" in fact.key else Role
    read = msgspec.json.decode(fact.value, type=kind)
    named = fact.key.decode().split("/")[0]
    if named != read.model:
        raise ValueError(f"the key names model {named!r}, the record {read.model!r}")
    return read


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(map(str, problems_of(error, MonitorSpec)))
    return str(error)


def _key_model(fact: Fact) -> str:
    """Return the model that the key names: that of a spec names its monitor instead."""
    return "" if fact.source.topic == "specs" else fact.key.decode(errors="replace").split("/")[0]


def _put_in_force(state: MeasureState, monitor: Monitor, value: bytes, ledger_id: str) -> None:
    """Put a revision of a monitor in force; if it measures otherwise, its lineage ends and another begins."""
    old = state.specs.get(monitor.name)
    if old is not None:
        before = monitor_of(old, ledger_id)
        if before.revision >= monitor.revision:
            return
        if before.lineage != monitor.lineage:
            state.lineages[before.lineage].retired = True
    state.specs[monitor.name] = value
    model = state.models.get(monitor.model)
    start_ms = 0 if model is None or model.newest_ms == NEVER else model.newest_ms
    here = state.lineages.setdefault(monitor.lineage, LineageState(monitor.name, monitor.model, start_ms))
    if here.retired:  # it comes back: what came meanwhile was measured by another
        here.retired, here.start_ms = False, start_ms
