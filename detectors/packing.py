"""numpy arrays inside MessagePack: hooks for msgspec."""

from __future__ import annotations

import numpy as np

Packed = tuple[str, tuple[int, ...], bytes]


def pack(value: object) -> object:
    r"""Return an array as type, shape and content; equal arrays have equal bytes. NotImplementedError for others.

    >>> pack(np.array([[1, 2]], "<i2"))
    ('<i2', (1, 2), b'\x01\x00\x02\x00')
    """
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    msg = f"only arrays are packed, got {type(value)}"
    raise NotImplementedError(msg)


def unpack(_kind: type, value: Packed) -> object:
    """Return the array that `pack` was given, a copy; ValueError if the content does not fit the shape.

    >>> unpack(np.ndarray, pack(np.arange(3)))
    array([0, 1, 2])
    """
    dtype, shape, content = value
    return np.frombuffer(content, dtype).reshape(shape).copy()
