"""Raw rows out of the ledger's frames: columns in, columns out, nothing in Python for a single row.

Frames of many blocks become one table, since ClickHouse wants few large inserts. The words of rows are the entries of
ClickHouse's maps already, but for the kinds mixed; texts stay codes, as Arrow's dictionaries and ClickHouse's
LowCardinality have them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stream.folds.base import Record
from stream.folds.blocks import Block
from stream.folds.frame import FEEDBACK_LANE, NO_TEXT, Columns, Frame, is_number, is_text, text_codes
from stream.folds.sound import check_frame, check_rows, names_of
from stream.folds.store.batch import INSTANT, Batch
from stream.folds.store.split_kernels import INVALIDS, NUMBERS, SHADOWS, TEXTS, split

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Held:
    """A block of rows, and the ledger's partition and record that hold it."""

    partition: int
    record: Record
    block: Block
    columns: Columns


def held(partition: int, record: Record, block: Block) -> Held:
    """Return a block of ledger partition `partition` that is sound; ValueError or LookupError if it is not."""
    columns = block.frame.columns()
    check_frame(block.frame, columns)
    check_rows(columns)
    return Held(partition, record, block, columns)


def raw_batches(blocks: Sequence[Held]) -> Iterator[Batch]:
    """Yield the rows of blocks as one batch of predictions and one of labels, those that there are. O(words)."""
    for topic, table, more in (("predictions", "prediction_rows", _prediction), ("labels", "label_rows", _label)):
        some = [each for each in blocks if each.block.source.topic == topic and each.columns.n]
        if some:
            joined = _Joined(some)
            yield Batch(table, pa.table(_common(joined) | more(joined)))


class _Joined:
    """Blocks of one kind, with the texts of all in one table."""

    def __init__(self, blocks: Sequence[Held]) -> None:
        self.blocks = blocks
        self.sizes = np.array([each.columns.n for each in blocks])
        self.n = int(self.sizes.sum())
        texts = pc.dictionary_encode(pa.array(list(chain([""], *(each.columns.texts for each in blocks))), pa.string()))
        self.texts: pa.Array = texts.dictionary
        self.text_codes: Codes = texts.indices.to_numpy()  # of all frames, behind that of the empty text
        self.bases = np.cumsum([1, *(len(each.columns.texts) for each in blocks)])

    def column(self, get: Callable[[Columns], NDArray[np.generic]]) -> NDArray[np.generic]:
        """Return a column of all blocks."""
        return np.concatenate([get(each.columns) for each in self.blocks])

    def repeat(self, values: Sequence[int], type_: pa.DataType) -> pa.Array:
        """Return a value of each block for each of its rows."""
        return pa.array(np.repeat(np.array(values), self.sizes).astype(type_.to_pandas_dtype()))

    def names(self, values: Sequence[str]) -> pa.Array:
        """Return a name of each block for each of its rows."""
        names = pa.array(values, pa.string()).dictionary_encode()
        return pa.DictionaryArray.from_arrays(np.repeat(names.indices.to_numpy(), self.sizes), names.dictionary)

    def labels(self, get: Callable[[Columns], Codes]) -> pa.Array:
        """Return texts by their codes; the empty text where there is none."""
        codes = [self.shared(at, get(each.columns)) for at, each in enumerate(self.blocks)]
        return _dictionary(np.concatenate(codes), self.texts)

    def shared(self, at: int, codes: Codes) -> Codes:
        """Return codes of block `at` as codes among the texts of all blocks; 0, the empty text, for none."""
        return self.text_codes[np.where(codes == NO_TEXT, 0, codes + self.bases[at])]

    def words(self) -> tuple[pa.Array, pa.Array]:
        """Return the column of labels as numbers and as texts."""
        words = [each.columns.labels for each in self.blocks]
        codes = [np.where(is_text(some), text_codes(some), NO_TEXT) for some in words]
        texts = np.concatenate([self.shared(at, some) for at, some in enumerate(codes)])
        all_words = np.concatenate(words)
        numbers = np.where(is_number(all_words), all_words.view("<f8"), np.nan)
        return pa.array(numbers), _dictionary(texts, self.texts)


