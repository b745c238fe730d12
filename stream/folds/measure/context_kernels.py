"""Contexts in compiled code: what a label must know of its prediction besides time and score, told apart by content.

A context is a row of numbers: the epoch (model, task, and lineages in force), the version, the set of shadow versions,
and for each lineage of the epoch the value of each of its segments.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Int, in_place, inlined

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

EPOCH, VERSION, SHADOWS, VALUES = 0, 1, 2, 3
"""Places in a context's words; from VALUES on the segments' values."""
COUNT, USED = 0, 1


class Contexts(NamedTuple):
    """Words of all contexts, where each starts (one more than contexts), a hash table, and COUNT and USED words."""

    words: Codes
    starts: Ints
    places: Codes
    sizes: Ints


class Epochs(NamedTuple):
    """By epoch: model, task; `first` (one more): its lineages, each with its number, place of values, segments."""

    model: Ints
    task: Ints
    first: Ints
    lineage: Ints
    offset: Ints


_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(32)


@inlined
def _hash(words: Codes, start: Int, size: Int) -> np.uint64:
    h = np.uint64(size)
    for at in range(size):
        h = np.uint64((h ^ np.uint64(words[start + at])) * _A)
        h ^= h >> _SHIFT
    return np.uint64(h * _B)


@inlined
def _place(contexts: Contexts, words: Codes, start: Int, size: Int) -> Int:
    """Return the place of a context of these words, or the empty one where it belongs."""
    mask = len(contexts.places) - 1
    place = np.int64((_hash(words, start, size) >> _SHIFT) & np.uint64(mask))
    while contexts.places[place] >= 0:
        first = contexts.starts[contexts.places[place]]
        same = contexts.starts[contexts.places[place] + 1] - first == size
        at = 0
        while same and at < size:
            same = contexts.words[first + at] == words[start + at]
            at += 1
        if same:
            return place
        place = (place + 1) & mask
    return place


@inlined
def context_of(contexts: Contexts, scratch: Codes, size: Int) -> Int:
    """Return the number of the context whose words are in `scratch`; a new one is added, there is room for it."""
    place = _place(contexts, scratch, 0, size)
    if contexts.places[place] < 0:
        count, used = contexts.sizes[COUNT], contexts.sizes[USED]
        for at in range(size):
            contexts.words[used + at] = scratch[at]
        contexts.starts[count + 1] = used + size
        contexts.places[place] = count
        contexts.sizes[COUNT], contexts.sizes[USED] = count + 1, used + size
    return np.int64(contexts.places[place])


@in_place
def enter_contexts(contexts: Contexts) -> None:
    """Enter all contexts into an empty table."""
    for number in range(contexts.sizes[COUNT]):
        start, end = contexts.starts[number], contexts.starts[number + 1]
        contexts.places[_place(contexts, contexts.words, start, end - start)] = number
