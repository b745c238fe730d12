"""JSON numbers to float64: each one that is taken is the nearest, as Python's own reader finds it."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from stream.folds.scan.number_kernels import UNSURE, nearest, number
from stream.folds.scan.pool import PADDING


def read(text: str) -> tuple[int, bytes]:
    data = np.frombuffer(bytearray(text.encode() + bytes(PADDING)), np.uint8)
    behind, word = number(data, 0)
    return behind, struct.pack("Q", int(word))


def expected(text: str) -> bytes:
    is_whole = text.lstrip("-").isdigit()
    return struct.pack("d", float(int(text)) if is_whole else float(text))


SURE = [
    "0", "-0", "-0.0", "0.0e5", "7", "-12", "0.1", "-0.6234", "3.14159", "1e5", "1E+05", "1e-5", "123456789012345",
    "9007199254740993", "9007199254740993.0", "18446744073709551615", "10000000000000000000", "1.7976931348623157e308",
    "2.2250738585072014e-308", "0.30000000000000004", "5e-20", "8.98846567431158e307", "1e23",
    "0.000000000000000000000000000001234567890123456789", "6.02214076e23", "1e22",
    "9007199254740992.5", "4503599627370496.5", "4503599627370497.5", "1.000000000000000111",
]  # fmt: skip


@pytest.mark.parametrize("text", SURE)
def test_a_number_is_the_nearest_one(text):
    assert read(text) == (len(text), expected(text))


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "+1", ".5", "01", "-01", "1.", "1.e5", "1e", "1e+", "-.5", "x", "--1", "NaN", "e5"),
        *("1e400", "-1e309", "5e-324", "2e-308", "1e99999", "18446744073709551616", "99999999999999999999"),
        *("1.00000000000000000000000001", "123456789012345678901234567890"),
    ],
)
def test_what_is_no_number_or_not_certain_is_left(text):
    assert read(text)[0] == UNSURE


def test_a_number_ends_where_its_digits_end():
    assert [read(text)[0] for text in ("12,3", "1.5}", "2e3 ", "0-1", "1.5.5", "1e5e5", "0x10")] == [
        2,
        3,
        3,
        1,
        3,
        3,
        1,
    ]


def test_doubles_as_python_writes_them_are_taken_and_come_back():
    rng = random.Random(1)
    for _ in range(20_000):
        exponent = rng.randrange(1, 0x7FF)  # normal and finite
        value = struct.unpack("d", struct.pack("Q", exponent << 52 | rng.getrandbits(52) | rng.getrandbits(1) << 63))[0]
        assert read(repr(value)) == (len(repr(value)), struct.pack("d", value))


def test_numbers_between_two_doubles_go_to_the_even_one():
    rng = random.Random(2)
    for _ in range(5_000):
        below = rng.getrandbits(52) | 1 << 52  # odd and even: exactly representable, as is the middle above it
        text = f"{below}.5"
        assert read(text) == (len(text), struct.pack("d", float(text)))


def test_random_digits_and_powers_are_right_or_left():
    rng, sure = random.Random(3), 0
    for _ in range(20_000):
        digits, power = str(rng.getrandbits(rng.randrange(1, 70))), rng.randrange(-345, 312)
        point = rng.randrange(1, len(digits) + 1)
        text = f"{digits[:point]}.{digits[point:] or '0'}e{power}"
        behind, word = read(text)
        if behind != UNSURE:
            sure += 1
            assert word == expected(text), text
    assert sure > 15_000


def test_powers_beyond_the_table_are_left():
    assert nearest(np.uint64(3), -400) == (False, 0)
    assert nearest(np.uint64(3), 400) == (False, 0)
    assert nearest(np.uint64(0), 400) == (True, 0)
