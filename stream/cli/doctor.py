"""``streamgauge doctor``: what is wrong with this installation, and the mend of each fault."""

from __future__ import annotations

import json as _json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

FOUND, UNREACHABLE = 1, 3

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def doctor(json: Json = False) -> None:
    """Look at Python, Java, jars, disk, ports, Kafka and ClickHouse; a line for each, with the mend.

    Exit code 0: all well, 1: something is wrong, 3: all well but Kafka or ClickHouse does not answer.
    """
    from stream.ops.doctor import examine
    from stream.settings import load

    checks = examine(load())
    if json:
        typer.echo(_json.dumps({"ok": all(it.ok for it in checks), "checks": [asdict(it) for it in checks]}))
    else:
        console = Console()
        for it in checks:
            mark, style = ("✓", "green") if it.ok else ("✗", "red")
            mend = "" if it.ok else f". {it.mend}"
            console.print(Text.assemble((mark, style), f" {it.name}: {it.found.rstrip('.')}{mend}"))
    wrong = [it for it in checks if not it.ok]
    if wrong:
        raise typer.Exit(UNREACHABLE if all(it.reaches for it in wrong) else FOUND)
