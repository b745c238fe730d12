"""Whether more rows than usual are unlike all of the reference's: the verdict of each full window, and its incident."""

from __future__ import annotations

import math

from detectors.estimates import share as share_of
from detectors.evidence.budget import WARN, evidence_days
from detectors.outliers.profile import OutlierProfile
from detectors.outliers.watch import Found, Thresholds, watched
from detectors.panel.status import LEARNING, too_few_panes
from detectors.quality.fault import SHARE_FLOOR
from stream.folds.decide.drift_rows import status_of
from stream.folds.decide.drift_words import OUTLIERS, outliers_reason
from stream.folds.decide.gauges import OnTime, plan_of
from stream.folds.decide.headings import of_verdict
from stream.folds.decide.outlier_incidents import follow_outliers
from stream.folds.decide.turn import Turn
from stream.folds.monitor import Monitor
from stream.folds.rows import VerdictRow


def judge_outliers(turn: Turn, found: OnTime) -> None:
    """Count a final pane's outliers; where a window is full, tell a verdict, and follow the incident."""
    monitor, lineage = turn.monitor, turn.lineage
    outliers = None if monitor.reference is None else monitor.reference.outliers
    if outliers is None:
        return
    number, count = turn.pane_ms // monitor.pane_ms, int(found.products[-1])
    thresholds = _thresholds(monitor, outliers.profile)
    lineage.outliers, said = watched(outliers.profile, lineage.outliers, number, count, found.rows, thresholds)
    if said is None:
        return
    row = _verdict(turn, outliers.profile, said, thresholds)
    if outliers.profile.can_alarm:
        follow_outliers(turn, row, said.rows.first * monitor.pane_ms, said.is_proven)
    turn.emit.rows.append(row)


def _tests(monitor: Monitor) -> int:
    """Return over how many tests the level of warnings is shared: outliers count as one feature more."""
    return len(plan_of(monitor).shares) + 1


def _thresholds(monitor: Monitor, profile: OutlierProfile) -> Thresholds:
    tests = _tests(monitor)
    return Thresholds(WARN.log_alarm(1 / tests), WARN.q_at(profile.window, 1) / tests)


def _days(monitor: Monitor, profile: OutlierProfile, found: Found) -> float:
    """Return how sure, by the evidence over time or by the window alone, whichever is more."""
    tests, budget = _tests(monitor), monitor.budget
    over_time = evidence_days(found.log_evidence, budget.shared_over(tests), monitor.pane_ms)
    return max(over_time, budget.window_days(min(1.0, found.p * tests), profile.window, 1, monitor.pane_ms))


def _verdict(turn: Turn, profile: OutlierProfile, found: Found, thresholds: Thresholds) -> VerdictRow:
    monitor, is_judged, rows = turn.monitor, profile.can_alarm, found.rows
    days = _days(monitor, profile, found) if is_judged else math.nan
    share = share_of(rows.outliers, rows.rows)
    return VerdictRow(
        **of_verdict(turn, OUTLIERS),
        pane_s=profile.window * monitor.pane_ms // 1000,
        target=OUTLIERS,
        kind="drift",
        status=status_of(monitor, found.alarms, days) if is_judged else LEARNING,
        statistic=found.log_evidence,
        threshold=thresholds.log_evidence,
        p=found.p,
        n=rows.rows,
        n_eff=profile.effective_rows(rows.rows),
        evidence_days=days,
        budget_days=monitor.budget.mark_days,
        effect=share.value,
        effect_name="outliers",
        floor=rows.expected_share + SHARE_FLOOR,
        lo=share.lo,
        hi=share.hi,
        reason=outliers_reason(share.value, rows.expected_share, days) if is_judged else too_few_panes(profile.panes),
    )
