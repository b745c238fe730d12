"""The report at the end of a demo: for a reader who has never seen the system, in eighty columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from stream.demo.findings import TERMS, Alert, Findings, Flow, Month, Retrain

BAR_WIDTH = 18
SHOWN_ALERTS = 8
MANUAL = "manual"
VERSIONS_LEGEND = (
    "promised: log loss on the newest fifth of what it learnt from. served: while it served; months differ, so "
    "two versions compare only on the same rows, which the verdicts below do."
)
EIGHTHS = " ▏▎▍▌▋▊▉█"
FATES = {
    "labelled": "predicted, and judged by their landing",
    "never_labelled": "predicted; cancelled or diverted, so never judged",
    "label_not_used": "predicted; their landing was known too late or not usable",
    "invalid": "not counted: too late, or with an impossible time",
    "unmatched": "not counted: without their other half",
    "pending": "still waiting",
    "refused": "refused, since not readable",
    "lost": "lost",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader can go on: addresses, the folder of the data, and how commands find them."""

    kafka: str
    clickhouse: str
    folder: str
    prefix: str
    is_up: bool = True


@dataclass(frozen=True, slots=True)
class Question:
    """A query to try."""

    asks: str
    sql: str

    def command(self, prefix: str) -> str:
        """Return the shell command that asks it; a query holds no double quote and no dollar."""
        return f'{prefix}streamgauge sql "{self.sql}"'


QUESTIONS = (
    Question(
        "How did the loss move, day by day?",
        "SELECT toDate(pane) AS day, round(value, 3) AS log_loss, labels FROM performance_panes "
        "WHERE metric = 'log_loss' AND segment_key = '' ORDER BY day",
    ),
    Question(
        "Which inputs moved most, and when?",
        "SELECT feature, toDate(pane) AS day, round(psi, 2) AS psi FROM feature_panes "
        "WHERE segment_key = '' AND psi > 0 ORDER BY psi DESC LIMIT 10",
    ),
    Question(
        "Did every event arrive and count?",
        "SELECT kind, received, used, duplicate, late_used, invalid, unmatched, pending, difference FROM conservation",
    ),
)


def write(findings: Findings, place: Place, console: Console) -> None:
    """Print the report on `console`."""
    for title, parts in _sections(findings, place):
        console.print()
        console.print(Rule(Text(title, style="bold"), align="left", style="dim"))
        for part in parts:
            console.print(Padding(part, (0, 0, 0, 2), expand=False))


def _sections(found: Findings, place: Place) -> Iterator[tuple[str, list[RenderableType]]]:
    yield "What was watched", [_watched(found)]
    yield "What happened, month by month", [_chart(found), Text(_legend(found), style="dim")]
    if found.versions:
        yield "How good each version was", [_versions(found), Text(VERSIONS_LEGEND, style="dim")]
    yield "What was noticed", [*_noticed(found.alerts)]
    yield "What was retrained, and whether it helped", [*_retrained(found)]
    yield "Did every event arrive and count?", [_fates(found), *_equations(found), _proof(found)]
    if place.is_up:
        yield "Ask it yourself", [*_questions(place)]
    yield "Where it is", [_places(found, place)]


def _watched(found: Findings) -> Text:
    flights, days = sum(found.flights_by_fate.values()), found.panes.get("days", 0)
    return Text(
        f"{flights:,} flights that were to leave New York in 2013, as events on Kafka when they were to "
        "leave: carrier, airports, distance, hour, weekday, weather. A model predicts which will land more "
        f"than 15 minutes late; {found.labels.sent:,} landings say later whether it was right. streamgauge "
        f"watched each input and the model's loss in panes of one day ({days} days, whole and by "
        f"airport), and compared {found.statistics.get('rows', 0):,} times a day's input with January to March."
    )


