"""``streamgauge reference``: what is normal, made from past rows, listed and shown."""

from __future__ import annotations

import json as json_
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from stream.ops.reference_sources import Wanted

FOUND, USAGE = 1, 2

Name = Annotated[str, typer.Argument(metavar="MONITOR", help="The monitor's name.")]
Which = Annotated[str, typer.Argument(metavar="[MONITOR|SHA]", help="A monitor, or the begin of an artifact's sha.")]
_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]
From = Annotated[datetime | None, typer.Option("--from", formats=_FORMATS, help="Begin, event time, UTC.")]
To = Annotated[datetime | None, typer.Option("--to", formats=_FORMATS, help="End, not included, event time, UTC.")]
File = Annotated[Path | None, typer.Option(help="Rows in a file, Parquet or CSV; columns as for `backtest`.")]
Version = Annotated[str, typer.Option(help="A registered version: the rows of its training set.")]
First = Annotated[int, typer.Option(min=0, help="The first final panes without a reference: how many.")]
Ledger = Annotated[str, typer.Option(metavar="FROM..TO", help="What the ledger stored between two times, UTC.")]
Only = Annotated[str, typer.Option("--monitor", help="Only of this monitor.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="What is normal: artifacts made from past rows, built and shown."
)


@app.command()
def build(
    monitor: Name, from_: From = None, to: To = None, file: File = None, version: Version = "", first: First = 0,
    ledger: Ledger = "", json: Json = False,
) -> None:  # fmt: skip
    """Make a reference of past rows, by default of those that the spec names, and put it in force.

    Exit code 1: nothing can be made of what is there; the sentence says what is. Warnings do not change the exit code.
    Examples: streamgauge reference build flight-delay --from 2026-01-01 --to 2026-04-01
    streamgauge reference build flight-delay --file january.parquet
    """
    from stream.ops.controls import require_kafka
    from stream.ops.reference import ReferenceError, build_and_apply
    from stream.settings import load

    wanted = _wanted(from_, to, file, version, first, ledger)
    settings = load()
    require_kafka(settings)
    try:
        built = build_and_apply(settings, monitor, wanted)
    except ReferenceError as error:
        _end(str(error), FOUND)
    from stream.cli import reference_view

    if json:
        typer.echo(json_.dumps(reference_view.built_json(monitor, built)))
    else:
        reference_view.built(_console(), monitor, built)


@app.command("list")
def list_(monitor: Only = "", json: Json = False) -> None:
    """List the references of all monitors: in force or not, made of what, and whether they can alarm."""
    from stream.cli import reference_view
    from stream.ops.controls import require_kafka
    from stream.ops.references import kept
    from stream.settings import load

    settings = load()
    require_kafka(settings)
    known = [one for one in kept(settings) if monitor in ("", one.monitor)]
    if json:
        typer.echo(json_.dumps({"references": [reference_view.line_json(one) for one in known]}))
    elif known:
        _console().print(reference_view.table(known))
    else:
        typer.echo("there is no reference yet: streamgauge reference build MONITOR")


@app.command()
def show(name: Which = "", json: Json = False) -> None:
    """Draw a reference: what it was made of, whether it can alarm, its features, and what it promises.

    Without a name: the only one in force. Exit code 1: there is none, or several.
    """
    from stream.cli import reference_view
    from stream.ops.controls import require_kafka
    from stream.ops.references import chosen, kept
    from stream.references.errors import ReferenceError
    from stream.settings import load

    settings = load()
    require_kafka(settings)
    try:
        one = chosen(kept(settings), name)
    except ReferenceError as error:
        _end(str(error), FOUND)
    if one.reference is None:
        _end(f"{one.sha[:12]} cannot be shown: {one.problem}", FOUND)
    if json:
        typer.echo(json_.dumps(reference_view.shown_json(one)))
    else:
        reference_view.show(_console(), one)


def _wanted(
    from_: datetime | None, to: datetime | None, file: Path | None, version: str, first: int, ledger: str
) -> Wanted | None:
    """Return what the options name; None without any; exit 2 on what names nothing, and on more than one."""
    from stream.ops.reference_sources import InFile, InFirst, InLedger, InRange, InTraining

    range_ms = _given(from_, to)
    ways: list[Wanted] = [InRange(*range_ms)] if range_ms else []
    ways += [InFile(file)] if file is not None else []
    ways += [InTraining(version)] if version else []
    ways += [InFirst(first)] if first else []
    ways += [InLedger(*_stored(ledger))] if ledger else []
    if len(ways) > 1:
        _end("give one of: --from and --to, --file, --version, --first, --ledger", USAGE)
    return ways[0] if ways else None


def _given(from_: datetime | None, to: datetime | None) -> tuple[int, int] | None:
    """Return the range of the options, epoch milliseconds; None without them; exit 2 on one that is none."""
    if from_ is None and to is None:
        return None
    if from_ is None or to is None:
        _end("give both --from and --to, or neither: then what the spec names is used", USAGE)
    if from_ >= to:
        _end(f"--from {_written(from_)} is not before --to {_written(to)}", USAGE)
    return _ms(from_), _ms(to)


def _stored(text: str) -> tuple[int, int]:
    try:
        from_, to = (datetime.fromisoformat(part) for part in text.split(".."))
    except ValueError:
        _end(f"--ledger {text!r}: write two times, as in 2026-01-01..2026-01-15T12:00:00Z", USAGE)
    if _ms(from_) >= _ms(to):
        _end(f"--ledger {text!r}: the range ends before it begins", USAGE)
    return _ms(from_), _ms(to)


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def _end(sentence: str, code: int) -> NoReturn:
    typer.secho(sentence, fg=typer.colors.RED, err=True)
    raise typer.Exit(code)


def _written(moment: datetime) -> str:
    return moment.isoformat().removesuffix("T00:00:00")


def _ms(moment: datetime) -> int:
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
