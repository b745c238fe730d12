"""``streamgauge up``, ``down`` and ``status``: everything on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json as _json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from stream.cli.board import Board, parts_table
from stream.local.errors import LocalError
from stream.local.stack import Stack
from stream.local.state import read_state, supervisor_pid
from stream.settings import Settings, load

POLL_S = 0.1
STOP_S = 120.0
FOUND, UNREACHABLE = 1, 3

Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return when all is ready; `down` ends it.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def up(detach: Detach = False) -> None:
    """Start Kafka, ClickHouse and all workers on this machine; Ctrl-C stops them.

    What runs already elsewhere is used instead where the settings say so (`STREAMGAUGE_KAFKA__EXTERNAL`,
    `STREAMGAUGE_CLICKHOUSE__EXTERNAL`). Data stay in the home folder.
    """
    settings, console = load(), Console()
    if detach:
        _detached(settings, console)
        return
    try:
        asyncio.run(_attached(settings, console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Stopped.")


def down(json: Json = False) -> None:
    """Stop what `up` has started in this home folder."""
    settings, console = load(), Console()
    pid = supervisor_pid(settings.home)
    if pid:
        _end(settings.home, pid)
    if json:
        typer.echo(_json.dumps({"home": str(settings.home.absolute()), "stopped": pid}))
    else:
        console.print("Stopped." if pid else _nothing(settings.home), highlight=False, soft_wrap=True)


def status(json: Json = False) -> None:
    """Show the parts of this home folder. Exit code 0: all ready, 1: not all, 3: nothing runs."""
    settings, console = load(), Console()
    state = read_state(settings.home)
    if json:
        parts = [asdict(part) for part in state.parts]
        told = {"home": str(settings.home.absolute()), "pid": state.pid, "ready": bool(state.pid) and state.ready}
        typer.echo(_json.dumps(told | {"parts": parts}))
    elif state.pid:
        console.print(parts_table(state.parts))
    else:
        sentence = f"{_nothing(settings.home)} `streamgauge up` starts it here."
        console.print(sentence, highlight=False, soft_wrap=True)
    if not state.pid:
        raise typer.Exit(UNREACHABLE)
    if not state.ready:
        raise typer.Exit(FOUND)


def _nothing(home: Path) -> str:
    return f"Nothing runs in {home.absolute()}; set STREAMGAUGE_HOME if it runs elsewhere."


async def _attached(settings: Settings, console: Console) -> None:
    board, showing = Board(console), contextlib.ExitStack()
    with showing:
        showing.enter_context(board.shown())
        async with Stack(settings, progress=board.fetched, watch=board.changed) as stack:
            showing.close()  # the table has shown what it is for
            await _serve(stack, settings, console)


async def _serve(stack: Stack, settings: Settings, console: Console) -> None:
    _addresses(settings, console)
    console.print("Ctrl-C stops everything.")
    await stack.forever()


def _detached(settings: Settings, console: Console) -> None:
    log = settings.home / "logs" / "supervisor.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "stream.cli.main", "up"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    board = Board(console)
    with board.shown():
        _follow(supervisor, settings.home, board, log)
    _addresses(settings, console)
    console.print("`streamgauge down` stops everything.")


def _follow(supervisor: subprocess.Popen[bytes], home: Path, board: Board, log: Path) -> None:
    """Show the parts until all are ready; raise what the supervisor said last when it ends before."""
    while not (state := read_state(home)).ready or state.pid != supervisor.pid:
        if state.pid == supervisor.pid:
            board.show(state.parts)
        if supervisor.poll() is not None:
            said = log.read_text(errors="replace").strip().splitlines() or [f"See {log}."]
            raise LocalError(said[-1], "")
        time.sleep(POLL_S)
    board.show(state.parts)
    supervisor.returncode = 0  # it lives on, and nobody here waits for its end


def _addresses(settings: Settings, console: Console) -> None:
    clickhouse = settings.clickhouse
    console.print(f"Kafka       {settings.kafka.bootstrap}", highlight=False)
    console.print(
        f"ClickHouse  {clickhouse.url}  database {clickhouse.database}, read-only user {clickhouse.reader}",
        highlight=False,
    )
    console.print(f"Data, logs  {settings.home.absolute()}", highlight=False)


def _end(home: Path, pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + STOP_S
    while supervisor_pid(home) == pid:
        if time.monotonic() > end:
            raise LocalError(
                f"Process {pid} has not ended in {STOP_S:.0f} s.", f"`kill -9 {pid}` ends it and all its parts."
            )
        time.sleep(POLL_S)
