"""Which format each record has, from its headers as Kafka writes them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled, in_place
from stream.folds.scan.layout_kernels import GENERAL, MANY, ONE, Bytes, Ints

_NAME: Final = np.frombuffer(b"content-type", np.uint8).copy()
_ONE: Final = np.frombuffer(b"application/json", np.uint8).copy()
_MANY: Final = np.frombuffer(b"application/x-ndjson", np.uint8).copy()
_CLOUD: Final = np.frombuffer(b"ce_", np.uint8).copy()  # the attributes of a CloudEvent in binary mode


@compiled
def formats(data: Bytes, headers_at: Ints, headers_size: Ints, headers_count: Ints) -> Ints:
    """Return the format of each record, ``(n,)``: ONE or MANY where that is certain, else GENERAL."""
    found = np.empty(len(headers_at), np.int64)
    for i in range(len(headers_at)):
        end = headers_at[i] + headers_size[i]
        found[i] = ONE if headers_size[i] == 0 else _format(data, headers_at[i], end, headers_count[i])
    return found


@in_place
def _format(data: Bytes, at: int, end: int, count: int) -> int:
    found, is_named = ONE, False
    for _ in range(count):
        name, name_size = _varint(data, at, end)
        if name_size < 0 or name + name_size > end:
            return GENERAL
        value, value_size = _varint(data, name + name_size, end)
        at = value + max(value_size, 0)
        if value_size < -1 or at > end or (name_size >= 3 and _begins(data, name, _CLOUD)):
            return GENERAL
        if name_size == len(_NAME) and _begins(data, name, _NAME):
            if is_named:
                return GENERAL
            is_named, found = True, _media(data, value, value_size)
    return found


@in_place
def _media(data: Bytes, at: int, size: int) -> int:
    if size == len(_ONE) and _begins(data, at, _ONE):
        return ONE
    return MANY if size == len(_MANY) and _begins(data, at, _MANY) else GENERAL


@in_place
def _begins(data: Bytes, at: int, wanted: NDArray[np.uint8]) -> bool:
    """Say whether these bytes stand at `at`, in lower or upper case."""
    for i in range(len(wanted)):
        c = data[at + i]
        if c != wanted[i] and not (65 <= c <= 90 and (c | 32) == wanted[i]):
            return False
    return True


@in_place
def _varint(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return the index behind a size in zigzag varint, and the size; -2 if it is none."""
    found, shift = 0, 0
    while at < end and shift <= 28:
        c = int(data[at])
        at += 1
        found |= (c & 127) << shift
        shift += 7
        if c < 128:
            return at, (found >> 1) ^ -(found & 1)
    return at, -2
