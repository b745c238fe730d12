"""Making a panel from counts of the reference's panes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.bins import Bins
from detectors.panel.bin_moments import bin_dispersion, shares_by_phase, shares_of_bins
from detectors.panel.bin_values import centres_of_bins, normal_scores_of_bins
from detectors.panel.panel import MIN_EFFECTIVE_ROWS, MIN_PANES, Panel
from detectors.panel.ratios import variance_ratios
from detectors.panel.scales import choose_scales
from detectors.panel.score_moments import ScoreMoments, score_moments, whitening
from detectors.scores import SCORES, category_scores, number_scores, order_by_frequency

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ReferenceCounts:
    """The reference's panes, counted.

    Attributes
    ----------
    bins
        Of the F features.
    counts
        Rows by pane, feature and bin, ``(R, F, W)``; W is that of the widest feature.
    rows
        Of each pane, ``(R,)``, positive: empty panes are left out, or with a cycle whole cycles.
    seen_once
        Levels that occur in one row only, ``(F,)``. None: nothing is known of new levels.
    order
        By which levels are ordered (`detectors.scores.order_by_score`), ``(F, W)``. None: by frequency.
    centres
        Of bins in reference standard deviations (`detectors.centres`), ``(F, W)``. None: the bins' middles.
    """

    bins: tuple[Bins, ...]
    counts: Ints
    rows: Ints
    seen_once: Ints | None = None
    order: Floats | None = None
    centres: Floats | None = None


def fit_panel(
    reference: ReferenceCounts, scales: tuple[int, ...] | None = None, phases: int = 1, cycle: int = 1
) -> Panel:
    """Return the panel of a reference; O(R F W).

    Parameters
    ----------
    scales
        Panes of the tumbling windows, rising. None: chosen so that the smallest has 400 effective rows.
    phases
        Panes of a cycle; the panes are then whole cycles without gaps, from phase 0.
    cycle
        Panes of which each window holds a multiple, where phases are not told apart.

    Raises
    ------
    ValueError
        If shapes do not fit, a pane is empty, or counts do not add up to rows.

    Examples
    --------
    >>> from detectors.bins import fit_number
    >>> bins = (fit_number("x", [1.0, 2.0]),)
    >>> counts = np.tile([0, 0, 250, 250, 0], (60, 1, 1))
    >>> panel = fit_panel(ReferenceCounts(bins, counts, np.full(60, 500)))
    >>> panel.scales, panel.can_alarm, panel.usable.ravel().tolist()
    ((1, 4, 16), True, [True, True, True])
    """
    _check(reference, phases)
    counts, rows = reference.counts.astype(np.float64), reference.rows.astype(np.float64)
    shares = shares_of_bins(counts.sum(0), reference.bins, _seen_once(reference))
    if scales is None:
        trial = _scored(reference, shares, MIN_EFFECTIVE_ROWS, phases)
        scales = choose_scales(float(rows.mean()), trial.moments.design_effects, len(rows), cycle)
    window_rows = max(float(rows.mean()) * scales[0], MIN_EFFECTIVE_ROWS)
    return _panel(reference, shares, scales, phases, _scored(reference, shares, window_rows, phases))


class _Scored(NamedTuple):
    """Scores, ``(F, W, k)``, which of the k each feature has, ``(F, k)``, and their moments."""

    scores: Floats
    live: Flags
    moments: ScoreMoments


def _scored(reference: ReferenceCounts, shares: Floats, window_rows: float, phases: int) -> _Scored:
    scores, live = _scores(reference, shares, window_rows)
    counts, rows = reference.counts.astype(np.float64), reference.rows.astype(np.float64)
    return _Scored(scores, live, score_moments(counts, rows, scores, live, phases))


def _panel(reference: ReferenceCounts, shares: Floats, scales: tuple[int, ...], phases: int, scored: _Scored) -> Panel:
    counts, rows = reference.counts.astype(np.float64), reference.rows.astype(np.float64)
    moments, live, typical, centres = scored.moments, scored.live, float(rows.mean()), reference.centres
    ratios = _ratios(moments, rows, live, scales)
    largest = np.where(live, ratios, 1).max(2, initial=1.0)
    phase_shares = shares_by_phase(counts, rows, shares, phases)
    return Panel(
        bins=reference.bins,
        is_number=np.array([feature.kind == "number" for feature in reference.bins]),
        widths=_widths(reference),
        valid=np.arange(counts.shape[2]) < _widths(reference)[:, None],
        scales=scales,
        phases=phases,
        panes=len(rows),
        rows=int(reference.rows.sum()),
        rows_per_pane=typical,
        shares=shares,
        phase_shares=phase_shares,
        centres=centres_of_bins(reference.bins, shares) if centres is None else centres,
        normal_scores=normal_scores_of_bins(reference.bins, shares, reference.order),
        scores=scored.scores,
        live=live,
        means=moments.means,
        covariances=moments.covariances,
        whitening=whitening(moments.covariances[0]),
        ratios=ratios,
        largest_ratios=largest,
        reference_error=_reference_error(ratios, scales, len(rows) / phases, phases),
        sampling=moments.sampling,
        dispersion=bin_dispersion(counts, rows, phase_shares, shares),
        design_effects=moments.design_effects,
        effective_panes=np.maximum(live.sum(1) + 4.0, moments.freedom / largest[-1]),
        usable=_usable(scales, typical, moments.design_effects, len(rows)),
    )


def _check(reference: ReferenceCounts, phases: int) -> None:
    counts, rows = reference.counts, reference.rows
    widest = max((feature.width for feature in reference.bins), default=0)
    if counts.shape != (len(rows), len(reference.bins), widest) or not counts.size:
        raise ValueError(f"need counts (panes, features, {widest}) of a pane or more, got {counts.shape}")
    if (rows <= 0).any() or (counts.sum(2) != rows[:, None]).any():
        raise ValueError("panes must have rows, and a feature's counts must add up to them")
    if phases < 1 or (phases > 1 and len(rows) < 2 * phases):
        raise ValueError(f"a cycle must be there twice or more, got {len(rows)} panes and {phases} phases")


def _seen_once(reference: ReferenceCounts) -> Ints:
    return np.zeros(len(reference.bins), np.int64) if reference.seen_once is None else reference.seen_once


def _widths(reference: ReferenceCounts) -> Ints:
    return np.array([feature.width for feature in reference.bins], np.int64)


def _scores(reference: ReferenceCounts, shares: Floats, window_rows: float) -> tuple[Floats, Flags]:
    """Return the scores, ``(F, W, k)``, and which of the k each feature has, ``(F, k)``."""
    scores = np.zeros((*shares.shape, SCORES))
    live = np.zeros((len(shares), SCORES), bool)
    for f, feature in enumerate(reference.bins):
        own = shares[f, : feature.width]
        order = None if reference.order is None else reference.order[f, : feature.width]
        found = _scores_of(feature, own, order, window_rows)
        scores[f, : feature.width, : len(found)] = found.T
        live[f, : len(found)] = True
    return scores, live


def _scores_of(feature: Bins, shares: Floats, order: Floats | None, window_rows: float) -> Floats:
    if feature.kind == "number":
        return number_scores(shares, window_rows)
    return category_scores(shares, order_by_frequency(shares) if order is None else order, window_rows)


def _ratios(moments: ScoreMoments, rows: Floats, live: Flags, scales: tuple[int, ...]) -> Floats:
    ratios = [
        variance_ratios(moments.deviations[:, :, j].T, moments.variances[:, j], rows, live[:, j], scales)
        for j in range(live.shape[1])
    ]
    return np.stack(ratios, 2)


def _reference_error(ratios: Floats, scales: tuple[int, ...], cycles: float, phases: int) -> Floats:
    """Return the variance of the reference's mean: a window over several phases meets as many, whose errors average."""
    panes = np.array([cycles * min(m, phases) for m in scales])
    return np.asarray(ratios[-1] / panes[:, None, None], np.float64)


def _usable(scales: tuple[int, ...], typical: float, design_effects: Floats, panes: int) -> Flags:
    effective = np.array(scales)[:, None] * typical / design_effects
    return np.asarray((effective >= MIN_EFFECTIVE_ROWS) & (panes >= MIN_PANES))
