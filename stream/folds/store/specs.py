"""Spec revisions, and the bins of the references that they carry, out of the ledger's facts."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator

import msgspec

from detectors.artifact import Reference
from detectors.artifact import decode as decode_reference
from detectors.bins import FIRST, Bins
from stream.folds.base import Record
from stream.folds.blocks import Fact
from stream.folds.store.batch import Batch
from stream.folds.store.control import Row, rows_batch


class _Spec(msgspec.Struct):
    monitor: str
    revision: int
    spec: msgspec.Raw
    at_ms: int = 0
    who: str = ""
    reference: str | None = None
    reference_sha: str | None = None


class _Model(msgspec.Struct):
    model: str = ""


_spec = msgspec.json.Decoder(_Spec)
_model = msgspec.json.Decoder(_Model)


def spec_batches(record: Record, fact: Fact) -> Iterator[Batch]:
    """Yield the revision of a fact of topic `specs`, and the bins of its reference if it has one."""
    entry = _spec.decode(fact.value)
    sha = entry.reference_sha or ""
    row: Row = {
        "monitor": entry.monitor,
        "revision": entry.revision,
        "model": _model.decode(entry.spec).model,
        "at": entry.at_ms,
        "who": entry.who,
        "reference": sha,
        "spec": bytes(entry.spec).decode(),
        "known": record.append_ms,
        "position": fact.to,
    }
    yield rows_batch("spec_rows", [row])
    if entry.reference is not None:
        rows = reference_rows(sha, decode_reference(base64.b64decode(entry.reference)))
        if rows:
            yield rows_batch("reference_bins_rows", rows)


def reference_rows(reference_sha: str, reference: Reference) -> list[Row]:
    """Return the bins of all features of a reference, as rows of table ``reference_bins_rows``."""
    counts, shares = reference.counts.tolist(), reference.panel.shares.tolist()
    features = zip(reference.bins, counts, shares, strict=True)
    return [row for bins, own, expected in features for row in _feature_rows(reference_sha, bins, own, expected)]


def _feature_rows(sha: str, bins: Bins, counts: list[int], shares: list[float]) -> Iterator[Row]:
    for bin_ in range(bins.width):
        low, high = _edges(bins, bin_)
        yield {
            "reference": sha,
            "feature": bins.name,
            "bin": bin_,
            "kind": bins.kind,
            "label": bins.label(bin_),
            "lo": low,
            "hi": high,
            "ref_count": counts[bin_],
            "ref_share": shares[bin_],
        }


def _edges(bins: Bins, bin_: int) -> tuple[float, float]:
    """Return where a bin of numbers begins and ends; NaN for missing values and for levels."""
    if bins.kind == "category" or bin_ == 0 or not bins.edges:
        return math.nan, math.nan
    edges = (-math.inf, *bins.edges, math.inf)
    return edges[bin_ - FIRST + 1], edges[bin_ - FIRST + 2]
