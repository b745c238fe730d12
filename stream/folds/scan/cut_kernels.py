"""Rows of a run to the blocks of the ledger's partitions: split, cut by size, each with its own texts and shapes."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled, in_place, inlined
from stream.folds.frame import FEEDBACK_LANE, NO_TEXT, TEXT
from stream.folds.scan.layout_kernels import (
    CELL,
    DEPTH,
    EVENT_MS,
    HASH,
    ID_AT,
    ID_SIZE,
    LABEL,
    LANE,
    LATENCY,
    MODEL,
    NAME,
    NODE,
    PARENT,
    PARTITION,
    POSITION,
    PRODUCER,
    REVISION,
    ROOT,
    SCORE,
    TEXT_HASH,
    TEXT_SIZE,
    VERSION,
    Bytes,
    Codes,
    Ints,
    Small,
    Words,
    get,
)

# A block: how many rows, ids' bytes, words, texts, names and shapes lie before it, and whether rows have these.
B_PARTITION, B_ROWS, B_IDS, B_CELLS, B_TEXTS, B_NAMES, B_SHAPES = 0, 1, 2, 3, 4, 5, 6
B_LANES, B_REVISIONS, B_SCORES, B_LATENCIES = 7, 8, 9, 10
B_TEXT_BYTES, B_SERIAL = 11, 12  # what its texts cost; a number that no other has
B_FIRST_TEXT, B_FIRST_SHAPE = 13, 14  # what lies before it, while rows are added
BLOCK_WIDTH = 15

# Bytes that a frame costs in the ledger: itself, a row, a text of so many bytes. Each is the most that it may be.
FRAME_COST = 110
_ROW_COST = 8 + 8 + 8 + 2 + 4 + 4 + 4 + 8
_TEXT_COST = 5 + 8

_NAN_WORD: Final = np.int64(np.float64("nan").view(np.int64))
_TEXT_HIGH: Final = np.uint64(TEXT >> 32)
_TEXT_WORD: Final = np.uint64(TEXT)
_LOW: Final = np.uint64(0xFFFF_FFFF)


@compiled
def by_partition(rows: Ints, covered: Ints, nodes: Codes) -> tuple[Ints, int, int]:
    """Return the indices of rows by partition, in order within each, without those that are covered there.

    And the bytes of their ids, and the number of their words.
    """
    id_bytes, cells = 0, 0
    counts = np.zeros(len(covered) + 1, np.int64)
    for i in range(len(rows)):
        partition = rows[i, PARTITION]
        counts[partition + 1] += rows[i, POSITION] > covered[partition]
    starts = np.cumsum(counts)
    order = np.empty(starts[-1], np.int64)
    for i in range(len(rows)):
        partition = rows[i, PARTITION]
        if rows[i, POSITION] > covered[partition]:
            order[starts[partition]] = i
            starts[partition] += 1
            id_bytes += rows[i, ID_SIZE]
            cells += get(nodes, rows[i, NODE], DEPTH)
    return order, id_bytes, cells


@in_place
def cut(
    data: Bytes,
    rows: Ints,
    order: Ints,
    cells: Words,
    texts: Ints,
    nodes: Codes,
    limit: int,
    ints: Ints,
    codes: Codes,
    sizes: NDArray[np.uint16],
    small: Small,
    ids: Small,
    words: Words,
    block_texts: Codes,
    hashes: Ints,
    names: Codes,
    shape_sizes: Codes,
    text_codes: Codes,
    node_codes: Codes,
    now: Ints,
    blocks: Ints,
    large: Ints,
) -> tuple[int, int]:
    """Write rows in `order` as columns, and where the blocks begin; return the number of blocks and of large rows.

    Blocks cost `limit` bytes at most; a row that costs more by itself goes to `large`. Behind the last block stands
    one that begins where it ends.

    Parameters
    ----------
    ints
        ``(5, n)``: positions, event times, hashes, labels, and from here on bits of floats: scores; then latencies.
    codes
        ``(4, n)``: models, versions, producers, shapes.
    small
        ``(2, n)``: lanes, revisions.
    text_codes, node_codes
        ``(texts, 2)``, ``(nodes, 2)``, zeros: the block that used it last, and its code there.
    now
        ``(2, BLOCK_WIDTH)``, zeros: the block that is written, and how it was before the row.
    """
    count, many = 0, 0
    block, before = now[0], now[1]
    block[B_SERIAL] = serial = 1
    _copy(block, blocks[0])
    for at in range(len(order)):
        row = rows[order[at]]
        if row[PARTITION] != block[B_PARTITION]:
            count += _end(block, blocks[count])
            serial += 1
            _begin(block, serial, row[PARTITION], blocks[count])
        while True:
            _copy(block, before)
            _write(data, row, cells, texts, nodes, ints, codes, sizes, small, ids, words,
                   block_texts, hashes, names, shape_sizes, text_codes, node_codes, block)  # fmt: skip
            if _cost(block, blocks[count]) <= limit:
                break
            is_alone = before[B_ROWS] == blocks[count, B_ROWS]
            _copy(before, block)
            if is_alone:
                large[many] = order[at]
                many += 1
            else:
                count += _end(block, blocks[count])
            serial += 1  # the codes that it gave out hold no longer
            _begin(block, serial, row[PARTITION], blocks[count])
            if is_alone:
                break
    count += _end(block, blocks[count])
    _copy(block, blocks[count])
    return count, many


@inlined
def _copy(block: Ints, into: Ints) -> None:
    for i in range(BLOCK_WIDTH):
        into[i] = block[i]


@in_place
def _begin(block: Ints, serial: int, partition: int, start: Ints) -> None:
    """Begin a block where the one before it ends."""
    block[B_PARTITION], block[B_SERIAL] = partition, serial
    block[B_FIRST_TEXT], block[B_FIRST_SHAPE] = block[B_TEXTS], block[B_SHAPES]
    block[B_LANES] = block[B_REVISIONS] = block[B_SCORES] = block[B_LATENCIES] = block[B_TEXT_BYTES] = 0
    _copy(block, start)


@in_place
def _end(block: Ints, start: Ints) -> bool:
    """Note what the rows of a block have; return whether it has rows."""
    start[B_LANES], start[B_REVISIONS] = block[B_LANES], block[B_REVISIONS]
    start[B_SCORES], start[B_LATENCIES] = block[B_SCORES], block[B_LATENCIES]
    start[B_TEXT_BYTES] = block[B_TEXT_BYTES]
    return bool(block[B_ROWS] > start[B_ROWS])


@inlined
def _cost(block: Ints, start: Ints) -> int:
    rows, shapes = int(block[B_ROWS] - start[B_ROWS]), int(block[B_SHAPES] - start[B_SHAPES])
    each = _ROW_COST + int(block[B_LANES] > 0) + int(block[B_REVISIONS] > 0) + 4 * int(shapes > 1)
    each += 8 * int(block[B_SCORES] > 0) + 8 * int(block[B_LATENCIES] > 0)
    fixed = FRAME_COST + int(block[B_TEXT_BYTES]) + 4 * shapes + 4 * int(block[B_NAMES] - start[B_NAMES])
    return rows * each + fixed + int(block[B_IDS] - start[B_IDS]) + 8 * int(block[B_CELLS] - start[B_CELLS])


@inlined
def _write(
    data: Bytes,
    row: Ints,
    cells: Words,
    texts: Ints,
    nodes: Codes,
    ints: Ints,
    codes: Codes,
    sizes: NDArray[np.uint16],
    small: Small,
    ids: Small,
    words: Words,
    block_texts: Codes,
    hashes: Ints,
    names: Codes,
    shape_sizes: Codes,
    text_codes: Codes,
    node_codes: Codes,
    block: Ints,
) -> None:
    """Append one row to a block."""
    at = block[B_ROWS]
    ints[0, at], ints[1, at], ints[2, at] = row[POSITION], row[EVENT_MS], row[HASH]
    ints[3, at] = np.int64(_word(np.uint64(row[LABEL]), texts, block_texts, hashes, text_codes, block))
    ints[4, at], ints[5, at] = row[SCORE], row[LATENCY]
    codes[0, at] = _text(row[MODEL], texts, block_texts, hashes, text_codes, block)
    codes[1, at] = _text(row[VERSION], texts, block_texts, hashes, text_codes, block)
    codes[2, at] = _text(row[PRODUCER], texts, block_texts, hashes, text_codes, block)
    codes[3, at] = _shape(
        row[NODE], texts, nodes, block_texts, hashes, names, shape_sizes, text_codes, node_codes, block
    )
    small[0, at], small[1, at] = row[LANE], row[REVISION]
    block[B_LANES] += row[LANE] == FEEDBACK_LANE
    block[B_REVISIONS] += row[REVISION] > 0
    block[B_SCORES] += row[SCORE] != _NAN_WORD
    block[B_LATENCIES] += row[LATENCY] != _NAN_WORD
    sizes[at] = row[ID_SIZE]
    start = block[B_IDS]
    for i in range(row[ID_SIZE]):
        ids[start + i] = data[row[ID_AT] + i]
    start = block[B_CELLS]
    for i in range(get(nodes, row[NODE], DEPTH)):
        words[start + i] = _word(cells[row[CELL] + i], texts, block_texts, hashes, text_codes, block)
    block[B_ROWS] += 1
    block[B_IDS] += row[ID_SIZE]
    block[B_CELLS] += get(nodes, row[NODE], DEPTH)


@inlined
def _word(word: np.uint64, texts: Ints, block_texts: Codes, hashes: Ints, text_codes: Codes, block: Ints) -> np.uint64:
    """Return a word with its text's code in the block, if it is one."""
    if word >> np.uint64(32) != _TEXT_HIGH:
        return word
    return _TEXT_WORD | np.uint64(_text(int(np.int64(word & _LOW)), texts, block_texts, hashes, text_codes, block))


