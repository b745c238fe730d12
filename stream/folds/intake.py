"""Intake: records of the public and control topics become the ledger's blocks and facts, or dead letters.

Rows are scanned in compiled code (`stream.folds.scan`); what that is unsure about, `streamgauge.wire.decode` reads.

It keeps no state, and what it writes depends on the records and on what the ledger already covers, nothing
else. Each block continues the range of the one before it in its ledger partition, so a reader sees at once what
is re-sent and what is lost (docs/architecture.md, rule 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np
from streamgauge.events import Code, Event, Kind, Refusal
from streamgauge.mend import excerpt
from streamgauge.partition import partition_of
from streamgauge.wire import decode, encode

from stream.folds.base import Output, Record, Records
from stream.folds.blocks import (
    LAST_LINE,
    LINE_BITS,
    Block,
    Covered,
    Fact,
    Source,
    Tick,
    encode_entry,
    end_of,
    place,
)
from stream.folds.deadletters import dead_letter
from stream.folds.frame_events import RowEvent, frame_of
from stream.folds.scan import WHOLE, Pool, cut_pool, scan_run

NOTHING: Final = -1  # what is covered of a source before its first event

_KINDS: Final[dict[str, Kind]] = {"predictions": "predictions", "labels": "labels"}
_TO_ALL: Final = frozenset({"specs", "commands"})
_TO_ONE: Final = frozenset({"models"})


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

    def __init__(self, ledger_partitions: int, max_block_bytes: int = 500_000, max_fact_bytes: int = 8_000_000) -> None:
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
        records = Records.of(run)
        letters = _Letters(source, records)
        chains = _Chains(dict(after))
        covered = end_of(records.next_position - 1)
        if source.topic in _KINDS:
            self._split_rows(source, records, chains, letters, covered)
        elif source.topic in _TO_ALL | _TO_ONE:
            self._split_facts(source, records, chains, letters)
        else:
            raise ValueError(f"intake does not read the topic {source.topic!r}")
        return IntakeResult(chains.outputs, chains.advanced, letters.outputs, covered)

    def _split_rows(self, source: Source, run: Records, chains: _Chains, letters: _Letters, covered: int) -> None:
        """Write each event to its prediction_id's partition; the last block there covers the whole run."""
        kind = _KINDS[source.topic]
        pool = scan_run(run, kind, self.ledger_partitions)
        events, positions = _read_left(kind, run, pool, letters)
        pool.add(frame_of(events, positions), self.ledger_partitions)
        starts = np.array([chains.start(partition) for partition in range(self.ledger_partitions)])
        pieces, large = cut_pool(pool, starts, self.max_block_bytes)
        for position in large:
            letters.refuse_at(position, _too_large(_event_at(kind, run, position), self.max_block_bytes))
        ends = {piece.partition: number for number, piece in enumerate(pieces)}
        for number, piece in enumerate(pieces):
            to = covered if ends[piece.partition] == number else piece.last
            chains.write(piece.partition, Block(source, chains.start(piece.partition), to, piece.frame))

    def _split_facts(self, source: Source, run: Sequence[Record], chains: _Chains, letters: _Letters) -> None:
        for record in run:
            refusal = _refused_fact(record.value, self.max_fact_bytes)
            if refusal is not None:
                letters.refuse_at(place(record.position), refusal)
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
    """The dead letters of a run."""

    source: Source
    run: Records
    outputs: list[Output] = field(default_factory=list)

    def refuse_at(self, position: int, refusal: Refusal) -> None:
        offset, line = position >> LINE_BITS, position & LAST_LINE
        append_ms = int(self.run.append_ms[_index(self.run, offset)])
        self.outputs.append(dead_letter(self.source, offset, line, append_ms, refusal))


def _read_left(kind: Kind, run: Records, pool: Pool, letters: _Letters) -> tuple[list[RowEvent], list[int]]:
    """Return the events that the scan left, with their positions; what is none becomes a dead letter."""
    events: list[RowEvent] = []
    positions: list[int] = []
    for index, line, begin, end in pool.lines_left():
        offset = int(run.positions[index])
        if begin == WHOLE:
            record = run[index]
            read = _decode(kind, record.value, record.headers)
        else:
            read = _decode(kind, pool.data[begin:end].tobytes())
        for number, found in enumerate(read, line):
            if isinstance(found, RowEvent):
                events.append(found)
                positions.append(place(offset, number))
            elif isinstance(found, Refusal):
                letters.refuse_at(place(offset, number), found)
    return events, positions


def _event_at(kind: Kind, run: Records, position: int) -> Event | Refusal:
    record = run[_index(run, position >> LINE_BITS)]
    return _decode(kind, record.value, record.headers)[position & LAST_LINE]


def _index(run: Records, offset: int) -> int:
    return int(np.searchsorted(run.positions, offset))


def _decode(kind: Kind, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> Sequence[Event | Refusal]:
    try:
        return decode(kind, value, headers)
    except Exception as error:  # noqa: BLE001 — the boundary: a record that breaks the decoder is a dead letter
        message = f"the decoder failed: {type(error).__name__}: {error}"[:1_000]
        return [_refusal(Code.DECODE_ERROR, message, "please report this record", value)]


def _too_large(event: Event | Refusal, limit: int) -> Refusal:
    if isinstance(event, Refusal):
        return event
    line = encode(event)
    refusal = _refusal(Code.TOO_LARGE, f"an event above {limit} bytes in the ledger", "send less in one event", line)
    return msgspec.structs.replace(refusal, model=event.model, source=event.source)


def _refused_fact(value: bytes, limit: int) -> Refusal | None:
    if len(value) > limit:
        message = f"a control record of {len(value)} bytes, above {limit}"
        return _refusal(Code.TOO_LARGE, message, "make it smaller, or raise STREAMGAUGE_KAFKA__CONTROL_BYTES", value)
    try:
        msgspec.json.decode(value, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        message = f"a control record is a JSON object: {error}"[:1_000]
        return _refusal(Code.NOT_JSON, message, "write it with the command line", value)
    return None


def _refusal(code: Code, message: str, hint: str, value: bytes) -> Refusal:
    return Refusal(code=code, field="", message=message, hint=hint, excerpt=excerpt(value), size=len(value))
