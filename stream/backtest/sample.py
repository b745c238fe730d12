"""Rows of a file that a reference is made of, collected chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from streamgauge.spec import MonitorSpec

from detectors.artifact import Origin
from detectors.reference import Column, encode
from stream.backtest.chunk import UNKNOWN_MS, Chunk, Labels
from stream.backtest.errors import BacktestError
from stream.backtest.labels import LabelFile
from stream.backtest.reader import RowsFile
from stream.backtest.reference import Fitted, Span
from stream.backtest.texts import Texts
from stream.backtest.timeline import NEVER
from stream.folds.frame import is_number, is_text, number_text, text_codes
from stream.references.rows import Rows, fitted

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]
Objects = NDArray[np.object_]

FOR_EVER = -NEVER


@dataclass(slots=True)
class Sample:
    """Rows in the order of the file.

    Attributes
    ----------
    truths
        The table of texts of labels.
    from_ms, to_ms
        Rows outside are passed over: ``[from_ms, to_ms)``.
    is_timed
        Whether its rows, and those that are judged by it, say when they happened.
    passed
        How many were.
    is_numbered
        Whether predictions have no id: nothing says then which came twice.
    refused
        Those inside that `measure` refuses: of a binary task, whose score is no probability.
    """

    spec: MonitorSpec
    truths: Texts
    from_ms: int = NEVER
    to_ms: int = FOR_EVER
    is_timed: bool = True
    passed: int = 0
    is_numbered: bool = False
    refused: int = 0
    hashes: list[Words] = field(default_factory=list)
    versions: Texts = field(default_factory=Texts)
    columns: dict[str, list[NDArray[np.generic]]] = field(default_factory=dict)

    def add(self, chunk: Chunk, labels: LabelFile | None) -> None:
        """Take in the next rows, with their labels, which nobody else will take then."""
        came = labels.of(chunk) if labels else (chunk.labels, chunk.labelled)
        truths = self._truths(chunk, *came)
        ages_ms = np.where(_is_known(truths), _ages_ms(chunk, *came), -1)
        is_inside = (chunk.event_ms >= self.from_ms) & (chunk.event_ms < self.to_ms)
        is_refused = is_inside & self._is_refused(chunk)
        self.passed += len(chunk) - int(is_inside.sum())
        self.refused += int(is_refused.sum())
        inside = np.flatnonzero(is_inside & ~is_refused)
        rows = chunk.take(inside)
        self.hashes.append(rows.hashes)
        self.is_numbered |= rows.is_numbered
        self._keep(_EVENT, rows.event_ms)
        self._keep(_SERVED, self._served(rows))
        self._keep(_TRUTH, truths[inside])
        self._keep(_AGE, ages_ms[inside])
        self._keep(_VERSION, self._versions(rows))
        for i, (name, feature) in enumerate(self.spec.features.items()):
            self._keep(_FEATURE + name, _values(rows, i, feature.type))

    def fit(self, origin: Origin = Origin()) -> Fitted:  # noqa: B008 - a constant
        """Return the reference of all rows, each prediction once; BacktestError if there are none."""
        n = sum(map(len, self.hashes))
        if not n:
            mend = "write scores from 0 to 1" if self.refused else "widen its range, or give --reference FILE"
            raise BacktestError([f"the reference holds no rows{self._words(', since')}: {mend}"])
        rows = self.rows()
        reference = fitted(self.spec, rows, origin, self.notes)
        return Fitted(reference, encode(reference), n - len(rows))

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of the rows, in sentences."""
        return (f"left out{self._words(':')}",) if self.refused else ()

    def _words(self, before: str) -> str:
        some = f"{before} the score of {self.refused:,} row{'' if self.refused == 1 else 's'} is no probability"
        return some if self.refused else ""

    def rows(self) -> Rows:
        """Return all rows, each prediction once: of several the first."""
        once, first = self._once()
        first_ms = np.concatenate(self.columns[_EVENT]).astype(np.int64)[first]
        found = {name: np.concatenate(parts)[once] for name, parts in self.columns.items()}
        return Rows(
            event_ms=found[_EVENT].astype(np.int64),
            columns={name: _listed(found[_FEATURE + name]) for name in self.spec.features},
            served=_listed(found[_SERVED]),
            truth=_listed(found[_TRUTH]),
            label_ages_ms=found[_AGE].astype(np.int64),
            version=found[_VERSION].astype(np.int64),
            versions=self.versions.names,
            repeated_ms=None if self.is_numbered else np.delete(first_ms, once),
            is_timed=self.is_timed,
        )

    def _once(self) -> tuple[Ints, Ints]:
        """Return the rows whose prediction had not been there, and of each row the first of its prediction."""
        hashes = np.concatenate([np.zeros(0, np.uint64), *self.hashes])
        _, firsts, which = np.unique(hashes, return_index=True, return_inverse=True)
        return np.sort(firsts), firsts[which]

    def _keep(self, name: str, values: NDArray[np.generic]) -> None:
        self.columns.setdefault(name, []).append(values)

    def _is_refused(self, chunk: Chunk) -> NDArray[np.bool_]:
        is_none = (chunk.scores < 0) | (chunk.scores > 1)
        return is_none if self.spec.task == "binary" else np.zeros(len(chunk), np.bool_)

    def _served(self, rows: Chunk) -> Floats | Objects:
        """Return answers as `measure` takes them: score and value stand in for each other; classes by name."""
        if self.spec.task == "multiclass":
            return _texts(rows.served, rows.texts)
        numbers = _numbers(rows.served)
        first, second = (rows.scores, numbers) if self.spec.task == "binary" else (numbers, rows.scores)
        return np.where(np.isnan(first), second, first)

    def _truths(self, chunk: Chunk, truths: Labels | None, places: Ints) -> Floats | Objects:
        """Return the truth of each row, of the highest revision; NaN or None where it is not known."""
        is_class = self.spec.task == "multiclass"
        found: Floats | Objects = np.full(len(chunk), None) if is_class else np.full(len(chunk), np.nan)
        if truths is not None:
            newest = np.argsort(truths.revisions, kind="stable")
            words = truths.words[newest]
            found[places[newest]] = _texts(words, self.truths.names) if is_class else self._numbered(words)
        return found

    def _numbered(self, words: Words) -> Floats:
        """Return truths that are numbers; NaN for what `measure` takes for no label."""
        found = _numbers(words)
        return np.where((found == 0) | (found == 1), found, np.nan) if self.spec.task == "binary" else found

    def _versions(self, rows: Chunk) -> Ints:
        codes, which = np.unique(rows.versions, return_inverse=True)
        names = [rows.texts[code] if code >= 0 else "" for code in codes.tolist()]
        return np.array([self.versions.code(name) if name else -1 for name in names], np.int64)[which]


