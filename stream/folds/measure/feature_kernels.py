"""Where each feature of some rows counts, in compiled code: a loop over rows for each feature."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.bin_kernels import NO_GUIDE, BinGuide, edges_from, guide_of
from detectors.compiled import Int, at, inlined
from stream.folds.measure.chunk_kernels import CHUNK, Chunk
from stream.folds.measure.map_kernels import number_in
from stream.folds.measure.row_kernels import MISSING_CODE, MISSING_WORD, Plans, Rows, Texts, is_number, text_code
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
    Tables,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Codes = NDArray[np.int32]

MEMO = 256
"""Levels of a feature that are remembered, by the low bits of the text's code."""

# Where a word counts, from the cell of invalid ones on; bins come behind these.
_INVALID, _MISSING, _FIRST = 0, 1, 2


class Found(NamedTuple):
    """What features of a chunk's rows come to.

    `cells`, `scores`: of each feature, of each that is watched in pairs, CHUNK rows: the cell, the normal score.
    `values`: of each row its numbers, NaN for none. `named`: row, feature and code of texts that count by name.
    `invalid`: 1 for rows with an invalid word. `partial`, `distances`, `one`: room for what follows from scores.
    `tags`, `levels`: of each feature, MEMO texts that were looked up: their code with the `round`, and their level.
    """

    cells: Codes
    scores: NDArray[np.int16]
    values: Floats
    named: Ints
    invalid: Ints
    partial: Ints
    distances: Ints
    one: Ints
    tags: Ints
    levels: Codes
    round: Ints


@inlined
def read_features(
    rows: Rows,
    texts: Texts,
    plans: Plans,
    tables: Tables,
    first: Int,
    count: Int,
    numbers: Int,
    chunk: Chunk,
    size: Int,
    found: Found,
) -> tuple[np.int64, np.int64]:
    """Write what `count` features, from row `first` of their table on, come to in the rows of a chunk.

    Return how many texts count by name, and how many features are watched in pairs.
    """
    for r in range(size):
        found.invalid[r] = 0
    number, named, paired, wrong = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    for i in range(count):
        feature, cells = at(FEATURE_WIDTH * (first + i)), at(CHUNK * i)
        kind, is_answer = tables.features[feature + KIND], tables.features[feature + COLUMN] == ANSWER
        if is_answer and kind == LEVELLED:
            _place_classes(tables, feature, chunk, size, found.cells, cells)
        elif is_answer:
            _place_answers(tables, feature, chunk, size, found, cells, number, numbers)
        elif kind <= NUMBER:
            wrong = _place_numbers(rows, plans, tables, feature, chunk, size, found, cells, number, numbers)
        else:
            named, wrong = _place_texts(
                rows, texts, plans, tables, feature, first + i, chunk, size, found, cells, named, MEMO * i
            )
        number += 1 if kind <= NUMBER else 0
        if not is_answer:
            if wrong:
                _note_invalid(tables, feature, size, found, cells)
            if tables.features[feature + SCORES] >= 0:
                _score(tables, feature, size, found, cells, paired)
                paired += 1
    return named, paired


@inlined
def _place_classes(tables: Tables, feature: Int, chunk: Chunk, size: Int, cells: Codes, to: Int) -> None:
    invalid = np.int64(tables.features[feature + INVALID])
    start, mask = np.int64(tables.features[feature + START]), np.int64(tables.features[feature + COUNT])
    for r in range(size):
        word = chunk.words[r]
        level = _MISSING if word == np.uint64(0) else _FIRST - 1 + _level(tables, start, mask, word)
        cells[to + r] = invalid + level


@inlined
def _place_answers(
    tables: Tables, feature: Int, chunk: Chunk, size: Int, found: Found, to: Int, number: Int, numbers: Int
) -> None:
    invalid, is_binned = np.int64(tables.features[feature + INVALID]), tables.features[feature + KIND] == BINNED
    guide = _guide(tables, feature)
    for r in range(size):
        value = chunk.numbers[r]
        offset = np.int64(_MISSING)
        if not np.isnan(value):
            offset = np.int64(_FIRST + edges_from(tables.edges, tables.guides, guide, value) if is_binned else _FIRST)
        found.cells[to + r] = invalid + offset
        found.values[at(r * numbers + number)] = value


