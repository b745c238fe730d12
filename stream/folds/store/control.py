"""Records of the JSON topics as rows: alerts, retrain requests, model versions, dead letters, specs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec
import pyarrow as pa

from stream.folds.base import Record
from stream.folds.store.batch import INSTANT, Batch

Cell = object
_MAP = pa.map_(pa.string(), pa.float64())
_TEXT_MAP = pa.map_(pa.string(), pa.string())
_TEXTS = pa.list_(pa.string())
_CUT = pa.map_(pa.int64(), pa.int64())
_TYPES: dict[str, pa.DataType] = {
    "line": pa.int64(), "offset": pa.int64(), "partition": pa.int64(), "position": pa.int64(),
    "revision": pa.int64(), "rows": pa.int64(), "size": pa.int64(), "passed": pa.bool_(),
    "bin": pa.int64(), "ref_count": pa.int64(), "ref_share": pa.float64(), "lo": pa.float64(), "hi": pa.float64(),
    "champion_metrics": _MAP, "metrics": _MAP, "losses": _MAP, "library_versions": _TEXT_MAP,
    "feature_types": _TEXT_MAP, "features": _TEXTS, "cut": _CUT,
    "asked": INSTANT, "at": INSTANT, "closed": INSTANT, "created": INSTANT, "from": INSTANT, "known": INSTANT,
    "opened": INSTANT, "sent": INSTANT, "since": INSTANT, "to": INSTANT, "trained_from": INSTANT,
    "trained_to": INSTANT,
}  # fmt: skip


class _Where(msgspec.Struct):
    features: list[str] = []


class _Alert(msgspec.Struct):
    model: str
    incident: str = ""
    id: str = ""
    dedup: str = ""
    state: str = ""
    level: str = ""
    kind: str = ""
    model_version: str = ""
    monitor: str = ""
    title: str = ""
    where: _Where = msgspec.field(default_factory=_Where)
    opened_ms: int | None = None
    closed_ms: int | None = None
    since_ms: int | None = None
    sent_ms: int | None = None


class _Retrain(msgspec.Struct):
    id: str
    model: str
    monitor: str = ""
    lineage: str = ""
    incident: str = ""
    trigger: str = ""
    reason: str = ""
    evidence: msgspec.Raw = msgspec.Raw(b"{}")
    cut: dict[int, int] = {}
    trainer: str = ""
    task: str = ""
    features: dict[str, str] = {}
    champion: str = ""
    from_ms: int = 0
    to_ms: int = 0
    asked_ms: int = 0


class _Champion(msgspec.Struct):
    version: str = ""
    metrics: dict[str, float | None] = {}


class _Validation(msgspec.Struct):
    rows: int = 0
    metrics: dict[str, float | None] = {}
    losses: dict[str, float | None] = {}
    metric: str = ""
    champion: _Champion | None = None


class _Manifest(msgspec.Struct):
    sha256: str
    uri: str = ""
    trained_from_ms: int = 0
    trained_to_ms: int = 0
    rows: int = 0
    features: list[str] = []
    task: str = ""
    trainer: str = ""
    parent: str | None = None
    retrain: str | None = None
    incident: str | None = None
    created_ms: int = 0
    library_versions: dict[str, str] = {}
    code_version: str = ""
    cut: dict[int, int] = {}
    validation: _Validation | None = None
    passed: bool = True
    why: str = ""


class _Version(msgspec.Struct, tag_field="record", tag="version"):
    model: str
    version: str
    manifest: _Manifest


class _Roles(msgspec.Struct, tag_field="record", tag="roles"):
    """Who serves; `decide` also writes it as rows, and these are what is stored."""


class _Letter(msgspec.Struct):
    topic: str
    partition: int
    offset: int
    reason: str
    line: int | None = 0
    field: str | None = ""
    message: str | None = ""
    hint: str | None = ""
    excerpt: str | None = ""
    model: str | None = ""
    source: str | None = ""
    size: int | None = 0
    at_ms: int | None = 0


_alert = msgspec.json.Decoder(_Alert)
_retrain = msgspec.json.Decoder(_Retrain)
_registry = msgspec.json.Decoder(_Version | _Roles)
_manifest = msgspec.json.Decoder(dict[str, msgspec.Raw])
_letter = msgspec.json.Decoder(_Letter)

Row = dict[str, Cell]


def alert_row(record: Record) -> Row:
    """Return the row of one record of topic `alerts`."""
    alert = _alert.decode(record.value)
    return {
        "model": alert.model,
        "dedup": alert.dedup or f"{alert.incident}/{alert.state}/{alert.id}",
        "id": alert.id,
        "incident": alert.incident,
        "state": alert.state,
        "level": alert.level,
        "kind": alert.kind,
        "model_version": alert.model_version,
        "monitor": alert.monitor,
        "title": alert.title,
        "features": alert.where.features,
        "opened": alert.opened_ms or 0,
        "closed": alert.closed_ms or 0,
        "since": alert.since_ms or 0,
        "sent": alert.sent_ms or record.append_ms,
        "body": record.value.decode(),
        "known": record.append_ms,
        "position": record.position,
    }


def retrain_row(record: Record) -> Row:
    """Return the row of one record of topic `retrain`."""
    asked = _retrain.decode(record.value)
    return {
        "model": asked.model,
        "id": asked.id,
        "monitor": asked.monitor,
        "lineage": asked.lineage,
        "incident": asked.incident,
        "trigger": asked.trigger,
        "reason": asked.reason,
        "evidence": bytes(asked.evidence).decode(),
        "cut": sorted(asked.cut.items()),
        "trainer": asked.trainer,
        "task": asked.task,
        "feature_types": list(asked.features.items()),
        "from": asked.from_ms,
        "to": asked.to_ms,
        "champion": asked.champion,
        "asked": asked.asked_ms,
        "known": record.append_ms,
        "position": record.position,
    }


def version_row(record: Record) -> Row | None:
    """Return the row of a version record of topic `models`; None for a record of roles."""
    entry = _registry.decode(record.value)
    if isinstance(entry, _Roles):
        return None
    manifest, validation = entry.manifest, entry.manifest.validation or _Validation()
    champion = validation.champion or _Champion()
    return {
        "model": entry.model,
        "model_version": entry.version,
        "sha256": manifest.sha256,
        "uri": manifest.uri,
        "trained_from": manifest.trained_from_ms,
        "trained_to": manifest.trained_to_ms,
        "rows": manifest.rows,
        "features": manifest.features,
        "task": manifest.task,
        "trainer": manifest.trainer,
        "parent": manifest.parent or "",
        "retrain": manifest.retrain or "",
        "incident": manifest.incident or "",
        "created": manifest.created_ms,
        "library_versions": list(manifest.library_versions.items()),
        "code_version": manifest.code_version,
        "cut": sorted(manifest.cut.items()),
        "metrics": _numbers(validation.metrics),
        "losses": _numbers(validation.losses),
        "champion": champion.version,
        "champion_metrics": _numbers(champion.metrics),
        "passed": manifest.passed,
        "why": manifest.why,
        "manifest": bytes(_manifest.decode(record.value)["manifest"]).decode(),
        "known": record.append_ms,
        "position": record.position,
    }


def letter_row(record: Record) -> Row:
    """Return the row of one record of topic `dead-letters`."""
    letter = _letter.decode(record.value)
    return {
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "line": letter.line or 0,
        "reason": letter.reason,
        "field": letter.field or "",
        "message": letter.message or "",
        "hint": letter.hint or "",
        "excerpt": letter.excerpt or "",
        "model": letter.model or "",
        "source": letter.source or "",
        "size": letter.size or 0,
        "at": letter.at_ms or record.append_ms,
        "known": record.append_ms,
        "position": record.position,
    }


# What is in each JSON topic: its table, and the row of a record.
JSON_TOPICS: Mapping[str, tuple[str, Callable[[Record], Row | None]]] = {
    "alerts": ("alert_rows", alert_row),
    "retrain": ("retrain_request_rows", retrain_row),
    "models": ("version_rows", version_row),
    "dead-letters": ("dead_letter_rows", letter_row),
}


def rows_batch(table: str, rows: Iterable[Row]) -> Batch:
    """Return rows, one at least and all of the same columns, as a batch; texts unless the column is known."""
    some = list(rows)
    return Batch(
        table,
        pa.table({name: pa.array([row[name] for row in some], _TYPES.get(name, pa.string())) for name in some[0]}),
    )


def _numbers(values: Mapping[str, float | None]) -> list[tuple[str, float]]:
    return [(name, value) for name, value in values.items() if value is not None]
