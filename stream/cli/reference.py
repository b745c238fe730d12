"""``streamgauge reference``: what is normal, made from past rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="The monitor's name.")]
_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
From = Annotated[datetime | None, typer.Option("--from", formats=_FORMATS, help="Begin, event time, UTC.")]
To = Annotated[datetime | None, typer.Option("--to", formats=_FORMATS, help="End, not included, event time, UTC.")]

app = typer.Typer(no_args_is_help=True, help="What is normal: an artifact made from a range of past rows.")


@app.callback()
def _group() -> None:
    """Keep `build` a command of its own."""


@app.command()
def build(monitor: Name, from_: From = None, to: To = None) -> None:
    """Make a reference from the rows of a range, by default the one in the spec, and put it in force."""
    from streamgauge.spec import MonitorSpec  # noqa: PLC0415

    from stream.ops.controls import newest_spec, require_kafka  # noqa: PLC0415
    from stream.ops.reference import build_and_apply  # noqa: PLC0415
    from stream.settings import load  # noqa: PLC0415

    settings = load()
    require_kafka(settings)
    record = newest_spec(settings, monitor)
    if record is None:
        typer.echo(f"no monitor {monitor!r} is in force: streamgauge spec apply FILE", err=True)
        raise typer.Exit(1)
    reference = MonitorSpec.model_validate(record.spec).reference
    if from_ is not None and to is not None:
        range_ms = _ms(from_), _ms(to)
    elif reference is not None and reference.kind == "range":
        range_ms = reference.range_ms
    else:
        typer.echo("give --from and --to: the spec names no range", err=True)
        raise typer.Exit(2)
    typer.echo(f"reference {build_and_apply(settings, monitor, *range_ms)} is in force for {monitor}")


def _ms(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)
