"""Texts of blocks as MessagePack: thousands of them cost no object each.

References
----------
https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

from detectors.compiled import in_place, inlined
from stream.folds.scan.layout_kernels import TEXT_AT, TEXT_SIZE, Bytes, Codes, Ints, get

HEAD = 5  # bytes before a text, or before an array of them, at most

_SHORT_ARRAY, _ARRAY16, _ARRAY32 = 0x90, 0xDC, 0xDD
_SHORT_TEXT, _TEXT8, _TEXT16, _TEXT32 = 0xA0, 0xD9, 0xDA, 0xDB


@in_place
def pack_texts(data: Bytes, texts: Ints, codes: Codes, starts: Ints, into: Bytes, ends: Ints) -> None:
    """Write the texts of each block as an array, one block behind the other, and where each array ends.

    Parameters
    ----------
    codes
        Of the texts of all blocks; those of block ``i`` are ``codes[starts[i] : starts[i + 1]]``.
    """
    at = 0
    for block in range(len(ends)):
        at = _array_head(into, at, starts[block + 1] - starts[block])
        for i in range(starts[block], starts[block + 1]):
            begin, size = get(texts, codes[i], TEXT_AT), get(texts, codes[i], TEXT_SIZE)
            at = _text_head(into, at, size)
            for byte in range(size):
                into[at + byte] = data[begin + byte]
            at += size
        ends[block] = at


@in_place
def _array_head(into: Bytes, at: int, length: int) -> int:
    if length < 16:
        into[at] = _SHORT_ARRAY | length
        return at + 1
    if length < 1 << 16:
        into[at] = _ARRAY16
        return _big_endian(into, at + 1, length, 2)
    into[at] = _ARRAY32
    return _big_endian(into, at + 1, length, 4)


@inlined
def _text_head(into: Bytes, at: int, size: int) -> int:
    if size < 32:
        into[at] = _SHORT_TEXT | size
        return at + 1
    if size < 1 << 8:
        into[at], into[at + 1] = _TEXT8, size
        return at + 2
    into[at] = _TEXT16 if size < 1 << 16 else _TEXT32
    return _big_endian(into, at + 1, size, 2 if size < 1 << 16 else 4)


@in_place
def _big_endian(into: Bytes, at: int, value: int, size: int) -> int:
    for byte in range(size):
        into[at + byte] = value >> (8 * (size - 1 - byte)) & 0xFF
    return at + size
