"""The fold over one partition of `partials`: merge, find panes final, judge, and run the model loop."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop

import msgspec

from stream.folds.arrays import decode_state, encode_state
from stream.folds.base import OpenFile, Output, Record, Snapshot, no_file
from stream.folds.decide.accounts import conservation_row, fate_row, gap_row, is_after_gap, unread_row
from stream.folds.decide.disparities import disparity_rows
from stream.folds.decide.drift import judge_pane
from stream.folds.decide.emit import Emit
from stream.folds.decide.estimate_incidents import judge_estimate
from stream.folds.decide.estimates import estimate_pane, settle_pane
from stream.folds.decide.facts import take_up
from stream.folds.decide.finality import arrive, judged_from_ms, labels_behind, next_final, settled, stand
from stream.folds.decide.gauges import OnTime, on_time
from stream.folds.decide.health import check_final, check_mature
from stream.folds.decide.in_force import InForce
from stream.folds.decide.judge import judge_mature, judged_version
from stream.folds.decide.listening import listen_final, listen_mature
from stream.folds.decide.loop import compare
from stream.folds.decide.lost import react
from stream.folds.decide.merge import merge
from stream.folds.decide.outliers import judge_outliers
from stream.folds.decide.panes import pane_rows
from stream.folds.decide.performance import add_arrived, forgotten_ms, label_age_ms, performance_rows
from stream.folds.decide.pipeline import hear, silent_partitions, watch
from stream.folds.decide.state import SCHEMA, DecideState, LineageState, Loop, PredictionPane
from stream.folds.decide.statistics import Final, statistics_rows
from stream.folds.monitor import Monitor
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

    Raises
    ------
    ValueError
        If `ledger_partitions` is below 1.
    """

    def __init__(self, partition: int, ledger_partitions: int = 4, ledger_id: str = "") -> None:
        if ledger_partitions < 1:
            raise ValueError(f"need ledger_partitions >= 1, got {ledger_partitions}")
        self.partition, self.ledger_partitions, self.ledger_id = partition, ledger_partitions, ledger_id

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
        before = state.seen.get(message.partition)
        if before is not None and (message.to, message.part) <= before:
            return []
        known = InForce(state, self.ledger_id)
        emit = self._accept(state, message, record)
        for fact in message.facts:
            _take_up(known, message, fact, emit)
        for partial in message.sealed:
            arrive(state.lineages[partial.lineage], message.partition, partial)
        emit.rows += [conservation_row(message, count, emit) for count in message.counts]
        emit.rows += [fate_row(message, fate, emit) for fate in message.fates]
        if message.part == message.parts - 1:
            self._marks(known, message, emit)
        self._watch(known, emit)
        return emit.outputs()

    def _accept(self, state: DecideState, message: Message, record: Record) -> Emit:
        """Note that a message came, and whether any is missing before it; return what takes what it brings about."""
        partition, before = message.partition, state.seen.get(message.partition)
        is_gap = is_after_gap(before, state.parts.get(partition, 1), message)
        state.seen[partition], state.parts[partition] = (message.to, message.part), message.parts
        state.clocks[partition] = max(state.clocks.get(partition, 0), message.clock_ms)
        hear(state.hearing, partition, record.append_ms)
        emit = Emit(self.partition, record.position, max(state.clocks.values()))
        if is_gap:
            state.gaps[partition] = state.gaps.get(partition, 0) + 1
            emit.rows.append(gap_row(message, state.gaps[partition], emit))
        return emit

    def _watch(self, known: InForce, emit: Emit) -> None:
        """Tell of ledger partitions that fell silent, and that they are heard again."""
        state = known.state
        silent = silent_partitions(state.hearing, self.ledger_partitions)
        if not silent and not state.hearing.is_told:
            return
        state.hearing.is_told = bool(silent)
        for lineage in sorted(state.current.values()):
            monitor = known.monitor(state.lineages[lineage].spec)
            watch(state.loops[monitor.model], monitor, silent, emit)

    def _marks(self, known: InForce, message: Message, emit: Emit) -> None:
        state = known.state
        for mark in message.marks:
            stand(state.lineages[mark.lineage], message.partition, mark, message.clock_ms)
        for name, lineage in state.lineages.items():
            monitor = known.monitor(lineage.spec)
            final: list[Final] = []
            while (pane := next_final(lineage, monitor, self.ledger_partitions)) is not None:
                final.append(Final(pane, self._finalise(state, lineage, monitor, pane, emit)))
            statistics = statistics_rows(monitor, final, emit)
            emit.rows.extend(statistics)
            judged = [pane for pane in final if pane.pane_ms >= judged_from_ms(lineage)]
            emit.rows.extend(listen_final(lineage, monitor, judged, statistics, emit))
            if state.current[monitor.name] != name:
                lineage.panes, lineage.kept, lineage.unjudged, lineage.history = {}, [], [], {}

    def _finalise(
        self, state: DecideState, lineage: LineageState, monitor: Monitor, pane_ms: int, emit: Emit
    ) -> OnTime:
        """Settle one pane: what arrived with it, drift, and the labels that it made mature; return its sums."""
        loop, passed_ms = state.loops.setdefault(monitor.model, Loop()), pane_ms + monitor.pane_ms
        merged = merge([*lineage.waiting.pop(pane_ms, []), *lineage.late])
        lineage.late = []
        settled(lineage, monitor, pane_ms)
        emit.rows.extend(pane_rows(monitor, pane_ms, merged, emit))
        found = on_time(monitor, pane_ms, merged)
        if pane_ms >= judged_from_ms(lineage):
            check_final(lineage, loop, monitor, pane_ms, found, emit)
            judge_pane(lineage, loop, monitor, pane_ms, merged, found, emit)
            judge_outliers(lineage, loop, monitor, pane_ms, found, emit)
        touched = add_arrived(lineage, monitor, merged, passed_ms)
        emit.rows.extend(performance_rows(monitor, loop, lineage, touched, pane_ms, emit))
        emit.rows.extend(disparity_rows(monitor, lineage, touched, pane_ms, emit))
        if (window := estimate_pane(lineage, monitor, pane_ms, found, emit)) is not None:
            judge_estimate(lineage, loop, monitor, window, passed_ms, state.cut, emit)
        self._mature(state, loop, lineage, monitor, passed_ms, emit)
        return found

    def _mature(
        self,
        state: DecideState,
        loop: Loop,
        lineage: LineageState,
        monitor: Monitor,
        passed_ms: int,
        emit: Emit,
    ) -> None:
        """Judge each prediction pane once, when its labels are mature; forget it when none can come any more.

        Panes before the lineage's start hold a part of their rows only: they are shown, never judged, and so are panes
        that a person spoke of as mended.
        """
        oldest_ms = passed_ms - monitor.pane_ms - label_age_ms(monitor)
        while lineage.unjudged and lineage.unjudged[0] <= oldest_ms and not labels_behind(lineage):
            pane_ms = heappop(lineage.unjudged)
            pane = lineage.panes.get(pane_ms)
            if pane is not None and not pane.judged:
                pane.judged = True
                if pane_ms >= judged_from_ms(lineage):
                    self._judge(state, loop, lineage, monitor, pane_ms, passed_ms, emit)
        while lineage.kept and forgotten_ms(monitor, lineage.kept[0]) < passed_ms:
            del lineage.panes[heappop(lineage.kept)]

    def _judge(
        self,
        state: DecideState,
        loop: Loop,
        lineage: LineageState,
        monitor: Monitor,
        pane_ms: int,
        now_ms: int,
        emit: Emit,
    ) -> None:
        check_mature(loop, monitor, pane_ms, *_came(lineage.panes[pane_ms]), emit)
        verdicts = judge_mature(lineage, loop, monitor, pane_ms, emit)
        emit.rows.extend(verdicts)
        emit.rows.extend(listen_mature(lineage, monitor, pane_ms, lineage.panes[pane_ms], emit))
        history = lineage.history.get(judged_version(loop), [])
        if history and history[-1].pane_ms == pane_ms:
            settle_pane(lineage, monitor, history[-1], emit)
        react(loop, monitor, verdicts, history, now_ms, state.cut, emit)
        compare(loop, monitor, lineage.panes[pane_ms], now_ms, emit)


def _begin(state: DecideState, epoch: int) -> None:
    """Begin an epoch: lineages end where they are, and so do positions; models, incidents and roles go on."""
    state.epoch = epoch
    state.lineages, state.current = {}, {}
    state.seen, state.parts, state.clocks = {}, {}, {}
    state.hearing.heard_ms = dict.fromkeys(state.hearing.heard_ms, state.hearing.active_ms)


def _take_up(known: InForce, message: Message, fact: Forwarded, emit: Emit) -> None:
    """Take a fact up; one that does not hold what its topic promises is told and changes nothing."""
    try:
        take_up(known, fact, emit)
    except (msgspec.MsgspecError, ValueError) as error:
        emit.rows.append(unread_row(message, fact.topic, error, emit))


def _came(pane: PredictionPane) -> tuple[int, int]:
    """Return the rows of a pane, all versions together, and how many of them have a label."""
    whole = [sums for group, sums in pane.groups.items() if not group[1]]
    return sum(sums.rows for sums in whole), sum(sums.labels for sums in whole)
