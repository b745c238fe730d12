"""numpy arrays inside MessagePack: hooks for msgspec."""

from __future__ import annotations

import numpy as np

Packed = tuple[str, tuple[int, ...], bytes]


_WHOLE = np.dtype("<i8")
_NARROW = tuple(np.dtype(name) for name in ("|i1", "<i2", "<i4"))


def pack(value: object) -> object:
    r"""Return an array as type, shape and content; equal arrays have equal bytes. NotImplementedError for others.

    Whole numbers of 64 bits are written with the fewest bytes that hold them all: counts are mostly small.

    >>> pack(np.array([[1, 2]], "<i2"))
    ('<i2', (1, 2), b'\x01\x00\x02\x00')
    >>> pack(np.array([1, 300]))
    ('<i8<i2', (2,), b'\x01\x00,\x01')
    """
    if not isinstance(value, np.ndarray):
        msg = f"only arrays are packed, got {type(value)}"
        raise NotImplementedError(msg)
    narrow = _narrowed(value)
    names = value.dtype.str if narrow is value else value.dtype.str + narrow.dtype.str
    return names, value.shape, narrow.tobytes()


def _narrowed(value: np.ndarray) -> np.ndarray:
    if value.dtype != _WHOLE or not value.size:
        return value
    low, high = int(value.min()), int(value.max())
    for narrow in _NARROW:
        if np.iinfo(narrow).min <= low and high <= np.iinfo(narrow).max:
            return value.astype(narrow)
    return value


def unpack(_kind: type, value: Packed) -> object:
    """Return the array that `pack` was given, a copy; ValueError if the content does not fit the shape.

    >>> unpack(np.ndarray, pack(np.arange(3)))
    array([0, 1, 2])
    """
    names, shape, content = value
    stored = names.removeprefix(_WHOLE.str) or names
    found = np.frombuffer(content, stored).reshape(shape)
    return found.copy() if stored == names else found.astype(_WHOLE)
