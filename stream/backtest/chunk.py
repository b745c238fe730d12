"""Rows of a file as the columns that frames have: predictions, and the labels that came with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stream.backtest.ids import Ids

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]
Column = TypeVar("Column", bound=np.generic)

UNKNOWN_MS = -(1 << 62)
"""The time of a label that does not say when it came: when its prediction was made."""


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Truths of predictions, ``(n,)`` each.

    Attributes
    ----------
    ids, hashes
        Of their predictions.
    words
        Truths; texts are codes of a table that all labels of a backtest share.
    event_ms
        When each came true; UNKNOWN_MS if that is not said.
    due_ms
        When each is appended to the log: rows are read in their order, and a label comes at its time.
    sealed_ms
        The event time that the newest row must reach before the pane of its prediction is sealed.
    revisions
        0 first; a higher one replaces the truth of a lower.
    """

    ids: Ids
    hashes: Words
    words: Words
    event_ms: Ints
    due_ms: Ints
    sealed_ms: Ints
    revisions: NDArray[np.uint8]

    @classmethod
    def joined(cls, parts: Sequence[Labels]) -> Labels:
        """Return the labels of all parts, in order."""
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _OF_LABELS}
        return cls(ids=Ids.joined([part.ids for part in parts]), **columns)

    def __len__(self) -> int:
        return len(self.hashes)

    def take(self, rows: Ints) -> Labels:
        """Return some of them, in the order of `rows`."""
        columns = {name: getattr(self, name)[rows] for name in _OF_LABELS}
        return replace(self, ids=self.ids.take(rows), **columns)

    def part(self, start: int, end: int) -> Labels:
        """Return labels ``start .. end - 1``: views."""
        columns = {name: getattr(self, name)[start:end] for name in _OF_LABELS}
        return replace(self, ids=self.ids.part(start, end), **columns)


_OF_LABELS = tuple(field.name for field in fields(Labels) if field.name != "ids")


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Rows in their order, ``(n,)`` each where not said otherwise.

    Attributes
    ----------
    rows
        Numbers of the rows in their file, rising.
    event_ms
        Event times.
    ids, hashes
        Prediction ids and identities.
    texts
        The distinct texts: the model, the features, then those of values; `text_hashes` of each.
    shape
        Codes of the features' names, ``(features,)``.
    cells
        ``(n, features)``: words of the features, in the order of the spec.
    served
        Words of predicted classes or values.
    scores
        NaN where there is none.
    versions
        Codes of texts; -1: none.
    labels
        Of those rows that have one; None without a column.
    labelled
        Places of the rows that `labels` belong to.
    is_numbered
        Whether ids are row numbers: none comes twice.
    """

    rows: Ints
    event_ms: Ints
    ids: Ids
    hashes: Words
    texts: tuple[str, ...]
    text_hashes: Words
    shape: Ints
    cells: Words
    served: Words
    scores: Floats
    versions: Ints
    labels: Labels | None
    labelled: Ints
    is_numbered: bool

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: Ints) -> Chunk:
        """Return the rows at some places, rising, with their labels."""
        if len(places) == len(self):
            return self
        columns = {name: getattr(self, name)[places] for name in _OF_ROWS}
        kept = np.full(len(self), -1, np.int64)
        kept[places] = np.arange(len(places))
        mine = np.flatnonzero(kept[self.labelled] >= 0)
        labels = None if self.labels is None else self.labels.take(mine)
        return replace(self, ids=self.ids.take(places), labels=labels, labelled=kept[self.labelled[mine]], **columns)


_OF_ROWS = ("rows", "event_ms", "hashes", "cells", "served", "scores", "versions")
