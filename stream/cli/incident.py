"""``streamgauge incident``: what is open, why, and what a person says of it."""

from __future__ import annotations

import json as json_
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver.client import Client

    from stream.ops.explain_reads import Row

FOUND, USAGE = 1, 2


class Answer(StrEnum):
    """What a person says of an incident."""

    REAL = "real"
    NOT_WORTH = "not-worth"
    FALSE = "false"


Id = Annotated[str, typer.Argument(metavar="ID", help="An incident (INC-…); the begin of its id is enough.")]
Of = Annotated[str, typer.Option("--model", help="Only of this model.")]
All = Annotated[bool, typer.Option("--all", help="Closed ones too.")]
Note = Annotated[str, typer.Option(help="Why, in a sentence.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Said = Annotated[Answer, typer.Argument(help="real; real, and not worth a page; false: nothing was wrong.")]
Fixed = Annotated[bool, typer.Option("--fixed", help="What was wrong is mended.")]
Accepted = Annotated[bool, typer.Option("--accepted", help="It is normal from here on: take a new reference.")]
False_ = Annotated[bool, typer.Option("--false", help="Nothing was wrong.")]

app = typer.Typer(no_args_is_help=True, add_completion=False, help="What is open, why, and what people say of it.")


@app.command()
def ls(model: Of = "", every: All = False, json: Json = False) -> None:
    """List open incidents, pages first, and the false pages so far beside those allowed.

    Exit code 0: none is open, 1: some are.
    """
    from stream.cli import incident_view as view
    from stream.ops import explain_reads, incident_act

    with _client() as client:
        rows = explain_reads.incidents(client, model, is_open=not every, most=200)
        budgets = incident_act.budgets(client, model)
    if json:
        typer.echo(json_.dumps({"incidents": rows, "budgets": budgets}, default=str))
    else:
        typer.echo("\n".join([*view.table(rows), *(view.budget(row) for row in budgets)]))
    raise typer.Exit(FOUND if any(row["is_open"] for row in rows) else 0)


@app.command()
def show(incident: Id, json: Json = False) -> None:
    """Say what happened: how sure, probable causes (bin, segment, producer, first row), verdicts, and events."""
    from stream.cli.explain import incident_answer
    from stream.ops.explain import UnknownError

    with _client() as client:
        try:
            told, lines, _ = incident_answer(client, incident)
        except UnknownError as error:
            _end(str(error), FOUND)
    typer.echo(json_.dumps(told, default=str) if json else "\n".join(lines))


@app.command()
def feedback(incident: Id, answer: Said, note: Note = "", json: Json = False) -> None:
    """Say whether an incident was real. The newest answer counts; the realised rate of false pages follows from it.

    Example: streamgauge incident feedback INC-142 false --note "a test of ours"
    """
    from stream.cli.who import whoami
    from stream.ops import incident_act
    from stream.settings import load

    row = _the_one(incident)
    command = incident_act.feedback(load(), row, answer.value, note, whoami())
    _told(f"{row['id']}: {answer.value}. `streamgauge incident ls` shows the rate of false pages.", command, json)


@app.command()
def resolve(
    incident: Id, fixed: Fixed = False, accepted: Accepted = False, false: False_ = False, note: Note = "",
    json: Json = False,
) -> None:  # fmt: skip
    """End an open incident; the evidence that it rests on begins anew.

    With --fixed and --accepted panes up to the newest row are not judged any more: they may still show it.
    With --accepted a reference is made of the rows since its onset, and put in force. Exit code 1: it is closed, or
    there are too few panes for that; then nothing has changed.
    """
    from stream.cli.who import whoami
    from stream.ops import incident_act
    from stream.settings import load

    ways = [name for name, is_given in (("fixed", fixed), ("accepted", accepted), ("false", false)) if is_given]
    if len(ways) != 1:
        _end("say how: --fixed, --accepted or --false", USAGE)
    row = _the_one(incident)
    try:
        built = _new_reference(row) if accepted else ""
        command = incident_act.resolve(load(), row, ways[0], note, whoami())
    except incident_act.ActionError as error:
        _end(str(error), FOUND)
    _told(f"{row['id']}: resolved as {ways[0]}.{built}", command, json)


def _new_reference(row: Row) -> str:
    """Make a reference of the rows since an incident's onset, and put it in force."""
    from stream.cli.who import whoami
    from stream.ops.incident_act import ActionError, new_normal
    from stream.ops.reference import ReferenceError, build_and_apply
    from stream.settings import load

    if not row["is_open"]:
        raise ActionError(f"{row['id']} is closed: streamgauge reference build {row['monitor']} --from … --to …")
    with _client() as client:
        wanted = new_normal(client, row)
    try:
        built = build_and_apply(load(), str(row["monitor"]), wanted, whoami())
    except ReferenceError as error:
        raise ActionError(str(error)) from error
    return f" Reference {built.sha[:12]} of {built.reference.panes} panes is in force, revision {built.revision}."


def _the_one(begin: str) -> Row:
    from stream.ops import explain_reads
    from stream.ops.controls import require_kafka
    from stream.ops.explain import UnknownError, the_one
    from stream.settings import load

    require_kafka(load())
    with _client() as client:
        try:
            return the_one(explain_reads.incident(client, begin), begin, "incident")
        except UnknownError as error:
            _end(str(error), FOUND)


@contextmanager
def _client() -> Iterator[Client]:
    from stream.ops.reader import reader
    from stream.settings import load

    with reader(load()) as client:
        yield client


def _told(sentence: str, command: dict[str, object], json: bool) -> None:
    typer.echo(json_.dumps(command, default=str) if json else sentence)


def _end(sentence: str, code: int) -> NoReturn:
    typer.secho(sentence, fg=typer.colors.RED, err=True)
    raise typer.Exit(code)
