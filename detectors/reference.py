"""Making a reference from rows. The artifact itself is in `detectors.artifact`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors import centres, pane_moments, scores
from detectors.artifact import (
    MAX_SEGMENTS,
    MIN_EFFECTIVE_PANES,
    MIN_PANES,
    WANTED_PANES,
    Reference,
    decode,
    encode,
    sha256,
)
from detectors.bins import MISSING
from detectors.columns import Binned, bin_numbers, bin_texts, count_by_pane, expected_shares
from detectors.feature_reference import FeatureReference

__all__ = ["Column", "FeatureReference", "Reference", "decode", "encode", "fit_reference", "sha256"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Column = ArrayLike | Sequence[str | None]

MIN_WINDOW_ROWS = 400
"""Least effective rows of a window that is judged; below it small p-values are 2 to 15 times too frequent."""


class _Panes(NamedTuple):
    """Which pane each row is in, ``(n,)``; the panes' starts and rows, ``(R,)``."""

    of_row: Ints
    starts: Ints
    rows: Floats


class _Feature(NamedTuple):
    """One feature counted, with the moments of its scores: what can be said before looking at the others."""

    binned: Binned
    counts: Floats
    shares: Floats
    scores: Floats
    moments: pane_moments.ScoreMoments


def fit_reference(
    columns: Mapping[str, Column],
    kinds: Mapping[str, str],
    pane_ms_of_row: ArrayLike,
    *,
    pane_ms: int,
    segments: Sequence[str] = (),
    label_ages_ms: ArrayLike | None = None,
    order_by: ArrayLike | None = None,
) -> Reference:
    """Return the reference of some rows.

    Parameters
    ----------
    columns
        Values by feature, each ``(n,)``: numbers with NaN for missing, or texts with None. A feature that
        `kinds` names and `columns` lacks is missing everywhere.
    kinds
        ``number`` or ``category`` for each feature; its order is that of the features.
    pane_ms_of_row
        Start of the pane of each row, epoch milliseconds, ``(n,)``.
    pane_ms
        Length of a pane.
    segments
        Categories whose levels are watched apart.
    label_ages_ms
        Age at which the label of each row came, ``(n,)``; -1 for never. None: no labels known.
    order_by
        The model's score of each row, ``(n,)``: the levels of a category are ordered by the mean score that
        they carry, so that the location test looks where the model is moved. None: by frequency.

    Raises
    ------
    ValueError
        If there are no rows, lengths differ, a kind is unknown, or a segment is not a category of `kinds`.

    Examples
    --------
    >>> hours = np.arange(6_000) // 100 * 3_600_000
    >>> reference = fit_reference({"x": np.arange(6_000) % 100}, {"x": "number"}, hours, pane_ms=3_600_000)
    >>> reference.panes, reference.can_alarm
    (60, True)
    """
    panes = _panes(np.asarray(pane_ms_of_row, np.int64))
    order = None if order_by is None else np.nan_to_num(np.asarray(order_by, np.float64))
    parts = [_feature(_binned(name, kind, columns.get(name), panes), panes, order) for name, kind in kinds.items()]
    features = _with_ratios(parts, panes)
    ages = np.asarray([] if label_ages_ms is None else label_ages_ms, np.int64)
    labelled = ages[ages >= 0]
    return Reference(
        features=features,
        panes=len(panes.rows),
        rows=len(panes.of_row),
        rows_per_pane=float(panes.rows.mean()),
        from_ms=int(panes.starts[0]),
        to_ms=int(panes.starts[-1]) + pane_ms,
        pane_ms=pane_ms,
        segments={name: _segment_levels(name, features) for name in segments},
        label_age_p95_ms=int(np.quantile(labelled, 0.95, method="inverted_cdf")) if len(labelled) else -1,
        label_share=len(labelled) / len(panes.of_row),
        warnings=_warnings(features, len(panes.rows)),
    )


def _panes(pane_of_row: Ints) -> _Panes:
    if not pane_of_row.size:
        raise ValueError("a reference needs rows, got none")
    starts, of_row, rows = np.unique(pane_of_row, return_inverse=True, return_counts=True)
    return _Panes(of_row.astype(np.int64), starts, rows.astype(np.float64))


