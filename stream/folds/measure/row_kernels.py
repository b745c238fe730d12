"""Rows of a frame in compiled code: which model and columns each has, and numbers that stand where texts belong."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Int, in_place, inlined
from stream.folds.frame import MISSING, NUMBER_MASK, TEXT
from stream.folds.measure.map_kernels import mixed, number_in, number_of, put
from stream.folds.measure.table_kernels import Models, Tables

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Words = NDArray[np.uint64]
Codes = NDArray[np.int32]

MISSING_WORD, _MASK = np.uint64(MISSING), np.uint64(NUMBER_MASK)
_NOTHING = np.uint64(0)
_TEXT, _32, _LOW = np.uint64(TEXT >> 32), np.uint64(32), np.uint64(0xFFFF_FFFF)
MISSING_CODE, INVALID_CODE = -1, -2
MULTICLASS_TASK = 2


class Rows(NamedTuple):
    """A frame's columns (see ``frame.Columns``), words also as numbers; none of the arrays may be written into.

    `first` is the first row that counts, `model` the number of each text as a watched model, `version` as a version.
    """

    event_ms: Ints
    hashes: Words
    models: Codes
    versions: Codes
    producers: Codes
    labels: Words
    label_numbers: Floats
    lanes: NDArray[np.uint8]
    revisions: NDArray[np.uint8]
    scores: Floats
    latencies: Floats
    shapes: Codes
    shape_starts: Ints
    row_shapes: Codes
    row_starts: Ints
    cells: Words
    numbers: Floats


class Texts(NamedTuple):
    """Texts of a frame and of numbers that stand for texts: hashes; and the words of those numbers with their codes.

    `models`: the number of each text as a watched model, −1 for none.
    """

    hashes: Words
    models: Codes
    number_words: Words
    number_codes: Codes


class Plans(NamedTuple):
    """Where the columns of a model are in rows of a shape, once for each model, shape and version that the rows have.

    `of_row`: each row's plan, −1 for rows of no watched model. `starts`: a plan's words in `at`: for each column of
    the model its place in the row, −1 where the shape lacks it, then the number of shadows, then their places.
    """

    of_row: Codes
    starts: Ints
    at: Codes


@inlined
def is_number(word: np.uint64) -> bool:
    """Say whether a word is a finite number."""
    return bool((word & _MASK) != _MASK)


@inlined
def is_text(word: np.uint64) -> bool:
    """Say whether a word is the code of a text."""
    return bool(word >> _32 == _TEXT)


@inlined
def text_code(texts: Texts, word: np.uint64) -> Int:
    """Return the code of the text that a word is, or, being a number, stands for; MISSING_CODE, INVALID_CODE."""
    if word >> _32 == _TEXT:
        return np.int64(word & _LOW)
    if (word & _MASK) != _MASK:
        low, high = 0, len(texts.number_words)
        while low < high:
            middle = (low + high) // 2
            if texts.number_words[middle] < word:
                low = middle + 1
            else:
                high = middle
        return np.int64(texts.number_codes[low])
    return MISSING_CODE if word == MISSING_WORD else INVALID_CODE


@in_place
def assign_plans(rows: Rows, texts: Texts, first: Int, keys: Words, values: Codes, of_row: Codes, kinds: Ints) -> Int:
    """Give each kind of row (model, shape, version's code) a number; write each row's, and the kinds, three by three.

    Return how many kinds there are.
    """
    count, before_model, before_shape, before = 0, np.int64(-1), np.int64(-1), np.int64(-1)
    before_version = np.int64(-2)
    for row in range(first, len(rows.models)):
        model, shape = np.int64(texts.models[rows.models[row]]), np.int64(rows.row_shapes[row])
        version = np.int64(rows.versions[row])
        if model < 0:
            of_row[row] = -1
            continue
        if model != before_model or shape != before_shape or version != before_version:
            before_model, before_shape, before_version = model, shape, version
            key = mixed(np.uint64(shape), mixed(np.uint64(version + 1), np.uint64(model)))
            before = np.int64(number_of(keys, values, key))
            if before < 0:
                before = np.int64(count)
                put(keys, values, 0, len(keys) - 1, key, count)
                kinds[3 * count], kinds[3 * count + 1], kinds[3 * count + 2] = model, shape, version
                count += 1
        of_row[row] = before
    return count


@in_place
def fill_plans(rows: Rows, texts: Texts, models: Models, tables: Tables, kinds: Ints, plans: Plans) -> None:
    """Write the plan of each kind of row (see `assign_plans`)."""
    mask = len(tables.name_keys) - 1
    for plan in range(len(plans.starts) - 1):
        model, shape, start = kinds[3 * plan], kinds[3 * plan + 1], plans.starts[plan]
        columns = models.columns[model]
        for each in range(columns):
            plans.at[start + each] = -1
        shadows, begin = 0, rows.shape_starts[shape]
        for place in range(rows.shape_starts[shape + 1] - begin):
            name = rows.shapes[begin + place]
            if name < 0:
                shadows += 1
                plans.at[start + columns + shadows] = place
                continue
            key = mixed(texts.hashes[name], np.uint64(model))
            column = np.int64(number_in(tables.name_keys, tables.name_values, 0, mask, key))
            if column >= 0:
                plans.at[start + column] = place
        plans.at[start + columns] = shadows


@in_place
def numbers_as_texts(
    rows: Rows, texts: Texts, models: Models, plans: Plans, first: Int, keys: Words, values: Codes, found: Words
) -> Int:
    """Write the distinct words of numbers that stand where texts belong; return how many, −1 if there is no room.

    `keys` and `values` are an empty map with room for all of `found`.
    """
    count = np.int64(0)
    for row in range(first, len(rows.models)):
        if len(plans.of_row) and plans.of_row[row] >= 0:
            plan, model = plans.starts[plans.of_row[row]], texts.models[rows.models[row]]
            for i in range(models.texts[model], models.texts[model + 1]):
                place = plans.at[plan + models.text_columns[i]]
                word = rows.cells[rows.row_starts[row] + place] if place >= 0 else MISSING_WORD
                if is_number(word):
                    count = np.int64(_note(word, keys, values, found, count))
        model = texts.models[rows.models[row]]
        if model >= 0 and models.task[model] == MULTICLASS_TASK and is_number(rows.labels[row]):
            count = np.int64(_note(rows.labels[row], keys, values, found, count))
        if count < 0:
            return -1
    return count


@inlined
def _note(word: np.uint64, keys: Words, values: Codes, found: Words, count: Int) -> Int:
    key = mixed(word, _NOTHING)  # of one word alone no two hashes are equal
    if count < 0 or number_of(keys, values, key) >= 0:
        return count
    if count == len(found):
        return -1
    put(keys, values, 0, len(keys) - 1, key, count)
    found[count] = word
    return count + 1
