"""Predictions in compiled code: what is right about each, what its label must know, and what it adds to its keys.

Floats are added in the order of the rows, one after the other: sums do not depend on how the log is cut.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from detectors.latency_kernels import latency_code
from detectors.performance_kernels import BINARY, MULTICLASS, is_served, serve
from stream.folds.layout import INVALIDS, ROWS
from stream.folds.measure.bin_kernels import edges_below
from stream.folds.measure.context_kernels import EPOCH, SHADOWS, VALUES, VERSION, Contexts, context_of
from stream.folds.measure.count_kernels import FUTURE, LATE_USED, NO_MONITOR, NO_PROBABILITY, TOO_LATE, USED
from stream.folds.measure.key_kernels import Keys
from stream.folds.measure.map_kernels import Int, mixed, number_in
from stream.folds.measure.row_kernels import (
    MISSING_CODE,
    Plans,
    Rows,
    Texts,
    is_number,
    is_text,
    text_code,
)
from stream.folds.measure.table_kernels import (
    BINNED,
    COLUMN,
    COUNT,
    FEATURE_WIDTH,
    GUIDE,
    INVALID,
    KIND,
    LEVELLED,
    NUMBER,
    START,
    Lineages,
    Models,
    Segments,
    Tables,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Words = NDArray[np.uint64]
Codes = NDArray[np.int32]

NAN_WORD = 0x7FF8_0000_0000_0000
_NAN_WORD, _MISSING = np.uint64(NAN_WORD), np.uint64(0x7FF8_0000_0000_0001)


class Accepted(NamedTuple):
    """Rows of predictions that nothing is wrong with, in order: row, identity, what was served, time, context."""

    row: Ints
    hashes: Words
    served: Words
    event_ms: Ints
    contexts: NDArray[np.uint32]


class Known(NamedTuple):
    """By model: newest event time, the tick of its last row, whether it is closed or has ever been seen."""

    newest_ms: Ints
    row_tick: Ints
    closed: NDArray[np.bool_]
    seen: NDArray[np.bool_]


@compiled
def _wrong(is_binary: bool, score: float, event_ms: Int, oldest_ms: Int, newest_ms: Int) -> Int:
    if event_ms < oldest_ms:
        return TOO_LATE
    if event_ms > newest_ms:
        return FUTURE
    if is_binary and (score < 0 or score > 1):
        return NO_PROBABILITY
    return 0


@compiled
def _served(task: Int, rows: Rows, score_words: Words, texts: Texts, row: Int) -> np.uint64:
    """Return the score, the value (a score stands in for it), or the hash of the class, as a word."""
    if task == BINARY:
        return np.uint64(_NAN_WORD if np.isnan(rows.scores[row]) else score_words[row])
    label = rows.labels[row]
    if task == MULTICLASS:
        code = text_code(texts, label)
        return np.uint64(texts.hashes[code]) if code >= 0 else np.uint64(0)
    if is_number(label):
        return np.uint64(label)
    return np.uint64(_NAN_WORD if is_text(label) or np.isnan(rows.scores[row]) else score_words[row])


@compiled
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

    `oldest_ms` by model: what came before it is too late; `newest_ms`: what comes after it is from the future.
    There is room for as many new contexts as rows.
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
        at, cells = plans.starts[plan], rows.row_starts[row]
        version = rows.versions[row]
        scratch[EPOCH] = models.epoch[model]
        scratch[VERSION] = 0 if version < 0 else version_of[version]
        scratch[SHADOWS] = shadow_set_of[rows.row_shapes[row]]
        size = VALUES
        lineage_at, lineage_end = models.first[model], models.first[model + 1]
        for segment in range(lineages.segments[lineage_at], lineages.segments[lineage_end]):
            place, value = plans.at[at + segments.column[segment]], np.int64(0)
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


@compiled
def _read_features(
    rows: Rows,
    texts: Texts,
    tables: Tables,
    plan: Codes,
    cells: Int,
    first: Int,
    end: Int,
    counted: Codes,
    codes: Codes,
    values: Floats,
) -> bool:
    """Write the cell of each feature that the row's words count in; say whether any of them is invalid.

    Parameters
    ----------
    plan, cells
        Where the model's columns are in the row, and where its words begin.
    first, end
        The lineage's rows of the table of features.
    counted, codes
        By feature: its cell, and the code of its text where texts count by name (−1: none).
    values
        By numeric feature: the value, NaN where there is none.
    """
    invalid, number = False, 0
    for i in range(end - first):
        feature = FEATURE_WIDTH * (first + i)
        place, kind = plan[tables.features[feature + COLUMN]], tables.features[feature + KIND]
        cell = np.int64(tables.features[feature + INVALID])
        start = np.int64(tables.features[feature + START])
        word = rows.cells[cells + place] if place >= 0 else _MISSING
        codes[i] = -1
        if kind <= NUMBER:
            if is_number(word):
                value = rows.numbers[cells + place]
                cell += 2
                if kind == BINNED:
                    guide = np.int64(tables.features[feature + GUIDE])
                    cell += edges_below(tables.edges, start, tables.guides, guide, value)
                values[number] = value
            else:
                cell += word == _MISSING
                invalid |= word != _MISSING
                values[number] = np.nan
            number += 1
        else:
            code = text_code(texts, word)
            if code < 0:
                cell += code == MISSING_CODE
                invalid |= code != MISSING_CODE
            elif kind == LEVELLED:
                mask = np.int64(tables.features[feature + COUNT])
                cell += 1 + max(number_in(tables.text_keys, tables.text_values, start, mask, texts.hashes[code]), 1)
            else:
                cell += 2
                codes[i] = code
        counted[i] = cell
    return invalid


@compiled
def _add_numbers(floats: Floats, at: Int, values: Floats, numbers: Int) -> None:
    for number in range(numbers):
        value = values[number]
        if not np.isnan(value):
            floats[at] += value
            floats[at + 1] += value * value
            floats[at + 2] = min(floats[at + 2], value)
            floats[at + 3] = max(floats[at + 3], value)
        at += 4


@compiled
def add_predictions(
    rows: Rows,
    texts: Texts,
    plans: Plans,
    models: Models,
    lineages: Lineages,
    tables: Tables,
    latency_edges: Floats,
    accepted: Accepted,
    served_numbers: Floats,
    of_row: Codes,
    keys: Keys,
    ints: Ints,
    floats: Floats,
    counted: Codes,
    codes: Codes,
    values: Floats,
    levels: Ints,
) -> Int:
    """Add rows to their keys (see ``resolve``), write what counts by name into `levels`, and return how much of it.

    `counted`, `codes` and `values` have room for the features of a lineage. `levels` takes key, feature and text code,
    and has room for all of them.
    """
    at = told = 0
    for i in range(len(accepted.row)):
        row, word, number = accepted.row[i], accepted.served[i], served_numbers[i]
        model = np.int64(texts.models[rows.models[row]])
        plan, latency = plans.at[plans.starts[plans.of_row[row]] :], latency_code(latency_edges, rows.latencies[row])
        for lineage in range(models.first[model], models.first[model + 1]):
            first, end = lineages.features[lineage], lineages.features[lineage + 1]
            invalid = _read_features(
                rows, texts, tables, plan, rows.row_starts[row], first, end, counted, codes, values
            )
            # A row keeps what its model's first monitor says was served: lineages of other tasks count no performance.
            task = lineages.task[lineage]
            has_served = task == models.task[model] and is_served(task, word, number)
            for group in range(at, at + 1 + lineages.segments[lineage + 1] - lineages.segments[lineage]):
                key = np.int64(of_row[group])
                base, float_base = keys.ints[key], keys.floats[key]
                ints[base + ROWS] += 1
                ints[base + INVALIDS] += invalid
                ints[base + lineages.latency[lineage] + latency] += 1
                for feature in range(end - first):
                    ints[base + counted[feature]] += 1
                    if codes[feature] >= 0:
                        levels[told], levels[told + 1], levels[told + 2] = key, first + feature, codes[feature]
                        told += 3
                _add_numbers(floats, float_base, values, lineages.floats[lineage] // 4)
                if has_served:
                    size, offset = lineages.size[lineage], lineages.floats[lineage]
                    serve(task, ints, base + size, floats, float_base + offset, word, number)
                at += 1
    return told


@compiled
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
        pane_ms = lineages.pane_ms[first]
        late = event_ms - event_ms % pane_ms + pane_ms <= lineages.watermark_ms[first]
        outcomes[row] = LATE_USED if late else USED
        known.newest_ms[model] = max(known.newest_ms[model], event_ms)
        newest_of_source[model] = max(newest_of_source[model], event_ms)
        known.row_tick[model], known.closed[model] = tick, False


@compiled
def shadow_hash(one: np.uint64, version: np.uint64) -> np.uint64:
    """Return the identity under which the score of a shadow version waits, beside the prediction's."""
    return mixed(version, one)


@compiled
def shadow_entries(rows: Rows, texts: Texts, plans: Plans, models: Models, accepted: Accepted, found: Accepted) -> Int:
    """Write an entry for each score of a shadow; return how many. `found` has room for as many as rows have shadows."""
    count = 0
    for i in range(len(accepted.row)):
        row = accepted.row[i]
        model, start = texts.models[rows.models[row]], plans.starts[plans.of_row[row]]
        shadows = start + models.columns[model]
        names, cells = rows.shape_starts[rows.row_shapes[row]], rows.row_starts[row]
        for at in range(shadows + 1, shadows + 1 + plans.at[shadows]):
            word = rows.cells[cells + plans.at[at]]
            if is_number(word):
                version = texts.hashes[~rows.shapes[names + plans.at[at]]]
                found.row[count], found.hashes[count] = row, shadow_hash(accepted.hashes[i], version)
                found.served[count], found.event_ms[count] = word, accepted.event_ms[i]
                found.contexts[count] = accepted.contexts[i]
                count += 1
    return count
