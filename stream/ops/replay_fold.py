"""A replay as a function: ledger partitions in, rows of a shadow lineage out, by the folds that run live.

Measure folds each ledger partition; what it says is merged tick by tick, partitions in order, and Decide folds that. So
the same ranges give the same rows at the same positions. What is not the folds' own is here: which version served is
taken from the role records, since a replay promotes nobody; and nothing leaves but rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter

import msgspec
from streamgauge.partition import partition_of

from stream.folds.base import Output, Record
from stream.folds.decide import Decide
from stream.folds.decide.emit import Emit
from stream.folds.decide.incidents import close, open_of
from stream.folds.decide.state import DecideState, Loop
from stream.folds.measure import Measure
from stream.folds.monitor import Monitor, monitor_of
from stream.folds.partials import Forwarded, Message, decode_message
from stream.folds.rows import Result, decode_rows
from stream.ops.replay_ledger import Reading, Seen, with_spec

RUN_RECORDS, RUN_BYTES = 256, 4 << 20
"""Records of a ledger partition that are folded at once, at most."""

# Tick and ledger partition: messages are merged in this order.
_Order = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Course:
    """What a replay folds with.

    Attributes
    ----------
    replay
        Its id: hash of all that defines its result.
    spec
        The record of topic ``specs`` that is in force from the first record on, as bytes.
    ledger_id
        The broker's id of the ledger topic.
    begin_ms
        Panes from here on hold all their rows, event time; those before are left out. 0: all are whole.
    """

    replay: str
    spec: bytes
    ledger_id: str
    partials_partitions: int = 4
    tick_ms: int = 1_000
    begin_ms: int = 0

    @property
    def shadow_ledger(self) -> str:
        """Return the ledger id that makes the lineage another one than any live one."""
        return f"{self.ledger_id}/replay/{self.replay}"

    @property
    def monitor(self) -> Monitor:
        """Return the monitor as the shadow has it."""
        return monitor_of(self.spec, self.shadow_ledger)

    @property
    def measure(self) -> str:
        """Return what is measured: the lineage as if there were no ledger."""
        return monitor_of(self.spec).lineage


@dataclass(frozen=True, slots=True)
class Decided:
    """What one message brought about: its position among the merged ones, its log clock, rows of the shadow."""

    position: int
    known_ms: int
    rows: list[Result]


def replayed(
    course: Course,
    ledgers: Mapping[int, Iterable[Record]],
    seen: Seen,
    pace: Callable[[Seen], None] = lambda _seen: None,
) -> Iterator[Decided]:
    """Yield what the folds decide on ledger partitions, in an order that depends on nothing but them.

    Parameters
    ----------
    ledgers
        All ledger partitions, each a run of its records; they are read side by side, a few records at a time.
    seen
        Is filled with what was read so far.
    pace
        Called after each run of records; may wait, or tell somebody.
    """
    streams = [_measured(course, p, iter(records), seen, pace) for p, records in sorted(ledgers.items())]
    merged = heapq.merge(*streams, key=itemgetter(0))
    yield from _decided(course, len(streams), (value for _, value in merged))


def _measured(
    course: Course, partition: int, records: Iterator[Record], seen: Seen, pace: Callable[[Seen], None]
) -> Iterator[tuple[_Order, bytes]]:
    """Yield what Measure tells the model's partition of `partials`, with its place in the merged order."""
    monitor = course.monitor
    home = partition_of(monitor.model.encode(), course.partials_partitions)
    reading = Reading(partition, monitor.name, monitor.model, course.measure, seen)
    fold = Measure(partition, course.partials_partitions, course.tick_ms, course.shadow_ledger)
    state = fold.start()
    read = with_spec((reading.read(record) for record in records), course.spec, course.replay)
    for run in _runs(read):
        for output in fold.step(state, run):
            if output.partition == home:
                yield (decode_message(output.value).clock_ms // course.tick_ms, partition), output.value
        pace(seen)


def _runs(records: Iterable[Record]) -> Iterator[list[Record]]:
    run: list[Record] = []
    size = 0
    for record in records:
        run.append(record)
        size += len(record.value)
        if len(run) == RUN_RECORDS or size >= RUN_BYTES:
            yield run
            run, size = [], 0
    if run:
        yield run


def _decided(course: Course, partitions: int, messages: Iterable[bytes]) -> Iterator[Decided]:
    monitor = course.monitor
    home = partition_of(monitor.model.encode(), course.partials_partitions)
    fold = Decide(home, partitions, course.shadow_ledger)
    state = fold.start()
    known_ms = 0
    for position, value in enumerate(messages):
        message = decode_message(value)
        known_ms = max(known_ms, message.clock_ms)
        rows = _served(state, monitor, message, Emit(home, position, known_ms))
        begun = value if course.begin_ms == 0 else _begun(message, course.begin_ms)
        rows += _rows(fold.step(state, [Record(position, message.clock_ms, begun)]))
        yield Decided(position, known_ms, rows)


def _rows(outputs: Iterable[Output]) -> list[Result]:
    """Return the rows of what Decide writes; what is meant for people, trainers and servers stays here."""
    return [row for output in outputs if output.topic in ("panes", "verdicts") for row in decode_rows(output.value)]


def _begun(message: Message, begin_ms: int) -> bytes:
    """Return a message whose marks say that panes before `begin_ms` hold a part of their rows only."""
    marks = [msgspec.structs.replace(mark, start_ms=max(mark.start_ms, begin_ms)) for mark in message.marks]
    return msgspec.msgpack.encode(msgspec.structs.replace(message, marks=tuple(marks)))


class _Roles(msgspec.Struct):
    """A role record of topic `models`."""

    champion: str = ""
    why: str = ""


def _served(state: DecideState, monitor: Monitor, message: Message, emit: Emit) -> list[Result]:
    """Let the version serve that a role record of the live log names, and return what follows of it for incidents."""
    for fact in message.facts:
        if _is_role(fact):
            told = msgspec.json.decode(fact.value, type=_Roles)
            loop = state.loops.setdefault(monitor.model, Loop())
            if told.champion != loop.champion:
                loop.champion = told.champion
                for incident in open_of(loop, monitor, "performance"):
                    close(loop, monitor, incident, _end_ms(state, monitor), f"{told.champion} serves", emit)
    return emit.rows


def _is_role(fact: Forwarded) -> bool:
    return fact.topic == "models" and fact.key.endswith(b"/roles")


def _end_ms(state: DecideState, monitor: Monitor) -> int:
    lineage = state.lineages.get(monitor.lineage)
    newest = None if lineage is None else lineage.newest_final
    return 0 if newest is None else newest + monitor.pane_ms
