"""Each prediction pane, judged once its labels are mature, and forgotten when none can come any more."""

from __future__ import annotations

from dataclasses import replace
from heapq import heappop

from stream.folds.decide.estimates import settle_pane
from stream.folds.decide.finality import judged_from_ms, labels_behind
from stream.folds.decide.health import check_mature
from stream.folds.decide.judge import judge_mature, judged_version
from stream.folds.decide.listening import listen_mature
from stream.folds.decide.loop import compare
from stream.folds.decide.lost import react
from stream.folds.decide.performance import came, forgotten_ms, label_age_ms
from stream.folds.decide.turn import Turn


def judge_mature_panes(turn: Turn) -> None:
    """Judge the panes whose labels are mature now that a pane is final, and forget those that are older still.

    Panes before the lineage's start hold a part of their rows only: they are shown, never judged, and so are panes
    that a person spoke of as mended.
    """
    lineage = turn.lineage
    oldest_ms = turn.pane_ms - label_age_ms(turn.monitor)
    while lineage.unjudged and lineage.unjudged[0] <= oldest_ms and not labels_behind(lineage):
        _judge_once(replace(turn, pane_ms=heappop(lineage.unjudged)))
    while lineage.kept and forgotten_ms(turn.monitor, lineage.kept[0]) < turn.now_ms:
        del lineage.panes[heappop(lineage.kept)]


def _judge_once(turn: Turn) -> None:
    pane = turn.lineage.panes.get(turn.pane_ms)
    if pane is None or pane.judged:
        return
    pane.judged = True
    if turn.pane_ms >= judged_from_ms(turn.lineage):
        _judge(turn)


def _judge(turn: Turn) -> None:
    pane, rows = turn.lineage.panes[turn.pane_ms], turn.emit.rows
    check_mature(turn, *came(pane))
    verdicts = judge_mature(turn)
    rows.extend(verdicts)
    rows.extend(listen_mature(turn, pane))
    history = turn.lineage.history.get(judged_version(turn.loop), [])
    if history and history[-1].pane_ms == turn.pane_ms:
        settle_pane(turn, history[-1])
    react(turn, verdicts, history)
    compare(turn)
