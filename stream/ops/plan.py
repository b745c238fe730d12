"""What a monitor costs before it is put in force: bytes, memory, disk, cores, and how long a worker takes to come back.

The sizes of sums are exact: they follow from the layout of the monitor's cells. What depends on the data (how well rows
compress, how many versions serve) is estimated, and each estimate is named here with where its figure comes from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from streamgauge.spec import MonitorSpec

from detectors.bins import MAX_LEVEL_BINS
from detectors.latency import LATENCY_BINS
from detectors.performance import task_sums
from detectors.reference import Reference
from stream.folds.layout import HEAD
from stream.topology import LEDGER, PREDICTIONS

DAY_S = 86_400
EVENT_BYTES = 100
"""A JSON event without its features, labels included."""
FEATURE_BYTES = 18
"""A feature of a JSON event, name and value: 20 of them and the rest make the 455 bytes of benchmarks.throughput."""
ROW_BYTES = 90
"""A row of a ledger block without its features: position, time, identity, id, codes."""
CELL_BYTES = 8
"""A feature of a row in the ledger and in memory: one word."""
STORED_ROW_BYTES = 60
STORED_NUMBER_BYTES = 7
STORED_TEXT_BYTES = 2
"""A raw row in ClickHouse after compression, and its features: an estimate, since it depends on the data."""
PENDING_BYTES = 32
"""A prediction that waits for its label, index included: `python -m benchmarks.join` prints it."""
NUMBER_BINS = 66
"""Bins of a number with a reference, missing and unseen included."""
SEGMENT_VALUES = 20
"""Values of a segment while no reference names them."""
WORKER_BYTES = 250 << 20
"""A worker of Python with the folds' compiled code, before it holds anything."""
VERSIONS = 2
"""A champion and one that it replaces."""
FOLD_ROWS_PER_S = 250_000
"""Rows that intake and measure fold together in a second of one core: `python -m benchmarks.throughput`."""
MUCH_BYTES = 8e9
"""Pending predictions above which somebody should think about the horizon."""
LOAD_BYTES_PER_S = 300e6
"""A checkpoint that is read, checked and indexed again: an estimate, since it depends on the disk."""
TAKE_OVER_S = 6.0
"""Until the broker gives the partitions of a dead worker to another: STREAMGAUGE_RUNTIME__SESSION_TIMEOUT_S."""
RESTART_S = 3.0
"""A worker's start, its compiled code at hand."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a monitor costs at a rate of predictions, each with a label; bytes, seconds, cores.

    Attributes
    ----------
    open_keys, key_bytes
        Sums that grow at the same time over all partitions, and the bytes of each.
    pending_rows
        Predictions within the label horizon.
    warnings
        Sentences: what would be refused, or cannot work.
    """

    rows_per_s: float
    public_bytes_per_s: float
    public_disk_bytes: float
    ledger_bytes_per_s: float
    ledger_disk_bytes: float
    open_keys: int
    key_bytes: int
    pending_rows: float
    measure_memory_bytes: float
    checkpoint_bytes: float
    raw_disk_bytes_per_day: float
    panes_per_day: float
    pane_rows_per_day: float
    pane_disk_bytes_per_day: float
    cores: float
    recovery_s: float
    warnings: tuple[str, ...]


