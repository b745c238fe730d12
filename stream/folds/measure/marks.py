"""Marks: at each tick, seal what the watermark has passed, drop what is too old, and say how far this is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stream.folds.measure.bounds import crowded, forget_before, give_up_before
from stream.folds.measure.catalog import Ints
from stream.folds.measure.count_kernels import PENDING, UNMATCHED
from stream.folds.measure.desk import Desk, Known, limits_of
from stream.folds.measure.fates import NO_PREDICTION
from stream.folds.measure.key_kernels import NEVER
from stream.folds.measure.sealing import Names, partials_of
from stream.folds.measure.state import MeasureState
from stream.folds.measure.watermark import behind, complete_tick, is_unnamed, newest
from stream.folds.partials import Count, Fate, Forwarded, Mark, Message, Partial

HOUR_MS = 3_600_000


def ready(state: MeasureState) -> Desk:
    """Return the desk, laid anew if specs have changed since."""
    desk = state.desk
    if not desk.is_fresh:
        lineages = {name: (here.model, here.shape) for name, here in state.lineages.items()}
        desk.refresh(state.specs.values(), state.models.names, lineages)
        state.contexts.begin(desk.catalog)
        _put_watermarks(state, np.array([here.watermark_ms for here in state.lineages.values()], np.int64))
    return desk


def advance(state: MeasureState, tick_ms: int) -> None:
    """Move every lineage's watermark on and drop what has left the label horizon."""
    desk, models = ready(state), state.models
    known, newest_ms = desk.lineages, newest(state, tick_ms)
    moved = np.maximum(desk.watermark_ms, newest_ms[known.model] - known.lateness_ms)
    watermark_ms = np.where(known.in_force & models.seen[known.model], moved, desk.watermark_ms)
    here = list(state.lineages.values())
    for lineage in np.flatnonzero(watermark_ms != desk.watermark_ms).tolist():
        here[lineage].watermark_ms = int(watermark_ms[lineage])
    _put_watermarks(state, watermark_ms)
    _let_go(state)


def _put_watermarks(state: MeasureState, watermark_ms: Ints) -> None:
    """Tell compiled code the watermarks, and what is too late by them."""
    desk, models = state.desk, state.models
    desk.watermark_ms = watermark_ms
    desk.catalog.lineages.watermark_ms[:] = watermark_ms[desk.catalog.lineages.number]
    desk.oldest_ms, _ = limits_of(desk.lineages, watermark_ms, models.forgotten_ms)


