"""Rows that cannot be read: found by bisection before anything is changed, told, and left out (rule 12).

Everything that looks at the rows of a block in Python, and may stumble over one, is done when a `Reading` is made. What
fails after that has changed the state already, and ends the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from stream.folds.blocks import Block
from stream.folds.frame import Codes, Columns
from stream.folds.measure.catalog import Catalog
from stream.folds.measure.count_kernels import INVALID, RECEIVED
from stream.folds.measure.reading import NumberTexts, Reading, ids_of
from stream.folds.measure.state import MeasureState
from stream.folds.monitor import OTHER
from stream.folds.sound import check_frame

ROW_ERRORS = (ArithmeticError, LookupError, ValueError)
"""What a row may be at fault for; another error is the program's or the machine's."""
MOST = 100
"""More rows of one block than these are no poison: the program, or the block as a whole, is wrong."""
MAX_REASON = 500


class Spoilt(NamedTuple):
    """A row of a block that cannot be read, and why."""

    block: Block
    columns: Columns
    row: int
    reason: str


class BlockError(Exception):
    """A block that cannot be read as a whole."""


def readings(block: Block, high: int, catalog: Catalog, numbers: NumberTexts) -> list[Reading | Spoilt]:
    """Return the rows of a block above `high` in order: one reading if all can be read.

    Raises
    ------
    BlockError
        If more than MOST rows cannot be read.
    ValueError
        If the frame does not hold together.
    """
    columns = block.frame.columns()
    check_frame(block.frame, columns)
    first = int(np.searchsorted(columns.positions, high, side="right"))
    if first == columns.n:
        return []
    try:
        return [Reading(block, columns, first, catalog, numbers)]
    except ROW_ERRORS:
        return _told_apart(block, columns, first, catalog, numbers)


def tell(state: MeasureState, spoilt: Spoilt) -> None:
    """Count a row that cannot be read as invalid, under its model and producer as far as they can be told."""
    source, c = spoilt.block.source, spoilt.columns
    model, producer = _text(c, c.models, spoilt.row), _text(c, c.producers, spoilt.row)
    number, kind = state.desk.number_of(model), source.topic.removesuffix("s")
    row = state.counts.row(model if number >= 0 else OTHER, kind, producer, number)
    state.counts.add(row, RECEIVED, 1)
    state.counts.add(row, INVALID, 1)
    an_id, reason = ids_of(spoilt.block.frame, np.array([spoilt.row]))[0], f"fold-error: {spoilt.reason}"[:MAX_REASON]
    place = int(c.positions[spoilt.row])
    state.fates.append((source.topic, source.partition, place, model, an_id, kind, "invalid", reason))


def _told_apart(
    block: Block, columns: Columns, first: int, catalog: Catalog, numbers: NumberTexts
) -> list[Reading | Spoilt]:
    """Return readings and spoilt rows; all are made before any is folded."""
    found: list[Reading | Spoilt] = []
    spoilt = 0
    for each in _halves(block, columns, first, columns.n, catalog, numbers):
        found.append(each)
        spoilt += isinstance(each, Spoilt)
        if isinstance(each, Spoilt) and spoilt > MOST:
            where = f"{block.source.topic}/{block.source.partition}, above {block.start}"
            raise BlockError(f"more than {MOST} rows of the block of {where} cannot be read, as: {each.reason}")
    return found


def _halves(
    block: Block, columns: Columns, start: int, end: int, catalog: Catalog, numbers: NumberTexts
) -> Iterator[Reading | Spoilt]:
    try:
        yield Reading(block, columns.part(start, end), 0, catalog, numbers, start)
    except ROW_ERRORS as error:
        if end - start == 1:
            yield Spoilt(block, columns, start, str(error))
            return
        middle = (start + end) // 2
        yield from _halves(block, columns, start, middle, catalog, numbers)
        yield from _halves(block, columns, middle, end, catalog, numbers)


def _text(columns: Columns, codes: Codes, row: int) -> str:
    code = int(codes[row])
    return columns.texts[code] if 0 <= code < len(columns.texts) else ""