@inlined
def _place_numbers(
    rows: Rows,
    plans: Plans,
    tables: Tables,
    feature: Int,
    chunk: Chunk,
    size: Int,
    found: Found,
    to: Int,
    number: Int,
    numbers: Int,
) -> np.int64:
    """Return how many words are invalid."""
    invalid, is_binned = np.int64(tables.features[feature + INVALID]), tables.features[feature + KIND] == BINNED
    column = np.int64(tables.features[feature + COLUMN])
    guide = _guide(tables, feature)
    wrong = np.int64(0)
    for r in range(size):
        place = np.int64(plans.at[at(chunk.plan[r] + column)])
        word, value = MISSING_WORD, np.nan
        if place >= 0:
            word, value = rows.cells[at(chunk.cells[r] + place)], rows.numbers[at(chunk.cells[r] + place)]
        if is_number(word):
            offset = np.int64(_FIRST + edges_from(tables.edges, tables.guides, guide, value) if is_binned else _FIRST)
        else:
            offset = np.int64(_MISSING if word == MISSING_WORD else _INVALID)
            value = np.nan
        wrong += offset == _INVALID
        found.cells[to + r] = invalid + offset
        found.values[at(r * numbers + number)] = value
    return wrong


@inlined
def _place_texts(
    rows: Rows,
    texts: Texts,
    plans: Plans,
    tables: Tables,
    feature: Int,
    number: Int,
    chunk: Chunk,
    size: Int,
    found: Found,
    to: Int,
    named: np.int64,
    memo: Int,
) -> tuple[np.int64, np.int64]:
    """Return how many texts count by name by now, and how many words are invalid."""
    invalid, column = np.int64(tables.features[feature + INVALID]), np.int64(tables.features[feature + COLUMN])
    start, mask = np.int64(tables.features[feature + START]), np.int64(tables.features[feature + COUNT])
    is_named = tables.features[feature + KIND] == TEXT
    wrong, turn = np.int64(0), found.round[0] << 32
    for r in range(size):
        place = np.int64(plans.at[at(chunk.plan[r] + column)])
        code = np.int64(MISSING_CODE)
        if place >= 0:
            code = np.int64(text_code(texts, rows.cells[at(chunk.cells[r] + place)]))
        offset = np.int64(_MISSING if code == MISSING_CODE else _INVALID)
        if code >= 0 and is_named:
            offset = np.int64(_FIRST)
            found.named[3 * named], found.named[3 * named + 1], found.named[3 * named + 2] = r, number, code
            named += 1
        elif code >= 0:
            offset = _FIRST - 1 + _known_level(tables, texts, start, mask, code, turn, found, memo)
        wrong += offset == _INVALID
        found.cells[to + r] = invalid + offset
    return named, wrong


@inlined
def _guide(tables: Tables, feature: Int) -> BinGuide:
    if tables.features[feature + KIND] != BINNED:
        return NO_GUIDE
    return guide_of(tables.scales, tables.features[feature + START], np.int64(tables.features[feature + GUIDE]))


@inlined
def _known_level(
    tables: Tables, texts: Texts, start: Int, mask: Int, code: Int, turn: Int, found: Found, memo: Int
) -> np.int64:
    """Return the bin of a text of this block; most of them come again and again."""
    place = at(memo + (code & (MEMO - 1)))
    if found.tags[place] != turn | code:
        found.tags[place] = turn | code
        found.levels[place] = _level(tables, start, mask, texts.hashes[at(code)])
    return np.int64(found.levels[place])


@inlined
def _level(tables: Tables, start: Int, mask: Int, text: np.uint64) -> np.int64:
    """Return the bin of a text: 1 for one that the reference does not know."""
    return np.int64(max(number_in(tables.text_keys, tables.text_values, start, mask, text), 1))


@inlined
def _note_invalid(tables: Tables, feature: Int, size: Int, found: Found, cells: Int) -> None:
    invalid = np.int64(tables.features[feature + INVALID])
    for r in range(size):
        found.invalid[r] |= np.int64(found.cells[cells + r]) == invalid


@inlined
def _score(tables: Tables, feature: Int, size: Int, found: Found, cells: Int, paired: Int) -> None:
    """Write the normal scores of the bins; 0 for invalid values."""
    scores, invalid = np.int64(tables.features[feature + SCORES]), np.int64(tables.features[feature + INVALID])
    for r in range(size):
        bin_ = np.int64(found.cells[cells + r]) - invalid - 1
        found.scores[at(CHUNK * paired + r)] = tables.scores[at(scores + bin_)] if bin_ >= 0 else 0
