"""Making a reference from rows. The artifact itself is in `detectors.artifact`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from msgspec.structs import replace
from numpy.typing import ArrayLike, NDArray

from detectors.artifact import MAX_SEGMENTS, Reference, decode, encode, sha256
from detectors.bins import MISSING
from detectors.by_segment import fit_groups
from detectors.columns import Binned
from detectors.counting import PanesOfRows, bin_column, carried_by, count_rows, outputs_of, panes_of
from detectors.crossed import crossed_scores
from detectors.cycles import Cycles, cycles_of
from detectors.estimate.answers import Answered, Estimator, fit_scores, fit_values
from detectors.given import Answers, Column, Given
from detectors.outliers.reference import Kind, Outliers, fit_outliers
from detectors.outliers.reference import Panes as NumberedPanes
from detectors.panel.fit import ReferenceCounts, fit_panel
from detectors.panel.joint import pair_sums, with_joint
from detectors.panel.panel import Panel
from detectors.panel.status import warnings
from detectors.promise import Group, Panes, Promise, fit_promise
from detectors.quality.health_profile import Counted, HealthProfile, fit_health
from detectors.row_losses import cut_losses, cut_name, row_losses, row_parts

__all__ = ["Answers", "Column", "Reference", "decode", "encode", "fit_reference", "sha256"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

JOINT_FEATURES = 50
"""Up to so many features are watched in pairs: their number grows with the square."""


def fit_reference(
    columns: Mapping[str, Column],
    kinds: Mapping[str, str],
    pane_ms_of_row: ArrayLike,
    *,
    pane_ms: int,
    cycle_ms: int = 0,
    segments: Sequence[str] = (),
    label_ages_ms: ArrayLike | None = None,
    repeated_ms: ArrayLike | None = None,
    answers: Answers | None = None,
    outliers: Kind | Literal["none"] = "distance",
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
    cycle_ms
        Length of a cycle, a multiple of `pane_ms`: only rows of whole cycles take part (`detectors.cycles`). 0: none.
    segments
        Categories whose levels are told apart; features are watched within the larger ones (`detectors.by_segment`).
    label_ages_ms
        Age at which the label of each row came, ``(n,)``; -1 for never. None: no labels known.
    repeated_ms
        Start of the pane of each event that was dropped, since the same prediction was there before. None: not known.
    answers
        The model's answers are watched like a feature, and levels of a category are ordered by the mean answer that
        they carry, so that the location test looks where the model is moved. None: by frequency.
    outliers
        What rows are measured by that are unlike the others; ``none`` looks for none.

    Raises
    ------
    ValueError
        If there are no rows, lengths differ, a kind is unknown, a cycle does not hold whole panes, or a segment is not
        a category of `kinds`.

    Examples
    --------
    >>> hours = np.arange(6_000) // 100 * 3_600_000
    >>> reference = fit_reference({"x": np.arange(6_000) % 100}, {"x": "number"}, hours, pane_ms=3_600_000)
    >>> reference.panes, reference.can_alarm
    (60, True)
    """
    given = Given(columns, np.asarray(pane_ms_of_row, np.int64), label_ages_ms, answers, repeated_ms)
    cycles = _cycles(given.pane_of_row, pane_ms, cycle_ms)
    return _fitted(given.of_panes(cycles.used), kinds, pane_ms, cycle_ms, segments, cycles, outliers)


