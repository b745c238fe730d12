"""The fold over one partition of `partials`: merge, find panes final, judge, and run the model loop."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop

import msgspec

from stream.folds.arrays import decode_state, encode_state
from stream.folds.base import OpenFile, Output, Record, Snapshot, no_file
from stream.folds.decide.disparities import disparity_rows
from stream.folds.decide.drift import judge_pane
from stream.folds.decide.emit import Emit
from stream.folds.decide.estimate_incidents import judge_estimate
from stream.folds.decide.estimates import estimate_pane, settle_pane
from stream.folds.decide.finality import arrive, judged_from_ms, labels_behind, next_final, settled, stand
from stream.folds.decide.gauges import OnTime, on_time
from stream.folds.decide.health import check_final, check_mature
from stream.folds.decide.judge import judge_mature, judged_version
from stream.folds.decide.listening import listen_final, listen_mature
from stream.folds.decide.loop import Command, VersionRecord, ask_retrain, compare, fold_step, fold_version
from stream.folds.decide.lost import react
from stream.folds.decide.merge import merge
from stream.folds.decide.outliers import judge_outliers
from stream.folds.decide.panes import pane_rows
from stream.folds.decide.performance import add_arrived, forgotten_ms, label_age_ms, performance_rows
from stream.folds.decide.pipeline import hear, silent_partitions, watch
from stream.folds.decide.resolve import incident_of, resolve
from stream.folds.decide.state import SCHEMA, DecideState, LineageState, Loop, PredictionPane
from stream.folds.decide.statistics import Final, statistics_rows
from stream.folds.monitor import Monitor, monitor_of, scope_of
from stream.folds.partials import Count, Fate, Forwarded, Message, decode_message
from stream.folds.rows import ConservationRow, FateRow, LineageRow

MAX_COMMANDS = 10_000
"""Ids of commands that are remembered, so that the same one from every ledger partition counts once."""


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
        at = (message.to, message.part)
        if before is not None and at <= before:
            return []
        is_after_gap = _is_after_gap(before, state.parts.get(message.partition, 1), message)
        state.seen[message.partition], state.parts[message.partition] = at, message.parts
        state.clocks[message.partition] = max(state.clocks.get(message.partition, 0), message.clock_ms)
        emit = Emit(self.partition, record.position, max(state.clocks.values()))
        hear(state.hearing, message.partition, record.append_ms)
        if is_after_gap:
            state.gaps[message.partition] = state.gaps.get(message.partition, 0) + 1
            emit.rows.append(_gap(message, state.gaps[message.partition], emit))
        for fact in message.facts:
            self._fact(state, message, fact, emit)
        for partial in message.sealed:
            arrive(state.lineages[partial.lineage], message.partition, partial)
        emit.rows += [_conservation(message, count, emit) for count in message.counts]
        emit.rows += [_fate(message, fate, emit) for fate in message.fates]
        if message.part == message.parts - 1:
            self._marks(state, message, emit)
        self._watch(state, emit)
        return emit.outputs()

    def _monitor(self, state: DecideState, spec: bytes) -> Monitor:
        return monitor_of(spec, scope_of(self.ledger_id, state.epoch))

    def _watch(self, state: DecideState, emit: Emit) -> None:
        """Tell of ledger partitions that fell silent, and that they are heard again."""
        silent = silent_partitions(state.hearing, self.ledger_partitions)
        if not silent and not state.hearing.is_told:
            return
        state.hearing.is_told = bool(silent)
        for lineage in sorted(state.current.values()):
            monitor = self._monitor(state, state.lineages[lineage].spec)
            watch(state.loops[monitor.model], monitor, silent, emit)

    def _marks(self, state: DecideState, message: Message, emit: Emit) -> None:
        for mark in message.marks:
            stand(state.lineages[mark.lineage], message.partition, mark, message.clock_ms)
        for name, lineage in state.lineages.items():
            monitor = self._monitor(state, lineage.spec)
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
            judge_estimate(lineage, loop, monitor, window, passed_ms, _cut(state), emit)
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
        react(loop, monitor, verdicts, history, now_ms, _cut(state), emit)
        compare(loop, monitor, lineage.panes[pane_ms], now_ms, emit)

    def _fact(self, state: DecideState, message: Message, fact: Forwarded, emit: Emit) -> None:
        """Take a fact up; one that does not hold what its topic promises is told and changes nothing."""
        try:
            if fact.topic == "specs":
                self._spec(state, fact.value, emit)
            elif fact.topic == "commands":
                self._command(state, msgspec.json.decode(fact.value, type=Command), emit)
            elif b"/version/" in fact.key:
                self._version(state, msgspec.json.decode(fact.value, type=VersionRecord), emit)
        except (msgspec.MsgspecError, ValueError) as error:
            reason = f"fold-error: {error}"[:300]
            told = Fate(fact.topic, message.partition, message.to, "", "", fact.topic, "invalid", reason)
            emit.rows.append(_fate(message, told, emit))

    def _version(self, state: DecideState, record: VersionRecord, emit: Emit) -> None:
        loop = state.loops.setdefault(record.model, Loop())
        monitor = self._monitor_of_model(state, record.model)
        fold_version(loop, monitor, record, self._now_ms(state, monitor), emit)

    def _spec(self, state: DecideState, value: bytes, emit: Emit) -> None:
        """Put a revision in force; every ledger partition forwards it, the first one counts."""
        monitor = self._monitor(state, value)
        current = state.current.get(monitor.name)
        if current is not None and self._monitor(state, state.lineages[current].spec).revision >= monitor.revision:
            return
        state.current[monitor.name] = monitor.lineage
        if monitor.lineage in state.lineages:
            state.lineages[monitor.lineage].spec = value
        else:
            state.lineages[monitor.lineage] = LineageState(value)
        state.loops.setdefault(monitor.model, Loop())
        emit.rows.append(_lineage_row(monitor, self._now_ms(state, monitor), emit))

    def _command(self, state: DecideState, command: Command, emit: Emit) -> None:
        if command.id in state.commands:
            return
        state.commands[command.id] = True
        while len(state.commands) > MAX_COMMANDS:
            del state.commands[next(iter(state.commands))]
        loop = state.loops.setdefault(command.model, Loop())
        monitor = self._monitor_of_model(state, command.model)
        if command.command == "step":
            fold_step(loop, command, emit)
        elif command.command == "resolve":
            self._resolve(state, loop, command, emit)
        elif command.command == "retrain" and monitor is not None:
            now_ms, from_ms = command.args.get("to_ms"), command.args.get("from_ms")
            ask_retrain(
                loop,
                monitor,
                "manual",
                command.id,
                str(command.args.get("reason", f"asked for by {command.who}")),
                {"command": command.id, "who": command.who},
                now_ms if isinstance(now_ms, int) else self._now_ms(state, monitor),
                _cut(state),
                emit,
                from_ms if isinstance(from_ms, int) else None,
            )

    def _resolve(self, state: DecideState, loop: Loop, command: Command, emit: Emit) -> None:
        incident, said = incident_of(loop, command)
        lineage = state.lineages.get(state.current.get(incident.monitor, ""))
        if lineage is None:
            raise ValueError(f"no lineage of monitor {incident.monitor} is in force: apply its spec again")
        monitor = self._monitor(state, lineage.spec)
        resolve(lineage, loop, monitor, incident, said, command.who, self._now_ms(state, monitor), emit)

    def _monitor_of_model(self, state: DecideState, model: str) -> Monitor | None:
        """Return the monitor of a model that is in force; the first by name, should there be several."""
        for name in sorted(state.current):
            monitor = self._monitor(state, state.lineages[state.current[name]].spec)
            if monitor.model == model:
                return monitor
        return None

    def _now_ms(self, state: DecideState, monitor: Monitor | None) -> int:
        """Return the end of the newest final pane of the model's lineages, 0 before there is one."""
        if monitor is None:
            return 0
        ends = [
            lineage.newest_final + monitor.pane_ms
            for lineage in state.lineages.values()
            if lineage.newest_final is not None and self._monitor(state, lineage.spec).model == monitor.model
        ]
        return max(ends, default=0)


