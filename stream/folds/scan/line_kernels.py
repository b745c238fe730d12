"""One line of JSON to one row, if nothing about it is unusual."""

from __future__ import annotations

from typing import Final

import numpy as np
from streamgauge.events import MAX_FEATURES, MAX_REVISION, MAX_SHADOWS, MAX_TIME_MS, MIN_TIME_MS

from detectors.compiled import in_place, inlined
from stream.folds.frame import FEEDBACK_LANE, MISSING, NO_TEXT, TRUTH_LANE
from stream.folds.hash_kernels import hash64, partition
from stream.folds.scan.escape_kernels import text
from stream.folds.scan.layout_kernels import (
    CELL,
    CELLS,
    EVENT_MS,
    FOLLOWER,
    HASH,
    ID_AT,
    ID_SIZE,
    LABEL,
    LANE,
    LATENCY,
    LINE_CELLS,
    MODEL,
    NODE,
    NODES,
    PARTITION,
    PRODUCER,
    REVISION,
    ROOT,
    SCORE,
    TEXT_HASH,
    VERSION,
    Bytes,
    Codes,
    Ints,
    Words,
    get,
)
from stream.folds.scan.machine_kernels import byte, word
from stream.folds.scan.name_kernels import guessed_end, next_name
from stream.folds.scan.number_kernels import UNSURE, digits, single_number
from stream.folds.scan.text_kernels import QUOTE, intern, text_end
from stream.folds.scan.time_kernels import written_ms
from stream.folds.scan.token_kernels import (
    CLOSE,
    COLON,
    COMMA,
    F_FEATURES,
    F_ID,
    F_KIND,
    F_LABEL,
    F_LATENCY,
    F_MODEL,
    F_REVISION,
    F_SCORE,
    F_SHADOW,
    F_SOURCE,
    F_TIME,
    F_TRACE,
    F_VERSION,
    NO_FIELD,
    OPEN,
    after,
    field_at,
    field_set,
    field_size,
    null_end,
    single_value,
    skip,
    value,
)

MAX_BYTES = 256  # of ids and names: what has more may still have 256 characters, which the general path counts
_COMMON: Final = field_set(F_ID, F_MODEL, F_TIME, F_SOURCE, F_TRACE, F_LABEL)
PREDICTION_FIELDS: Final = _COMMON | field_set(F_FEATURES, F_VERSION, F_SCORE, F_SHADOW, F_LATENCY)
LABEL_FIELDS: Final = _COMMON | field_set(F_KIND, F_REVISION)
PREDICTION_NEEDS: Final = field_set(F_ID, F_MODEL, F_TIME)
LABEL_NEEDS: Final = field_set(F_ID, F_MODEL, F_TIME, F_LABEL)

_NAN: Final = np.int64(np.float64("nan").view(np.int64))
_NO_LABEL: Final = np.int64(MISSING)
_LONGEST_TIME = 15  # digits: more lie outside of the years that are taken
_MINUS, _NULL = 45, 110


@inlined
def line(  # noqa: PLR0911  a line is left where it fails
    data: Bytes,
    at: int,
    end: int,
    spaces: int,
    allowed: int,
    needed: int,
    partitions: int,
    row: Ints,
    cells: Words,
    texts: Ints,
    slots: Codes,
    nodes: Codes,
    node_slots: Codes,
    seen: Codes,
    state: Ints,
    followers: Ints,
) -> int:
    """Read the event at `at` into `row` and `cells`; return the index behind it, or UNSURE.

    No value begins at `end` or behind it, though the last may reach beyond: the caller looks at the index.
    `allowed` and `needed` are its kind's fields; `state` advances but for the counts of rows and cells.
    """
    _clear(row, state)
    fresh, said, given, field = state[NODES], 0, 0, NO_FIELD
    i = after(data, at, OPEN, spaces)
    while i != UNSURE:
        if byte(data, i) != QUOTE:
            return UNSURE
        field = field_at(data, i + 1, followers, field)
        if field == NO_FIELD or not allowed >> field & 1 or said >> field & 1:
            return UNSURE
        said |= 1 << field
        i = after(data, i + 1 + field_size(field), COLON, spaces)
        if i == UNSURE:
            return UNSURE
        if byte(data, i) == _NULL:
            i = null_end(data, i)
        else:
            given |= 1 << field
            if field in (F_FEATURES, F_SHADOW):
                i = _values(
                    data, i, end, spaces, field == F_SHADOW, fresh,
                    row, cells, texts, slots, nodes, node_slots, seen, state,
                )  # fmt: skip
            else:
                i = _single(data, i, field, row, texts, slots, state)
        if i == UNSURE:
            return UNSURE
        i = skip(data, i, spaces)
        if byte(data, i) == CLOSE:
            if given & needed != needed:
                return UNSURE
            _finish(data, row, texts, partitions)
            return i + 1
        i = after(data, i, COMMA, spaces)
    return UNSURE


@inlined
def _clear(row: Ints, state: Ints) -> None:
    row[VERSION] = row[PRODUCER] = NO_TEXT
    row[LABEL] = _NO_LABEL
    row[LANE], row[REVISION] = TRUTH_LANE, 0
    row[SCORE] = row[LATENCY] = _NAN
    row[NODE], row[CELL] = ROOT, state[CELLS]
    state[LINE_CELLS] = 0


@in_place
def _finish(data: Bytes, row: Ints, texts: Ints, partitions: int) -> None:
    """Set what depends on several fields."""
    seed = np.uint64(get(texts, row[MODEL], TEXT_HASH))
    row[HASH] = np.int64(hash64(data, row[ID_AT], row[ID_SIZE], seed))
    row[PARTITION] = partition(data, row[ID_AT], row[ID_SIZE], partitions)


