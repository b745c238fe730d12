"""One block of rows, with its texts looked up once: what compiled code is given."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.performance_kernels import TASK_CODES
from stream.folds.blocks import Block
from stream.folds.frame import Columns, Frame, is_number, is_text, number_text, text_codes, text_hash
from stream.folds.measure.catalog import Catalog, Codes, Ints, Words
from stream.folds.measure.map_kernels import numbers_of
from stream.folds.measure.maps import places_for
from stream.folds.measure.row_kernels import Plans, Rows, Texts, assign_plans, fill_plans, numbers_as_texts
from stream.folds.sound import check_rows

_NO_WORDS: Words = np.zeros(0, np.uint64)
_NO_CODES: Codes = np.zeros(0, np.int32)
_FEW = 1 << 10


class NumberTexts:
    """Numbers as the texts that categories have of them, remembered: ``7.0`` is ``7``."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[str, int]] = {}

    def of(self, words: Words) -> tuple[list[str], Words]:
        """Return text and hash of each number."""
        if len(self._known) > 1 << 16:
            self._known.clear()
        found = [self._one(*pair) for pair in zip(words.tolist(), words.view(np.float64).tolist(), strict=True)]
        return [text for text, _ in found], np.array([hash_ for _, hash_ in found], np.uint64)

    def _one(self, word: int, number: float) -> tuple[str, int]:
        known = self._known.get(word)
        if known is None:
            text = number_text(number)
            known = self._known[word] = (text, text_hash(text))
        return known


class Reading:
    """Rows of a block, to be folded together. Nothing of the state is changed here (see ``poison``).

    Parameters
    ----------
    columns
        Rows of the block's frame from row `start` on.
    first
        Those from here on count; the others lie below what was read of their source before.

    Attributes
    ----------
    first, n
        They are rows ``first .. n - 1`` of the columns.
    names
        Texts by code: the frame's, then those of numbers that stand where texts belong.
    has_shadows
        Whether any row may have scores of shadows.

    Raises
    ------
    ValueError
        If a row has a code of no text.
    """

    def __init__(
        self, block: Block, columns: Columns, first: int, catalog: Catalog, numbers: NumberTexts, start: int = 0
    ) -> None:
        check_rows(columns)
        self.block, self.catalog, self.columns = block, catalog, columns
        self.first, self.n, self._start = first, columns.n, start
        self.rows = _rows(columns)
        self.has_shadows = bool(len(columns.shapes)) and bool(columns.shapes.min() < 0)
        models = numbers_of(catalog.model_map.keys, catalog.model_map.values, columns.text_hashes)
        self.texts = Texts(columns.text_hashes, models, _NO_WORDS, _NO_CODES)
        self.names: list[str] | tuple[str, ...] = columns.texts
        self.plans, self.kinds = self._plans() if block.source.topic == "predictions" else _no_plans()
        self._read_numbers(numbers)

    def producer(self, row: int) -> str:
        """Return the name of a row's producer."""
        return self._text(self.rows.producers[row])

    def model(self, row: int) -> str:
        """Return the name of a row's model."""
        return self._text(self.rows.models[row])

    def place(self, row: int) -> int:
        """Return the position of a row in the source."""
        return int(self.columns.positions[row])

    def ids(self, rows: Ints) -> list[str]:
        """Return the prediction_ids of rows."""
        return ids_of(self.block.frame, rows + self._start)

    def task(self, row: int) -> str:
        """Return the task of a row's model."""
        code = int(self.catalog.models.task[self.texts.models[self.rows.models[row]]])
        return next(task for task, known in TASK_CODES.items() if known == code)

    def label(self, row: int) -> float | str | None:
        """Return the label of a row; None if it is invalid."""
        word = self.rows.labels[row : row + 1]
        if is_number(word)[0]:
            return float(self.rows.label_numbers[row])
        return self.columns.texts[int(text_codes(word)[0])] if is_text(word)[0] else None

    def _text(self, code: np.int32) -> str:
        return self.columns.texts[code] if code >= 0 else ""

    def _plans(self) -> tuple[Plans, Ints]:
        rows, n = self.rows, self.n - self.first
        places = places_for(min(n, 64) if len(rows.shape_starts) == 2 and n < 64 else n)
        of_row, kinds = np.empty(self.n, np.int32), np.empty(3 * n, np.int64)
        keys, values = np.empty(places, np.uint64), np.full(places, -1, np.int32)
        count = assign_plans(rows, self.texts, self.first, keys, values, of_row, kinds)
        models, shapes = kinds[0 : 3 * count : 3], kinds[1 : 3 * count : 3]
        sizes = self.catalog.models.columns[models] + 1 + np.diff(rows.shape_starts)[shapes]
        starts = np.zeros(count + 1, np.int64)
        np.cumsum(sizes, out=starts[1:])
        plans = Plans(of_row, starts, np.empty(int(starts[-1]), np.int32))
        fill_plans(rows, self.texts, self.catalog.models, self.catalog.tables, kinds, plans)
        return plans, kinds[: 3 * count].reshape(-1, 3)

    def _read_numbers(self, numbers: NumberTexts) -> None:
        words = self._numbers_as_texts()
        if not len(words):
            return
        names, hashes = numbers.of(words)
        order = np.argsort(words)
        self.names = [*self.names, *names]
        codes = len(self.columns.texts) + order
        every = np.concatenate([self.columns.text_hashes, hashes])
        self.texts = Texts(_fixed(every), self.texts.models, words[order], codes.astype(np.int32))

    def _numbers_as_texts(self) -> Words:
        room = _FEW
        while True:
            places = places_for(room)
            keys, values = np.empty(places, np.uint64), np.full(places, -1, np.int32)
            found = np.empty(room, np.uint64)
            args = (self.rows, self.texts, self.catalog.models, self.plans, self.first, keys, values, found)
            count = numbers_as_texts(*args)
            if count >= 0:
                return found[:count]
            room *= 8


def ids_of(frame: Frame, rows: Ints) -> list[str]:
    """Return the prediction_ids of rows of a frame; what is not UTF-8 in them is replaced."""
    sizes = np.frombuffer(frame.id_sizes, "<u2")
    ends = np.cumsum(sizes, dtype=np.int64)
    at = zip((ends - sizes)[rows].tolist(), ends[rows].tolist(), strict=True)
    return [frame.ids[start:end].decode(errors="replace") for start, end in at]


def _no_plans() -> tuple[Plans, Ints]:
    return Plans(_NO_CODES, np.zeros(1, np.int64), _NO_CODES), np.zeros((0, 3), np.int64)


def _fixed(column: NDArray[np.generic]) -> NDArray:  # type: ignore[type-arg]
    """Return a column that nobody can write into, as those are that lie in a message: one type for compiled code."""
    column.flags.writeable = False
    return column


def _rows(c: Columns) -> Rows:
    labels, cells = c.labels, c.cells
    return Rows(
        c.event_ms, c.hashes, c.models, c.versions, c.producers, labels, labels.view(np.float64), _fixed(c.lanes),
        _fixed(c.revisions), _fixed(c.scores), _fixed(c.latencies), c.shapes, _fixed(c.shape_starts),
        _fixed(c.row_shapes), _fixed(c.row_starts), cells, cells.view(np.float64),
    )  # fmt: skip
