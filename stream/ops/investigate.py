"""A second opinion on what was flagged: raw rows out of ClickHouse through alibi-detect's tests, stored beside ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.artifact import SERVED
from stream.clickhouse.client import connect
from stream.ops.flagged import Flagged, InvestigateError, of_incident, of_pane
from stream.ops.investigations import Investigation, keep, new_id
from stream.ops.opinion import Opinion, Pair, library
from stream.ops.reader import require_clickhouse
from stream.ops.reference_sources import InFile, found
from stream.ops.reference_stored import of_event_time, stored_rows
from stream.ops.references import kept
from stream.ops.second_opinion import opinions
from stream.references.rows import Rows
from stream.references.times import moment

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from stream.settings import Settings

ENOUGH = 0.5
"""Share of the reference's rows that must still be in ClickHouse: what is left of fewer need not be like the rest."""

Ask = Callable[[Pair, Sequence[str], Sequence[str]], Iterator[Opinion]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What to investigate: an incident, or a feature of a model in a pane.

    Attributes
    ----------
    features
        Those to look at; none: the incident's own.
    at_ms
        An instant in the pane, event time.
    tests
        Names as in `stream.ops.second_opinion.TESTS`.
    reference
        A file with the reference's rows, if they are not in ClickHouse.
    """

    tests: Sequence[str]
    incident: str = ""
    model: str = ""
    features: Sequence[str] = ()
    at_ms: int = 0
    reference: Path | None = None


def investigate(settings: Settings, asked: Asked, now_ms: int, who: str, ask: Ask = opinions) -> Investigation:
    """Return what alibi-detect says of the raw rows that were flagged; it is stored too.

    Parameters
    ----------
    now_ms, who
        When, epoch milliseconds, and who asks: kept with the answer.
    ask
        Who is asked; another one in tests.

    Raises
    ------
    NotInstalledError
        Without alibi-detect.
    InvestigateError
        If there is no such incident or pane, or rows are missing.
    LocalError
        If ClickHouse does not answer.
    """
    name = library() if ask is opinions else "test"
    require_clickhouse(settings)
    with closing(connect(settings.clickhouse)) as client:
        flagged = _flagged(client, asked)
        window = stored_rows(client, flagged.spec, of_event_time(flagged.from_ms, flagged.to_ms))
        if not len(window):
            span = f"{moment(flagged.from_ms)} to {moment(flagged.to_ms)}"
            raise InvestigateError(
                f"no row of model {flagged.spec.model!r} is in ClickHouse for {span}: were they dropped?"
            )
        reference = _reference(settings, client, flagged, asked.reference)
        said = tuple(ask(_pair(flagged, reference, window), flagged.features, asked.tests))
        done = Investigation(new_id(flagged, now_ms), now_ms, who, name, flagged, len(reference), len(window), said)
        keep(client, done)
    return done


def _flagged(client: Client, asked: Asked) -> Flagged:
    if asked.incident:
        return of_incident(client, asked.incident, asked.features)
    return of_pane(client, asked.model, asked.features[0], asked.at_ms)


def _reference(settings: Settings, client: Client, flagged: Flagged, file: Path | None) -> Rows:
    """Return the rows that the reference was made of."""
    if file is not None:
        return found(settings, flagged.spec, InFile(file)).rows
    made = next((one for one in kept(settings) if one.sha == flagged.reference), None)
    if made is None or made.reference is None:
        why = "is not in topic specs any more" if made is None else made.problem
        raise InvestigateError(f"the reference {flagged.reference[:12]} {why}: give its rows by --reference FILE")
    artifact = made.reference
    rows = stored_rows(client, flagged.spec, of_event_time(artifact.from_ms, artifact.to_ms))
    if len(rows) < ENOUGH * artifact.rows:
        raise InvestigateError(
            f"of the {artifact.rows:,} rows of the reference ({artifact.origin.said or artifact.origin.kind}) "
            f"ClickHouse has {len(rows):,}: give them by --reference FILE"
        )
    return rows


def _pair(flagged: Flagged, reference: Rows, window: Rows) -> Pair:
    spec, answer = flagged.spec, SERVED[flagged.spec.task]
    kinds: dict[str, str] = {name: feature.type for name, feature in spec.features.items()}
    kinds[answer] = "category" if spec.task == "multiclass" else "number"
    sides = [{**rows.columns, answer: rows.served} for rows in (reference, window)]
    return Pair(kinds, sides[0], sides[1], tuple(spec.features))
