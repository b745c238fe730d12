"""Predictions in compiled code: what is right about each, what its label must know, and what its shadows say."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Int, in_place, inlined
from detectors.performance_kernels import BINARY, MULTICLASS
from stream.folds.measure.accepted_kernels import Accepted
from stream.folds.measure.context_kernels import EPOCH, SHADOWS, VALUES, VERSION, Contexts, context_of
from stream.folds.measure.count_kernels import FUTURE, LATE_USED, NO_MONITOR, NO_PROBABILITY, TOO_LATE, USED
from stream.folds.measure.map_kernels import mixed, number_in
from stream.folds.measure.row_kernels import Plans, Rows, Texts, is_number, is_text, text_code
from stream.folds.measure.table_kernels import Lineages, Models, Segments, Tables

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Words = NDArray[np.uint64]
Codes = NDArray[np.int32]

NAN_WORD = 0x7FF8_0000_0000_0000
_NAN_WORD = np.uint64(NAN_WORD)


class Known(NamedTuple):
    """By model: newest event time, the tick of its last row, whether it is closed or has ever been seen."""

    newest_ms: Ints
    row_tick: Ints
    closed: NDArray[np.bool_]
    seen: NDArray[np.bool_]


@inlined
def _wrong(is_binary: bool, score: float, event_ms: Int, oldest_ms: Int, newest_ms: Int) -> Int:
    if event_ms < oldest_ms:
        return TOO_LATE
    if event_ms > newest_ms:
        return FUTURE
    if is_binary and (score < 0 or score > 1):
        return NO_PROBABILITY
    return 0


@inlined
def _served(task: Int, rows: Rows, score_words: Words, texts: Texts, row: Int) -> np.uint64:
    """Return the score (a class stands in for it), the value (a score does), or the hash of the class, as a word."""
    label = rows.labels[row]
    if task == BINARY:
        if np.isnan(rows.scores[row]):
            return np.uint64(label if is_number(label) else _NAN_WORD)
        return np.uint64(score_words[row])
    if task == MULTICLASS:
        code = text_code(texts, label)
        return np.uint64(texts.hashes[code]) if code >= 0 else np.uint64(0)
    if is_number(label):
        return np.uint64(label)
    return np.uint64(_NAN_WORD if is_text(label) or np.isnan(rows.scores[row]) else score_words[row])


@in_place
def read_predictions(
    rows: Rows,
    score_words: Words,
    texts: Texts,
    plans: Plans,
    models: Models,
    lineages: Lineages,
    segments: Segments,
    tables: Tables,
    contexts: Contexts,
    version_of: Codes,
    shadow_set_of: Codes,
    first: Int,
    oldest_ms: Ints,
    newest_ms: Int,
    seen: NDArray[np.bool_],
    scratch: Codes,
    outcomes: NDArray[np.uint8],
    accepted: Accepted,
) -> Int:
    """Say what is wrong with rows, write those that are right into `accepted`, and return how many.

    `version_of` and `shadow_set_of` by plan. `oldest_ms` by model: what came before it is too late; `newest_ms`: what
    comes after it is from the future. There is room for as many new contexts as rows.
    """
    count = 0
    for row in range(first, len(rows.models)):
        plan = plans.of_row[row]
        if plan < 0:
            outcomes[row] = NO_MONITOR
            continue
        model = np.int64(texts.models[rows.models[row]])
        seen[model] = True
        wrong = _wrong(models.is_binary[model], rows.scores[row], rows.event_ms[row], oldest_ms[model], newest_ms)
        outcomes[row] = wrong
        if wrong:
            continue
        begin, cells = plans.starts[plan], rows.row_starts[row]
        scratch[EPOCH] = models.epoch[model]
        scratch[VERSION], scratch[SHADOWS] = version_of[plan], shadow_set_of[plan]
        size = VALUES
        lineage_at, lineage_end = models.first[model], models.first[model + 1]
        for segment in range(lineages.segments[lineage_at], lineages.segments[lineage_end]):
            place, value = plans.at[begin + segments.column[segment]], np.int64(0)
            if place >= 0:
                code = text_code(texts, rows.cells[cells + place])
                if code >= 0:
                    value = np.int64(
                        number_in(
                            tables.text_keys,
                            tables.text_values,
                            segments.start[segment],
                            segments.mask[segment],
                            texts.hashes[code],
                        )
                    )
            scratch[size] = value if value > 0 else 0
            size += 1
        accepted.row[count], accepted.hashes[count] = row, rows.hashes[row]
        accepted.served[count] = _served(models.task[model], rows, score_words, texts, row)
        accepted.event_ms[count] = rows.event_ms[row]
        accepted.contexts[count] = context_of(contexts, scratch, size)
        count += 1
    return count


@in_place
def note_used(
    rows: Rows,
    texts: Texts,
    models: Models,
    lineages: Lineages,
    accepted: Accepted,
    tick: Int,
    known: Known,
    newest_of_source: Ints,
    outcomes: NDArray[np.uint8],
) -> None:
    """Say which rows came after their pane was sealed (for the first monitor), and note the newest of each model."""
    for i in range(len(accepted.row)):
        row, event_ms = accepted.row[i], accepted.event_ms[i]
        model = texts.models[rows.models[row]]
        first = models.first[model]
        pane_ms, watermark_ms = lineages.pane_ms[first], lineages.watermark_ms[first]
        late = event_ms < watermark_ms and event_ms - event_ms % pane_ms + pane_ms <= watermark_ms
        outcomes[row] = LATE_USED if late else USED
        known.newest_ms[model] = max(known.newest_ms[model], event_ms)
        newest_of_source[model] = max(newest_of_source[model], event_ms)
        known.row_tick[model], known.closed[model] = tick, False


@inlined
def shadow_hash(one: np.uint64, version: np.uint64) -> np.uint64:
    """Return the identity under which the score of a shadow version waits, beside the prediction's."""
    return mixed(version, one)


@in_place
def shadow_entries(rows: Rows, texts: Texts, plans: Plans, models: Models, accepted: Accepted, found: Accepted) -> Int:
    """Write an entry for each score of a shadow; return how many. `found` has room for as many as rows have shadows."""
    count = 0
    for i in range(len(accepted.row)):
        row = accepted.row[i]
        model, start = texts.models[rows.models[row]], plans.starts[plans.of_row[row]]
        shadows = start + models.columns[model]
        names, cells = rows.shape_starts[rows.row_shapes[row]], rows.row_starts[row]
        for each in range(shadows + 1, shadows + 1 + plans.at[shadows]):
            word = rows.cells[cells + plans.at[each]]
            if is_number(word):
                version = texts.hashes[~rows.shapes[names + plans.at[each]]]
                found.row[count], found.hashes[count] = row, shadow_hash(accepted.hashes[i], version)
                found.served[count], found.event_ms[count] = word, accepted.event_ms[i]
                found.contexts[count] = accepted.contexts[i]
                count += 1
    return count
