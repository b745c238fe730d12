"""The rows of a run as frames, each for one ledger partition and below a size."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, cast

import msgspec
import numpy as np

from stream.folds.frame import Frame
from stream.folds.scan import cut_kernels as cut
from stream.folds.scan import layout_kernels as at
from stream.folds.scan.layout_kernels import Codes, Ints
from stream.folds.scan.pack_kernels import HEAD, pack_texts
from stream.folds.scan.pool import Pool

Block = Sequence[int]


class Piece(NamedTuple):
    """Rows for one ledger partition, and the position of the last of them in the source.

    The frame is to be encoded: its texts are MessagePack already, which stands in the ledger as it is.
    """

    partition: int
    frame: Frame
    last: int


class Cut(NamedTuple):
    """What a run was cut into: pieces, in order for each partition, and positions of rows that are too large."""

    pieces: list[Piece]
    large: list[int]


def cut_pool(pool: Pool, covered: Ints, limit: int) -> Cut:
    """Return the rows in frames of `limit` bytes at most, without those that a partition covers already.

    Parameters
    ----------
    covered
        The position up to which each partition is covered, ``(partitions,)``.
    limit
        Bytes of a frame as MessagePack; the sizes are counted, not tried.
    """
    rows = pool.in_order()
    order, id_bytes, cells = cut.by_partition(rows, covered, pool.nodes)
    columns = _Columns(len(order), id_bytes, cells)
    blocks, large = np.empty((len(order) + 2, cut.BLOCK_WIDTH), np.int64), np.empty(len(order), np.int64)
    count, many = cut.cut(
        pool.data, rows, order, pool.cells, pool.texts, pool.nodes, limit, columns.ints, columns.codes, columns.sizes,
        columns.small, columns.ids, columns.words, columns.texts, columns.hashes, columns.names, columns.shape_sizes,
        np.zeros((pool.state[at.TEXTS], 2), np.int32), np.zeros((pool.state[at.NODES], 2), np.int32),
        np.zeros((2, cut.BLOCK_WIDTH), np.int64), blocks, large,
    )  # fmt: skip
    blocks = blocks[: count + 1]
    packed = _packed_texts(pool, columns.texts, blocks)
    pieces = [columns.piece(*block, texts) for block, texts in zip(pairwise(blocks.tolist()), packed, strict=True)]
    return Cut(pieces, rows[large[:many], at.POSITION].tolist())


def _packed_texts(pool: Pool, codes: Codes, blocks: Ints) -> list[msgspec.Raw]:
    """Return the texts of each block."""
    count = len(blocks) - 1
    into = np.empty(int(blocks[:-1, cut.B_TEXT_BYTES].sum()) + count * HEAD, np.uint8)
    starts, ends = blocks[:, cut.B_TEXTS].copy(), np.empty(count, np.int64)
    pack_texts(pool.data, pool.texts, codes, starts, into, ends)
    return [msgspec.Raw(into[start:end].tobytes()) for start, end in pairwise([0, *ends.tolist()])]


class _Columns:
    """The columns of all blocks, one block behind the other."""

    def __init__(self, n: int, id_bytes: int, cells: int) -> None:
        self.ints = np.empty((6, n), np.int64)
        self.codes = np.empty((4, n), np.int32)
        self.sizes = np.empty(n, np.uint16)
        self.small = np.empty((2, n), np.uint8)
        self.ids = np.empty(id_bytes, np.uint8)
        self.words = np.empty(cells, np.uint64)
        self.texts = np.empty(2 * cells + 4 * n, np.int32)  # at most: each word is one, and has a name
        self.hashes = np.empty(len(self.texts), np.int64)
        self.names = np.empty(cells, np.int32)
        self.shape_sizes = np.empty(n, np.int32)

    def piece(self, start: Block, end: Block, packed: msgspec.Raw) -> Piece:
        """Return the rows between two block's beginnings."""
        first, last = start[cut.B_ROWS], end[cut.B_ROWS]
        ints, codes, small = self.ints[:, first:last], self.codes[:, first:last], self.small[:, first:last]
        shape_sizes = self.shape_sizes[start[cut.B_SHAPES] : end[cut.B_SHAPES]]
        frame = Frame(
            n=last - first,
            positions=ints[0].tobytes(),
            event_ms=ints[1].tobytes(),
            hashes=ints[2].tobytes(),
            ids=self.ids[start[cut.B_IDS] : end[cut.B_IDS]].tobytes(),
            id_sizes=self.sizes[first:last].tobytes(),
            texts=cast("tuple[str, ...]", packed),
            text_hashes=self.hashes[start[cut.B_TEXTS] : end[cut.B_TEXTS]].tobytes(),
            models=codes[0].tobytes(),
            versions=codes[1].tobytes(),
            producers=codes[2].tobytes(),
            labels=ints[3].tobytes(),
            lanes=small[0].tobytes() if start[cut.B_LANES] else b"",
            revisions=small[1].tobytes() if start[cut.B_REVISIONS] else b"",
            scores=ints[4].tobytes() if start[cut.B_SCORES] else b"",
            latencies=ints[5].tobytes() if start[cut.B_LATENCIES] else b"",
            shapes=self.names[start[cut.B_NAMES] : end[cut.B_NAMES]].tobytes(),
            shape_sizes=shape_sizes.tobytes(),
            row_shapes=codes[3].tobytes() if len(shape_sizes) > 1 else b"",
            cells=self.words[start[cut.B_CELLS] : end[cut.B_CELLS]].tobytes(),
        )
        return Piece(start[cut.B_PARTITION], frame, int(ints[0, -1]))
