"""Times as text: RFC 3339 with a zone, as producers write them; other ways to write one are left to the general path.

References
----------
Howard Hinnant, chrono-Compatible Low-Level Date Algorithms, 2021: ``days_from_civil``.
"""

from __future__ import annotations

import numpy as np

from detectors.compiled import in_place
from stream.folds.scan.layout_kernels import Bytes
from stream.folds.scan.machine_kernels import byte
from stream.folds.scan.number_kernels import digits

_ZERO, _DASH, _COLON, _POINT, _PLUS, _T, _Z = 48, 45, 58, 46, 43, 84, 90
_SHORTEST = 20  # 2013-01-01T10:15:00Z
_BAD = -10_000  # in place of two digits; a sum of several is below 0 with one of it


@in_place
def written_ms(data: Bytes, at: int, end: int) -> tuple[bool, int]:
    """Return whether ``data[at : end]`` is a time with a zone, and its epoch milliseconds."""
    if end - at < _SHORTEST or not _has_marks(data, at):
        return False, 0
    century, year, month, day = _two(data, at), _two(data, at + 2), _two(data, at + 5), _two(data, at + 8)
    hour, minute, second = _two(data, at + 11), _two(data, at + 14), _two(data, at + 17)
    if min(century, year, month - 1, day - 1, hour, minute, second) < 0:
        return False, 0
    year += 100 * century
    if month > 12 or day > _days_of(year, month) or hour > 23 or minute > 59 or second > 59:
        return False, 0
    i, nanos = _fraction(data, at + 19)
    is_zone, east = _minutes_east(data, i, end)
    if nanos < 0 or not is_zone:
        return False, 0
    minutes = (_days(year, month, day) * 24 + hour) * 60 + minute - east
    # Rounded to microseconds first, half up, then cut: as the general path does.
    return True, (minutes * 60 + second) * 1_000 + (nanos + 500) // 1_000_000


@in_place
def _has_marks(data: Bytes, at: int) -> bool:
    dashes = byte(data, at + 4) == _DASH and byte(data, at + 7) == _DASH
    colons = byte(data, at + 13) == _COLON and byte(data, at + 16) == _COLON
    return dashes and byte(data, at + 10) == _T and colons


@in_place
def _two(data: Bytes, at: int) -> int:
    tens, ones = int(byte(data, at)) - _ZERO, int(byte(data, at + 1)) - _ZERO
    return 10 * tens + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else _BAD


@in_place
def _fraction(data: Bytes, at: int) -> tuple[int, int]:
    """Return the index behind the fraction of a second at `at`, if there is one, and its nanoseconds; -1: not sure."""
    if byte(data, at) != _POINT:
        return at, 0
    value, i = digits(data, at + 1, np.uint64(0))
    count = i - at - 1
    if count == 0 or count > 9:
        return i, -1
    nanos = int(np.int64(value))
    for _ in range(9 - count):
        nanos *= 10
    return i, nanos


@in_place
def _minutes_east(data: Bytes, at: int, end: int) -> tuple[bool, int]:
    """Return whether the zone at `at` is one and ends at `end`, and how far east it is."""
    if byte(data, at) == _Z:
        return at + 1 == end, 0
    sign = byte(data, at)
    if sign not in (_PLUS, _DASH) or at + 6 != end or byte(data, at + 3) != _COLON:
        return False, 0
    hours, minutes = _two(data, at + 1), _two(data, at + 4)
    if min(hours, minutes) < 0 or hours > 23 or minutes > 59:
        return False, 0
    east = 60 * hours + minutes
    return True, east if sign == _PLUS else -east


@in_place
def _days_of(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


@in_place
def _days(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 on; years begin in March here, so that the leap day is the last."""
    year -= month <= 2
    era = year // 400
    year_of_era = year - 400 * era
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468
