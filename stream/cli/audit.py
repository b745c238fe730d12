"""``streamgauge audit``: compares what is stored with what the ledger says."""

from __future__ import annotations

import json as json_
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stream.ops.audit import AuditReport

Model = Annotated[str | None, typer.Option(help="Only this model's rows.")]
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


def audit(model: Model = None, json: Json = False) -> None:
    """Compute all panes, statistics, verdicts and alerts again from the ledger, and compare them with ClickHouse."""
    from dataclasses import asdict

    from stream.ops.audit import audit as run
    from stream.ops.controls import require_kafka
    from stream.settings import load

    settings = load()
    require_kafka(settings)
    report = run(settings, model)
    if json:
        typer.echo(json_.dumps(asdict(report)))
    else:
        rows = ", ".join(f"{count:,} {table}" for table, count in report.compared.items())
        typer.echo(f"{report.differences} differences in {rows}")
        for example in report.examples:
            typer.echo(f"  {example}")
    is_unknown = model is not None and not _rows(report)
    if is_unknown:
        typer.secho(f"no rows of model {model}", fg=typer.colors.RED, err=True)
    raise typer.Exit(1 if report.differences or is_unknown else 0)


def _rows(report: AuditReport) -> int:
    """Return how many rows were compared; messages are those of all models."""
    return sum(count for table, count in report.compared.items() if table != "messages")
