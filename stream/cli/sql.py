"""``streamgauge sql``: ask ClickHouse as the user that only reads."""

from __future__ import annotations

import asyncio
import json as _json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clickhouse_connect.driver.query import QueryResult

Statement = Annotated[str, typer.Argument(help="One statement; - reads it from standard input.")]
Json = Annotated[bool, typer.Option("--json", help="Print a list of objects, one for each row.")]


def sql(statement: Statement, json: Json = False) -> None:
    """Run a read-only statement and print its rows. Exit code 1: refused by ClickHouse, 3: not reachable."""
    from clickhouse_connect.driver.exceptions import DatabaseError  # noqa: PLC0415 - slow imports

    try:
        result = _ask(sys.stdin.read() if statement == "-" else statement)
    except DatabaseError as error:
        typer.secho(_first_sentence(str(error)), fg=typer.colors.RED, err=True)
        raise typer.Exit(1) from None
    if json:
        rows = [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]
        typer.echo(_json.dumps(rows, default=str))
    else:
        _print(result.column_names, result.result_rows)


def _ask(statement: str) -> QueryResult:
    from stream.clickhouse.client import connect  # noqa: PLC0415
    from stream.local.addresses import clickhouse_address  # noqa: PLC0415
    from stream.local.clickhouse.local import answers  # noqa: PLC0415
    from stream.local.errors import LocalError  # noqa: PLC0415
    from stream.settings import load  # noqa: PLC0415

    settings = load()
    given = settings.clickhouse
    if given.url.startswith("http:") and not asyncio.run(answers(*clickhouse_address(settings))):
        raise LocalError(f"ClickHouse does not answer at {given.url}.", "Start it with `streamgauge up`.")
    client = connect(given.model_copy(update={"user": given.reader, "password": given.reader_password}), wait_s=2)
    try:
        result = client.query(statement)
        _ = result.result_rows  # read to the end while the connection is open
    finally:
        client.close()
    return result


def _print(names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for position, name in enumerate(names):
        number = bool(rows) and isinstance(rows[0][position], int | float)
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    Console(soft_wrap=not sys.stdout.isatty()).print(table, highlight=False, markup=False)


def _first_sentence(error: str) -> str:
    """Return what ClickHouse said, without the client's frame around it."""
    _, _, said = error.partition("server response: ")
    return (said or error).partition(" (for url")[0].strip()
