"""What a reference says, as plain values: for the terminal, for JSON, for a page."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from streamgauge.durations import format_duration

from detectors.artifact import Reference
from detectors.bins import MAX_LEVEL_BINS, MISSING, Bins
from detectors.business import PARTS
from detectors.outliers.reference import Outliers
from detectors.panel.panel import MIN_EFFECTIVE_PANES, MIN_EFFECTIVE_ROWS
from detectors.panel.status import too_few_panes
from detectors.promise import GroupLosses
from detectors.row_losses import cut_name
from stream.references.advice import advice
from stream.references.histogram import CELLS, Histogram, histogram, levels
from stream.references.times import moment

Flags = NDArray[np.bool_]

MOST_LEVELS = 5
_LEAST_LABELS = 200


@dataclass(frozen=True, slots=True)
class FeaturePortrait:
    """One feature, or what the model answers.

    Attributes
    ----------
    missing
        Share of rows without a value.
    histogram
        Shares: see `stream.references.histogram.Histogram`; `low` and `high` are None for levels. Of levels at most
        the 16 most frequent; of more than 64, which share bins, none.
    levels
        The most frequent levels with their shares, and how many there are.
    design_effect
        Rows that count as one.
    effective_panes
        Panes that the reference is worth.
    watched
        Panes of the windows in which it is judged.
    why
        Why it is not judged, or not in all windows; empty if it is.
    """

    name: str
    kind: str
    is_answer: bool
    missing: float
    histogram: tuple[float, ...]
    low: float | None
    high: float | None
    levels: tuple[tuple[str, float], ...]
    level_count: int
    design_effect: float
    effective_panes: float
    watched: tuple[int, ...]
    why: str


@dataclass(frozen=True, slots=True)
class PromisePortrait:
    """What was promised of a metric, for all rows (empty segment) or a segment with 200 labels or more.

    `value` is the metric itself: accuracy, not its loss.
    """

    metric: str
    segment: str
    level: str
    value: float
    labels: int
    effective_labels: float


@dataclass(frozen=True, slots=True)
class OutlierPortrait:
    """What an outlier is.

    Attributes
    ----------
    by
        ``distance`` or ``trees``.
    share
        Expected among the rows; with a cycle in the mean of its phases.
    window
        Panes that are judged together.
    """

    by: str
    share: float
    window: int


@dataclass(frozen=True, slots=True)
class Portrait:
    """All of a reference that people look at.

    Attributes
    ----------
    status
        Whether it can alarm, in a sentence.
    windows
        Panes of the windows that are judged, with their length.
    phases
        Panes of the cycle that are told apart; 1 for none.
    pairs
        How many features are watched in pairs.
    groups
        Groups of segments within which features are watched, the largest first, as ``segment=level``.
    outliers
        What an outlier is; None if none are looked for.
    promise
        All rows first, then segments, the worst first, metric by metric.
    promise_of
        The version that it is of; empty if it has no name.
    estimates
        Metrics that are estimated before labels come.
    label_age_ms
        Age at which 95 % of the labels were there; -1 if none was seen.
    """

    kind: str
    said: str
    from_: str
    to: str
    rows: int
    panes: int
    pane: str
    rows_per_pane: float
    cycle: str
    phases: int
    can_alarm: bool
    is_stationary: bool
    status: str
    windows: tuple[tuple[int, str], ...]
    effective_panes: tuple[float, float]
    features: tuple[FeaturePortrait, ...]
    pairs: int
    groups: tuple[str, ...]
    outliers: OutlierPortrait | None
    promise: tuple[PromisePortrait, ...]
    promise_of: str
    estimates: tuple[str, ...]
    label_share: float
    label_age_ms: int
    warnings: tuple[str, ...]
    advice: tuple[str, ...]


def portrait(reference: Reference) -> Portrait:
    """Return what a reference says."""
    panel = reference.panel
    windows = tuple((panes, format_duration(panes * reference.pane_ms)) for panes in panel.scales)
    return Portrait(
        kind=reference.origin.kind,
        said=reference.origin.said or "nobody said what of",
        from_=moment(reference.from_ms),
        to=moment(reference.to_ms),
        rows=reference.rows,
        panes=reference.panes,
        pane=format_duration(reference.pane_ms),
        rows_per_pane=reference.rows_per_pane,
        cycle=format_duration(reference.cycle_ms) if reference.cycle_ms else "",
        phases=panel.phases,
        can_alarm=reference.can_alarm,
        is_stationary=panel.is_stationary,
        status=_status(reference),
        windows=windows,
        effective_panes=(float(panel.effective_panes.min()), float(panel.effective_panes.max())),
        features=tuple(_feature(reference, f) for f in range(len(panel.bins))),
        pairs=0 if panel.joint is None else len(panel.joint.features),
        groups=tuple(f"{each.segment}={each.level}" for each in reference.watched),
        outliers=_outliers(reference.outliers),
        promise=tuple(_promise(reference)),
        promise_of=reference.origin.version,
        estimates=_estimates(reference),
        label_share=reference.label_share,
        label_age_ms=reference.label_age_p95_ms,
        warnings=reference.warnings,
        advice=advice(reference),
    )


def _status(reference: Reference) -> str:
    panel = reference.panel
    if not reference.can_alarm:
        return too_few_panes(reference.panes) + ": it shows effects and judges nothing"
    watched = int(panel.usable.any(0).sum())
    drifts = "" if panel.is_stationary else "; but it drifts itself, so that what is judged by it is worth little"
    return f"can alarm: {watched} of {len(panel.bins)} features are judged{drifts}"


def _feature(reference: Reference, f: int) -> FeaturePortrait:
    panel, bins = reference.panel, reference.bins[f]
    counts = reference.counts[f]
    shown: Histogram = histogram(bins, counts)
    named = levels(bins, counts)
    return FeaturePortrait(
        name=bins.name,
        kind=bins.kind,
        is_answer=f >= len(panel.bins) - reference.outputs,
        missing=float(counts[MISSING] / reference.rows),
        histogram=_cells(bins, shown),
        low=None if math.isnan(shown.low) else shown.low,
        high=None if math.isnan(shown.high) else shown.high,
        levels=named[:MOST_LEVELS],
        level_count=len(bins.levels),
        design_effect=float(panel.design_effects[f]),
        effective_panes=float(panel.effective_panes[f]),
        watched=tuple(panes for panes, usable in zip(panel.scales, panel.usable[:, f], strict=True) if usable),
        why=_why(reference, f),
    )


def _cells(bins: Bins, shown: Histogram) -> tuple[float, ...]:
    if bins.kind == "number":
        return shown.shares
    return shown.shares[:CELLS] if len(bins.levels) <= MAX_LEVEL_BINS else ()


def _why(reference: Reference, f: int) -> str:
    """Return why a feature is not judged in all windows."""
    panel = reference.panel
    if not reference.can_alarm:
        return "learning"
    if panel.effective_panes[f] < MIN_EFFECTIVE_PANES:
        return f"wanders: worth {panel.effective_panes[f]:.0f} panes, {MIN_EFFECTIVE_PANES} needed"
    lacking = np.flatnonzero(~panel.usable[:, f])
    if not len(lacking):
        return ""
    panes = panel.scales[int(lacking[-1])]
    effective = panes * reference.rows_per_pane / panel.design_effects[f]
    return f"n_eff {effective:.0f} < {MIN_EFFECTIVE_ROWS} in {panes} panes"


def _outliers(outliers: Outliers | None) -> OutlierPortrait | None:
    if outliers is None:
        return None
    by = "trees" if len(outliers.forest) else "distance"
    return OutlierPortrait(by, float(outliers.profile.shares.expected.mean()), outliers.profile.window)


def _promise(reference: Reference) -> list[PromisePortrait]:
    if reference.promise is None:
        return []
    groups = reference.promise.groups
    found = []
    hidden = {*(part for some in PARTS.values() for part in some), *map(cut_name, reference.promise.losses)}
    shown = {metric: losses for metric, losses in reference.promise.losses.items() if metric not in hidden}
    for metric, losses in shown.items():
        mine = [_promised(metric, *group, losses, i) for i, group in enumerate(groups) if losses.n[i] > 0]
        better = -1 if metric == "accuracy" else 1
        segments = [each for each in mine if each.segment and each.labels >= _LEAST_LABELS]
        found += [each for each in mine if not each.segment]
        found += sorted(segments, key=lambda each: -better * each.value)
    return found


def _promised(metric: str, segment: str, level: str, losses: GroupLosses, i: int) -> PromisePortrait:
    mean = losses.total[i] / losses.n[i]
    value = 1 - mean if metric == "accuracy" else math.sqrt(mean) if metric == "rmse" else mean
    return PromisePortrait(metric, segment, level, value, int(losses.n[i]), losses.n[i] / losses.design_effects[i])


def _estimates(reference: Reference) -> tuple[str, ...]:
    estimator = reference.estimator
    if estimator is None:
        return ()
    return tuple(sorted(estimator.dle if estimator.cbpe is None else estimator.cbpe.tau2))
