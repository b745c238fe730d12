"""Predictions: what is new among them, and what they add to their panes."""

from __future__ import annotations

import numpy as np

from detectors.latency_kernels import EDGES
from detectors.performance_kernels import BINARY
from stream.folds.measure.accepted_kernels import Accepted
from stream.folds.measure.catalog import Codes, Ints
from stream.folds.measure.chunk_kernels import order_by_key
from stream.folds.measure.chunks import room_for_turns
from stream.folds.measure.contexts import Room
from stream.folds.measure.count_kernels import DUPLICATE, PENDING, USED, Outcomes
from stream.folds.measure.fates import fates_of
from stream.folds.measure.joins import join, keys_of, learn_classes
from stream.folds.measure.key_kernels import NEVER, count_duplicates
from stream.folds.measure.label_kernels import Joins, truth_states
from stream.folds.measure.prediction_kernels import note_used, read_predictions, shadow_entries
from stream.folds.measure.reading import Reading
from stream.folds.measure.state import MeasureState, SourceId
from stream.folds.measure.sum_kernels import add_predictions
from stream.folds.monitor import OTHER

MAX_AHEAD_MS = 3_600_000
"""An event may be so far ahead of the log clock."""


def fold_predictions(state: MeasureState, reading: Reading, source: SourceId, opened: int) -> None:
    """Sort out what is wrong, too late or known already; the rest adds to its panes and waits for labels.

    What a row says of itself comes first: a second event of an identity that is also too late is too late.
    """
    outcomes = np.empty(reading.n, np.uint8)
    accepted = _accepted(state, reading, outcomes)
    is_new = state.pending.add(accepted.hashes, accepted.served, accepted.event_ms, accepted.contexts)
    fresh = accepted if is_new.all() else _taken(accepted, is_new)
    learn_classes(state, reading, fresh.row, fresh.served)
    if len(fresh.row):
        _use(state, reading, source, fresh, outcomes, opened)
    if len(fresh.row) < len(accepted.row):
        again = _taken(accepted, ~is_new)
        outcomes[again.row] = DUPLICATE
        _show_duplicates(state, reading, again)
    state.counts.count(reading.first, state.counts.rows_of(reading, "prediction"), outcomes)
    state.fates += fates_of(reading, "prediction", outcomes)
    _join_early(state, reading, fresh, opened)


def _accepted(state: MeasureState, reading: Reading, outcomes: Outcomes) -> Accepted:
    """Return the rows that nothing is wrong with."""
    desk, catalog, rows = state.desk, reading.catalog, reading.n - reading.first
    state.contexts.make_room(rows, catalog.most_groups)
    accepted = _room(rows)
    count = int(read_predictions(
        reading.rows, reading.columns.scores.view(np.uint64), reading.texts, reading.plans, catalog.models,
        catalog.lineages, catalog.segments, catalog.tables, state.contexts.arrays, _versions(state, reading),
        _shadow_sets(state, reading), reading.first, desk.oldest_ms, state.clock_ms + MAX_AHEAD_MS,
        state.models.seen, desk.scratch, outcomes, accepted,
    ))  # fmt: skip
    return _head(accepted, count)


def _versions(state: MeasureState, reading: Reading) -> Codes:
    """Return the number of each plan's version."""
    columns, (models, _, codes) = reading.columns, reading.kinds.T
    named, found = np.flatnonzero(codes >= 0), np.zeros(len(codes), np.int32)
    hashes = columns.text_hashes[codes[named]]
    found[named] = state.contexts.live.find(models[named], hashes, state.clock_ms)
    for plan in np.flatnonzero(found < 0).tolist():
        model = int(models[plan])
        found[plan] = state.contexts.version_of(model, columns.texts[codes[plan]], _room_of(state, model))
    return found


def _shadow_sets(state: MeasureState, reading: Reading) -> Codes:
    """Return the number of the set of shadow versions of each plan; those without a place are compared with nobody."""
    sets = dict[tuple[int, int], int]()
    found = np.zeros(len(reading.kinds), np.int32)
    if reading.has_shadows:
        for plan, (model, shape, _) in enumerate(reading.kinds.tolist()):
            if (model, shape) not in sets:
                sets[model, shape] = _shadow_set(state, reading, model, shape)
            found[plan] = sets[model, shape]
    return found


def _shadow_set(state: MeasureState, reading: Reading, model: int, shape: int) -> int:
    rows, contexts = reading.rows, state.contexts
    names = rows.shapes[rows.shape_starts[shape] : rows.shape_starts[shape + 1]]
    texts = sorted(reading.columns.texts[~code] for code in names[names < 0].tolist())
    numbers = [contexts.version_of(model, text, _room_of(state, model)) for text in texts]
    return contexts.shadow_set(tuple([number for number in numbers if contexts.versions[number] != OTHER]))


