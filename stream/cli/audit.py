"""``streamgauge audit``: compares what is stored with what the ledger says."""

from __future__ import annotations

import json as json_
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stream.ops.audit import AuditReport

FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]
Model = Annotated[str | None, typer.Option(help="Only this model's rows.")]
Start = Annotated[
    datetime | None,
    typer.Option("--from", formats=FORMATS, help="Only panes that begin then or later (event time, UTC)."),
]
Stop = Annotated[
    datetime | None, typer.Option("--to", formats=FORMATS, help="Only panes that begin before then (UTC).")
]
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


def audit(model: Model = None, start: Start = None, stop: Stop = None, json: Json = False) -> None:
    """Compute panes, statistics, verdicts and alerts again from the ledger, and compare them with ClickHouse.

    Integers must be equal, derived numbers to 1e-12. With --from or --to it begins at the newest checkpoints before
    that span, else at the log's beginning. Exit code 1: something differs. Example:
    streamgauge audit --model flight-delay --from 2013-07-01 --to 2013-08-01
    """
    from dataclasses import asdict

    from stream.ops.audit import Scope
    from stream.ops.audit import audit as run
    from stream.ops.controls import require_kafka
    from stream.settings import load

    settings = load()
    require_kafka(settings)
    report = run(settings, Scope(model, _utc(start), _utc(stop)))
    typer.echo(json_.dumps(asdict(report)) if json else _words(report))
    nothing = "" if _rows(report) else _nothing(model, start, stop)
    if nothing:
        typer.secho(nothing, fg=typer.colors.RED, err=True)
    raise typer.Exit(1 if report.differences or nothing else 0)


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


def _words(report: AuditReport) -> str:
    rows = ", ".join(f"{count:,} {table}" for table, count in report.compared.items())
    begins = sorted({at for at in report.begins.values() if at >= 0})
    after = f" (from checkpoints at {', '.join(map(str, begins))} of the partials on)" if begins else ""
    return "\n".join([f"{report.differences} differences in {rows}{after}", *(f"  {e}" for e in report.examples)])


def _nothing(model: str | None, start: datetime | None, stop: datetime | None) -> str:
    """Say what was not found, if it was asked for."""
    asked = [f"of model {model}"] if model else []
    asked += [f"from {start:%Y-%m-%d %H:%M}"] if start else []
    asked += [f"to {stop:%Y-%m-%d %H:%M}"] if stop else []
    return f"no rows {' '.join(asked)}" if asked else ""


def _rows(report: AuditReport) -> int:
    """Return how many rows were compared; messages are those of all models."""
    return sum(count for table, count in report.compared.items() if table != "messages")
