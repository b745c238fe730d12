"""Texts in JSON: where they end, and one code for all that are equal.

A text is valid UTF-8; one with escapes is no text here (`stream.folds.scan.escape_kernels`).

References
----------
The Unicode Standard 16.0, table 3-7: well-formed UTF-8 byte sequences.
"""

from __future__ import annotations

import numpy as np

from detectors.compiled import in_place, inlined
from stream.folds.hash_kernels import hash64
from stream.folds.scan.layout_kernels import (
    IS_FULL,
    TEXT_AT,
    TEXT_HASH,
    TEXT_SIZE,
    TEXTS,
    Bytes,
    Codes,
    Ints,
    get,
    put,
)
from stream.folds.scan.machine_kernels import byte, trailing_zeros, word
from stream.folds.scan.number_kernels import UNSURE

QUOTE = 34
_BACKSLASH, _SPACE, _ASCII_END = 92, 32, 128


@inlined
def text_end(data: Bytes, at: int) -> int:
    """Return the index of the quote that ends the text beginning at `at`; UNSURE if it has escapes or is no text."""
    i = at
    while True:
        # The lowest byte of these that has its highest bit set is the first that is special: a quote, a backslash, a
        # control character, or no ASCII. (Bytes above it may be set in error: a subtraction borrows from them.)
        eight = word(data, i)
        quotes = eight ^ np.uint64(0x2222222222222222)
        slashes = eight ^ np.uint64(0x5C5C5C5C5C5C5C5C)
        found = (quotes - np.uint64(0x0101010101010101)) & ~quotes
        found |= (slashes - np.uint64(0x0101010101010101)) & ~slashes
        found |= ((eight - np.uint64(0x2020202020202020)) & ~eight) | eight
        found &= np.uint64(0x8080808080808080)
        if found == np.uint64(0):
            i += 8
            continue
        i += trailing_zeros(found) >> 3
        if byte(data, i) == QUOTE:
            return i
        return _utf8_end(data, i) if byte(data, i) >= _ASCII_END else UNSURE


@in_place
def _utf8_end(data: Bytes, at: int) -> int:
    i = at
    while byte(data, i) != QUOTE:
        if byte(data, i) < _SPACE or byte(data, i) == _BACKSLASH:
            return UNSURE
        size = 1 if byte(data, i) < _ASCII_END else utf8_size(data, i)
        if size == 0:
            return UNSURE
        i += size
    return i


@in_place
def utf8_size(data: Bytes, at: int) -> int:
    """Return the bytes of the character at `at` that is not ASCII; 0 if it is none."""
    first, second = byte(data, at), byte(data, at + 1)
    if 0xC2 <= first <= 0xDF:
        return 2 if _follows(second) else 0
    if 0xE0 <= first <= 0xEF:
        low = 0xA0 if first == 0xE0 else 0x80  # no longer than it must be
        high = 0x9F if first == 0xED else 0xBF  # no half of a surrogate pair
        return 3 if low <= second <= high and _follows(byte(data, at + 2)) else 0
    if 0xF0 <= first <= 0xF4:
        low = 0x90 if first == 0xF0 else 0x80
        high = 0x8F if first == 0xF4 else 0xBF  # nothing above U+10FFFF
        whole = low <= second <= high and _follows(byte(data, at + 2)) and _follows(byte(data, at + 3))
        return 4 if whole else 0
    return 0


@in_place
def _follows(value: int) -> bool:
    return 0x80 <= value <= 0xBF


@inlined
def is_same(data: Bytes, a: int, b: int, size: int) -> bool:
    """Say whether two slices are equal; `a` is one of a text, so that a zero behind the data ends the comparison."""
    i = 0
    while i + 8 <= size:
        if word(data, a + i) != word(data, b + i):
            return False
        i += 8
    rest = np.uint64(8 * (size - i))
    low = (np.uint64(1) << rest) - np.uint64(1)
    return bool((word(data, a + i) ^ word(data, b + i)) & low == np.uint64(0))


@in_place
def intern(data: Bytes, at: int, size: int, texts: Ints, slots: Codes, state: Ints) -> int:
    """Return the code of a text: how many others were seen before it; UNSURE if the table is full."""
    found = hash64(data, at, size, np.uint64(0))
    last = np.uint64(len(slots) - 1)  # their number is a power of two
    slot = found & last
    while slots[slot] >= 0:
        code = int(slots[slot])
        is_like = np.uint64(get(texts, code, TEXT_HASH)) == found and get(texts, code, TEXT_SIZE) == size
        if is_like and is_same(data, get(texts, code, TEXT_AT), at, size):
            return code
        slot = (slot + np.uint64(1)) & last
    code = int(state[TEXTS])
    if code == len(slots) >> 1:
        state[IS_FULL] = 1
        return UNSURE
    slots[slot] = code
    put(texts, code, TEXT_AT, at)
    put(texts, code, TEXT_SIZE, size)
    put(texts, code, TEXT_HASH, int(np.int64(found)))
    state[TEXTS] += 1
    return code


@in_place
def fill_text_slots(texts: Ints, count: int, slots: Codes) -> None:
    """Enter the first `count` texts into empty slots."""
    last = np.uint64(len(slots) - 1)
    for code in range(count):
        slot = np.uint64(get(texts, code, TEXT_HASH)) & last
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & last
        slots[slot] = code
