"""Decimal to binary: JSON's numbers to the nearest float64, or "unsure".

A number is ``w · 10^q`` with a whole ``w`` of at most 19 digits (20 below 2^64). Where ``w`` and ``10^|q|`` are exact
in float64, one multiplication or division rounds once and right (Clinger). Else ``w`` times 128 bits of ``5^q`` gives
the bits, and a remainder that says whether they are certain (Eisel and Lemire).

References
----------
William D. Clinger, How to Read Floating Point Numbers Accurately, 1990.
Daniel Lemire, Number Parsing at a Gigabyte per Second, Software: Practice and Experience 51(8), 2021; section 5 and 6.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import in_place, inlined
from stream.folds.scan.layout_kernels import Bytes
from stream.folds.scan.machine_kernels import byte, high_product, leading_zeros, trailing_zeros, word

UNSURE: Final = -1
"""In place of the index behind a token: it is none, or one that the general path must read."""

_MINUS, _PLUS, _POINT, _ZERO, _E = 45, 43, 46, 48, 101
_SIGN: Final = np.uint64(1 << 63)
_LEAST_POWER, _GREATEST_POWER = -342, 308  # of ten: 19 digits times a lesser one are 0, times a greater one infinite
_LEAST_EXACT = -27
_EXACT_POWER = 22  # 10^22 = 2^22 · 5^22, and 5^22 < 2^53
_EXACT: Final = np.uint64(1 << 53)
_MANY_DIGITS = 19


def _fives() -> NDArray[np.uint64]:
    """Return ``(651, 2)``: the upper and lower half of each power of five, its highest bit shifted to bit 127.

    Powers from 0 on are cut; those below are reciprocals, cut too, but rounded up from 5^-27 on, where the power has 64
    bits at most: so the product is never below an exact one, nor ever above an inexact one (the paper's section 5).
    """
    table = np.empty((_GREATEST_POWER - _LEAST_POWER + 1, 2), np.uint64)
    for row, power in enumerate(range(_LEAST_POWER, _GREATEST_POWER + 1)):
        bits = _upper_128(5**power) if power >= 0 else _reciprocal_128(5**-power, up=power >= _LEAST_EXACT)
        table[row] = bits >> 64, bits & (1 << 64) - 1
    return table


def _upper_128(value: int) -> int:
    shift = value.bit_length() - 128
    return value >> shift if shift > 0 else value << -shift


def _reciprocal_128(value: int, *, up: bool) -> int:
    return (1 << value.bit_length() + 127) // value + up


_FIVES: Final = _fives()
_TENS: Final = np.array([float(10**power) for power in range(_EXACT_POWER + 1)])
_WHOLE_TENS: Final = np.array([10**power for power in range(9)], np.uint64)


@inlined
def number(data: Bytes, at: int) -> tuple[int, np.uint64]:
    """Return the index behind the JSON number at `at`, and the bits of the nearest float64; UNSURE if in doubt."""
    negative = byte(data, at) == _MINUS
    first = at + 1 if negative else at
    w, i = digits(data, first, np.uint64(0))
    count = i - first
    if count == 0 or (count > 1 and byte(data, first) == _ZERO):
        return UNSURE, np.uint64(0)
    power, is_whole = 0, True
    if byte(data, i) == _POINT:
        point = i
        w, i = digits(data, point + 1, w)
        power, is_whole = point + 1 - i, False
        if power == 0:
            return UNSURE, np.uint64(0)
        count -= power
    if (byte(data, i) | 32) == _E:
        i, exponent = _exponent(data, i + 1)
        if i == UNSURE:
            return UNSURE, np.uint64(0)
        power, is_whole = power + exponent, False
    if count >= _MANY_DIGITS and not _holds(data, first, count, w):
        return UNSURE, np.uint64(0)
    if is_whole and w == np.uint64(0):
        return i, np.uint64(0)  # -0 is a whole number: it has no sign
    sure, bits = nearest(w, power)
    return (i if sure else UNSURE), (bits | _SIGN if negative else bits)


@in_place
def single_number(data: Bytes, at: int) -> tuple[int, np.uint64]:
    """Return the same as `number`, by a call: where there is one number to a line, not twenty."""
    return number(data, at)


@inlined
def digits(data: Bytes, at: int, value: np.uint64) -> tuple[np.uint64, int]:
    """Append the decimal digits from `at` on to `value`, modulo 2^64; return it and the index behind them."""
    i = at
    while True:
        # Eight bytes at once: digits become 0 to 9, and what is none gets its highest bit set.
        eight = word(data, i) ^ np.uint64(0x3030303030303030)
        low = (eight & np.uint64(0x7F7F7F7F7F7F7F7F)) + np.uint64(0x7676767676767676)
        count = trailing_zeros((low | eight) & np.uint64(0x8080808080808080)) >> 3
        if count == 0:
            return value, i
        eight <<= np.uint64(64 - 8 * count)
        eight = (eight * np.uint64(2561)) >> np.uint64(8)  # pairs: 10 · a + b
        eight = ((eight & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(6553601)) >> np.uint64(16)  # 100 · pair + pair
        eight = ((eight & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(42949672960001)) >> np.uint64(32)
        value = value * _WHOLE_TENS[np.uint64(count)] + eight
        i += count
        if count < 8:
            return value, i


@in_place
def _exponent(data: Bytes, at: int) -> tuple[int, int]:
    negative = byte(data, at) == _MINUS
    first = at + 1 if negative or byte(data, at) == _PLUS else at
    value, i = digits(data, first, np.uint64(0))
    if i == first or i - first > 4:
        return UNSURE, 0
    return i, -int(np.int64(value)) if negative else int(np.int64(value))


@in_place
def _holds(data: Bytes, first: int, count: int, value: np.uint64) -> bool:
    """Say whether `value` is that of all digits, though they are many: leading zeros do not count."""
    i = first
    while byte(data, i) == _ZERO or byte(data, i) == _POINT:
        count -= byte(data, i) == _ZERO
        i += 1
    if count <= _MANY_DIGITS:
        return True
    # 20 digits: modulo 2^64 they stay above 10^19 only if nothing was lost, as 2 · 10^19 is above 2^64 as well.
    return count == _MANY_DIGITS + 1 and byte(data, i) == _ZERO + 1 and bool(value >= np.uint64(10**19))


@inlined
def nearest(w: np.uint64, power: int) -> tuple[bool, np.uint64]:
    """Return whether it is certain, and the bits of the float64 nearest to ``w · 10^power``, ties to even."""
    if power == 0:
        return True, _bits(np.float64(w))
    if w <= _EXACT and -_EXACT_POWER <= power <= _EXACT_POWER:
        if power < 0:
            return True, _bits(np.float64(w) / _TENS[np.uint64(-power)])
        return True, _bits(np.float64(w) * _TENS[np.uint64(power)])
    if w == np.uint64(0):
        return True, np.uint64(0)
    if power < _LEAST_POWER or power > _GREATEST_POWER:
        return False, np.uint64(0)
    return _eisel_lemire(w, power)


@inlined
def _bits(value: float) -> np.uint64:
    return np.float64(value).view(np.uint64)


@in_place
def _eisel_lemire(w: np.uint64, power: int) -> tuple[bool, np.uint64]:
    """Return the same for w above 0; the letters and the numbers of the steps are the paper's (algorithm 1)."""
    row = np.uint64(power - _LEAST_POWER)
    lead = leading_zeros(w)
    w <<= np.uint64(lead)
    upper, lower = high_product(w, _FIVES[row, 0]), w * _FIVES[row, 0]
    if upper & np.uint64(0x1FF) == np.uint64(0x1FF):  # the lower half of the power may carry into what is kept
        carried = high_product(w, _FIVES[row, 1])
        lower += carried
        if lower < carried:
            upper += np.uint64(1)
    if lower == np.uint64(0xFFFF_FFFF_FFFF_FFFF) and not _LEAST_EXACT <= power <= 55:
        return False, np.uint64(0)
    top = upper >> np.uint64(63)
    m = upper >> (top + np.uint64(9))  # 54 bits: the 53 of a float64, and one to round
    # 217706 / 2^16 is log2(10), near enough for all powers here; 1023 is the bias of the exponent.
    p = ((217706 * power) >> 16) + 63 - lead + np.int64(top) + 1023
    if p <= 0:
        return False, np.uint64(0)  # below the normal numbers
    is_tie = lower <= np.uint64(1) and -4 <= power <= 23 and m & np.uint64(3) == np.uint64(1)
    if is_tie and (m << (top + np.uint64(9))) == upper:
        m &= ~np.uint64(1)
    m = (m + (m & np.uint64(1))) >> np.uint64(1)
    if m == _EXACT:  # rounded up to the next power of two
        m >>= np.uint64(1)
        p += 1
    if p >= 2047:
        return False, np.uint64(0)  # above the finite numbers
    return True, (np.uint64(p) << np.uint64(52)) | (m & np.uint64((1 << 52) - 1))
