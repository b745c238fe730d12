"""What probably caused an incident: which bin, which segment or producer, which row first; from the raw rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors.blame.cells import Dimension, members
from detectors.blame.scan import Carrier, carriers, rate_carriers
from stream.ops.blame_bins import ANSWERS, LABELS, Coding, coding_of
from stream.ops.blame_cause import Carried, Cause
from stream.ops.blame_first import first_row
from stream.ops.blame_rows import Around, Rows, dimensions, rows_of
from stream.ops.blame_words import sentence
from stream.ops.explain import spec_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clickhouse_connect.driver.client import Client
    from streamgauge.spec import MonitorSpec

    from stream.ops.incident import Incident

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

TIMES_BEFORE = 4
"""The span before is so many times as long as the one that changed, a day at least; or so many cycles."""

LEAST_ROWS = 100
"""Rows before and after without which nothing is said."""

MOST_FEATURES = 3
ROWS = "rows"
DAY_MS = 86_400_000


def of_incident(client: Client, incident: Incident) -> list[Cause]:
    """Return the probable causes of an incident, the likeliest first; rows count as its verdicts' effective ones do."""
    sizes = [(one.keys.n, one.keys.n_eff) for one in incident.verdicts]
    effects = [n / n_eff for n, n_eff in sizes if n_eff is not None and n_eff > 0]
    return causes(client, spec_of(client, incident.lineage), incident, max([1.0, *effects]))


def causes(client: Client, spec: MonitorSpec, incident: Incident, design_effect: float = 1.0) -> list[Cause]:
    """Return the probable causes of an incident, as the rows up to its opening show them, the likeliest first.

    The same log gives the same answer. Costs a look at the rows of five times the span from onset to opening.
    """
    targets = targets_of(spec, incident)
    if not targets or incident.opened_ms <= incident.since_ms:
        return []
    around = around_of(spec, incident)
    rows = rows_of(client, spec, around, labels=incident.kind in ("performance", "no-labels"))
    if incident.kind == "volume":
        return _of_rows(spec, rows, around)
    codings = [coding_of(spec, rows, target, is_loss=incident.kind == "performance") for target in targets]
    found = (_of_coding(client, spec, around, rows, coding, design_effect) for coding in codings)
    return [cause for cause in found if cause is not None]


def targets_of(spec: MonitorSpec, incident: Incident) -> list[str]:
    """Return what an incident says has changed, of what rows can show."""
    if incident.kind == "performance":
        return [spec.performance.metric] if spec.performance else []
    if incident.kind in ("volume", "no-labels"):
        return [ROWS if incident.kind == "volume" else LABELS]
    return [name for name in incident.features if name in spec.features or name in ANSWERS][:MOST_FEATURES]


def around_of(spec: MonitorSpec, incident: Incident) -> Around:
    """Return which rows are looked at: those from onset to opening, and those before, at the same time of a cycle."""
    length = incident.opened_ms - incident.since_ms
    is_part = 0 < length < spec.cycle_ms
    before = TIMES_BEFORE * spec.cycle_ms if is_part else max(TIMES_BEFORE * length, DAY_MS)
    return Around(incident.since_ms - before, incident.since_ms, incident.opened_ms, spec.cycle_ms)


def _of_coding(
    client: Client, spec: MonitorSpec, around: Around, rows: Rows, coding: Coding, design_effect: float
) -> Cause | None:
    codes, width = coding.codes(rows), len(coding.labels)
    is_known = codes >= 0
    known, is_after = codes[is_known], rows.is_after[is_known]
    if min((~is_after).sum(), is_after.sum()) < LEAST_ROWS:
        return None
    dims = [one._replace(codes=one.codes[is_known]) for one in dimensions(spec, rows, coding.target)]
    found = carriers(known, width, is_after, dims, design_effect=design_effect)
    cause = replace(
        _whole(coding, np.bincount(known[~is_after], minlength=width), np.bincount(known[is_after], minlength=width)),
        carriers=tuple(_carried(one, dims, known, is_after, coding.labels) for one in found),
        first=first_row(client, spec, around, rows, coding, found[0].where) if found else None,
    )
    return _worded(_with_means(cause, coding, rows))


def _whole(coding: Coding, before: Ints, after: Ints) -> Cause:
    worst = _gained(before, after)
    shares = _share(before, worst), _share(after, worst)
    return Cause(coding.target, int(before.sum()), int(after.sum()), coding.labels[worst], *shares)


def _with_means(cause: Cause, coding: Coding, rows: Rows) -> Cause:
    if not coding.has_numbers:
        return cause
    numbers = coding.numbers(rows)
    sides = [numbers[side & np.isfinite(numbers)] for side in (~rows.is_after, rows.is_after)]
    before, after = (float(side.mean()) if len(side) else None for side in sides)
    return replace(cause, mean_before=before, mean_after=after)


def _worded(cause: Cause) -> Cause:
    return replace(cause, sentence=sentence(cause))


def _carried(one: Carrier, dims: Sequence[Dimension], codes: Ints, is_after: Flags, labels: Sequence[str]) -> Carried:
    """Return a carrier with the bin that gained most of its rows, and how full that is elsewhere."""
    worst = _gained(one.before, one.after)
    outside = codes[is_after & ~members(dims, one.where, len(codes))]
    return Carried(
        where=one.where,
        carried=round(one.carried, 4),
        score=round(one.score, 2),
        rows=int(one.after.sum()),
        bin=labels[worst],
        before=_share(one.before, worst),
        after=_share(one.after, worst),
        elsewhere=float((outside == worst).mean()) if len(outside) else 0.0,
    )


def _gained(before: Ints, after: Ints) -> int:
    """Return the bin whose share rose most."""
    return int((after / max(after.sum(), 1) - before / max(before.sum(), 1)).argmax())


def _share(counts: Ints, bin_: int) -> float:
    return float(counts[bin_] / max(counts.sum(), 1))


def _of_rows(spec: MonitorSpec, rows: Rows, around: Around) -> list[Cause]:
    """Return who sends more or fewer rows than before."""
    if (~rows.is_after).sum() < LEAST_ROWS:
        return []
    before, after = int((~rows.is_after).sum()), int(rows.is_after.sum())
    found = rate_carriers(rows.is_after, dimensions(spec, rows, ""), around.exposure)
    told = tuple(_carried_rows(one, around.exposure, after) for one in found)
    return [_worded(Cause(ROWS, before, after, ROWS, before * around.exposure, float(after), carriers=told))]


def _carried_rows(one: Carrier, exposure: float, all_rows: int) -> Carried:
    rows, before = int(one.after.sum()), float(one.before.sum()) * exposure
    score, part = round(one.score, 2), round(one.carried, 4)
    return Carried(one.where, part, score, rows, ROWS, before, float(rows), float(all_rows - rows))
