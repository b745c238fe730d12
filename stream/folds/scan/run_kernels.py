"""Records to rows: which format each has, its lines, and what is left to the general path."""

from __future__ import annotations

from streamgauge.events import MAX_LINES

from detectors.compiled import in_place, inlined
from stream.folds.scan.layout_kernels import (
    AT_BYTE,
    AT_LINE,
    AT_RECORD,
    CELLS,
    FIRST_CELL,
    FIRST_LEFT,
    FIRST_ROW,
    GENERAL,
    IS_FULL,
    LEFT,
    LEFT_AT,
    LEFT_END,
    LEFT_LINE,
    LEFT_RECORD,
    LINE_CELLS,
    LINE_ENDS,
    MANY,
    ONE,
    POSITION,
    ROWS,
    WHOLE,
    Bytes,
    Codes,
    Ints,
    Words,
)
from stream.folds.scan.line_kernels import line
from stream.folds.scan.machine_kernels import byte
from stream.folds.scan.number_kernels import UNSURE
from stream.folds.scan.token_kernels import IN_LINE, IN_OBJECT, NEWLINE

_LINE_BITS = 16


@in_place
def scan(
    data: Bytes,
    value_at: Ints,
    value_size: Ints,
    positions: Ints,
    formats: Ints,
    allowed: int,
    needed: int,
    partitions: int,
    rows: Ints,
    cells: Words,
    texts: Ints,
    slots: Codes,
    nodes: Codes,
    node_slots: Codes,
    seen: Codes,
    left: Ints,
    state: Ints,
    followers: Ints,
) -> bool:
    """Read records from where `state` is; return whether all are read: if not, a table has too little room."""
    while state[AT_RECORD] < len(positions):
        record = state[AT_RECORD]
        begin = value_at[record]
        end = begin + value_size[record]
        form = formats[record]
        spaces = IN_OBJECT if form == ONE else IN_LINE
        at = int(state[AT_BYTE])
        if at == 0:
            _begin_record(state)
            at = begin
        while form != GENERAL and (at < end or form == ONE):
            row = rows[state[ROWS]]
            i = line(
                data, at, end, spaces, allowed, needed, partitions, row, cells,
                texts, slots, nodes, node_slots, seen, state, followers,
            )  # fmt: skip
            if state[IS_FULL] or state[LEFT] == len(left):
                state[AT_BYTE], state[IS_FULL] = at, 0
                return False
            i = _behind_space(data, i, end, spaces)
            is_line = i == end or (form == MANY and UNSURE < i < end and byte(data, i) == NEWLINE)
            if is_line:
                row[POSITION] = positions[record] << _LINE_BITS | state[AT_LINE]
                state[ROWS] += 1
                state[CELLS] += state[LINE_CELLS]
                state[AT_LINE] += 1
            else:
                i = end if form == ONE else _line_end(data, at, end)
                if form == ONE or not _is_blank(data, at, i):
                    _leave(left, state, at, i)
            if form == ONE:
                break
            at = i + 1
            state[LINE_ENDS] += i < end
            if state[LINE_ENDS] == MAX_LINES:
                form = GENERAL
                _undo_record(state)
        if form == GENERAL or (form == MANY and state[AT_LINE] == 0):
            if state[LEFT] == len(left):
                state[AT_BYTE] = at
                return False
            _leave(left, state, WHOLE, WHOLE)
        state[AT_RECORD], state[AT_BYTE] = record + 1, 0
    return True


@inlined
def _behind_space(data: Bytes, at: int, end: int, spaces: int) -> int:
    """Return the index of the first byte from `at` on that is none of `spaces`, `end` at most."""
    i = at
    while UNSURE < i < end and byte(data, i) <= 32 and spaces >> int(byte(data, i)) & 1:
        i += 1
    return i


@in_place
def _leave(left: Ints, state: Ints, at: int, end: int) -> None:
    count = state[LEFT]
    left[count, LEFT_RECORD], left[count, LEFT_LINE] = state[AT_RECORD], state[AT_LINE]
    left[count, LEFT_AT], left[count, LEFT_END] = at, end
    state[LEFT] += 1
    state[AT_LINE] += 1


@in_place
def _begin_record(state: Ints) -> None:
    state[AT_LINE] = state[LINE_ENDS] = 0
    state[FIRST_ROW], state[FIRST_CELL], state[FIRST_LEFT] = state[ROWS], state[CELLS], state[LEFT]


@in_place
def _undo_record(state: Ints) -> None:
    """Take back the rows of a record that has more lines than are allowed."""
    state[AT_LINE] = 0
    state[ROWS], state[CELLS], state[LEFT] = state[FIRST_ROW], state[FIRST_CELL], state[FIRST_LEFT]


@in_place
def _line_end(data: Bytes, at: int, end: int) -> int:
    i = at
    while i < end and byte(data, i) != NEWLINE:
        i += 1
    return i


@in_place
def _is_blank(data: Bytes, at: int, end: int) -> bool:
    """Say whether all is what Python takes for white space in bytes: the feeds, too."""
    return _behind_space(data, at, end, IN_OBJECT | 1 << 11 | 1 << 12) == end
