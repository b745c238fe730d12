"""Verdicts on performance as rows."""

from __future__ import annotations

import math
from typing import NamedTuple

from msgspec.structs import replace

from detectors.evidence.budget import evidence_days
from detectors.performance import Losses
from detectors.promise import ALL, Group
from stream.folds.decide.expectation import Expectation
from stream.folds.decide.headings import of_verdict
from stream.folds.decide.judge_words import cut_in_words, reason
from stream.folds.decide.judged import shown
from stream.folds.decide.turn import Turn
from stream.folds.decide.words import day
from stream.folds.rows import VerdictRow

Z95 = 1.959963984540054


class Judged(NamedTuple):
    """What was found of one group: its place in the expectation, its losses in the pane, since when, and how sure."""

    place: int
    losses: Losses
    since_ms: int
    log_evidence: float
    log_alarm: float
    alarms: bool


def judged_row(turn: Turn, metric: str, expected: Expectation, found: Judged) -> VerdictRow:
    """Return the verdict on a group: the pane's loss and its 95 % interval beside the limit, and how sure."""
    monitor, group, losses = turn.monitor, expected.groups[found.place], found.losses
    days = evidence_days(found.log_evidence, monitor.budget.shared_over(expected.watched), monitor.pane_ms)
    value, limit = shown(metric, losses.mean), shown(metric, expected.limits[found.place])
    n_eff = losses.n / expected.design_effects[found.place]
    half = Z95 * losses.sd / math.sqrt(max(n_eff, 1.0))
    low, high = sorted(shown(metric, losses.mean + sign * half) for sign in (-1, 1))
    why = reason(cut_in_words(monitor, metric), day(turn.pane_ms, monitor.pane_ms), group, value, limit, days)
    row = plain_row(turn, group, "drift" if found.alarms else "stable", int(losses.n), why)
    return replace(
        row,
        pane_s=(turn.end_ms - found.since_ms) // 1000,
        statistic=found.log_evidence,
        threshold=found.log_alarm,
        n_eff=n_eff,
        evidence_days=days,
        effect=value,
        floor=limit,
        lo=low,
        hi=high,
    )


def plain_row(turn: Turn, group: Group, status: str, n: int, why: str) -> VerdictRow:
    """Return a verdict without figures."""
    monitor = turn.monitor
    target = "performance" if group == ALL else f"performance/{group[0]}/{group[1]}"
    return VerdictRow(
        **of_verdict(turn, target),
        pane_s=monitor.pane_ms // 1000,
        segment_key=group[0],
        segment_value=group[1],
        target=monitor.metric,
        kind="performance",
        status=status,
        n=n,
        budget_days=monitor.budget.mark_days,
        effect_name=monitor.metric,
        reason=why,
    )
