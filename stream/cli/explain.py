"""``streamgauge explain``: why there was an alarm, or why there was none."""

from __future__ import annotations

import json as json_
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

FOUND, USAGE = 1, 2

Words = Annotated[
    list[str],
    typer.Argument(metavar="ID | MODEL [FEATURE|METRIC]", help="A verdict (vd-…), an incident (INC-…), or a model."),
]
_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]
At = Annotated[datetime | None, typer.Option("--at", formats=_FORMATS, help="The newest pane then, event time, UTC.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def explain(words: Words, at: At = None, json: Json = False) -> None:
    """Say why there was an alarm, or why there was none: how sure, how much, and what it would have taken.

    Of an id its begin is enough. With a model and a feature, a metric or a kind (volume, no-data …): the newest verdict
    on it, also one that raised nothing. With a model alone: the newest verdict on each. All figures are as stored.
    Examples: streamgauge explain vd-7f3a · streamgauge explain flight-delay distance --at 2026-11-17T15:00

    Exit code 1: nothing is known by that name, 3: ClickHouse does not answer.
    """
    from stream.ops.explain import UnknownError
    from stream.ops.reader import reader
    from stream.settings import load

    if len(words) > 2:
        _end("give an id, or a model and a feature or metric; quote a name with spaces", USAGE)
    at_ms = None if at is None else int(at.replace(tzinfo=UTC).timestamp() * 1_000)
    with reader(load()) as client:
        try:
            told, lines, code = _answer(client, words, at_ms)
        except UnknownError as error:
            _end(str(error), FOUND)
    typer.echo(json_.dumps(told, default=str) if json else "\n".join(lines))
    raise typer.Exit(code)


Answer = tuple[dict[str, object], list[str], int]
"""The JSON form, the lines for people, and the exit code."""


def _answer(client: Client, words: list[str], at_ms: int | None) -> Answer:
    from dataclasses import asdict

    from stream.cli import explain_view as view
    from stream.ops import explain

    upto = explain.NOW_MS if at_ms is None else at_ms
    if len(words) == 1 and words[0].startswith("vd-"):
        found = explain.verdict(client, words[0])
        return {"found": "verdict", **asdict(found)}, view.verdict(found), 0
    if len(words) == 1 and words[0].startswith("INC-"):
        return incident_answer(client, words[0])
    if len(words) == 1:
        return _overview(client, words[0], upto)
    told = explain.target(client, words[0], words[1], upto)
    if isinstance(told, explain.Silence):
        return {"found": "", **asdict(told)}, view.silence(told), FOUND
    return {"found": "verdict", **asdict(told)}, view.verdict(told), 0


def incident_answer(client: Client, begin: str) -> Answer:
    """Return an incident with its probable causes."""
    from dataclasses import asdict

    from stream.cli import explain_view as view
    from stream.ops import blame, blame_moved, incident

    one = incident.incident(client, begin)
    causes, together = blame.of_incident(client, one), blame_moved.of_incident(client, one)
    moved = [] if together is None else [each._asdict() for each in together.compared.moved]
    told = {"found": "incident", **asdict(one), "causes": [asdict(cause) for cause in causes], "moved": moved}
    return told, view.incident(one, causes, "" if together is None else together.sentence), 0


def _overview(client: Client, model: str, upto_ms: int) -> Answer:
    """Return the newest verdict on each target of a model."""
    from dataclasses import asdict

    from stream.cli import explain_view as view
    from stream.ops import explain, explain_reads

    rows = explain_reads.newest_verdicts(client, model, upto_ms)
    if rows:
        return {"found": "verdicts", "model": model, "verdicts": rows}, view.overview(rows), 0
    told = explain.silence(client, model, "drift", upto_ms)
    return {"found": "", **asdict(told)}, view.silence(told), FOUND


def _end(sentence: str, code: int) -> NoReturn:
    typer.secho(sentence, fg=typer.colors.RED, err=True)
    raise typer.Exit(code)
