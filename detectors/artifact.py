"""The reference of a model: an immutable artifact that says what is normal and how it varies from pane to pane."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.bins import Bins
from detectors.estimate.answers import Estimator
from detectors.outliers.reference import Outliers
from detectors.packing import pack, unpack
from detectors.panel.panel import Panel
from detectors.promise import Promise
from detectors.quality.health_profile import HealthProfile

Ints = NDArray[np.int64]

SCHEMA = 6
MAX_SEGMENTS = 50

SERVED: Final = {"binary": "__score__", "multiclass": "__prediction__", "regression": "__prediction__"}
"""Name of the feature that stands for what the model answers, by task."""


class Origin(msgspec.Struct, frozen=True):
    """What a reference was made of.

    Attributes
    ----------
    kind
        ``range``, ``ledger``, ``file``, ``model_version`` or ``first``; empty if nobody said.
    said
        In words, with what names it: a span of event time, the file's name and hash.
    version
        The version whose answers the promise and the estimator are about; empty if there are none, or it has no name.
    """

    kind: str = ""
    said: str = ""
    version: str = ""


class Watched(msgspec.Struct, frozen=True):
    """A group within which features are watched: the rows whose `segment` has a `level`, and what they are like."""

    segment: str
    level: str
    panel: Panel


class Reference(msgspec.Struct, frozen=True, dict=True):
    """What is normal for one model. Made by `detectors.reference.fit_reference`, never changed.

    Attributes
    ----------
    panel
        What is expected of each feature: those of the spec in its order, then the model's answers if rows had them.
    counts
        Rows of the reference by feature and bin, ``(F, W)``.
    outputs
        How many of the features, the last ones, are answers of the model: 0 or 1.
    from_ms, to_ms, pane_ms
        Event time that it covers, ``[from_ms, to_ms)``, and the length of a pane.
    cycle_ms
        Length of the cycle that was asked for, 0 for none; ``panel.phases`` says whether its phases could be learnt.
    segments
        For each segment feature the levels that are kept apart, at most 50, the most frequent first.
    watched
        Groups of segments within which features are watched, the largest first.
    label_age_p95_ms
        Age at which 95 % of the labels were there; -1 if none was seen.
    label_share
        Share of rows that ever got a label, in [0, 1].
    promise
        How well its own rows were answered; None without answers or labels.
    estimator
        What the answers alone say of how good they are; None without answers or labels, and for classes.
    outliers
        What an outlier is, over the features that are watched in pairs; None without pairs, or if nobody asked.
    health
        What is normal of missing, new and extreme values, of volume, gaps and labels.
    warnings
        Sentences for the owner.
    origin
        What it was made of.
    """

    panel: Panel
    counts: Ints
    outputs: int
    from_ms: int
    to_ms: int
    pane_ms: int
    cycle_ms: int
    segments: dict[str, tuple[str, ...]]
    watched: tuple[Watched, ...]
    label_age_p95_ms: int
    label_share: float
    promise: Promise | None
    estimator: Estimator | None
    outliers: Outliers | None
    health: HealthProfile
    warnings: tuple[str, ...]
    origin: Origin = Origin()

    @property
    def bins(self) -> tuple[Bins, ...]:
        """Bins of all features."""
        return self.panel.bins

    @property
    def panes(self) -> int:
        """Panes that hold rows."""
        return self.panel.panes

    @property
    def rows(self) -> int:
        """All rows."""
        return self.panel.rows

    @property
    def rows_per_pane(self) -> float:
        """Mean rows of a pane."""
        return self.panel.rows_per_pane

    @property
    def can_alarm(self) -> bool:
        """Whether there are panes enough to calibrate a test. Effect sizes are right either way."""
        return self.panel.can_alarm


class _Header(msgspec.Struct):
    schema: int


class _Artifact(msgspec.Struct):
    schema: int
    reference: Reference


_encoder = msgspec.msgpack.Encoder(order="deterministic", enc_hook=pack)
_header = msgspec.msgpack.Decoder(_Header)
_decoder = msgspec.msgpack.Decoder(_Artifact, dec_hook=unpack)


def encode(reference: Reference) -> bytes:
    """Return the artifact: equal references have equal bytes."""
    return _encoder.encode(_Artifact(SCHEMA, reference))


def decode(data: bytes) -> Reference:
    """Return the reference of an artifact; ValueError if it is none or of another schema."""
    try:
        schema = _header.decode(data).schema
        if schema != SCHEMA:
            raise ValueError(f"reference has schema {schema}, this version reads {SCHEMA}: build it again")
        return _decoder.decode(data).reference
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a reference: {error}") from error


def sha256(data: bytes) -> str:
    """Return the name of an artifact: the hex digest of its bytes."""
    return hashlib.sha256(data).hexdigest()
