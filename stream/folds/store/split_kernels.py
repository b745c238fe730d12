"""The words of rows, split by what they are: the entries of ClickHouse's maps, without a Python object for any."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from stream.folds.frame import INVALID, NUMBER_MASK, TEXT

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

_NUMBER_MASK = np.uint64(NUMBER_MASK)
_INVALID = np.uint64(INVALID)
_TEXT_HIGH = np.uint64(TEXT >> 32)
_HIGH = np.uint64(32)
_LOW = np.uint64(0xFFFF_FFFF)

ROWS, NUMBERS, TEXTS, INVALIDS, SHADOWS = range(5)
"""Indices of the counts that `split` goes on from: rows, and entries of each kind."""


@compiled
def split(
    cells: Words, row_starts: Ints, row_shapes: Codes, shape_starts: Ints, slots: Codes, text_codes: Codes,
    counts: Ints, ends: Codes, number_names: Codes, number_values: Floats, text_names: Codes, text_values: Codes,
    invalid_names: Codes, shadow_names: Codes, shadow_values: Floats,
) -> None:  # fmt: skip
    """Append the entries of a frame's rows to those of the frames before. O(words).

    Parameters
    ----------
    cells, row_starts, row_shapes, shape_starts
        As in `frame.Columns`.
    slots
        int32, for each name of `frame.Columns.shapes`: the feature's code, or ``~code`` of a shadow's version.
    text_codes
        int32, for each text of the frame: its code among the texts of all frames.
    counts
        int64 ``(5,)``: rows and entries so far; moved on.
    ends
        int32 ``(4, rows + 1)``: where the entries of each row end, by kind (NUMBERS − 1 …); column 0 is not written.
    number_names, number_values, text_names, text_values, invalid_names, shadow_names, shadow_values
        Entries, with room for all cells. A feature that is missing has none; neither has a shadow without a score.
    """
    row, number, text, invalid, shadow = counts
    for i in range(len(row_shapes)):
        slot = shape_starts[row_shapes[i]]
        for cell in range(row_starts[i], row_starts[i + 1]):
            word, name = cells[cell], slots[slot]
            slot += 1
            is_number = word & _NUMBER_MASK != _NUMBER_MASK
            if name < 0:
                if is_number:
                    shadow_names[shadow] = ~name
                    shadow_values[shadow] = cells[cell : cell + 1].view(np.float64)[0]
                    shadow += 1
            elif is_number:
                number_names[number] = name
                number_values[number] = cells[cell : cell + 1].view(np.float64)[0]
                number += 1
            elif word >> _HIGH == _TEXT_HIGH:
                text_names[text] = name
                text_values[text] = text_codes[word & _LOW]
                text += 1
            elif word == _INVALID:
                invalid_names[invalid] = name
                invalid += 1
        row += 1
        ends[NUMBERS - 1, row], ends[TEXTS - 1, row] = number, text
        ends[INVALIDS - 1, row], ends[SHADOWS - 1, row] = invalid, shadow
    counts[0], counts[1], counts[2], counts[3], counts[4] = row, number, text, invalid, shadow