_EVENT, _SERVED, _TRUTH, _AGE, _VERSION, _FEATURE = "event", "served", "truth", "age", "version", "feature "


def refuse_cycle(spec: MonitorSpec, file: RowsFile) -> None:
    """Return if a spec without a cycle, or a file with event times; else BacktestError."""
    if spec.cycle is not None and not file.is_timed:
        raise BacktestError(
            [f"{file.path}: no column event_time, so nothing says which rows are of which {spec.cycle}"]
        )


def sample(
    spec: MonitorSpec, chunks: Iterable[Chunk], labels: LabelFile | None, span: Span, truths: Texts | None = None
) -> Sample:
    """Return the rows of a reference among chunks: all of them, if the span names another file."""
    truths = Texts() if truths is None else truths
    found = Sample(spec, truths) if span.file is not None else Sample(spec, truths, span.from_ms, span.to_ms)
    for chunk in chunks:
        found.add(chunk, labels)
    return found


def _is_known(truths: Floats | Objects) -> NDArray[np.bool_]:
    """Return which truths there are."""
    return truths != None if truths.dtype == object else ~np.isnan(truths)  # noqa: E711 - of each


def _ages_ms(chunk: Chunk, truths: Labels | None, places: Ints) -> Ints:
    """Return the age at which the first label of each row came, ``(n,)``; -1 for never."""
    found = np.full(len(chunk), FOR_EVER)
    if truths is not None:
        made_ms = chunk.event_ms[places]
        came_ms = np.where(truths.event_ms == UNKNOWN_MS, made_ms, truths.event_ms)
        np.minimum.at(found, places, np.maximum(came_ms - made_ms, 0))
    return np.where(found == FOR_EVER, -1, found)


def _values(rows: Chunk, column: int, kind: str) -> Floats | Objects:
    """Return the values of a feature as `fit_reference` takes them: an invalid one as missing."""
    words = np.ascontiguousarray(rows.cells[:, column])
    return _numbers(words) if kind == "number" else _texts(words, rows.texts)


def _numbers(words: Words) -> Floats:
    return np.where(is_number(words), words.view(np.float64), np.nan)


def _texts(words: Words, names: Sequence[str]) -> Objects:
    """Return texts, None for none; a number that stands where a text belongs as `measure` writes it."""
    texts = np.array([*names, None], object)
    found = texts[np.where(is_text(words), text_codes(words), -1)]
    places = np.flatnonzero(is_number(words))
    distinct, which = np.unique(words.view(np.float64)[places], return_inverse=True)
    found[places] = np.array([number_text(value) for value in distinct.tolist()], object)[which]
    return found


def _listed(values: NDArray[np.generic]) -> Column:
    listed: Column = values.tolist() if values.dtype == object else values
    return listed
