"""Result rows: what `measure` and `decide` settle and `store` upserts into ClickHouse.

Every row is an upsert: `position` is where in its log it was computed, a higher one replaces a lower one under the
same key, an equal one is identical (docs/architecture.md, rule 9). Times are epoch milliseconds. The columns of the
tables are these fields, in this order; tables and comments are in ``stream/clickhouse/migrations``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec


class Row(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """What all result rows carry. They hold no cycles, so the garbage collector need not look at them.

    Attributes
    ----------
    known_ms
        Log clock when it was computed: what "as known at T" compares with.
    position
        Version of the upsert.
    """


class PaneRow(Row, frozen=True, tag="panes"):
    """Rows of one pane that became known at one arrival. Key: all but `n` and what follows.

    `outliers` are rows that are unlike all of the reference's; -1 where they are not told: without a reference that
    knows any, and in segments.
    """

    lineage: str
    monitor: str
    model: str
    model_version: str
    segment_key: str
    segment_value: str
    pane_ms: int
    arrival_ms: int
    pane_s: int
    n: int
    duplicates: int
    invalid: int
    outliers: int
    labels: int
    latency_p50_ms: float
    latency_p95_ms: float
    merged: tuple[tuple[int, int], ...]
    known_ms: int
    position: int


class FeaturePaneRow(Row, frozen=True, tag="feature_panes"):
    """One feature of a `PaneRow`: integers that add up over arrivals, versions and panes, moments, extremes.

    `bins` are counts in the reference's bins: missing, below (or unseen), the bins, above. Empty while learning.
    `levels` are counts by level of a category while learning (no reference), at most 64, others under ``__other__``.
    """

    lineage: str
    model: str
    model_version: str
    segment_key: str
    segment_value: str
    pane_ms: int
    arrival_ms: int
    feature: str
    n: int
    missing: int
    invalid: int
    bins: tuple[int, ...]
    levels: dict[str, int]
    total: float
    squares: float
    low: float
    high: float
    known_ms: int
    position: int


class StatisticsRow(Row, frozen=True, tag="statistics"):
    """Effect sizes of one feature in one final pane against the reference, all versions together."""

    lineage: str
    model: str
    segment_key: str
    segment_value: str
    pane_ms: int
    feature: str
    n: int
    missing_share: float
    unseen_share: float
    psi: float
    js: float
    ks: float
    w1: float
    tv: float
    mean_shift_sd: float
    mean: float
    sd: float
    known_ms: int
    position: int


class PerformanceRow(Row, frozen=True, tag="performance"):
    """One metric of one prediction pane, as known at one arrival. NaN where it is not defined (too few labels).

    `tp`, `fp`, `fn`, `tn` (−1 for tasks without), `brier` and `ece` are of the same labels, whatever the metric.
    """

    lineage: str
    model: str
    model_version: str
    segment_key: str
    segment_value: str
    pane_ms: int
    arrival_ms: int
    metric: str
    value: float
    lo: float
    hi: float
    tolerated: float
    rows: int
    labels: int
    maturity: float
    is_mature: bool
    tp: int
    fp: int
    fn: int
    tn: int
    brier: float
    ece: float
    known_ms: int
    position: int


class ConfusionRow(Row, frozen=True, tag="confusions"):
    """Which classes were taken for which in one prediction pane, as known at one arrival: pairs with counts."""

    lineage: str
    model: str
    model_version: str
    segment_key: str
    segment_value: str
    pane_ms: int
    arrival_ms: int
    predicted: tuple[str, ...]
    truth: tuple[str, ...]
    counts: tuple[int, ...]
    maturity: float
    is_mature: bool
    known_ms: int
    position: int


class DisparityRow(Row, frozen=True, tag="disparities"):
    """A metric of one group of a protected segment, and of the rest, in one prediction pane, as known at one arrival.

    `difference` is `value` less `rest`, with its interval; `n` and `rest_n` are the rows that they are of.
    """

    lineage: str
    model: str
    model_version: str
    segment_key: str
    segment_value: str
    pane_ms: int
    arrival_ms: int
    metric: str
    value: float
    rest: float
    difference: float
    lo: float
    hi: float
    n: int
    rest_n: int
    maturity: float
    is_mature: bool
    known_ms: int
    position: int


class EstimateRow(Row, frozen=True, tag="estimates"):
    """One metric of one pane as the model's answers alone let it be estimated, and what labels said later.

    `coverage` and `weight` are of the record of all that was settled so far. NaN where it is not known.
    """

    lineage: str
    model: str
    model_version: str
    segment_key: str
    segment_value: str
    pane_ms: int
    metric: str
    estimate: float
    lo: float
    hi: float
    n: int
    settled: bool
    measured: float
    inside: bool
    coverage: float
    weight: float
    known_ms: int
    position: int


class VerdictRow(Row, frozen=True, kw_only=True, tag="verdicts"):
    """What was decided about one target (a feature, a metric) of one pane, and why, in words.

    `evidence_days`: at least so long lies between such findings if nothing were wrong; `budget_days`: from how many on
    it is proven at the monitor's budget. NaN stands for what was not tested, or is not defined.
    """

    id: str
    lineage: str
    monitor: str
    model: str
    pane_ms: int
    pane_s: int
    segment_key: str = ""
    segment_value: str = ""
    target: str
    kind: str
    status: str
    statistic: float = math.nan
    threshold: float = math.nan
    p: float = math.nan
    n: int
    n_eff: float = math.nan
    evidence_days: float = math.nan
    budget_days: float = math.nan
    effect: float = math.nan
    effect_name: str = ""
    floor: float = math.nan
    lo: float = math.nan
    hi: float = math.nan
    reason: str
    known_ms: int
    position: int


class IncidentRow(Row, frozen=True, tag="incidents"):
    """The state of one incident after a change. `closed_ms` is 0 while it is open."""

    id: str
    lineage: str
    monitor: str
    model: str
    kind: str
    level: str
    title: str
    features: tuple[str, ...]
    opened_ms: int
    closed_ms: int
    since_ms: int
    verdicts: tuple[str, ...]
    evidence_days: float
    budget_days: float
    known_ms: int
    position: int


class RetrainRow(Row, frozen=True, tag="retrains"):
    """The state of one retrain after a step: requested, trained, shadow, promoted, rejected, failed."""

    id: str
    model: str
    monitor: str
    lineage: str
    incident: str
    trigger: str
    reason: str
    step: str
    version: str
    verdict: str
    cut: tuple[tuple[int, int], ...]
    known_ms: int
    position: int


class RoleRow(Row, frozen=True, tag="roles"):
    """Which role a version has from `since_ms` (event time) on: champion, shadow, retired, rejected."""

    model: str
    model_version: str
    role: str
    since_ms: int
    actor: str
    reason: str
    known_ms: int
    position: int


class ConservationRow(Row, frozen=True, tag="conservation"):
    """Where all events of one kind went, cumulated from the lineage's start, for one ledger partition and producer."""

    model: str
    kind: str
    source: str
    partition: int
    received: int
    used: int
    duplicate: int
    late_used: int
    invalid: int
    unmatched: int
    pending: int
    known_ms: int
    position: int


