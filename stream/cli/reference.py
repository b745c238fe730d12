"""``streamgauge reference``: what is normal, made from past rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from stream.ops.reference import Built

FOUND, USAGE = 1, 2

Name = Annotated[str, typer.Argument(help="The monitor's name.")]
_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]
From = Annotated[datetime | None, typer.Option("--from", formats=_FORMATS, help="Begin, event time, UTC.")]
To = Annotated[datetime | None, typer.Option("--to", formats=_FORMATS, help="End, not included, event time, UTC.")]

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="What is normal: an artifact made from a range of past rows."
)


@app.callback()
def _group() -> None:
    """Keep `build` a command of its own."""


@app.command()
def build(monitor: Name, from_: From = None, to: To = None) -> None:
    """Make a reference from the rows of a range, by default the one in the spec, and put it in force."""
    from stream.ops.controls import newest_spec, require_kafka
    from stream.ops.reference import ReferenceError, build_and_apply
    from stream.settings import load

    given = _given(from_, to)
    settings = load()
    require_kafka(settings)
    record = newest_spec(settings, monitor)
    if record is None:
        _end(f"no monitor {monitor!r} is in force: streamgauge spec apply FILE", FOUND)
    range_ms = given or _of_spec(record.spec)
    if range_ms is None:
        _end("give --from and --to: the spec names no range", USAGE)
    try:
        built = build_and_apply(settings, monitor, *range_ms)
    except ReferenceError as error:
        _end(str(error), FOUND)
    _tell(monitor, built)


def _given(from_: datetime | None, to: datetime | None) -> tuple[int, int] | None:
    """Return the range of the options, epoch milliseconds; None without them; exit 2 on one that is none."""
    if from_ is None and to is None:
        return None
    if from_ is None or to is None:
        _end("give both --from and --to, or neither: then the range in the spec is used", USAGE)
    if from_ >= to:
        _end(f"--from {_written(from_)} is not before --to {_written(to)}", USAGE)
    return _ms(from_), _ms(to)


def _of_spec(document: dict[str, object]) -> tuple[int, int] | None:
    from streamgauge.spec import MonitorSpec

    reference = MonitorSpec.model_validate(document).reference
    return reference.range_ms if reference is not None and reference.kind == "range" else None


def _tell(monitor: str, built: Built) -> None:
    typer.echo(f"monitor {monitor}: revision {built.revision} is in force with reference {built.sha}")
    typer.echo(f"It holds {built.rows:,} rows in {built.panes:,} panes.")
    for warning in built.warnings:
        typer.secho(f"warning: {warning}", fg=typer.colors.YELLOW)
    typer.echo("It takes effect for panes from now on; figures come with the first final pane.")


def _end(sentence: str, code: int) -> NoReturn:
    typer.secho(sentence, fg=typer.colors.RED, err=True)
    raise typer.Exit(code)


def _written(moment: datetime) -> str:
    return moment.isoformat().removesuffix("T00:00:00")


def _ms(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)
