"""What one ledger partition remembers: how far it has come, open keys, and predictions that wait for labels."""

from __future__ import annotations

import msgspec
import numpy as np

from stream.folds.arrays import decode_state, encode_state
from stream.folds.base import OpenFile, Snapshot
from stream.folds.measure import contexts, early, fates, keys
from stream.folds.measure.desk import Desk
from stream.folds.measure.key_kernels import NEVER
from stream.folds.measure.prediction_kernels import Known
from stream.folds.measure.shape import NO_SHAPE, Shape, sizes_of
from stream.folds.measure.watch import Watch
from stream.folds.pending import Pending

SCHEMA = 9
NONE = -1

SourceId = tuple[str, str, int]


class SourceState(msgspec.Struct, array_like=True):
    """How far a source is read (`high`), where its log ended at the last tick, and whether it is behind.

    A source is `gone` when its topic was made again: it is remembered, for what is still on its way, but holds nothing.

    Attributes
    ----------
    ticked_ms, tick, reader
        Log clock and number of the tick in which it was named last; by which worker, and where that began to read.
    complete
        Nothing that was appended before the tick of this number is unread; NONE if that is not known of any.
    wanted, wanted_tick
        Once read up to `wanted`, it is complete as of tick `wanted_tick`; NONE while nothing is waited for.
    siblings
        Partitions of its topic, itself among them; 0 until a tick tells it.
    """

    high: int
    end: int
    behind: bool
    ticked_ms: int
    gone: bool = False
    tick: int = NONE
    reader: tuple[str, int] | None = None
    complete: int = NONE
    wanted: int = 0
    wanted_tick: int = NONE
    siblings: int = 0


class Newest(msgspec.Struct, array_like=True):
    """The newest event time of each model at a tick, and the log clock then."""

    clock_ms: int
    by_model_ms: np.ndarray


class LineageState(msgspec.Struct, array_like=True):
    """A lineage here: where it began, the watermark of its last mark, and the shape of its keys."""

    monitor: str
    model: str
    start_ms: int
    watermark_ms: int = NEVER
    retired: bool = False
    shape: Shape = NO_SHAPE


class ModelState(msgspec.Struct, array_like=True):
    """Models by number: newest event time, tick of last row or close, whether closed, whether ever seen; their names.

    Entries of events before `forgotten_ms` have left, whatever a later lineage's watermark says: it never falls.
    """

    names: dict[str, int]
    newest_ms: np.ndarray
    row_tick: np.ndarray
    closed: np.ndarray
    seen: np.ndarray
    forgotten_ms: np.ndarray

    @classmethod
    def none(cls) -> ModelState:
        """Return no models."""
        ints, flags = np.zeros(0, np.int64), np.zeros(0, np.bool_)
        return cls({}, ints, ints, flags, flags, ints)

    @property
    def known(self) -> Known:
        """The columns that compiled code changes."""
        return Known(self.newest_ms, self.row_tick, self.closed, self.seen)

    def number(self, name: str) -> int:
        """Return the number of a model, which is new if it has none."""
        if name not in self.names:
            self.names[name] = len(self.names)
            self.newest_ms, self.row_tick = np.append(self.newest_ms, NEVER), np.append(self.row_tick, 0)
            self.closed, self.seen = np.append(self.closed, False), np.append(self.seen, False)
            self.forgotten_ms = np.append(self.forgotten_ms, NEVER)
        return self.names[name]


class Log(msgspec.Struct, kw_only=True):
    """How far this is, and what waits for the next tick (`facts`, `fates`).

    `marked` is the position of the last message to each partition of `partials`; `newest` is the newest event time of
    each model from each source of predictions, `newest_at` that from all of them at those ticks that sources may be
    complete as of; `epoch` is that of the last command ``begin``, 0 before one; `classes` are names by hash.
    """

    position: int = -1
    marked: dict[int, int] = {}
    clock_ms: int = 0
    second: int = -1
    ticks: int = 0
    sources: dict[SourceId, SourceState] = {}
    newest: dict[SourceId, np.ndarray] = {}
    newest_at: dict[int, Newest] = {}
    specs: dict[str, Watch] = {}
    lineages: dict[str, LineageState] = {}
    epoch: int = 0
    facts: list[tuple[int, str, bytes, bytes]] = []
    fates: list[fates.FateLine] = []
    classes: dict[int, str] = {}


class _Saved(msgspec.Struct, array_like=True):
    log: Log
    models: ModelState
    contexts: contexts.Saved
    keys: keys.Saved
    counts: fates.Saved
    early: early.Saved
    pending: bytes


class MeasureState(Log, kw_only=True, eq=False):
    """All of it; `desk` is a cache of the rest."""

    models: ModelState = msgspec.field(default_factory=ModelState.none)
    contexts: contexts.ContextStore = msgspec.field(default_factory=contexts.ContextStore)
    keys: keys.KeyStore = msgspec.field(default_factory=keys.KeyStore)
    counts: fates.Counts = msgspec.field(default_factory=fates.Counts)
    early: early.EarlyLabels = msgspec.field(default_factory=early.EarlyLabels)
    pending: Pending = msgspec.field(default_factory=Pending)
    desk: Desk = msgspec.field(default_factory=Desk)


def begin(state: MeasureState, epoch: int) -> None:
    """Forget all that was measured before a new epoch but how far this is; one that is not new changes nothing."""
    if epoch <= state.epoch:
        return
    kept = {name: getattr(state, name) for name in ("position", "clock_ms", "second", "ticks", "sources")}
    fresh = MeasureState(epoch=epoch, **kept)
    for name in MeasureState.__struct_fields__:
        setattr(state, name, getattr(fresh, name))


def encode_measure(state: MeasureState) -> Snapshot:
    """Return the state as bytes: a function of the log alone, whatever lies where in memory."""
    log = Log(**{name: getattr(state, name) for name in Log.__struct_fields__})
    pending, files = state.pending.encode()
    sizes = sizes_of(here.shape for here in state.lineages.values())
    parts = (state.contexts.saved(), state.keys.saved(sizes), state.counts.saved(), state.early.saved())
    return Snapshot(encode_state(SCHEMA, _Saved(log, state.models, *parts, pending)), files)


def decode_measure(data: bytes, open_file: OpenFile) -> MeasureState:
    """Return the state that was encoded; ValueError on another schema."""
    saved = decode_state(SCHEMA, data, _Saved)
    sizes = sizes_of(here.shape for here in saved.log.lineages.values())
    return MeasureState(
        **{name: getattr(saved.log, name) for name in Log.__struct_fields__},
        models=saved.models,
        contexts=contexts.ContextStore(saved.contexts),
        keys=keys.KeyStore.restored(saved.keys, sizes),
        counts=fates.Counts(saved.counts, saved.models.names),
        early=early.EarlyLabels(saved.early),
        pending=Pending.decode(saved.pending, open_file),
    )
