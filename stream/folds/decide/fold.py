"""The fold over one partition of `partials`: merge, find panes final, judge, and run the model loop."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stream.folds.arrays import decode_state, encode_state
from stream.folds.base import Output, Record
from stream.folds.decide.drift import judge_pane, statistics_rows
from stream.folds.decide.emit import Emit
from stream.folds.decide.finality import arrive, next_final, start_ms
from stream.folds.decide.incidents import close, open_incident, open_of, tell
from stream.folds.decide.loop import (
    Command,
    VersionRecord,
    ask_retrain,
    compare,
    fold_step,
    fold_version,
    is_cool,
)
from stream.folds.decide.merge import merge
from stream.folds.decide.panes import on_time_counts, pane_rows
from stream.folds.decide.performance import add_arrived, judge_mature, label_age_ms, performance_rows
from stream.folds.decide.pipeline import hear, silent_partitions, watch
from stream.folds.decide.state import SCHEMA, DecideState, LineageState, Loop, Standing
from stream.folds.decide.words import loss_title
from stream.folds.monitor import Monitor, monitor_of
from stream.folds.partials import Count, Fate, Forwarded, Mark, Message, decode_message
from stream.folds.rows import ConservationRow, FateRow, LineageRow, VerdictRow


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

    def encode(self, state: DecideState) -> bytes:
        """Return the state as bytes."""
        return encode_state(SCHEMA, state)

    def decode(self, data: bytes) -> DecideState:
        """Return the state that `encode` was given; ValueError on another schema."""
        return decode_state(SCHEMA, data, DecideState)

    def _message(self, state: DecideState, message: Message, record: Record) -> list[Output]:
        """Take a message in, once: a re-sent one lies at or below the last accepted."""
        at = (message.to, message.part)
        if at <= state.seen.get(message.partition, (-2, 0)):
            return []
        state.seen[message.partition] = at
        clock_ms = max(state.clocks.get(message.partition, 0), message.clock_ms)
        state.clocks[message.partition] = clock_ms
        emit = Emit(self.partition, record.position, max(state.clocks.values()))
        hear(state.hearing, message.partition, record.append_ms)
        for fact in message.facts:
            self._fact(state, fact, emit)
        for partial in message.sealed:
            arrive(state.lineages[partial.lineage], message.partition, partial)
        emit.rows += [_conservation(message, count, emit) for count in message.counts]
        emit.rows += [_fate(message, fate, emit) for fate in message.fates]
        if message.part == message.parts - 1:
            self._marks(state, message, emit)
        self._watch(state, emit)
        return emit.outputs()

    def _watch(self, state: DecideState, emit: Emit) -> None:
        silent = silent_partitions(state.hearing, self.ledger_partitions)
        for lineage in sorted(state.current.values()):
            monitor = monitor_of(state.lineages[lineage].spec, self.ledger_id)
            watch(state.loops[monitor.model], monitor, silent, emit)

    def _marks(self, state: DecideState, message: Message, emit: Emit) -> None:
        for mark in message.marks:
            lineage = state.lineages[mark.lineage]
            lineage.standing[message.partition] = _standing(lineage, message.partition, mark)
        for lineage in state.lineages.values():
            monitor = monitor_of(lineage.spec, self.ledger_id)
            while (pane := next_final(lineage, monitor, state.clocks, self.ledger_partitions)) is not None:
                self._finalise(state, lineage, monitor, pane, emit)

    def _finalise(self, state: DecideState, lineage: LineageState, monitor: Monitor, pane_ms: int, emit: Emit) -> None:
        """Settle one pane: what arrived with it, effect sizes, drift, and the labels that it made mature."""
        loop = state.loops.setdefault(monitor.model, Loop())
        merged = merge([*lineage.waiting.pop(pane_ms, []), *lineage.late])
        lineage.late, lineage.newest_final = [], pane_ms
        emit.rows.extend(pane_rows(monitor, pane_ms, merged, emit))
        n, counts = on_time_counts(monitor, pane_ms, merged)
        emit.rows.extend(statistics_rows(monitor, pane_ms, n, counts, emit))
        if pane_ms >= start_ms(lineage):
            judge_pane(lineage, loop, monitor, pane_ms, n, counts, emit)
        touched = add_arrived(lineage, merged)
        passed_ms = pane_ms + monitor.pane_ms
        emit.rows.extend(performance_rows(monitor, loop, lineage, touched, passed_ms, emit))
        self._mature(state, loop, lineage, monitor, passed_ms, emit)

    def _mature(
        self,
        state: DecideState,
        loop: Loop,
        lineage: LineageState,
        monitor: Monitor,
        passed_ms: int,
        emit: Emit,
    ) -> None:
        """Judge each prediction pane once, when its labels are mature; forget it when none can come any more."""
        for pane_ms in sorted(lineage.panes):
            pane, end_ms = lineage.panes[pane_ms], pane_ms + monitor.pane_ms
            if not pane.judged and end_ms + label_age_ms(monitor) <= passed_ms:
                pane.judged = True
                self._judge(state, loop, lineage, monitor, pane_ms, passed_ms, emit)
                compare(loop, monitor, pane, passed_ms, emit)
            if end_ms + monitor.horizon_ms + monitor.lateness_ms < passed_ms:
                del lineage.panes[pane_ms]

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
        """Open or close the incident of lost performance, and ask for a retrain while it is open."""
        judged = judge_mature(lineage, loop, monitor, pane_ms, emit)
        if judged is None:
            return
        verdict, worse, _ = judged
        emit.rows.append(verdict)
        incidents = open_of(loop, "performance")
        if worse.is_worse:
            self._lost(state, loop, monitor, verdict, pane_ms, now_ms, emit)
        elif incidents and verdict.effect <= worse.limit:
            close(loop, monitor, incidents[0], now_ms, f"back in tolerance: {verdict.reason}", emit)

    def _lost(
        self,
        state: DecideState,
        loop: Loop,
        monitor: Monitor,
        verdict: VerdictRow,
        pane_ms: int,
        now_ms: int,
        emit: Emit,
    ) -> None:
        incidents = open_of(loop, "performance")
        since_ms = pane_ms + monitor.pane_ms - verdict.pane_s * 1000
        title = loss_title(monitor.model, verdict.target, verdict.effect, verdict.floor, since_ms, monitor.pane_ms)
        harm = {
            "metric": verdict.target,
            "value": verdict.effect,
            "at_least": verdict.lo,
            "tolerated": verdict.floor,
        }
        if not incidents:
            incident = open_incident(loop, monitor, "performance", "page", title, [], since_ms, now_ms)
            incident.verdicts.append(verdict.id)
            more = {
                "harm": harm,
                "sure": {"p": verdict.p},
                "next": "a retrain is asked for; look at what changed",
            }
            tell(monitor, incident, "open", verdict.reason, more, emit)
        if "performance" in monitor.retrain_on and is_cool(loop, now_ms):
            incident = open_of(loop, "performance")[0]
            cause = f"{incident.id}/{loop.champion}"
            evidence = {"verdict": verdict.id, **harm}
            ask_retrain(loop, monitor, "performance", cause, title, evidence, now_ms, _cut(state), emit)

    def _fact(self, state: DecideState, fact: Forwarded, emit: Emit) -> None:
        if fact.topic == "specs":
            self._spec(state, fact.value, emit)
        elif fact.topic == "commands":
            self._command(state, msgspec.json.decode(fact.value, type=Command), emit)
        elif b"/version/" in fact.key:
            record = msgspec.json.decode(fact.value, type=VersionRecord)
            loop = state.loops.setdefault(record.model, Loop())
            monitor = self._monitor_of_model(state, record.model)
            fold_version(loop, monitor, record, self._now_ms(state, monitor), emit)

    def _spec(self, state: DecideState, value: bytes, emit: Emit) -> None:
        """Put a revision in force; every ledger partition forwards it, the first one counts."""
        monitor = monitor_of(value, self.ledger_id)
        current = state.current.get(monitor.name)
        if (
            current is not None
            and monitor_of(state.lineages[current].spec, self.ledger_id).revision >= monitor.revision
        ):
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
        loop = state.loops.setdefault(command.model, Loop())
        monitor = self._monitor_of_model(state, command.model)
        if command.command == "step":
            fold_step(loop, command, emit)
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

    def _monitor_of_model(self, state: DecideState, model: str) -> Monitor | None:
        """Return the monitor of a model that is in force; the first by name, should there be several."""
        for name in sorted(state.current):
            monitor = monitor_of(state.lineages[state.current[name]].spec, self.ledger_id)
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
            if lineage.newest_final is not None and monitor_of(lineage.spec, self.ledger_id).model == monitor.model
        ]
        return max(ends, default=0)


def _standing(lineage: LineageState, partition: int, mark: Mark) -> Standing:
    """Return where a partition stands; a watermark never goes back."""
    before = lineage.standing.get(partition)
    watermark_ms = mark.watermark_ms if before is None else max(before.watermark_ms, mark.watermark_ms)
    return Standing(watermark_ms, mark.idle, mark.start_ms)


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
