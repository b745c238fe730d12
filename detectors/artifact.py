"""The reference of a model: an immutable artifact that says what is normal and how it varies from pane to pane."""

from __future__ import annotations

import hashlib

import msgspec

from detectors.feature_reference import FeatureReference

SCHEMA = 1
MIN_PANES, WANTED_PANES = 60, 200
MIN_EFFECTIVE_PANES = 12
MAX_SEGMENTS = 50


class Reference(msgspec.Struct, frozen=True):
    """What is normal for one model. Made by `detectors.fit_reference`, never changed.

    Attributes
    ----------
    features
        In the order of the spec.
    panes, rows, rows_per_pane
        Panes that hold rows (R), rows, and their mean number per pane.
    from_ms, to_ms, pane_ms
        Event time that it covers, ``[from_ms, to_ms)``, and the length of a pane.
    segments
        For each segment feature the levels that are kept apart, at most 50, the most frequent first.
    label_age_p95_ms
        Age at which 95 % of the labels were there; -1 if none was seen.
    label_share
        Share of rows that ever got a label, in [0, 1].
    warnings
        Sentences for the owner.
    """

    features: tuple[FeatureReference, ...]
    panes: int
    rows: int
    rows_per_pane: float
    from_ms: int
    to_ms: int
    pane_ms: int
    segments: dict[str, tuple[str, ...]]
    label_age_p95_ms: int
    label_share: float
    warnings: tuple[str, ...]

    @property
    def can_alarm(self) -> bool:
        """Whether there are panes enough to calibrate a test. Effect sizes are right either way."""
        return self.panes >= MIN_PANES

    def feature(self, name: str) -> FeatureReference:
        """Return one feature; KeyError if the reference does not have it."""
        for feature in self.features:
            if feature.name == name:
                return feature
        raise KeyError(name)


class _Header(msgspec.Struct):
    schema: int


class _Artifact(msgspec.Struct):
    schema: int
    reference: Reference


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_header = msgspec.msgpack.Decoder(_Header)
_decoder = msgspec.msgpack.Decoder(_Artifact)


def encode(reference: Reference) -> bytes:
    """Return the artifact: equal references have equal bytes."""
    return _encoder.encode(_Artifact(SCHEMA, reference))


def decode(data: bytes) -> Reference:
    """Return the reference of an artifact; ValueError if it is none or of another schema."""
    try:
        schema = _header.decode(data).schema
        if schema != SCHEMA:
            raise ValueError(f"reference has schema {schema}, this version reads {SCHEMA}")
        return _decoder.decode(data).reference
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a reference: {error}") from error


def sha256(data: bytes) -> str:
    """Return the name of an artifact: the hex digest of its bytes."""
    return hashlib.sha256(data).hexdigest()