def _chart(found: Findings) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    table.add_column("month", no_wrap=True)
    for name in ("flights", "late", "log loss"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", width=BAR_WIDTH, no_wrap=True)
    table.add_column("", overflow="fold")
    highest = max((month.loss for month in found.months if math.isfinite(month.loss)), default=1.0)
    for month in found.months:
        late = f"{month.late_share:.1%}" if math.isfinite(month.late_share) else "-"
        bar = Text(_bar(month.loss / highest), style="blue")
        table.add_row(month.month, f"{month.flights:,}", late, _number(month.loss), bar, _marks(month, found))
    return table


def _bar(share: float) -> str:
    """Return a bar of eighths of a column.

    >>> _bar(0.5)
    '█████████'
    >>> _bar(float("nan"))
    ''
    """
    if not math.isfinite(share):
        return ""
    full, eighths = divmod(round(share * BAR_WIDTH * 8), 8)
    return EIGHTHS[8] * full + EIGHTHS[eighths].strip()


def _marks(month: Month, found: Findings) -> Text:
    """Return what happened in a month: versions that came to serve, retrains that were asked for, incidents."""
    marks: list[Text] = []
    for version in found.versions:
        if version.since.startswith(month.month):
            marks.append(Text(f"v{version.version} serves", style="green"))
    asked = sum(r.asked.startswith(month.month) for r in found.retrains if r.trigger != MANUAL)
    if asked:
        marks.append(Text(f"{asked} retrain{'s' * (asked > 1)}", style="magenta"))
    for level, style in (("page", "red"), ("warn", "yellow"), ("info", "dim")):
        n = sum(a.severity == level and a.opened.startswith(month.month) for a in found.alerts)
        if n:
            marks.append(Text(f"{n} {level}{'s' * (n > 1)}", style=style))
    return Text(", ").join(marks)


def _legend(found: Findings) -> str:
    if not any(math.isfinite(month.loss) for month in found.months):
        return "No model served, so there is no loss to show."
    return (
        "late: share that landed > 15 min late. log loss: lower is better; 0.693 is a coin. "
        "No bar: no model served yet."
    )


def _versions(found: Findings) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    for name in ("version", "learnt from", "rows", "promised", "served", "labels", "now"):
        right = name in {"rows", "promised", "served", "labels"}
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for version in found.versions:
        loss, labels = found.loss_of(version.version)
        promised = version.metrics.get("log_loss", math.nan)
        table.add_row(
            version.version, f"{version.trained_from[:10]} to {version.trained_to[5:10]}", f"{version.rows:,}",
            _number(promised), _number(loss), f"{labels:,}" if labels else "-", version.role or "not used",
        )  # fmt: skip
    return table


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "-"


def _noticed(alerts: Sequence[Alert]) -> Iterator[RenderableType]:
    if not alerts:
        yield Text("Nothing that asked for a person, and nothing that was proven to have changed.")
        return
    order = {"page": 0, "warn": 1, "info": 2}
    first = sorted(alerts, key=lambda alert: (order.get(alert.severity, 3), alert.opened))[:SHOWN_ALERTS]
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    for name in ("opened", "closed", "level"):
        table.add_column(name, no_wrap=True)
    table.add_column("what", overflow="fold")
    style = {"page": "red", "warn": "yellow"}
    for alert in first:
        level = Text(alert.severity, style=style.get(alert.severity, "dim"))
        table.add_row(alert.opened[:10], alert.closed[:10] or "open", level, Text(alert.sentence))
    yield table
    if len(alerts) > len(first):
        yield Text(f"and {len(alerts) - len(first)} more, all in the view incidents", style="dim")


def _retrained(found: Findings) -> Iterator[RenderableType]:
    if not found.retrains:
        yield Text("Nothing was retrained.")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 1), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for retrain in found.retrains:
        table.add_row(retrain.asked[:10], Text(f"{_why(retrain)} → {_outcome(retrain)}"))
    yield table
    yield Text(_balance(found))


def _why(retrain: Retrain) -> str:
    return retrain.reason.rstrip(".") or retrain.trigger


def _outcome(retrain: Retrain) -> str:
    version = f"version {retrain.version}: " if retrain.version else ""
    return version + (retrain.verdict or retrain.step)


def _balance(found: Findings) -> str:
    """Return one honest sentence about what the retrains came to."""
    asked = [retrain for retrain in found.retrains if retrain.trigger != MANUAL]
    if not asked:
        return "Only the first version was trained, by hand: no loss of performance asked for another."
    won = sum(retrain.step == "promoted" for retrain in asked)
    lost = sum(retrain.step in {"rejected", "failed", "skipped"} for retrain in asked)
    parts = [
        f"{won} made a version that won its comparison and was promoted" if won else "",
        f"{lost} made none that was better than what served" if lost else "",
        f"{len(asked) - won - lost} had no answer yet when the year ended" if len(asked) > won + lost else "",
    ]
    times = "once" if len(asked) == 1 else f"{len(asked)} times"
    return f"Lost performance asked for a retrain {times}: {'; '.join(part for part in parts if part)}."


def _fates(found: Findings) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), show_header=False)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for fate, n in found.flights_by_fate.items():
        if n:
            table.add_row(f"{n:,}", FATES.get(fate, fate))
    table.add_row(f"{sum(found.flights_by_fate.values()):,}", "flights", style="bold")
    return table


def _equations(found: Findings) -> Iterator[Text]:
    for kind, flow in (("predictions", found.predictions), ("labels", found.labels)):
        yield Text(f"\n{kind}: {_equation(flow)}")


def _equation(flow: Flow) -> str:
    terms = [f"{getattr(flow, term):,} {term.replace('_', ' ')}" for term in TERMS if getattr(flow, term)]
    right = " + ".join(terms) or "0"
    rest = "" if flow.difference == 0 else f" + {flow.difference:,} UNACCOUNTED FOR"
    return f"{flow.received:,} received = {right}{rest}; {abs(flow.lost):,} lost"


def _proof(found: Findings) -> Text:
    compared = sum(found.audit_compared.values())
    words = (
        f"\nAudit: {compared:,} stored results were computed again from the log; "
        f"{found.audit_differences:,} differ.\nDigest of all counts: {found.digest[:16]}…"
    )
    return Text(words, style="green" if found.is_sound else "red bold")


def _questions(place: Place) -> Iterator[RenderableType]:
    for question in QUESTIONS:
        yield Text(question.asks)
        yield Padding(Text(question.command(place.prefix), style="cyan"), (0, 0, 1, 2), expand=False)


def _places(found: Findings, place: Place) -> Text:
    up = "" if place.is_up else " (stopped; the data stay)"
    return Text(
        f"Kafka {found.kafka_version} at {place.kafka}, ClickHouse {found.clickhouse_version} at "
        f"{place.clickhouse}{up}\ndata in {place.folder}\n{found.seconds:.0f} s, "
        f"at most {found.rss_mb:,.0f} MB of memory in all processes together",
        overflow="fold",
    )
