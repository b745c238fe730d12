"""Performance of prediction panes: rows as labels arrive, and a verdict once, when the pane is mature."""

from __future__ import annotations

import math

from detectors.losses import MIN_LABELS
from detectors.performance import Estimate, Losses, TaskSums, Worse, pane_mean, task_sums, worse_than
from stream.folds.decide.emit import Emit
from stream.folds.decide.incidents import short_id
from stream.folds.decide.merge import Merged, add_pairs
from stream.folds.decide.state import GroupId, LineageState, Loop, MaturePane, PredictionPane, Sums, Version
from stream.folds.decide.words import day
from stream.folds.layout import LABELS, ROWS
from stream.folds.monitor import Monitor
from stream.folds.rows import PerformanceRow, VerdictRow

MIN_PANES = 7
"""A loss is judged over the newest mature panes: so many, or more until they hold MIN_LABELS effective labels."""

HISTORY = 60
"""Mature panes kept to learn how much the loss varies from pane to pane, and the longest window."""


def add_arrived(lineage: LineageState, merged: dict[tuple[int, GroupId], Merged]) -> dict[int, list[GroupId]]:
    """Add what arrived to its prediction panes; return which groups of which panes changed."""
    touched: dict[int, list[GroupId]] = {}
    for (pane_ms, group), sums in merged.items():
        pane = lineage.panes.setdefault(pane_ms, PredictionPane())
        before = pane.groups.get(group)
        pane.groups[group] = _fresh(sums) if before is None else _added(before, sums)
        touched.setdefault(pane_ms, []).append(group)
    return touched


def _fresh(sums: Merged) -> Sums:
    return Sums(int(sums.cells[ROWS]), int(sums.cells[LABELS]), sums.task_cells, sums.task_sums, sums.pairs)


def _added(before: Sums, sums: Merged) -> Sums:
    return Sums(
        before.rows + int(sums.cells[ROWS]),
        before.labels + int(sums.cells[LABELS]),
        before.task_cells + sums.task_cells,
        before.task_sums + sums.task_sums,
        add_pairs([before.pairs, sums.pairs]),
    )


def label_age_ms(monitor: Monitor) -> int:
    """Return the age at which a pane's labels are mature: 95 % were there in the reference, else the horizon."""
    reference = monitor.reference
    if reference is None or reference.label_age_p95_ms < 0:
        return monitor.horizon_ms
    return min(reference.label_age_p95_ms, monitor.horizon_ms)


def performance_rows(
    monitor: Monitor,
    loop: Loop,
    lineage: LineageState,
    touched: dict[int, list[GroupId]],
    arrival_ms: int,
    emit: Emit,
) -> list[PerformanceRow]:
    """Return all metrics of the groups whose labels changed, as known at this arrival."""
    rows: list[PerformanceRow] = []
    for pane_ms, groups in sorted(touched.items()):
        maturity = min(1.0, max(0.0, (arrival_ms - pane_ms) / max(label_age_ms(monitor), 1)))
        for group in sorted(groups):
            sums = lineage.panes[pane_ms].groups[group]
            if sums.labels and group[0]:
                rows += _metric_rows(monitor, loop, pane_ms, group, sums, arrival_ms, maturity, emit)
    return rows


def _metric_rows(
    monitor: Monitor,
    loop: Loop,
    pane_ms: int,
    group: GroupId,
    sums: Sums,
    arrival_ms: int,
    maturity: float,
    emit: Emit,
) -> list[PerformanceRow]:
    task = task_sums(monitor.task)
    found = task.metrics(sums.task_cells, sums.task_sums)
    limit = tolerated(monitor, loop.versions.get(group[0]), task)
    return [
        _metric_row(monitor, pane_ms, group, sums, arrival_ms, maturity, name, found[name], limit, emit)
        for name in task.names
    ]


def _metric_row(
    monitor: Monitor,
    pane_ms: int,
    group: GroupId,
    sums: Sums,
    arrival_ms: int,
    maturity: float,
    metric: str,
    estimate: Estimate,
    limit: float,
    emit: Emit,
) -> PerformanceRow:
    return PerformanceRow(
        lineage=monitor.lineage,
        model=monitor.model,
        model_version=group[0],
        segment_key=group[1],
        segment_value=group[2],
        pane_ms=pane_ms,
        arrival_ms=arrival_ms,
        metric=metric,
        value=estimate.value,
        lo=estimate.lo,
        hi=estimate.hi,
        tolerated=limit if metric == monitor.metric else math.nan,
        rows=sums.rows,
        labels=sums.labels,
        maturity=maturity,
        is_mature=maturity >= 1.0,
        known_ms=emit.known_ms,
        position=emit.position,
    )


def judged_metric(monitor: Monitor, task: TaskSums) -> str:
    """Return the loss that is judged: the spec's metric if it is a mean loss, else the task's first."""
    return monitor.metric if monitor.metric in task.judged else task.judged[0]


def tolerated(monitor: Monitor, version: Version | None, task: TaskSums) -> float:
    """Return the loss that a version may reach: its validation's, two standard errors and the tolerance."""
    if version is None or version.loss_n == 0 or judged_metric(monitor, task) != monitor.metric:
        return math.nan
    return version.loss_mean + 2 * version.loss_sd / math.sqrt(version.loss_n) + monitor.tolerance


