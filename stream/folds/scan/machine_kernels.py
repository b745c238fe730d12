"""Four instructions of the machine that Python has no words for; for compiled code only.

They check nothing. What reads a buffer through them relies on the zeros behind it (`stream.folds.base.PADDING`):
each loop over text stops at a zero, so none leaves the buffer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from stream.folds.scan.layout_kernels import Bytes

# Numba's own types are known to no type checker: what handles them is Any.
_Typed = tuple[Any, Callable[..., Any]]


def _load(result: Any, bits: int) -> Callable[..., _Typed]:  # noqa: ANN401
    def load(typing: Any, data: Any, at: Any) -> _Typed:  # noqa: ANN401
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ANN401
            array = context.make_array(signature.args[0])(context, builder, values[0])
            address = builder.gep(array.data, [values[1]])
            return builder.load(builder.bitcast(address, ir.IntType(bits).as_pointer()), align=1)

        return result(data, at), generate

    return load


def _product(typing: Any, a: Any, b: Any) -> _Typed:  # noqa: ANN401
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ANN401
        wide = [builder.zext(value, ir.IntType(128)) for value in values]
        high = builder.lshr(builder.mul(*wide), ir.Constant(ir.IntType(128), 64))
        return builder.trunc(high, ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


def _zeros(name: str) -> Callable[..., _Typed]:
    def zeros(typing: Any, value: Any) -> _Typed:  # noqa: ANN401
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ANN401
            return getattr(builder, name)(values[0], ir.Constant(ir.IntType(1), 0))

        return types.int64(types.uint64), generate

    return zeros


byte: Callable[[Bytes, int], int] = cast("Any", intrinsic(_load(types.uint8, 8)))
"""The byte at an index: without the test for an index below 0 that stands before each `data[at]`."""

word: Callable[[Bytes, int], np.uint64] = cast("Any", intrinsic(_load(types.uint64, 64)))
"""The eight bytes from an index on, the first in the lowest bits."""

high_product: Callable[[np.uint64, np.uint64], np.uint64] = cast("Any", intrinsic(_product))
"""The upper half of the 128 bits that are the product of two words."""

leading_zeros: Callable[[np.uint64], int] = cast("Any", intrinsic(_zeros("ctlz")))
trailing_zeros: Callable[[np.uint64], int] = cast("Any", intrinsic(_zeros("cttz")))
"""How many bits above (below) the highest (lowest) one are 0; 64 of 0."""
