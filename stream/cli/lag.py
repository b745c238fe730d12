"""``streamgauge lag``: how far behind each fold is."""

from __future__ import annotations

import json as json_
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from stream.ops.lag import Behind

FOUND, USAGE = 1, 2

Fold = Annotated[list[str] | None, typer.Option("--fold", help="Only this fold; may be given several times.")]
Most = Annotated[
    float | None, typer.Option("--max-seconds", min=0, help="Exit code 1 when one is further behind than this.")
]
Each = Annotated[bool, typer.Option("--partitions", help="A line for each partition, not for each topic.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, with each partition.")]


def lag(fold: Fold = None, max_seconds: Most = None, partitions: Each = False, json: Json = False) -> None:
    """Show how many records and how many seconds each fold is behind what it reads.

    Seconds are the age of the next record that the fold will do, 0 when none waits. Example, for an alarm from cron:

        streamgauge lag --max-seconds 60 || mail -s "streamgauge is behind" ops@example.org

    Exit code 0: all well, 1: further behind than --max-seconds, or retention took records before they were read, or no
    worker of intake reads a partition, for which all watermarks wait; 3: Kafka does not answer.
    """
    from dataclasses import asdict

    from stream.ops.controls import require_kafka
    from stream.ops.lag import lag as measure
    from stream.ops.lag import too_far
    from stream.ops.unread import MEND, unread
    from stream.settings import load

    wanted, settings = _known(fold or []), load()
    require_kafka(settings)
    behind = measure(settings, wanted)
    wrong = too_far(behind, float("inf") if max_seconds is None else max_seconds)
    waited = unread(settings) if not wanted or "intake" in wanted else []
    is_ok = not wrong and not waited
    if json:
        lags, left = [asdict(one) for one in behind], [asdict(one) for one in waited]
        typer.echo(json_.dumps({"ok": is_ok, "lag": lags, "unread": left}))
    else:
        _show(behind, partitions)
        for sentence in [*map(_sentence, wrong), *(f"{one}; {MEND}" for one in waited)]:
            typer.secho(sentence, fg=typer.colors.RED, err=True)
    raise typer.Exit(0 if is_ok else FOUND)


def _known(folds: list[str]) -> list[str]:
    from stream.topology import WIRING

    for fold in folds:
        if fold not in WIRING:
            typer.secho(f"there is no fold {fold!r}; there are {', '.join(WIRING)}", fg=typer.colors.RED, err=True)
            raise typer.Exit(USAGE)
    return folds


def _show(behind: Sequence[Behind], each: bool) -> None:
    from rich.console import Console

    Console().print(_by_partition(behind) if each else _by_topic(behind))


def _by_topic(behind: Sequence[Behind]) -> Table:
    from stream.ops.lag import summaries

    table = _table("fold", "topic", "partitions", "records behind", "seconds behind")
    for one in summaries(behind):
        table.add_row(one.fold, one.topic, str(one.partitions), f"{one.records:,}", seconds(one.seconds))
    return table


def _by_partition(behind: Sequence[Behind]) -> Table:
    table = _table("fold", "topic", "partition", "position", "end", "records behind", "seconds behind")
    for one in behind:
        numbers = (f"{one.partition}", f"{one.position}", f"{one.end}", f"{one.records:,}")
        table.add_row(one.fold, one.topic, *numbers, seconds(one.seconds))
    return table


def _table(*titles: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, justify="left" if title in ("fold", "topic") else "right")
    return table


def seconds(value: float | None) -> str:
    """Return seconds for people.

    >>> seconds(0.0), seconds(1.234), seconds(None)
    ('0', '1.2', 'unknown')
    """
    return "unknown" if value is None else "0" if value == 0 else f"{value:,.1f}"


def _sentence(one: Behind) -> str:
    where = f"{one.fold}, {one.topic}/{one.partition}"
    if one.lost:
        return (
            f"{where}: retention took {one.lost:,} records before they were read; raise the topic's retention.ms, and "
            "see `streamgauge audit` and the view conservation for what it means"
        )
    if one.seconds is None:
        return f"{where}: {one.records:,} records wait, but the first of them could not be read in time"
    return f"{where}: {one.seconds:,.1f} s behind ({one.records:,} records); is its worker up (`streamgauge status`)?"
