"""The fold over one partition of `partials`: merge, find panes final, judge, and run the model loop."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stream.folds.arrays import decode_state, encode_state
from stream.folds.base import OpenFile, Output, Record, Snapshot, no_file
from stream.folds.decide.accounts import (
    conservation_row,
    fate_row,
    gap_row,
    is_after_gap,
    is_cut_anew,
    is_taken,
    unread_row,
)
from stream.folds.decide.emit import Emit
from stream.folds.decide.facts import take_up
from stream.folds.decide.final_panes import decide_final
from stream.folds.decide.finality import arrive_all, arrive_once, stand
from stream.folds.decide.pipeline import hear, silent_partitions, watch
from stream.folds.decide.specs import Specs
from stream.folds.decide.state import SCHEMA, DecideState
from stream.folds.partials import Forwarded, Message, decode_message


class Decide:
    """Merge what the ledger partitions measured; decide on final panes; keep incidents, versions and roles.

    Parameters
    ----------
    partition
        The partition of `partials` that this folds: the models with murmur2(model) modulo their number.
    ledger_partitions
        How many ledger partitions must pass a pane before it is final.
    ledger_id
        The broker's id of the ledger topic, a part of every lineage.
    shows
        Whether rows are written that are for people to look at, and that nothing follows from: `rows.SHOWN`. All else
        is the same without them.

    Raises
    ------
    ValueError
        If `ledger_partitions` is below 1.
    """

    def __init__(self, partition: int, ledger_partitions: int = 4, ledger_id: str = "", *, shows: bool = True) -> None:
        if ledger_partitions < 1:
            raise ValueError(f"need ledger_partitions >= 1, got {ledger_partitions}")
        self.partition, self.ledger_partitions, self.ledger_id = partition, ledger_partitions, ledger_id
        self.shows = shows

    def start(self) -> DecideState:
        """Return a state that has seen nothing."""
        return DecideState()

    def step(self, state: DecideState, run: Sequence[Record]) -> list[Output]:
        """Fold records, in place, and return what they settle."""
        outputs: list[Output] = []
        for record in run:
            outputs += self._message(state, decode_message(record.value), record)
            state.position = record.position
        return outputs

    def encode(self, state: DecideState) -> Snapshot:
        """Return the state as bytes."""
        return Snapshot(encode_state(SCHEMA, state))

    def decode(self, data: bytes, open_file: OpenFile = no_file) -> DecideState:
        """Return the state that `encode` was given; ValueError on another schema."""
        return decode_state(SCHEMA, data, DecideState)

    def _message(self, state: DecideState, message: Message, record: Record) -> list[Output]:
        """Take a message in, once: a re-sent one lies at or below the last accepted, or is of an ended epoch."""
        if message.epoch < state.epoch:
            return []
        if message.epoch > state.epoch:
            _begin(state, message.epoch)
        before = state.seen.get(message.partition), state.parts.get(message.partition, 1)
        if is_taken(*before, message):
            return []
        is_again = message.parts > 1 or is_cut_anew(*before, message)  # it may be: another part of it came before
        known = Specs(state, self.ledger_id)
        emit = self._accept(state, message, record)
        for fact in message.facts:
            _take_up(known, message, fact, emit)
        put = arrive_once if is_again else arrive_all
        put(state.lineages, message.partition, message.sealed)
        emit.rows += [conservation_row(message, count, emit) for count in message.counts]
        emit.rows += [fate_row(message, fate, emit) for fate in message.fates]
        if message.part == message.parts - 1:
            for mark in message.marks:
                stand(state.lineages[mark.lineage], message.partition, mark, message.clock_ms)
            decide_final(known, self.ledger_partitions, emit)
        self._watch(known, emit)
        return emit.outputs()

    def _accept(self, state: DecideState, message: Message, record: Record) -> Emit:
        """Note that a message came, and whether any is missing before it; return what takes what it brings about."""
        partition, before = message.partition, state.seen.get(message.partition)
        is_gap = is_after_gap(before, state.parts.get(partition, 1), message)
        state.seen[partition], state.parts[partition] = (message.to, message.part), message.parts
        state.clocks[partition] = max(state.clocks.get(partition, 0), message.clock_ms)
        hear(state.hearing, partition, record.append_ms)
        emit = Emit(self.partition, record.position, max(state.clocks.values()), shows=self.shows)
        if is_gap:
            state.gaps[partition] = state.gaps.get(partition, 0) + 1
            emit.rows.append(gap_row(message, state.gaps[partition], emit))
        return emit

    def _watch(self, known: Specs, emit: Emit) -> None:
        """Tell of ledger partitions that fell silent, and that they are heard again."""
        state = known.state
        silent = silent_partitions(state.hearing, self.ledger_partitions)
        if not silent and not state.hearing.is_told:
            return
        state.hearing.is_told = bool(silent)
        for lineage in sorted(state.current.values()):
            monitor = known.monitor(state.lineages[lineage].spec)
            watch(state.loops[monitor.model], monitor, silent, emit)


def _begin(state: DecideState, epoch: int) -> None:
    """Begin an epoch: lineages end where they are, and so do positions; models, incidents and roles go on."""
    state.epoch = epoch
    state.lineages, state.current = {}, {}
    state.seen, state.parts, state.clocks = {}, {}, {}
    state.hearing.heard_ms = dict.fromkeys(state.hearing.heard_ms, state.hearing.active_ms)


def _take_up(known: Specs, message: Message, fact: Forwarded, emit: Emit) -> None:
    """Take a fact up; one that does not hold what its topic promises is told and changes nothing."""
    try:
        take_up(known, fact, emit)
    except (msgspec.MsgspecError, ValueError) as error:
        emit.rows.append(unread_row(message, fact.topic, error, emit))