def _let_go(state: MeasureState) -> None:
    """Forget entries, and give up on early labels, of hours wholly before every watermark less the horizon.

    Where a model has more of them than its limit allows, the oldest go as well.
    """
    desk, models = state.desk, state.models
    _, lowest_ms = limits_of(desk.lineages, desk.watermark_ms, models.forgotten_ms)
    forgotten_ms = np.maximum(models.forgotten_ms, lowest_ms // HOUR_MS * HOUR_MS)
    forgotten_ms = np.maximum(forgotten_ms, forget_before(state, desk.watermark_ms))
    given_up_ms = give_up_before(state, forgotten_ms)
    if np.array_equal(given_up_ms, models.forgotten_ms):
        return
    if not np.array_equal(forgotten_ms, models.forgotten_ms):
        models.forgotten_ms = forgotten_ms
        _put_watermarks(state, desk.watermark_ms)
        state.pending.forget(forgotten_ms[state.contexts.models])
    _give_up(state, given_up_ms)


def _give_up(state: MeasureState, forgotten_ms: Ints) -> None:
    early, sources, names = state.early, list(state.sources), list(state.models.names)
    rows = early.expire(forgotten_ms)
    columns = early.arrays
    state.counts.move(columns.count_row[rows], PENDING, UNMATCHED)
    for row in rows.tolist():
        topic, _, partition = sources[columns.source[row]]
        model, place = names[columns.model[row]], int(columns.place[row])
        # The id is not kept: its hash is all that a label needs. Its place says which event it was.
        state.fates.append((topic, partition, place, model, "", "label", "unmatched", NO_PREDICTION))


def are_idle(state: MeasureState, known: Known, tick_ms: int) -> NDArray[np.bool_]:
    """Say of which lineages no more rows are expected for now: closed, not in force, or silent for the idle timeout."""
    models, of = state.models, known.model
    silent = (state.ticks - models.row_tick[of]) * tick_ms >= known.idle_ms
    # What was appended before a command to close may be read after it: closed is what is complete as of a later tick.
    closed = models.closed[of] & (models.row_tick[of] < complete_tick(state))
    is_over = ~models.seen[of] | closed | silent
    is_read = not (is_unnamed(state, "predictions") or behind(state, "predictions", tick_ms))
    found: NDArray[np.bool_] = ~known.in_force | (is_over & is_read)
    return found


def seal(state: MeasureState, idle: NDArray[np.bool_]) -> list[Partial]:
    """Take out the keys that their lineage's watermark has passed, or that are too many, in the order of opening."""
    keys, known, n = state.keys.arrays, state.desk.lineages, len(state.keys)
    of, late_pane = keys.lineage[:n], keys.late_pane[:n]
    watermark_ms, pane_ms = state.desk.watermark_ms[of], known.pane_ms[of]
    in_time = keys.pane[:n] + pane_ms <= watermark_ms
    late = watermark_ms - watermark_ms % pane_ms > late_pane
    passed = crowded(of, idle[of] | np.where(late_pane == NEVER, in_time, late), known.open_panes)
    names = Names(known.names, known.shapes, state.contexts.versions, state.classes)
    found = partials_of(state.keys, passed, known.sizes, names)
    state.keys.drop(passed, known.sizes)
    return found


def messages(
    state: MeasureState, partition: int, home: Callable[[str], int], partials_partitions: int, tick_ms: int
) -> list[tuple[int, Message]]:
    """Return one message for each partition of `partials` that has models, with what concerns them.

    Its `start` is where the message before it to the same partition ended, so that a missing one is seen.
    """
    desk = ready(state)
    idle = are_idle(state, desk.lineages, tick_ms)
    homes = desk.homes(home)
    told = [_Told() for _ in range(partials_partitions)]
    for partial in seal(state, idle):
        told[homes[state.lineages[partial.lineage].model]].sealed.append(partial)
    for at, topic, key, value in state.facts:
        told[at].facts.append(Forwarded(topic, key, value))
    for count in state.counts.changed():
        told[_home(homes, home, count.model)].counts.append(count)
    for fate in state.fates:
        told[_home(homes, home, fate[3])].fates.append(Fate(*fate))
    for mark in _marks(state, idle, tick_ms):
        told[homes[mark.model]].marks.append(mark)
    state.facts, state.fates = [], []
    return [(q, _message(state, partition, q, one)) for q, one in enumerate(told) if one.says_something]


def _home(homes: dict[str, int], home: Callable[[str], int], model: str) -> int:
    known = homes.get(model)
    return home(model) if known is None else known


class _Told:
    """What one partition of `partials` is told at a tick."""

    def __init__(self) -> None:
        self.sealed: list[Partial] = []
        self.facts: list[Forwarded] = []
        self.counts: list[Count] = []
        self.fates: list[Fate] = []
        self.marks: list[Mark] = []

    @property
    def says_something(self) -> bool:
        return bool(self.marks or self.facts or self.counts or self.fates)


def _message(state: MeasureState, partition: int, q: int, told: _Told) -> Message:
    start, state.marked[q] = state.marked.get(q, -1), state.position
    return Message(
        partition, start, state.position, 0, 1, state.clock_ms,
        tuple(told.sealed), tuple(told.facts), tuple(told.counts), tuple(told.fates), tuple(told.marks), state.epoch,
    )  # fmt: skip


def _marks(state: MeasureState, idle: NDArray[np.bool_], tick_ms: int) -> list[Mark]:
    labels_behind = is_unnamed(state, "labels") or bool(behind(state, "labels", tick_ms))
    return [
        Mark(lineage, here.monitor, here.model, here.watermark_ms, is_idle, here.start_ms, labels_behind)
        for (lineage, here), is_idle in zip(state.lineages.items(), idle.tolist(), strict=True)
    ]
