"""``streamgauge plan``: what a monitor would cost."""

from __future__ import annotations

import json as json_
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from detectors.artifact import Reference
    from stream.ops.plan import Plan

USAGE = 2

File = Annotated[Path, typer.Argument(help="The monitor's spec, YAML.", exists=True, dir_okay=False)]
Rate = Annotated[float, typer.Option(help="Predictions a second, each with a label.", min=0.001)]
Artifact = Annotated[
    Path | None, typer.Option("--reference", help="The reference's artifact, for exact sizes.", exists=True)
]
Json = Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")]


def plan(file: File, rate: Rate = 1_000, reference: Artifact = None, json: Json = False) -> None:
    """Say what a monitor costs at a rate: bytes, memory, disk, cores, seconds to recover. Nothing is changed.

    Example: streamgauge plan monitor.yaml --rate 10000
    """
    from stream.cli.spec import read_spec
    from stream.ops.plan import plan as make
    from stream.settings import load

    runtime = load().runtime
    found = make(
        read_spec(file),
        rate,
        None if reference is None else _artifact(reference),
        partitions=runtime.ledger_partitions,
        checkpoint_s=runtime.checkpoint_s,
    )
    typer.echo(json_.dumps(asdict(found)) if json else "\n".join(lines(found)))
    raise typer.Exit(1 if found.warnings else 0)


def _artifact(file: Path) -> Reference:
    from detectors.artifact import decode

    try:
        return decode(file.read_bytes())
    except ValueError as error:
        said = f"--reference {file}: {error}; give a reference's artifact, or leave the option out"
        typer.secho(said, fg=typer.colors.RED, err=True)
        raise typer.Exit(USAGE) from None


def lines(found: Plan) -> list[str]:
    """Return a plan as people read it."""
    return [
        f"at {found.rows_per_s:,.0f} predictions/s, each with a label:",
        f"  into Kafka       {_bytes(found.public_bytes_per_s)}/s, {_bytes(found.public_disk_bytes)} on disk",
        f"  ledger           {_bytes(found.ledger_bytes_per_s)}/s, {_bytes(found.ledger_disk_bytes)} on disk",
        f"  waiting labels   {found.pending_rows:,.0f} predictions",
        f"  open sums        {found.open_keys:,} of {_bytes(found.key_bytes)}",
        f"  memory           {_bytes(found.measure_memory_bytes)} for measure, all partitions in one worker",
        f"  checkpoint       {_bytes(found.checkpoint_bytes)}",
        f"  ClickHouse       {_bytes(found.raw_disk_bytes_per_day)} of raw rows and "
        f"{_bytes(found.pane_disk_bytes_per_day)} of {found.pane_rows_per_day:,.0f} pane rows a day",
        f"  cores            {found.cores:.2f} for intake and measure",
        f"  recovery         {found.recovery_s:,.0f} s after a kill of a worker",
        *(f"  ! {warning}" for warning in found.warnings),
    ]


def _bytes(n: float) -> str:
    """Return a number of bytes in a unit that fits.

    >>> _bytes(1536)
    '1.5 kB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1_000 or unit == "GB":
            return f"{n:,.0f} {unit}" if unit == "B" else f"{n:,.1f} {unit}"
        n /= 1_000
    raise AssertionError(n)