def judge_mature(
    lineage: LineageState, loop: Loop, monitor: Monitor, pane_ms: int, emit: Emit
) -> tuple[VerdictRow, Worse, Losses] | None:
    """Judge the champion's loss over the last mature panes; None if no champion served this pane."""
    pane, version = lineage.panes[pane_ms], loop.versions.get(loop.champion)
    sums = None if version is None else pane.groups.get((loop.champion, "", ""))
    if version is None or sums is None:
        return None
    task = task_sums(monitor.task)
    metric = judged_metric(monitor, task)
    losses = task.losses(sums.task_cells, sums.task_sums, metric)
    if losses.n <= 0:
        return None
    history = lineage.history.setdefault(version.version, [])
    variance = losses.sd**2 * max(losses.n - 1, 0)
    history.append(MaturePane(pane_ms, losses.n, losses.mean * losses.n, variance + losses.n * losses.mean**2))
    del history[:-HISTORY]
    loop.judged_labels += int(losses.n)
    window, effect = _window(history)
    recent = _losses(window)
    worse = _worse(version, len(history), recent, monitor.tolerance, effect)
    return _verdict(monitor, metric, pane_ms, len(window), recent, worse, effect, emit), worse, recent


def _window(history: list[MaturePane]) -> tuple[list[MaturePane], float]:
    """Return the newest panes that hold MIN_LABELS effective labels, or all there are, and their design effect.

    Where losses vary much from pane to pane, few panes prove nothing: then more of them are judged together.
    """
    for panes in range(MIN_PANES, len(history)):
        effect = _design_effect(history[:-panes], history[-panes:])
        if sum(p.labels for p in history[-panes:]) / effect >= MIN_LABELS:
            return history[-panes:], effect
    return history[:], _design_effect(history)


def _losses(panes: list[MaturePane]) -> Losses:
    n = sum(p.labels for p in panes)
    mean = sum(p.total for p in panes) / n
    variance = max(0.0, sum(p.squares for p in panes) - n * mean * mean) / max(n - 1, 1)
    return Losses(n, mean, math.sqrt(variance))


def _worse(version: Version, panes: int, recent: Losses, tolerance: float, effect: float) -> Worse:
    """Test the window against the validation; how much losses vary between panes comes from the version's own panes."""
    if panes < MIN_PANES or version.loss_n == 0:
        return Worse(0.0, -math.inf, math.nan)
    reference_se = version.loss_sd / math.sqrt(version.loss_n) * math.sqrt(effect)
    return worse_than(recent, version.loss_mean, reference_se, tolerance, effect)


def _design_effect(*parts: list[MaturePane]) -> float:
    """Return how much more losses vary between panes than rows would.

    Each part about its own mean, so that a change between the parts does not hide itself.
    """
    effects = [(len(part), _pane_effect(part)) for part in parts if len(part) >= MIN_PANES]
    return sum(n * effect for n, effect in effects) / sum(n for n, _ in effects) if effects else 1.0


def _pane_effect(panes: list[MaturePane]) -> float:
    return pane_mean([p.labels for p in panes], [p.total for p in panes], [p.squares for p in panes]).design_effect


def _verdict(
    monitor: Monitor,
    metric: str,
    pane_ms: int,
    panes: int,
    recent: Losses,
    worse: Worse,
    effect: float,
    emit: Emit,
) -> VerdictRow:
    enough = math.isfinite(worse.lo)
    status = ("drift" if worse.is_worse else "stable") if enough else "insufficient"
    return VerdictRow(
        id=f"vd-{short_id(monitor.lineage, pane_ms, 'performance')}",
        lineage=monitor.lineage,
        monitor=monitor.name,
        model=monitor.model,
        pane_ms=pane_ms,
        pane_s=panes * monitor.pane_ms // 1000,
        target=metric,
        kind="performance",
        status=status,
        statistic=worse.statistic,
        threshold=3.09,
        p=0.5 * math.erfc(worse.statistic / math.sqrt(2)) if enough else 1.0,
        n=int(recent.n),
        effect=recent.mean,
        effect_name=metric,
        floor=worse.limit,
        lo=worse.lo if enough else math.nan,
        hi=math.nan,
        reason=_reason(
            f"{metric.replace('_', ' ')} over {panes} panes to {day(pane_ms, monitor.pane_ms)}",
            panes,
            recent,
            worse,
            effect,
        ),
        known_ms=emit.known_ms,
        position=emit.position,
    )


def _reason(what: str, panes: int, recent: Losses, worse: Worse, effect: float) -> str:
    if panes < MIN_PANES:
        return f"{what}: {recent.mean:.4f}; {panes} mature panes, {MIN_PANES} needed"
    if not math.isfinite(worse.lo):
        return f"{what}: {recent.mean:.4f}; n_eff {recent.n / effect:.0f} < {MIN_LABELS}"
    than = "above" if worse.is_worse else "not proven above"
    return f"{what}: {recent.mean:.4f}, at least {worse.lo:.4f}; {than} {worse.limit:.4f}"
