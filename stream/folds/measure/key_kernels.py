"""Open keys in compiled code: which keys a row adds to, found by content, and opened where there are none yet."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Int, in_place, inlined
from stream.folds.layout import DUPLICATES
from stream.folds.measure.context_kernels import EPOCH, VERSION, Contexts, Epochs
from stream.folds.measure.table_kernels import Lineages, Models

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

NEVER = -(1 << 62)
NO_SEGMENT = -1
NO_KEY = -1


class Keys(NamedTuple):
    """Open keys in the order in which they were opened, a hash table of them, and their number.

    `segment` is NO_SEGMENT, or which segment of its lineage; `value` the segment's value. `late_pane`: the pane of the
    watermark when a late key opened, NEVER for one in time. `ints`, `floats`: where its sums begin; −1 for a key that
    has none yet. `pairs`: its first pair, −1 for none.
    """

    lineage: Codes
    version: Codes
    segment: Codes
    value: Codes
    pane: Ints
    opened: Ints
    late_pane: Ints
    ints: Ints
    floats: Ints
    pairs: Ints
    places: Codes
    sizes: Ints


MEMO = 64
"""Contexts whose keys `resolve` remembers, by their low bits."""


class Memo(NamedTuple):
    """By place: context (−1: none), the times for which its keys hold, where they were written, how many they are."""

    context: Ints
    first_ms: Ints
    end_ms: Ints
    place: Ints
    keys: Ints


_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC4CEB9FE1A85EC53)
_32 = np.uint64(32)


@inlined
def _hash(lineage: Int, version: Int, segment: Int, value: Int, pane: Int) -> np.uint64:
    h = np.uint64(np.uint64(pane) * _A)
    h ^= h >> _32
    h = np.uint64((h ^ (np.uint64(lineage) << _32) ^ np.uint64(version)) * _B)
    h ^= h >> _32
    h = np.uint64((h ^ (np.uint64(segment + 1) << _32) ^ np.uint64(value)) * _A)
    return h >> _32


@inlined
def _place(keys: Keys, lineage: Int, version: Int, segment: Int, value: Int, pane: Int) -> Int:
    """Return the place of a key, or the empty one where it belongs."""
    mask = len(keys.places) - 1
    place = np.int64(_hash(lineage, version, segment, value, pane) & np.uint64(mask))
    while keys.places[place] >= 0:
        slot = keys.places[place]
        if (
            keys.pane[slot] == pane
            and keys.lineage[slot] == lineage
            and keys.version[slot] == version
            and keys.segment[slot] == segment
            and keys.value[slot] == value
        ):
            return place
        place = (place + 1) & mask
    return place


@inlined
def _found_or_opened(
    keys: Keys,
    lineage: Int,
    version: Int,
    segment: Int,
    value: Int,
    pane: Int,
    pane_ms: Int,
    watermark_ms: Int,
    opened: Int,
) -> Int:
    place = _place(keys, lineage, version, segment, value, pane)
    if keys.places[place] < 0:
        slot = keys.sizes[0]
        keys.lineage[slot], keys.version[slot], keys.segment[slot] = lineage, version, segment
        keys.value[slot], keys.pane[slot], keys.opened[slot] = value, pane, opened
        late = pane + pane_ms <= watermark_ms
        keys.late_pane[slot] = watermark_ms - watermark_ms % pane_ms if late else NEVER
        keys.ints[slot], keys.floats[slot], keys.pairs[slot] = -1, -1, -1
        keys.places[place] = slot
        keys.sizes[0] = slot + 1
    return np.int64(keys.places[place])


@inlined
def offset_of(epochs: Epochs, epoch: Int, lineage: Int) -> Int:
    """Return where a context of this epoch has the values of a lineage's segments; −1 if it was not in force."""
    for at in range(epochs.first[epoch], epochs.first[epoch + 1]):
        if epochs.lineage[at] == lineage:
            return np.int64(epochs.offset[at])
    return -1


@in_place
def resolve(
    models: Models,
    lineages: Lineages,
    epochs: Epochs,
    contexts: Contexts,
    keys: Keys,
    of_row: NDArray[np.uint32],
    event_ms: Ints,
    opened: Int,
    memo: Memo,
    found: Codes,
) -> None:
    """Write the keys of each row, opening what is not there: for each lineage of its model one, and one a segment.

    Rows know no segment of a lineage that came after them: NO_KEY. `found` has room for all; there is room for as many
    new keys. `memo` knows none yet.
    """
    at = 0
    for row in range(len(of_row)):
        known = np.int64(of_row[row] & (MEMO - 1))
        if memo.context[known] == of_row[row] and memo.first_ms[known] <= event_ms[row] < memo.end_ms[known]:
            for place in range(memo.place[known], memo.place[known] + memo.keys[known]):
                found[at] = found[place]
                at += 1
            continue
        memo.context[known], memo.place[known] = of_row[row], at
        memo.first_ms[known], memo.end_ms[known] = NEVER, -NEVER
        start = contexts.starts[of_row[row]]
        epoch, version = np.int64(contexts.words[start + EPOCH]), np.int64(contexts.words[start + VERSION])
        model = epochs.model[epoch]
        for i in range(models.first[model], models.first[model + 1]):
            lineage, pane_ms, watermark_ms = lineages.number[i], lineages.pane_ms[i], lineages.watermark_ms[i]
            pane = event_ms[row] - event_ms[row] % pane_ms
            memo.first_ms[known] = max(memo.first_ms[known], pane)
            memo.end_ms[known] = min(memo.end_ms[known], pane + pane_ms)
            found[at] = _found_or_opened(keys, lineage, version, NO_SEGMENT, 0, pane, pane_ms, watermark_ms, opened)
            offset = offset_of(epochs, epoch, lineage)
            at += 1
            for segment in range(lineages.segments[i + 1] - lineages.segments[i]):
                found[at] = NO_KEY
                if offset >= 0:
                    value = np.int64(contexts.words[start + offset + segment])
                    found[at] = _found_or_opened(
                        keys, lineage, version, segment, value, pane, pane_ms, watermark_ms, opened
                    )
                at += 1
        memo.keys[known] = at - memo.place[known]


@in_place
def count_duplicates(
    models: Models,
    lineages: Lineages,
    epochs: Epochs,
    contexts: Contexts,
    keys: Keys,
    of_row: NDArray[np.uint32],
    event_ms: Ints,
    ints: Ints,
) -> None:
    """Count duplicates in the open keys of the panes where the first ones counted; a sealed key never changes."""
    for row in range(len(of_row)):
        start = contexts.starts[of_row[row]]
        version, model = np.int64(contexts.words[start + VERSION]), epochs.model[contexts.words[start + EPOCH]]
        for i in range(models.first[model], models.first[model + 1]):
            pane = event_ms[row] - event_ms[row] % lineages.pane_ms[i]
            place = _place(keys, lineages.number[i], version, NO_SEGMENT, 0, pane)
            if keys.places[place] >= 0:
                ints[keys.ints[keys.places[place]] + DUPLICATES] += 1


@in_place
def enter_keys(keys: Keys) -> None:
    """Enter all keys into an empty table."""
    for slot in range(keys.sizes[0]):
        place = _place(
            keys,
            np.int64(keys.lineage[slot]),
            np.int64(keys.version[slot]),
            np.int64(keys.segment[slot]),
            np.int64(keys.value[slot]),
            keys.pane[slot],
        )
        keys.places[place] = slot
