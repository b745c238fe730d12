"""A monitor as `measure` needs it: where its values are counted, without the reference that says what is normal.

A reference of 20 features takes some 100 kB, of which the bins are a tenth; a ledger partition may hold thousands.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.bins import Bins
from detectors.outliers.reference import Outliers
from stream.folds.frame import text_hash
from stream.folds.layout import FeatureCells, Layout, layout_of
from stream.folds.monitor import Monitor


class WatchedFeature(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One feature: the cell `invalid` as in ``layout.FeatureCells``, and the bins of its values.

    Attributes
    ----------
    edges
        Of a number with a reference, float64; None without one.
    levels, level_bins
        Of a category with a reference: hashes of its levels, uint64, and the bin of each, int32; None without one.
    normal_scores
        Of one that is watched in pairs: of each bin, int16; empty for the others.
    is_output
        Whether it is what the model answered, and no column.
    """

    name: str
    is_number: bool
    invalid: int
    edges: bytes | None
    levels: bytes | None
    level_bins: bytes
    normal_scores: bytes
    is_output: bool


class Watch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The measuring part of a monitor; times in milliseconds.

    Attributes
    ----------
    segments
        Name and values of each segment whose values the reference knows, in the spec's order.
    latency, size, numbers, products
        As in ``layout.Layout``.
    precision, limit, forest
        As in ``detectors.outliers.reference.Outliers``, int64 and int32. Weights of pairs are zeros where no distance
        is measured, the forest is empty where no trees are.
    versions, open_panes, pending
        As in ``streamgauge.spec_parts.Limits``.
    clip
        As in ``detectors.promise.Promise``.
    """

    name: str
    model: str
    task: str
    revision: int
    pane_ms: int
    lateness_ms: int
    horizon_ms: int
    idle_ms: int
    lineage: str
    features: tuple[WatchedFeature, ...]
    segments: tuple[tuple[str, tuple[str, ...]], ...]
    latency: int
    size: int
    numbers: int
    products: int
    precision: bytes
    limit: int
    forest: bytes
    versions: int
    open_panes: int
    pending: int
    clip: float


def watch_of(monitor: Monitor) -> Watch:
    """Return what `measure` needs of a monitor."""
    layout = Layout(monitor)
    outliers = None if monitor.reference is None else monitor.reference.outliers
    promise = None if monitor.reference is None else monitor.reference.promise
    segments = ((name, monitor.levels_of(name)) for name in monitor.segments)
    return Watch(
        name=monitor.name,
        model=monitor.model,
        task=monitor.task,
        revision=monitor.revision,
        pane_ms=monitor.pane_ms,
        lateness_ms=monitor.lateness_ms,
        horizon_ms=monitor.horizon_ms,
        idle_ms=monitor.idle_ms,
        lineage=monitor.lineage,
        features=tuple(
            [_feature(cells, scores) for cells, scores in zip(layout.features, _paired(monitor), strict=True)]
        ),
        segments=tuple([(name, values) for name, values in segments if values]),
        latency=layout.latency,
        size=layout.size,
        numbers=layout.numbers,
        products=layout.products,
        precision=_precision(outliers, layout).astype("<i8").tobytes(),
        limit=0 if outliers is None else outliers.limit,
        forest=b"" if outliers is None else outliers.forest.astype("<i4").tobytes(),
        versions=monitor.limits.versions,
        open_panes=monitor.limits.open_panes,
        pending=monitor.limits.pending,
        clip=math.inf if promise is None else promise.clip,
    )


def _precision(outliers: Outliers | None, layout: Layout) -> NDArray[np.int64]:
    if outliers is not None and len(outliers.precision):
        return outliers.precision
    return np.zeros(max(0, layout.products - 1), np.int64)


def _paired(monitor: Monitor) -> list[bytes]:
    """Return the normal scores of each feature's bins, int16; nothing for those that are not watched in pairs."""
    reference = monitor.reference
    if reference is None or reference.panel.joint is None:
        return [b""] * len(layout_of(monitor).features)
    panel, paired = reference.panel, set(reference.panel.joint.features.tolist())
    own = [panel.normal_scores[f, : bins.width].astype("<i2").tobytes() for f, bins in enumerate(panel.bins)]
    return [scores if f in paired else b"" for f, scores in enumerate(own)]


def _feature(cells: FeatureCells, normal_scores: bytes) -> WatchedFeature:
    is_number = cells.kind == "number"
    levels, level_bins = (None, b"") if is_number or cells.bins is None else _levels(cells.bins)
    edges = np.array(cells.bins.edges).tobytes() if is_number and cells.bins is not None else None
    counted = cells.invalid, edges, levels, level_bins
    return WatchedFeature(cells.name, is_number, *counted, normal_scores, cells.is_output)


def _levels(bins: Bins) -> tuple[bytes, bytes]:
    hashes = np.array([text_hash(level) for level in bins.levels], np.uint64)
    return hashes.tobytes(), bins.level_codes(bins.levels).astype(np.int32).tobytes()