@inlined
def _text(code: int, texts: Ints, block_texts: Codes, hashes: Ints, text_codes: Codes, block: Ints) -> int:
    """Return a text's code in the block, a new one if it has none."""
    if code == NO_TEXT:
        return NO_TEXT
    if text_codes[code, 0] != block[B_SERIAL]:
        text_codes[code, 0], text_codes[code, 1] = block[B_SERIAL], block[B_TEXTS] - block[B_FIRST_TEXT]
        block_texts[block[B_TEXTS]] = code
        hashes[block[B_TEXTS]] = get(texts, code, TEXT_HASH)
        block[B_TEXTS] += 1
        block[B_TEXT_BYTES] += get(texts, code, TEXT_SIZE) + _TEXT_COST
    return int(text_codes[code, 1])


@inlined
def _shape(
    node: int,
    texts: Ints,
    nodes: Codes,
    block_texts: Codes,
    hashes: Ints,
    names: Codes,
    shape_sizes: Codes,
    text_codes: Codes,
    node_codes: Codes,
    block: Ints,
) -> int:
    """Return the block's code of a shape, a new one with its names if it has none."""
    if node_codes[node, 0] != block[B_SERIAL]:
        node_codes[node, 0], node_codes[node, 1] = block[B_SERIAL], block[B_SHAPES] - block[B_FIRST_SHAPE]
        depth = get(nodes, node, DEPTH)
        shape_sizes[block[B_SHAPES]] = depth
        end, above = block[B_NAMES] + depth, node
        while above != ROOT:
            end -= 1
            name = get(nodes, above, NAME)
            code = _text(~name if name < 0 else name, texts, block_texts, hashes, text_codes, block)
            names[end] = ~code if name < 0 else code
            above = get(nodes, above, PARENT)
        block[B_SHAPES] += 1
        block[B_NAMES] += depth
    return int(node_codes[node, 1])