def plan(
    spec: MonitorSpec, rate: float, reference: Reference | None = None, *, partitions: int = 4, checkpoint_s: float = 30
) -> Plan:
    """Return what a monitor costs at `rate` predictions a second.

    Parameters
    ----------
    reference
        The artifact that it is measured against, if there is one: its bins and levels are counted exactly.
    partitions
        Of the ledger.
    checkpoint_s
        Seconds between two checkpoints.

    Raises
    ------
    ValueError
        If the rate is not above 0.
    """
    if not rate > 0:
        raise ValueError(f"a rate is above 0 rows/s, got {rate}")
    numbers = sum(feature.type == "number" for feature in spec.features.values())
    texts = len(spec.features) - numbers
    groups = 1 + sum(_values(name, reference) for name in spec.segments)
    keys = VERSIONS * groups * _panes_open(spec) * partitions
    key_bytes = _key_bytes(spec, numbers, reference)
    pending = rate * spec.labels.horizon_ms / 1_000
    state = keys * key_bytes + pending * PENDING_BYTES
    public = rate * (2 * EVENT_BYTES + FEATURE_BYTES * len(spec.features))
    ledger = rate * (2 * ROW_BYTES + CELL_BYTES * len(spec.features))
    panes = DAY_S * 1_000 / spec.pane_ms * VERSIONS * groups
    pane_rows = panes * (len(spec.features) + len(task_sums(spec.task).names) + 1)
    return Plan(
        rows_per_s=rate,
        public_bytes_per_s=public,
        public_disk_bytes=public * PREDICTIONS.retention / 1_000,
        ledger_bytes_per_s=ledger,
        ledger_disk_bytes=ledger * LEDGER.retention / 1_000,
        open_keys=keys,
        key_bytes=key_bytes,
        pending_rows=pending,
        measure_memory_bytes=WORKER_BYTES + state,
        checkpoint_bytes=state,
        raw_disk_bytes_per_day=DAY_S * rate * _stored(numbers, texts),
        panes_per_day=panes,
        pane_rows_per_day=pane_rows,
        pane_disk_bytes_per_day=pane_rows * STORED_ROW_BYTES + panes * key_bytes / 4,
        cores=2 * rate / FOLD_ROWS_PER_S,
        recovery_s=_recovery_s(state, rate, checkpoint_s),
        warnings=(
            *_warnings(spec, rate, partitions),
            *_too_much(spec, pending),
            *_beyond_limits(spec, keys // partitions, pending / partitions),
        ),
    )


def _values(segment: str, reference: Reference | None) -> int:
    """Return how many groups a segment makes: its known values, and the others."""
    known = () if reference is None else reference.segments.get(segment, ())
    return 1 + (len(known) or SEGMENT_VALUES)


def _panes_open(spec: MonitorSpec) -> int:
    return 1 + math.ceil(spec.lateness_ms / spec.pane_ms) + 1  # and one for labels of older panes


def _key_bytes(spec: MonitorSpec, numbers: int, reference: Reference | None) -> int:
    bins = {bins.name: bins.width for bins in reference.bins} if reference else {}
    usual = {"number": NUMBER_BINS, "category": 2 + MAX_LEVEL_BINS}
    cells = sum(1 + bins.get(name, usual[feature.type]) for name, feature in spec.features.items())
    task = task_sums(spec.task)
    return 8 * (HEAD + cells + LATENCY_BINS + 4 * numbers + task.ints + task.floats)


def _stored(numbers: int, texts: int) -> int:
    """Return the bytes on ClickHouse's disk of a prediction and its label."""
    return 2 * STORED_ROW_BYTES + numbers * STORED_NUMBER_BYTES + texts * STORED_TEXT_BYTES


def _recovery_s(state: float, rate: float, checkpoint_s: float) -> float:
    """Return the seconds until a killed worker's results go on: taken over, loaded, and what came meanwhile folded."""
    behind = rate * 2 * (checkpoint_s + TAKE_OVER_S)
    return TAKE_OVER_S + RESTART_S + state / LOAD_BYTES_PER_S + behind / FOLD_ROWS_PER_S


def _warnings(spec: MonitorSpec, rate: float, partitions: int) -> list[str]:
    said = []
    if spec.labels.horizon_ms > LEDGER.retention:
        said.append(
            f"labels.horizon is {spec.labels.horizon_ms / 86_400_000:.0f} days, the ledger keeps "
            f"{LEDGER.retention / 86_400_000:.0f}: such a monitor is refused"
        )
    if 2 * rate > FOLD_ROWS_PER_S * partitions:
        said.append(f"{2 * rate:,.0f} rows/s need more than the {partitions} partitions of the ledger can spread")
    if rate * spec.pane_ms / 1_000 < 400:
        said.append(
            f"a pane of {spec.pane_ms / 1_000:g} s holds {rate * spec.pane_ms / 1_000:,.0f} rows: below 400 it is "
            "insufficient alone"
        )
    return said


def _beyond_limits(spec: MonitorSpec, keys: int, pending: float) -> list[str]:
    """Say which of the monitor's limits a ledger partition would come to."""
    limits, said = spec.limits, []
    if keys > limits.open_panes:
        said.append(
            f"{keys:,} sums are open in a ledger partition, above limits.open_panes of {limits.open_panes:,}: "
            "the oldest are sealed early, and each is written more than once"
        )
    if pending > limits.pending:
        hours = limits.pending / pending * spec.labels.horizon_ms / 3_600_000
        said.append(
            f"{pending:,.0f} predictions wait for labels in a ledger partition, above limits.pending of "
            f"{limits.pending:,}: labels that come more than {hours:,.0f} hours late would join none"
        )
    if limits.versions < VERSIONS:
        said.append("limits.versions is 1: a version that replaces another would count under __other__")
    return said


def _too_much(spec: MonitorSpec, pending: float) -> list[str]:
    size = pending * PENDING_BYTES
    if size <= MUCH_BYTES:
        return []
    days, a_day = spec.labels.horizon_ms / 86_400_000, size / spec.labels.horizon_ms * 86_400_000 / 1e9
    return [
        f"{pending:,.0f} predictions wait for labels: {size / 1e9:,.0f} GB of memory-mapped files over all workers; "
        f"if labels come sooner than in {days:g} days, say so: labels.horizon costs {a_day:,.1f} GB a day"
    ]
