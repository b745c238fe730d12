"""The rows of a run, with the tables of its texts and names: what a scan makes, and the general path adds to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from streamgauge.events import Kind

from stream.folds.base import PADDING, Records
from stream.folds.frame import Frame
from stream.folds.scan import layout_kernels as at
from stream.folds.scan.header_kernels import formats
from stream.folds.scan.layout_kernels import Bytes, Codes, Ints, Words
from stream.folds.scan.line_kernels import LABEL_FIELDS, LABEL_NEEDS, PREDICTION_FIELDS, PREDICTION_NEEDS
from stream.folds.scan.name_kernels import fill_node_slots
from stream.folds.scan.pool_kernels import add_rows, intern_all, nodes_of
from stream.folds.scan.run_kernels import scan
from stream.folds.scan.text_kernels import fill_text_slots
from stream.folds.scan.token_kernels import FIELDS

Number = TypeVar("Number", bound=np.generic)

_FIELDS = {"predictions": (PREDICTION_FIELDS, PREDICTION_NEEDS), "labels": (LABEL_FIELDS, LABEL_NEEDS)}
_LEAST_LINE = 40  # bytes of an event at least: {"prediction_id":"a","model":"m","event_time":0} is longer
_LEAST_CELL = 5  # "":0 and a comma
_MOST_CELLS = 2_100  # of an event
_TEXTS, _NODES, _LEFT = 1_024, 512, 256  # room at first


@dataclass(slots=True, eq=False)
class Pool:
    """Rows, and what they refer to; the columns of the arrays are named in `stream.folds.scan.layout_kernels`.

    Attributes
    ----------
    data
        The run's bytes, PADDING zeros behind them.
    left
        What the general path must read, in source order.
    """

    data: Bytes
    rows: Ints
    cells: Words
    texts: Ints
    slots: Codes
    nodes: Codes
    node_slots: Codes
    seen: Codes
    left: Ints
    state: Ints

    @property
    def count(self) -> int:
        """How many rows there are."""
        return int(self.state[at.ROWS])

    def lines_left(self) -> Sequence[Sequence[int]]:
        """Return record, line, begin and end of what the general path must read, in source order."""
        found: list[list[int]] = self.left[: self.state[at.LEFT]].tolist()
        return found

    def in_order(self) -> Ints:
        """Return the rows in source order, ``(count, ROW_WIDTH)``."""
        rows = self.rows[: self.count]
        positions = rows[:, at.POSITION]
        if (positions[1:] > positions[:-1]).all():
            return rows
        return rows[np.argsort(positions, kind="stable")]

    def add(self, frame: Frame, partitions: int) -> None:
        """Append the rows of a frame, its texts and shapes. O(values)."""
        if not frame.n:
            return
        columns, texts = frame.columns(), [text.encode() for text in frame.texts]
        sizes = np.array([len(text) for text in texts], np.int64)
        start, ids_at = len(self.data), len(self.data) + int(sizes.sum())
        self.data = np.concatenate((self.data, np.frombuffer(b"".join((*texts, frame.ids)), np.uint8), _padding()))
        self._make_room(columns.n, len(columns.cells), len(texts), len(columns.shapes))
        codes = intern_all(self.data, start, sizes, self.texts, self.slots, self.state)
        shapes, starts = columns.shapes.astype(np.int64), columns.shape_starts
        shape_nodes = nodes_of(codes, shapes, starts, self.nodes, self.node_slots, self.seen, self.state)
        id_sizes = np.frombuffer(frame.id_sizes, "<u2")
        ints = np.array(
            [
                columns.positions, columns.event_ms, columns.hashes.view(np.int64), id_sizes,
                columns.models, columns.versions, columns.producers, columns.lanes, columns.revisions,
                columns.scores.view(np.int64), columns.latencies.view(np.int64), columns.row_shapes,
            ],
            np.int64,
        )  # fmt: skip
        words = np.concatenate((columns.labels, columns.cells))
        row_starts = columns.row_starts
        add_rows(
            self.data,
            ids_at,
            partitions,
            ints,
            words,
            codes,
            shape_nodes,
            row_starts,
            self.rows,
            self.cells,
            self.state,
        )

    def grow(self) -> None:
        """Double the tables that a scan has filled."""
        self._make_room(0, 0, 1, 1)
        if self.state[at.SPARE_WANTED]:
            self._make_spare_room()
        if self.state[at.LEFT] == len(self.left):
            self.left = _longer(self.left, 2 * len(self.left))

    def _make_spare_room(self) -> None:
        """Make room for texts written anew: as much as the data are, as escapes are longer than what they mean."""
        begin = len(self.data)
        longer = np.zeros(2 * begin + 64, np.uint8)
        longer[:begin] = self.data
        self.data, state = longer, self.state
        state[at.SPARE_AT], state[at.SPARE_END], state[at.SPARE_WANTED] = begin, len(longer) - PADDING, 0
        state[at.SPARE_BEGIN] = min(state[at.SPARE_BEGIN], begin)

    def _make_room(self, rows: int, cells: int, texts: int, nodes: int) -> None:
        """Make room for so many more of each."""
        used = self.state
        self.rows = _longer(self.rows, used[at.ROWS] + rows)
        self.cells = _longer(self.cells, used[at.CELLS] + cells)
        if used[at.TEXTS] + texts > len(self.slots) // 2:
            room = _power_of_two(used[at.TEXTS] + texts)
            self.texts, self.seen = _longer(self.texts, at.TABLE_WIDTH * room), _longer(self.seen, 2 * room)
            self.seen[2 * used[at.TEXTS] :] = 0
            self.slots = _no_slots(room)
            fill_text_slots(self.texts, used[at.TEXTS], self.slots)
        if used[at.NODES] + nodes > len(self.node_slots) // 2:
            room = _power_of_two(used[at.NODES] + nodes)
            self.nodes = _longer(self.nodes, at.TABLE_WIDTH * room)
            self.node_slots = _no_slots(room)
            fill_node_slots(self.nodes, used[at.NODES], self.node_slots)


def scan_run(records: Records, kind: Kind, partitions: int) -> Pool:
    """Return the rows of a run of predictions or labels, and what is left of it to the general path.

    Parameters
    ----------
    partitions
        Number of the ledger's partitions.
    """
    pool = _empty(_padded(records.data), int(records.value_size.sum()))
    form = formats(pool.data, records.headers_at, records.headers_size, records.headers_count)
    allowed, needed = _FIELDS[kind]
    followers = np.zeros(len(FIELDS) + 1, np.int64)
    while not scan(
        pool.data, records.value_at, records.value_size, records.positions, form, allowed, needed, partitions,
        pool.rows, pool.cells, pool.texts, pool.slots, pool.nodes, pool.node_slots, pool.seen, pool.left, pool.state,
        followers,
    ):  # fmt: skip
        pool.grow()
    return pool


def _empty(data: Bytes, size: int) -> Pool:
    """Return a pool with room for the rows of `size` bytes; what is not used costs address space only."""
    pool = Pool(
        data=data,
        rows=np.empty((size // _LEAST_LINE + 2, at.ROW_WIDTH), np.int64),
        cells=np.empty(size // _LEAST_CELL + _MOST_CELLS, np.uint64),
        texts=np.empty(_TEXTS * at.TABLE_WIDTH, np.int64),
        slots=_no_slots(_TEXTS),
        nodes=np.empty(_NODES * at.TABLE_WIDTH, np.int32),
        node_slots=_no_slots(_NODES),
        seen=np.zeros(2 * _TEXTS, np.int32),
        left=np.empty((_LEFT, at.LEFT_WIDTH), np.int64),
        state=np.zeros(at.STATE_WIDTH, np.int64),
    )
    pool.nodes[: at.TABLE_WIDTH] = at.NO_NODE, 0, 0, at.NO_NODE
    pool.state[at.NODES] = 1
    pool.state[at.SPARE_BEGIN] = np.iinfo(np.int64).max
    return pool


def _no_slots(room: int) -> Codes:
    return np.full(2 * room, -1, np.int32)


def _padded(data: Bytes) -> Bytes:
    """Return the data with zeros behind it; itself if it ends with them."""
    if len(data) >= PADDING and not data[-PADDING:].any():
        return data
    return np.concatenate((data, _padding()))


def _padding() -> Bytes:
    return np.zeros(PADDING, np.uint8)


def _longer(table: NDArray[Number], length: int) -> NDArray[Number]:
    """Return a table of that length at least, with what is in it."""
    if length <= len(table):
        return table
    longer = np.empty((length, *table.shape[1:]), table.dtype)
    longer[: len(table)] = table
    return longer


def _power_of_two(length: int) -> int:
    return 1 << (int(length) - 1).bit_length()