def _cycles(pane_of_row: Ints, pane_ms: int, cycle_ms: int) -> Cycles:
    if not pane_of_row.size:
        raise ValueError("a reference needs rows, got none")
    if cycle_ms % pane_ms:
        raise ValueError(f"a cycle must hold whole panes, got {cycle_ms} ms of panes of {pane_ms} ms")
    return cycles_of(np.unique(pane_of_row) // pane_ms, max(1, cycle_ms // pane_ms))


def _fitted(
    given: Given,
    kinds: Mapping[str, str],
    pane_ms: int,
    cycle_ms: int,
    segments: Sequence[str],
    cycles: Cycles,
    strange: Kind | Literal["none"],
) -> Reference:
    panes, answers = panes_of(given.pane_of_row), given.answers
    n = len(panes.of_row)
    features = [bin_column(name, kind, given.columns.get(name), n) for name, kind in kinds.items()]
    inputs = len(features)
    features += outputs_of(answers, n)
    counted = count_rows(features, panes, carried_by(answers))
    fitted = fit_panel(counted, phases=cycles.phases, cycle=cycles.window)
    numbered = NumberedPanes(panes.of_row, _numbers(panes, pane_ms, cycles.phases), panes.rows, cycles.phases)
    panel, outliers = _with_pairs(fitted, features[:inputs], numbered, strange, carried_by(answers))
    levels = {name: _segment_levels(name, features) for name in segments}
    groups = _groups(features, levels)
    labelled = given.ages_ms[given.ages_ms >= 0]
    return Reference(
        panel=panel,
        counts=counted.counts.sum(0),
        outputs=len(features) - inputs,
        from_ms=int(panes.starts[0]),
        to_ms=int(panes.starts[-1]) + pane_ms,
        pane_ms=pane_ms,
        cycle_ms=cycle_ms,
        segments=levels,
        label_age_p95_ms=int(np.quantile(labelled, 0.95, method="inverted_cdf")) if len(labelled) else -1,
        label_share=len(labelled) / n,
        watched=fit_groups(counted, features, groups, panes.of_row, cycles),
        promise=_promise(answers, panes, groups),
        estimator=_estimator(answers, features[inputs:], panes),
        outliers=outliers,
        health=_health(features, counted, panes, pane_ms, given, cycles.phases),
        warnings=(*_never_there(panel, counted), *cycles.warnings, *warnings(panel)),
    )


def _health(
    features: Sequence[Binned], counted: ReferenceCounts, panes: PanesOfRows, pane_ms: int, given: Given, phases: int
) -> HealthProfile:
    labelled = given.ages_ms >= 0
    found = Counted(
        _numbers(panes, pane_ms, phases),
        panes.rows,
        counted.counts,
        [feature.levels for feature in features],
        panes.of_row,
        labelled if labelled.any() else None,
        None if given.repeated_ms is None else _per_pane(panes, np.asarray(given.repeated_ms, np.int64)),
    )
    return fit_health(counted.bins, found, phases)


def _per_pane(panes: PanesOfRows, starts: Ints) -> Ints:
    """Return how often the start of each pane is given, ``(R,)``; other starts are passed over."""
    return np.bincount(np.searchsorted(panes.starts, starts[np.isin(starts, panes.starts)]), minlength=len(panes.rows))


def _numbers(panes: PanesOfRows, pane_ms: int, phases: int) -> Ints:
    """Return the number of each pane, ``(R,)``: with phases no pane lacks but of cycles left out, which are no gap."""
    return panes.starts // pane_ms if phases == 1 else np.arange(len(panes.rows))


def _with_pairs(
    panel: Panel,
    inputs: Sequence[Binned],
    panes: NumberedPanes,
    strange: Kind | Literal["none"],
    carried: Floats | None,
) -> tuple[Panel, Outliers | None]:
    """Return the panel with the joint test of the inputs that vary, and what an outlier is; not for too many."""
    varying = np.flatnonzero(panel.normal_scores[: len(inputs)].any(1))
    if not 2 <= len(varying) <= JOINT_FEATURES:
        return panel, None
    by_row = np.stack([panel.normal_scores[f][inputs[f].codes] for f in varying.tolist()], 1)
    crossed = by_row
    if carried is not None:
        crossed = crossed_scores(panel, [inputs[f] for f in varying.tolist()], carried, panes.of_row)
    in_order = crossed[np.argsort(panes.of_row, kind="stable")]
    parts = np.split(in_order, np.cumsum(panes.rows)[:-1])
    sums = np.stack([pair_sums(part) for part in parts])
    joint = with_joint(panel, sums, panes.rows.astype(np.float64), varying)
    return joint, None if strange == "none" else fit_outliers(by_row, panes, panel.scales[0], strange)


def _segment_levels(name: str, features: Sequence[Binned]) -> tuple[str, ...]:
    for feature in features:
        if feature.bins.name == name and feature.bins.kind == "category":
            return feature.bins.levels[:MAX_SEGMENTS]
    raise ValueError(f"segment {name} must be a category among the features")


def _groups(features: Sequence[Binned], levels: Mapping[str, tuple[str, ...]]) -> dict[Group, NDArray[np.bool_]]:
    """Return the rows of each level of each segment."""
    by_name = {feature.bins.name: feature for feature in features}
    return {(name, level): by_name[name].of_level(level) for name, some in levels.items() for level in some}


def _promise(answers: Answers | None, panes: PanesOfRows, groups: Mapping[Group, NDArray[np.bool_]]) -> Promise | None:
    if answers is None or answers.truth is None:
        return None
    rows = answers.task, np.asarray(answers.served), np.asarray(answers.truth)
    losses = row_losses(*rows)
    if all(np.isnan(of_rows).all() for of_rows in losses.values()):
        return None
    clip, cut = cut_losses(losses)
    judged = {cut_name(metric): of_rows for metric, of_rows in cut.items()}
    promise = fit_promise({**losses, **judged, **row_parts(*rows)}, Panes(panes.of_row, len(panes.rows)), groups)
    return replace(promise, clip=clip)


def _estimator(answers: Answers | None, outputs: Sequence[Binned], panes: PanesOfRows) -> Estimator | None:
    if answers is None or answers.truth is None or answers.task == "multiclass" or not outputs:
        return None
    served, truth = np.asarray(answers.served, np.float64), np.asarray(answers.truth, np.float64)
    rows = Answered(outputs[0].codes, served, truth, panes.of_row)
    if answers.task == "binary":
        return fit_scores(outputs[0].bins, rows)
    return fit_values(outputs[0].bins, rows, cut_losses(row_losses(answers.task, served, truth))[1])


def _never_there(panel: Panel, counted: ReferenceCounts) -> list[str]:
    absent = counted.counts[:, :, MISSING].sum(0) == panel.rows
    return [f"{panel.names[f]}: missing in every row" for f in np.flatnonzero(absent)]
