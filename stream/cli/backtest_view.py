"""A backtest on a terminal: what was read, a timeline, the incidents, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stream.backtest.alerts import AlertReport
from stream.backtest.findings import ALARMING, JUDGED, Findings, Seen
from stream.backtest.report import Report
from stream.backtest.run import Done
from stream.backtest.signals import Listener
from stream.backtest.words import instant_ms
from stream.folds.decide.words import listed

MOST_LINES, MOST_ALERTS, MOST_NOTES = 20, 30, 12
NAME_WIDTH = 22
MARKS = (" ", "·", "▒", "█")
"""Of a place of the timeline: nothing judged, quiet, a warning, an alarm."""
OPENED = "▼"
STYLES = {"page": "red", "warn": "yellow", "info": ""}


def show(console: Console, done: Done, spec: str, rows: str) -> None:
    """Print a result. `spec` and `rows` are the files, as they were typed."""
    report = done.report
    for line in _read(report, rows):
        console.print(line, soft_wrap=False)
    for line in _timeline(done, console.width):
        console.print(line, no_wrap=True, overflow="crop")
    if report.alerts:
        console.print(_table(report.alerts))
    if report.detectors:
        console.print(_detectors(report.detectors))
    if report.sweep:
        console.print(_sweep(report))
    console.print(_last(report, spec))


def _read(report: Report, rows: str) -> Iterator[str]:
    settings, reference = report.settings, report.reference
    yield f"[bold]{escape(report.monitor)}[/]: {report.rows:,} rows of {escape(rows)}, panes of {settings['pane']}"
    yield f"reference: {reference.rows:,} rows in {reference.panes:,} panes (sha {reference.sha[:12]})"
    yield f"  from {reference.from_} to {reference.to}"
    yield from (f"  [yellow]warning:[/] {escape(warning)}" for warning in reference.warnings)
    yield f"judged: {report.judged_rows:,} rows in {report.panes:,} panes from {settings['judged_from']} on"
    yield from _budget(report)
    yield from (f"  {escape(note)}" for note in report.notes[:MOST_NOTES])
    if len(report.notes) > MOST_NOTES:
        yield f"  and {len(report.notes) - MOST_NOTES} more notes: --json"


def _budget(report: Report) -> Iterator[str]:
    """Yield the realised rate of pages beside the allowed one: on a history in which nothing happened all are false."""
    found = report.budget
    if found is not None and found.allowed > 0:
        realised = f"realised {found.rate:.2g} of it, 95 %: {found.lo:.2g} to {found.hi:.2g}"
        allowed = f"the budget allows {found.allowed:.2g} false ones in that time"
        yield f"pages: {found.pages} in {found.days:,.3g} days; {allowed} ({realised})"


def _timeline(done: Done, width: int) -> Iterator[str]:
    """Yield a line for each target with alarms: its panes from left to right, `OPENED` where an incident was raised."""
    findings, panes = done.findings, sorted(done.findings.panes)
    raised = _raised(findings, done.report.alerts)
    if not raised or not panes:
        return
    axis = _Axis(panes[0], panes[-1], done.timeline.pane_ms, max(width - NAME_WIDTH - 2, 10))
    yield ""
    for target, alerts in list(raised.items())[:MOST_LINES]:
        yield f"{escape(_short(target)):{NAME_WIDTH}} {_line(axis, findings.targets.get(target, Seen()), alerts)}"
    if len(raised) > MOST_LINES:
        yield f"and {len(raised) - MOST_LINES} more with alarms"
    yield f"{'':{NAME_WIDTH}} [dim]{axis.ruler(str(done.report.settings['judged_from']), done.report.rows - 1)}[/]"
    _, quiet, warning, alarm = MARKS
    key = f"{quiet} quiet  {warning} warning  {alarm} alarm  {OPENED} incident raised"
    yield f"{'':{NAME_WIDTH}} [dim]{key}[/]"
    yield ""


class _Axis:
    """Panes as places of a line."""

    def __init__(self, first_ms: int, last_ms: int, pane_ms: int, width: int) -> None:
        self.first_ms, self.pane_ms = first_ms, pane_ms
        self.panes = (last_ms - first_ms) // pane_ms + 1
        self.width = min(width, self.panes)

    def place(self, at_ms: int) -> int:
        """Return the place of the pane that holds a time."""
        pane = (at_ms - self.first_ms) // self.pane_ms
        return min(max(pane * self.width // self.panes, 0), self.width - 1)

    def ruler(self, begin: str, last_row: int) -> str:
        """Return the line below: where it begins and ends."""
        end = f"row {last_row:,}"
        return begin + end.rjust(max(self.width - len(begin), len(end) + 1))


def _raised(findings: Findings, alerts: Sequence[AlertReport]) -> dict[str, list[AlertReport]]:
    """Return the incidents of each target, then targets that have alarms without one.

    An incident without features belongs to the metrics that are judged alike, else to a line of its own kind.
    """
    found: dict[str, list[AlertReport]] = {}
    alarming = {target: seen.alarms[0].kind for target, seen in findings.targets.items() if seen.alarms}
    for alert in alerts:
        alike = [target for target, kind in alarming.items() if kind == alert.kind]
        for target in alert.features or alike or [alert.kind]:
            found.setdefault(target, []).append(alert)
    return found | {target: [] for target in alarming if target not in found}


def _line(axis: _Axis, seen: Seen, alerts: Sequence[AlertReport]) -> str:
    ranks = [0] * axis.width
    for pane_ms, pane_s, status in zip(seen.pane_ms, seen.pane_s, seen.status, strict=True):
        rank, begin = _rank(status), axis.place(pane_ms + axis.pane_ms - pane_s * 1000)
        for place in range(begin, axis.place(pane_ms) + 1):
            ranks[place] = max(ranks[place], rank)
    marks = [MARKS[rank] for rank in ranks]
    for alert in alerts:
        marks[axis.place(instant_ms(alert.opened) - 1)] = OPENED
    return "".join(marks)


def _rank(status: str) -> int:
    """Return how much a status says: alarms more than what is quiet, and that more than what is not judged."""
    return _RANKS.get(status, 3 if status in ALARMING else int(status in JUDGED))


_RANKS = {"warning": 2}


def _table(alerts: Sequence[AlertReport]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title, justify in (("severity", "left"), ("kind", "left"), ("rows", "right"), ("raised at", "right")):
        table.add_column(title, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("what")
    for alert in alerts[:MOST_ALERTS]:
        style = STYLES.get(alert.severity, "")
        severity = f"[{style}]{alert.severity}[/]" if style else alert.severity
        rows = f"{alert.first_row:,}–{alert.last_row:,}"
        table.add_row(severity, alert.kind, rows, f"{alert.opened_row:,}", escape(_what(alert)))
    if len(alerts) > MOST_ALERTS:
        table.add_row("", "", "", "", f"and {len(alerts) - MOST_ALERTS:,} more: --json")
    return table


def _what(alert: AlertReport) -> str:
    sizes = [
        f"{effect.feature} {effect.effect} {effect.value:.3g}".strip()
        for effect in alert.effects[:3]
        if effect.value is not None
    ]
    where = f" [{alert.segment}]" if alert.segment else ""
    moved = f"; moved at the same time: {listed([one.feature for one in alert.moved])}" if alert.moved else ""
    return alert.sentence + where + (f" ({', '.join(sizes)})" if sizes else "") + moved


def _detectors(listeners: Sequence[Listener]) -> Table:
    """Return what river's detectors said: where, and no more than that, since nothing bounds their false alarms."""
    title = "river's detectors, for information: not held to the budget"
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), title=title, title_justify="left")
    for name, justify in (("detector", "left"), ("series", "left"), ("panes", "right"), ("changes", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("rows of the first ones")
    for each in listeners:
        series = each.on if each.feature is None else f"{each.feature} {each.on}"
        first = ", ".join(f"{signal.first_row:,}–{signal.last_row:,}" for signal in each.signals[:3])
        table.add_row(escape(each.detector), escape(series), f"{each.panes:,}", str(len(each.signals)), first)
    return table


def _sweep(report: Report) -> Table:
    table = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), title="other budgets and tolerances", title_justify="left"
    )
    for title in ("budget", "tolerance", "incidents", "page", "warn", "info", "first raised at"):
        table.add_column(title, justify="right")
    for row in report.sweep:
        first = "" if row.first_opened_row is None else f"{row.first_opened_row:,}"
        tolerance = "" if row.tolerance is None else f"{row.tolerance:g}"
        counts = (row.alerts, row.page, row.warn, row.info)
        table.add_row(row.budget, tolerance, *map(str, counts), first)
    return table


