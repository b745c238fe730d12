"""Words of memory by their address, inside compiled code, and the request to fetch one before it is needed.

Sealed segments lie in many buffers, some of them mapped files. A loop over queries that may go to any of them takes
addresses; who calls it keeps the buffers alive. Nothing here checks bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

import detectors.compiled  # noqa: F401  it names the folder of compiled code, before numba is imported

# isort: split
from llvmlite import ir
from numba import types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic

Int = int | np.int64
Generate = Callable[[object, ir.IRBuilder, object, Sequence[object]], object]
_function = cast("Callable[[object, object, str], object]", get_or_insert_function)
BYTE, FLAG = ir.IntType(8).as_pointer(), ir.IntType(32)


def _pointer(builder: ir.IRBuilder, address: object, bits: int) -> object:
    return builder.inttoptr(address, ir.IntType(bits).as_pointer())


def _generate_load(bits: int) -> Generate:
    def generate(_context: object, builder: ir.IRBuilder, _signature: object, given: Sequence[object]) -> object:
        return builder.load(_pointer(builder, given[0], bits))

    return generate


def _word_at(_typing: object, address: object) -> object:
    return types.uint64(types.int64), _generate_load(64)


def _quad_at(_typing: object, address: object) -> object:
    return types.uint32(types.int64), _generate_load(32)


def _half_at(_typing: object, address: object) -> object:
    return types.uint16(types.int64), _generate_load(16)


def _put_half(_typing: object, address: object, value: object) -> object:
    def generate(_context: object, builder: ir.IRBuilder, _signature: object, given: Sequence[object]) -> object:
        builder.store(given[1], _pointer(builder, given[0], 16))
        return given[1]

    return types.uint16(types.int64, types.uint16), generate


def _prefetch(_typing: object, address: object) -> object:
    def generate(_context: object, builder: ir.IRBuilder, _signature: object, given: Sequence[object]) -> object:
        kind = ir.FunctionType(ir.VoidType(), [BYTE, FLAG, FLAG, FLAG])
        function = _function(builder.module, kind, "llvm.prefetch.p0")
        for_reading, keep, data = FLAG(0), FLAG(3), FLAG(1)
        builder.call(function, [_pointer(builder, given[0], 8), for_reading, keep, data])
        return given[0]

    return types.int64(types.int64), generate


word_at = cast("Callable[[Int], np.uint64]", intrinsic(_word_at))
quad_at = cast("Callable[[Int], np.uint32]", intrinsic(_quad_at))
half_at = cast("Callable[[Int], np.uint16]", intrinsic(_half_at))
put_half = cast("Callable[[Int, np.uint16], np.uint16]", intrinsic(_put_half))
prefetch = cast("Callable[[Int], np.int64]", intrinsic(_prefetch))
