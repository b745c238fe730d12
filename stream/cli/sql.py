"""``streamgauge sql``: ask ClickHouse as the user that only reads."""

from __future__ import annotations

import json as _json
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clickhouse_connect.driver.query import QueryResult
    from rich.console import Console
    from rich.table import Table

Statement = Annotated[str, typer.Argument(help="One statement; - reads it from standard input.")]
Json = Annotated[bool, typer.Option("--json", help="Print a list of objects, one for each row.")]


def sql(statement: Statement, json: Json = False) -> None:
    r"""Run a read-only statement and print its rows. Exit code 1: refused by ClickHouse, 3: not reachable.

    In a terminal a table, or one column a line where the table is wider than the screen; else tab-separated
    values with a header, tabs and newlines in texts written as ClickHouse does, NULL as \N.
    """
    asked = sys.stdin.read() if statement == "-" else statement
    if not asked.strip(" \t\r\n;"):
        typer.secho('The statement is empty. Write one, as in "SHOW TABLES".', fg=typer.colors.RED, err=True)
        raise typer.Exit(2)
    from clickhouse_connect.driver.exceptions import DatabaseError

    try:
        result = _ask(asked)
    except DatabaseError as error:
        typer.secho(_first_sentence(str(error)), fg=typer.colors.RED, err=True)
        raise typer.Exit(1) from None
    if json:
        rows = [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]
        typer.echo(_json.dumps(rows, default=str))
    else:
        _print(result.column_names, result.result_rows)


def _ask(statement: str) -> QueryResult:
    from stream.ops.reader import reader
    from stream.settings import load

    with reader(load()) as client:
        result = client.query(statement)
        _ = result.result_rows  # read to the end while the connection is open
        return result


def _print(names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows in the form that suits where they go."""
    if not sys.stdout.isatty():
        typer.echo(tab_separated(names, rows))
        return
    from rich.console import Console

    show(Console(), names, rows)


def tab_separated(names: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    r"""Return a header and a line for each row, escaped as ClickHouse's TabSeparatedWithNames.

    >>> tab_separated(["a", "b"], [[1, None], ["x\ty", ""]]).splitlines()
    ['a\tb', '1\t\\N', 'x\\ty\t']
    """
    return "\n".join("\t".join(map(_cell, row)) for row in [names, *rows])


def _cell(value: object) -> str:
    return "\\N" if value is None else str(value).translate(_ESCAPES)


_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def show(console: Console, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table, or one column a line where the table is wider than the screen."""
    from rich.measure import Measurement

    table = _table(names, rows)
    whole = Measurement.get(console, console.options.update(width=_ANY_WIDTH), table).maximum
    if whole <= console.width or not rows:
        console.print(table)
        return
    widest = max(map(len, names))
    for number, row in enumerate(rows, start=1):
        console.rule(f"row {number}", align="left", style="dim")
        for name, value in zip(names, row, strict=True):
            console.print(Text.assemble((f"{name:>{widest}}", "bold"), "  ", _shown(value)), soft_wrap=True)


def _table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for position, name in enumerate(names):
        number = bool(rows) and isinstance(rows[0][position], int | float)
        table.add_column(Text(name), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(value)) for value in row))
    return table


def _shown(value: object) -> str:
    return "" if value is None else str(value)


_ANY_WIDTH = 1_000_000


def _first_sentence(error: str) -> str:
    """Return what ClickHouse said, without the client's frame around it."""
    _, _, said = error.partition("server response: ")
    return (said or error).partition(" (for url")[0].strip()
