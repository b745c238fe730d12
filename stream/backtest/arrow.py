"""Arrow columns as arrays: numbers, times, texts. Nothing is done value by value in Python."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stream.folds.frame import INVALID, MISSING, NUMBER_MASK

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

_MAX = np.iinfo(np.int64).max
_PER_MS = {"us": 1_000, "ns": 1_000_000}


def kind_of(type_: pa.DataType) -> str:
    """Return what a column holds: ``number``, ``text``, ``time``, ``nothing`` (all null) or another type's name.

    >>> [kind_of(t) for t in (pa.bool_(), pa.dictionary(pa.int8(), pa.string()), pa.timestamp("us"), pa.null())]
    ['number', 'text', 'time', 'nothing']
    """
    while pa.types.is_dictionary(type_):
        type_ = type_.value_type
    tests = {
        "number": (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean),
        "text": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
        "time": (pa.types.is_timestamp, pa.types.is_date),
        "nothing": (pa.types.is_null,),
    }
    return next((kind for kind, known in tests.items() if any(test(type_) for test in known)), str(type_))


def plain(column: pa.Array) -> pa.Array:
    """Return a column without dictionaries."""
    while pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column


def numbers(column: pa.Array) -> Floats:
    """Return numbers and truth values as float64, ``(n,)``; NaN for null.

    >>> numbers(pa.array([True, None, False]))
    array([ 1., nan,  0.])
    """
    found: Floats = pc.cast(plain(column), pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found


def number_words(values: Floats) -> Words:
    """Return the words of numbers, ``(n,)``: NaN is missing, an infinity is invalid.

    >>> [hex(word) for word in number_words(np.array([1.0, np.nan, np.inf]))]
    ['0x3ff0000000000000', '0x7ff8000000000001', '0x7ff8000000000002']
    """
    words = values.view(np.uint64)
    mask = np.uint64(NUMBER_MASK)
    if not (words & mask == mask).any():
        return words
    return np.where(np.isnan(values), np.uint64(MISSING), np.where(np.isinf(values), np.uint64(INVALID), words))


def texts(column: pa.Array) -> pa.Array:
    """Return texts, or whole numbers as they are written, as ``large_string``."""
    return pc.cast(plain(column), pa.large_string())


def read_numbers(column: pa.Array) -> pa.Array:
    """Return a column of texts as what they say if all of them are numbers, or truth values; any other as it is.

    >>> read_numbers(pa.array(["1", None, "0"])).to_pylist(), read_numbers(pa.array(["True", "false"])).to_pylist()
    ([1.0, None, 0.0], [True, False])
    """
    for type_ in (pa.float64(), pa.bool_()) if kind_of(column.type) == "text" else ():
        try:
            return pc.cast(plain(column), type_)
        except pa.ArrowInvalid:
            continue
    return column


def read_times(column: pa.Array) -> pa.Array:
    """Return texts as the times that they say in ISO 8601, all with a zone or all without; any other column as it is.

    Raises
    ------
    ValueError
        If one of them says something else.

    >>> read_times(pa.array(["2013-01-01 06:00:00.5", "2013-01-02"])).to_pylist()[1].isoformat()
    '2013-01-02T00:00:00'
    """
    if kind_of(column.type) != "text":
        return column
    texts_ = plain(column)
    for unit, zone in (("us", None), ("us", "UTC"), ("ns", None)):
        try:
            return pc.cast(texts_, pa.timestamp(unit, zone))
        except pa.ArrowInvalid:
            continue
    return pc.cast(texts_, pa.timestamp("ns", "UTC"))


def times_ms(column: pa.Array) -> Ints:
    """Return epoch milliseconds of times or whole numbers without null, ``(n,)``; finer ones are rounded down.

    >>> times_ms(pa.array([-1, 1_999], pa.timestamp("us", "Europe/Berlin")))
    array([-1,  1])
    """
    column = plain(column)
    if pa.types.is_date(column.type):
        column = pc.cast(column, pa.timestamp("ms"))
    if not pa.types.is_timestamp(column.type):
        return _whole(np.asarray(column))
    values = np.asarray(pc.cast(column, pa.int64()), np.int64)
    return values * 1_000 if column.type.unit == "s" else values // _PER_MS.get(column.type.unit, 1)


def _whole(values: NDArray[np.integer]) -> Ints:
    """Return whole numbers of any width; those that are too large stay large."""
    if values.dtype == np.uint64:
        values = np.minimum(values, np.uint64(_MAX))
    return values.astype(np.int64)