@in_place
def _single(  # noqa: PLR0911
    data: Bytes, at: int, field: int, row: Ints, texts: Ints, slots: Codes, state: Ints
) -> int:
    """Read the value of a field that has one; return the index behind it, or UNSURE."""
    if field in (F_SCORE, F_LATENCY):
        i, bits = single_number(data, at)
        row[SCORE if field == F_SCORE else LATENCY] = np.int64(bits)
        return i
    if field == F_LABEL:
        return _label(data, at, row, texts, slots, state)
    if field == F_TIME:
        return _time(data, at, row)
    if field == F_REVISION:
        return _revision(data, at, row)
    if byte(data, at) != QUOTE:
        return UNSURE
    behind, begin, size = text(data, at + 1, state)
    if behind == UNSURE or size > MAX_BYTES:
        return UNSURE
    if field == F_KIND:
        return behind if _is_lane(data, begin, size, row) else UNSURE
    if field == F_ID:
        row[ID_AT], row[ID_SIZE] = begin, size
    elif field != F_TRACE and (size > 0 or field == F_MODEL):
        code = intern(data, begin, size, texts, slots, state)
        if code == UNSURE:
            return UNSURE
        row[MODEL if field == F_MODEL else VERSION if field == F_VERSION else PRODUCER] = code
    is_empty_id = size == 0 and field in (F_ID, F_MODEL)
    return UNSURE if is_empty_id else behind


@in_place
def _label(data: Bytes, at: int, row: Ints, texts: Ints, slots: Codes, state: Ints) -> int:
    i, found = single_value(data, at, texts, slots, state)
    row[LABEL] = np.int64(found)
    is_text = byte(data, at) == QUOTE
    if is_text and i - at - 2 > MAX_BYTES:  # with escapes it may still be short
        return UNSURE
    # All bits of the exponent set: NaN and the infinities are refused here.
    is_number = np.uint64(found) & np.uint64(0x7FF0_0000_0000_0000) != np.uint64(0x7FF0_0000_0000_0000)
    return i if is_text or is_number else UNSURE


@in_place
def _is_lane(data: Bytes, at: int, size: int, row: Ints) -> bool:
    letters = word(data, at)
    if size == 5 and letters & np.uint64(0xFF_FFFF_FFFF) == np.uint64(0x68_7475_7274):  # truth
        row[LANE] = TRUTH_LANE
    elif size == 8 and letters == np.uint64(0x6B63_6162_6465_6566):  # feedback
        row[LANE] = FEEDBACK_LANE
    else:
        return False
    return True


@in_place
def _revision(data: Bytes, at: int, row: Ints) -> int:
    i, found = _whole(data, at)
    row[REVISION] = found
    return i if 0 <= found <= MAX_REVISION else UNSURE


@in_place
def _time(data: Bytes, at: int, row: Ints) -> int:
    if byte(data, at) == QUOTE:
        end = text_end(data, at + 1)
        if end == UNSURE:
            return UNSURE
        is_time, ms = written_ms(data, at + 1, end)
        i = end + 1 if is_time else UNSURE
    else:
        i, ms = _whole(data, at)
    row[EVENT_MS] = ms
    return i if MIN_TIME_MS <= ms <= MAX_TIME_MS else UNSURE


@in_place
def _whole(data: Bytes, at: int) -> tuple[int, int]:
    """Return the index behind a whole number of few digits, and its value; UNSURE if it is none.

    What follows it is a comma or a bracket, or the line is left: so a fraction or an exponent is none.
    """
    is_negative = byte(data, at) == _MINUS
    first = at + 1 if is_negative else at
    found, i = digits(data, first, np.uint64(0))
    count = i - first
    if count == 0 or count > _LONGEST_TIME or (count > 1 and byte(data, first) == 48):
        return UNSURE, 0
    whole = int(np.int64(found))
    return i, -whole if is_negative else whole


@inlined
def _values(  # noqa: PLR0911
    data: Bytes,
    at: int,
    end: int,
    spaces: int,
    is_shadow: bool,
    fresh: int,
    row: Ints,
    cells: Words,
    texts: Ints,
    slots: Codes,
    nodes: Codes,
    node_slots: Codes,
    seen: Codes,
    state: Ints,
) -> int:
    """Read an object of values by name; return the index behind it, or UNSURE."""
    i = after(data, at, OPEN, spaces)
    if i == UNSURE:
        return UNSURE
    if byte(data, i) == CLOSE:
        return i + 1
    node, cell = int(row[NODE]), state[CELLS] + state[LINE_CELLS]
    last = cell + (MAX_SHADOWS if is_shadow else MAX_FEATURES)
    while cell < last and i < end and byte(data, i) == QUOTE:
        guess = get(nodes, node, FOLLOWER)
        behind = guessed_end(data, i + 1, guess, is_shadow, texts, nodes, state)
        if behind == UNSURE:
            guess, behind = next_name(data, i + 1, node, is_shadow, fresh, texts, slots, nodes, node_slots, seen, state)
            if guess == UNSURE:
                return UNSURE
        node, i = guess, after(data, behind, COLON, spaces)
        if i == UNSURE:
            return UNSURE
        if is_shadow:
            i, cells[cell] = single_number(data, i)
        else:
            i, cells[cell] = value(data, i, texts, slots, state)
        if i == UNSURE:
            return UNSURE
        cell += 1
        if byte(data, i) == COMMA:  # as encoders write it, without a space before
            i = skip(data, i + 1, spaces)
            continue
        i = skip(data, i, spaces)
        if byte(data, i) == CLOSE:
            row[NODE] = node
            state[LINE_CELLS] = cell - state[CELLS]
            return i + 1
        i = after(data, i, COMMA, spaces)
        if i == UNSURE:
            return UNSURE
    return UNSURE
