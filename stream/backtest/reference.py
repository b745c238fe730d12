"""The reference of a backtest: which rows are normal, and the artifact that is made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from streamgauge.spec import MonitorSpec

from detectors.reference import Answers, Column, Reference, encode, fit_reference
from stream.backtest.chunk import UNKNOWN_MS, Chunk, Labels
from stream.backtest.errors import BacktestError
from stream.backtest.labels import LabelFile
from stream.backtest.timeline import NEVER, Timeline
from stream.backtest.words import moment
from stream.folds.frame import is_number, is_text, text_codes

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

FOR_EVER = -NEVER


@dataclass(frozen=True, slots=True)
class Span:
    """Which rows are what, by event time.

    Attributes
    ----------
    from_ms, to_ms
        The reference's rows, ``[from_ms, to_ms)``; empty if they come from another file.
    judged_from_ms
        Rows from here on are judged; those before that are no reference are not used.
    file
        The other file.
    """

    from_ms: int
    to_ms: int
    judged_from_ms: int
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """A reference and its artifact."""

    reference: Reference
    artifact: bytes
    duplicates: int

    @property
    def sha(self) -> str:
        """The artifact's sha256, hexadecimal."""
        return hashlib.sha256(self.artifact).hexdigest()


def span_of(spec: MonitorSpec, folder: Path, given: Path | None, timeline: Timeline) -> Span:
    """Return which rows are the reference: those of a file that is given, else what the spec says.

    Parameters
    ----------
    folder
        Where the spec is: its ``reference.file`` is relative to it.

    Raises
    ------
    BacktestError
        If nothing says what is normal, it cannot be had here, or no row is left to judge.
    """
    if given is not None:
        return Span(0, 0, NEVER, given)
    if spec.reference is None:
        raise BacktestError([f"nothing says what is normal: {_MEND}"])
    if spec.reference.file is not None:
        return Span(0, 0, NEVER, folder / spec.reference.file)
    if spec.reference.first is not None:
        return _first_panes(spec.reference.first, timeline)
    if spec.reference.kind == "range":
        return _range(*spec.reference.range_ms, timeline)
    version = spec.reference.model_version
    raise BacktestError([f"reference.model_version: {version!r} is in a registry, not in a file: {_MEND}"])


_MEND = "give --reference FILE, or write reference: {first: 200 panes} (or from and to) into the spec"


def _first_panes(panes: int, timeline: Timeline) -> Span:
    if panes >= len(timeline.panes):
        raise BacktestError(
            [
                f"reference.first: {panes} panes, but the rows have {len(timeline.panes)}: none is left to judge; "
                "write fewer, or a shorter pane"
            ]
        )
    to_ms = timeline.panes[panes]
    return Span(timeline.panes[0], to_ms, to_ms)


def _range(from_ms: int, to_ms: int, timeline: Timeline) -> Span:
    there = f"the rows go from {moment(timeline.from_ms)} to {moment(timeline.to_ms)}"
    if timeline.to_ms < from_ms or timeline.from_ms >= to_ms:
        raise BacktestError([f"reference: no row between {moment(from_ms)} and {moment(to_ms)}: {there}"])
    if timeline.to_ms < to_ms:
        raise BacktestError([f"reference.to: {moment(to_ms)} leaves no row to judge: {there}"])
    return Span(from_ms, to_ms, to_ms)