def _binned(name: str, kind: str, column: Column | None, panes: _Panes) -> Binned:
    n = len(panes.of_row)
    if kind == "number":
        binned = bin_numbers(name, np.full(n, np.nan) if column is None else cast(ArrayLike, column))
    elif kind == "category":
        binned = bin_texts(name, [None] * n if column is None else cast(Sequence[str | None], column))
    else:
        raise ValueError(f"kind of {name} must be number or category, got {kind!r}")
    if len(binned.codes) != n:
        raise ValueError(f"{name} has {len(binned.codes)} values for {n} rows")
    return binned


def _feature(binned: Binned, panes: _Panes, order: Floats | None) -> _Feature:
    counts = count_by_pane(binned.codes, binned.bins.width, panes.of_row, len(panes.rows))
    shares = expected_shares(counts.sum(0), binned.seen_once)
    window_rows = max(float(panes.rows.mean()), MIN_WINDOW_ROWS)
    if binned.bins.kind == "number":
        by_bin = scores.number_scores(shares, window_rows)
    else:
        by_bin = scores.category_scores(shares, _level_order(binned, shares, order), window_rows)
    return _Feature(binned, counts, shares, by_bin, pane_moments.score_moments(counts, panes.rows, by_bin))


def _level_order(binned: Binned, shares: Floats, order: Floats | None) -> Floats:
    if order is None:
        return scores.order_by_frequency(shares)
    return scores.order_by_score(binned.codes, order, binned.bins.width)


def _with_ratios(parts: list[_Feature], panes: _Panes) -> tuple[FeatureReference, ...]:
    raw = [pane_moments.raw_ratios(part.moments, panes.rows) for part in parts]
    ratios = pane_moments.shrunk_ratios(raw, len(panes.rows))
    return tuple(_reference(part, ratio, panes) for part, ratio in zip(parts, ratios, strict=True))


def _reference(part: _Feature, ratios: Floats, panes: _Panes) -> FeatureReference:
    bins, moments = part.binned.bins, part.moments
    centre = (
        centres.number_centres(bins, part.binned.values, part.shares)
        if bins.kind == "number"
        else centres.category_centres(bins)
    )
    return FeatureReference(
        bins=bins,
        counts=tuple(int(n) for n in part.counts.sum(0)),
        rows=len(panes.of_row),
        shares=tuple(part.shares.tolist()),
        centres=tuple(centre.standard.tolist()),
        mean=centre.mean,
        sd=centre.sd,
        scores=_rows(part.scores),
        score_mean=tuple(moments.mean.tolist()),
        score_covariance=_rows(moments.covariance),
        ratios=_rows(ratios),
        sampling_share=tuple(moments.sampling_share.tolist()),
        dispersion=tuple(pane_moments.bin_dispersion(part.counts, panes.rows).tolist()),
        design_effect=moments.design_effect,
        effective_panes=_effective_panes(len(panes.rows), ratios),
    )


def _rows(table: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in table.tolist())


def _effective_panes(panes: int, ratios: Floats) -> float:
    """Return the panes that the reference is worth: fewer where they depend on each other in the long run."""
    longest = float(ratios[-1].max(initial=1.0))
    return max(float(ratios.shape[1] + 4), (panes - 1) / longest)


def _segment_levels(name: str, features: tuple[FeatureReference, ...]) -> tuple[str, ...]:
    for feature in features:
        if feature.name == name and not feature.is_number:
            return feature.bins.levels[:MAX_SEGMENTS]
    raise ValueError(f"segment {name} must be a category among the features")


def _warnings(features: tuple[FeatureReference, ...], panes: int) -> tuple[str, ...]:
    found = []
    if panes < MIN_PANES:
        found.append(f"{panes} panes: too few to alarm, {MIN_PANES} needed, {WANTED_PANES} wanted")
    elif panes < WANTED_PANES:
        found.append(f"{panes} panes: enough to alarm, {WANTED_PANES} wanted")
    found += [f"{f.name}: missing in every row" for f in features if f.counts[MISSING] == f.rows]
    moving = [f.name for f in features if f.effective_panes < MIN_EFFECTIVE_PANES]
    if panes >= MIN_PANES and len(moving) > 0.2 * len(features):
        found.append(
            f"the reference itself drifts: {len(moving)} of {len(features)} features are worth fewer than "
            f"{MIN_EFFECTIVE_PANES} panes ({', '.join(moving[:5])})"
        )
    return tuple(found)
