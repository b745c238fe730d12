"""Intake: records of the public and control topics become the ledger's blocks and facts, or dead letters.

It keeps no state, and what it writes depends on the records and on what the ledger already covers, nothing
else. Each block continues the range of the one before it in its ledger partition, so a reader sees at once what
is re-sent and what is lost (docs/architecture.md, rule 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from streamgauge.events import Code, Event, Kind, Refusal
from streamgauge.mend import excerpt
from streamgauge.partition import partition_of
from streamgauge.wire import decode, encode

from stream.folds.base import Output, Record
from stream.folds.blocks import (
    LAST_LINE,
    LINE_BITS,
    Block,
    Covered,
    Fact,
    Rows,
    Source,
    Tick,
    encode_entry,
    end_of,
    place,
)
from stream.folds.columns import RowEvent, group, rows_of
from stream.folds.deadletters import dead_letter
from stream.folds.keys import partitions_of

NOTHING: Final = -1  # what is covered of a source before its first event

_KINDS: Final[dict[str, Kind]] = {"predictions": "predictions", "labels": "labels"}
_TO_ALL: Final = frozenset({"specs", "commands"})
_TO_ONE: Final = frozenset({"models"})
_MAX_ROWS: Final = 2_048  # of a block: about what 20 features leave room for in 500 kB
_CELL: Final = 8  # bytes that a feature's value costs in a column of numbers


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """What became of a run.

    Attributes
    ----------
    outputs
        Ledger records, in order for each partition.
    after
        How far each ledger partition that got records is covered now, by partition.
    dead_letters
        One for each line that is no event, each event that is too large, each fact that is no JSON object.
    covered
        The position that the run ends at: a tick may name it once all outputs are acknowledged.
    """

    outputs: list[Output]
    after: dict[int, int]
    dead_letters: list[Output]
    covered: int


class Intake:
    """Splits runs of one source partition over the ledger's partitions.

    Parameters
    ----------
    ledger_partitions
        How many there are: fixed for a lineage.
    max_block_bytes
        Size of a ledger record of rows, below half of what the broker takes.
    max_fact_bytes
        Size of a fact: it cannot be cut.
    """

    def __init__(self, ledger_partitions: int, max_block_bytes: int = 500_000, max_fact_bytes: int = 1_000_000) -> None:
        if ledger_partitions < 1:
            raise ValueError(f"a ledger has one partition or more, got {ledger_partitions}")
        self.ledger_partitions = ledger_partitions
        self.max_block_bytes = max_block_bytes
        self.max_fact_bytes = max_fact_bytes

    def split(self, source: Source, run: Sequence[Record], after: Mapping[int, int]) -> IntakeResult:
        """Return the ledger records of a run.

        Parameters
        ----------
        source
            Where the run was read; its topic (the logical name) says what the records are.
        run
            One or more records, positions strictly rising.
        after
            The position in the source up to which each ledger partition is covered; none: nothing yet.
            What is at or below it is not written again to that partition.

        Raises
        ------
        ValueError
            If intake does not read that topic, or the run is empty.
        """
        if not run:
            raise ValueError("a run has one record or more")
        letters = _Letters(source, {record.position: record.append_ms for record in run})
        chains = _Chains(dict(after))
        covered = end_of(run[-1].position)
        if source.topic in _KINDS:
            self._split_rows(source, _read(source, run, letters), chains, letters, covered)
        elif source.topic in _TO_ALL | _TO_ONE:
            self._split_facts(source, run, chains, letters)
        else:
            raise ValueError(f"intake does not read the topic {source.topic!r}")
        return IntakeResult(chains.outputs, chains.advanced, letters.outputs, covered)

    def _split_rows(self, source: Source, read: _Events, chains: _Chains, letters: _Letters, covered: int) -> None:
        """Write each event to its prediction_id's partition; the last block there covers the whole run."""
        for partition, mine in enumerate(self._by_partition(read, chains)):
            parts = [found for piece in mine.pieces() for found in self._parts(piece, letters)]
            for number, (rows, last) in enumerate(parts):
                to = covered if number == len(parts) - 1 else last
                chains.write(partition, Block(source, chains.start(partition), to, rows))

    def _by_partition(self, read: _Events, chains: _Chains) -> list[_Events]:
        ids = [event.prediction_id.encode() for event in read.events]
        mine = [_Events() for _ in range(self.ledger_partitions)]
        starts = [chains.start(partition) for partition in range(self.ledger_partitions)]
        owners = partitions_of(ids, self.ledger_partitions).tolist()
        for partition, event, position in zip(owners, read.events, read.positions, strict=True):
            if position > starts[partition]:
                mine[partition].add(event, position)
        return mine

    def _parts(self, rows: _Events, letters: _Letters) -> Iterator[tuple[tuple[Rows, ...], int]]:
        """Yield what fits a block, with the position of its last row; a larger row is a dead letter."""
        groups = group(rows.events, rows.positions)
        if sum(each.cells for each in groups) * _CELL <= self.max_block_bytes:
            parts = tuple([rows_of(each) for each in groups])
            if len(msgspec.msgpack.encode(parts)) <= self.max_block_bytes:
                yield parts, rows.positions[-1]
                return
        if len(rows.events) == 1:
            letters.refuse_at(rows.positions[0], _too_large(rows.events[0], self.max_block_bytes))
            return
        for half in rows.halves():
            yield from self._parts(half, letters)

    def _split_facts(self, source: Source, run: Sequence[Record], chains: _Chains, letters: _Letters) -> None:
        for record in run:
            refusal = _refused_fact(record.value, self.max_fact_bytes)
            if refusal is not None:
                letters.refuse(record.position, 0, refusal)
                continue
            to = end_of(record.position)
            for partition in self._readers(source, record.key):
                start = chains.start(partition)
                if to > start:
                    chains.write(partition, Fact(source, start, to, record.key, record.value))

    def _readers(self, source: Source, key: bytes) -> Sequence[int]:
        """Return the ledger partitions that a control record concerns: all, or the one of its model."""
        if source.topic in _TO_ALL:
            return range(self.ledger_partitions)
        return (partition_of(key.partition(b"/")[0], self.ledger_partitions),)


