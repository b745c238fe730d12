"""What stands between names and values, values of any type, and the fields of an event."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import in_place, inlined
from stream.folds.frame import INVALID, MISSING, TEXT
from stream.folds.scan.escape_kernels import text
from stream.folds.scan.layout_kernels import Bytes, Codes, Ints
from stream.folds.scan.machine_kernels import byte, word
from stream.folds.scan.number_kernels import UNSURE, number
from stream.folds.scan.text_kernels import QUOTE, intern

COMMA, COLON, OPEN, CLOSE = 44, 58, 123, 125
NEWLINE = 10
_SPACE = 32
IN_LINE: Final = 1 << _SPACE | 1 << 9 | 1 << 13  # what is white space, as bits: also the tab and the return
IN_OBJECT: Final = IN_LINE | 1 << NEWLINE
_TRUE, _FALSE, _NULL, _NAN, _INFINITY, _MINUS = 116, 102, 110, 78, 73, 45

_TRUE_WORD: Final = np.uint64(0x3FF0_0000_0000_0000)
_FALSE_WORD: Final = np.uint64(0)
_MISSING_WORD: Final = np.uint64(MISSING)
_INVALID_WORD: Final = np.uint64(INVALID)
_TEXT_WORD: Final = np.uint64(TEXT)

FIELDS: Final = (
    "prediction_id", "model", "event_time", "source", "traceparent", "features", "version", "score", "label", "shadow",
    "latency_ms", "kind", "revision",
)  # fmt: skip
(F_ID, F_MODEL, F_TIME, F_SOURCE, F_TRACE, F_FEATURES, F_VERSION, F_SCORE, F_LABEL, F_SHADOW, F_LATENCY, F_KIND,
 F_REVISION) = range(13)  # fmt: skip
NO_FIELD = -1


def field_set(*fields: int) -> int:
    """Return a set of fields as bits."""
    return sum(1 << field for field in fields)


def _words(texts: list[bytes]) -> NDArray[np.uint64]:
    return np.frombuffer(b"".join(text.ljust(16, b"\0") for text in texts), "<u8").reshape(-1, 2).copy()


_NAME_WORDS: Final = _words([f'{name}"'.encode() for name in FIELDS])
_NAME_MASKS: Final = _words([b"\xff" * (len(name) + 1) for name in FIELDS])
_NAME_SIZES: Final = np.array([len(name) + 1 for name in FIELDS])


@inlined
def skip(data: Bytes, at: int, spaces: int) -> int:
    """Return the index of the first byte from `at` on that is not one of `spaces`."""
    i = at
    while byte(data, i) <= _SPACE and spaces >> int(byte(data, i)) & 1:
        i += 1
    return i


@inlined
def after(data: Bytes, at: int, wanted: int, spaces: int) -> int:
    """Return the index of what follows the sign `wanted`, with white space around it; UNSURE if that is not there."""
    i = skip(data, at, spaces)
    return skip(data, i + 1, spaces) if byte(data, i) == wanted else UNSURE


@in_place
def field_at(data: Bytes, at: int, followers: Ints, last: int) -> int:
    """Return the field whose name begins at `at`; the one that came after `last` the last time is tried first."""
    guess = int(followers[last + 1])
    if _is_field(data, at, guess):
        return guess
    for field in range(len(_NAME_SIZES)):
        if _is_field(data, at, field):
            followers[last + 1] = field
            return field
    return NO_FIELD


@inlined
def _is_field(data: Bytes, at: int, field: int) -> bool:
    differ = (word(data, at) ^ _NAME_WORDS[field, 0]) & _NAME_MASKS[field, 0]
    differ |= (word(data, at + 8) ^ _NAME_WORDS[field, 1]) & _NAME_MASKS[field, 1]
    return bool(differ == np.uint64(0))


@in_place
def field_size(field: int) -> int:
    """Return the bytes of a field's name and the quote behind it."""
    return int(_NAME_SIZES[field])


@inlined
def null_end(data: Bytes, at: int) -> int:
    """Return the index behind ``null``; UNSURE if that is not there."""
    return at + 4 if _is_literal(data, at, 0x6C6C756E) else UNSURE


@inlined
def value(  # noqa: PLR0911  a way for each first letter
    data: Bytes, at: int, texts: Ints, slots: Codes, state: Ints
) -> tuple[int, np.uint64]:
    """Return the index behind the feature's value at `at`, and its word; UNSURE if in doubt.

    NaN and the infinities are no JSON, but Python's encoder writes them: they are invalid numbers.
    """
    c = byte(data, at)
    if c == QUOTE:
        behind, begin, size = text(data, at + 1, state)
        if behind == UNSURE:
            return UNSURE, _MISSING_WORD
        code = intern(data, begin, size, texts, slots, state)
        return (behind if code != UNSURE else UNSURE), _TEXT_WORD | np.uint64(code)
    if c == _TRUE:
        return (at + 4 if _is_literal(data, at, 0x65757274) else UNSURE), _TRUE_WORD
    if c == _FALSE:
        return (at + 5 if _is_literal(data, at + 1, 0x65736C61) else UNSURE), _FALSE_WORD
    if c == _NULL:
        return null_end(data, at), _MISSING_WORD
    if c == _NAN:
        return (at + 3 if byte(data, at + 1) == 97 and byte(data, at + 2) == _NAN else UNSURE), _INVALID_WORD
    if c == _INFINITY or (c == _MINUS and byte(data, at + 1) == _INFINITY):
        return _infinity_end(data, at + (c == _MINUS)), _INVALID_WORD
    return number(data, at)


@in_place
def single_value(data: Bytes, at: int, texts: Ints, slots: Codes, state: Ints) -> tuple[int, np.uint64]:
    """Return the same as `value`, by a call."""
    return value(data, at, texts, slots, state)


@in_place
def _infinity_end(data: Bytes, at: int) -> int:
    return at + 8 if word(data, at) == np.uint64(0x7974696E69666E49) else UNSURE


@inlined
def _is_literal(data: Bytes, at: int, letters: int) -> bool:
    return bool(word(data, at) & np.uint64(0xFFFF_FFFF) == np.uint64(letters))
