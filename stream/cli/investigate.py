"""``streamgauge investigate``: a second opinion on what was flagged, from raw rows."""

from __future__ import annotations

import json as json_
import math
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from stream.ops.flagged import Ours
    from stream.ops.investigate import Asked
    from stream.ops.investigations import Investigation
    from stream.ops.opinion import Opinion

FOUND, USAGE = 1, 2
_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]

Incident = Annotated[str, typer.Argument(metavar="[INCIDENT]", help="An incident's id, or the begin of it.")]
Model = Annotated[str, typer.Option(help="A model, instead of an incident.")]
Feature = Annotated[list[str], typer.Option(help="A feature to look at; of an incident without it, its own.")]
Pane = Annotated[datetime | None, typer.Option(formats=_FORMATS, help="An instant in the pane, event time, UTC.")]
Tests = Annotated[str, typer.Option(help="Which tests, with commas; all: also the online ones.")]
Reference = Annotated[
    Path | None, typer.Option(help="The reference's rows in a file, if they are not in ClickHouse.", exists=True)
]
Json = Annotated[Path | None, typer.Option("--json", help="Write the result here as JSON; - for stdout alone.")]


def investigate(
    incident: Incident = "", model: Model = "", feature: Feature = [], pane: Pane = None,  # noqa: B006
    tests: Tests = "", reference: Reference = None, json: Json = None,
) -> None:  # fmt: skip
    """Ask alibi-detect about the raw rows of flagged panes, show what it says beside our verdict, and store both.

    Tests: ks, cvm, chi2, fet of each feature; tabular, classifier, mahalanobis, iforest of all inputs together;
    cvm_online and fet_online only if they are named. alibi-detect is an extra of its own (Business Source License 1.1:
    not for production): `make alibi`. Answers stay in view `investigations`.

    Exit code 1: there is nothing to investigate; the sentence says why.
    Examples: streamgauge investigate INC-3f9a
    streamgauge investigate --model flight-delay --feature distance --pane 2013-11-17T15:00 --tests ks,cvm
    """
    from stream.cli.who import whoami
    from stream.ops.flagged import InvestigateError
    from stream.ops.investigate import investigate as ask
    from stream.references.errors import ReferenceError
    from stream.settings import load

    asked = _asked(incident, model, feature, pane, tests, reference)
    if json is not None and not json.parent.is_dir():
        _end(f"--json {json}: cannot be written: there is no folder {json.parent}", USAGE)
    try:
        done = ask(load(), asked, time.time_ns() // 1_000_000, whoami())
    except (InvestigateError, ReferenceError) as error:
        _end(str(error), FOUND)
    _tell(done, json)


def _tell(done: Investigation, json: Path | None) -> None:
    text = json_.dumps(to_json(done), allow_nan=False)
    if json == Path("-"):
        typer.echo(text)
        return
    if json is not None:
        json.write_text(text + "\n")
    from rich.console import Console

    console = Console(highlight=False)
    for line in _head(done):
        console.print(line, markup=False)
    console.print(_table(done))
    for line in _last(done):
        console.print(line, markup=False)


def _asked(
    incident: str, model: str, features: list[str], pane: datetime | None, tests: str, reference: Path | None
) -> Asked:
    from stream.ops.investigate import Asked

    if incident and (model or pane):
        _end("give an incident, or --model, --feature and --pane; not both", USAGE)
    if not incident and not (model and features and pane):
        _end("which one? Give an incident's id, or --model, --feature and --pane", USAGE)
    if pane is not None and len(features) > 1:
        _end("--feature: one with --pane, since each verdict has a window of its own; of an incident several", USAGE)
    at_ms = 0 if pane is None else round(pane.replace(tzinfo=UTC).timestamp() * 1000)
    return Asked(_tests(tests), incident, model, tuple(features), at_ms, reference)


def _tests(text: str) -> tuple[str, ...]:
    from streamgauge.mend import closest

    from stream.ops.second_opinion import TESTS, USUAL

    if text in ("", "all"):
        return TESTS if text else USUAL
    wanted = tuple(name.strip() for name in text.split(","))
    for name in wanted:
        if name not in TESTS:
            _end(
                f"--tests {name}: no such test: {closest(name, TESTS)} ({', '.join(TESTS)})".replace(":  (", ": ("),
                USAGE,
            )
    return wanted


def _head(done: Investigation) -> list[str]:
    from stream.references.times import moment

    flagged = done.flagged
    return [
        f"{flagged.incident} {flagged.title}".strip(),
        f"window: {done.rows:,} rows of {moment(flagged.from_ms)} to {moment(flagged.to_ms)}; "
        f"reference: {done.reference_rows:,} rows ({flagged.reference[:12]})",
        *(f"ours: {one.reason}" for one in flagged.ours.values()),
        *(f"ours: {name}: no verdict in that time" for name in flagged.features if name not in flagged.ours),
        "",
    ]


def _table(done: Investigation) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, justify in (("feature", "left"), ("test", "left"), ("statistic", "right"), ("p", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for name in ("finds", "ours", "note"):
        table.add_column(name)
    for each in done.opinions:
        finds = {None: "–", True: "a change", False: "none"}[each.finds]
        cells = (each.feature or "all inputs", each.test, _figure(each.statistic), _figure(each.p))
        table.add_row(*cells, finds, _ours(done.ours(each)), each.note or each.unit)
    return table


def _figure(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"


def _ours(ours: Ours | None) -> str:
    """Return our verdict in short: how sure, and how much."""
    if ours is None or ours.evidence_days is None:
        return "" if ours is None else ours.status
    much = "" if ours.effect is None else f", {ours.effect_name} {ours.effect:.3g} (floor {ours.floor or math.nan:.3g})"
    return f"{ours.status}: {ours.evidence_days:.3g} d{much}"


def _last(done: Investigation) -> list[str]:
    from stream.ops.opinion import LICENCE

    made = sum(each.finds is not None for each in done.opinions)
    return [
        "",
        f"{done.library} finds a change in {len(done.finding)} of {made} tests, at its own level of .05. It takes rows "
        "as independent, and of many rows it finds what is too small to matter: read it beside ours.",
        f"Kept in view investigations, id {done.id}.",
        LICENCE,
    ]


def to_json(done: Investigation) -> dict[str, object]:
    """Return an investigation as one JSON object; what is not defined is null."""
    from stream.ops.opinion import LICENCE
    from stream.references.times import moment

    flagged = done.flagged
    return {
        "id": done.id,
        "incident": flagged.incident or None,
        "title": flagged.title,
        "model": flagged.spec.model,
        "monitor": flagged.spec.monitor,
        "lineage": flagged.lineage,
        "reference": flagged.reference,
        "from": moment(flagged.from_ms),
        "to": moment(flagged.to_ms),
        "rows": done.rows,
        "reference_rows": done.reference_rows,
        "library": done.library,
        "licence": LICENCE,
        "ours": [_plain(one) for one in flagged.ours.values()],
        "theirs": [_plain(one) for one in done.opinions],
    }


def _plain(one: Ours | Opinion) -> dict[str, object]:
    values = {name: getattr(one, name) for name in one.__dataclass_fields__}
    return {name: None if isinstance(x, float) and not math.isfinite(x) else x for name, x in values.items()}


def _end(sentence: str, code: int) -> NoReturn:
    typer.secho(sentence, fg=typer.colors.RED, err=True)
    raise typer.Exit(code)
