"""Events of the general path among the rows of a scan."""

from __future__ import annotations

import numpy as np

from detectors.compiled import compiled, in_place, inlined
from stream.folds.frame import NO_TEXT, TEXT
from stream.folds.hash_kernels import partition
from stream.folds.scan.layout_kernels import (
    CELL,
    CELLS,
    EVENT_MS,
    HASH,
    ID_AT,
    ID_SIZE,
    LABEL,
    LANE,
    LATENCY,
    MODEL,
    NODE,
    NODES,
    PARTITION,
    POSITION,
    PRODUCER,
    REVISION,
    ROOT,
    ROWS,
    SCORE,
    VERSION,
    Bytes,
    Codes,
    Ints,
    Words,
)
from stream.folds.scan.name_kernels import child
from stream.folds.scan.text_kernels import intern


@compiled
def intern_all(data: Bytes, at: int, sizes: Ints, texts: Ints, slots: Codes, state: Ints) -> Ints:
    """Return the codes of texts that lie one behind the other from `at` on, ``(n,)``."""
    codes = np.empty(len(sizes), np.int64)
    for i in range(len(sizes)):
        codes[i] = intern(data, at, sizes[i], texts, slots, state)
        at += sizes[i]
    return codes


@compiled
def nodes_of(
    codes: Ints, shapes: Ints, starts: Ints, nodes: Codes, node_slots: Codes, seen: Codes, state: Ints
) -> Ints:
    """Return the node of each shape, ``(shapes,)``; `codes` are those of its frame's texts."""
    found = np.empty(len(starts) - 1, np.int64)
    for shape in range(len(found)):
        node, fresh = ROOT, state[NODES]
        for i in range(starts[shape], starts[shape + 1]):
            name = ~codes[~shapes[i]] if shapes[i] < 0 else codes[shapes[i]]
            node = child(node, name, fresh, nodes, node_slots, seen, state)
        found[shape] = node
    return found


@in_place
def add_rows(
    data: Bytes,
    ids_at: int,
    partitions: int,
    ints: Ints,
    words: Words,
    codes: Ints,
    shape_nodes: Ints,
    row_starts: Ints,
    rows: Ints,
    cells: Words,
    state: Ints,
) -> None:
    """Append the rows of a frame.

    Parameters
    ----------
    ints
        ``(12, n)``: positions, event times, hashes, sizes of ids, models, versions, producers, lanes, revisions, bits
        of scores and of latencies, shapes.
    words
        Labels, then the words of all rows.
    """
    n = ints.shape[1]
    for i in range(n):
        row = rows[state[ROWS]]
        row[POSITION], row[EVENT_MS], row[HASH] = ints[0, i], ints[1, i], ints[2, i]
        row[ID_AT], row[ID_SIZE] = ids_at, ints[3, i]
        row[PARTITION] = partition(data, ids_at, ints[3, i], partitions)
        row[MODEL] = codes[ints[4, i]]
        row[VERSION] = codes[ints[5, i]] if ints[5, i] != NO_TEXT else NO_TEXT
        row[PRODUCER] = codes[ints[6, i]] if ints[6, i] != NO_TEXT else NO_TEXT
        row[LABEL] = np.int64(_word(words[i], codes))
        row[LANE], row[REVISION], row[SCORE], row[LATENCY] = ints[7, i], ints[8, i], ints[9, i], ints[10, i]
        row[NODE], row[CELL] = shape_nodes[ints[11, i]], state[CELLS]
        for at in range(row_starts[i], row_starts[i + 1]):
            cells[state[CELLS]] = _word(words[n + at], codes)
            state[CELLS] += 1
        ids_at += ints[3, i]
        state[ROWS] += 1


@inlined
def _word(word: np.uint64, codes: Ints) -> np.uint64:
    if word >> np.uint64(32) != np.uint64(TEXT >> 32):
        return word
    return np.uint64(TEXT) | np.uint64(codes[np.int64(word & np.uint64(0xFFFF_FFFF))])
