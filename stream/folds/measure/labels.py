"""Labels: which prediction each belongs to, and what becomes of those whose prediction is not here."""

from __future__ import annotations

import numpy as np

from stream.folds.frame import FEEDBACK_LANE
from stream.folds.measure.accepted_kernels import Accepted
from stream.folds.measure.catalog import Codes, Ints, Words
from stream.folds.measure.count_kernels import DUPLICATE, FUTURE, PENDING, UNMATCHED, USED, Outcomes
from stream.folds.measure.fates import fates_of
from stream.folds.measure.joins import join, learn_classes
from stream.folds.measure.label_kernels import Joins, read_labels, settle_labels
from stream.folds.measure.maps import places_for
from stream.folds.measure.predictions import MAX_AHEAD_MS
from stream.folds.measure.reading import Reading
from stream.folds.measure.state import MeasureState, SourceId


def fold_labels(state: MeasureState, reading: Reading, source: SourceId, opened: int) -> None:
    """Join labels to the predictions that wait for them; let those wait whose prediction is not here yet."""
    outcomes, truths = np.empty(reading.n, np.uint8), np.empty(reading.n, np.uint64)
    models, rows = reading.catalog.models, reading.rows
    read_labels(rows, reading.texts, models, reading.first, state.models.seen, outcomes, truths)
    right = reading.first + np.flatnonzero(outcomes[reading.first :] == 0)
    learn_classes(state, reading, right, truths[right])
    refs = state.pending.find(rows.hashes[right])
    is_here = refs >= 0
    count_rows = state.counts.rows_of(reading, "label")
    _settle(state, reading, right[is_here], refs[is_here], truths, outcomes, opened)
    _wait(state, reading, source, right[~is_here], truths, count_rows, outcomes)
    state.counts.count(reading.first, count_rows, outcomes)
    state.fates += fates_of(reading, "label", outcomes)


def _settle(
    state: MeasureState, reading: Reading, rows: Ints, refs: Ints, truths: Words, outcomes: Outcomes, opened: int
) -> None:
    """Join labels whose predictions are here."""
    if not len(rows):
        return
    read, n = state.pending.read(refs), len(rows)
    states, places = read.states, np.full(places_for(n), -1, np.int32)
    ints, words = np.empty((3, 2 * n), np.int64), np.empty(2 * n, np.uint64)
    joins = Joins(ints[0], words, ints[1], ints[2], np.empty(2 * n, np.bool_))
    made = settle_labels(
        reading.rows, reading.texts, reading.catalog.models, rows, refs, states, truths, places,
        np.empty(n, np.uint64), outcomes, joins,
    )  # fmt: skip
    state.pending.mark(refs, states)
    if made:
        entries = Accepted(rows, reading.rows.hashes[rows], read.served, read.event_ms, read.contexts)
        join(state, entries, Joins._make(column[:made] for column in joins), opened)


def _wait(
    state: MeasureState,
    reading: Reading,
    source: SourceId,
    rows: Ints,
    truths: Words,
    count_rows: Codes,
    outcomes: Outcomes,
) -> None:
    """Keep labels that came before their predictions; feedback does not wait, nor what is from the future.

    One of a higher revision takes the place of the one that waits, which then counts as used.
    """
    if not len(rows):
        return
    outcomes[rows] = PENDING
    outcomes[rows[reading.rows.event_ms[rows] > state.clock_ms + MAX_AHEAD_MS]] = FUTURE
    outcomes[rows[reading.rows.lanes[rows] == FEEDBACK_LANE]] = UNMATCHED
    early = rows[outcomes[rows] == PENDING]
    fates, replaced = state.early.keep(reading, early, truths, count_rows, list(state.sources).index(source))
    outcomes[early[fates == 0]] = DUPLICATE
    # Those replaced may have come in this very block, whose rows are counted afterwards.
    state.counts.move(replaced, PENDING, USED)
