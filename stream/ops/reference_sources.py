"""Where the rows of a reference come from: a range, the ledger, a file, a training set, or the first final panes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from streamgauge.spec import MonitorSpec
from streamgauge.spec_parts import Reference as Named

from detectors.artifact import Origin
from models.registry import Registry, Version, decode
from stream.backtest.reader import RowsFile
from stream.backtest.sample import Sample, refuse_cycle
from stream.backtest.texts import Truths
from stream.clickhouse.client import connect
from stream.ops.controls import read_values
from stream.ops.reader import require_clickhouse
from stream.ops.reference_first import first_panes
from stream.ops.reference_stored import Span, of_event_time, of_ledger, of_training, stored_rows
from stream.references.errors import ReferenceError
from stream.references.rows import Rows
from stream.references.times import moment

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from stream.settings import Settings


@dataclass(frozen=True, slots=True)
class InRange:
    """Rows of ``[from_ms, to_ms)``, event time."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class InLedger:
    """Rows that the ledger stored in ``[from_ms, to_ms)``."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class InFile:
    """Rows of a file, Parquet or CSV."""

    path: Path


@dataclass(frozen=True, slots=True)
class InTraining:
    """Rows of the span that a registered version learnt from, labelled or not, as of its cut of the ledger."""

    version: str


@dataclass(frozen=True, slots=True)
class InFirst:
    """Rows of the first final panes that were measured without a reference."""

    panes: int


Wanted = InRange | InLedger | InFile | InTraining | InFirst


@dataclass(frozen=True, slots=True)
class Found:
    """Rows, where they come from, and what to know about that."""

    rows: Rows
    origin: Origin
    notes: tuple[str, ...] = ()


def wanted_of(named: Named) -> Wanted:
    """Return what a spec's key `reference` names; the path of a file is as written there."""
    if named.file is not None:
        return InFile(Path(named.file))
    if named.model_version is not None:
        return InTraining(named.model_version)
    return InFirst(named.first) if named.first is not None else InRange(*named.range_ms)


def found(settings: Settings, spec: MonitorSpec, wanted: Wanted) -> Found:
    """Return the rows that are wanted.

    Raises
    ------
    ReferenceError
        If they are not there; the sentence says what is.
    BacktestError
        If a file cannot be read.
    LocalError
        If ClickHouse does not answer.
    """
    if isinstance(wanted, InFile):
        return _of_file(spec, wanted.path)
    version = _version(settings, spec.model, wanted.version) if isinstance(wanted, InTraining) else None
    require_clickhouse(settings)
    with closing(connect(settings.clickhouse)) as client:
        place = _place(client, spec, wanted, version)
        rows = stored_rows(client, spec, place.span)
    if not len(rows):
        raise ReferenceError(f"no row of model {spec.model!r} {place.missing}: send events, or widen the range")
    return Found(rows, Origin(place.kind, place.said))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in ClickHouse, as what, in words, and the words for there being nothing."""

    span: Span
    kind: str
    said: str
    missing: str


def _place(client: Client, spec: MonitorSpec, wanted: Wanted, version: Version | None) -> _Place:
    if version is not None:
        return _of_version(version)
    if isinstance(wanted, InFirst):
        from_ms, to_ms = first_panes(client, spec, wanted.panes)
        said = f"the first {wanted.panes} panes, {moment(from_ms)} to {moment(to_ms)}"
        return _Place(of_event_time(from_ms, to_ms), "first", said, f"in {said}")
    assert isinstance(wanted, InRange | InLedger)  # noqa: S101
    words = f"{moment(wanted.from_ms)} and {moment(wanted.to_ms)}"
    said = words.replace(" and ", " to ")
    if isinstance(wanted, InLedger):
        span = of_ledger(wanted.from_ms, wanted.to_ms)
        return _Place(span, "ledger", f"rows stored {said}", f"was stored between {words}")
    span = of_event_time(wanted.from_ms, wanted.to_ms)
    return _Place(span, "range", f"rows of {said}", f"between {words} (event time)")


def _of_version(version: Version) -> _Place:
    manifest = version.manifest
    from_ms, end_ms = manifest.trained_from_ms, manifest.trained_to_ms + 1
    span = of_training(from_ms, end_ms, {int(partition): position for partition, position in manifest.cut.items()})
    said = f"the training set of version {version.version}, {_second(from_ms)} to {_second(end_ms)}"
    return _Place(span, "model_version", said, f"is left of {said}")


def _second(ms: int) -> str:
    return moment(ms // 1000 * 1000)


def _version(settings: Settings, model: str, name: str) -> Version:
    registry = Registry()
    for value in read_values(settings, "models"):
        registry.apply(decode(value))
    found = registry.version(model, name)
    if found is None:
        there = ", ".join(version.version for version in registry.versions(model)) or "none"
        raise ReferenceError(
            f"version {name!r} of model {model!r} was not trained here, so its training set is not known "
            f"(registered: {there}): name a range (--from, --to) or a file (--file)"
        )
    return found


def _of_file(spec: MonitorSpec, path: Path) -> Found:
    if not path.is_file():
        raise ReferenceError(
            f"there is no file {path} in {Path.cwd()}: run this where the spec is, or name it with --file PATH"
        )
    file = RowsFile(path, spec, Truths(spec.task))
    refuse_cycle(spec, file)
    sample = Sample(spec, file.truths, is_timed=file.is_timed)
    for chunk in file.chunks():
        sample.add(chunk, None)
    said = f"{path.name}, sha256 {_sha(path)[:12]}"
    return Found(sample.rows(), Origin("file", said), (*_notes(file), *sample.notes))


def _notes(file: RowsFile) -> Sequence[str]:
    notes = []
    if file.refused:
        notes.append(f"{len(file.refused):,} rows of the file left out: score or prediction is infinite")
    if not file.is_timed:
        notes.append("the file has no column event_time: one row a second was assumed, and volume is not judged")
    return notes


def _sha(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