def tick(worker: str, covered: Sequence[Covered], partitions: int) -> list[Output]:
    """Return a worker's tick for each ledger partition: what it owns, and how far that is in the ledger.

    >>> [out.partition for out in tick("w1", [], 2)]
    [0, 1]
    """
    value = encode_entry(Tick(worker, tuple(covered)))
    return [Output("ledger", value, partition=partition) for partition in range(partitions)]


@dataclass(slots=True)
class _Chains:
    """The ranges written to each ledger partition: each begins where the one before it ended."""

    after: dict[int, int]
    advanced: dict[int, int] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)

    def start(self, partition: int) -> int:
        return self.after.get(partition, NOTHING)

    def write(self, partition: int, entry: Block | Fact) -> None:
        self.outputs.append(Output("ledger", encode_entry(entry), partition=partition))
        self.after[partition] = self.advanced[partition] = entry.to


@dataclass(slots=True)
class _Letters:
    """The dead letters of a run; `append_ms` by offset."""

    source: Source
    append_ms: Mapping[int, int]
    outputs: list[Output] = field(default_factory=list)

    def refuse(self, offset: int, line: int, refusal: Refusal) -> None:
        self.outputs.append(dead_letter(self.source, offset, line, self.append_ms[offset], refusal))

    def refuse_at(self, position: int, refusal: Refusal) -> None:
        self.refuse(position >> LINE_BITS, position & LAST_LINE, refusal)


@dataclass(slots=True)
class _Events:
    """Events with their positions in the source, in its order."""

    events: list[RowEvent] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)

    def add(self, event: RowEvent, position: int) -> None:
        self.events.append(event)
        self.positions.append(position)

    def part(self, start: int, stop: int) -> _Events:
        return _Events(self.events[start:stop], self.positions[start:stop])

    def pieces(self) -> Iterator[_Events]:
        for start in range(0, len(self.events), _MAX_ROWS):
            yield self.part(start, start + _MAX_ROWS)

    def halves(self) -> tuple[_Events, _Events]:
        half = len(self.events) // 2
        return self.part(0, half), self.part(half, len(self.events))


def _read(source: Source, run: Sequence[Record], letters: _Letters) -> _Events:
    """Return the events of a run of rows; what is none becomes a dead letter."""
    read = _Events()
    for record in run:
        for line, found in enumerate(_decode(source, record)):
            if isinstance(found, RowEvent):
                read.add(found, place(record.position, line))
            elif isinstance(found, Refusal):
                letters.refuse(record.position, line, found)
    return read


def _decode(source: Source, record: Record) -> Sequence[Event | Refusal]:
    try:
        return decode(_KINDS[source.topic], record.value, record.headers)
    except Exception as error:  # noqa: BLE001 — the boundary: a record that breaks the decoder is a dead letter
        message = f"the decoder failed: {type(error).__name__}: {error}"[:1_000]
        return [_refusal(Code.DECODE_ERROR, message, "please report this record", record.value)]


def _too_large(event: RowEvent, limit: int) -> Refusal:
    line = encode(event)
    refusal = _refusal(Code.TOO_LARGE, f"an event above {limit} bytes in the ledger", "send less in one event", line)
    return msgspec.structs.replace(refusal, model=event.model, source=event.source)


def _refused_fact(value: bytes, limit: int) -> Refusal | None:
    if len(value) > limit:
        message = f"a control record of {len(value)} bytes, above {limit}"
        return _refusal(Code.TOO_LARGE, message, "make it smaller", value)
    try:
        msgspec.json.decode(value, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        message = f"a control record is a JSON object: {error}"[:1_000]
        return _refusal(Code.NOT_JSON, message, "write it with the command line", value)
    return None


def _refusal(code: Code, message: str, hint: str, value: bytes) -> Refusal:
    return Refusal(code=code, field="", message=message, hint=hint, excerpt=excerpt(value), size=len(value))
