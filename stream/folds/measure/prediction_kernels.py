"""Predictions in compiled code: what is right about each, what its label must know, and what it adds to its keys.

Floats are added in the order of the rows, one after the other: sums do not depend on how the log is cut.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import in_place, inlined
from detectors.latency_kernels import latency_code
from detectors.performance_kernels import BINARY, MULTICLASS, is_served, serve
from stream.folds.layout import INVALIDS, ROWS
from stream.folds.measure.bin_kernels import edges_below
from stream.folds.measure.context_kernels import EPOCH, SHADOWS, VALUES, VERSION, Contexts, context_of
from stream.folds.measure.count_kernels import FUTURE, LATE_USED, NO_MONITOR, NO_PROBABILITY, TOO_LATE, USED
from stream.folds.measure.key_kernels import Keys
from stream.folds.measure.map_kernels import Int, at, mixed, number_in
from stream.folds.measure.product_kernels import add_products
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
    ANSWER,
    BINNED,
    COLUMN,
    COUNT,
    FEATURE_WIDTH,
    GUIDE,
    INVALID,
    KIND,
    LEVELLED,
    NUMBER,
    SCORES,
    START,
    TEXT,
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


class Found(NamedTuple):
    """What one row's features come to: the cell of each; the numbers (NaN: none); features and codes of named texts.

    `scores`: normal scores of those that are watched in pairs.
    """

    counted: Codes
    values: Floats
    named: Ints
    scores: Ints


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


@inlined
def _number_cell(tables: Tables, feature: Int, value: float) -> np.int64:
    """Return the cell of a number, from the feature's first bin on."""
    if tables.features[feature + KIND] == NUMBER:
        return np.int64(1)
    start, guide = at(tables.features[feature + START]), at(tables.features[feature + GUIDE])
    return np.int64(1 + edges_below(tables.edges, start, tables.scales, tables.guides, guide, value))


@inlined
def _number_offset(tables: Tables, feature: Int, word: np.uint64, value: float) -> np.int64:
    """Return how far from the cell of invalid values a word counts that should be a number."""
    if is_number(word):
        return np.int64(1 + _number_cell(tables, feature, value))
    return np.int64(1 if word == _MISSING else 0)


@inlined
def _text_cell(tables: Tables, feature: Int, text: np.uint64) -> np.int64:
    """Return the cell of a text, from the feature's first bin on."""
    if tables.features[feature + KIND] == TEXT:
        return np.int64(1)
    start, mask = at(tables.features[feature + START]), at(tables.features[feature + COUNT])
    return np.int64(max(number_in(tables.text_keys, tables.text_values, start, mask, text), 1))


@inlined
def _answer_cell(tables: Tables, feature: Int, word: np.uint64, number: float) -> np.int64:
    """Return the cell of what was served, from the one of invalid values on."""
    if tables.features[feature + KIND] == LEVELLED:
        return np.int64(1 if word == np.uint64(0) else 1 + _text_cell(tables, feature, word))
    return np.int64(1 if np.isnan(number) else 1 + _number_cell(tables, feature, number))


@inlined
def _score(tables: Tables, feature: Int, cell: Int) -> np.int64:
    """Return the normal score of the bin that a cell is; 0 for an invalid value."""
    bin_ = cell - np.int64(tables.features[feature + INVALID]) - 1
    return np.int64(tables.scores[at(tables.features[feature + SCORES] + bin_)]) if bin_ >= 0 else np.int64(0)