@dataclass(slots=True)
class Sample:
    """Rows that a reference is made of, collected chunk by chunk.

    Attributes
    ----------
    from_ms, to_ms
        Rows outside are passed over: ``[from_ms, to_ms)``.
    passed
        How many were.
    """

    spec: MonitorSpec
    from_ms: int = NEVER
    to_ms: int = FOR_EVER
    passed: int = 0
    event_ms: list[Ints] = field(default_factory=list)
    hashes: list[Words] = field(default_factory=list)
    served: list[Floats] = field(default_factory=list)
    truths: list[Floats] = field(default_factory=list)
    ages_ms: list[Ints] = field(default_factory=list)
    columns: list[list[Column]] = field(default_factory=list)

    def add(self, chunk: Chunk, labels: LabelFile | None) -> None:
        """Take in the next rows, with their labels, which nobody else will take then."""
        came = labels.of(chunk) if labels else (chunk.labels, chunk.labelled)
        ages_ms, truths = _ages_ms(chunk, *came), _truths(chunk, *came)
        inside = np.flatnonzero((chunk.event_ms >= self.from_ms) & (chunk.event_ms < self.to_ms))
        self.passed += len(chunk) - len(inside)
        rows = chunk.take(inside)
        self.event_ms.append(rows.event_ms)
        self.hashes.append(rows.hashes)
        self.served.append(_served(self.spec.task, rows))
        self.truths.append(truths[inside])
        self.ages_ms.append(ages_ms[inside])
        kinds = [feature.type for feature in self.spec.features.values()]
        self.columns.append([_values(rows, i, kind) for i, kind in enumerate(kinds)])

    def fit(self) -> Fitted:
        """Return the reference of all rows, each prediction once; BacktestError if there are none."""
        if not sum(map(len, self.event_ms)):
            raise BacktestError(["the reference holds no rows: widen its range, or give --reference FILE"])
        hashes = np.concatenate(self.hashes)
        once = np.sort(np.unique(hashes, return_index=True)[1])
        reference = fit_reference(
            dict(zip(self.spec.features, self._columns(once), strict=True)),
            {name: feature.type for name, feature in self.spec.features.items()},
            self._panes()[once],
            pane_ms=self.spec.pane_ms,
            segments=self.spec.segments,
            label_ages_ms=np.concatenate(self.ages_ms)[once],
            answers=self._answers(once),
        )
        return Fitted(reference, encode(reference), len(hashes) - len(once))

    def _panes(self) -> Ints:
        event_ms = np.concatenate(self.event_ms)
        return event_ms - event_ms % self.spec.pane_ms

    def _columns(self, once: Ints) -> Iterator[Column]:
        for i, feature in enumerate(self.spec.features.values()):
            parts = [columns[i] for columns in self.columns]
            values = np.concatenate(
                [np.asarray(part, object if feature.type == "category" else None) for part in parts]
            )
            yield values[once] if feature.type == "number" else values[once].tolist()

    def _answers(self, once: Ints) -> Answers | None:
        """Return what the model answered and what was true; None for classes, and if nobody answered."""
        served = np.concatenate(self.served)[once]
        if self.spec.task == "multiclass" or np.isnan(served).all():
            return None
        return Answers(self.spec.task, served, np.concatenate(self.truths)[once])


def sample(spec: MonitorSpec, chunks: Iterable[Chunk], labels: LabelFile | None, span: Span) -> Sample:
    """Return the rows of a reference among chunks: all of them, if the span names another file."""
    found = Sample(spec) if span.file is not None else Sample(spec, span.from_ms, span.to_ms)
    for chunk in chunks:
        found.add(chunk, labels)
    return found


def _served(task: str, rows: Chunk) -> Floats:
    """Return scores or values as `measure` takes them: the other stands in for one that is missing; NaN for none."""
    numbers = np.where(is_number(rows.served), rows.served.view(np.float64), np.nan)
    first, second = (rows.scores, numbers) if task == "binary" else (numbers, rows.scores)
    return np.where(np.isnan(first), second, first)


def _truths(chunk: Chunk, truths: Labels | None, places: Ints) -> Floats:
    """Return the truth of each row, of the highest revision, as a number; NaN for none."""
    found = np.full(len(chunk), np.nan)
    if truths is not None:
        newest = np.argsort(truths.revisions, kind="stable")
        words = truths.words[newest]
        found[places[newest]] = np.where(is_number(words), words.view(np.float64), np.nan)
    return found


def _ages_ms(chunk: Chunk, truths: Labels | None, places: Ints) -> Ints:
    """Return the age at which the first label of each row came, ``(n,)``; -1 for never."""
    found = np.full(len(chunk), FOR_EVER)
    if truths is not None:
        made_ms = chunk.event_ms[places]
        came_ms = np.where(truths.event_ms == UNKNOWN_MS, made_ms, truths.event_ms)
        np.minimum.at(found, places, np.maximum(came_ms - made_ms, 0))
    return np.where(found == FOR_EVER, -1, found)


def _values(rows: Chunk, column: int, kind: str) -> Column:
    """Return the values of a feature as `fit_reference` takes them: an invalid one as missing."""
    words = np.ascontiguousarray(rows.cells[:, column])
    values = np.where(is_number(words), words.view(np.float64), np.nan)
    if kind == "number":
        return values
    texts = np.array([*rows.texts, None], object)
    found = texts[np.where(is_text(words), text_codes(words), -1)]
    numbers = np.flatnonzero(is_number(words))
    distinct, which = np.unique(values[numbers], return_inverse=True)
    # As `measure` writes a number where a text belongs.
    found[numbers] = np.array([f"{value:g}" for value in distinct.tolist()], object)[which]
    return found
