"""The folds of a backtest: `Measure` over the ledger, `Decide` over what it says."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

import msgspec
from streamgauge.spec import MonitorSpec

from stream.backtest.ledger import TICK_MS, Step
from stream.backtest.reference import Fitted
from stream.folds.base import Output, Record
from stream.folds.decide import Decide
from stream.folds.measure import Measure
from stream.folds.monitor import Monitor, monitor_of
from stream.folds.partials import Forwarded, decode_message

LEDGER_ID = "backtest"
"""A part of the lineage: what is measured here is no live lineage's."""

# What `Measure` says at a tick, and how many rows of the file were read then.
Said = tuple[bytes, int]


def spec_record(spec: MonitorSpec, fitted: Fitted) -> bytes:
    """Return the record of topic ``specs`` that puts a spec in force with a reference."""
    return msgspec.json.encode(
        {
            "monitor": spec.monitor,
            "revision": 1,
            "who": "backtest",
            "spec": spec.to_values(),
            "reference": base64.b64encode(fitted.artifact).decode(),
            "reference_sha": fitted.sha,
        }
    )


def monitor(record: bytes) -> Monitor:
    """Return the monitor of a spec record."""
    return monitor_of(record, LEDGER_ID)


def measured(steps: Iterable[Step]) -> Iterator[Said]:
    """Yield what `Measure` says of a ledger."""
    fold = Measure(0, 1, TICK_MS, LEDGER_ID)
    state = fold.start()
    read = 0  # by the records that are folded: a tick comes before its own
    for record, rows in steps:
        for output in fold.step(state, [record]):
            yield output.value, read
        read = rows


def decided(messages: Iterable[Said], *, shows: bool = False) -> Iterator[tuple[list[Output], int]]:
    """Yield what `Decide` writes on each message, and how many rows were read then.

    Parameters
    ----------
    shows
        As in `Decide`: a backtest reads nothing of what is for people to look at.
    """
    fold = Decide(0, 1, LEDGER_ID, shows=shows)
    state = fold.start()
    for position, (value, rows) in enumerate(messages):
        yield fold.step(state, [Record(position, position, value)]), rows


def with_spec(messages: Iterable[Said], record: bytes) -> Iterator[Said]:
    """Yield messages in which another record puts the monitor in force; ValueError if it measures otherwise."""
    for value, rows in messages:
        message = decode_message(value)
        facts = tuple(_with(fact, record) if fact.topic == "specs" else fact for fact in message.facts)
        changed = facts != message.facts
        yield msgspec.msgpack.encode(msgspec.structs.replace(message, facts=facts)) if changed else value, rows


def _with(fact: Forwarded, record: bytes) -> Forwarded:
    before, after = monitor(fact.value).lineage, monitor(record).lineage
    if before != after:
        raise ValueError(f"sums of lineage {before} say nothing of lineage {after}")
    return msgspec.structs.replace(fact, value=record)
