"""Named queries on the public views: what analysts ask first, ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from clickhouse_connect.driver.client import Client

FOLDER = Path(__file__).with_name("named")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a query: what it means, and its value if none is given; None if one must be."""

    meaning: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A named query.

    Attributes
    ----------
    question
        What it answers.
    parameters
        By name.
    """

    name: str
    question: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        """The statement, with ``{name:Type}`` where the parameters go."""
        return (FOLDER / f"{self.name}.sql").read_text()


_FROM_TO = {
    "from": Parameter("Begin, event time", "1970-01-01 00:00:00"),
    "to": Parameter("End, event time", "2200-01-01 00:00:00"),
}
_MODEL = {"model": Parameter("Model")}
_METRIC = {"metric": Parameter("Metric", "log_loss")}
_SEGMENT = {
    "segment_key": Parameter("Feature that the segment is by; empty for all rows", ""),
    "segment_value": Parameter("Value of that feature", ""),
}

QUERIES: Mapping[str, Query] = {
    query.name: query
    for query in (
        Query("performance_by_day", "How good was the model each day, and how far are its labels in?",
              _MODEL | _METRIC | _FROM_TO),
        Query("performance_known_then_and_now", "What did we believe then, and what do we know now?",
              _MODEL | _METRIC | {"known": Parameter("Instant then, log clock")} | _FROM_TO),
        Query("drift_top", "Which inputs drifted most?", _MODEL | _FROM_TO),
        Query("retest_slice", "How far are the inputs of any range and segment from the reference?",
              _MODEL | _SEGMENT | _FROM_TO),
        Query("worst_segments", "Where is the model worst?", _MODEL | _METRIC | _FROM_TO),
        Query("disparities", "Are the groups of protected segments treated alike?", _MODEL | _FROM_TO),
        Query("label_delay", "How long do labels take, by class?", _MODEL | _FROM_TO),
        Query("false_pages", "How many pages were false each quarter, beside those that the budget allows?",
              _MODEL | _FROM_TO),
        Query("conservation_by_producer", "Did every event of each producer arrive and count?", _MODEL),
        Query("champion_vs_challenger", "Which version would have done better on the same predictions, by week?",
              _MODEL | _FROM_TO),
    )
}  # fmt: skip


def run(client: Client, name: str, arguments: Mapping[str, str]) -> pa.Table:
    """Return the answer of a named query.

    Raises
    ------
    ValueError
        For a query or parameter that does not exist, and for one that is missing.
    """
    query = _known(name)
    return client.query_arrow(query.sql, parameters=_values(query, arguments), use_strings=True)


def check(name: str, arguments: Mapping[str, str]) -> None:
    """Return if `run` could ask this; ValueError as there."""
    _values(_known(name), arguments)


def _known(name: str) -> Query:
    if name not in QUERIES:
        raise ValueError(f"there is no query {name!r}; there are {', '.join(QUERIES)}")
    return QUERIES[name]


def _values(query: Query, arguments: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(set(arguments) - set(query.parameters))
    if unknown:
        raise ValueError(f"{query.name} has no parameter {unknown[0]!r}; it has {', '.join(query.parameters)}")
    given = {name: arguments.get(name, parameter.default) for name, parameter in query.parameters.items()}
    missing = [name for name, value in given.items() if value is None]
    if missing:
        raise ValueError(f"{query.name} needs a value for {missing[0]!r}: {query.parameters[missing[0]].meaning}")
    return {name: str(value) for name, value in given.items()}
