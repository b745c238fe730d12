"""Each final pane, decided on once: what arrived with it, its data, its drift, and the labels that it made mature."""

from __future__ import annotations

from stream.folds.decide.disparities import disparity_rows
from stream.folds.decide.drift import judge_pane
from stream.folds.decide.emit import Emit
from stream.folds.decide.estimate_incidents import judge_estimate
from stream.folds.decide.estimates import estimate_pane
from stream.folds.decide.finality import judged_from_ms, next_final, settled
from stream.folds.decide.gauges import OnTime, on_time
from stream.folds.decide.health import check_final
from stream.folds.decide.listening import forget_unnamed, listen_final
from stream.folds.decide.mature_panes import judge_mature_panes
from stream.folds.decide.merge import Merged, PaneGroup, merge
from stream.folds.decide.outliers import judge_outliers
from stream.folds.decide.panes import pane_rows
from stream.folds.decide.performance import add_arrived, performance_rows
from stream.folds.decide.specs import Specs
from stream.folds.decide.state import GroupId, LineageState
from stream.folds.decide.statistics import Final, statistics_rows
from stream.folds.decide.turn import Turn


def decide_final(known: Specs, partitions: int, emit: Emit) -> None:
    """Decide on all panes of all lineages that are final now; of a lineage that is over nothing need be judged later.

    Parameters
    ----------
    partitions
        How many ledger partitions must pass a pane before it is final.
    """
    for name, lineage in known.state.lineages.items():
        final = _finalised(known, lineage, partitions, emit)
        statistics = statistics_rows(final)
        emit.rows.extend(statistics)
        forget_unnamed(lineage, known.monitor(lineage.spec))
        judged = [pane for pane in final if _is_judged(pane.turn)]
        emit.rows.extend(listen_final(judged, statistics))
        if not known.is_current(name):
            lineage.panes, lineage.kept, lineage.unjudged, lineage.history = {}, [], [], {}


def _finalised(known: Specs, lineage: LineageState, partitions: int, emit: Emit) -> list[Final]:
    monitor, state = known.monitor(lineage.spec), known.state
    final: list[Final] = []
    while (pane_ms := next_final(lineage, monitor, partitions)) is not None:
        now_ms = pane_ms + monitor.pane_ms
        turn = Turn(lineage, state.loops[monitor.model], monitor, pane_ms, now_ms, state.cut, emit)
        final.append(Final(turn, _finalise(turn)))
    return final


def _finalise(turn: Turn) -> OnTime:
    """Settle one pane, and return what came in time for it."""
    merged = _arrived(turn)
    turn.emit.rows.extend(pane_rows(turn, merged))
    found = on_time(turn.monitor, turn.pane_ms, merged)
    if _is_judged(turn):
        check_final(turn, found)
        judge_pane(turn, merged, found)
        judge_outliers(turn, found)
    _show(turn, add_arrived(turn, merged))
    if (window := estimate_pane(turn, found)) is not None:
        judge_estimate(turn, window)
    judge_mature_panes(turn)
    return found


def _show(turn: Turn, touched: dict[int, list[GroupId]]) -> None:
    if turn.emit.shows:
        turn.emit.rows.extend(performance_rows(turn, touched))
        turn.emit.rows.extend(disparity_rows(turn, touched))


def _arrived(turn: Turn) -> dict[PaneGroup, Merged]:
    """Return the sums that arrive with a pane, late ones too; it is final from here on."""
    lineage = turn.lineage
    arrived = [*lineage.waiting.pop(turn.pane_ms, []), *lineage.late]
    lineage.late = []
    settled(lineage, turn.monitor, turn.pane_ms)
    return merge(arrived)


def _is_judged(turn: Turn) -> bool:
    return turn.pane_ms >= judged_from_ms(turn.lineage)
