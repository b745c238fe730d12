"""The registry: which versions a model has and which of them serve, as a fold over the records of `models`.

One writer per kind: trainers write version records, `decide` alone writes role records. A version number,
and the version of a retrain, belong to the first record that names them; of roles the highest position
counts, of equal ones the last.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from models.attribution import Curve


class ChampionMetrics(msgspec.Struct, frozen=True):
    """The champion on the rows that validated a new version."""

    version: str
    metrics: dict[str, float | None]


class Losses(msgspec.Struct, frozen=True):
    """Count, mean and standard deviation of the loss of a row."""

    n: int
    mean: float
    sd: float


class Validation(msgspec.Struct, frozen=True):
    """How good a version was on the newest part of its training set, before it learnt that part.

    `metric` says what the losses are of (`models.metrics.losses`); older records lack it, and theirs are of
    ``log_loss`` in a binary task and of ``rmse`` in a regression.
    """

    rows: int
    metrics: dict[str, float | None]
    losses: Losses
    metric: str = ""
    champion: ChampionMetrics | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Where a version comes from; times in epoch milliseconds, `cut` by ledger partition.

    `attribution` says what it makes of the values of each feature; older records lack it.
    """

    sha256: str
    uri: str
    trained_from_ms: int
    trained_to_ms: int
    rows: int
    features: tuple[str, ...]
    task: str
    trainer: str
    parent: str
    retrain: str
    incident: str
    created_ms: int
    library_versions: dict[str, str]
    code_version: str
    cut: dict[str, int]
    validation: Validation
    passed: bool
    why: str
    positive: str = "1"
    attribution: dict[str, Curve] = {}


class Version(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="version"):
    """A version record: key ``model/version/VERSION``; signature and public key are base64."""

    model: str
    version: str
    manifest: Manifest
    signature: str
    public_key: str

    @property
    def key(self) -> bytes:
        """The record's key."""
        return f"{self.model}/version/{self.version}".encode()


class Roles(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="roles"):
    """A role record: key ``model/roles``; an empty champion serves nothing.

    `position` is the partition of `partials` and the position in it that decided: the latter orders.
    """

    model: str
    champion: str
    shadows: tuple[str, ...]
    position: tuple[int, int]
    why: str = ""

    @property
    def key(self) -> bytes:
        """The record's key."""
        return f"{self.model}/roles".encode()


Entry = Version | Roles
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def decode(value: bytes) -> Entry:
    """Return the entry in a record's value; msgspec.DecodeError (a ValueError) if it is none."""
    return _decoder.decode(value)


@dataclass(slots=True)
class _Model:
    versions: dict[str, Version] = field(default_factory=dict)
    by_retrain: dict[str, Version] = field(default_factory=dict)
    roles: Roles | None = None


@dataclass(slots=True)
class Registry:
    """All models, after the records that were applied, in the log's order.

    Examples
    --------
    >>> registry = Registry()
    >>> registry.apply(Roles(model="m", champion="1", shadows=(), position=(0, 7)))
    True
    >>> registry.apply(Roles(model="m", champion="2", shadows=(), position=(0, 5)))
    False
    >>> registry.champion("m"), registry.next_version("m")
    ('1', '1')
    """

    _models: dict[str, _Model] = field(default_factory=dict)

    def apply(self, entry: Entry) -> bool:
        """Fold one entry in; False if it changes nothing, because an earlier or a higher one counts."""
        model = self._models.setdefault(entry.model, _Model())
        return _apply_version(model, entry) if isinstance(entry, Version) else _apply_roles(model, entry)

    def models(self) -> list[str]:
        """Return the names of all models, sorted."""
        return sorted(self._models)

    def versions(self, model: str) -> list[Version]:
        """Return a model's versions in the order in which they were registered."""
        return list(self._of(model).versions.values())

    def version(self, model: str, version: str) -> Version | None:
        """Return the record of a version."""
        return self._of(model).versions.get(version)

    def of_retrain(self, model: str, retrain: str) -> Version | None:
        """Return the version that answered a retrain event."""
        return self._of(model).by_retrain.get(retrain)

    def champion(self, model: str) -> str:
        """Return the serving version, empty if none."""
        roles = self._of(model).roles
        return roles.champion if roles is not None else ""

    def shadows(self, model: str) -> tuple[str, ...]:
        """Return the versions that score beside the champion."""
        roles = self._of(model).roles
        return roles.shadows if roles is not None else ()

    def next_version(self, model: str) -> str:
        """Return the number after the highest that is taken; names that are no number do not count."""
        taken = [int(name) for name in self._of(model).versions if name.isdecimal()]
        return str(1 + max(taken, default=0))

    def _of(self, model: str) -> _Model:
        return self._models.get(model) or _Model()


def _apply_version(model: _Model, entry: Version) -> bool:
    if entry.version in model.versions or entry.manifest.retrain in model.by_retrain:
        return False
    model.versions[entry.version] = entry
    if entry.manifest.retrain:
        model.by_retrain[entry.manifest.retrain] = entry
    return True


def _apply_roles(model: _Model, entry: Roles) -> bool:
    # An equal position replaces: one decision may change roles twice, and a copy is sent whole and in order.
    if model.roles is not None and entry.position[1] < model.roles.position[1]:
        return False
    model.roles = entry
    return True
