"""What predictions add to the sums of their keys, in compiled code.

Floats are added in the order of the rows, one after the other: sums do not depend on how the log is cut.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Int, at, in_place, inlined
from detectors.performance_kernels import is_served, serve
from stream.folds.layout import INVALIDS, ROWS
from stream.folds.measure.accepted_kernels import Accepted
from stream.folds.measure.chunk_kernels import CHUNK, Chunk, Turns, fill_chunk, keys_in
from stream.folds.measure.feature_kernels import Found, read_features
from stream.folds.measure.key_kernels import Keys
from stream.folds.measure.product_kernels import FEW, add_products, add_row, far_rows, strange_rows
from stream.folds.measure.row_kernels import Plans, Rows, Texts
from stream.folds.measure.table_kernels import Lineages, Models, Tables

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Codes = NDArray[np.int32]


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
    turns: Turns,
    count: Int,
    keys: Keys,
    ints: Ints,
    floats: Floats,
    chunk: Chunk,
    found: Found,
    levels: Ints,
) -> Int:
    """Add rows to their keys (see ``resolve``), write what counts by name into `levels`, and return how much of it.

    `count` turns are given. `levels` takes key, feature and text code, and has room for all.
    """
    first, told, before = np.int64(0), np.int64(0), np.int64(-1)
    while first < count:
        lineage, key = at(turns.lineage[first]), at(of_row[at(turns.place[first])])
        if lineage != before:
            before = lineage
            found.round[0] += 1
        size = min(turns.ends[key] - first, CHUNK)
        model = texts.models[rows.models[accepted.row[at(turns.accepted[first])]]]
        # A row keeps what its model's first monitor says was served: lineages of other tasks count no performance.
        is_of_task = lineages.task[lineage] == models.task[model]
        fill_chunk(rows, plans, accepted, served_numbers, latency_edges, turns, first, size, is_of_task, chunk)
        begin = lineages.features[lineage]
        features, numbers = lineages.features[lineage + 1] - begin, lineages.floats[lineage] // 4
        named, paired = read_features(rows, texts, plans, tables, begin, features, numbers, chunk, size, found)
        for group in range(keys_in(lineages, lineage)):
            _add_counts(lineages, lineage, features, of_row, group, keys, ints, chunk, size, found)
            _add_floats(lineages, lineage, numbers, of_row, group, keys, ints, floats, chunk, size, found)
            told = _tell_levels(of_row, group, chunk, found, named, levels, told)
        if paired:
            _add_pairs(lineages, lineage, tables, at(keys.ints[key]), ints, found, paired, size)
        first += size
    return told


@inlined
def _add_counts(
    lineages: Lineages,
    lineage: Int,
    features: Int,
    of_row: Codes,
    group: Int,
    keys: Keys,
    ints: Ints,
    chunk: Chunk,
    size: Int,
    found: Found,
) -> None:
    """Count rows, and what their features come to, in one of their keys."""
    latency = lineages.latency[lineage]
    for r in range(size):
        base = at(keys.ints[at(of_row[at(chunk.place[r] + group)])])
        chunk.base[r] = base
        ints[base + ROWS] += 1
        ints[base + INVALIDS] += found.invalid[r]
        ints[base + at(latency + chunk.latency[r])] += 1
    for feature in range(features):
        cells = at(CHUNK * feature)
        for r in range(size):
            ints[at(chunk.base[r] + found.cells[cells + r])] += 1


@inlined
def _add_floats(
    lineages: Lineages,
    lineage: Int,
    numbers: Int,
    of_row: Codes,
    group: Int,
    keys: Keys,
    ints: Ints,
    floats: Floats,
    chunk: Chunk,
    size: Int,
    found: Found,
) -> None:
    """Add numbers, and what was served, to one of the keys of each row."""
    task, after_ints, after_floats = lineages.task[lineage], lineages.size[lineage], lineages.floats[lineage]
    for r in range(size):
        key = at(of_row[at(chunk.place[r] + group)])
        base = at(keys.floats[key])
        for number in range(numbers):
            value, place = found.values[at(r * numbers + number)], at(base + 4 * number)
            if not np.isnan(value):
                floats[place] += value
                floats[place + 1] += value * value
                floats[place + 2] = min(floats[place + 2], value)
                floats[place + 3] = max(floats[place + 3], value)
        if is_served(task, chunk.words[r], chunk.numbers[r]):
            to, float_to = keys.ints[key] + after_ints, keys.floats[key] + after_floats
            serve(task, ints, to, floats, float_to, chunk.words[r], chunk.numbers[r])


@inlined
def _tell_levels(
    of_row: Codes, group: Int, chunk: Chunk, found: Found, named: Int, levels: Ints, told: np.int64
) -> np.int64:
    for i in range(named):
        levels[told] = of_row[at(chunk.place[found.named[3 * i]] + group)]
        levels[told + 1], levels[told + 2] = found.named[3 * i + 1], found.named[3 * i + 2]
        told += 3
    return told


@inlined
def _add_pairs(
    lineages: Lineages, lineage: Int, tables: Tables, base: Int, ints: Ints, found: Found, paired: Int, size: Int
) -> None:
    """Add products of pairs, and outliers behind them, to the key of all rows."""
    begin, weights = base + lineages.products[lineage], lineages.precision[lineage]
    forest, limit = lineages.forest[lineage], lineages.limit[lineage]
    end, far = at(begin), np.int64(0)
    if size < FEW:
        for r in range(size):
            end, distance = add_row(ints, begin, found, paired, r, tables.precision, weights)
            far += np.int64(distance > limit)
    else:
        end = add_products(ints, begin, found.scores, paired, size)
        far = far_rows(found, paired, size, tables.precision, weights, limit) if forest < 0 else far
    ints[end] += far if forest < 0 else strange_rows(found, paired, size, tables.forests, forest, limit)