class LineageRow(Row, frozen=True, tag="lineages"):
    """A lineage: one measuring part of a spec with one reference; panes of different lineages are never mixed."""

    lineage: str
    monitor: str
    model: str
    revision: int
    reference: str
    spec: str
    start_ms: int
    known_ms: int
    position: int


class FateRow(Row, frozen=True, tag="fates"):
    """A row that was not simply used: duplicate, too-late, unmatched, or invalid with its reason."""

    topic: str
    partition: int
    place: int
    model: str
    prediction_id: str
    kind: str
    fate: str
    reason: str
    known_ms: int
    position: int


Result = (
    PaneRow
    | FeaturePaneRow
    | StatisticsRow
    | PerformanceRow
    | ConfusionRow
    | DisparityRow
    | EstimateRow
    | VerdictRow
    | IncidentRow
    | RetrainRow
    | RoleRow
    | ConservationRow
    | LineageRow
    | FateRow
)

SHOWN = (FeaturePaneRow, StatisticsRow, PerformanceRow, ConfusionRow, DisparityRow)
"""Kinds of rows that are for people to look at: no decision and no finding is made of them."""

_decoder = msgspec.msgpack.Decoder(list[Result])
_encoder = msgspec.msgpack.Encoder()


def encode_rows(rows: Sequence[Result]) -> bytes:
    """Return rows as one record's value, in order.

    >>> row = RoleRow(
    ...     model="m",
    ...     model_version="1",
    ...     role="champion",
    ...     since_ms=0,
    ...     actor="decide",
    ...     reason="",
    ...     known_ms=1,
    ...     position=2,
    ... )
    >>> decode_rows(encode_rows([row])) == [row]
    True
    """
    return _encoder.encode(rows)


def decode_rows(value: bytes) -> list[Result]:
    """Return the rows of a record; msgspec.DecodeError if it holds none."""
    return _decoder.decode(value)
