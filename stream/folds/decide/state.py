"""What one partition of `partials` remembers: sums, panes that wait for labels, incidents, the model loop."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from detectors.confusion import NOTHING, Confusion
from detectors.estimate.record import TrackRecord
from detectors.outliers.watch import OutlierWatch
from detectors.paired import Paired
from detectors.panel.gauge_state import GaugeState
from detectors.quality.pool import Pool
from stream.folds.partials import Partial

SCHEMA = 12
# Version, segment key, segment value.
GroupId = tuple[str, str, str]
# Segment key, segment value: both empty for all rows.
Part = tuple[str, str]
ALL: Part = ("", "")
# How far each ledger partition has been decided on.
Cut = list[tuple[int, int]]


class Standing(msgspec.Struct, array_like=True):
    """Where one ledger partition stands for one lineage, by its last accepted mark."""

    watermark_ms: int
    idle: bool
    start_ms: int
    clock_ms: int
    labels_behind: bool


class Sums(msgspec.Struct, array_like=True):
    """Performance sums of one group of a prediction pane, over all arrivals so far."""

    rows: int
    labels: int
    task_cells: np.ndarray
    task_sums: np.ndarray
    pairs: dict[str, tuple[int, float, float]]
    confusion: Confusion = NOTHING


class Guess(NamedTuple):
    """What a pane's metric was estimated to be (`detectors.estimate.interval.Estimated`)."""

    value: float
    lo: float
    hi: float
    se: float


class PredictionPane(msgspec.Struct, array_like=True):
    """A final pane whose labels may still come."""

    groups: dict[GroupId, Sums] = {}
    judged: bool = False
    guess: Guess | None = None


class Unlabelled(msgspec.Struct, array_like=True):
    """Answers by bin over the panes of a window whose performance is to be estimated."""

    panes: int = 0
    first_ms: int = 0
    counts: np.ndarray = msgspec.field(default_factory=lambda: np.zeros(0, np.int64))


class Incident(msgspec.Struct, array_like=True):
    """One fault: which features, since when, and how many windows have been quiet.

    `parts` is where it was seen: of drift the gauges that alarmed, the first that opened it, each with the share of all
    rows that each feature displaced there. `absent` counts the panes since the group that closes it had rows.

    `pool` are the panes since a fault of the data was last found in one, as `pool_lineage` counts them.
    """

    id: str
    monitor: str
    kind: str
    level: str
    title: str
    features: list[str]
    opened_ms: int
    since_ms: int
    quiet: int = 0
    updates: int = 0
    closed_ms: int = 0
    verdicts: list[str] = []
    evidence_days: float = 0.0
    budget_days: float = 0.0
    parts: dict[Part, dict[str, float]] = {}
    absent: int = 0
    pool: Pool | None = None
    pool_lineage: str = ""


class MaturePane(msgspec.Struct, array_like=True):
    """Losses of one version in one mature pane."""

    pane_ms: int
    labels: float
    total: float
    squares: float


class Losing(msgspec.Struct, array_like=True):
    """Evidence of lost performance by group and alternative, and the pane in which each group's evidence began."""

    state: np.ndarray
    log_evidence: np.ndarray
    since_ms: np.ndarray


class Listening(msgspec.Struct, array_like=True):
    """What one of river's detectors remembers, and the release that wrote it; panes and their sum since it began."""

    library: str
    state: bytes
    panes: int
    total: float
    since_ms: int


class LineageState(msgspec.Struct, array_like=True):
    """All that is known of one lineage.

    `gauge` watches all rows, `part_gauges` groups of segments. `empty` is how many final panes in a row had no rows;
    `losing` and `history` are of the losses of a version ("": all together). `listening` are river's detectors, by the
    key of the spec's entry.

    Panes before `mended_ms` are shown and not judged: a person said that what they show is over.

    `steps` are the watermarks of each partition that are above the newest final pane, each with its mark's log clock;
    `moved_ms` is the log clock with which any watermark moved last. `kept` and `unjudged` are heaps of the starts of
    `panes`, and of those whose labels were not mature yet.
    """

    spec: bytes
    standing: dict[int, Standing] = {}
    steps: dict[int, list[tuple[int, int]]] = {}
    moved_ms: int = 0
    newest_final: int | None = None
    waiting: dict[int, list[tuple[int, Partial]]] = {}
    late: list[tuple[int, Partial]] = []
    panes: dict[int, PredictionPane] = {}
    kept: list[int] = []
    unjudged: list[int] = []
    gauge: GaugeState | None = None
    part_gauges: dict[Part, GaugeState] = {}
    outliers: OutlierWatch = OutlierWatch()
    empty: int = 0
    losing: dict[str, Losing] = {}
    unlabelled: Unlabelled = msgspec.field(default_factory=Unlabelled)
    record: TrackRecord = TrackRecord()
    history: dict[str, list[MaturePane]] = {}
    listening: dict[str, Listening] = {}
    mended_ms: int = 0


class Version(msgspec.Struct, array_like=True):
    """A registered version: what its validation promises.

    `attribution` is what it makes of values, as `detectors.attribution.encode` has it; empty if that is not known.
    """

    version: str
    passed: bool
    why: str
    metric: str
    loss_n: int
    loss_mean: float
    loss_sd: float
    retrain: str
    attribution: bytes = b""


class Retrain(msgspec.Struct, array_like=True):
    """A retrain in flight, from the event to the verdict; `waited` counts mature panes since its last step."""

    id: str
    monitor: str
    lineage: str
    incident: str
    trigger: str
    reason: str
    cut: Cut
    version: str = ""
    waited: int = 0
    paired: Paired = msgspec.field(default_factory=Paired)


class Loop(msgspec.Struct, array_like=True):
    """The life of one model: its versions, who serves, what is being trained or compared."""

    versions: dict[str, Version] = {}
    champion: str = ""
    retrain: Retrain | None = None
    judged_labels: dict[str, int] = {}
    last_retrain_ms: int | None = None
    labels_at_retrain: int = 0
    asked: int = 0
    incidents: dict[str, Incident] = {}
    numbered: int = 0


class Hearing(msgspec.Struct, array_like=True):
    """When each ledger partition was last heard, on a clock that stands still while nobody speaks.

    `is_told` says that the last message found one of them silent.
    """

    active_ms: int = 0
    last_ms: int = 0
    heard_ms: dict[int, int] = {}
    is_told: bool = False


class DecideState(msgspec.Struct):
    """All of it. Of each ledger partition: the last accepted (position, part), its message's parts, the log clock.

    All lineages are of one `epoch`: a command ``begin`` ends those before it.
    """

    position: int = -1
    epoch: int = 0
    clocks: dict[int, int] = {}
    seen: dict[int, tuple[int, int]] = {}
    lineages: dict[str, LineageState] = {}
    current: dict[str, str] = {}
    loops: dict[str, Loop] = {}
    commands: dict[str, bool] = {}
    parts: dict[int, int] = {}
    gaps: dict[int, int] = {}
    hearing: Hearing = msgspec.field(default_factory=Hearing)

    @property
    def cut(self) -> Cut:
        """How far each ledger partition has been decided on."""
        return [(partition, to) for partition, (to, _) in sorted(self.seen.items())]
