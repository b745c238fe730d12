"""Texts of columns as codes of one table, as frames have them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from streamgauge.spec_tasks import Task

from stream.backtest.arrow import kind_of, number_words, numbers, read_numbers, texts
from stream.folds.frame import MISSING, TEXT
from stream.folds.hash_kernels import hashes

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]


class Texts:
    """Distinct texts by code, in the order in which they came.

    >>> table = Texts(["model"])
    >>> table.codes(pa.array(["red", None, "red"])), table.names
    (array([ 1, -1,  1]), ('model', 'red'))
    """

    def __init__(self, first: Iterable[str] = ()) -> None:
        self._codes = {text: code for code, text in enumerate(first)}

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def names(self) -> tuple[str, ...]:
        """All texts."""
        return tuple(self._codes)

    def code(self, text: str) -> int:
        """Return the code of a text, which is new if it has none."""
        return self._codes.setdefault(text, len(self._codes))

    def codes(self, column: pa.Array) -> Ints:
        """Return the code of each text of a column, ``(n,)``; -1 for null. Python sees distinct texts only."""
        encoded = texts(column).dictionary_encode()
        known = np.array([self.code(text) for text in encoded.dictionary.to_pylist()] + [-1], np.int64)
        places = encoded.indices.fill_null(len(known) - 1)
        found: Ints = known[np.asarray(places)]
        return found

    def words(self, column: pa.Array) -> Words:
        """Return the word of each value, ``(n,)``: numbers and truth values as they are, texts by code."""
        if kind_of(column.type) != "text":
            return number_words(numbers(column))
        codes = self.codes(column)
        return np.where(codes < 0, np.uint64(MISSING), codes.astype(np.uint64) | np.uint64(TEXT))

    def hashes(self) -> Words:
        """Return the hash of each text, ``(len(self),)``."""
        return text_hashes(self.names)


class Truths(Texts):
    """Texts of labels. Those of a task without classes are numbers, also where they are written as texts.

    >>> Truths("binary").words(pa.array(["1", "0"])).view(np.float64)
    array([1., 0.])
    """

    def __init__(self, task: Task) -> None:
        super().__init__()
        self._has_classes = task == "multiclass"

    def words(self, column: pa.Array) -> Words:
        """Return the word of each value, ``(n,)``."""
        return super().words(column if self._has_classes else read_numbers(column))


def text_hashes(names: Iterable[str]) -> Words:
    """Return the hash of each text: `stream.folds.frame.text_hash`, all at once."""
    parts = [name.encode() for name in names]
    sizes = np.array([len(part) for part in parts], np.int64)
    data = np.frombuffer(b"".join(parts) or b"\0", np.uint8)
    return hashes(data, np.cumsum(sizes) - sizes, sizes, np.zeros(len(parts), np.uint64))
