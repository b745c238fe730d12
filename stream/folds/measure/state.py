"""What one ledger partition remembers: how far it has come, open keys, and predictions that wait for labels."""

from __future__ import annotations

import msgspec
import numpy as np

SCHEMA = 2
NEVER = -(1 << 62)

# A key of sums: lineage, version, segment key, segment value, pane start.
KeyId = tuple[str, str, str, str, int]
SourceId = tuple[str, str, int]
CountId = tuple[str, str, str]

TRUTH, FEEDBACK = 1, 2


class Key(msgspec.Struct, array_like=True):
    """Sums that still grow. `late_pane` is the watermark's pane when a late key opened, NEVER for one in time."""

    opened: int
    late_pane: int
    cells: np.ndarray
    sums: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    task_cells: np.ndarray
    task_sums: np.ndarray
    levels: dict[str, dict[str, int]]
    pairs: dict[str, tuple[int, float, float]]


class Waiting(msgspec.Struct, array_like=True):
    """A prediction within the label horizon: what a label needs to count, and which lanes have one already."""

    event_ms: int
    version: str
    score: float | None
    predicted: float | str | None
    groups: dict[str, tuple[str, ...]]
    shadow: dict[str, float]
    lanes: int = 0


class Early(msgspec.Struct, array_like=True):
    """A label that came before its prediction."""

    event_ms: int
    truth: float | str
    source: str
    topic: str
    partition: int
    place: int


class ModelState(msgspec.Struct, array_like=True):
    """One model in one ledger partition. Ids are kept by hour of event time and leave whole hours at a time.

    Those of events before `forgotten_ms` have left, whatever a later lineage's watermark says: it never falls.
    """

    newest_ms: int = NEVER
    newest_by_source: dict[SourceId, int] = {}
    row_tick: int = 0
    closed: bool = False
    waiting: dict[str, Waiting] = {}
    hours: dict[int, list[str]] = {}
    early: dict[str, Early] = {}
    early_hours: dict[int, list[str]] = {}
    forgotten_ms: int = NEVER


class SourceState(msgspec.Struct, array_like=True):
    """How far a source is read (`high`), where its log ended at the last tick, and whether it is behind.

    A source is `gone` when its topic was made again: it is remembered, for what is still on its way, but holds nothing.
    """

    high: int
    end: int
    behind: bool
    ticked_ms: int
    gone: bool = False


class LineageState(msgspec.Struct, array_like=True):
    """A lineage here: where it began, and the watermark of its last mark."""

    monitor: str
    model: str
    start_ms: int
    watermark_ms: int = NEVER
    retired: bool = False


class MeasureState(msgspec.Struct):
    """All of it; `facts`, `fates` and `dirty` wait for the next tick.

    `marked` is the position of the last message to each partition of `partials`.
    """

    position: int = -1
    marked: dict[int, int] = {}
    clock_ms: int = 0
    second: int = -1
    ticks: int = 0
    sources: dict[SourceId, SourceState] = {}
    specs: dict[str, bytes] = {}
    lineages: dict[str, LineageState] = {}
    models: dict[str, ModelState] = {}
    keys: dict[KeyId, Key] = {}
    counts: dict[CountId, list[int]] = {}
    dirty: dict[CountId, bool] = {}
    facts: list[tuple[int, str, bytes, bytes]] = []
    fates: list[tuple[str, int, int, str, str, str, str, str]] = []
