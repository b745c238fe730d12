"""``streamgauge dead-letters``: what could not be read, shown, sent again, deleted."""

from __future__ import annotations

import json as json_
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.ops.deadletters import Which
    from stream.settings import Settings

FOUND, USAGE = 1, 2

Reason = Annotated[str, typer.Option(help="Only of this reason, as not-json.")]
Source = Annotated[str, typer.Option("--source", "--producer", help="Only of this producer.")]
Model = Annotated[str, typer.Option(help="Only of this model.")]
Topic = Annotated[str, typer.Option(help="Only of what was read from this topic.")]
Since = Annotated[str, typer.Option(help="Only newer ones, as 90s, 10m, 2h, 7d.")]
Limit = Annotated[int, typer.Option(min=1, help="Show the newest so many.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Id = Annotated[str, typer.Argument(help="TOPIC/PARTITION/OFFSET, or with /LINE, as in the list.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="As in the list; none: all that the options name.")]
Every = Annotated[bool, typer.Option("--all", help="All of them, without any other option.")]
Force = Annotated[bool, typer.Option("--force", help="Send also what would be refused as it was.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Send nothing, say what would be sent.")]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait until it has been read.")]
Older = Annotated[str, typer.Option("--older-than", help="Only what has been there for longer, as 7d.")]
UpTo = Annotated[
    list[str] | None,
    typer.Option("--up-to", metavar="PARTITION/OFFSET", help="Only before this offset of dead-letters; repeatable."),
]
Unstored = Annotated[bool, typer.Option("--unstored", help="Also what ClickHouse does not have yet.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

app = typer.Typer(no_args_is_help=True, add_completion=False, help="What could not be read: look, mend, send again.")


def ls(
    reason: Reason = "", source: Source = "", model: Model = "", topic: Topic = "", since: Since = "",
    limit: Limit = 20, json: Json = False,
) -> None:  # fmt: skip
    """List dead letters, newest last, and count them by reason and producer.

    Example: streamgauge dead-letters ls --since 2h --reason unknown-field
    """
    from stream.cli import letters as shown
    from stream.ops.deadletters import letters

    settings, which = _settings(), _which(reason, source, model, topic, since)
    listing = letters(settings, which, limit)
    if json:
        told: dict[str, object] = {"total": listing.total, "reasons": listing.reasons, "sources": listing.sources}
        told["unreadable"] = listing.unreadable
        _print(told | {"letters": [shown.letter_object(one) for one in listing.found]})
    else:
        shown.show_listing(listing)


def show(an_id: Id, json: Json = False) -> None:
    """Show a dead letter whole, with the record that it is about, read again from its topic.

    Example: streamgauge dead-letters show predictions/2/8114/0. Exit code 1: there is none.
    """
    from stream.cli import letters as shown
    from stream.ops.deadletters import letters, originals

    settings, which = _settings(), _which(ids=[an_id])
    found = letters(settings, which).found
    if not found:
        _end(f"no dead letter {an_id}; `streamgauge dead-letters ls` lists those that are kept", FOUND)
    original = next(iter(originals(settings, [found[0].letter]).values()), None)
    if json:
        _print({"letters": [shown.letter_object(one) for one in found], "original": shown.original_object(original)})
        return
    for one in found:
        shown.show_letter(one)
    shown.show_original(original)


def retry(
    given: Ids = None, reason: Reason = "", source: Source = "", model: Model = "", topic: Topic = "",
    since: Since = "", every: Every = False, force: Force = False, dry_run: Dry = False, wait: Wait = 30.0,
    json: Json = False,
) -> None:  # fmt: skip
    """Send the original events again to the topic where they were, those that would be read now.

    Each is sent once: a later retry knows it. It says how many were accepted. Exit code 1: some were not.

    Example, after an upgrade that reads more: streamgauge dead-letters retry --reason unknown-content-type
    """
    from stream.cli import letters as shown
    from stream.ops.retry import Fate
    from stream.ops.retry import retry as send

    which = _which(reason, source, model, topic, since, given or [])
    if which.is_any != every:
        _end("say which: ids, options, or --all for all of them" if which.is_any else "--all goes alone", USAGE)
    outcomes = send(_settings(), which, force=force, dry_run=dry_run, wait_s=wait)
    fine = {Fate.ACCEPTED, Fate.BEFORE, Fate.WOULD}
    if json:
        _print({"counts": shown.counts(outcomes), "outcomes": [shown.outcome_object(one) for one in outcomes]})
    else:
        for fate, count in shown.counts(outcomes).items():
            typer.echo(f"{count:,} {fate}")
        for one in [one for one in outcomes if one.fate not in fine][:20]:
            typer.echo(f"  {one.id}: {one.fate}. {one.why}")
        if not outcomes:
            typer.echo("No dead letter is like that.")
    raise typer.Exit(FOUND if any(one.fate not in fine for one in outcomes) else 0)


def discard(
    older_than: Older = "", up_to: UpTo = None, every: Every = False, unstored: Unstored = False, yes: Yes = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Delete dead letters from their topic for good; their rows stay in ClickHouse.

    Says how many and asks first. Example: streamgauge dead-letters discard --older-than 7d
    """
    from dataclasses import asdict

    from stream.cli import letters as shown
    from stream.ops.discard import discard as delete
    from stream.ops.discard import plan

    if not (older_than or up_to or every) or (every and (older_than or up_to)):
        _end("say which: --older-than, --up-to, or --all alone", USAGE)
    if json and not yes:
        _end("--json does not ask: give --yes too", USAGE)
    age, ends = _duration("--older-than", older_than), _ends(up_to)
    settings = _settings()
    cuts = plan(settings, older_than_ms=age, up_to=ends, unstored=unstored)
    count = sum(cut.records for cut in cuts)
    if not json:
        shown.show_cuts(cuts)
    if count and not yes:
        typer.confirm(f"Delete {count:,} records for good?", abort=True)
    kept = delete(settings, cuts)
    if json:
        _print({"deleted": count, "partitions": [asdict(cut) | {"kept_from": kept[cut.partition]} for cut in cuts]})
    else:
        typer.echo(f"Deleted {count:,} records.")


_GROUP: tuple[tuple[str, str, Callable[..., None]], ...] = (
    ("ls", "list", ls), ("show", "", show), ("retry", "", retry), ("discard", "purge", discard),
)  # fmt: skip
for _name, _other, _command in _GROUP:
    app.command(_name)(_command)
    if _other:
        app.command(_other, hidden=True)(_command)


def _settings() -> Settings:
    from stream.ops.controls import require_kafka
    from stream.settings import load

    settings = load()
    require_kafka(settings)
    return settings


def _which(
    reason: str = "", source: str = "", model: str = "", topic: str = "", since: str = "", ids: Sequence[str] = ()
) -> Which:
    import time

    from stream.ops.deadletters import Which
    from stream.ops.deadletters import ids as checked

    try:
        known = checked(ids)
    except ValueError as error:
        _end(str(error), USAGE)
    since_ms = time.time_ns() // 1_000_000 - _duration("--since", since) if since else 0
    return Which(known, reason, source, model, topic, since_ms)


def _duration(option: str, text: str) -> int:
    """Return milliseconds, 0 for no text; exit 2 for one that is no length of time."""
    from streamgauge.durations import parse_duration

    try:
        return parse_duration(text) if text else 0
    except ValueError as error:
        _end(f"{option}: {error}", USAGE)


def _ends(up_to: list[str] | None) -> dict[int, int] | None:
    if not up_to:
        return None
    pairs = [one.split("/") for one in up_to]
    wrong = next((one for one, pair in zip(up_to, pairs, strict=True) if len(pair) != 2 or not _numbers(pair)), None)
    if wrong is not None:
        _end(f"--up-to is PARTITION/OFFSET, as 0/1200, got {wrong!r}", USAGE)
    return {int(partition): int(offset) for partition, offset in pairs}


def _numbers(texts: Sequence[str]) -> bool:
    return all(text.isdecimal() for text in texts)


def _print(value: object) -> None:
    typer.echo(json_.dumps(value))


def _end(sentence: str, code: int) -> NoReturn:
    typer.secho(sentence, fg=typer.colors.RED, err=True)
    raise typer.Exit(code)
