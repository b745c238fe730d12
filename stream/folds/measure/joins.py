"""Predictions with their labels: what each pair adds to the keys of the prediction, and the truths that are kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.performance_kernels import BINARY, MULTICLASS
from stream.folds.measure.accepted_kernels import Accepted
from stream.folds.measure.catalog import Codes, Ints, Words
from stream.folds.measure.confusion import learn
from stream.folds.measure.key_kernels import MEMO, Memo, resolve
from stream.folds.measure.label_kernels import (
    OTHER_TRUTH,
    UNKNOWN,
    Joins,
    Pairs,
    PairSums,
    add_joins,
    shadow_identities,
    shadows_of,
    truth_hashes,
    truth_states,
)
from stream.folds.measure.reading import Reading
from stream.folds.measure.state import MeasureState


def keys_of(state: MeasureState, contexts: NDArray[np.uint32], event_ms: Ints, opened: int) -> Codes:
    """Return the keys of rows (see ``key_kernels.resolve``), with sums for those that were opened."""
    catalog, keys = state.desk.catalog, state.keys
    room = len(contexts) * catalog.most_groups
    keys.make_room(room)
    before, found = len(keys), np.empty(room, np.int32)
    epochs, known = state.contexts.epochs, state.contexts.arrays
    memo = Memo(*np.full((5, MEMO), -1, np.int64))
    resolve(catalog.models, catalog.lineages, epochs, known, keys.arrays, contexts, event_ms, opened, memo, found)
    keys.give_sums(before, state.desk.lineages.sizes)
    return found


def join(state: MeasureState, entries: Accepted, joins: Joins, opened: int) -> None:
    """Add truths to the panes of their predictions, take away those that others replace, and keep what is needed."""
    _look_up(state, entries, joins)
    of = joins.entry
    contexts, served, event_ms = entries.contexts[of], entries.served[of], entries.event_ms[of]
    of_row = keys_of(state, contexts, event_ms, opened)
    pairs = _shadows(state, contexts, entries.hashes[of])
    groups = state.desk.catalog.most_groups
    keys = state.keys
    keys.make_room_for_pairs(len(pairs.score) * groups)
    if (state.desk.catalog.lineages.task == MULTICLASS).any():
        keys.confusion.make_room(len(of) * groups, len(keys))
    add_joins(
        state.desk.catalog.models, state.desk.catalog.lineages, state.contexts.epochs, state.contexts.arrays, contexts,
        served, served.view(np.float64), joins.truth, joins.truth.view(np.float64), joins.sign, joins.revised, of_row,
        keys.arrays, keys.ints.data, keys.floats.data, pairs,
        PairSums(keys.pair_next, keys.pair_version, keys.pair_n, keys.pair_sums, keys.pair_count),
        keys.confusion.arrays,
    )  # fmt: skip
    _keep(state, entries, joins)


def learn_classes(state: MeasureState, reading: Reading, rows: Ints, words: Words) -> None:
    """Remember the names of the classes that rows say; `words` are what they say, by row."""
    tasks = reading.catalog.models.task
    if not (tasks == MULTICLASS).any():
        return
    is_class = tasks[reading.texts.models[reading.rows.models[rows]]] == MULTICLASS
    learn(state.classes, words[is_class], reading.texts.hashes, reading.names)


def _look_up(state: MeasureState, entries: Accepted, joins: Joins) -> None:
    """Look up the truths that others replace and that are no label of a binary task."""
    wanted = np.flatnonzero(joins.sign == UNKNOWN)
    if len(wanted):
        refs = state.pending.find(truth_hashes(entries.hashes[joins.entry[wanted]], joins.revision[wanted]))
        is_here = refs >= 0
        joins.truth[wanted[is_here]] = state.pending.read(refs[is_here]).served
        joins.sign[wanted] = np.where(is_here, -1, 0)


def _keep(state: MeasureState, entries: Accepted, joins: Joins) -> None:
    """Keep the truths that a state cannot hold: a later revision takes them away."""
    epochs, known = state.contexts.epochs, state.contexts.arrays
    is_binary = state.desk.catalog.models.task[epochs.model[known.words[known.starts[entries.contexts]]]] == BINARY
    states = truth_states(joins.truth, is_binary[joins.entry], joins.revision)
    kept = np.flatnonzero((joins.sign == 1) & (states & 3 == OTHER_TRUTH))
    if len(kept):
        of = joins.entry[kept]
        hashes = truth_hashes(entries.hashes[of], joins.revision[kept])
        state.pending.add(hashes, joins.truth[kept], entries.event_ms[of], entries.contexts[of])


def _shadows(state: MeasureState, contexts: NDArray[np.uint32], hashes: NDArray[np.uint64]) -> Pairs:
    """Return the scores of the shadows of each prediction."""
    starts = np.zeros(len(contexts) + 1, np.int64)
    sets = state.contexts.sets
    count = shadows_of(state.contexts.arrays, contexts, sets.sizes, starts) if len(sets.versions) else 0
    pairs = Pairs(starts, np.empty(count, np.int32), np.full(count, np.nan))
    if count:
        wanted = np.empty(count, np.uint64)
        args = (contexts, hashes, sets.starts, sets.versions, sets.hashes, pairs, wanted)
        shadow_identities(state.contexts.arrays, *args)
        refs = state.pending.find(wanted)
        is_here = refs >= 0
        pairs.score[is_here] = state.pending.read(refs[is_here]).served.view(np.float64)
    return pairs
