"""How far event time has come: what may still be unread of each source holds the watermark back (rule 5).

A source's unread rows lie at most the lateness before the newest row that was read of it. And if it is *complete* as of
a tick, they were appended after all that was folded before that tick, so they lie at most the lateness before the
newest of that. The watermark goes as far as this holds for every source.
"""

from __future__ import annotations

import numpy as np

from stream.folds.blocks import Covered
from stream.folds.measure.catalog import Ints
from stream.folds.measure.key_kernels import NEVER
from stream.folds.measure.state import NONE, MeasureState, Newest, SourceId, SourceState

# A source that names no position for so many ticks (log clock) counts as behind: its worker is gone. Fewer would take
# one that is late with a tick for gone; more would let others overtake the rows that it leaves unread.
SILENT_TICKS = 3


def cover(state: MeasureState, source: SourceState, covered: Covered, worker: str, tick_ms: int) -> None:
    """Note how far a source is read; it is behind while that is less than where its log ended at its last tick.

    After a silence, or by another reader, that end is too old to tell: what came meanwhile may all be unread.
    """
    reader = (worker, covered.start)
    goes_on = source.reader == reader
    source.high = max(source.high, covered.to)
    is_told = goes_on and not is_silent(source, state.clock_ms, tick_ms)
    source.behind = source.high < (source.end if is_told else covered.end)
    _complete(source, covered.end, goes_on=goes_on)
    source.siblings = max(source.siblings, covered.partitions)
    source.end, source.ticked_ms, source.tick, source.reader = covered.end, state.clock_ms, state.ticks, reader


def _complete(source: SourceState, end: int, *, goes_on: bool) -> None:
    """Note as of which tick nothing is unread of a source.

    A worker asks where a log ends after its tick before is acknowledged. So what lies beyond that end was appended
    after all that was folded before that tick: no clocks are compared, and another reader's tick proves nothing.
    """
    if source.high >= source.wanted:
        source.complete, source.wanted_tick = max(source.complete, source.wanted_tick), NONE
    if goes_on and source.wanted_tick == NONE:
        source.wanted, source.wanted_tick = end, source.tick
    if goes_on and source.high >= end:
        source.complete, source.wanted_tick = source.tick, NONE


def newest(state: MeasureState, tick_ms: int) -> Ints:
    """Return by model the event time before which, less the lateness, no unread row lies; NEVER if nobody can tell."""
    found: Ints = np.minimum(state.models.newest_ms, state.clock_ms)
    _remember(state, found)
    if is_unnamed(state, "predictions"):
        return np.full(len(found), NEVER)
    for source, here in _predictions(state).items():
        np.minimum(found, _newest_of(state, source, here, tick_ms), out=found)
    return found


def _newest_of(state: MeasureState, source: SourceId, here: SourceState, tick_ms: int) -> Ints:
    """Return by model the newest that a source's unread rows may be compared with."""
    found = np.full(len(state.models.names), NEVER)
    _raise(found, state.newest.get(source))
    then = state.newest_at.get(here.complete)
    if then is not None:
        # Event time goes on with the clock: without this, every pane would come some ticks later.
        is_live = not here.behind and not is_silent(here, state.clock_ms, tick_ms)
        ahead_ms = min(state.clock_ms - then.clock_ms, SILENT_TICKS * tick_ms) if is_live else 0
        _raise(found, np.where(then.by_model_ms == NEVER, NEVER, then.by_model_ms + ahead_ms))
    return found


def complete_tick(state: MeasureState) -> int:
    """Return the last tick as of which no prediction is unread; that of now if nobody reads any, NONE for no tick."""
    if is_unnamed(state, "predictions"):
        return NONE
    return min((here.complete for here in _predictions(state).values()), default=state.ticks)


def _raise(found: Ints, more: Ints | None) -> None:
    if more is not None:
        np.maximum(found[: len(more)], more, out=found[: len(more)])


def _remember(state: MeasureState, newest_ms: Ints) -> None:
    """Keep the newest event times of this tick, and of those that sources may come to be complete as of."""
    state.newest_at[state.ticks] = Newest(state.clock_ms, newest_ms.copy())
    wanted = {tick for here in _predictions(state).values() for tick in (here.complete, here.wanted_tick, here.tick)}
    wanted.add(state.ticks)
    state.newest_at = {tick: kept for tick, kept in state.newest_at.items() if tick in wanted}


def _predictions(state: MeasureState) -> dict[SourceId, SourceState]:
    return {source: s for source, s in state.sources.items() if source[0] == "predictions" and not s.gone}


def unnamed(state: MeasureState, topic: str) -> int:
    """Return how many of a topic's partitions nobody has named yet: they may hold any rows."""
    known = [here for (name, _, _), here in state.sources.items() if name == topic and not here.gone]
    return max(max((here.siblings for here in known), default=0) - len(known), 0)


def is_unnamed(state: MeasureState, topic: str) -> bool:
    """Say whether nobody has named all of a topic's partitions yet."""
    return unnamed(state, topic) > 0


def behind(state: MeasureState, topic: str, tick_ms: int) -> list[SourceId]:
    """Return the partitions of a topic that intake is known to be behind in, or that nobody reads."""
    sources = ((source, s) for source, s in state.sources.items() if source[0] == topic and not s.gone)
    return [source for source, s in sources if s.behind or is_silent(s, state.clock_ms, tick_ms)]


def is_silent(source: SourceState, clock_ms: int, tick_ms: int) -> bool:
    """Say whether a source has named no position for SILENT_TICKS."""
    return source.ticked_ms > 0 and clock_ms - source.ticked_ms > SILENT_TICKS * tick_ms
