"""``streamgauge query``: the documented queries."""

from __future__ import annotations

import csv
import json as json_
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from stream.clickhouse.queries import Query

FOUND, USAGE = 1, 2

Name = Annotated[str, typer.Argument(help="Name of a query; ls lists them.")]
Given = Annotated[list[str] | None, typer.Argument(metavar="PARAMETER=VALUE", help="As model=flight-delay.")]
Json = Annotated[bool, typer.Option("--json", help="Print a list of objects, one for each row.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values with a header.")]


def query(name: Name, given: Given = None, json: Json = False, as_csv: Csv = False) -> None:
    """Answer a documented question from ClickHouse, read-only.

    Example: streamgauge query drift_top model=flight-delay from=2013-05-01

    `streamgauge query ls` lists the questions with their parameters; those without a default must be given. Times are
    UTC. Exit code 0: answered, be it without rows, 1: refused by ClickHouse, 2: wrong query or parameter,
    3: ClickHouse does not answer.
    """
    if json and as_csv:
        _end("give --json or --csv, not both", USAGE)
    if name == "ls":
        _list(json, as_csv)
        return
    from clickhouse_connect.driver.exceptions import DatabaseError

    from stream.clickhouse.client import first_line

    try:
        table = _ask(name, _arguments(given or []))
    except ValueError as error:
        _end(f"{error}; see `streamgauge query ls`", USAGE)
    except DatabaseError as error:
        _end(first_line(error), FOUND)
    _print(table.column_names, [list(row.values()) for row in table.to_pylist()], json=json, is_csv=as_csv)


def _ask(name: str, arguments: dict[str, str]) -> pa.Table:
    from stream.clickhouse.queries import check, run
    from stream.ops.reader import reader
    from stream.settings import load

    check(name, arguments)
    with reader(load()) as client:
        return run(client, name, arguments)


def _arguments(given: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    wrong = next((name for name, sign, _ in pairs if not sign), None)
    if wrong is not None:
        raise ValueError(f"a parameter is written NAME=VALUE, got {wrong!r}")
    return {name.removeprefix("--"): value for name, _, value in pairs}


def _list(json: bool, is_csv: bool) -> None:
    from stream.clickhouse.queries import QUERIES

    if json:
        listed = [
            {
                "name": query.name,
                "question": query.question,
                "parameters": {
                    name: {"meaning": it.meaning, "default": it.default} for name, it in query.parameters.items()
                },
            }
            for query in QUERIES.values()
        ]
        typer.echo(json_.dumps(listed))
        return
    rows = [[query.name, query.question, _parameters(query)] for query in QUERIES.values()]
    _print(["name", "question", "parameters"], rows, json=False, is_csv=is_csv)


def _parameters(query: Query) -> str:
    """Return the names of parameters, those with a default in brackets."""
    return ", ".join(name if it.default is None else f"[{name}]" for name, it in query.parameters.items())


def _print(names: Sequence[str], rows: Sequence[Sequence[object]], *, json: bool, is_csv: bool) -> None:
    if json:
        typer.echo(json_.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str))
    elif is_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([names, *rows])
    elif sys.stdout.isatty():
        from rich.console import Console

        from stream.cli.sql import show

        show(Console(), names, rows)
    else:
        from stream.cli.sql import tab_separated

        typer.echo(tab_separated(names, rows))


def _end(sentence: str, code: int) -> NoReturn:
    typer.secho(sentence, fg=typer.colors.RED, err=True)
    raise typer.Exit(code)
