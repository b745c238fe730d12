"""What became of all rows, and what to know about the files, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from streamgauge.durations import format_duration
from streamgauge.spec import MonitorSpec

from detectors.reference import Reference
from stream.backtest.findings import Findings, Reason
from stream.backtest.labels import LabelFile
from stream.backtest.reader import ORIGIN_MS, ROW_MS, RowsFile
from stream.backtest.words import moment

_FATES = ("received", "used", "duplicate", "late_used", "invalid", "unmatched", "pending")
MOST_NAMES = 5

_MUCH = 10
"""Late events, one of so many and more, are no exception: rows are not in stream order."""


def fates_of(findings: Findings) -> dict[str, object]:
    """Return where predictions and labels went, and why those that were not simply used were not."""
    counts = {kind: {name: getattr(row, name) for name in _FATES} for kind, row in sorted(findings.counts.items())}
    reasons = [
        {"kind": kind, "fate": fate, "reason": each.said, "count": each.count, "first": _first(each)}
        for (kind, fate, _), each in findings.reasons.items()
    ]
    return {**counts, "reasons": reasons}


def _first(reason: Reason) -> dict[str, object]:
    row = None if reason.first < 0 else reason.first
    return {"row": row, "prediction_id": reason.first_id}


def notes_of(rows: RowsFile, labels: LabelFile | None, findings: Findings, passed: int, cut: int) -> list[str]:
    """Return what a reader should know: columns that nobody read, times that were made up, rows that did not count."""
    return [*_of_columns(rows, labels), *_of_rows(rows, passed), *_of_fates(findings), *_of_end(cut)]


def _of_columns(rows: RowsFile, labels: LabelFile | None) -> Iterator[str]:
    extra = rows.columns.extra
    if extra:
        yield f"{_count(len(extra), 'column')} not read: {_names(extra)}"
    if not rows.is_timed:
        yield f"no column event_time: {laid_out(rows.row_ms)} from {moment(ORIGIN_MS)[:10]} on, lateness 0"
    yield from _of_both(rows)
    if not rows.has("prediction_id"):
        yield "no column prediction_id: the row number is the id"
    if labels is not None and rows.has("label"):
        yield "the column label of the rows is not read: labels come from --labels"
    if labels is None and not rows.has("label"):
        yield "no labels: performance is not judged"
    elif not (rows.has("score") or rows.has("prediction")):
        yield "neither score nor prediction: performance is not judged"
    if not rows.is_timed and (rows.has("label_time") if labels is None else labels.has_times):
        yield "label_time not read: without event_time nothing says how old a label is; each comes with its prediction"
    if labels is not None and labels.nulls:
        yield f"{_count(labels.nulls, 'row')} of {labels.path} without a label"


def _of_both(rows: RowsFile) -> Iterator[str]:
    for name in rows.columns.fields & {feature for feature, _ in rows.columns.features}:
        yield f"the column {name} is read twice, as a feature and as what it is called: rename the feature if it is one"


def laid_out(row_ms: float) -> str:
    """Return how close rows without times follow each other.

    >>> laid_out(1_000.0), laid_out(3_216.5)
    ('one row a second', 'one row each 3.22 s, as close as in the other file,')
    """
    return (
        "one row a second"
        if row_ms == ROW_MS
        else f"one row each {row_ms / 1_000:.3g} s, as close as in the other file,"
    )


def of_reference(rows: RowsFile, is_timed: bool) -> Iterator[str]:
    """Yield how the rows of a reference without times were laid out, and whether volume is judged."""
    if rows.is_timed and not is_timed:
        yield f"the reference has no column event_time: {laid_out(rows.row_ms)} was assumed"
    if rows.row_ms != ROW_MS:
        yield "volume is not judged: one of the two files does not say when its rows happened"


def of_performance(
    spec: MonitorSpec, rows: RowsFile, labels: LabelFile | None, reference: Reference, findings: Findings
) -> Iterator[str]:
    """Yield why performance is not judged, or not of all panes, though there are answers and labels."""
    has_both = (rows.has("score") or rows.has("prediction")) and (labels is not None or rows.has("label"))
    if has_both and spec.performance is None:
        yield "performance is not judged: the spec names no metric; write performance: {metric: …, tolerance: …}"
    elif has_both and reference.promise is None:
        yield "performance is not judged: the reference has no answers with labels"
    elif has_both:
        yield from _of_maturity(spec, findings)


def _of_maturity(spec: MonitorSpec, findings: Findings) -> Iterator[str]:
    panes = sum(rows > 0 for rows in findings.panes.values())
    lacking = panes - sum(count for (kind, _), count in findings.verdicts.items() if kind == "performance")
    if lacking > 0:
        horizon = format_duration(spec.labels.horizon_ms)
        late = f"their labels came after the last row, or not within the label horizon, {horizon}"
        yield f"performance of {lacking:,} of {panes:,} panes is not judged: {late}"


def _of_rows(rows: RowsFile, passed: int) -> Iterator[str]:
    if rows.refused:
        some = _count(len(rows.refused), "row")
        yield f"{some} refused: score or prediction is infinite (the first is row {min(rows.refused)})"
    if rows.ahead:
        first = min(rows.ahead)
        yield (
            f"{_count(len(rows.ahead), 'row')} left out: event_time is more than an hour ahead of all rows around "
            f"(the first is row {first}, {moment(rows.ahead[first] // 1_000 * 1_000)})"
        )
    if passed:
        yield f"{_count(passed, 'row')} before the reference not used"


def _of_fates(findings: Findings) -> Iterator[str]:
    for (kind, fate, _), each in findings.reasons.items():
        first = f"row {each.first}" if each.first >= 0 else f"prediction_id {each.first_id!r}"
        mend = ": write 0 or 1, true or false" if each.said.startswith("no label of a binary") else ""
        why = f" ({each.said}{mend})" if each.said else ""
        yield f"{_count(each.count, kind)} {fate}{why}; the first is {first}"
    for kind, row in sorted(findings.counts.items()):
        if row.late_used:
            order = (
                ": sort rows by event_time, or write a longer lateness" if _MUCH * row.late_used > row.received else ""
            )
            yield f"{_count(row.late_used, kind)} late: shown with a later pane, not judged{order}"
        if kind == "label" and row.pending:
            yield f"{_count(row.pending, kind)} of predictions that are not in the rows"


def _of_end(cut: int) -> Iterator[str]:
    if cut:
        yield "the pane in which rows begin and the last one hold a part of theirs: their volume is not judged"


def _names(names: tuple[str, ...]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(name or "(no name)" for name in names[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" + ("" if n == 1 else "s")
