"""A monitor as `measure` needs it: where its values are counted, without the reference that says what is normal.

A reference of 20 features takes some 100 kB, of which the bins are a tenth; a ledger partition may hold thousands.
"""

from __future__ import annotations

import msgspec
import numpy as np

from detectors.bins import Bins
from stream.folds.frame import text_hash
from stream.folds.layout import FeatureCells, Layout
from stream.folds.monitor import Monitor


class WatchedFeature(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One feature: the cell `invalid` as in ``layout.FeatureCells``, and the bins of its values.

    Attributes
    ----------
    edges
        Of a number with a reference, float64; None without one.
    levels, level_bins
        Of a category with a reference: hashes of its levels, uint64, and the bin of each, int32; None without one.
    """

    name: str
    is_number: bool
    invalid: int
    edges: bytes | None
    levels: bytes | None
    level_bins: bytes


class Watch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The measuring part of a monitor; times in milliseconds.

    Attributes
    ----------
    segments
        Name and values of each segment whose values the reference knows, in the spec's order.
    latency, size, numbers
        As in ``layout.Layout``.
    versions, open_panes, pending
        As in ``streamgauge.spec.Limits``.
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
    versions: int
    open_panes: int
    pending: int


def watch_of(monitor: Monitor) -> Watch:
    """Return what `measure` needs of a monitor."""
    layout = Layout(monitor)
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
        features=tuple([_feature(cells) for cells in layout.features]),
        segments=tuple([(name, values) for name, values in segments if values]),
        latency=layout.latency,
        size=layout.size,
        numbers=layout.numbers,
        versions=monitor.limits.versions,
        open_panes=monitor.limits.open_panes,
        pending=monitor.limits.pending,
    )


def _feature(cells: FeatureCells) -> WatchedFeature:
    is_number = cells.kind == "number"
    levels, level_bins = (None, b"") if is_number or cells.bins is None else _levels(cells.bins)
    edges = np.array(cells.bins.edges).tobytes() if is_number and cells.bins is not None else None
    return WatchedFeature(cells.name, is_number, cells.invalid, edges, levels, level_bins)


def _levels(bins: Bins) -> tuple[bytes, bytes]:
    hashes = np.array([text_hash(level) for level in bins.levels], np.uint64)
    return hashes.tobytes(), bins.level_codes(bins.levels).astype(np.int32).tobytes()
