"""Prediction ids as bytes one after the other, so that frames take them as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream.folds.frame import text_hash
from stream.folds.hash_kernels import hashes

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Ids:
    """Texts in UTF-8.

    Attributes
    ----------
    data
        All bytes.
    starts
        ``(n + 1,)``: text ``i`` is ``data[starts[i] : starts[i + 1]]``.
    """

    data: NDArray[np.uint8]
    starts: Ints

    @classmethod
    def of(cls, column: pa.Array) -> Ids:
        """Return the texts of a ``large_string`` array without nulls."""
        _, starts, data = column.buffers()
        at = np.frombuffer(starts, np.int64)[column.offset : column.offset + len(column) + 1].copy()
        return cls(np.frombuffer(data, np.uint8) if data is not None and data.size else _NO_BYTES, at)

    @classmethod
    def joined(cls, parts: Sequence[Ids]) -> Ids:
        """Return the texts of all parts, in order."""
        sizes = np.concatenate([part.sizes for part in parts])
        data = np.concatenate([part.data[part.starts[0] : part.starts[-1]] for part in parts])
        return cls(data, _starts(sizes))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> Ints:
        """Bytes of each, ``(n,)``."""
        found: Ints = np.diff(self.starts)
        return found

    def part(self, start: int, end: int) -> Ids:
        """Return texts ``start .. end - 1``: a view."""
        return Ids(self.data, self.starts[start : end + 1])

    def take(self, rows: Ints) -> Ids:
        """Return the texts of some rows, in their order. O(bytes).

        >>> some = Ids.of(pa.array(["a", "bc", "d"], pa.large_string())).take(np.array([2, 1]))
        >>> some.packed()
        b'dbc'
        """
        sizes = self.sizes[rows]
        starts = _starts(sizes)
        at = np.repeat(self.starts[rows] - starts[:-1], sizes) + np.arange(starts[-1])
        return Ids(self.data[at], starts)

    def packed(self) -> bytes:
        """Return the bytes one after the other."""
        return self.data[self.starts[0] : self.starts[-1]].tobytes()

    def identities(self, model: str) -> NDArray[np.uint64]:
        """Return what stands for each as a prediction of a model, ``(n,)``: `stream.folds.frame.identity`."""
        seeds = np.full(len(self), text_hash(model), np.uint64)
        return hashes(self.data, self.starts[:-1], self.sizes, seeds)


_NO_BYTES = np.frombuffer(b"\0", np.uint8)


def _starts(sizes: Ints) -> Ints:
    starts = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=starts[1:])
    return starts
