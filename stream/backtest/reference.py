"""The reference of a backtest: which rows are normal, and the artifact that is made of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from streamgauge.spec import MonitorSpec

from detectors.reference import Reference
from stream.backtest.errors import BacktestError
from stream.backtest.reader import ROW_MS
from stream.backtest.timeline import NEVER, Timeline
from stream.backtest.words import moment


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
    row_ms
        Milliseconds from one of its rows to the next, if it does not say when they happened.
    """

    from_ms: int
    to_ms: int
    judged_from_ms: int
    file: Path | None = None
    row_ms: float = ROW_MS


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


def reference_file(spec: MonitorSpec, folder: Path, given: Path | None) -> Path | None:
    """Return the file of rows that are normal: the one that is given, else that of the spec; None if it has none."""
    if given is not None or spec.reference is None or spec.reference.file is None:
        return given
    return folder / spec.reference.file


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
    file = reference_file(spec, folder, given)
    if file is not None:
        return Span(0, 0, NEVER, file)
    if spec.reference is None:
        raise BacktestError([f"nothing says what is normal: {_MEND}"])
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
