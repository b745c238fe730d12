"""``streamgauge backtest``: what a monitor would have said about rows in a file."""

from __future__ import annotations

import json as json_
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from stream.backtest.report import Report
    from stream.backtest.run import Wanted

FOUND, USAGE, STOPPED = 1, 2, 130

Spec = Annotated[Path, typer.Argument(help="The monitor's spec, YAML.", exists=True, dir_okay=False)]
Rows = Annotated[Path, typer.Argument(help="Rows in stream order, Parquet or CSV.", exists=True, dir_okay=False)]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="Labels, Parquet or CSV: prediction_id, label, label_time, revision.", exists=True, dir_okay=False
    ),
]
Reference = Annotated[
    Path | None,
    typer.Option(
        help="Rows that are normal, Parquet or CSV; without it, what the spec says.", exists=True, dir_okay=False
    ),
]
Json = Annotated[Path | None, typer.Option("--json", help="Write the result here as JSON; - for stdout alone.")]
Budgets = Annotated[str, typer.Option("--budget", help="Try other budgets as well: 1/90d,1/30d.")]
Tolerances = Annotated[str, typer.Option("--tolerance", help="Try other tolerances as well: .01,.02.")]


def backtest(
    spec: Spec, rows: Rows, labels: Labels = None, reference: Reference = None, json: Json = None,
    budgets: Budgets = "", tolerances: Tolerances = "",
) -> None:  # fmt: skip
    """Say what a monitor would have said about rows in a file: the folds that run live, without Kafka or ClickHouse.

    Columns: each feature by its name; event_time (else one row a second), prediction_id, score, prediction, label,
    label_time and version if they are there. Exit code 0: nothing found, 1: something.

    Example: streamgauge backtest monitor.yaml rows.parquet --reference january.parquet --json result.json
    """
    from stream.backtest.run import backtest as run
    from stream.cli.backtest_progress import Shown

    _check(json)
    wanted = _wanted(spec, rows, labels, reference, budgets, tolerances)
    try:
        with Shown(sys.stderr) as shown:
            done = run(wanted, shown)
    except KeyboardInterrupt:
        _end("\nstopped: nothing was written", STOPPED)
    _write(done.report, json)
    if json != Path("-"):
        from rich.console import Console

        from stream.cli.backtest_view import show

        show(Console(highlight=False), done, str(spec), str(rows))
    raise typer.Exit(FOUND if done.report.alerts else 0)


def _wanted(
    spec: Path, rows: Path, labels: Path | None, reference: Path | None, budgets: str, tolerances: str
) -> Wanted:
    from stream.backtest.run import Wanted
    from stream.backtest.sweep import budgets_of, tolerances_of
    from stream.cli.spec import read_spec

    read = read_spec(spec)
    return Wanted(read, spec.parent, rows, labels, reference, budgets_of(budgets), tolerances_of(tolerances))


def _check(json: Path | None) -> None:
    """End before the work is done, if its result had nowhere to go."""
    if json is not None and not json.parent.is_dir():
        _end(f"--json {json}: cannot be written: there is no folder {json.parent}", USAGE)


def _write(report: Report, path: Path | None) -> None:
    if path is None:
        return
    text = json_.dumps(report.to_json(), allow_nan=False)
    if path == Path("-"):
        typer.echo(text)
        return
    try:
        path.write_text(text + "\n")
    except OSError as error:
        _end(f"--json {path}: cannot be written ({error.strerror})", USAGE)


def _end(sentence: str, code: int) -> NoReturn:
    typer.secho(sentence, fg=typer.colors.RED, err=True)
    raise typer.Exit(code)
