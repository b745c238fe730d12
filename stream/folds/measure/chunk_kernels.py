"""Rows that add to the same keys, some at a time, in compiled code: in which order, and what each of them is.

Within a key rows stay in the order of the log, and so do floats that are added. Rows of one key follow each other, so
that loops go over rows of one feature, not over features of one row: what is known of a feature is read once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Int, at, in_place, inlined
from detectors.latency_kernels import latency_code
from stream.folds.measure.accepted_kernels import Accepted
from stream.folds.measure.row_kernels import Plans, Rows, Texts
from stream.folds.measure.table_kernels import Lineages, Models

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Words = NDArray[np.uint64]
Codes = NDArray[np.int32]

CHUNK = 128
"""Rows at a time: what they come to stays in the nearest cache."""


class Turns(NamedTuple):
    """Rows, each with a lineage of its model, in the order of their keys.

    The row of `Accepted`, the lineage, and the place of its first key. `ends`: by key, where its turns end.
    """

    accepted: Codes
    lineage: Codes
    place: Codes
    ends: Ints


class Chunk(NamedTuple):
    """Rows of one key: the place of their first key, where their plan and their words begin, and the bin of latency.

    `words`, `numbers`: what was served, nothing to lineages of another task than the model's first one. `base`: where
    the sums of the key at hand begin.
    """

    place: Ints
    plan: Ints
    cells: Ints
    latency: Ints
    words: Words
    numbers: Floats
    base: Ints


@inlined
def keys_in(lineages: Lineages, lineage: Int) -> np.int64:
    """Return how many keys a row has in a lineage: one of all rows, and one for each segment."""
    return np.int64(1 + lineages.segments[lineage + 1] - lineages.segments[lineage])


@in_place
def order_by_key(
    rows: Rows, texts: Texts, models: Models, lineages: Lineages, accepted: Accepted, of_row: Codes, turns: Turns
) -> Int:
    """Write the turns of all rows, and return how many; `turns.ends` are zeros, one more than there are open keys."""
    place = np.int64(0)
    for i in range(len(accepted.row)):
        model = np.int64(texts.models[rows.models[accepted.row[i]]])
        for lineage in range(models.first[model], models.first[model + 1]):
            turns.ends[at(of_row[place] + 1)] += 1
            place += keys_in(lineages, lineage)
    for key in range(1, len(turns.ends)):
        turns.ends[key] += turns.ends[key - 1]
    place = np.int64(0)
    for i in range(len(accepted.row)):
        model = np.int64(texts.models[rows.models[accepted.row[i]]])
        for lineage in range(models.first[model], models.first[model + 1]):
            slot = at(of_row[place])
            turn = at(turns.ends[slot])
            turns.accepted[turn], turns.lineage[turn], turns.place[turn] = i, lineage, place
            turns.ends[slot] += 1
            place += keys_in(lineages, lineage)
    return np.int64(turns.ends[len(turns.ends) - 1])


@inlined
def fill_chunk(
    rows: Rows,
    plans: Plans,
    accepted: Accepted,
    served_numbers: Floats,
    latency_edges: Floats,
    turns: Turns,
    first: Int,
    size: Int,
    is_of_task: bool,
    chunk: Chunk,
) -> None:
    """Write what the rows of some turns of one key are."""
    for r in range(size):
        i = at(turns.accepted[first + r])
        row = at(accepted.row[i])
        chunk.place[r] = turns.place[first + r]
        chunk.plan[r] = plans.starts[at(plans.of_row[row])]
        chunk.cells[r] = rows.row_starts[row]
        chunk.latency[r] = latency_code(latency_edges, rows.latencies[row])
        chunk.words[r] = accepted.served[i] if is_of_task else np.uint64(0)
        chunk.numbers[r] = served_numbers[i] if is_of_task else np.nan
