"""Reads what a demo found out of ClickHouse."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import msgspec

from stream.demo import queries
from stream.demo.digest import FeatureCounts, PaneCounts, digest
from stream.demo.findings import Alert, Flow, Month, Retrain, Version

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

Cell = str | int | float | bool | Sequence[object] | Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class Sent:
    """What the demo sent: flights (their features), and labels of those that landed."""

    flights: int
    labels: int


@dataclass(frozen=True, slots=True)
class Now:
    """A glance while the demo runs."""

    panes: int
    incidents: int
    champion: str


class Reader:
    """Asks about one model; for one thread at a time.

    Parameters
    ----------
    client
        An open connection to the database of the demo.
    model
        The model's name.
    """

    def __init__(self, client: Client, model: str) -> None:
        self._client, self._model = client, model

    def now(self) -> Now:
        """Return where things stand."""
        ((panes, incidents, champion),) = self._rows(queries.STATUS)
        return Now(_int(panes), _int(incidents), _text(champion))

    def in_flight(self) -> dict[str, str]:
        """Return the retrains that have not come to an end, with their step."""
        return {_text(id_): _text(step) for id_, step in self._rows(queries.IN_FLIGHT)}

    def ended(self) -> str:
        """Return how the last retrain ended without a version that serves, in words; empty if it did not."""
        last = self.retrains()[-1:]
        return "".join(f"{r.step}, {r.verdict}" for r in last if r.step in {"failed", "skipped", "rejected"})

    def version(self) -> str:
        """Return the version of ClickHouse."""
        return str(self._client.server_version)

    def digest(self) -> str:
        """Return the digest of the input panes."""
        panes = msgspec.convert(self._rows(queries.PANE_COUNTS), list[PaneCounts])
        features = msgspec.convert(self._rows(queries.FEATURE_COUNTS), list[FeatureCounts])
        return digest(panes, features)

    def flows(self, sent: Sent) -> tuple[Flow, Flow]:
        """Return where predictions and labels went."""
        counts = {_text(row[0]): [_int(cell) for cell in row[1:]] for row in self._rows(queries.CONSERVATION)}
        dead = {_text(topic): _int(n) for topic, n in self._rows(queries.DEAD)}
        lost_before = dead.get("features", 0) + dead.get("predictions", 0)
        predictions = _flow(sent.flights, counts.get("prediction"), lost_before)
        return predictions, _flow(sent.labels, counts.get("label"), dead.get("labels", 0))

    def panes(self) -> dict[str, int]:
        """Return how many pane rows there are."""
        (row,) = self._rows(queries.PANES)
        return dict(zip(("rows", "whole", "days", "amended"), map(_int, row), strict=True))

    def statistics(self) -> dict[str, int]:
        """Return how many results were settled."""
        (row,) = self._rows(queries.STATISTICS)
        return dict(zip(("rows", "features", "verdicts", "performance"), map(_int, row), strict=True))

    def alerts(self) -> tuple[Alert, ...]:
        """Return all incidents as they ended, by opening."""
        return tuple(
            Alert(
                _text(id_), _text(kind), _text(level), _time(opened), _time(closed),
                tuple(map(str, cast("Sequence[object]", features))), _text(title),
            )
            for id_, kind, level, opened, closed, features, title in self._rows(queries.ALERTS)
        )  # fmt: skip

    def retrains(self) -> tuple[Retrain, ...]:
        """Return all retrains, by the time that they were asked for."""
        return tuple(
            Retrain(
                _text(id_), _time(asked), _text(trigger), _text(reason), _json(evidence), _text(step),
                _text(version), _text(verdict),
            )
            for id_, asked, trigger, reason, evidence, step, version, verdict in self._rows(queries.RETRAINS)
        )  # fmt: skip

    def versions(self) -> tuple[Version, ...]:
        """Return all versions, oldest first."""
        return tuple(
            Version(
                _text(version), _time(trained_from), _time(trained_to), _int(rows),
                dict(cast("Mapping[str, float]", metrics)), _text(role), _time(since),
            )
            for version, trained_from, trained_to, rows, metrics, role, since in self._rows(queries.VERSIONS)
        )  # fmt: skip

    def months(self) -> tuple[Month, ...]:
        """Return the months of departure, with labels by month of landing."""
        late = {_text(month): (_int(labels), _int(n)) for month, labels, n in self._rows(queries.LATE)}
        losses: dict[str, dict[str, tuple[float, int]]] = {}
        for month, version, loss, labels in self._rows(queries.LOSSES):
            losses.setdefault(_text(month), {})[_text(version)] = (float(cast("float", loss)), _int(labels))
        return tuple(
            Month(_text(month), _int(flights), *late.get(_text(month), (0, 0)), losses.get(_text(month), {}))
            for month, flights in self._rows(queries.MONTHS)
        )

    def _rows(self, sql: str) -> list[tuple[Cell, ...]]:
        found = self._client.query(sql, parameters={"model": self._model}).result_rows
        return [tuple(row) for row in found]


def _flow(sent: int, counts: Sequence[int] | None, dead: int) -> Flow:
    received, used, duplicate, late_used, invalid, unmatched, pending = counts or [0] * 7
    return Flow(sent, received, used, duplicate, late_used, invalid, unmatched, pending, dead)


def fates(predictions: Flow, labels: Flow) -> dict[str, int]:
    """Return what became of each flight; the counts add up to the flights that were sent.

    >>> fates(Flow(10, 10, 9, 0, 1, 0, 0, 0), Flow(8, 8, 7, 0, 0, 0, 1, 0))
    {'labelled': 7, 'never_labelled': 2, 'label_not_used': 1, 'invalid': 0, 'unmatched': 0, 'pending': 0,
     'refused': 0, 'lost': 0}
    """
    counted = predictions.used + predictions.late_used
    labelled = labels.used + labels.late_used
    never = predictions.sent - labels.sent
    return {
        "labelled": labelled,
        "never_labelled": never,
        "label_not_used": counted - labelled - never,
        "invalid": predictions.invalid,
        "unmatched": predictions.unmatched,
        "pending": predictions.pending,
        "refused": predictions.dead,
        "lost": predictions.lost,
    }


def _time(ms: Cell) -> str:
    """Return an instant as RFC 3339, empty for the epoch, which stands for never."""
    at = _int(ms)
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}" if at else ""


def _json(text: Cell) -> dict[str, object]:
    found = json.loads(_text(text) or "{}")
    return found if isinstance(found, dict) else {"evidence": found}


def _int(cell: Cell) -> int:
    return int(cast("int", cell or 0))


def _text(cell: Cell) -> str:
    return str(cell or "")
