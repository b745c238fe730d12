"""What the arrays of a scan hold: the columns of its tables, by name.

They are constants of compiled code, hence this file's name: the cache of compiled code must see when they change.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import inlined

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Words = NDArray[np.uint64]
Small = NDArray[np.uint8]

# A row: one event, int64. Words and floats stand there by their bits.
POSITION, EVENT_MS, HASH, ID_AT, ID_SIZE, PARTITION = 0, 1, 2, 3, 4, 5
MODEL, VERSION, PRODUCER = 6, 7, 8  # codes of texts
LABEL, LANE, REVISION, SCORE, LATENCY = 9, 10, 11, 12, 13
NODE, CELL = 14, 15  # where the path of its names ends; where its words begin
ROW_WIDTH = 16

# Texts and nodes are tables of TABLE_WIDTH columns in one dimension: see `get`.
TABLE_WIDTH = 4

# A text: where it is in the data, and its hash, int64. There are twice as many slots as places in its table.
TEXT_AT, TEXT_SIZE, TEXT_HASH = 0, 1, 2

# A node: a path of names, int32, with slots as many as a text's. The path to its parent, and one name (~code: of a
# shadow); how many names that are; and the node of the name that followed it the last time.
PARENT, NAME, DEPTH, FOLLOWER = 0, 1, 2, 3
ROOT, NO_NODE = 0, -1

# What was left to the general path, int64: number of the record and of the line; where the line begins and ends, or
# WHOLE if it is the whole record.
LEFT_RECORD, LEFT_LINE, LEFT_AT, LEFT_END = 0, 1, 2, 3
LEFT_WIDTH = 4
WHOLE = -1

# Where a scan is, and how much of each table is used, int64.
AT_RECORD, AT_BYTE, AT_LINE, ROWS, CELLS, TEXTS, NODES, LEFT, MARK = 0, 1, 2, 3, 4, 5, 6, 7, 8
LINE_CELLS, IS_FULL = 9, 10  # words of the line that is read; a table had no room for it
LINE_ENDS, FIRST_ROW, FIRST_CELL, FIRST_LEFT = 11, 12, 13, 14  # of the record: ends of lines; what was there before it
# The spare room behind the data, for texts written anew: where it is free, where it ends, where it began; and if more
# of it is wanted.
SPARE_AT, SPARE_END, SPARE_BEGIN, SPARE_WANTED = 15, 16, 17, 18
STATE_WIDTH = 19

# How a record's value is read.
ONE, MANY, GENERAL = 0, 1, 2  # one JSON object; JSON lines; anything else


@inlined
def get(table: Ints | Codes, row: int, column: int) -> int:
    """Return what stands in a table; no index is below 0, so none is tested for it."""
    return int(table[np.uint64((row << 2) + column)])


@inlined
def put(table: Ints | Codes, row: int, column: int, value: int) -> None:
    """Set what stands in a table."""
    table[np.uint64((row << 2) + column)] = value
