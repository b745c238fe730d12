"""Texts with escapes: written anew, without them, into spare room behind the data.

Many encoders escape all but ASCII, so such texts are as usual as the alphabets of those who send them.
"""

from __future__ import annotations

from detectors.compiled import in_place, inlined
from stream.folds.scan.layout_kernels import IS_FULL, SPARE_AT, SPARE_END, SPARE_WANTED, Bytes, Ints
from stream.folds.scan.machine_kernels import byte
from stream.folds.scan.number_kernels import UNSURE
from stream.folds.scan.text_kernels import QUOTE, text_end, utf8_size

_BACKSLASH, _SPACE, _ASCII_END, _U = 92, 32, 128, 117
_HIGH, _LOW, _SURROGATES_END, _ABOVE_16_BITS = 0xD800, 0xDC00, 0xE000, 0x1_0000


@inlined
def text(data: Bytes, at: int, state: Ints) -> tuple[int, int, int]:
    """Return the index behind the text that begins at `at` and its quote; where its bytes are, and how many.

    UNSURE if it is no text, or there is no room to write it anew.
    """
    end = text_end(data, at)
    if end != UNSURE:
        return end + 1, at, end - at
    return _unescaped(data, at, state)


@in_place
def _unescaped(data: Bytes, at: int, state: Ints) -> tuple[int, int, int]:
    begin, i = state[SPARE_AT], at
    into = begin
    while byte(data, i) != QUOTE:
        if into + 8 > state[SPARE_END]:
            state[IS_FULL] = state[SPARE_WANTED] = 1
            return UNSURE, 0, 0
        c = int(byte(data, i))
        if c < _SPACE:
            return UNSURE, 0, 0
        if c == _BACKSLASH:
            i, c = _escaped(data, i + 1)
            if i == UNSURE:
                return UNSURE, 0, 0
            into = _write(data, into, c)
            continue
        size = 1 if c < _ASCII_END else utf8_size(data, i)
        if size == 0:
            return UNSURE, 0, 0
        for offset in range(size):
            data[into + offset] = data[i + offset]
        i, into = i + size, into + size
    state[SPARE_AT] = into
    return i + 1, int(begin), int(into - begin)


@in_place
def _escaped(data: Bytes, at: int) -> tuple[int, int]:
    """Return the index behind the escape whose letter is at `at`, and the character that it means."""
    c = int(byte(data, at))
    if c == _U:
        return _escaped_unit(data, at + 1)
    if c in (QUOTE, _BACKSLASH, 47):  # the slash
        return at + 1, c
    found = 8 if c == 98 else 12 if c == 102 else 10 if c == 110 else 13 if c == 114 else 9 if c == 116 else UNSURE
    return (UNSURE if found == UNSURE else at + 1), found


@in_place
def _escaped_unit(data: Bytes, at: int) -> tuple[int, int]:
    """Return the same for the four digits at `at`, or the two units of a pair."""
    first = _hex(data, at)
    if first < _HIGH or first >= _SURROGATES_END:
        return (UNSURE if first == UNSURE else at + 4), first
    is_pair = first < _LOW and byte(data, at + 4) == _BACKSLASH and byte(data, at + 5) == _U
    second = _hex(data, at + 6) if is_pair else UNSURE
    if second < _LOW or second >= _SURROGATES_END:
        return UNSURE, 0
    return at + 10, _ABOVE_16_BITS + ((first - _HIGH) << 10) + second - _LOW


@in_place
def _hex(data: Bytes, at: int) -> int:
    """Return the value of four hexadecimal digits; UNSURE if they are none."""
    found = 0
    for i in range(at, at + 4):
        c = int(byte(data, i))
        digit = c - 48 if 48 <= c <= 57 else (c | 32) - 87 if 97 <= (c | 32) <= 102 else UNSURE
        if digit == UNSURE:
            return UNSURE
        found = 16 * found + digit
    return found


@in_place
def _write(data: Bytes, at: int, character: int) -> int:
    """Write a character in UTF-8; return the index behind it."""
    if character < 0x80:
        data[at] = character
        return at + 1
    size = 2 if character < 0x800 else 3 if character < _ABOVE_16_BITS else 4
    for i in range(size - 1, 0, -1):
        data[at + i] = 0x80 | character & 0x3F
        character >>= 6
    data[at] = (0xF00 >> size) & 0xFF | character
    return at + size
