"""Dead letters, retries and discards as text and as JSON."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stream.ops.deadletters import Found, Listing, Original
from stream.ops.discard import Cut
from stream.ops.retry import Outcome


def letter_object(one: Found) -> dict[str, object]:
    """Return a letter as JSON has it."""
    told = msgspec.structs.asdict(one.letter) | {"id": one.letter.id, "sent_as": one.sent_as}
    del told["retried"]
    return told | {"letter": f"{one.partition}/{one.position}"}


def original_object(original: Original | None) -> dict[str, object] | None:
    """Return a record as JSON has it: texts, or base64 of what is no text."""
    if original is None:
        return None
    record = original.record
    headers = [[name, _text(value)] for name, value in record.headers]
    told = {"position": record.position, "at_ms": record.append_ms, "is_same": original.is_same, "headers": headers}
    return told | {"key": _text(record.key), "value": _text(record.value)}


def _text(value: bytes) -> str | dict[str, str]:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(value).decode()}


def outcome_object(one: Outcome) -> dict[str, str]:
    """Return what became of a letter as JSON has it."""
    return {"id": one.id, "fate": str(one.fate), "sent_as": one.sent_as, "why": one.why}


def counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return how many had each fate, the most frequent first."""
    return dict(Counter(str(one.fate) for one in outcomes).most_common())


def show_listing(listing: Listing) -> None:
    """Print a table of letters, and how many there are by reason."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("id", "stored", "reason", "model", "producer", "what"):
        table.add_column(title, overflow="fold")
    for one in listing.found:
        letter = one.letter
        what = " ".join(part for part in (letter.message, letter.hint, one.sent_as and f"→ {one.sent_as}") if part)
        cells = (letter.id, _when(letter.at_ms), letter.reason, letter.model, letter.source, what)
        table.add_row(*map(Text, cells))
    if listing.found:
        Console().print(table)
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in listing.reasons.items())
    typer.echo(f"{listing.total:,} dead letters{': ' if reasons else '.'}{reasons}")
    if listing.unreadable:
        typer.echo(f"{listing.unreadable:,} records of the topic are no letters.")


def show_letter(one: Found) -> None:
    """Print a letter whole."""
    letter = one.letter
    lines = {
        "id": letter.id, "letter": f"dead-letters/{one.partition}/{one.position}", "stored": _when(letter.at_ms),
        "reason": letter.reason, "field": letter.field, "message": letter.message, "hint": letter.hint,
        "model": letter.model, "producer": letter.source, "size": f"{letter.size} bytes",
        "sent again as": one.sent_as, "excerpt": letter.excerpt,
    }  # fmt: skip
    for name, value in lines.items():
        if value:
            typer.echo(f"{name:>13}  {value}")


def show_original(original: Original | None) -> None:
    """Print the record that a letter is about."""
    if original is None:
        typer.echo("The record itself is not kept any more; the excerpt is all there is.")
        return
    record = original.record
    if not original.is_same:
        typer.echo("The topic was made again since: this is another record at the same place.")
    for name, value in (("key", record.key), *record.headers):
        typer.echo(f"{name:>13}  {value.decode('utf-8', 'backslashreplace')}")
    typer.echo(f"{'record':>13}  {record.value.decode('utf-8', 'backslashreplace')}")


def show_cuts(cuts: Sequence[Cut]) -> None:
    """Print what would be deleted."""
    for cut in cuts:
        stays = f"; {cut.not_stored:,} more stay until ClickHouse has them" if cut.not_stored else ""
        typer.echo(f"partition {cut.partition}: {cut.records:,} records, before offset {cut.before}{stays}")


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at_ms else ""
