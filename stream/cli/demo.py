"""``streamgauge demo``: the whole loop on a year of real flights."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import streamgauge
import typer
from rich.console import Console

from stream.errors import StreamgaugeError

Exit = Annotated[bool, typer.Option("--exit", help="Stop everything after the report, also in a terminal.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write what was found to this file, as JSON.")]
Days = Annotated[int, typer.Option("--days", hidden=True, min=1, help="Replay only the first days.")]
Seed = Annotated[int | None, typer.Option("--chaos", hidden=True, help="Kill each worker once; a seed.")]


def demo(exit_: Exit = False, json: Json = None, days: Days = 366, chaos: Seed = None) -> None:
    """Replay a year of real flights through the whole loop, and say what it found.

    Starts Kafka, ClickHouse and all workers on this machine, with data in the folder ``demo`` of the home folder,
    which each demo begins anew. Exit code 0 only if every event is accounted for and the audit finds no difference.
    """
    console = Console()
    try:
        with _terminated_as_by_hand():
            is_sound = _run(console, stays=console.is_terminal and not exit_, json=json, days=days, chaos=chaos)
    except streamgauge.StreamgaugeError as error:  # of the producer: the contract knows no server
        raise StreamgaugeError(str(error)) from error
    except KeyboardInterrupt:
        typer.echo("Stopped before the end.", err=True)
        raise typer.Exit(130) from None
    raise typer.Exit(0 if is_sound else 1)


def _run(console: Console, *, stays: bool, json: Path | None, days: int, chaos: int | None) -> bool:
    """Run the demo and report; return whether what it found is sound."""
    from dataclasses import replace

    from stream.demo import report
    from stream.demo.run import Options, demo
    from stream.settings import load

    with demo(load(), Options(days, chaos), console) as (found, place):
        if json is not None:
            json.write_text(found.as_json())
        report.write(found, replace(place, is_up=stays), console)
        if stays:
            console.print("\nEverything stays up until you press Ctrl-C.", style="bold")
            _until_interrupted()
    return found.is_sound


def _until_interrupted() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return


@contextmanager
def _terminated_as_by_hand() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the demo as Ctrl-C does: all parts stop in order."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