def _begin(state: DecideState, epoch: int) -> None:
    """Begin an epoch: lineages end where they are, and so do positions; models, incidents and roles go on."""
    state.epoch = epoch
    state.lineages, state.current = {}, {}
    state.seen, state.parts, state.clocks = {}, {}, {}
    state.hearing.heard_ms = dict.fromkeys(state.hearing.heard_ms, state.hearing.active_ms)


def _is_after_gap(before: tuple[int, int] | None, parts: int, message: Message) -> bool:
    """Say whether a message of this partition, or a part of one, is missing before this one.

    `before` is the position and part that was accepted last, `parts` how many parts that message has.
    """
    if message.part > 0:
        return before != (message.to, message.part - 1)
    if before is None:
        return message.start > -1
    return message.start > before[0] or before[1] != parts - 1


def _gap(message: Message, gaps: int, emit: Emit) -> ConservationRow:
    """Return the row that says that messages are missing: received and never accounted for."""
    return ConservationRow(
        model="",
        kind="gap",
        source=f"partials/{emit.partition}",
        partition=message.partition,
        received=gaps,
        used=0,
        duplicate=0,
        late_used=0,
        invalid=0,
        unmatched=0,
        pending=0,
        known_ms=emit.known_ms,
        position=message.to,
    )


def _came(pane: PredictionPane) -> tuple[int, int]:
    """Return the rows of a pane, all versions together, and how many of them have a label."""
    whole = [sums for group, sums in pane.groups.items() if not group[1]]
    return sum(sums.rows for sums in whole), sum(sums.labels for sums in whole)


def _cut(state: DecideState) -> list[tuple[int, int]]:
    """Return how far each ledger partition has been decided on."""
    return [(partition, to) for partition, (to, _) in sorted(state.seen.items())]


def _conservation(message: Message, count: Count, emit: Emit) -> ConservationRow:
    fates = {name: getattr(count, name) for name in Count.__struct_fields__}
    return ConservationRow(partition=message.partition, known_ms=emit.known_ms, position=message.to, **fates)


def _fate(message: Message, fate: Fate, emit: Emit) -> FateRow:
    told = {name: getattr(fate, name) for name in Fate.__struct_fields__}
    return FateRow(known_ms=emit.known_ms, position=message.to, **told)


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