def _room_of(state: MeasureState, model: int) -> Room:
    desk, now_ms = state.desk, state.clock_ms
    return Room(int(desk.versions[model]), now_ms - int(desk.horizon_ms[model]), now_ms)


def _use(
    state: MeasureState, reading: Reading, source: SourceId, fresh: Accepted, outcomes: Outcomes, opened: int
) -> None:
    """Add rows to their panes, and let their shadows' scores wait as well."""
    catalog = reading.catalog
    of_row = keys_of(state, fresh.contexts, fresh.event_ms, opened)
    turns = room_for_turns(len(of_row), len(state.keys))
    count = order_by_key(reading.rows, reading.texts, catalog.models, catalog.lineages, fresh, of_row, turns)
    levels = np.empty(3 * len(of_row) * catalog.most_texts, np.int64)
    told = add_predictions(
        reading.rows, reading.texts, reading.plans, catalog.models, catalog.lineages, catalog.tables, EDGES, fresh,
        fresh.served.view(np.float64), of_row, turns, count, state.keys.arrays, state.keys.ints.data,
        state.keys.floats.data, state.desk.chunk, state.desk.found, levels,
    )  # fmt: skip
    _add_levels(state, reading, levels[:told])
    newest = state.newest.get(source, np.zeros(0, np.int64))
    more = len(state.models.names) - len(newest)
    state.newest[source] = newest = np.append(newest, np.full(more, NEVER)) if more else newest
    args = (reading.rows, reading.texts, catalog.models, catalog.lineages, fresh)
    note_used(*args, state.ticks, state.models.known, newest, outcomes)
    if reading.has_shadows:
        _add_shadows(state, reading, fresh)


def _add_levels(state: MeasureState, reading: Reading, levels: Ints) -> None:
    """Count texts by name, for lineages without a reference."""
    if not len(levels):
        return
    names, features = reading.names, reading.catalog.feature_names
    slots, of_feature, codes = levels.reshape(-1, 3).T
    packed, counts = np.unique((slots * len(features) + of_feature) * len(names) + codes, return_counts=True)
    keys, codes = np.divmod(packed, len(names))
    slots, of_feature = np.divmod(keys, len(features))
    texts = [names[code] for code in codes.tolist()]
    state.keys.add_levels(slots, [features[feature] for feature in of_feature.tolist()], texts, counts)


def _add_shadows(state: MeasureState, reading: Reading, fresh: Accepted) -> None:
    sizes = np.diff(reading.rows.row_starts)[fresh.row]
    found = _room(int(sizes.sum()))
    count = int(shadow_entries(reading.rows, reading.texts, reading.plans, reading.catalog.models, fresh, found))
    found = _head(found, count)
    state.pending.add(found.hashes, found.served, found.event_ms, found.contexts)


def _show_duplicates(state: MeasureState, reading: Reading, again: Accepted) -> None:
    refs = state.pending.find(again.hashes)
    first = state.pending.read(refs[refs >= 0])
    catalog, contexts = reading.catalog, state.contexts
    args = (catalog.models, catalog.lineages, contexts.epochs, contexts.arrays, state.keys.arrays)
    count_duplicates(*args, first.contexts, first.event_ms, state.keys.ints.data)


def _join_early(state: MeasureState, reading: Reading, fresh: Accepted, opened: int) -> None:
    """Join labels that were here before their predictions."""
    if not len(state.early):
        return
    found = state.early.take(fresh.hashes)
    here = np.flatnonzero(found >= 0)
    if not len(here):
        return
    early, mine = state.early.arrays, found[here]
    state.counts.move(early.count_row[mine], PENDING, USED)
    entries = _taken(fresh, here)
    truths, revisions = early.truth[mine], early.revision[mine].astype(np.int64)
    refs = state.pending.find(entries.hashes)
    is_binary = state.desk.catalog.models.task[early.model[mine]] == BINARY
    state.pending.mark(refs, truth_states(truths, is_binary, revisions))
    n = len(here)
    joins = Joins(np.arange(n), truths, np.ones(n, np.int64), revisions, np.zeros(n, np.bool_))
    join(state, entries, joins, opened)


def _room(n: int) -> Accepted:
    words = np.empty((2, n), np.uint64)
    return Accepted(np.empty(n, np.int64), words[0], words[1], np.empty(n, np.int64), np.empty(n, np.uint32))


def _head(accepted: Accepted, count: int) -> Accepted:
    return Accepted._make(column[:count] for column in accepted)


def _taken(accepted: Accepted, mask: np.ndarray) -> Accepted:
    return Accepted._make(column[mask] for column in accepted)
