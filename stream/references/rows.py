"""The reference of rows, wherever they come from: each prediction once, with what was answered and what came true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray
from streamgauge.spec import MonitorSpec

from detectors.artifact import Origin, Reference
from detectors.quality.health_profile import HealthProfile
from detectors.reference import Answers, Column, fit_reference
from stream.references.errors import ReferenceError
from stream.references.times import moment
from stream.references.version import Chosen, answering

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_MOST_YOUNG = 0.05
"""Share of rows whose labels may still be missing without a word."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Predictions with their labels, ``(n,)`` each.

    Attributes
    ----------
    event_ms
        Event times, epoch milliseconds.
    columns
        Values by feature: numbers (NaN: missing) or texts (None: missing).
    served
        What the model answered, as `measure` takes it: scores or values (NaN: none); of classes their names (None).
    truth
        What came true: labels, of several revisions the newest; NaN or None where it is not known.
    label_ages_ms
        Age at which the first label came; -1 for never.
    version
        Place in `versions` of the one that answered; -1 for none.
    versions
        Names of versions.
    repeated_ms
        Event times of predictions that were there before, once for each time that they came again; None: not known.
    seen_ms
        Event time up to which labels may have come; None: no more will come.
    is_timed
        Whether event times are the rows' own. Where they were made up, nothing is known of how many rows a pane has.
    """

    event_ms: Ints
    columns: Mapping[str, Column]
    served: Column
    truth: Column
    label_ages_ms: Ints
    version: Ints
    versions: Sequence[str]
    seen_ms: int | None = None
    repeated_ms: Ints | None = None
    is_timed: bool = True

    def __len__(self) -> int:
        return len(self.event_ms)


def fitted(spec: MonitorSpec, rows: Rows, origin: Origin, notes: Sequence[str] = ()) -> Reference:
    """Return the reference of rows.

    All rows say what is normal of features and answers. What was promised, and how answers and truth go together, is
    said by one version, the one that answered most rows.

    Parameters
    ----------
    origin
        Where the rows come from; its version is found here.
    notes
        More sentences for the owner, before those that the fit finds.

    Raises
    ------
    ReferenceError
        If there are no rows.
    """
    if not len(rows):
        raise ReferenceError(f"no row of model {spec.model!r}: nothing says what is normal")
    chosen = answering(rows.served, rows.version, rows.versions)
    reference = fit_reference(
        rows.columns,
        {name: feature.type for name, feature in spec.features.items()},
        _floored(rows.event_ms, spec.pane_ms),
        pane_ms=spec.pane_ms,
        cycle_ms=spec.cycle_ms,
        segments=spec.segments,
        label_ages_ms=rows.label_ages_ms,
        repeated_ms=None if rows.repeated_ms is None else _floored(rows.repeated_ms, spec.pane_ms),
        answers=_answers(spec.task, rows, chosen),
        outliers=spec.outliers,
    )
    is_promised = reference.promise is not None
    return msgspec.structs.replace(
        reference,
        origin=msgspec.structs.replace(origin, version=chosen.name if is_promised else ""),
        health=reference.health if rows.is_timed else _without_volume(reference.health),
        warnings=(*notes, *(chosen.warnings if is_promised else ()), *_immature(rows, reference), *reference.warnings),
    )


def _floored(event_ms: Ints, pane_ms: int) -> Ints:
    return event_ms - event_ms % pane_ms


def _without_volume(health: HealthProfile) -> HealthProfile:
    """Return what is normal without how many rows a pane has, or how many empty ones follow each other: of no pane."""
    volume = msgspec.structs.replace(health.volume, panes=0)
    return msgspec.structs.replace(health, volume=volume, gap=msgspec.structs.replace(health.gap, panes=0))


def _immature(rows: Rows, reference: Reference) -> Iterator[str]:
    """Yield a sentence if many rows were so young that their labels may still come: then too few were counted."""
    if rows.seen_ms is None or reference.label_age_p95_ms <= 0:
        return
    young = int((rows.event_ms > rows.seen_ms - reference.label_age_p95_ms).sum())
    if young > _MOST_YOUNG * len(rows):
        ready_ms = int(rows.event_ms.max()) + reference.label_age_p95_ms
        yield (
            f"{100 * young / len(rows):.0f} % of the rows are younger than labels take to come: fewer labels are "
            f"expected than there will be; build it again when rows of {moment(ready_ms // 1000 * 1000)} are there"
        )


def _answers(task: str, rows: Rows, chosen: Chosen) -> Answers | None:
    """Return the answers of all versions, with the truths of the one that is chosen; None if nobody answered."""
    if not chosen.is_any:
        return None
    if task == "multiclass":
        known = np.array(rows.truth, object)
        known[~chosen.rows] = None
        return Answers(task, rows.served, known.tolist())
    return Answers(task, rows.served, np.where(chosen.rows, np.asarray(rows.truth, np.float64), np.nan))