def _common(joined: _Joined) -> dict[str, pa.Array]:
    blocks = joined.blocks
    return {
        "model": joined.labels(lambda c: c.models),
        "event_time": pa.array(joined.column(lambda c: c.event_ms)).view(INSTANT),
        "topic": joined.names([each.block.source.topic for each in blocks]),
        "topic_id": joined.names([each.block.source.topic_id for each in blocks]),
        "partition": joined.repeat([each.block.source.partition for each in blocks], pa.uint16()),
        "place": pa.array(joined.column(lambda c: c.positions)),
        "ledger_partition": joined.repeat([each.partition for each in blocks], pa.uint16()),
        "ledger_position": joined.repeat([each.record.position for each in blocks], pa.int64()),
        "known": joined.repeat([each.record.append_ms for each in blocks], pa.int64()).view(INSTANT),
        "source": joined.labels(lambda c: c.producers),
        "prediction_id": _ids([each.block.frame for each in blocks]),
    }


def _prediction(joined: _Joined) -> dict[str, pa.Array]:
    label, label_text = joined.words()
    return {
        "model_version": joined.labels(lambda c: c.versions),
        "score": pa.array(joined.column(lambda c: c.scores)),
        "label": label,
        "label_text": label_text,
        "latency_ms": pa.array(joined.column(lambda c: c.latencies)),
        **_features(joined),
    }


def _label(joined: _Joined) -> dict[str, pa.Array]:
    value, text = joined.words()
    lanes = (joined.column(lambda c: c.lanes) == FEEDBACK_LANE).astype(np.int32)
    return {
        "lane": pa.DictionaryArray.from_arrays(lanes, pa.array(["truth", "feedback"])),
        "value": value,
        "text": text,
        "revision": pa.array(joined.column(lambda c: c.revisions)),
    }


def _features(joined: _Joined) -> dict[str, pa.Array]:
    """Return the words as maps of numbers and of texts, lists of what is invalid, and maps of shadows."""
    size = sum(len(each.columns.cells) for each in joined.blocks)
    counts, ends = np.zeros(5, np.int64), np.zeros((4, joined.n + 1), np.int32)
    names = [np.empty(size, np.int32) for _ in range(4)]
    numbers, texts, shadows = np.empty(size), np.empty(size, np.int32), np.empty(size)
    for at, each in enumerate(joined.blocks):
        c = each.columns
        slots = np.where(c.shapes < 0, ~joined.shared(at, names_of(c)), joined.shared(at, names_of(c)))
        codes = np.ascontiguousarray(joined.text_codes[joined.bases[at] : joined.bases[at + 1]])
        split(
            c.cells, c.row_starts, c.row_shapes, c.shape_starts, slots, codes, counts, ends,
            names[0], numbers, names[1], texts, names[2], names[3], shadows,
        )  # fmt: skip
    keys = {kind: _dictionary(names[kind - 1][: counts[kind]], joined.texts) for kind in range(NUMBERS, SHADOWS + 1)}
    offsets = {kind: pa.array(ends[kind - 1]) for kind in keys}
    values = _dictionary(texts[: counts[TEXTS]], joined.texts)
    return {
        "shadow": pa.MapArray.from_arrays(offsets[SHADOWS], keys[SHADOWS], pa.array(shadows[: counts[SHADOWS]])),
        "numbers": pa.MapArray.from_arrays(offsets[NUMBERS], keys[NUMBERS], pa.array(numbers[: counts[NUMBERS]])),
        "texts": pa.MapArray.from_arrays(offsets[TEXTS], keys[TEXTS], values),
        "invalid": pa.ListArray.from_arrays(offsets[INVALIDS], keys[INVALIDS]),
    }


def _dictionary(codes: Codes, texts: pa.Array) -> pa.Array:
    """Return texts by codes, with a dictionary of those that occur."""
    used = np.zeros(len(texts), np.bool_)
    used[codes] = True
    places = (np.cumsum(used) - 1).astype(np.int32)
    return pa.DictionaryArray.from_arrays(places[codes], texts.filter(pa.array(used)))


def _ids(frames: Sequence[Frame]) -> pa.Array:
    sizes = np.concatenate([np.frombuffer(frame.id_sizes, "<u2") for frame in frames])
    ends = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=ends[1:])
    data = b"".join([frame.ids for frame in frames])
    return pa.StringArray.from_buffers(len(sizes), pa.py_buffer(ends), pa.py_buffer(data))
