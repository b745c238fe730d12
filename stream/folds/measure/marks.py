"""Marks: at each tick, seal what the watermark has passed, drop what is too old, and say how far this is."""

from __future__ import annotations

import msgspec

from stream.folds.measure.fates import PENDING, UNMATCHED, changed_counts, counts_of, tell
from stream.folds.measure.labels import HOUR_MS
from stream.folds.measure.state import NEVER, Key, KeyId, LineageState, MeasureState, ModelState, SourceId, SourceState
from stream.folds.monitor import Monitor
from stream.folds.partials import Fate, Forwarded, Mark, Message, Partial

# A source that names no position for so long (log clock) counts as behind: its worker is gone.
SILENT_MS = 5_000


def advance(state: MeasureState, monitors: dict[str, Monitor]) -> None:
    """Move every lineage's watermark on and drop what has left the label horizon."""
    for lineage, here in state.lineages.items():
        if here.retired:
            continue
        monitor, model = monitors[lineage], state.models.get(here.model)
        if model is not None and not here.retired:
            here.watermark_ms = max(here.watermark_ms, _watermark(state, monitor, model))
    for name, model in state.models.items():
        _let_go(state, name, model, [m for m in monitors.values() if m.model == name])


def _watermark(state: MeasureState, monitor: Monitor, model: ModelState) -> int:
    """Newest event time less the lateness, held back by prediction partitions that are behind (rule 5)."""
    newest = min(model.newest_ms, state.clock_ms)
    for source in _behind(state, "predictions"):
        newest = min(newest, model.newest_by_source.get(source, NEVER))
    return newest - monitor.lateness_ms


def _behind(state: MeasureState, topic: str) -> list[SourceId]:
    """Return the partitions of a topic that intake is known to be behind in, or that nobody reads."""
    sources = ((source, s) for source, s in state.sources.items() if source[0] == topic and not s.gone)
    return [source for source, s in sources if s.behind or _is_silent(s, state.clock_ms)]


def _is_silent(source: SourceState, clock_ms: int) -> bool:
    return source.ticked_ms > 0 and clock_ms - source.ticked_ms > SILENT_MS


def is_idle(state: MeasureState, lineage: LineageState, monitor: Monitor | None, tick_ms: int) -> bool:
    """Say whether no more rows are expected for now: closed by command, retired, or silent for the idle timeout."""
    if lineage.retired or monitor is None:
        return True
    model = state.models.get(lineage.model)
    if model is None:
        return not _behind(state, "predictions")
    silent = (state.ticks - model.row_tick) * tick_ms >= monitor.idle_ms
    return (model.closed or silent) and not _behind(state, "predictions")


def seal(state: MeasureState, monitors: dict[str, Monitor], tick_ms: int) -> list[Partial]:
    """Take out the keys that their lineage's watermark has passed, in the order in which they were opened."""
    idle = {x for x, here in state.lineages.items() if is_idle(state, here, monitors.get(x), tick_ms)}
    passed = [
        key_id
        for key_id, key in state.keys.items()
        if key_id[0] in idle or _is_passed(key_id, key, monitors[key_id[0]], state.lineages[key_id[0]].watermark_ms)
    ]
    return [_partial(key_id, state.keys.pop(key_id)) for key_id in passed]


def _is_passed(key_id: KeyId, key: Key, monitor: Monitor, watermark_ms: int) -> bool:
    if key.late_pane == NEVER:
        return key_id[-1] + monitor.pane_ms <= watermark_ms
    return monitor.pane_of(watermark_ms) > key.late_pane


def _partial(key_id: KeyId, key: Key) -> Partial:
    return Partial(
        *key_id,
        key.opened,
        key.cells.tobytes(),
        key.sums.tobytes(),
        key.lows.tobytes(),
        key.highs.tobytes(),
        key.task_cells.tobytes(),
        key.task_sums.tobytes(),
        key.levels,
        key.pairs,
    )


def _let_go(state: MeasureState, name: str, model: ModelState, monitors: list[Monitor]) -> None:
    """Forget ids, and give up on early labels, of hours that lie wholly before every watermark less the horizon."""
    if not monitors:
        return
    watermark = min(state.lineages[m.lineage].watermark_ms for m in monitors)
    oldest_hour = (watermark - max(m.horizon_ms for m in monitors)) // HOUR_MS
    model.forgotten_ms = max(model.forgotten_ms, oldest_hour * HOUR_MS)
    for hour in sorted(h for h in model.hours if h < oldest_hour):
        for an_id in model.hours.pop(hour):
            model.waiting.pop(an_id, None)
    for hour in sorted(h for h in model.early_hours if h < oldest_hour):
        for an_id in model.early_hours.pop(hour):
            _give_up(state, name, model, an_id)


def _give_up(state: MeasureState, name: str, model: ModelState, an_id: str) -> None:
    early = model.early.pop(an_id, None)
    if early is None:
        return
    counts = counts_of(state, name, "label", early.source)
    counts[PENDING] -= 1
    counts[UNMATCHED] += 1
    why = "no such prediction within the label horizon"
    tell(state, (early.topic, early.partition, early.place, name, an_id, "label", "unmatched", why))


def messages(
    state: MeasureState,
    monitors: dict[str, Monitor],
    partition: int,
    home_of: dict[str, int],
    partials_partitions: int,
    tick_ms: int,
) -> list[tuple[int, Message]]:
    """Return one message for each partition of `partials` that has models, with what concerns them.

    Its `start` is where the message before it to the same partition ended, so that a missing one is seen.
    """
    sealed = seal(state, monitors, tick_ms)
    counts, fates, facts = changed_counts(state), [Fate(*f) for f in state.fates], state.facts
    state.fates, state.facts = [], []
    bare = Message(partition, -1, state.position, 0, 1, state.clock_ms)
    made = []
    for q in range(partials_partitions):
        message = msgspec.structs.replace(
            bare,
            start=state.marked.get(q, -1),
            sealed=tuple(p for p in sealed if home_of[state.lineages[p.lineage].model] == q),
            facts=tuple(Forwarded(topic, key, value) for home, topic, key, value in facts if home == q),
            counts=tuple(c for c in counts if home_of[c.model] == q),
            fates=tuple(f for f in fates if home_of[f.model] == q),
            marks=tuple(_marks(state, monitors, q, home_of, tick_ms)),
        )
        if _says_something(message):
            made.append((q, message))
            state.marked[q] = state.position
    return made


def _says_something(message: Message) -> bool:
    return bool(message.marks or message.facts or message.counts or message.fates)


def _marks(
    state: MeasureState, monitors: dict[str, Monitor], q: int, home_of: dict[str, int], tick_ms: int
) -> list[Mark]:
    return [
        Mark(
            lineage,
            here.monitor,
            here.model,
            here.watermark_ms,
            is_idle(state, here, monitors.get(lineage), tick_ms),
            here.start_ms,
            bool(_behind(state, "labels")),
        )
        for lineage, here in state.lineages.items()
        if home_of[here.model] == q
    ]
