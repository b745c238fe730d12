"""``streamgauge worker``: one worker of a fold, for production."""

from __future__ import annotations

from typing import Annotated

import typer

Fold = Annotated[str, typer.Option("--fold", help="intake, score, measure, decide or store.")]
Name = Annotated[str, typer.Option("--name", help="Stable name, if it is started again under the same one.")]
Level = Annotated[str, typer.Option("--log-level", help="debug, info, warning or error.")]


def worker(fold: Fold, name: Name = "", log_level: Level = "info") -> None:
    """Run one worker until SIGTERM or Ctrl-C; several of a fold share its partitions."""
    from stream.worker import main

    named = ["--name", name] if name else []
    raise typer.Exit(main(["--fold", fold, "--log-level", log_level, *named]))