def _last(report: Report, spec: str) -> str:
    """Return what happened, and what to do next."""
    if report.alerts:
        return _found(report, spec)
    judged = sum(n for by in report.verdicts.values() for status, n in by.items() if status in JUDGED)
    if not report.reference.can_alarm:
        return (
            f"Nothing was judged: the reference has {report.reference.panes} panes. "
            "A longer reference or a shorter pane gives more."
        )
    if not judged:
        return "Nothing was judged: no window held enough rows. A longer pane gives more."
    return f"Nothing found in {report.judged_rows:,} rows. To watch it live: streamgauge spec apply {escape(spec)}"


def _found(report: Report, spec: str) -> str:
    count, first = len(report.alerts), _first(report.alerts)
    pages = sum(alert.severity == "page" for alert in report.alerts)
    what = f"{count} incident{'s' if count > 1 else ''}" + (f", {pages} of them page" if pages else "")
    rows = f"rows {first.first_row:,} to {first.last_row:,}"
    return (
        f"{what} in {report.judged_rows:,} rows. Look at {rows} first: {escape(first.sentence)}. "
        f"Too many or too few? Try --budget 1/365d,1/30d; to watch it live: streamgauge spec apply {escape(spec)}"
    )


def _first(alerts: Sequence[AlertReport]) -> AlertReport:
    """Return the one to look at: of the highest severity, the first that was raised."""
    ranks = {"page": 0, "warn": 1}
    return min(alerts, key=lambda alert: (ranks.get(alert.severity, 2), alert.opened_row))


def _short(name: str) -> str:
    return name if len(name) <= NAME_WIDTH else name[: NAME_WIDTH - 1] + "…"
