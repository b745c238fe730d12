"""``streamgauge lineages``: which lineages the views show."""

from __future__ import annotations

import json as json_
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver.client import Client

    from stream.ops.lineages import Lineage, Switch

FOUND, USAGE = 1, 2

Monitor = Annotated[str, typer.Argument(metavar="MONITOR", help="The monitor's name.")]
Shadow = Annotated[str, typer.Argument(metavar="LINEAGE", help="A shadow lineage, or the begin of its name.")]
Only = Annotated[str, typer.Option("--monitor", help="Only of this monitor.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

Reason = Annotated[str, typer.Option("--reason", help="Why, in a sentence: it is kept in the log.")]

app = typer.Typer(
    add_completion=False,
    help="Which lineages the views show: switch to a replay, and back.",
    invoke_without_command=True,
)


@app.callback()
def _list(context: typer.Context) -> None:
    """List them if nothing else is asked for."""
    if context.invoked_subcommand is None:
        ls()


@app.command()
def ls(monitor: Only = "", json: Json = False) -> None:
    """List all lineages: live ones and shadows, what is shown, the panes that they have, who made them."""
    from dataclasses import asdict

    from stream.ops.lineages import ls as known

    with _client() as client:
        found = known(client, monitor)
    if json:
        typer.echo(json_.dumps({"lineages": [asdict(one) for one in found]}))
    elif found:
        _table(found)
    else:
        typer.echo("no lineage yet: it comes with a monitor's first final pane")


@app.command()
def begin(reason: Reason, yes: Yes = False, json: Json = False) -> None:
    """End all lineages and begin new ones from now on, where the old ones cannot go on.

    For: checkpoints that are lost while the log's beginning is gone; a ledger that was created again; a version of the
    code that computes other numbers. Panes that are not final stay unfinished; models, roles and incidents go on.
    Workers of intake must run. Example: streamgauge lineages begin --reason "checkpoints lost"
    """
    from dataclasses import asdict

    from stream.cli.who import whoami
    from stream.ops.begin import begin as start
    from stream.ops.controls import require_kafka
    from stream.settings import load

    settings = load()
    require_kafka(settings)
    if not yes:
        typer.confirm("All monitors begin a new lineage; panes that are not final stay unfinished. Go on?", abort=True)
    begun = start(settings, whoami(), reason)
    if json:
        typer.echo(json_.dumps(asdict(begun)))
        return
    at = ", ".join(f"{partition}: {position}" for partition, position in sorted(begun.positions.items()))
    typer.echo(f"epoch {begun.epoch} begins at the ledger's positions {at}")
    typer.echo(f"in force again: {', '.join(begun.monitors) or 'no monitor'}")


@app.command()
def switch(monitor: Monitor, lineage: Shadow, json: Json = False) -> None:
    """Show a shadow in place of what is live, for the panes that it covers; all views change at once.

    What is live goes on and is shown where the shadow has no panes. `streamgauge lineages back` undoes it. Exit code 1:
    it cannot be shown.
    """
    from stream.cli.who import whoami
    from stream.ops.lineages import switch as show

    with _client() as client:
        _tell(show(client, monitor, lineage, whoami()), json)


@app.command()
def back(monitor: Monitor, json: Json = False) -> None:
    """Undo the last switch of a monitor; again: the one before. Exit code 1: nothing is switched."""
    from stream.cli.who import whoami
    from stream.ops.lineages import back as undo

    with _client() as client:
        _tell(undo(client, monitor, whoami()), json)


@app.command()
def drop(lineage: Shadow, yes: Yes = False) -> None:
    """Delete all rows of a shadow for good, never those of a live lineage. A replay may make it again.

    Exit code 1: it is live or shown, or there is none.
    """
    from stream.ops.lineages import drop as delete

    with _client() as client:
        if not yes:
            typer.confirm(f"Delete shadow lineage {lineage} for good?", abort=True)
        dropped = delete(client, lineage)
    typer.echo(f"shadow lineage {dropped.lineage} of monitor {dropped.monitor} is deleted")


@contextmanager
def _client() -> Iterator[Client]:
    """Connect; what cannot be done is a sentence and exit code 1."""
    from stream.clickhouse.client import connect
    from stream.ops.lineages import LineageError
    from stream.ops.reader import require_clickhouse
    from stream.settings import load

    settings = load()
    require_clickhouse(settings)
    client = connect(settings.clickhouse, wait_s=3)
    try:
        yield client
    except LineageError as error:
        _end(str(error), FOUND)
    finally:
        client.close()


def _tell(made: Switch, json: bool) -> None:
    from dataclasses import asdict

    from stream.references.times import moment

    if json:
        typer.echo(json_.dumps(asdict(made)))
    elif made.lineage:
        span = f"{moment(made.from_ms)} to {moment(made.to_ms)}"
        typer.echo(f"monitor {made.monitor}: views show shadow lineage {made.lineage} for panes from {span}")
        typer.echo(f"To undo it: streamgauge lineages back {made.monitor}")
    else:
        typer.echo(f"monitor {made.monitor}: views show live lineages alone")


def _table(found: list[Lineage]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("lineage", "monitor", "revision", "reference", "kind", "shown", "panes from", "to", "rows", "made"):
        table.add_column(name, justify="right" if name in ("revision", "rows") else "left")
    for one in found:
        kind = "shadow" if one.is_shadow else "live" if one.is_live else "live before"
        kind += f" ({one.state})" if one.state not in ("", "done") else ""
        table.add_row(
            one.lineage, one.monitor, str(one.revision), one.reference[:12] or "none", kind,
            "yes" if one.is_shown else "no", *_span(one), f"{one.rows:,}", _made(one),
        )  # fmt: skip
    Console().print(table)


def _span(one: Lineage) -> tuple[str, str]:
    from stream.references.times import moment

    if not one.pane_s:
        return "-", "-"
    return moment(max(one.from_ms, one.first_ms)), "now" if one.is_live else moment(one.to_ms)


def _made(one: Lineage) -> str:
    from stream.references.times import moment

    return f"{moment(one.made_ms // 1000 * 1000)}{' by ' + one.who if one.who else ''}"


def _end(sentence: str, code: int) -> NoReturn:
    typer.secho(sentence, fg=typer.colors.RED, err=True)
    raise typer.Exit(code)
