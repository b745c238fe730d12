"""What is watched, as flat arrays for compiled code: a cache of the monitors in force, made anew when they change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.bin_kernels import BUCKETS, fill_guides
from detectors.performance import task_sums
from detectors.performance_kernels import TASK_CODES
from stream.folds.hash_kernels import hashes
from stream.folds.measure.map_kernels import mixed_all, put_all
from stream.folds.measure.maps import WordMap, places_for
from stream.folds.measure.table_kernels import (
    ANSWER,
    BINNED,
    FEATURE_WIDTH,
    GUIDE,
    KIND,
    LEVELLED,
    NUMBER,
    SCORES,
    START,
    TEXT,
    Lineages,
    Models,
    Segments,
    Tables,
)
from stream.folds.measure.watch import Watch, WatchedFeature

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Words = NDArray[np.uint64]
Codes = NDArray[np.int32]


class Piece:
    """The part of one lineage: what stays the same whatever else is in force."""

    def __init__(self, watch: Watch) -> None:
        features, segments = watch.features, watch.segments
        columns = [feature for feature in features if not feature.is_output]
        self.watch, self.is_text = watch, np.array([not f.is_number for f in columns] + [True] * len(segments))
        names = [watch.model, *(f.name for f in columns), *(name for name, _ in segments)]
        self.model_hash, self.names = (known := text_hashes(names))[0], known[1:]
        self._keys: list[Words] = []
        self._values: list[Codes] = []
        self._places = 0
        given = [np.r_[np.frombuffer(f.edges, np.float64), np.inf] for f in features if f.edges is not None]
        starts = _starts([len(edges) for edges in given])
        self.edges, self.scales = _joined(given, np.float64), np.empty(2 * len(given))
        self.guides = np.empty((BUCKETS + 1) * len(given), np.uint16)
        fill_guides(self.edges, starts, self.scales, self.guides)
        guided = zip(starts[:-1].tolist(), np.diff(starts).tolist(), range(len(given)), strict=True)
        scored = [np.frombuffer(f.normal_scores, np.int16) for f in features]
        self.scores, at = _joined(scored, np.int16), _starts([len(scores) for scores in scored]).tolist()
        scores_at = [start if len(scores) else -1 for start, scores in zip(at, scored, strict=False)]
        counted = [(*self._feature(f, guided), start) for f, start in zip(features, scores_at, strict=True)]
        self.features = np.array(counted, np.int32).reshape(-1, FEATURE_WIDTH - 1)
        self.precision = np.frombuffer(watch.precision, np.int64)
        self.forest = np.frombuffer(watch.forest, np.int32)
        tables = [self._table(text_hashes(values), np.arange(1, len(values) + 1)) for _, values in segments]
        self.segments = np.array(tables, np.int64).reshape(-1, 2)
        self.keys, self.values = _joined(self._keys, np.uint64), _joined(self._values, np.int32)

    def _feature(self, feature: WatchedFeature, guided: Iterator[tuple[int, int, int]]) -> tuple[int, ...]:
        """Return what the table of features says of one, without its column and its normal scores."""
        if feature.edges is not None:
            return BINNED, feature.invalid, *next(guided)
        if feature.levels is not None:
            bins = np.frombuffer(feature.level_bins, np.int32)
            return LEVELLED, feature.invalid, *self._table(np.frombuffer(feature.levels, np.uint64), bins), 0
        return (NUMBER if feature.is_number else TEXT), feature.invalid, 0, 0, 0

    def _table(self, keys: Words, values: NDArray[np.integer]) -> tuple[int, int]:
        places = places_for(len(keys))
        table, numbers = np.zeros(places, np.uint64), np.full(places, -1, np.int32)
        put_all(table, numbers, 0, places - 1, keys.copy(), values.astype(np.int32))
        self._keys.append(table)
        self._values.append(numbers)
        self._places += places
        return self._places - places, places - 1


class Catalog:
    """Everything in force.

    Parameters
    ----------
    pieces
        One for each monitor in force, in the order of the specs.
    model_numbers
        Numbers of all models, by name.
    lineage_numbers
        Numbers of all lineages.
    """

    def __init__(self, pieces: Iterable[Piece], model_numbers: dict[str, int], lineage_numbers: dict[str, int]) -> None:
        self.pieces = sorted(pieces, key=lambda piece: model_numbers[piece.watch.model])
        watches = [piece.watch for piece in self.pieces]
        model_of = np.array([model_numbers[w.model] for w in watches], np.int64)
        names = _Names(self.pieces, model_of, len(model_numbers))
        features, self.segments = _rows(self.pieces, names.columns)
        self.tables = Tables(
            features,
            _joined([piece.edges for piece in self.pieces], np.float64),
            _joined([piece.scales for piece in self.pieces], np.float64),
            _joined([piece.guides for piece in self.pieces], np.uint16),
            _joined([piece.keys for piece in self.pieces], np.uint64),
            _joined([piece.values for piece in self.pieces], np.int32),
            names.map.keys,
            names.map.values,
            _joined([piece.scores for piece in self.pieces], np.int16),
            _joined([piece.precision for piece in self.pieces], np.int64),
            _joined([piece.forest for piece in self.pieces], np.int32),
        )
        first = np.searchsorted(model_of, np.arange(len(model_numbers) + 1)).astype(np.int64)
        tasks = np.array([TASK_CODES[w.task] for w in watches], np.int64)
        self.models = Models(
            first,
            names.counts,
            np.array([tasks[at] if at < after else 0 for at, after in _pairs(first)], np.int64),
            np.array([(tasks[at:after] == TASK_CODES["binary"]).any() for at, after in _pairs(first)], np.bool_),
            np.full(len(model_numbers), -1, np.int64),
            names.texts,
            names.text_columns,
        )
        self.lineages = Lineages(
            np.array([lineage_numbers[w.lineage] for w in watches], np.int64),
            np.array([w.pane_ms for w in watches], np.int64),
            np.zeros(len(watches), np.int64),
            tasks,
            np.array([w.size for w in watches], np.int64),
            np.array([4 * w.numbers for w in watches], np.int64),
            np.array([w.latency for w in watches], np.int64),
            _starts([len(w.features) for w in watches]),
            _starts([len(w.segments) for w in watches]),
            np.array([w.size + task_sums(w.task).ints if w.products else -1 for w in watches], np.int64),
            _starts([len(piece.precision) for piece in self.pieces])[:-1],
            np.array([w.limit for w in watches], np.int64),
            _forests(self.pieces),
            np.array([w.clip for w in watches], np.float64),
        )
        self.model_map = WordMap([p.model_hash for p in self.pieces], model_of.astype(np.int32))
        groups = [sum(1 + len(w.segments) for w in watches[at:after]) for at, after in _pairs(first)]
        self.most_groups = max(groups, default=0)
        self.most_features = max([len(w.features) for w in watches], default=0)
        self.most_texts = max([sum(map(_counts_by_name, w.features)) for w in watches], default=0)
        self.feature_names = [feature.name for watch in watches for feature in watch.features]


class _Names:
    """Which names each model reads, as columns 0, 1, … of the model: names that lineages share are one column."""

    def __init__(self, pieces: Sequence[Piece], model_of: Ints, models: int) -> None:
        sizes = [len(piece.names) for piece in pieces]
        model = np.repeat(model_of, sizes)
        names = _joined([piece.names for piece in pieces], np.uint64)
        keys = mixed_all(names, model.astype(np.uint64))
        unique, at, inverse = np.unique(keys, return_index=True, return_inverse=True)
        order = np.argsort(model[at], kind="stable")
        self.counts = np.bincount(model[at], minlength=models).astype(np.int64)
        place = np.empty(len(unique), np.int64)
        place[order] = np.arange(len(unique)) - np.repeat(np.cumsum(self.counts) - self.counts, self.counts)
        self.columns = np.split(place[inverse], np.cumsum(sizes)[:-1]) if pieces else []
        self.map = WordMap(unique, place.astype(np.int32))
        is_text = np.zeros(len(unique), np.bool_)
        is_text[inverse[_joined([piece.is_text for piece in pieces], np.bool_)]] = True
        texts = order[is_text[order]]
        self.texts = _starts(np.bincount(model[at][texts], minlength=models).tolist())
        self.text_columns = place[texts]


def _rows(pieces: Sequence[Piece], columns: Sequence[Ints]) -> tuple[Codes, Segments]:
    """Return the table of features, flat, and the segments, with their places in the tables of all pieces."""
    features, segments, edges_at, texts_at, guides_at, scores_at = [], [], 0, 0, 0, 0
    for piece, column in zip(pieces, columns, strict=True):
        n, segments_of = len(piece.features), len(piece.segments)
        named = column[: len(column) - segments_of]
        own = np.append(named, np.full(n - len(named), ANSWER))
        rows, told_apart = np.column_stack([own, piece.features]), piece.segments + np.array([texts_at, 0])
        is_binned, is_levelled = rows[:, KIND] == BINNED, rows[:, KIND] == LEVELLED
        rows[:, START] += edges_at * is_binned + texts_at * is_levelled
        rows[:, GUIDE] += guides_at * is_binned
        rows[:, SCORES] += scores_at * (rows[:, SCORES] >= 0)
        features.append(rows.astype(np.int32).ravel())
        segments.append(np.column_stack([column[len(named) :], told_apart]))
        edges_at, texts_at = edges_at + len(piece.edges), texts_at + len(piece.keys)
        guides_at, scores_at = guides_at + len(piece.scales) // 2, scores_at + len(piece.scores)
    table = np.concatenate(segments) if segments else np.zeros((0, 3), np.int64)
    return _joined(features, np.int32), Segments(*np.ascontiguousarray(table.T))


def _forests(pieces: Sequence[Piece]) -> Ints:
    """Return where the forest of each begins, -1 without one."""
    sizes = [len(piece.forest) for piece in pieces]
    return np.where(np.array(sizes, np.int64) > 0, _starts(sizes)[:-1], -1)


def _joined(parts: Sequence[NDArray[np.generic]], dtype: type[np.generic]) -> NDArray:  # type: ignore[type-arg]
    return np.concatenate(parts) if parts else np.zeros(0, dtype)


def _counts_by_name(feature: WatchedFeature) -> bool:
    return not feature.is_number and feature.levels is None


def text_hashes(texts: Sequence[str]) -> Words:
    """Return the hash of each text, as ``frame.text_hash`` does."""
    parts = [text.encode() for text in texts]
    sizes = np.array([len(part) for part in parts], np.int64)
    data = np.frombuffer(bytearray(b"").join(parts), np.uint8)
    return hashes(data, np.cumsum(sizes) - sizes, sizes, np.zeros(len(parts), np.uint64))


def _starts(sizes: Sequence[int]) -> Ints:
    return np.cumsum([0, *sizes], dtype=np.int64)


def _pairs(starts: Ints) -> list[tuple[int, int]]:
    return list(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True))
