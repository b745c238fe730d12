"""The fold over one ledger partition: rows into sums, sealed at ticks."""

from __future__ import annotations

from collections.abc import Sequence

from streamgauge.partition import partition_of

from stream.folds.base import OpenFile, Output, Record, Snapshot, no_file
from stream.folds.blocks import LAST_LINE, LINE_BITS, Block, Entry, Fact, Source, Tick, decode_entry
from stream.folds.measure.count_kernels import RECEIVED
from stream.folds.measure.facts import fold_fact
from stream.folds.measure.labels import fold_labels
from stream.folds.measure.marks import advance, messages, ready
from stream.folds.measure.poison import Spoilt, readings, tell
from stream.folds.measure.predictions import fold_predictions
from stream.folds.measure.state import MeasureState, SourceId, SourceState, decode_measure, encode_measure
from stream.folds.measure.watermark import cover
from stream.folds.monitor import scope_of
from stream.folds.partials import encode_messages


class Measure:
    """Deduplicate, join labels and sum panes; at each tick tell `decide` what is sealed and how far this partition is.

    A tick is the first record in a new span of `tick_ms` of the log clock (the highest append time so far). Nothing is
    written between ticks, so that what is written is a function of the log alone.

    Parameters
    ----------
    partition
        The ledger partition that this folds.
    partials_partitions
        Number of partitions of topic `partials`; a model's are at murmur2(model) modulo this.
    tick_ms
        Length of a tick in milliseconds, above 0. The same for a lineage's whole life.
    ledger_id
        The broker's id of the ledger topic, a part of every lineage.

    Raises
    ------
    ValueError
        If `tick_ms` or `partials_partitions` is below 1.
    """

    def __init__(self, partition: int, partials_partitions: int = 4, tick_ms: int = 1000, ledger_id: str = "") -> None:
        if tick_ms < 1 or partials_partitions < 1:
            raise ValueError(f"need tick_ms >= 1 and partials_partitions >= 1, got {tick_ms}, {partials_partitions}")
        self.partition, self.partials_partitions = partition, partials_partitions
        self.tick_ms, self.ledger_id = tick_ms, ledger_id

    def start(self) -> MeasureState:
        """Return a state that has seen nothing."""
        return MeasureState()

    def step(self, state: MeasureState, run: Sequence[Record]) -> list[Output]:
        """Fold records, in place, and return one message for each tick and partition of `partials`."""
        outputs: list[Output] = []
        for record in run:
            outputs += self._tick(state, record.append_ms)
            self._fold(state, decode_entry(record.value), record.position)
            state.position = record.position
        return outputs

    def encode(self, state: MeasureState) -> Snapshot:
        """Return the state as bytes, and the segments of pending predictions as files."""
        return encode_measure(state)

    def decode(self, data: bytes, open_file: OpenFile = no_file) -> MeasureState:
        """Return the state that `encode` was given; ValueError on another schema."""
        return decode_measure(data, open_file)

    def _tick(self, state: MeasureState, append_ms: int) -> list[Output]:
        state.clock_ms = max(state.clock_ms, append_ms)
        second, before = state.clock_ms // self.tick_ms, state.second
        state.second = max(second, before)
        if before < 0 or second <= before:
            return []
        state.ticks += 1
        advance(state, self.tick_ms)
        made = messages(state, self.partition, self._home, self.partials_partitions, self.tick_ms)
        return [Output("partials", value, partition=q) for q, message in made for value in encode_messages(message)]

    def _home(self, model: str) -> int:
        return partition_of(model.encode(), self.partials_partitions)

    def _fold(self, state: MeasureState, entry: Entry, position: int) -> None:
        if isinstance(entry, Tick):
            _cover(state, entry, self.tick_ms)
        elif _is_new(state, entry):
            if isinstance(entry, Fact):
                fold_fact(state, entry, scope_of(self.ledger_id, state.epoch), self._home)
            else:
                _rows(state, entry, position)
            source = _source(state, entry.source, entry.start)
            source.high = max(source.high, entry.to)


def _is_new(state: MeasureState, entry: Block | Fact) -> bool:
    """Say whether the entry covers more than was read; a gap before it is counted as lost."""
    source = _source(state, entry.source, entry.start)
    _count_gap(state, entry.source, source, entry.start)
    return entry.to > source.high


def _cover(state: MeasureState, tick: Tick, tick_ms: int) -> None:
    for covered in tick.covered:
        source = _source(state, covered.source, covered.start)
        _count_gap(state, covered.source, source, covered.start)
        cover(state, source, covered, tick.worker, tick_ms)


def _rows(state: MeasureState, block: Block, position: int) -> None:
    desk, source = ready(state), _source(state, block.source, block.start)
    fold = fold_predictions if block.source.topic == "predictions" else fold_labels
    found = readings(block, source.high, desk.catalog, desk.numbers)
    for each in found:
        if isinstance(each, Spoilt):
            tell(state, each)
        else:
            fold(state, each, _id_of(block.source), position)
    if found:
        state.pending.seal()


def _count_gap(state: MeasureState, of: Source, source: SourceState, start: int) -> None:
    """Count the records between what was read of a source and where an entry starts: nobody will read them.

    Every ledger partition counts the same gap: it is one, under the source's name.
    """
    if start > source.high:
        row = state.counts.row("", "gap", f"{of.topic}/{of.partition}")
        state.counts.add(row, RECEIVED, (start - source.high + LAST_LINE) >> LINE_BITS)
        source.high = start


def _id_of(source: Source) -> SourceId:
    return (source.topic, source.topic_id, source.partition)


def _source(state: MeasureState, source: Source, start: int) -> SourceState:
    """Return what is known of a source; a new one begins where its first entry does, and replaces other ids' ones."""
    source_id = _id_of(source)
    if source_id not in state.sources:
        for (topic, topic_id, _), other in state.sources.items():
            other.gone = other.gone or (topic == source.topic and topic_id != source.topic_id)
        state.sources[source_id] = SourceState(start, start, False, 0)
    return state.sources[source_id]
