"""``streamgauge replay``: past panes computed again, beside live, into a shadow lineage."""

from __future__ import annotations

import json as json_
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream.ops.replay import Progress, ReplayReport
    from stream.ops.replay_compare import Comparison
    from stream.ops.replay_plan import Wanted

FOUND, USAGE, STOPPED = 1, 2, 130

Name = Annotated[str, typer.Argument(metavar="MONITOR", help="The monitor's name.")]
Spec = Annotated[
    Path | None, typer.Option("--spec", help="Another spec than the one in force, YAML.", exists=True, dir_okay=False)
]
Reference = Annotated[
    str, typer.Option(help="keep: the one in force; none; a file with an artifact; or FROM..TO, dates of event time.")
]
From = Annotated[str, typer.Option("--from", help="Records that the ledger stored then or later: date or RFC 3339.")]
To = Annotated[str, typer.Option("--to", help="Records that it stored before then.")]
Rate = Annotated[float | None, typer.Option(min=1, help="Rows a second at most; without it, as fast as it goes.")]
Check = Annotated[bool, typer.Option("--check", help="Exit 1 unless all sums equal those of the live lineage.")]
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]

SHOW_S, LINE_S = 0.5, 10.0
"""Time between two updates of the progress in a terminal, and elsewhere."""


def replay(
    monitor: Name, spec: Spec = None, reference: Reference = "keep", start: From = "", stop: To = "",
    rate: Rate = None, check: Check = False, json: Json = False,
) -> None:  # fmt: skip
    """Fold a range of the ledger again, beside live, into a shadow lineage that no view shows until you switch to it.

    By default all that the ledger keeps, with the spec and the reference in force. Nothing is written into the log: no
    alert, no retrain, no role. The same command again writes the same rows; a broken one is simply run again.

    Example: streamgauge replay flight-delay --spec daily.yaml --rate 50000
    """
    from dataclasses import asdict

    from stream.ops.controls import require_kafka
    from stream.ops.reference import ReferenceError
    from stream.ops.replay import replay as run
    from stream.ops.replay_plan import ReplayError
    from stream.settings import load

    wanted = _wanted(monitor, spec, reference, _instant("--from", start), _instant("--to", stop), rate)
    settings = load()
    require_kafka(settings)
    shown = _Shown(sys.stderr.isatty())
    try:
        report = run(settings, wanted, shown, wait_for_live=check)
    except (ReplayError, ReferenceError) as error:
        _end(str(error), FOUND)
    except KeyboardInterrupt:
        again = "run the same command again to do it to its end, or `streamgauge lineages` to see what is there"
        _end(f"\nstopped; what was stored stays hidden: {again}", STOPPED)
    finally:
        shown.end()
    typer.echo(json_.dumps(asdict(report)) if json else "\n".join(_words(report)))
    raise typer.Exit(FOUND if check and not _is_equal(report.compared) else 0)


def _wanted(
    monitor: str, spec: Path | None, reference: str, from_ms: int | None, to_ms: int | None, rate: float | None
) -> Wanted:
    from stream.cli.spec import read_spec
    from stream.cli.who import whoami
    from stream.ops.replay_plan import Wanted

    return Wanted(monitor, None if spec is None else read_spec(spec), reference, from_ms, to_ms, rate, whoami())


def _instant(option: str, text: str) -> int | None:
    """Return a time of an option as epoch milliseconds, UTC where it does not say."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        _end(f"{option} {text!r} is no time, as 2026-03-01 or 2026-03-01T12:00:00Z", USAGE)
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


class _Shown:
    """Shows progress: one line that changes in a terminal, a line now and then elsewhere."""

    def __init__(self, is_terminal: bool) -> None:
        self._is_terminal, self._last_s = is_terminal, time.monotonic()
        self._every_s = SHOW_S if is_terminal else LINE_S
        self._is_open = False

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() - self._last_s < self._every_s:
            return
        self._last_s, self._is_open = time.monotonic(), self._is_terminal
        line = _line(progress)
        typer.echo(f"\r\x1b[2K{line}" if self._is_terminal else line, err=True, nl=not self._is_terminal)

    def end(self) -> None:
        """Leave the line."""
        if self._is_open:
            typer.echo("\r\x1b[2K", err=True, nl=False)


def _line(at: Progress) -> str:
    """Return a line about how far it is.

    >>> from stream.ops.replay import Progress
    >>> _line(Progress(50, 200, 3_000, 2.0, 1_356_998_400_000))
    '25 %, log of 2013-01-01, 3,000 rows, 1,500 rows/s, about 6 s left'
    """
    from stream.references.times import moment

    share = at.records / at.of if at.of else 1.0
    clock = moment(at.clock_ms // 1000 * 1000)
    rows = f"{at.rows:,} rows, {at.rows_per_s:,.0f} rows/s"
    return f"{share:.0%}, log of {clock}, {rows}, about {at.left_s:,.0f} s left".replace("%", " %", 1)


def _words(report: ReplayReport) -> Iterator[str]:
    from stream.references.times import moment

    yield f"shadow lineage {report.lineage} of monitor {report.monitor}, replay {report.replay}"
    yield f"It read {report.rows:,} rows in {report.seconds:,.1f} s ({report.rows_per_s:,.0f} rows/s)."
    if not report.panes:
        yield "No pane became final: the range is too short, or the model has no rows in it."
    else:
        span = f"{moment(report.from_ms)} to {moment(report.to_ms)}"
        yield f"It has {report.panes:,} final panes from {span}, {report.stored:,} rows in ClickHouse."
    yield from (f"warning: {warning}" for warning in report.warnings)
    yield from _beside(report.compared, moment)
    if report.is_caught_up is False:
        yield "Live had not stored all of it within a minute: what differs may only be late (streamgauge lag)."
    if report.panes:
        yield f"To show it in place of the live lineages: {report.next}"


def _beside(compared: Comparison, moment: Callable[[int], str]) -> Iterator[str]:
    if not compared.live:
        yield "No live lineage has panes of that time."
        return
    which = "which measures alike" if compared.is_alike else "measured otherwise"
    span = f"{moment(compared.from_ms)} to {moment(compared.to_ms)}"
    yield f"Beside live {', '.join(compared.live)} ({which}), {span}:"
    yield f"  rows in panes: live {compared.live_rows:,}, shadow {compared.rows:,}"
    if compared.equal or compared.differing or compared.beyond:
        beyond = f", {compared.beyond:,} went on after the range" if compared.beyond else ""
        yield f"  sums of panes and features: {compared.equal:,} equal, {compared.differing:,} differ{beyond}"
    for kind, (before, after) in compared.alarms.items():
        yield f"  {kind} incidents: live {before:,}, shadow {after:,}"
    yield from (f"  {example}" for example in compared.examples)


def _is_equal(compared: Comparison) -> bool:
    return compared.is_alike and compared.equal > 0 and compared.differing == 0


def _end(sentence: str, code: int) -> NoReturn:
    typer.secho(sentence, fg=typer.colors.RED, err=True)
    raise typer.Exit(code)
