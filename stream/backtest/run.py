"""A backtest from files to a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from streamgauge.durations import format_duration
from streamgauge.spec import MonitorSpec
from streamgauge.spec_parts import Budget
from streamgauge.spec_rules import budget_problem

from detectors.evidence.budget import DAY_MS
from detectors.evidence.realised import Realised, realised
from stream.backtest import course
from stream.backtest.alerts import AlertReport, alerts_of
from stream.backtest.chunk import Chunk
from stream.backtest.errors import BacktestError
from stream.backtest.findings import Findings
from stream.backtest.labels import LabelFile
from stream.backtest.ledger import Ledger, Step
from stream.backtest.moved import Source, with_moved
from stream.backtest.notes import fates_of, laid_out, notes_of, of_performance, of_reference
from stream.backtest.pace import pace_ms
from stream.backtest.pane import FEW_ROWS, chosen_ms, fitting_ms
from stream.backtest.reader import RowsFile
from stream.backtest.reference import Fitted, Span, reference_file, span_of
from stream.backtest.report import ReferenceReport, Report
from stream.backtest.sample import Sample, refuse_cycle, sample
from stream.backtest.signals import listeners_of
from stream.backtest.sweep import Setting, sweep
from stream.backtest.texts import Texts, Truths
from stream.backtest.timeline import Timeline, timeline_of
from stream.backtest.words import moment

Progress = Callable[[str, int, int], None]
"""Told what is done, how many rows of it, and of how many."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to backtest.

    Attributes
    ----------
    folder
        Where the spec is: its ``reference.file`` is relative to it.
    rows, labels, reference
        Files, Parquet or CSV; None: labels are in the rows, the reference is what the spec says.
    budgets, tolerances
        What else to try.
    """

    spec: MonitorSpec
    folder: Path
    rows: Path
    labels: Path | None = None
    reference: Path | None = None
    budgets: tuple[Budget, ...] = ()
    tolerances: tuple[float, ...] = ()


@dataclass(slots=True)
class Done:
    """A report, and what it was made of: for those who draw it."""

    report: Report
    findings: Findings
    timeline: Timeline


@dataclass(slots=True)
class Files:
    """Files that are open, and what is known of them.

    Attributes
    ----------
    spec
        As it is used: without event times nothing can come late.
    truths
        The table of texts of labels.
    passed, judged
        Rows before the reference, and rows that were given to the folds so far.
    is_timed
        Whether the rows and those of the reference say when they happened.
    """

    spec: MonitorSpec
    truths: Texts
    rows: RowsFile
    labels: LabelFile | None
    timeline: Timeline
    span: Span
    fitted: Fitted
    passed: int
    is_timed: bool
    judged: int = 0

    @property
    def first_row(self) -> int:
        """Return the first row that may be judged."""
        return self.timeline.first_from(self.span.judged_from_ms)


def _nobody(_what: str, _done: int, _of: int) -> None:
    """Tell nobody."""


def backtest(wanted: Wanted, progress: Progress = _nobody) -> Done:
    """Return what a monitor would have said about rows.

    Raises
    ------
    BacktestError
        If files or settings do not fit; each problem says what, where, and the mend.
    """
    begun = time.perf_counter()
    _check(wanted)
    read = read_files(wanted, progress)
    record = course.spec_record(read.spec, read.fitted)
    messages = course.measured(_steps(read, record, progress))
    others = _others(wanted, read.spec)
    if others:
        messages = iter(kept := list(messages))
    findings = _decided(messages)
    report = _report(wanted.spec, read, findings)
    if others:
        settings = [replace(each, record=course.spec_record(each.spec, read.fitted)) for each in others]
        report.sweep = sweep(settings, kept, read.timeline)
    report.seconds = round(time.perf_counter() - begun, 3)
    return Done(report, findings, read.timeline)


def _check(wanted: Wanted) -> None:
    if wanted.tolerances and wanted.spec.performance is None:
        raise BacktestError(["--tolerance: the spec judges no performance: add performance: {metric, tolerance}"])


def _check_budgets(spec: MonitorSpec, wanted: Wanted) -> None:
    """Return if each budget that is tried fits the pane, which may have been chosen here; else BacktestError."""
    problems = [budget_problem(budget, spec.pane_ms) for budget in (spec.budget, *wanted.budgets)]
    if any(problems):
        raise BacktestError([problem for problem in problems if problem])


def read_files(wanted: Wanted, progress: Progress = _nobody) -> Files:
    """Open all files, and make the reference; BacktestError as `backtest`."""
    (spec, row_ms), truths = _settled(wanted), Truths(wanted.spec.task)
    _check_budgets(spec, wanted)
    rows = RowsFile(wanted.rows, spec, truths, row_ms, is_stream=True)
    timeline = timeline_of(rows.times(), spec.pane_ms, spec.lateness_ms)
    labels = None if wanted.labels is None else LabelFile(wanted.labels, spec.model, truths, rows.is_timed)
    span = replace(span_of(spec, wanted.folder, wanted.reference, timeline), row_ms=row_ms)
    chosen = _sample(spec, rows, labels, timeline, span, progress)
    progress("fitting the reference", 0, 0)
    return Files(spec, truths, rows, labels, timeline, span, chosen.fit(), chosen.passed, chosen.is_timed)


def _settled(wanted: Wanted) -> tuple[MonitorSpec, float]:
    """Return the spec with what it leaves open and the files decide, and how close rows without times are laid out.

    Without times nothing is late; a pane that is left open fits the reference.
    """
    rows, other = RowsFile(wanted.rows, wanted.spec, Texts(), is_stream=True), _other(wanted)
    refuse_cycle(wanted.spec, rows)
    read = rows if other is None else other
    rows.row_ms = read.row_ms = pace_ms(rows, other)
    settled = wanted.spec if rows.is_timed else wanted.spec.model_copy(update={"lateness_ms": 0})
    if "pane_ms" in settled.model_fields_set or settled.cycle is not None:
        return settled, rows.row_ms
    pane_ms = chosen_ms(None if other is not None else settled.reference, read.times())
    return settled if pane_ms is None else settled.model_copy(update={"pane_ms": pane_ms}), rows.row_ms


def _other(wanted: Wanted) -> RowsFile | None:
    """Return the file of the reference; None if it is of the rows."""
    path = reference_file(wanted.spec, wanted.folder, wanted.reference)
    return None if path is None else RowsFile(path, wanted.spec, Texts())


def _sample(
    spec: MonitorSpec, rows: RowsFile, labels: LabelFile | None, timeline: Timeline, span: Span, progress: Progress
) -> Sample:
    if span.file is not None:
        file = RowsFile(span.file, spec, own := Truths(spec.task), span.row_ms)
        refuse_cycle(spec, file)
        found = sample(spec, _told(file.chunks(), "reading the reference", 0, file.rows, progress), None, span, own)
        found.is_timed = file.is_timed and rows.is_timed
        return found
    until = timeline.last_before(span.judged_from_ms) + 1
    before = (_before(chunk, span.judged_from_ms) for chunk in rows.chunks(0, until))
    found = sample(spec, _told(before, "reading the reference", 0, until, progress), labels, span, rows.truths)
    found.is_timed = rows.is_timed
    return found


def _steps(read: Files, record: bytes, progress: Progress) -> Iterator[Step]:
    first = read.first_row
    ledger = Ledger(course.monitor(record), record, read.truths, read.labels)
    chunks = _told(read.rows.chunks(first), "folding rows", first, read.rows.rows, progress)
    return ledger.records(_judged(chunks, read))


def _before(chunk: Chunk, to_ms: int) -> Chunk:
    return chunk.take(np.flatnonzero(chunk.event_ms < to_ms))


def _judged(chunks: Iterable[Chunk], read: Files) -> Iterator[Chunk]:
    for chunk in chunks:
        judged = chunk.take(np.flatnonzero(chunk.event_ms >= read.span.judged_from_ms))
        read.judged += len(judged)
        yield judged


def _told(chunks: Iterable[Chunk], what: str, done: int, of: int, progress: Progress) -> Iterator[Chunk]:
    for chunk in chunks:
        progress(what, done, of)
        yield chunk
        done = max(done, int(chunk.rows[-1]) + 1) if len(chunk) else done


def _decided(messages: Iterable[course.Said]) -> Findings:
    found = Findings()
    for outputs, rows in course.decided(messages):
        found.add(outputs, rows)
    return found


def _others(wanted: Wanted, spec: MonitorSpec) -> list[Setting]:
    """Return the specs of a sweep: other budgets, then other tolerances."""
    budgets = [spec.model_copy(update={"budget": budget}) for budget in wanted.budgets]
    tolerances = [
        spec.model_copy(update={"performance": spec.performance.model_copy(update={"tolerance": tolerance})})
        for tolerance in wanted.tolerances
        if spec.performance is not None
    ]
    return [Setting(each) for each in (*budgets, *tolerances)]


def _report(written: MonitorSpec, read: Files, findings: Findings) -> Report:
    raised, cut = alerts_of(findings, read.timeline)
    alerts = with_moved(raised, findings, Source(read.spec, read.rows, read.timeline, read.span))
    verdicts: dict[str, dict[str, int]] = {}
    for (kind, status), count in sorted(findings.verdicts.items()):
        verdicts.setdefault(kind, {})[status] = count
    return Report(
        monitor=read.spec.monitor,
        rows=read.rows.rows,
        panes=len(findings.panes),
        reference=_reference(read),
        alerts=alerts,
        statistics_rows=sum(map(bool, findings.panes.values())) * len(read.fitted.reference.panel.bins),
        seconds=0.0,
        judged_rows=read.judged,
        fates=fates_of(findings),
        verdicts=verdicts,
        settings=_settings(read),
        notes=_notes(written, read, findings, cut),
        detectors=listeners_of(findings, read.timeline),
        budget=_realised(read.spec, alerts, len(findings.panes)),
    )


def _realised(spec: MonitorSpec, alerts: Sequence[AlertReport], panes: int) -> Realised:
    """Return the pages beside those that are allowed in the time of the panes."""
    pages = sum(alert.severity == "page" and alert.kind != "pipeline" for alert in alerts)
    return realised(pages, panes * spec.pane_ms / DAY_MS, spec.budget.per_ms / DAY_MS / spec.budget.false_pages)


def _notes(written: MonitorSpec, read: Files, findings: Findings, cut: int) -> list[str]:
    said = notes_of(read.rows, read.labels, findings, read.passed, cut)
    reference = read.fitted.reference
    said += of_reference(read.rows, read.is_timed)
    said += of_performance(read.spec, read.rows, read.labels, reference, findings)
    return [*_of_pane(written, read), *said]


def _of_pane(written: MonitorSpec, read: Files) -> Iterator[str]:
    used, reference = read.spec, read.fitted.reference
    if written.pane_ms != used.pane_ms:
        yield f"pane: {format_duration(used.pane_ms)} suits this reference; write it into the spec to have it live too"
    elif reference.rows < FEW_ROWS * reference.panes and used.cycle is None:
        suits = format_duration(fitting_ms(reference.rows, reference.to_ms - reference.from_ms))
        held = f"{format_duration(used.pane_ms)} holds {reference.rows / reference.panes:.2g} of the reference's rows"
        yield f"pane: {held}, and chance may raise a warning in one of 500 panes; {suits} would suit it"


def _reference(read: Files) -> ReferenceReport:
    fitted, span = read.fitted, read.span
    reference = fitted.reference
    return ReferenceReport(
        sha=fitted.sha,
        rows=reference.rows,
        panes=reference.panes,
        warnings=list(reference.warnings),
        source=str(span.file) if span.file is not None else f"{read.rows.path} before {moment(span.to_ms)}",
        from_=moment(reference.from_ms),
        to=moment(reference.to_ms),
        can_alarm=reference.can_alarm,
        duplicates=fitted.duplicates,
    )


def _settings(read: Files) -> dict[str, object]:
    spec, span = read.spec, read.span
    return {
        "pane": format_duration(spec.pane_ms),
        "lateness": format_duration(spec.lateness_ms),
        "event_time": "event_time" if read.rows.is_timed else laid_out(read.rows.row_ms),
        "judged_from": moment(read.timeline.from_ms if span.file is not None else span.judged_from_ms),
        "budget": f"{spec.budget.false_pages:g}/{format_duration(spec.budget.per_ms)}",
        "tolerance": None if spec.performance is None else spec.performance.tolerance,
    }
