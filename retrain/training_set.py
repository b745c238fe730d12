"""Training sets: labelled rows in columns, as the store gives them, to features and labels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa

from models.metrics import Floats
from models.pipelines import Row, Task
from models.training import TrainingSet, UnusableError

COLUMNS = ("event_ms", "numbers", "texts", "label", "label_text")


def training_set(table: pa.Table, task: Task, max_rows: int, positive: str = "1") -> TrainingSet:
    """Return the newest rows of a table as what a trainer takes.

    Parameters
    ----------
    table
        The columns `COLUMNS`, in time order; maps hold a row's features by name, without what is missing.
    max_rows
        How many rows at most.
    positive
        The text label that is the positive class; numbers must be 0 and 1.

    Raises
    ------
    UnusableError
        For labels that the task cannot have.
    """
    newest = table.slice(max(0, len(table) - max_rows)).select(COLUMNS)
    return TrainingSet(
        list(_rows(newest)),
        _labels(newest, task, positive),
        newest["event_ms"].to_numpy().astype(np.int64),
    )


def _rows(table: pa.Table) -> Iterator[Row]:
    numbers, texts = (_entries(table[name]) for name in ("numbers", "texts"))
    for row, more in zip(numbers, texts, strict=True):
        row.update(more)
        yield row


def _entries(column: pa.ChunkedArray) -> Iterator[dict[str, float | str | None]]:
    for chunk in column.chunks:
        offsets = chunk.offsets.to_pylist()
        keys = _texts(chunk.keys.slice(offsets[0], offsets[-1] - offsets[0]))
        items = chunk.items.slice(offsets[0], offsets[-1] - offsets[0])
        values = items.to_pylist() if pa.types.is_floating(items.type) else _texts(items)
        bounds = [offset - offsets[0] for offset in offsets]
        for start, stop in pairwise(bounds):
            yield dict(zip(keys[start:stop], values[start:stop], strict=True))


def _texts(values: pa.Array) -> list[str]:
    """Return a list in which equal texts are one object: a training set repeats few texts very often."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    coded = values.dictionary_encode()
    levels = coded.dictionary.to_pylist()
    return [levels[code] for code in coded.indices.to_pylist()]


def _labels(table: pa.Table, task: Task, positive: str) -> Floats:
    numbers: Floats = table["label"].to_numpy().astype(np.float64)
    texts = np.array(table["label_text"].to_pylist(), object)
    is_text = np.isnan(numbers)
    if task == "regression":
        if is_text.any():
            raise UnusableError(f"labels of a regression must be numbers, got {texts[is_text][0]!r}")
        return numbers
    wrong = ~is_text & (numbers != 0) & (numbers != 1)
    if wrong.any():
        raise UnusableError(f"labels of a binary task must be 0 and 1, got {numbers[wrong][0]:g}")
    labels: Floats = np.where(is_text, texts == positive, numbers).astype(np.float64)
    return labels