@in_place
def _read_features(
    rows: Rows,
    texts: Texts,
    tables: Tables,
    plan: Codes,
    plan_at: Int,
    cells: Int,
    first: Int,
    count: Int,
    served: np.uint64,
    served_number: float,
    found: Found,
) -> tuple[np.int64, np.int64, np.int64]:
    """Write where each feature of a row counts.

    Return how many texts count by name, 1 if any word is invalid, and how many features are watched in pairs.

    Parameters
    ----------
    plan, plan_at, cells
        Where the model's columns are in the row, from `plan_at` on, and where its words begin.
    first, count
        The lineage's rows of the table of features.
    served, served_number
        What the model answered, as a word and as a number.
    """
    invalid, number, named, paired = np.int64(0), 0, np.int64(0), np.int64(0)
    for i in range(count):
        feature = at(FEATURE_WIDTH * (first + i))
        cell = np.int64(tables.features[feature + INVALID])
        if tables.features[feature + COLUMN] == ANSWER:
            found.counted[i] = cell + _answer_cell(tables, feature, served, served_number)
            if tables.features[feature + KIND] == BINNED:
                found.values[number] = served_number
                number += 1
            continue
        place = np.int64(plan[at(plan_at + tables.features[feature + COLUMN])])
        word = rows.cells[at(cells + place)] if place >= 0 else _MISSING
        if tables.features[feature + KIND] <= NUMBER:
            value = rows.numbers[at(cells + place)] if is_number(word) else np.nan
            cell += _number_offset(tables, feature, word, value)
            found.values[number] = value
            number += 1
        else:
            code = text_code(texts, word)
            if code >= 0:
                cell += 1 + _text_cell(tables, feature, texts.hashes[at(code)])
                if tables.features[feature + KIND] == TEXT:
                    found.named[2 * named], found.named[2 * named + 1] = first + i, code
                    named += 1
            elif code == MISSING_CODE:
                cell += 1
        invalid |= cell == tables.features[feature + INVALID]
        found.counted[i] = cell
        if tables.features[feature + SCORES] >= 0:
            found.scores[paired] = _score(tables, feature, cell)
            paired += 1
    return named, invalid, paired


@inlined
def _add_numbers(floats: Floats, begin: Int, values: Floats, numbers: Int) -> None:
    for number in range(numbers):
        value, place = values[number], at(begin + 4 * number)
        if not np.isnan(value):
            floats[place] += value
            floats[place + 1] += value * value
            floats[place + 2] = min(floats[place + 2], value)
            floats[place + 3] = max(floats[place + 3], value)


@in_place
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
    found: Found,
    levels: Ints,
) -> Int:
    """Add rows to their keys (see ``resolve``), write what counts by name into `levels`, and return how much of it.

    `found` has room for the features of a lineage. `levels` takes key, feature and text code, and has room for all.
    """
    begin = told = 0
    for i in range(len(accepted.row)):
        row, word, number = accepted.row[i], accepted.served[i], served_numbers[i]
        model = np.int64(texts.models[rows.models[row]])
        plan, latency = plans.starts[plans.of_row[row]], latency_code(latency_edges, rows.latencies[row])
        for lineage in range(models.first[model], models.first[model + 1]):
            first = lineages.features[lineage]
            count = lineages.features[lineage + 1] - first
            # A row keeps what its model's first monitor says was served: lineages of other tasks count no performance.
            task = lineages.task[lineage]
            is_of_task = task == models.task[model]
            has_served = is_of_task and is_served(task, word, number)
            answer, value = (word, number) if is_of_task else (np.uint64(0), np.nan)
            named, invalid, paired = _read_features(
                rows, texts, tables, plans.at, plan, rows.row_starts[row], first, count, answer, value, found
            )
            groups = 1 + lineages.segments[lineage + 1] - lineages.segments[lineage]
            for group in range(begin, begin + groups):
                key = np.int64(of_row[group])
                base, float_base = at(keys.ints[key]), at(keys.floats[key])
                ints[base + ROWS] += 1
                ints[base + INVALIDS] += invalid
                ints[base + lineages.latency[lineage] + latency] += 1
                for feature in range(count):
                    ints[base + at(found.counted[feature])] += 1
                for text in range(named):
                    levels[told], levels[told + 1] = key, found.named[2 * text]
                    levels[told + 2] = found.named[2 * text + 1]
                    told += 3
                _add_numbers(floats, float_base, found.values, lineages.floats[lineage] // 4)
                if has_served:
                    size, offset = lineages.size[lineage], lineages.floats[lineage]
                    serve(task, ints, base + size, floats, float_base + offset, word, number)
            if paired:
                to, weights = keys.ints[of_row[begin]] + lineages.products[lineage], lineages.precision[lineage]
                forest, limit = lineages.forest[lineage], lineages.limit[lineage]
                add_products(ints, to, found.scores, paired, tables.precision, weights, tables.forests, forest, limit)
            begin += groups
    return told


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
        pane_ms = lineages.pane_ms[first]
        late = event_ms - event_ms % pane_ms + pane_ms <= lineages.watermark_ms[first]
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
